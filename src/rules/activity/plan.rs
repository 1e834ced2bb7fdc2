//! What a host asks for, and what is wrong with it.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::Amendment;
use crate::rules::{
    BagContents, BagPlan, CheckInPlan, Conditions, CouponDropPlan, DecoyPlan, DrawPlan, EarlyEntry, EnrolmentPlan, Fen,
    GoalPlan, Limits, Occasion, PollPlan, Prize, RainPlan, SalePlan, SkuId, Time, UserId, WatchTaskPlan,
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
