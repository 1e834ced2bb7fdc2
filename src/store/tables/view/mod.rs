//! What others may see of the tables.

mod gate;
mod gift;
mod own;

use crate::rules::{
    Activity, ActivityId, Award, CouponBook, CouponCounts, CouponDrop, CouponTemplate, Digest, Draw, DrawLevel,
    DrawProof, DrawRecord, Fen, FullReduction, Kind, KindPlan, Phase, Plan, RainSummary, RoomId, SkuId, TemplateId,
    Time, UserId, draw_name,
};

use super::{Decision, Tables};
use crate::store::{AwaitedBeacon, DrawEntry, DrawPrize, Own, Query, Reply, Weighed};

pub use gate::{GateFacts, KeywordUse, Needs};
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
    /// When everybody's claims begin or began.
    pub opens_at: Option<Time>,
    /// When those begin or began who enter early; `None` if nobody does.
    pub early_at: Option<Time>,
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
    /// What a draw publishes before entries open: the hash of its rules, and the commitment to its seed.
    pub draw_terms: Option<(Digest, Digest)>,
    /// Of a decoy: how many users have fired at it.
    pub caught: u32,
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
    /// Coupon drop 万券齐发.
    Drop {
        /// The coupons.
        pool: ItemView,
        /// Users who got at least one.
        winners: u32,
    },
    /// Lucky bag 福袋 that is not drawn.
    Bag {
        /// What is in it.
        pool: ItemView,
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
    /// A draw.
    Draw {
        /// Tickets that are in.
        entries: u32,
        /// The root of the tree over them, once they are frozen.
        root: Option<Digest>,
        /// Who won what, once it is drawn; by rank.
        winners: Option<Vec<(UserId, DrawPrize)>>,
    },
    /// Poll.
    Poll {
        /// Votes for each option, in the plan's order.
        tally: Vec<u32>,
        /// How many users have voted.
        voters: u32,
    },
    /// Enrolment.
    Enrolment {
        /// How many have signed up.
        signed_up: u32,
        /// Once it has ended: who has a place, the dearest first.
        admitted: Option<Vec<UserId>>,
    },
}

/// The coupon templates of a room, and what is in force in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CouponsView {
    /// Templates by name: what their coupons promise, how many are free, allotted to activities, issued; and where those stand.
    pub templates: Vec<(TemplateId, CouponTemplate, ItemView, CouponCounts)>,
    /// Full reductions by name.
    pub reductions: Vec<(TemplateId, FullReduction)>,
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

impl CouponsView {
    /// Of a room's book, and of the platform's templates that were made through the room.
    fn of<'a>(book: &CouponBook, platforms: impl Iterator<Item = (TemplateId, &'a crate::rules::Series)>) -> Self {
        let template = |(id, series): (TemplateId, &crate::rules::Series)| {
            (id, series.template.clone(), (&series.pool).into(), series.counts)
        };
        let reduction = |(name, reduction): (TemplateId, &FullReduction)| (name, reduction.clone());
        Self {
            templates: book.series().map(template).chain(platforms.map(template)).collect(),
            reductions: book.reductions().map(reduction).collect(),
        }
    }
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
            early_at: activity.early_at,
            closes_at: activity.closes_at,
            token: activity.kind.as_ref().map(|_| activity.token),
            animation_seed: activity.animation_seed(),
            amendment: activity.amendment,
            funded: activity.funded,
            unspent: activity.unspent(),
            kind: activity.kind.as_ref().map(|kind| match kind {
                Kind::Rain(rain) => {
                    let pool = (&rain.giveaway.pool).into();
                    KindView::Rain { pool, summary: activity.ended.map(|_| rain.summary()) }
                }
                Kind::Drop(CouponDrop { giveaway }) => {
                    KindView::Drop { pool: (&giveaway.pool).into(), winners: giveaway.winners() }
                }
                Kind::Bag(bag) => KindView::Bag { pool: (&bag.giveaway.pool).into() },
                Kind::Sale(sale) => KindView::Sale {
                    items: sale.skus.iter().map(|sku| (sku.sku, (&sku.pool).into())).collect(),
                    reserved_orders: sale.reserved_orders,
                },
                Kind::WatchTask(goals) | Kind::CheckIn(goals) => {
                    KindView::Goals { pools: goals.pools().iter().map(Into::into).collect() }
                }
                Kind::Draw(draw) => KindView::Draw {
                    entries: draw.entries().len() as u32,
                    root: draw.root,
                    winners: draw.drawn.as_ref().map(|_| DrawPrize::all(activity)),
                },
                Kind::Poll(poll) => KindView::Poll { tally: poll.tally().to_vec(), voters: poll.voters() },
                Kind::Enrolment(enrolment) => KindView::Enrolment {
                    signed_up: enrolment.signed_up(),
                    admitted: match &activity.plan.kind {
                        KindPlan::Enrolment(plan) if activity.ended.is_some() => Some(enrolment.admitted(plan)),
                        _ => None,
                    },
                },
            }),
            caught: 0,
            draw_terms: draw_terms(activity),
        }
    }
}

