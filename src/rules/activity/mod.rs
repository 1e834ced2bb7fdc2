//! An activity: a time-boxed mechanic in a room, whatever its kind.

mod amendment;
mod plan;

use serde::{Deserialize, Serialize};

use crate::rules::{
    Account, ActivityId, Bag, CouponDrop, CouponId, Currency, Digest, Draw, DrawRules, Enrolment, Fen, Giveaway,
    GoalPlan, GoalPools, Grant, Phase, Poll, Posting, Prize, Rain, Refusal, RoomId, Sale, Seed, SkuId, Tier, Time,
    UnitPool, UserId,
};

pub use amendment::{AmendError, Amendment};
pub use plan::{KindPlan, Plan, PlanError, Schedule};

/// An activity as it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Activity {
    /// Its number.
    pub id: ActivityId,
    /// Its room.
    pub room: RoomId,
    /// What was asked for.
    pub plan: Plan,
    /// What chance follows from. Secret until it is settled.
    pub seed: Seed,
    /// Claims must show it. Secret until it is open: so nobody can press early.
    pub token: u64,
    /// Where it stands.
    pub phase: Phase,
    /// What the latest review found wanting.
    pub reasons: Vec<String>,
    /// When everybody's claims begin or began.
    pub opens_at: Option<Time>,
    /// When those begin or began who enter early; `None` if nobody does.
    pub early_at: Option<Time>,
    /// Whether it is open to those alone so far.
    pub only_early: bool,
    /// When claims end or ended.
    pub closes_at: Option<Time>,
    /// The number of the event that ended the claims.
    pub ended: Option<u64>,
    /// When it came to its end (settled or cancelled).
    pub final_at: Option<Time>,
    /// Amendments so far.
    pub amendment: u32,
    /// Cash paid in so far: the plan's budget and what amendments added.
    pub funded: Fen,
    /// What happens in it, from the opening on.
    pub kind: Option<Kind>,
}

/// The state of an opened activity, by kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// Red-packet rain 红包雨.
    Rain(Rain),
    /// Flash sale 限时秒杀.
    Sale(Sale),
    /// Watch task 观看N分钟解锁.
    WatchTask(GoalPools),
    /// Check-in 直播打卡.
    CheckIn(GoalPools),
    /// A draw.
    Draw(Box<Draw>),
    /// Poll, wish list 心愿单.
    Poll(Poll),
    /// Enrolment 优先报名.
    Enrolment(Enrolment),
    /// Coupon drop 万券齐发.
    Drop(CouponDrop),
    /// A lucky bag 福袋 that is not drawn.
    Bag(Bag),
}

impl Kind {
    /// What claims are given from; a sale takes orders instead, and goals are reached.
    pub fn giveaway(&self) -> Option<&Giveaway> {
        match self {
            Self::Rain(rain) => Some(&rain.giveaway),
            Self::Drop(drop) => Some(&drop.giveaway),
            Self::Bag(bag) => Some(&bag.giveaway),
            Self::Sale(_) | Self::WatchTask(_) | Self::CheckIn(_) => None,
            Self::Draw(_) | Self::Poll(_) | Self::Enrolment(_) => None,
        }
    }

    /// Its pools: the one of a giveaway, or one for each item, or for each goal, numbered from 1.
    pub fn pools(&self) -> Vec<(SkuId, &UnitPool)> {
        match self {
            Self::Draw(_) | Self::Poll(_) | Self::Enrolment(_) => Vec::new(),
            Self::Sale(sale) => sale.skus.iter().map(|sku| (sku.sku, &sku.pool)).collect(),
            Self::WatchTask(goals) | Self::CheckIn(goals) => (1..).map(SkuId).zip(goals.pools()).collect(),
            Self::Rain(Rain { giveaway, .. })
            | Self::Drop(CouponDrop { giveaway })
            | Self::Bag(Bag { giveaway, .. }) => {
                vec![(SkuId(0), &giveaway.pool)]
            }
        }
    }
}

impl Activity {
    /// A new draft.
    pub fn draft(id: ActivityId, room: RoomId, plan: Plan, seed: Seed) -> Self {
        Self {
            id,
            room,
            opens_at: plan.schedule.opens_at,
            early_at: plan.schedule.early_at(),
            only_early: false,
            plan,
            token: seed.number("claim-token"),
            seed,
            phase: Phase::Draft,
            reasons: Vec::new(),
            closes_at: None,
            ended: None,
            final_at: None,
            amendment: 0,
            funded: Fen::ZERO,
            kind: None,
        }
    }

