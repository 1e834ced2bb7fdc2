//! How risky accounts are judged to be.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::user_id;
use crate::api::problem::Problem;
use crate::rules::{Risk, RiskReason, Time, UserId};

/// A judgement of an account.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct NewRisk {
    /// How likely the account is a bot's, 0 to 100.
    pub score: u8,
    /// Why, in a word: 1 to 39 of `A-Z a-z 0-9 _ . -`.
    pub reason: String,
    /// Until when it counts: at most 366 days.
    pub until_ms: i64,
}

/// A judgement of one account among several.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct NewRiskOf {
    /// Whose account.
    pub user: String,
    /// How likely it is a bot's, 0 to 100.
    pub score: u8,
    /// Why, in a word.
    pub reason: String,
    /// Until when it counts.
    pub until_ms: i64,
}

/// What an account is judged to be.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct RiskShape {
    /// Whose account.
    pub user: String,
    /// How likely it is a bot's, 0 to 100.
    pub score: u8,
    /// Why, in a word.
    pub reason: String,
    /// Until when it counts.
    pub until_ms: i64,
}

/// How many accounts were judged.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct RisksJudgedShape {
    /// How many.
    pub judged: u32,
}

impl NewRisk {
    pub(in crate::api) fn risk(&self) -> Result<Risk, Problem> {
        let reason = RiskReason::parse(&self.reason).map_err(|why| Problem::invalid(format!("reason {why}")))?;
        Ok(Risk { score: self.score, reason, until: Time::from_ms(self.until_ms) })
    }
}

impl NewRiskOf {
    pub(in crate::api) fn risk(self) -> Result<(UserId, Risk), Problem> {
        let Self { user, score, reason, until_ms } = self;
        Ok((user_id(&user)?, NewRisk { score, reason, until_ms }.risk()?))
    }
}

impl RiskShape {
    pub(in crate::api) fn of(user: UserId, risk: &Risk) -> Self {
        let Risk { score, reason, until } = *risk;
        Self { user: user.to_string(), score, reason: reason.to_string(), until_ms: until.ms() }
    }
}
