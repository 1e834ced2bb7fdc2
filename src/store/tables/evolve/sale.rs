//! Orders that hold stock, and their ends.

use super::Fits;
use crate::rules::{
    Account, CouponBook, Currency, Fen, Kind, Order, OrderId, OrderPhase, PaymentOutcome, Posting, Price, RoomId, Sale,
    Time,
};
use crate::store::tables::coupons::Book;
use crate::store::tables::{Due, Tables};
use crate::store::{Recorded, Reservation};

impl Tables {
    pub(super) fn hold(&mut self, recorded: &Recorded) -> Fits {
        let Some(Reservation { room, activity, order: id, user, lines, total, price, hold_until }) =
            recorded.event.reservation()
        else {
            return Err("not a reservation");
        };
        let held = self.activities.get_mut(&activity).ok_or("no such activity")?;
        let Some(Kind::Sale(sale)) = &mut held.kind else { return Err("only an open sale takes orders") };
        if lines.iter().any(|line| sale.sku(line.sku).is_none_or(|sku| sku.pool.free < line.quantity)) {
            return Err("more than there is");
        }
        let order = Order {
            id,
            activity,
            user,
            lines: lines.into(),
            total,
            phase: OrderPhase::Reserved,
            at: recorded.at,
            hold_until,
            previous: sale.latest_order(&user),
            price: price.map(|price| Box::new(price.clone())),
            refund_due: Fen::ZERO,
        };
        sale.hold(user, id, lines, recorded.no);
        self.latest_order = id.0;
        self.due.insert((hold_until, Due::Order(id)));
        self.orders.insert(id, order);
        self.with_coupons_of(room, id, |book, price| book.reserve(price, id))
    }

    /// A reserved order ends, once.
    pub(super) fn end_order(&mut self, id: OrderId, phase: OrderPhase, end: impl Fn(&mut Sale, &Order)) -> Fits {
        let order = self.orders.get_mut(&id).ok_or("no such order")?;
        if order.phase != OrderPhase::Reserved {
            return Err("the order has ended before");
        }
        order.phase = phase;
        self.due.remove(&(order.hold_until, Due::Order(id)));
        let activity = self.activities.get_mut(&order.activity).ok_or("no such activity")?;
        let Some(Kind::Sale(sale)) = &mut activity.kind else { return Err("only a sale has orders") };
        end(sale, order);
        Ok(())
    }

    pub(super) fn pay_order(
        &mut self, no: u64, room: &RoomId, id: OrderId, amount: Fen, outcome: PaymentOutcome,
    ) -> Fits {
        match outcome {
            PaymentOutcome::Sold => self.end_order(id, OrderPhase::Paid, Sale::sell)?,
            PaymentOutcome::SoldLate => {
                let order = self.orders.get_mut(&id).ok_or("no such order")?;
                if order.phase != OrderPhase::Released {
                    return Err("only a released order is paid late");
                }
                let activity = self.activities.get_mut(&order.activity).ok_or("no such activity")?;
                let Some(Kind::Sale(sale)) = &mut activity.kind else { return Err("only a sale has orders") };
                if !sale.can_sell_late(order) {
                    return Err("more than there is");
                }
                order.phase = OrderPhase::Paid;
                sale.sell_late(order, no);
            }
            PaymentOutcome::RefundDue => {
                let order = self.orders.get_mut(&id).ok_or("no such order")?;
                order.refund_due = order.refund_due.plus(amount).map_err(|_| "more goes back than can be counted")?;
            }
        }
        if outcome != PaymentOutcome::RefundDue {
            self.with_coupons_of(room, id, |book, price| book.use_up(price, id))?;
        }
        let to = match outcome {
            PaymentOutcome::Sold | PaymentOutcome::SoldLate => Account::Proceeds(*room),
            PaymentOutcome::RefundDue => Account::RefundsDue(*room),
        };
        self.post(Posting { from: Account::Outside, to, currency: Currency::Fen, amount: amount.get() })
    }

    /// An order was released: its coupons go back to their holder, or have expired meanwhile.
    pub(super) fn give_coupons_back(&mut self, room: &RoomId, id: OrderId, now: Time) -> Fits {
        self.with_coupons_of(room, id, |book, price| book.give_back(price, id, now))
    }

    /// Changes the coupons that count in an order, if any do.
    fn with_coupons_of(
        &mut self, room: &RoomId, order: OrderId, change: impl Fn(&mut CouponBook, &Price) -> Fits,
    ) -> Fits {
        let price = self.orders.get(&order).and_then(|order| order.price.as_deref());
        let Some(price) = price.filter(|price| price.coupons().next().is_some()).cloned() else { return Ok(()) };
        let mut missing = price.coupons().count();
        for book in [Book::Rooms, Book::Platforms] {
            let own = self.book(book, room)?.own(&price);
            if own.is_empty() {
                continue;
            }
            missing -= own.len();
            let templates: Vec<_> = own.into_iter().map(|(template, _)| template).collect();
            self.in_book(book, room, &templates, |book| change(book, &price))?;
        }
        if missing == 0 { Ok(()) } else { Err("no such coupon") }
    }
}
