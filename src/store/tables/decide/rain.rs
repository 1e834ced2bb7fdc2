//! Claims of shares.

use super::{Context, Outcome, asker, record_refusal, refused};
use crate::rules::{ActivityId, Kind, KindPlan, NotDoneCode, RefusalCode};
use crate::store::Event;
use crate::store::tables::{Decision, Tables};

impl Tables {
    pub(super) fn claim(&self, context: &Context<'_>, id: ActivityId, token: u64, opening: u32) -> Outcome {
        let activity = self.activity_in(context, id)?;
        let KindPlan::Rain(plan) = &activity.plan.kind else {
            return Err(NotDoneCode::WrongKind.because("only a rain gives shares"));
        };
        let Some(Kind::Rain(rain)) = activity.kind.as_ref().filter(|_| token == activity.token) else {
            return Ok(refused(RefusalCode::NotOpen));
        };
        if opening == 0 || opening > rain.pool.opening {
            return Err(NotDoneCode::Invalid.because("no such opening was announced"));
        }
        let (user, request, fingerprint) = asker(context)?;
        if let Err(refusal) = self.eligible(context, activity, &user) {
            return Ok(record_refusal(context, id, refusal));
        }
        let share = match rain.claim(plan, &user, opening, activity.ended) {
            Ok(share) => share,
            Err(refusal) => return Ok(self.refuse_for_ever(context, activity, refusal)),
        };
        if let Err(refusal) = self.within_limits(context, activity, &user) {
            return Ok(record_refusal(context, id, refusal));
        }
        Ok(Decision::Event(Event::Granted {
            room: context.room_id,
            activity: id,
            user,
            request,
            fingerprint,
            share,
            prize: rain.prize(plan, share),
        }))
    }
}
