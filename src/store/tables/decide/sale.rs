//! Orders: reserved, released, paid.

use super::coupon::Unpriced;
use super::{Context, Outcome, asker, record_refusal, refused};
use crate::rules::{
    Account, ActivityId, CartLine, CouponChoice, Currency, Declined, Fen, Kind, KindPlan, NotDoneCode, OrderId,
    OrderPhase, PaymentOutcome, Phase, Posting, Price, Refusal, RefusalCode,
};
use crate::store::tables::{Decision, Tables};
use crate::store::{Answer, CouponEvent, Event};

impl Tables {
    pub(super) fn reserve(
        &self, context: &Context<'_>, id: ActivityId, token: u64, cart: &[CartLine], coupons: &CouponChoice,
    ) -> Outcome {
        let activity = self.activity_in(context, id)?;
        let KindPlan::Sale(plan) = &activity.plan.kind else {
            return Err(NotDoneCode::WrongKind.because("only a sale takes orders"));
        };
        let Some(Kind::Sale(sale)) = activity.kind.as_ref().filter(|_| token == activity.token) else {
            return Ok(refused(RefusalCode::NotOpen));
        };
        let (user, request, fingerprint) = asker(context)?;
        if let Err(refusal) = self.eligible(context, activity, &user) {
            return record_refusal(context, id, refusal);
        }
        let (lines, total) = match sale.reserve(&user, cart, activity.ended) {
            Ok(priced) => priced,
            Err(Declined::ForEver(refusal)) => return self.refuse_for_ever(context, activity, refusal),
            Err(Declined::Today(refusal)) => return record_refusal(context, id, refusal),
            Err(Declined::NotDone(reason)) => return Err(reason),
        };
        let (room, order) = (context.room_id, OrderId(self.latest_order + 1));
        let hold_until = context.now.after_ms(plan.hold_ms);
        let priced: Vec<_> = lines.iter().filter_map(|line| plan.price_line(line.sku, line.quantity)).collect();
        match self.price((context.room_id, context.room), &user, &priced, coupons, context.now) {
            Ok(None) => Ok(Decision::Event(Event::Reserved {
                room,
                activity: id,
                order,
                user,
                lines,
                total,
                hold_until,
                request,
                fingerprint,
            })),
            Ok(Some(price)) => {
                let (price, cause) = (Box::new(price), context.cause);
                let what = CouponEvent::Ordered { activity: id, order, user, lines, price, hold_until, cause };
                Ok(Decision::Event(Event::Coupon { room, what }))
            }
            Err(Unpriced::Refused(refusal)) => record_refusal(context, id, refusal),
            Err(Unpriced::NotDone(reason)) => Err(reason),
        }
    }

    pub(super) fn release(&self, context: &Context<'_>, id: OrderId) -> Outcome {
        let unknown = || NotDoneCode::UnknownOrder.because("no such order of this user");
        let order = self.orders.get(&id).ok_or_else(unknown)?;
        // Another user's order and another room's are as unknown as one that never was.
        if Some(order.user) != context.by || self.activity_in(context, order.activity).is_err() {
            return Err(unknown());
        }
        match order.phase {
            // Both last for ever, so neither needs a record; a repeat of the release itself was found above.
            OrderPhase::Paid => Ok(refused(RefusalCode::OrderPaid)),
            // A late payment may still turn a released order into a paid one: this answer must be kept.
            OrderPhase::Released => record_refusal(context, order.activity, Refusal::plain(RefusalCode::OrderReleased)),
            OrderPhase::Reserved => Ok(Decision::Event(Event::Released {
                room: context.room_id,
                activity: order.activity,
                order: id,
                user: order.user,
                cause: context.cause,
            })),
        }
    }

    pub(super) fn pay(&self, context: &Context<'_>, id: OrderId, payment: &str, amount: Fen) -> Outcome {
        let unknown = || NotDoneCode::UnknownOrder.because("no such order in this room");
        if payment.is_empty() || payment.len() > 128 {
            return Err(NotDoneCode::Invalid.because("a payment is named in 1 to 128 bytes"));
        }
        let order = self.orders.get(&id).ok_or_else(unknown)?;
        let activity = self.activity_in(context, order.activity).map_err(|_| unknown())?;
        if amount != order.total {
            return Err(NotDoneCode::Invalid.because(format!("the order costs {} fen", order.total)));
        }
        let Some(Kind::Sale(sale)) = &activity.kind else { return Err(unknown()) };
        // As with the stock: what went back with the order may be elsewhere by now, and is never used twice.
        let books = [&context.room.coupons, &self.platform_coupons.book];
        let is_free = |(template, id)| books.iter().any(|book| book.is_free(template, id, context.now));
        let free = |price: &Price| price.coupons().all(is_free);
        let late =
            activity.phase == Phase::Open && sale.can_sell_late(order) && order.price.as_deref().is_none_or(free);
        let outcome = match order.phase {
            OrderPhase::Reserved => PaymentOutcome::Sold,
            OrderPhase::Released if late => PaymentOutcome::SoldLate,
            OrderPhase::Released | OrderPhase::Paid => PaymentOutcome::RefundDue,
        };
        if outcome == PaymentOutcome::RefundDue {
            let full = |_| NotDoneCode::TooMany.because("more would go back for the order than can be counted");
            order.refund_due.plus(amount).map_err(full)?;
        }
        let from_outside = Posting {
            from: Account::Outside,
            to: Account::Proceeds(context.room_id),
            currency: Currency::Fen,
            amount: amount.get(),
        };
        let full = |_| NotDoneCode::TooMany.because("the books can't hold more");
        self.ledger.may_post(&from_outside).map_err(full)?;
        Ok(Decision::Event(Event::Paid {
            room: context.room_id,
            activity: activity.id,
            order: id,
            user: order.user,
            payment: payment.to_owned(),
            amount,
            outcome,
            cause: context.cause,
        }))
    }

    pub(super) fn expire(&self, context: &Context<'_>, id: OrderId) -> Decision {
        match self.orders.get(&id) {
            Some(order) if order.phase == OrderPhase::Reserved && order.hold_until <= context.now => {
                Decision::Event(Event::Released {
                    room: context.room_id,
                    activity: order.activity,
                    order: id,
                    user: order.user,
                    cause: context.cause,
                })
            }
            _ => Decision::Answer(Answer::Idle),
        }
    }
}
