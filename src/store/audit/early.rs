//! Early entry, kept a second time from the events alone.

use std::collections::HashMap;

use super::{Check, Invariant, Verdict};
use crate::rules::{ActivityId, EarlyEntry, Step, Tier};
use crate::store::{Event, Recorded, Tables};

/// As long as an activity is open to those alone who enter early, nobody of a lower tier takes part in it.
pub(super) struct HeadStartsKept {
    /// What is open to some so far, and to whom.
    only: HashMap<ActivityId, EarlyEntry>,
    entered: u64,
}

impl HeadStartsKept {
    pub(super) fn over(base: &Tables) -> Self {
        let early = base.activities().filter(|activity| activity.only_early);
        let only = early.filter_map(|activity| Some((activity.id, activity.plan.schedule.early?))).collect();
        Self { only, entered: 0 }
    }
}

impl Check for HeadStartsKept {
    fn invariant(&self) -> Invariant {
        Invariant::HeadStartsKept
    }

    fn before(&mut self, recorded: &Recorded, tables: &Tables) -> Verdict<()> {
        let no = recorded.no;
        match &recorded.event {
            Event::Stepped { activity, step: Step::Open, cause, .. } => {
                let Some(opening) = tables.activity(*activity) else { return Ok(()) };
                // One that time opens late opens to all.
                let late = cause.by.is_none() && opening.opens_at.is_none_or(|at| at <= recorded.at);
                self.only.extend(opening.plan.schedule.early.filter(|_| !late).map(|early| (*activity, early)));
                Ok(())
            }
            Event::Stepped { activity, step: Step::Close | Step::Cancel, .. } => {
                self.only.remove(activity);
                Ok(())
            }
            Event::OpenedToAll { activity, .. } => {
                let at = tables.activity(*activity).and_then(|activity| activity.opens_at);
                if self.only.remove(activity).is_none() || at.is_none_or(|at| recorded.at < at) {
                    return Err(format!("event {no} opens activity {activity} to all, planned for {at:?}"));
                }
                Ok(())
            }
            event => {
                let Some((activity, user)) = event.took_part() else { return Ok(()) };
                let Some(early) = self.only.get(&activity) else { return Ok(()) };
                let facts = event.room().and_then(|room| tables.room(room)?.facts(&user));
                let tier = facts.map_or(Tier::default(), |facts| facts.closeness.tier);
                self.entered += 1;
                if tier < early.tier {
                    return Err(format!("event {no} lets {user}, {}, in before the others", tier.word()));
                }
                Ok(())
            }
        }
    }

    fn judge(&self, tables: &Tables) -> Verdict {
        let early = tables.activities().filter(|activity| activity.only_early);
        let state: Vec<_> = early.map(|activity| activity.id).collect();
        if state.len() != self.only.len() || !state.iter().all(|id| self.only.contains_key(id)) {
            return Err(format!("activities {state:?} are open to some only, by the log {:?}", self.only.keys()));
        }
        Ok(format!("{} entered early", self.entered))
    }
}
