//! An activity: a time-boxed mechanic in a room, whatever its kind.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::{
    Account, ActivityId, Bag, BagContents, BagPlan, CheckInPlan, Codes, Conditions, CouponDrop, CouponDropPlan,
    CouponId, Currency, DecoyPlan, Digest, Draw, DrawPlan, DrawRules, EarlyEntry, Enrolment, EnrolmentPlan, Fen,
    Giveaway, GoalPlan, GoalPools, Grant, Limits, Occasion, Phase, Poll, PollPlan, Posting, Prize, Rain, RainPlan,
    Refusal, RoomId, Sale, SalePlan, Seed, SkuId, StockError, Tier, Time, UnitPool, UserId, WatchTaskPlan,
};

/// What a host asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// Its name for people: 1 to 200 bytes.
    pub title: String,
    /// Whose wallet pays.
    pub sponsor: UserId,
    /// When it happens.
    pub schedule: Schedule,
    /// How often one user may win, beyond the activity's own limit.
    pub limits: Limits,
    /// What happens.
    pub kind: KindPlan,
    /// Who may take part.
    pub conditions: Conditions,
    /// No client shows it, and it gives nothing: whoever fires at it is a script.
    pub decoy: Option<DecoyPlan>,
}

/// When an activity happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Schedule {
    /// When it opens; `None` waits for the host.
    pub opens_at: Option<Time>,
    /// How long before its first opening it is announced, ms.
    pub warm_up_ms: u64,
    /// Who may take part before the others.
    pub early: Option<EarlyEntry>,
}

/// The kinds of activities, as planned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KindPlan {
    /// Red-packet rain 红包雨.
    Rain(RainPlan),
    /// Flash sale 限时秒杀.
    Sale(SalePlan),
    /// Watch task 观看N分钟解锁.
    WatchTask(WatchTaskPlan),
    /// Check-in 直播打卡.
    CheckIn(CheckInPlan),
    /// A draw: lucky bag 福袋, keyword draw 口令抽奖 or mic-link draw 连麦抽奖.
    Draw(Box<DrawPlan>),
    /// Poll, wish list 心愿单.
    Poll(PollPlan),
    /// Enrolment 优先报名.
    Enrolment(EnrolmentPlan),
    /// Coupon drop 万券齐发.
    Drop(CouponDropPlan),
    /// A lucky bag 福袋 that is not drawn: for newcomers, or of codes.
    Bag(BagPlan),
}

/// What is wrong with a plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field} {why}")]
pub struct PlanError {
    /// Which parameter.
    pub field: &'static str,
    /// What it should be.
    pub why: Cow<'static, str>,
}

impl Plan {
    /// Checks everything that the types can't.
    pub fn check(&self) -> Result<(), PlanError> {
        let refuse = |field, why: &'static str| Err(PlanError { field, why: why.into() });
        if self.title.is_empty() || self.title.len() > 200 {
            return refuse("title", "must be 1 to 200 bytes");
        }
        if self.schedule.warm_up_ms > 86_400_000 {
            return refuse("warm_up_ms", "must be at most 86,400,000");
        }
        if let Some(early) = &self.schedule.early {
            early.check()?;
        }
        if self.schedule.opens_at.is_some_and(|at| at < Time::from_ms(0) || at > Time::MAX) {
            return refuse("opens_at_ms", "must be a time before the year 2200");
        }
        let most = Limits::WINS_MAX;
        if self.limits.per_room_day.is_some_and(|wins| wins == 0 || wins > most) {
            return refuse("limits.per_room_day", "must be 1 to 1,000");
        }
        let cap = self.limits.win_cap;
        if cap.is_some_and(|cap| cap.wins == 0 || cap.wins > most) {
            return refuse("limits.win_cap.wins", "must be 1 to 1,000");
        }
        if cap.is_some_and(|cap| cap.window_ms == 0 || cap.window_ms > 31 * 86_400_000) {
            return refuse("limits.win_cap.window_ms", "must be 1 ms to 31 days");
        }
        self.conditions.check()?;
        self.decoy.as_ref().map_or(Ok(()), |decoy| decoy.check(self))?;
        match &self.kind {
            KindPlan::Rain(rain) => rain.check(),
            // Better refused than promised and not kept: what one user may buy is each item's own limit.
            KindPlan::Sale(_) if !self.limits.is_none() => refuse("limits", "count wins, which a sale has none of"),
            KindPlan::Sale(sale) => sale.check(),
            KindPlan::WatchTask(_) | KindPlan::CheckIn(_) if !self.limits.is_none() => {
                refuse("limits", "count wins, and what is earned is none")
            }
            KindPlan::WatchTask(task) => task.check(),
            KindPlan::CheckIn(check_in) => check_in.check(),
            KindPlan::Draw(draw) => {
                draw.check()?;
                match self.schedule.opens_at {
                    Some(at) => draw.may_close_at(at.after_ms(draw.duration_ms)),
                    None => Ok(()),
                }
            }
            KindPlan::Poll(_) | KindPlan::Enrolment(_) if !self.limits.is_none() => {
                refuse("limits", "count wins, which neither a poll nor an enrolment has")
            }
            KindPlan::Poll(poll) => poll.check(),
            KindPlan::Enrolment(enrolment) => enrolment.check(),
            KindPlan::Drop(drop) => drop.check(),
            KindPlan::Bag(bag) => bag.check(&self.conditions),
        }
    }

