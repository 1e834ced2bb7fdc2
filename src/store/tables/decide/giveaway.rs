//! Claims of whatever an activity gives from a pool.

use super::{Context, Outcome, asker, record_refusal, refused};
use crate::rules::{Activity, ActivityId, KindPlan, NotDoneCode, Refusal, RefusalCode, UserId};
use crate::store::Event;
use crate::store::tables::{Decision, Tables};

impl Tables {
    pub(super) fn claim(&self, context: &Context<'_>, id: ActivityId, token: u64, opening: u32) -> Outcome {
        let activity = self.activity_in(context, id)?;
        let Some(per_user) = activity.grants_per_user() else {
            return Err(NotDoneCode::WrongKind.because("a sale takes orders, not claims"));
        };
        let kind = activity.kind.as_ref().filter(|_| token == activity.token);
        let Some(giveaway) = kind.and_then(|kind| kind.giveaway()) else {
            return Ok(refused(RefusalCode::NotOpen));
        };
        if opening == 0 || opening > giveaway.pool.opening {
            return Err(NotDoneCode::Invalid.because("no such opening was announced"));
        }
        let (user, request, fingerprint) = asker(context)?;
        if let Err(refusal) = self.eligible(context, activity, &user) {
            return record_refusal(context, id, refusal);
        }
        let unit = match giveaway.claim(per_user, &user, opening, activity.ended) {
            Ok(unit) => unit,
            Err(refusal) => return self.refuse_for_ever(context, activity, refusal),
        };
        if let Err(refusal) = self.within_limits(context, activity, &user) {
            return record_refusal(context, id, refusal);
        }
        if let Err(refusal) = self.of_use(context, activity, &user) {
            return record_refusal(context, id, refusal);
        }
        let Some(prize) = activity.prize(unit) else {
            return Err(NotDoneCode::Invalid.because("the pool has no such unit"));
        };
        let held_until = self.held_until(context.room, &user, prize.cash(), context.now);
        Ok(Decision::Event(Event::Granted {
            room: context.room_id,
            activity: id,
            user,
            request,
            fingerprint,
            unit,
            prize,
            held_until,
        }))
    }

    /// Whether a coupon of a drop would be of any use to a user: better none than one that is worth nothing.
    fn of_use(&self, context: &Context<'_>, activity: &Activity, user: &UserId) -> Result<(), Refusal> {
        let KindPlan::Drop(plan) = &activity.plan.kind else { return Ok(()) };
        match self.series_in(&context.room_id, plan.template) {
            Some(series) if series.template.valid_until > context.now => {
                let room = (context.room_id, context.room);
                self.belongs(room, user, &series.template.audience, context.now)
            }
            _ => Err(Refusal::plain(RefusalCode::Closed)),
        }
    }
}
