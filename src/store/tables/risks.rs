//! What accounts are judged to be, in all rooms, and the cash of risky ones that is held.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{Bounds, Due, Map, Room, Tables};
use crate::rules::{
    AccountFacts, Activity, ActivityId, Grant, Hold, HoldId, HoldPolicy, HoldState, Risk, Time, UserId,
};

/// Judgements. Most claims find that there are none.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Risks {
    pub(super) judged: Map<UserId, Risk>,
    /// From which risk on cash is held; never, unless somebody says so.
    pub(super) policy: Option<HoldPolicy>,
    /// Cash that is or was held, as long as its activity is kept.
    pub(super) holds: BTreeMap<HoldId, Hold>,
    /// Who has fired at which decoy, as long as it is kept.
    pub(super) caught: BTreeMap<ActivityId, BTreeSet<UserId>>,
}

impl Risks {
    /// Most accounts that are judged at once.
    pub(super) const JUDGED_MAX: usize = 1_000_000;
    /// Most users that one decoy keeps.
    pub(super) const CAUGHT_MAX: usize = 100_000;

    /// What timers wait for here.
    pub(super) fn due(&self) -> impl Iterator<Item = (Time, Due)> {
        let judged = self.judged.iter().map(|(user, risk)| (risk.until, Due::Risk(Box::new(*user))));
        let held = self.holds.iter().filter(|(_, hold)| hold.state == HoldState::Held);
        judged.chain(held.map(|((activity, unit), hold)| (hold.until, Due::Hold(*activity, *unit))))
    }

    /// The score of an account that is judged.
    pub(super) fn of(&self, user: &UserId, now: Time) -> Option<u8> {
        self.judged.get(user)?.at(now)
    }
}

impl Risks {
    /// The holds of an activity, by unit.
    pub(super) fn of_activity(&self, id: ActivityId) -> impl Iterator<Item = (u32, &Hold)> {
        self.holds.range((id, 0)..=(id, u32::MAX)).map(|((_, unit), hold)| (*unit, hold))
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
        self.risks.policy.as_ref()
    }

    /// Who has fired at a decoy, in order.
    pub fn caught(&self, decoy: ActivityId) -> impl Iterator<Item = &UserId> {
        self.risks.caught.get(&decoy).into_iter().flatten()
    }

    /// How many have.
    pub(super) fn caught_count(&self, decoy: ActivityId) -> u32 {
        self.risks.caught.get(&decoy).map_or(0, |caught| caught.len() as u32)
    }

    /// All cash that is or was held, of activities that are kept, in order.
    pub fn holds(&self) -> impl Iterator<Item = (HoldId, &Hold)> {
        self.risks.holds.iter().map(|(id, hold)| (*id, hold))
    }

    /// A unit of a giveaway as its winner hears of it: as it stands, or as it was given.
    pub(super) fn grant_of(&self, activity: &Activity, unit: u32, as_given: bool) -> Option<Grant> {
        let grant = activity.grant(unit)?;
        let hold = self.risks.holds.get(&(activity.id, unit));
        let state = |hold: &Hold| if as_given { HoldState::Held } else { hold.state };
        Some(Grant { hold: hold.map(|hold| (hold.until, state(hold))), ..grant })
    }

    /// What an account is judged to be, until a timer ends it.
    pub fn judgement(&self, user: &UserId) -> Option<&Risk> {
        self.risks.judged.get(user)
    }

    /// Every account that is judged, in no order.
    pub fn judged(&self) -> impl Iterator<Item = (&UserId, &Risk)> {
        self.risks.judged.iter()
    }

    /// Whether a room may be full: an audit does not know what the server was configured to, but for the least.
    pub fn may_be_full(&self, room: &Room) -> bool {
        room.audience.len() >= self.bounds.audience_per_room_max.min(Bounds::AUDIENCE_MIN)
    }

    /// How risky a user of a room is, when it comes to cash: the higher of what the token says and what is judged; nothing if nobody
    /// says anything. What the token of a stranger says, a full room has not heard: then it may be the worst.
    pub(super) fn risk_of(&self, room: &Room, user: &UserId, now: Time) -> Option<u8> {
        let token = match room.audience.get(user) {
            Some(facts) => facts.account.risk,
            None => (room.audience.len() >= self.bounds.audience_per_room_max).then_some(AccountFacts::RISK_MAX),
        };
        token.max(self.risks.of(user, now))
    }
}
