//! What gates must know: enough to refuse on their own what the store would refuse.

use crate::rules::{Activity, ActivityId, Fen, Kind, KindPlan, Occasion, Phase, RoomId, SkuId, UserId};
use crate::store::tables::Tables;

/// What an activity that is announced or open has to know of those who take part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Needs {
    /// How long they have watched.
    pub watching: bool,
    /// What their tokens say of their accounts.
    pub account: bool,
    /// How risky their tokens say that they are, from this risk on: their cash may be held.
    pub risk_from: Option<u8>,
}

/// What a comment does that is an activity's keyword.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum KeywordUse {
    /// It meets a condition.
    Meets,
    /// It enters a draw.
    Enters,
}

/// What the gate in front of an activity must know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GateFacts {
    /// Its room.
    pub room: RoomId,
    /// Where it stands.
    pub phase: Phase,
    /// What claims must show.
    pub token: u64,
    /// Whether it asks something of those who take part at present: then only the store knows what comes first.
    pub has_conditions: bool,
    /// Whether whoever fires at it is caught.
    pub catches: bool,
    /// What it has to know of those who take part.
    pub needs: Needs,
    /// The keywords that count at present, as they are written in the plan.
    pub keywords: Vec<(KeywordUse, String)>,
    /// Whether it is claimed from one pool, which follows; or a sale, whose items' pools do.
    pub is_claimed: bool,
    /// Pools: item (0 for a rain), latest opening, units free now.
    pub pools: Vec<(SkuId, u32, u32)>,
}

impl From<&Activity> for Needs {
    fn from(activity: &Activity) -> Self {
        if !activity.phase.is_public() || activity.phase >= Phase::Closed {
            return Self::default();
        }
        let conditions = &activity.plan.conditions;
        Self {
            watching: conditions.watched_s.is_some() || matches!(activity.plan.kind, KindPlan::WatchTask(_)),
            account: conditions.account_age_days.is_some() || conditions.risk_below.is_some(),
            risk_from: None,
        }
    }
}

impl Tables {
    /// What the gate in front of an activity must know.
    pub fn gate(&self, id: ActivityId) -> Option<GateFacts> {
        let activity = self.activities.get(&id)?;
        // Whoever reaches a goal is judged by facts that the gate does not know.
        let gated = activity.kind.as_ref().filter(|_| activity.goals().is_none());
        let pools = gated.map_or_else(Vec::new, Kind::pools);
        let pools = pools.into_iter().map(|(sku, pool)| (sku, pool.opening, pool.free)).collect();
        Some(GateFacts {
            room: activity.room,
            phase: activity.phase,
            token: activity.token,
            needs: self.needs(activity),
            keywords: keywords(activity),
            catches: activity.catches(),
            has_conditions: activity.asks_something(),
            is_claimed: activity.grants_per_user().is_some(),
            pools,
        })
    }

    /// What an activity has to know of those who take part: where cash of risky accounts is held, how risky they are.
    pub(super) fn needs(&self, activity: &Activity) -> Needs {
        let needs = Needs::from(activity);
        let gives_cash = activity.phase == Phase::Open && activity.plan.funding() > Fen::ZERO;
        let risk_from = match activity.plan.kind {
            // Who enters is judged when the winners are drawn, by the policy of then: it may be set, or lowered, in between.
            KindPlan::Draw(_) => Some(1),
            _ => self.holds.policy.map(|policy| policy.hold_from),
        };
        Needs { risk_from: risk_from.filter(|_| gives_cash), ..needs }
    }

    /// Visits every user who has anything recorded in a room: those its gates must let through.
    pub fn each_user(&self, room: &RoomId, visit: &mut dyn FnMut(&UserId)) {
        let receipts = self.rooms.get(room).into_iter().flat_map(|room| room.receipts.iter());
        receipts.for_each(|((user, _), ..)| visit(user));
    }
}

fn keywords(activity: &Activity) -> Vec<(KeywordUse, String)> {
    let announced = activity.phase.is_public() && activity.phase < Phase::Closed;
    let asked = activity.plan.conditions.keyword.as_ref().filter(|_| announced);
    let enters = match &activity.plan.kind {
        KindPlan::Draw(plan) if activity.phase == Phase::Open => match &plan.occasion {
            Occasion::Keyword(word) => Some(word),
            Occasion::LuckyBag | Occasion::MicLink => None,
        },
        _ => None,
    };
    let asked = asked.map(|word| (KeywordUse::Meets, word.clone()));
    asked.into_iter().chain(enters.map(|word| (KeywordUse::Enters, word.clone()))).collect()
}