    /// What the review finds wanting (直播前审核); empty if it passes.
    pub fn review(&self) -> Vec<String> {
        let KindPlan::Sale(sale) = &self.kind else { return Vec::new() };
        let missing = |sku: SkuId, what: &str| format!("item {sku} names no {what}");
        let mut reasons = Vec::new();
        for sku in &sale.skus {
            if sku.quality_report.is_none() {
                reasons.push(missing(sku.sku, "quality report"));
            }
            if sku.trace_certificate.is_none() {
                reasons.push(missing(sku.sku, "traceability certificate"));
            }
        }
        reasons
    }

    /// What people will read or are to say: the title, keywords, and what the kind adds. It passes the filter before it goes live.
    pub fn copy(&self) -> impl Iterator<Item = &str> {
        let keyword = self.conditions.keyword.as_deref();
        let more: Vec<&str> = match &self.kind {
            KindPlan::Sale(sale) => sale.skus.iter().map(|sku| sku.title.as_str()).collect(),
            KindPlan::Poll(poll) => poll.options.iter().map(String::as_str).collect(),
            KindPlan::Rain(_) | KindPlan::WatchTask(_) | KindPlan::CheckIn(_) => Vec::new(),
            KindPlan::Enrolment(_) | KindPlan::Drop(_) => Vec::new(),
            KindPlan::Bag(bag) => match &bag.contents {
                BagContents::Newcomer { prize: Prize::Item(item), .. } => vec![item.as_str()],
                BagContents::Newcomer { .. } | BagContents::Codes(_) => Vec::new(),
            },
            KindPlan::Draw(draw) => {
                let keyword = match &draw.occasion {
                    Occasion::Keyword(word) => Some(word.as_str()),
                    Occasion::LuckyBag | Occasion::MicLink => None,
                };
                draw.prizes.iter().map(|prize| prize.title.as_str()).chain(keyword).collect()
            }
        };
        std::iter::once(self.title.as_str()).chain(keyword).chain(more)
    }

    /// What the sponsor pays in before anything opens.
    pub fn funding(&self) -> Fen {
        match &self.kind {
            _ if self.decoy.is_some() => Fen::ZERO,
            KindPlan::Rain(rain) => rain.budget,
            KindPlan::Sale(_) | KindPlan::Drop(_) | KindPlan::Poll(_) | KindPlan::Enrolment(_) => Fen::ZERO,
            KindPlan::WatchTask(_) | KindPlan::CheckIn(_) => {
                GoalPlan::cash(self.kind.goals()).expect("the plan was checked")
            }
            KindPlan::Draw(draw) => draw.cash().unwrap_or(Fen::ZERO),
            KindPlan::Bag(bag) => bag.cash_for(bag.count()).unwrap_or(Fen::ZERO),
        }
    }

    /// When claims end if they begin at `opened`: a draw with a beacon is late rather than open when that is known.
    pub fn closes_at(&self, opened: Time) -> Time {
        let at = opened.after_ms(self.duration_ms());
        match &self.kind {
            KindPlan::Draw(draw) => draw.frozen_by().map_or(at, |by| at.min(by)),
            _ => at,
        }
    }

