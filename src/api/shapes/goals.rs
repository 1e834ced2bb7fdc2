//! Watch tasks and check-ins: goals with prizes.

use serde::Deserialize;
use utoipa::ToSchema;

use super::{Problem, fen};
use crate::rules::{CheckInPlan, GoalPlan, Prize, WatchTaskPlan};

/// A watch task 观看N分钟解锁.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct NewWatchTask {
    /// 1 to 20 steps, in order; `at` is seconds watched of the broadcast, 1 to 86,400.
    pub steps: Vec<NewGoal>,
    /// 1,000 to 86,400,000.
    pub duration_ms: u64,
}

/// A check-in 直播打卡: once a day of the room's time zone, during a broadcast.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct NewCheckIn {
    /// Up to 20 prizes, in order; `at` is broadcast days in a row, 1 to 365.
    #[serde(default)]
    pub streaks: Vec<NewGoal>,
    /// 1,000 to 2,678,400,000 (31 days).
    pub duration_ms: u64,
}

/// A goal, and its prizes: exactly one of `amount_fen`, `coupon` and `item`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct NewGoal {
    /// Where it is.
    pub at: u32,
    /// How many prizes there are, 1 to 10,000,000.
    pub count: u32,
    /// Cash in each.
    pub amount_fen: Option<i64>,
    /// A coupon's template, 1 to 64 bytes.
    pub coupon: Option<String>,
    /// A thing, by its name: 1 to 64 bytes.
    pub item: Option<String>,
}

impl NewWatchTask {
    pub(super) fn plan(self) -> Result<WatchTaskPlan, Problem> {
        let steps = self.steps.into_iter().map(NewGoal::plan).collect::<Result<_, _>>()?;
        Ok(WatchTaskPlan { steps, duration_ms: self.duration_ms })
    }
}

impl NewCheckIn {
    pub(super) fn plan(self) -> Result<CheckInPlan, Problem> {
        let streaks = self.streaks.into_iter().map(NewGoal::plan).collect::<Result<_, _>>()?;
        Ok(CheckInPlan { streaks, duration_ms: self.duration_ms })
    }
}

impl NewGoal {
    fn plan(self) -> Result<GoalPlan, Problem> {
        let prize = match (self.amount_fen, self.coupon, self.item) {
            (Some(amount), None, None) => Prize::Cash(fen("amount_fen", amount)?),
            (None, Some(coupon), None) => Prize::Coupon(coupon),
            (None, None, Some(item)) => Prize::Item(item),
            _ => return Err(Problem::invalid("a goal has exactly one of amount_fen, coupon and item")),
        };
        Ok(GoalPlan { at: self.at, prize, count: self.count })
    }
}
