//! Refusals that are kept: as many of one user in one activity as may be, and no more.

use std::collections::BTreeMap;

use super::{Check, Invariant, Verdict};
use crate::rules::{ActivityId, UserId};
use crate::store::{Event, Recorded, Tables};

/// No user has more refusals kept in an activity than there may be, and the tables know how many.
pub(super) struct RefusalsBounded {
    kept: BTreeMap<(ActivityId, UserId), u8>,
}

impl RefusalsBounded {
    pub(super) fn over(base: &Tables) -> Self {
        Self { kept: base.refusals().collect() }
    }
}

impl Check for RefusalsBounded {
    fn invariant(&self) -> Invariant {
        Invariant::RefusalsBounded
    }

    fn before(&mut self, recorded: &Recorded, _: &Tables) -> Verdict<()> {
        let no = recorded.no;
        match &recorded.event {
            Event::Refused { activity, cause, .. } => {
                let Some(user) = cause.by else { return Err(format!("event {no} refuses nobody")) };
                let kept = self.kept.entry((*activity, user)).or_insert(0);
                *kept += 1;
                if *kept > Tables::REFUSALS_MAX {
                    return Err(format!("event {no} keeps refusal {kept} of {user} in activity {activity}"));
                }
            }
            Event::Archived { activity, .. } => self.kept.retain(|(of, _), _| of != activity),
            _ => {}
        }
        Ok(())
    }

    fn judge(&self, tables: &Tables) -> Verdict {
        let counted: BTreeMap<_, _> = tables.refusals().collect();
        if let Some((of, kept)) = self.kept.iter().find(|(of, kept)| counted.get(*of) != Some(*kept)) {
            let ((activity, user), says) = (of, counted.get(of));
            return Err(format!("{kept} refusals of {user} in activity {activity} are kept, counted: {says:?}"));
        }
        match counted.keys().find(|of| !self.kept.contains_key(*of)) {
            Some((activity, user)) => {
                Err(format!("refusals of {user} in activity {activity} are counted, none is kept"))
            }
            None => Ok(format!("{} users and activities", counted.len())),
        }
    }
}
