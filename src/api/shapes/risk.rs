//! How risky accounts are judged to be, and their cash that is held.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::user_id;
use crate::api::problem::Problem;
use crate::rules::{Hold, HoldId, HoldPolicy, Risk, RiskReason, RoomId, Time, UserId};

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

/// From which risk on cash is held, and for how long.
#[derive(Debug, Clone, Copy, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct HoldPolicyShape {
    /// The lowest risk whose cash is held, 1 to 100.
    pub hold_from: u8,
    /// For how long: 1 s to 30 days.
    pub hold_s: u32,
}

/// Cash that is held, or was.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct HoldShape {
    /// Where it was won.
    pub room: String,
    /// In which activity.
    pub activity: u64,
    /// Which share it is.
    pub share: u32,
    /// Whose.
    pub user: String,
    /// How much.
    pub amount_fen: i64,
    /// When it is credited by itself.
    pub until_ms: i64,
    /// `held`, `credited` or `forfeited`.
    pub state: &'static str,
}

impl From<HoldPolicy> for HoldPolicyShape {
    fn from(policy: HoldPolicy) -> Self {
        Self { hold_from: policy.hold_from, hold_s: u32::try_from(policy.hold_ms / 1_000).unwrap_or(u32::MAX) }
    }
}

impl From<HoldPolicyShape> for HoldPolicy {
    fn from(shape: HoldPolicyShape) -> Self {
        Self { hold_from: shape.hold_from, hold_ms: u64::from(shape.hold_s) * 1_000 }
    }
}

impl HoldShape {
    pub(in crate::api) fn of(room: RoomId, (activity, share): HoldId, hold: &Hold) -> Self {
        Self {
            room: room.to_string(),
            activity: activity.0,
            share,
            user: hold.user.to_string(),
            amount_fen: hold.amount.get(),
            until_ms: hold.until.ms(),
            state: hold.state.word(),
        }
    }
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
