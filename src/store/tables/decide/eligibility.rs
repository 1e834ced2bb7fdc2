//! Whether a user may take part in an activity.
//!
//! The order of checks puts eligibility before limits and stock, and eligibility may come and go. So while an activity with
//! conditions is open, every refusal from there on is recorded: derived again later it could read otherwise. Once the
//! activity has ended, what it says is derived without looking at conditions, since nobody is given anything any more.

use super::{Context, record_refusal};
use crate::rules::{Activity, Kind, Known, Refusal, Time, UserId};
use crate::store::Answer;
use crate::store::tables::{Decision, Tables};

impl Tables {
    /// Whether `user` meets the conditions of an activity, as long as it has not ended.
    pub(super) fn eligible(&self, context: &Context<'_>, activity: &Activity, user: &UserId) -> Result<(), Refusal> {
        let conditions = &activity.plan.conditions;
        if conditions.is_none() || activity.ended.is_some() {
            return Ok(());
        }
        let known = Known {
            facts: context.room.audience.get(user),
            activity: activity.id,
            broadcast: context.room.broadcast_no(),
            is_fan: context.room.fan_club.fan(user).is_some(),
            now: context.now,
            utc_offset_min: context.room.utc_offset_min,
        };
        conditions.allow(&known, || self.wins_of(context, *user))
    }

    /// A refusal that follows from facts that last for ever, as long as nothing that may pass is looked at before them.
    pub(super) fn refuse_for_ever(&self, context: &Context<'_>, activity: &Activity, refusal: Refusal) -> Decision {
        if activity.plan.conditions.is_none() || activity.ended.is_some() {
            Decision::Answer(Answer::Refused(refusal))
        } else {
            record_refusal(context, activity.id, refusal)
        }
    }

    /// When a user has won in a room, in no order.
    pub(super) fn wins_of<'a>(&'a self, context: &Context<'a>, user: UserId) -> impl Iterator<Item = Time> + use<'a> {
        let kinds = context.room.activities.iter().filter_map(|id| self.activities.get(id)?.kind.as_ref());
        kinds.flat_map(move |kind| match kind {
            Kind::Rain(rain) => rain.grants_of(&user).filter_map(|share| rain.given_at(share)).collect::<Vec<_>>(),
            Kind::Draw(draw) => draw.won_at(&user).into_iter().collect(),
            Kind::Sale(_) | Kind::WatchTask(_) | Kind::CheckIn(_) | Kind::Poll(_) | Kind::Enrolment(_) => Vec::new(),
        })
    }
}