    /// Drives the clients' animation before and during a rain; has nothing to do with who gets what.
    pub fn animation_seed(&self) -> u64 {
        self.seed.number("animation")
    }

    /// A draw's own secret, published when it is drawn.
    pub fn draw_seed(&self) -> Digest {
        Digest(self.seed.secret("draw"))
    }

    /// What is published of it before entries open.
    pub fn draw_commitment(&self) -> Digest {
        Digest::of(&self.draw_seed().0)
    }

    /// A draw's rules, as they are published.
    pub fn draw_rules(&self) -> Option<DrawRules> {
        match &self.plan.kind {
            KindPlan::Draw(plan) => Some(DrawRules::of(self, plan)),
            _ => None,
        }
    }

    /// When everybody may take part if it opens at `now`. Whoever enters early has the same head start when a host opens it by
    /// hand; one that time opens late does not keep the others waiting.
    pub fn opens_to_all_at(&self, now: Time, by_hand: bool) -> Time {
        match self.plan.schedule.early {
            Some(early) if by_hand => now.after_ms(early.ms()),
            Some(_) => self.opens_at.map_or(now, |at| at.max(now)),
            None => now,
        }
    }

    /// It opens at `now`, for everybody or at first for those who enter early.
    pub fn open(&mut self, now: Time, by_hand: bool) {
        let to_all = self.opens_to_all_at(now, by_hand);
        self.only_early = to_all > now;
        self.early_at = self.only_early.then_some(now);
        self.opens_at = Some(to_all);
        self.closes_at = Some(self.plan.closes_at(to_all));
    }

    /// Whether one of a tier may take part by now, where some enter early.
    pub fn may_enter(&self, tier: impl FnOnce() -> Tier, now: Time) -> Result<(), Refusal> {
        match (self.plan.schedule.early, self.opens_at) {
            (Some(early), Some(at)) if self.only_early && tier() < early.tier => Err(early.refusal(at.since(now))),
            _ => Ok(()),
        }
    }

    /// When the timer has something to do here next.
    pub fn deadline(&self) -> Option<Time> {
        match self.phase {
            Phase::Scheduled if self.plan.schedule.warm_up_ms > 0 => {
                self.first_opening().map(|at| at.before_ms(self.plan.schedule.warm_up_ms))
            }
            Phase::Scheduled | Phase::WarmUp => self.first_opening(),
            Phase::Open => {
                let to_all = self.opens_at.filter(|_| self.only_early);
                [to_all, self.next_wave_at(), self.emptied_at(), self.closes_at].into_iter().flatten().min()
            }
            Phase::Closed => match (&self.kind, &self.plan.kind) {
                (Some(Kind::Draw(draw)), KindPlan::Draw(plan)) => draw.deadline(plan, self.closes_at),
                _ => self.closes_at.filter(|_| self.is_resolved()),
            },
            _ => None,
        }
    }

    /// Whether something is asked of those who take part: facts that may come and go.
    pub fn asks_something(&self) -> bool {
        self.ended.is_none() && (self.only_early || !self.plan.conditions.is_none())
    }

    /// When the first may take part.
    pub fn first_opening(&self) -> Option<Time> {
        self.early_at.or(self.opens_at)
    }

    /// When the next wave of a rain comes.
    pub fn next_wave_at(&self) -> Option<Time> {
        let (Some(Kind::Rain(rain)), KindPlan::Rain(plan)) = (&self.kind, &self.plan.kind) else { return None };
        let wave = plan.waves.get(rain.waves_released as usize)?;
        self.opens_at.map(|at| at.after_ms(wave.after_ms))
    }

    /// When there was nothing left in what closes then.
    pub fn emptied_at(&self) -> Option<Time> {
        match (self.kind.as_ref()?, &self.plan.kind) {
            (Kind::Bag(bag), KindPlan::Bag(plan)) if plan.closes_empty() => bag.emptied_at(),
            _ => None,
        }
    }