impl DrawEntry {
    /// The ticket at `leaf` of a draw.
    pub(super) fn at(activity: &Activity, leaf: u32) -> Option<Self> {
        let (Some(Kind::Draw(draw)), KindPlan::Draw(plan)) = (&activity.kind, &activity.plan.kind) else { return None };
        Some(Self {
            activity: activity.id,
            draw: draw_name(&activity.room, activity.id),
            rules: draw.rules,
            commitment: activity.draw_commitment(),
            user: *draw.entries().get(leaf as usize)?,
            leaf,
            receipt_key: plan.receipt_key,
        })
    }
}

impl DrawPrize {
    /// What the winner at `rank` of a draw has.
    pub(super) fn at(activity: &Activity, rank: u32) -> Option<Self> {
        let (Some(Kind::Draw(draw)), KindPlan::Draw(plan)) = (&activity.kind, &activity.plan.kind) else { return None };
        let award = draw.drawn.as_ref()?.awards.get(rank as usize)?;
        let prize = plan.prizes.get(award.prize as usize)?;
        Some(Self {
            activity: activity.id,
            rank,
            prize: award.prize,
            title: prize.title.clone(),
            cash: prize.cash_fen,
            hold: None,
            state: award.state,
            answer_by: Draw::answer_by(plan, award),
        })
    }

    /// All winners of a draw, by rank.
    fn all(activity: &Activity) -> Vec<(UserId, Self)> {
        let Some(Kind::Draw(draw)) = &activity.kind else { return Vec::new() };
        let awards = (0..).zip(draw.drawn.iter().flat_map(|drawn| &drawn.awards));
        let winner =
            |(rank, award): (u32, &Award)| Some((*draw.entries().get(award.leaf as usize)?, Self::at(activity, rank)?));
        awards.filter_map(winner).collect()
    }
}

fn draw_terms(activity: &Activity) -> Option<(Digest, Digest)> {
    let rules = match &activity.kind {
        Some(Kind::Draw(draw)) => draw.rules,
        _ => activity.draw_rules()?.hash(),
    };
    Some((rules, activity.draw_commitment()))
}

/// What a closed draw waits for, if it does.
pub(super) fn awaits_beacon(activity: &Activity) -> Option<AwaitedBeacon> {
    let (Some(Kind::Draw(draw)), KindPlan::Draw(plan)) = (&activity.kind, &activity.plan.kind) else { return None };
    let DrawLevel::Beacon { chain, round } = &plan.level else { return None };
    let waits = draw.root.is_some() && draw.drawn.is_none() && !activity.phase.is_final();
    let winners = plan.prizes_in_all().min(draw.entries().len() as u32);
    let (room, activity) = (activity.room, activity.id);
    waits.then(|| AwaitedBeacon { room, activity, chain: chain.as_ref().clone(), round: *round, winners })
}

impl Tables {
    fn view(&self, activity: &Activity) -> ActivityView {
        ActivityView { caught: self.caught_count(activity.id), ..activity.into() }
    }

