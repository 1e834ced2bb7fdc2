//! What others may see of the tables.

mod gift;

use crate::rules::{
    Activity, ActivityId, Fen, Kind, KindPlan, Order, Phase, Plan, RainSummary, RoomId, SkuId, Time, UserId,
};

use super::Tables;
use crate::store::{Query, Reply};

pub use gift::{BoardView, FanClubView, FanView};

/// An activity as hosts see it; viewers see less.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActivityView {
    /// Its number.
    pub id: ActivityId,
    /// Its room.
    pub room: RoomId,
    /// What was asked for.
    pub plan: Plan,
    /// Where it stands.
    pub phase: Phase,
    /// What the review found wanting.
    pub reasons: Vec<String>,
    /// When claims begin or began.
    pub opens_at: Option<Time>,
    /// When claims end or ended.
    pub closes_at: Option<Time>,
    /// What claims must show: only from the opening on.
    pub token: Option<u64>,
    /// Drives the clients' animation.
    pub animation_seed: u64,
    /// Amendments so far.
    pub amendment: u32,
    /// Cash paid in so far.
    pub funded: Fen,
    /// Cash that was paid in and not given.
    pub unspent: Fen,
    /// What happens in it, from the opening on.
    pub kind: Option<KindView>,
}

/// The state of an opened activity, by kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KindView {
    /// Red-packet rain 红包雨.
    Rain {
        /// The shares.
        pool: ItemView,
        /// Once it has ended: who got what.
        summary: Option<RainSummary>,
    },
    /// Flash sale 限时秒杀.
    Sale {
        /// The items, in the plan's order.
        items: Vec<(SkuId, ItemView)>,
        /// Orders that hold stock.
        reserved_orders: u32,
    },
    /// Goals: steps of a watch task, streaks of a check-in.
    Goals {
        /// The prizes of each, in the plan's order.
        pools: Vec<ItemView>,
    },
}

/// The counts of a pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ItemView {
    /// Units at the start and added since, less those written off.
    pub stock: u32,
    /// Units that may be given now.
    pub free: u32,
    /// Units held by orders.
    pub reserved: u32,
    /// Units given for good.
    pub granted: u32,
    /// The latest opening's number.
    pub opening: u32,
}

/// What an activity that is announced or open has to know of those who take part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Needs {
    /// How long they have watched.
    pub watching: bool,
    /// What their tokens say of their accounts.
    pub account: bool,
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
    /// Whether it asks something of those who take part: then only the store knows what comes first.
    pub has_conditions: bool,
    /// What it has to know of those who take part.
    pub needs: Needs,
    /// Whether it is a rain, whose one pool follows; or a sale, whose items' do.
    pub is_rain: bool,
    /// Pools: item (0 for a rain), latest opening, units free now.
    pub pools: Vec<(SkuId, u32, u32)>,
}

impl From<&crate::rules::UnitPool> for ItemView {
    fn from(pool: &crate::rules::UnitPool) -> Self {
        Self {
            stock: pool.initial + pool.added - pool.written_off,
            free: pool.free,
            reserved: pool.reserved,
            granted: pool.granted,
            opening: pool.opening,
        }
    }
}

impl From<&Activity> for ActivityView {
    fn from(activity: &Activity) -> Self {
        Self {
            id: activity.id,
            room: activity.room,
            plan: activity.plan.clone(),
            phase: activity.phase,
            reasons: activity.reasons.clone(),
            opens_at: activity.opens_at,
            closes_at: activity.closes_at,
            token: activity.kind.as_ref().map(|_| activity.token),
            animation_seed: activity.animation_seed(),
            amendment: activity.amendment,
            funded: activity.funded,
            unspent: activity.unspent(),
            kind: activity.kind.as_ref().map(|kind| match kind {
                Kind::Rain(rain) => {
                    KindView::Rain { pool: (&rain.pool).into(), summary: activity.ended.map(|_| rain.summary()) }
                }
                Kind::Sale(sale) => KindView::Sale {
                    items: sale.skus.iter().map(|sku| (sku.sku, (&sku.pool).into())).collect(),
                    reserved_orders: sale.reserved_orders,
                },
                Kind::WatchTask(goals) | Kind::CheckIn(goals) => {
                    KindView::Goals { pools: goals.pools().iter().map(Into::into).collect() }
                }
            }),
        }
    }
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
        }
    }
}

