//! Cash that is held, or was: won by risky accounts, and in nobody's wallet yet.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound::{Excluded, Included, Unbounded};

use serde::{Deserialize, Serialize};

use super::{Due, Room, Tables};
use crate::rules::{Activity, ActivityId, Fen, Grant, Hold, HoldPolicy, HoldState, Time, UnitId, UserId};
use crate::store::{DrawPrize, HoldsOf, Reply};

/// From when on, and what. Most platforms hold none.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Holds {
    /// From which risk on cash is held; never, unless somebody says so.
    pub(super) policy: Option<HoldPolicy>,
    /// What is or was held, as long as its activity is kept.
    all: BTreeMap<UnitId, Hold>,
    /// The same by user: follows from it, so no snapshot holds it.
    #[serde(skip)]
    of_user: BTreeSet<(UserId, UnitId)>,
}

impl Holds {
    /// Completes holds that were read from a snapshot.
    pub(super) fn complete(&mut self) {
        self.of_user = self.all.iter().map(|(id, hold)| (hold.user, *id)).collect();
    }

    pub(super) fn get(&self, id: UnitId) -> Option<&Hold> {
        self.all.get(&id)
    }

    /// Notes that cash is held; says whether that is new.
    pub(super) fn insert(&mut self, id: UnitId, hold: Hold) -> bool {
        self.of_user.insert((hold.user, id)) && self.all.insert(id, hold).is_none()
    }

    /// What is held now and will be so no more: it has come to that.
    pub(super) fn end(&mut self, id: UnitId, how: HoldState) -> Option<Hold> {
        let hold = self.all.get_mut(&id).filter(|hold| hold.state == HoldState::Held)?;
        let before = *hold;
        hold.state = how;
        Some(before)
    }

    /// An activity leaves, and with it what was held of it.
    pub(super) fn forget(&mut self, id: ActivityId) {
        let of: Vec<_> = self.of_activity(id).map(|(unit, hold)| (hold.user, (id, unit))).collect();
        for (user, id) in of {
            self.all.remove(&id);
            self.of_user.remove(&(user, id));
        }
    }

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
    pub fn holds(&self) -> impl Iterator<Item = (UnitId, &Hold)> {
        self.holds.all.iter().map(|(id, hold)| (*id, hold))
    }

    /// The holds of an activity, by unit.
    pub fn holds_of(&self, id: ActivityId) -> impl Iterator<Item = (u32, &Hold)> {
        self.holds.of_activity(id)
    }

    /// Until when cash that a user of a room wins now is held: nothing else asks the policy.
    pub(super) fn held_until(&self, room: &Room, user: &UserId, cash: Fen, now: Time) -> Option<Time> {
        let policy = self.holds.policy?;
        policy.until(cash, self.risk_of(room, user, now), now)
    }

    /// A unit of a giveaway or of goals as its winner hears of it: as it stands, or as it was given.
    pub(super) fn grant_of(&self, activity: &Activity, unit: u32, as_given: bool) -> Option<Grant> {
        let hold = self.hold_of((activity.id, unit), as_given);
        activity.grant(unit).map(|grant| Grant { hold, ..grant })
    }

    /// A prize of a draw as its winner hears of it, likewise.
    pub(in crate::store) fn prize_of(&self, activity: &Activity, rank: u32, as_given: bool) -> Option<DrawPrize> {
        let hold = self.hold_of((activity.id, rank), as_given);
        DrawPrize::at(activity, rank).map(|prize| DrawPrize { hold, ..prize })
    }

    /// As many holds as were asked for, after one that is known.
    pub(super) fn holds_page(&self, of: &HoldsOf, after: Option<UnitId>, limit: u32) -> Reply {
        let holds = &self.holds;
        let limit = limit as usize;
        let placed = |(id, hold): (UnitId, &Hold)| Some((self.activities.get(&id.0)?.room, id, *hold));
        match of {
            HoldsOf::User(user) => {
                let first = after.map_or(Included((*user, (ActivityId(0), 0))), |after| Excluded((*user, after)));
                let of_user = holds.of_user.range((first, Unbounded)).take_while(|(whose, _)| whose == user);
                let found = of_user.filter_map(|(_, id)| placed((*id, holds.get(*id)?)));
                Reply::Holds(found.take(limit).collect())
            }
            HoldsOf::Activity(room, activity) => {
                if self.activities.get(activity).is_none_or(|found| found.room != *room) {
                    return Reply::Unknown;
                }
                let first = after.map_or(Included((*activity, 0)), |(_, unit)| Excluded((*activity, unit)));
                let of_activity = holds.all.range((first, Included((*activity, u32::MAX))));
                Reply::Holds(of_activity.take(limit).filter_map(|(id, hold)| placed((*id, hold))).collect())
            }
        }
    }

    fn hold_of(&self, id: UnitId, as_given: bool) -> Option<(Time, HoldState)> {
        let hold = self.holds.get(id)?;
        Some((hold.until, if as_given { HoldState::Held } else { hold.state }))
    }
}