    /// The coupons that it is to give: the name that stands in the plan, and how many. Where the room has a template of that
    /// name they are set apart before anything opens; where it has none, the name is all that a winner gets, and whoever
    /// hears of it keeps the promise.
    pub fn coupons(&self) -> Vec<(&str, u32)> {
        match &self.kind {
            KindPlan::Rain(rain) => rain.bonus.iter().map(|bonus| (bonus.coupon.as_str(), bonus.shares)).collect(),
            KindPlan::Drop(drop) => vec![(drop.template.as_str(), drop.coupons)],
            KindPlan::Bag(bag) => bag.coupon().map(|name| (name, bag.count())).into_iter().collect(),
            KindPlan::Sale(_) | KindPlan::Draw(_) | KindPlan::Poll(_) | KindPlan::Enrolment(_) => Vec::new(),
            KindPlan::WatchTask(_) | KindPlan::CheckIn(_) => {
                let goals = self.kind.goals().iter();
                goals.filter_map(|goal| Some((goal.prize.coupon()?, goal.count))).collect()
            }
        }
    }

    /// The coupons that an amendment adds.
    pub fn added_coupons(&self, amendment: &Amendment) -> Vec<(&str, u32)> {
        match &self.kind {
            KindPlan::Drop(drop) if amendment.shares > 0 => vec![(drop.template.as_str(), amendment.shares)],
            KindPlan::Bag(bag) if amendment.shares > 0 => {
                bag.coupon().map(|name| (name, amendment.shares)).into_iter().collect()
            }
            KindPlan::WatchTask(_) | KindPlan::CheckIn(_) => {
                let added = amendment.stock.iter().filter(|(_, units)| *units > 0);
                let goals = added.filter_map(|(goal, units)| {
                    let goal = self.kind.goals().get(goal.0.checked_sub(1)? as usize)?;
                    Some((goal.prize.coupon()?, units.unsigned_abs()))
                });
                goals.collect()
            }
            KindPlan::Drop(_) | KindPlan::Bag(_) | KindPlan::Rain(_) | KindPlan::Sale(_) => Vec::new(),
            KindPlan::Draw(_) | KindPlan::Poll(_) | KindPlan::Enrolment(_) => Vec::new(),
        }
    }

    /// How long it stays open, ms.
    pub fn duration_ms(&self) -> u64 {
        match &self.kind {
            KindPlan::Rain(rain) => rain.duration_ms,
            KindPlan::Sale(sale) => sale.duration_ms,
            KindPlan::WatchTask(task) => task.duration_ms,
            KindPlan::CheckIn(check_in) => check_in.duration_ms,
            KindPlan::Draw(draw) => draw.duration_ms,
            KindPlan::Poll(poll) => poll.duration_ms,
            KindPlan::Enrolment(enrolment) => enrolment.duration_ms,
            KindPlan::Drop(drop) => drop.duration_ms,
            KindPlan::Bag(bag) => bag.duration_ms,
        }
    }
}

impl KindPlan {
    /// The goals that it has prizes for; none where it has no goals.
    pub fn goals(&self) -> &[GoalPlan] {
        match self {
            Self::WatchTask(task) => &task.steps,
            Self::CheckIn(check_in) => &check_in.streaks,
            Self::Rain(_) | Self::Sale(_) | Self::Draw(_) | Self::Drop(_) | Self::Bag(_) => &[],
            Self::Poll(_) | Self::Enrolment(_) => &[],
        }
    }
}

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

/// A change to an open activity (追加库存、延长活动). What is not named stays.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Amendment {
    /// Units added to (or, below zero, taken from) items of a sale.
    pub stock: Vec<(SkuId, i32)>,
    /// Cash added to a rain, fen, from the sponsor's wallet…
    pub budget: Fen,
    /// …in as many new shares. Or so many coupons added to a drop, prizes to a bag for newcomers.
    pub shares: u32,
    /// A later end.
    pub extend_ms: u64,
    /// Codes added to a bag of codes.
    pub codes: Codes,
}

