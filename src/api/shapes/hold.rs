//! Cash that is held, and from which risk on it is.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::api::problem::Problem;
use crate::rules::{ActivityId, Hold, HoldPolicy, RoomId, UnitId};

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
    /// Which unit of the activity it is, from 0: which share, or the rank of a draw's winner.
    pub unit: u32,
    /// Whose.
    pub user: String,
    /// How much.
    pub amount_fen: i64,
    /// When it is credited by itself.
    pub until_ms: i64,
    /// `held`, `credited` or `forfeited`.
    pub state: &'static str,
}

/// Which page of the holds.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct WhichHolds {
    /// What the page before said is next; the first page if not named.
    pub after: Option<String>,
    /// How many, 1 to 1,000; 100 if not named.
    pub limit: Option<u32>,
}

/// A page of holds, by activity and unit.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct HoldsShape {
    /// What is or was held.
    pub holds: Vec<HoldShape>,
    /// What to ask for the next page with; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
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

impl WhichHolds {
    /// After which, and how many.
    pub(in crate::api) fn bounded(&self) -> Result<(Option<UnitId>, u32), Problem> {
        let limit = self.limit.unwrap_or(100);
        if !(1..=1_000).contains(&limit) {
            return Err(Problem::invalid("limit must be 1 to 1,000"));
        }
        let unit = |after: &String| {
            let (activity, unit) = after.split_once('.')?;
            Some((ActivityId(activity.parse().ok()?), unit.parse().ok()?))
        };
        let after = self.after.as_ref().map(|after| unit(after).ok_or("after is what next said"));
        Ok((after.transpose().map_err(Problem::invalid)?, limit))
    }
}

impl HoldsShape {
    /// A page of so many. One more was asked for: only that tells whether there is a next page.
    pub(in crate::api) fn of(holds: &[(RoomId, UnitId, Hold)], limit: u32) -> Self {
        let page = &holds[..holds.len().min(limit as usize)];
        let last = page.last().filter(|_| page.len() < holds.len());
        Self {
            holds: page.iter().map(|(room, id, hold)| HoldShape::of(*room, *id, hold)).collect(),
            next: last.map(|(_, (activity, unit), _)| format!("{activity}.{unit}")),
        }
    }
}

impl HoldShape {
    fn of(room: RoomId, (activity, unit): UnitId, hold: &Hold) -> Self {
        Self {
            room: room.to_string(),
            activity: activity.0,
            unit,
            user: hold.user.to_string(),
            amount_fen: hold.amount.get(),
            until_ms: hold.until.ms(),
            state: hold.state.word(),
        }
    }
}