    /// Whether nothing is left that could still end one way or the other.
    pub fn is_resolved(&self) -> bool {
        match &self.kind {
            Some(Kind::Sale(sale)) => sale.reserved_orders == 0,
            _ => true,
        }
    }

    /// The goals of an opened watch task or check-in.
    pub fn goals(&self) -> Option<&GoalPools> {
        match self.kind.as_ref()? {
            Kind::WatchTask(goals) | Kind::CheckIn(goals) => Some(goals),
            Kind::Rain(_) | Kind::Sale(_) | Kind::Draw(_) | Kind::Drop(_) | Kind::Bag(_) => None,
            Kind::Poll(_) | Kind::Enrolment(_) => None,
        }
    }

    /// A goal, from 0.
    pub fn goal(&self, goal: u16) -> Option<&GoalPlan> {
        self.plan.kind.goals().get(usize::from(goal))
    }

    /// Whether whoever fires at it now is caught: from when it is scheduled to its end.
    pub fn catches(&self) -> bool {
        self.plan.decoy.is_some() && self.phase >= Phase::Scheduled && !self.phase.is_final()
    }

    /// How many units of its giveaway one user may have; `None` where there is none.
    pub fn grants_per_user(&self) -> Option<u32> {
        match &self.plan.kind {
            KindPlan::Rain(plan) => Some(plan.grants_per_user),
            KindPlan::Drop(plan) => Some(plan.grants_per_user),
            KindPlan::Bag(_) => Some(1),
            KindPlan::Sale(_) | KindPlan::WatchTask(_) | KindPlan::CheckIn(_) => None,
            KindPlan::Draw(_) | KindPlan::Poll(_) | KindPlan::Enrolment(_) => None,
        }
    }

    /// What unit `unit` of the giveaway holds; `None` if there is no such unit.
    pub fn prize(&self, unit: u32) -> Option<Prize> {
        match (self.kind.as_ref()?, &self.plan.kind) {
            (Kind::Rain(rain), KindPlan::Rain(plan)) => rain.prize(plan, unit),
            (Kind::Drop(_), KindPlan::Drop(plan)) => Some(Prize::Coupon(plan.template.to_string())),
            (Kind::Bag(bag), KindPlan::Bag(plan)) => bag.prize(plan, unit),
            _ => None,
        }
    }

    /// How unit `unit` of a giveaway or of goals was given, if it was. Winners of draws hear of their prizes otherwise.
    pub fn grant(&self, unit: u32) -> Option<Grant> {
        if let Some(goals) = self.goals() {
            return goals.grant(self.plan.kind.goals(), self.id, unit);
        }
        let taken = self.kind.as_ref()?.giveaway()?.taken(unit)?;
        let prize = self.prize(unit)?;
        let coupon = matches!(prize, Prize::Coupon(_)).then_some(CouponId(taken.event));
        Some(Grant { activity: self.id, slot: taken.slot, prize, at: taken.at, coupon, hold: None })
    }

    /// Gives the next unit of the giveaway to `user`: what it holds, if there is one.
    pub fn give(&mut self, user: UserId, at: Time, event: u64) -> Option<Prize> {
        let unit = match (self.kind.as_mut()?, &self.plan.kind) {
            (Kind::Rain(rain), _) => rain.give(user, at, event),
            (Kind::Drop(drop), _) => drop.giveaway.give(user, at, event),
            (Kind::Bag(bag), KindPlan::Bag(plan)) => bag.give(plan, user, at, event),
            _ => return None,
        };
        self.prize(unit)
    }

    /// Cash that was paid in and not given.
    pub fn unspent(&self) -> Fen {
        let paid = match &self.kind {
            Some(Kind::Rain(rain)) => rain.paid,
            Some(Kind::WatchTask(goals) | Kind::CheckIn(goals)) => goals.paid,
            Some(Kind::Draw(draw)) => draw.paid,
            Some(Kind::Bag(bag)) => bag.paid,
            _ => Fen::ZERO,
        };
        self.funded.minus(paid).expect("shares never exceed the funding")
    }

    /// How `amount` comes from the sponsor.
    pub fn funding(&self, amount: Fen) -> Posting {
        Posting {
            from: Account::Wallet(self.plan.sponsor),
            to: Account::Escrow(self.id),
            currency: Currency::Fen,
            amount: amount.get(),
        }
    }
}
