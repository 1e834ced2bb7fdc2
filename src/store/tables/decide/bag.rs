//! Bags of codes: a code goes to one person, whichever bag of the room it is in.

use std::collections::HashSet;

use foldhash::quality::FixedState;

use super::Context;
use crate::rules::{Activity, ActivityId, BagPlan, Code, Codes, Kind, KindPlan, NotDone, NotDoneCode, Phase};
use crate::store::tables::Tables;

impl Tables {
    /// Whether a bag may begin with its codes.
    pub(super) fn may_bring_codes(&self, context: &Context<'_>, activity: &Activity) -> Result<(), NotDone> {
        match &activity.plan.kind {
            KindPlan::Bag(plan) => self.may_give_codes(context, activity.id, plan.codes()),
            _ => Ok(()),
        }
    }

    /// Whether a bag may give these codes: no other bag of the room has given one of them, or may still give it.
    ///
    /// What is looked through is bounded by the codes that a room may have, so that no host holds up other rooms.
    pub(super) fn may_give_codes<'a>(
        &self, context: &Context<'_>, bag: ActivityId, codes: impl Iterator<Item = &'a Code>,
    ) -> Result<(), NotDone> {
        let codes: HashSet<&Code, FixedState> = codes.collect();
        if codes.is_empty() {
            return Ok(());
        }
        let others = context.room.activities.iter().filter(|id| **id != bag);
        let others = others.filter_map(|id| self.activities.get(id)).flat_map(taken);
        let room_for = Codes::PER_ROOM_MAX.saturating_sub(codes.len());
        for (place, code) in others.enumerate() {
            if place >= room_for {
                let max = Codes::PER_ROOM_MAX;
                return Err(NotDoneCode::TooMany.because(format!("at most {max} codes in a room's bags")));
            }
            if codes.contains(code) {
                return Err(NotDoneCode::CodeTaken.because("another bag of the room has one of these codes"));
            }
        }
        Ok(())
    }
}

/// The codes of an activity that no other may give: all of one that is to give them, and those that one has given that is over.
fn taken(activity: &Activity) -> impl Iterator<Item = &Code> {
    let plan = match &activity.plan.kind {
        KindPlan::Bag(plan) => Some(plan),
        _ => None,
    };
    let bag = match &activity.kind {
        Some(Kind::Bag(bag)) => Some(bag),
        _ => None,
    };
    let count = match (bag, activity.phase) {
        (Some(bag), Phase::Settled | Phase::Cancelled) => bag.giveaway.pool.granted as usize,
        (Some(_), _) | (None, Phase::Scheduled | Phase::WarmUp) => usize::MAX,
        (None, _) => 0,
    };
    let added = bag.into_iter().flat_map(|bag| bag.added().iter());
    plan.into_iter().flat_map(BagPlan::codes).chain(added).take(count)
}