/// Why an amendment is not possible.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AmendError {
    /// It changes nothing, or names what the kind does not have.
    #[error("{0}")]
    Invalid(&'static str),
    /// The sale has no such item.
    #[error("the sale has no item {0}")]
    UnknownSku(SkuId),
    /// Stock can't change so.
    #[error("item {0}: {1}")]
    Stock(SkuId, StockError),
    /// The added budget can't be split into the added shares.
    #[error("{0}")]
    Plan(#[from] PlanError),
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

    /// Makes an amendment that [`Self::may_amend`] allowed. `event` is its event's number.
    pub fn amend(&mut self, event: u64, number: u32, amendment: &Amendment) {
        self.amendment = number;
        self.closes_at = self.closes_at.map(|at| at.after_ms(amendment.extend_ms));
        self.funded = self.funded.plus(amendment.budget).expect("the amendment was checked");
        match (&mut self.kind, &self.plan.kind) {
            (Some(Kind::Rain(rain)), KindPlan::Rain(plan)) if amendment.shares > 0 => {
                rain.add(plan, &self.seed, number, amendment.budget, amendment.shares);
            }
            (Some(Kind::WatchTask(goals) | Kind::CheckIn(goals)), _) => goals.amend(amendment),
            (Some(Kind::Drop(drop)), _) => drop.giveaway.pool.add(amendment.shares),
            (Some(Kind::Bag(bag)), _) => bag.amend(amendment),
            (Some(Kind::Sale(sale)), _) => {
                for &(sku, units) in &amendment.stock {
                    let pool = sale.pool_mut(sku);
                    if units > 0 {
                        pool.add(units.unsigned_abs());
                    } else {
                        pool.write_off(units.unsigned_abs(), event);
                    }
                }
            }
            _ => {}
        }
    }

    /// Whether `amendment` may be made.
    pub fn may_amend(&self, amendment: &Amendment) -> Result<(), AmendError> {
        if *amendment == Amendment::default() {
            return Err(AmendError::Invalid("an amendment changes something"));
        }
        if self.plan.decoy.is_some() && (amendment.shares > 0 || amendment.budget > Fen::ZERO) {
            return Err(AmendError::Invalid("only the end of a decoy changes"));
        }
        if amendment.extend_ms > 86_400_000 {
            return Err(AmendError::Invalid("extend_ms must be at most 86,400,000"));
        }
        if amendment.codes.count() > 0 && !matches!(self.kind, Some(Kind::Bag(_))) {
            return Err(AmendError::Invalid("only a bag of codes is given codes"));
        }
        match (&self.kind, &self.plan.kind) {
            (Some(Kind::Bag(bag)), KindPlan::Bag(plan)) => {
                let total = self.funded.plus(amendment.budget);
                total.map_err(|_| AmendError::Invalid("must not cost more than 10^13 fen"))?;
                bag.may_amend(plan, amendment)
            }
            (Some(Kind::Sale(sale)), _) => {
                if amendment.shares > 0 || amendment.budget > Fen::ZERO {
                    return Err(AmendError::Invalid("a sale has no shares and no budget"));
                }
                for (place, &(id, units)) in amendment.stock.iter().enumerate() {
                    if units == 0 || amendment.stock[..place].iter().any(|(other, _)| *other == id) {
                        return Err(AmendError::Invalid("stock changes name an item once, and some units"));
                    }
                    let sku = sale.sku(id).ok_or(AmendError::UnknownSku(id))?;
                    sku.pool.may_change(units).map_err(|why| AmendError::Stock(id, why))?;
                }
                Ok(())
            }
            (Some(Kind::Rain(rain)), KindPlan::Rain(plan)) => {
                if !amendment.stock.is_empty() {
                    return Err(AmendError::Invalid("a rain has no items"));
                }
                let units = i32::try_from(amendment.shares).unwrap_or(i32::MAX);
                if rain.giveaway.pool.may_change(units).is_err() || self.funded.plus(amendment.budget).is_err() {
                    return Err(AmendError::Invalid("a rain has at most 10,000,000 shares and 10^13 fen"));
                }
                Ok(plan.check_cash(amendment.budget, u64::from(amendment.shares))?)
            }
            (Some(Kind::WatchTask(goals) | Kind::CheckIn(goals)), _) => {
                let total = self.funded.plus(amendment.budget);
                total.map_err(|_| AmendError::Invalid("must not cost more than 10^13 fen"))?;
                goals.may_amend(self.plan.kind.goals(), amendment)
            }
            (Some(Kind::Draw(_)), _) => {
                Err(AmendError::Invalid("a draw's rules are published: nothing of it is amended"))
            }
            (Some(Kind::Poll(_) | Kind::Enrolment(_)), _) => {
                if amendment.shares > 0 || amendment.budget > Fen::ZERO || !amendment.stock.is_empty() {
                    return Err(AmendError::Invalid("only the end of a poll or an enrolment changes"));
                }
                Ok(())
            }
            (Some(Kind::Drop(drop)), _) => {
                if !amendment.stock.is_empty() || amendment.budget > Fen::ZERO {
                    return Err(AmendError::Invalid("a drop has coupons (shares), no items and no budget"));
                }
                let units = i32::try_from(amendment.shares).unwrap_or(i32::MAX);
                let fits = drop.giveaway.pool.may_change(units);
                fits.map_err(|_| AmendError::Invalid("a drop has at most 10,000,000 coupons"))
            }
            _ => Err(AmendError::Invalid("only an open activity is amended")),
        }
    }
}
