//! Orders that hold stock, and their ends.

use super::Fits;
use crate::rules::{Account, Currency, Fen, Kind, Order, OrderId, OrderPhase, PaymentOutcome, Posting, RoomId, Sale};
use crate::store::tables::{Due, Tables};
use crate::store::{Event, Recorded};

impl Tables {
    pub(super) fn hold(&mut self, recorded: &Recorded) -> Fits {
        let Event::Reserved { activity, order: id, user, lines, total, hold_until, .. } = &recorded.event else {
            return Err("not a reservation");
        };
        let held = self.activities.get_mut(activity).ok_or("no such activity")?;
        let Some(Kind::Sale(sale)) = &mut held.kind else { return Err("only an open sale takes orders") };
        if lines.iter().any(|line| sale.sku(line.sku).is_none_or(|sku| sku.pool.free < line.quantity)) {
            return Err("more than there is");
        }
        let order = Order {
            id: *id,
            activity: *activity,
            user: *user,
            lines: lines.clone(),
            total: *total,
            phase: OrderPhase::Reserved,
            at: recorded.at,
            hold_until: *hold_until,
            previous: sale.latest_order(user),
        };
        sale.hold(*user, *id, lines, recorded.no);
        self.latest_order = id.0;
        self.due.insert((*hold_until, Due::Order(*id)));
        self.orders.insert(*id, order);
        Ok(())
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
            PaymentOutcome::RefundDue => {}
        }
        let to = match outcome {
            PaymentOutcome::Sold | PaymentOutcome::SoldLate => Account::Proceeds(*room),
            PaymentOutcome::RefundDue => Account::RefundsDue(*room),
        };
        self.post(Posting { from: Account::Outside, to, currency: Currency::Fen, amount: amount.get() })
    }
}
