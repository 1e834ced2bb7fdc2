//! Red-packet rain.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Problem, fen, one_u32};
use crate::rules::{BonusPlan, RainPlan, RainSummary, Split, WavePlan};

/// A red-packet rain.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct NewRain {
    /// All the cash.
    pub budget_fen: i64,
    /// Shares, coupons included; or give `waves`.
    pub shares: Option<u32>,
    /// When how many shares come; what one wave leaves over joins the next.
    pub waves: Option<Vec<NewWave>>,
    /// How the cash is split.
    #[serde(default)]
    pub split: NewSplit,
    /// Smallest cash share, at least 1.
    #[serde(default = "one")]
    pub share_min_fen: i64,
    /// Largest cash share; the budget if not named.
    pub share_max_fen: Option<i64>,
    /// 5,000 to 120,000.
    pub duration_ms: u64,
    /// 1 to 99.
    #[serde(default = "one_u32")]
    pub grants_per_user: u32,
    /// Shares that are coupons instead of cash.
    #[serde(default)]
    pub bonus: Vec<NewBonus>,
}

/// How cash is split into shares.
#[derive(Debug, Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::api) enum NewSplit {
    /// As equal as whole fen allow.
    Equal,
    /// By chance.
    #[default]
    Random,
}

/// One wave.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct NewWave {
    /// After the opening.
    pub after_ms: u64,
    /// Shares.
    pub shares: u32,
}

/// Coupons among the shares.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct NewBonus {
    /// The coupon template, 1 to 64 bytes.
    pub coupon: String,
    /// How many.
    pub shares: u32,
}

/// What came of a rain.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct RainResultShape {
    /// Users who got at least one share.
    pub winners: u32,
    /// Shares given.
    pub grants: u32,
    /// Cash given.
    pub total_fen: i64,
    /// 手气最佳.
    pub luckiest: Option<String>,
    /// How much that was.
    pub luckiest_fen: i64,
}

impl NewRain {
    pub(super) fn plan(self) -> Result<RainPlan, Problem> {
        let waves = match (self.shares, self.waves) {
            (Some(shares), None) => vec![WavePlan { after_ms: 0, shares }],
            (None, Some(waves)) => {
                waves.into_iter().map(|NewWave { after_ms, shares }| WavePlan { after_ms, shares }).collect()
            }
            _ => return Err(Problem::invalid("a rain has exactly one of shares and waves")),
        };
        let bonus = self.bonus.into_iter().map(|NewBonus { coupon, shares }| BonusPlan { coupon, shares });
        let budget = fen("budget_fen", self.budget_fen)?;
        let share_min = fen("share_min_fen", self.share_min_fen)?;
        let share_max = match self.share_max_fen {
            Some(max) => fen("share_max_fen", max)?,
            None => budget.max(share_min),
        };
        Ok(RainPlan {
            budget,
            split: match self.split {
                NewSplit::Equal => Split::Equal,
                NewSplit::Random => Split::Random,
            },
            share_min,
            share_max,
            duration_ms: self.duration_ms,
            grants_per_user: self.grants_per_user,
            waves,
            bonus: bonus.collect(),
        })
    }
}

impl From<&RainSummary> for RainResultShape {
    fn from(summary: &RainSummary) -> Self {
        Self {
            winners: summary.winners,
            grants: summary.grants,
            total_fen: summary.total.get(),
            luckiest: summary.luckiest.as_ref().map(|(user, _)| user.to_string()),
            luckiest_fen: summary.luckiest.as_ref().map_or(0, |(_, cash)| cash.get()),
        }
    }
}

fn one() -> i64 {
    1
}
