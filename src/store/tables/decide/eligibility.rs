//! Whether a user may take part in an activity.
//!
//! The order of checks puts eligibility before limits and stock, and eligibility may come and go. So while an activity with
//! conditions is open, every refusal from there on is recorded: derived again later it could read otherwise. It is so, too, as
//! long as only those may take part who enter early. Once the activity has ended, what it says is derived without looking at
//! conditions, since nobody is given anything any more.

use super::{Context, Outcome, record_refusal};
use crate::rules::{Activity, ActivityId, Audience, Kind, Known, Refusal, RoomId, Tier, Time, UserId};
use crate::store::Answer;
use crate::store::tables::{Decision, Room, Tables};

impl Tables {
    /// Whether `user` meets the conditions of an activity, as long as it has not ended.
    pub(super) fn eligible(&self, context: &Context<'_>, activity: &Activity, user: &UserId) -> Result<(), Refusal> {
        let conditions = &activity.plan.conditions;
        if !activity.asks_something() {
            return Ok(());
        }
        let tier = || context.room.audience.get(user).map_or(Tier::default(), |facts| facts.closeness.tier);
        activity.may_enter(tier, context.now)?;
        let known = self.known(context.room_id, context.room, user, activity.id, context.now);
        conditions.allow(&known, || self.wins_of(context, *user))
    }

    /// A refusal that follows from facts that last for ever, as long as nothing that may pass is looked at before them.
    pub(super) fn refuse_for_ever(&self, context: &Context<'_>, activity: &Activity, refusal: Refusal) -> Outcome {
        if activity.asks_something() {
            record_refusal(context, activity.id, refusal)
        } else {
            Ok(Decision::Answer(Answer::Refused(refusal)))
        }
    }

    /// When a user has won in a room, in no order.
    pub(super) fn wins_of<'a>(&'a self, context: &Context<'a>, user: UserId) -> impl Iterator<Item = Time> + use<'a> {
        let kinds = context.room.activities.iter().filter_map(|id| self.activities.get(id)?.kind.as_ref());
        kinds.flat_map(move |kind| match (kind, kind.giveaway()) {
            (Kind::Draw(draw), _) => draw.won_at(&user).into_iter().collect(),
            (_, Some(of)) => of.given_to(&user).filter_map(|unit| Some(of.taken(unit)?.at)).collect(),
            _ => Vec::new(),
        })
    }

    /// Whether a user is among those for whom the coupons of a template are.
    pub(super) fn belongs(
        &self, (id, room): (RoomId, &Room), user: &UserId, audience: &Audience, now: Time,
    ) -> Result<(), Refusal> {
        if audience.is_everybody() {
            return Ok(());
        }
        // Nothing that an audience asks for is about one activity.
        audience.conditions().allow(&self.known(id, room, user, ActivityId(0), now), std::iter::empty)
    }

    fn known<'a>(&'a self, id: RoomId, room: &'a Room, user: &'a UserId, activity: ActivityId, now: Time) -> Known<'a> {
        Known {
            user,
            experiments: self.experiments.rooms.get(&id),
            facts: room.audience.get(user),
            activity,
            broadcast: room.broadcast_no(),
            is_fan: room.fan_club.fan(user).is_some(),
            judged: self.risks.of(user, now),
            now,
            utc_offset_min: room.utc_offset_min,
        }
    }
}
