//! Cash that is held, or was: won by risky accounts, and in nobody's wallet yet.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Due, Tables};
use crate::rules::{Activity, ActivityId, Grant, Hold, HoldId, HoldPolicy, HoldState, Time};

/// From when on, and what. Most platforms hold none.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Holds {
    /// From which risk on cash is held; never, unless somebody says so.
    pub(super) policy: Option<HoldPolicy>,
    /// What is or was held, as long as its activity is kept.
    pub(super) all: BTreeMap<HoldId, Hold>,
}

impl Holds {
    /// What timers wait for here.
    pub(super) fn due(&self) -> impl Iterator<Item = (Time, Due)> {
        let held = self.all.iter().filter(|(_, hold)| hold.state == HoldState::Held);
        held.map(|((activity, unit), hold)| (hold.until, Due::Hold(*activity, *unit)))
    }

    /// The holds of an activity, by unit.
    pub(super) fn of_activity(&self, id: ActivityId) -> impl Iterator<Item = (u32, &Hold)> {
        self.all.range((id, 0)..=(id, u32::MAX)).map(|((_, unit), hold)| (*unit, hold))
    }

    /// Whether cash of an activity is held now.
    pub(super) fn holds_cash(&self, id: ActivityId) -> bool {
        self.of_activity(id).any(|(_, hold)| hold.state == HoldState::Held)
    }

    /// When the last hold of an activity has ended at the latest.
    pub(super) fn last_until(&self, id: ActivityId) -> Option<Time> {
        self.of_activity(id).map(|(_, hold)| hold.until).max()
    }
}

impl Tables {
    /// From which risk on cash is held, and for how long.
    pub fn hold_policy(&self) -> Option<&HoldPolicy> {
        self.holds.policy.as_ref()
    }

    /// All cash that is or was held, of activities that are kept, in order.
    pub fn holds(&self) -> impl Iterator<Item = (HoldId, &Hold)> {
        self.holds.all.iter().map(|(id, hold)| (*id, hold))
    }

    /// A unit of a giveaway as its winner hears of it: as it stands, or as it was given.
    pub(super) fn grant_of(&self, activity: &Activity, unit: u32, as_given: bool) -> Option<Grant> {
        let grant = activity.grant(unit)?;
        let hold = self.holds.all.get(&(activity.id, unit));
        let state = |hold: &Hold| if as_given { HoldState::Held } else { hold.state };
        Some(Grant { hold: hold.map(|hold| (hold.until, state(hold))), ..grant })
    }
}
