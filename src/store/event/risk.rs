//! What happened to the risk of accounts.

use serde::{Deserialize, Serialize};

use super::Cause;
use crate::rules::{ActivityId, Fen, HoldPolicy, HoldState, Risk, UserId};

/// Events about risk. Variants and fields are part of the log's format: new ones go at the end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RiskEvent {
    /// Accounts are judged so now, whatever they were before.
    Judged {
        /// Who, and how risky.
        accounts: Vec<(UserId, Risk)>,
        /// Who caused it.
        cause: Cause,
    },
    /// An account is not judged any more.
    Acquitted {
        /// Whose.
        user: UserId,
        /// Who caused it; nobody if its time was over.
        cause: Cause,
    },
    /// Cash is held from another risk on, or never.
    PolicySet {
        /// From now on.
        policy: Option<HoldPolicy>,
        /// Who caused it.
        cause: Cause,
    },
    /// Cash that was held went to its winner's wallet, or back to the sponsor's.
    HoldEnded {
        /// Of this activity.
        activity: ActivityId,
        /// Of this unit of it.
        unit: u32,
        /// Whose it was.
        user: UserId,
        /// How much.
        amount: Fen,
        /// Credited or forfeited.
        how: HoldState,
        /// Who caused it; nobody if its time had come.
        cause: Cause,
    },
    /// Somebody has fired at a decoy.
    Caught {
        /// Which.
        activity: ActivityId,
        /// What the account is judged to be now, if it was less before.
        risk: Option<Risk>,
        /// Who fired.
        cause: Cause,
    },
}

impl RiskEvent {
    /// Who caused it.
    pub fn cause(&self) -> &Cause {
        match self {
            Self::Judged { cause, .. }
            | Self::Acquitted { cause, .. }
            | Self::PolicySet { cause, .. }
            | Self::Caught { cause, .. }
            | Self::HoldEnded { cause, .. } => cause,
        }
    }

    /// The activity it concerns.
    pub fn activity(&self) -> Option<ActivityId> {
        match self {
            Self::HoldEnded { activity, .. } | Self::Caught { activity, .. } => Some(*activity),
            Self::Judged { .. } | Self::Acquitted { .. } | Self::PolicySet { .. } => None,
        }
    }
}