impl Tables {
    /// What the gate in front of an activity must know.
    pub fn gate(&self, id: ActivityId) -> Option<GateFacts> {
        let activity = self.activities.get(&id)?;
        let pool = |sku, pool: &crate::rules::UnitPool| (sku, pool.opening, pool.free);
        let pools = match &activity.kind {
            Some(Kind::Rain(rain)) => vec![pool(SkuId(0), &rain.pool)],
            Some(Kind::Sale(sale)) => sale.skus.iter().map(|sku| pool(sku.sku, &sku.pool)).collect(),
            // Whoever asks there is judged by facts that the gate does not know.
            Some(Kind::WatchTask(_) | Kind::CheckIn(_)) | None => Vec::new(),
        };
        Some(GateFacts {
            room: activity.room,
            phase: activity.phase,
            token: activity.token,
            needs: activity.into(),
            has_conditions: !activity.plan.conditions.is_none(),
            is_rain: matches!(activity.plan.kind, KindPlan::Rain(_)),
            pools,
        })
    }

    /// Visits every user who has anything recorded in a room: those its gates must let through.
    pub fn each_user(&self, room: &RoomId, visit: &mut dyn FnMut(&UserId)) {
        let receipts = self.rooms.get(room).into_iter().flat_map(|room| room.receipts.iter());
        receipts.for_each(|((user, _), ..)| visit(user));
    }

    /// Answers a question.
    pub fn ask(&self, query: &Query) -> Reply {
        match query {
            Query::Own { room, user } => self.own(room, user),
            Query::Activity { room, activity } => match self.activities.get(activity) {
                Some(found) if found.room == *room => Reply::Activity(Box::new(found.into())),
                _ => Reply::Unknown,
            },
            Query::Activities { room } => match self.rooms.get(room) {
                Some(room) => Reply::Activities(
                    room.activities.iter().filter_map(|id| self.activities.get(id)).map(Into::into).collect(),
                ),
                None => Reply::Unknown,
            },
            Query::Trail { room } => match self.rooms.get(room) {
                Some(room) => Reply::Trail(room.trail.iter().copied().collect()),
                None => Reply::Unknown,
            },
            Query::Campaigns { room } if self.rooms.contains_key(room) => {
                Reply::Campaigns(self.campaigns_of(room).map(|(id, campaign)| (id, campaign.clone())).collect())
            }
            Query::Campaigns { .. } => Reply::Unknown,
            Query::Rooms => {
                Reply::Rooms(self.rooms.iter().map(|(id, room)| (*id, room.host, room.broadcast)).collect())
            }
            Query::Gift(query) => self.ask_gift(query),
            Query::Balance { account, currency } => Reply::Balance(self.ledger.balance(*account, *currency)),
            Query::Facts { room, user } => match self.rooms.get(room) {
                Some(room) => {
                    Reply::Facts { facts: room.facts(user).cloned().map(Box::new), broadcast: room.broadcast_no() }
                }
                None => Reply::Unknown,
            },
            Query::Watched { room, user } => match self.rooms.get(room) {
                Some(room) => {
                    let broadcast = room.broadcast_no();
                    let watched_ms = room.facts(user).map_or(0, |facts| facts.watched_ms(broadcast));
                    Reply::Watched { broadcast, watched_ms }
                }
                None => Reply::Unknown,
            },
            Query::Order { order } => match self.orders.get(order) {
                Some(order) => match self.activities.get(&order.activity) {
                    Some(activity) => Reply::Order { order: order.clone(), room: activity.room },
                    None => Reply::Unknown,
                },
                None => Reply::Unknown,
            },
        }
    }

    fn own(&self, room: &RoomId, user: &UserId) -> Reply {
        let Some(room) = self.rooms.get(room) else { return Reply::Unknown };
        let (mut grants, mut orders) = (Vec::new(), Vec::new());
        for activity in room.activities.iter().filter_map(|id| self.activities.get(id)) {
            match (&activity.kind, &activity.plan.kind) {
                (Some(Kind::Rain(rain)), KindPlan::Rain(plan)) => {
                    grants.extend(rain.grants_of(user).filter_map(|share| rain.grant(plan, activity.id, share)));
                }
                (Some(Kind::WatchTask(goals) | Kind::CheckIn(goals)), plan) => {
                    let numbers = goals.grants_of(user);
                    grants.extend(numbers.filter_map(|number| goals.grant(plan.goals(), activity.id, number)));
                }
                (Some(Kind::Sale(sale)), _) => {
                    let latest = sale.latest_order(user).and_then(|id| self.orders.get(&id));
                    let previous = |order: &&Order| order.previous.and_then(|id| self.orders.get(&id));
                    orders.extend(std::iter::successors(latest, previous).cloned());
                }
                _ => {}
            }
        }
        Reply::Own { grants, orders }
    }
}