    /// Answers a question.
    pub fn ask(&self, query: &Query) -> Reply {
        match query {
            Query::Own { room, user } => self.own(room, user),
            Query::Activity { room, activity } => match self.activities.get(activity) {
                Some(found) if found.room == *room => Reply::Activity(Box::new(self.view(found))),
                _ => Reply::Unknown,
            },
            Query::Activities { room } => match self.rooms.get(room) {
                Some(room) => Reply::Activities(
                    room.activities
                        .iter()
                        .filter_map(|id| self.activities.get(id))
                        .map(|found| self.view(found))
                        .collect(),
                ),
                None => Reply::Unknown,
            },
            Query::Needs { room } => {
                let of_room = self.rooms.get(room).map_or(&[][..], |room| &room.activities);
                let all = of_room.iter().filter_map(|id| self.activities.get(id));
                let open = all.filter(|activity| activity.phase == Phase::Open);
                Reply::Needs(open.map(|activity| (activity.id, self.needs(activity))).collect())
            }
            Query::Sanctions { room } => match self.rooms.get(room) {
                Some(room) => Reply::Sanctions(room.sanctions.at(self.latest_at).collect()),
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
            Query::Weigh { op, at } => Reply::Weighed(match self.decide((*at).max(self.latest_at), op) {
                Decision::Answer(answer) => Weighed::Answer(answer),
                Decision::Event(event) => Weighed::Event(Box::new(event)),
            }),
            Query::Zone { room } => {
                self.rooms.get(room).map_or(Reply::Unknown, |room| Reply::Zone(room.utc_offset_min))
            }
            Query::Templates { room } if self.rooms.contains_key(room) => {
                Reply::Templates(self.templates_of(room).map(|(id, plan)| (id, plan.clone())).collect())
            }
            Query::Recurrences { room } if self.rooms.contains_key(room) => {
                Reply::Recurrences(self.recurrences_of(room).map(|(id, one)| (id, one.clone())).collect())
            }
            Query::Experiments { room } if self.rooms.contains_key(room) => {
                Reply::Experiments(self.experiment_views(room))
            }
            Query::Templates { .. } | Query::Recurrences { .. } | Query::Experiments { .. } => Reply::Unknown,
            Query::DrawRules { room, activity } => match self.activities.get(activity) {
                Some(found) if found.room == *room && found.phase.is_public() => {
                    found.draw_rules().map_or(Reply::Unknown, |rules| Reply::DrawRules(Box::new(rules)))
                }
                _ => Reply::Unknown,
            },
            Query::DrawRecord { room, activity } => match self.activities.get(activity) {
                Some(found) if found.room == *room => {
                    DrawRecord::of(found).map_or(Reply::Unknown, |record| Reply::DrawRecord(Box::new(record)))
                }
                _ => Reply::Unknown,
            },
            Query::DrawProof { room, activity, user } => match self.activities.get(activity) {
                Some(found) if found.room == *room => {
                    DrawProof::of(found, user).map_or(Reply::Unknown, |proof| Reply::DrawProof(Box::new(proof)))
                }
                _ => Reply::Unknown,
            },
            Query::Ticket { room, activity, user } => {
                let found = self.activities.get(activity).filter(|found| found.room == *room);
                let leaf = found.and_then(|found| match &found.kind {
                    Some(Kind::Draw(draw)) => draw.leaf_of(user),
                    _ => None,
                });
                let ticket = found.zip(leaf).and_then(|(found, leaf)| DrawEntry::at(found, leaf));
                ticket.map_or(Reply::Unknown, |ticket| Reply::Ticket(Box::new(ticket)))
            }
            Query::AwaitedBeacon { room, activity } => {
                let found = self.activities.get(activity).filter(|found| found.room == *room);
                Reply::AwaitingBeacon(found.and_then(awaits_beacon).into_iter().collect())
            }
            Query::AwaitingBeacons => {
                let waiting = self.awaiting_beacons.iter().filter_map(|id| self.activities.get(id));
                Reply::AwaitingBeacon(waiting.filter_map(awaits_beacon).collect())
            }
            Query::Quote { room, user, activity, cart, coupons, at } => {
                let quoted = self.quote(room, user, *activity, cart, coupons, *at);
                Reply::Quote(quoted.map(Box::new).map_err(|reason| *reason))
            }
            Query::Coupons { room } => match self.rooms.get(room) {
                Some(kept) => Reply::Coupons(Box::new(CouponsView::of(&kept.coupons, self.platform_coupons.of(room)))),
                None => Reply::Unknown,
            },
            Query::Coupon { room, template, coupon } => {
                let found = self.rooms.get(room).and_then(|room| room.coupons.view(*template, *coupon));
                let found = found.or_else(|| self.platform_coupons.book.view(*template, *coupon));
                found.map_or(Reply::Unknown, |coupon| Reply::Coupon(Box::new(coupon)))
            }
            Query::Rooms => {
                Reply::Rooms(self.rooms.iter().map(|(id, room)| (*id, room.host, room.broadcast)).collect())
            }
            Query::Gift(query) => self.ask_gift(query),
            Query::HoldPolicy => Reply::HoldPolicy(self.holds.policy),
            Query::Holds { of, after, limit } => self.holds_page(of, *after, *limit),
            Query::Won { unit: (activity, unit) } => match self.activities.get(activity) {
                Some(found) => {
                    let (grant, prize) = (self.grant_of(found, *unit, false), self.prize_of(found, *unit, false));
                    let (grants, prizes) = (grant.into_iter().collect(), prize.into_iter().collect());
                    Reply::Own(Box::new(Own { grants, prizes, ..Own::default() }))
                }
                None => Reply::Unknown,
            },
            Query::Risk { user } => self.risks.judged.get(user).copied().map_or(Reply::Unknown, Reply::Risk),
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
}
