//! What accounts are judged to be, in all rooms, and which of them decoys have caught.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{Bounds, Due, Map, Room, Tables};
use crate::rules::{AccountFacts, ActivityId, Risk, Time, UserId};

/// Judgements. Most claims find that there are none.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Risks {
    pub(super) judged: Map<UserId, Risk>,
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
        self.judged.iter().map(|(user, risk)| (risk.until, Due::Risk(Box::new(*user))))
    }

    /// The score of an account that is judged.
    pub(super) fn of(&self, user: &UserId, now: Time) -> Option<u8> {
        self.judged.get(user)?.at(now)
    }
}

impl Tables {
    /// Who has fired at a decoy, in order.
    pub fn caught(&self, decoy: ActivityId) -> impl Iterator<Item = &UserId> {
        self.risks.caught.get(&decoy).into_iter().flatten()
    }

    /// How many have.
    pub(super) fn caught_count(&self, decoy: ActivityId) -> u32 {
        self.risks.caught.get(&decoy).map_or(0, |caught| caught.len() as u32)
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
