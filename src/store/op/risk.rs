//! What is asked about the risk of accounts.

use serde::{Deserialize, Serialize};

use super::fingerprint::encoded;
use crate::rules::{ActivityId, Fingerprint, HoldPolicy, HoldState, Risk, UserId};

/// Operations about risk. An account is the same in all rooms, so they are [`Partition::Platform`](super::Partition::Platform)'s, but for
/// those on what is held, and on decoys: that is of a room. Variants and fields are part of a log's format: new ones go at the end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum RiskAsk {
    /// What accounts are judged to be, in the place of what they were before: 1 to [`RiskAsk::BATCH_MAX`], each once.
    Judge {
        /// Who, and how risky.
        accounts: Vec<(UserId, Risk)>,
    },
    /// An account is not judged any more.
    Acquit {
        /// Whose.
        user: UserId,
    },
    /// Time has come for a judgement's end.
    Lapse {
        /// Of whom.
        user: UserId,
    },
    /// From which risk on cash is held; `None`: never.
    SetPolicy {
        /// From now on; what is held stays so.
        policy: Option<HoldPolicy>,
    },
    /// Cash that is held goes where it belongs: by word, or because its time has come.
    EndHold {
        /// Of which activity.
        activity: ActivityId,
        /// Of which of its units.
        unit: u32,
        /// [`HoldState::Credited`] or [`HoldState::Forfeited`]; by time it is always credited.
        how: HoldState,
    },
    /// The asker has fired at a decoy. It is the server that says so, after it has answered.
    Catch {
        /// Which.
        activity: ActivityId,
    },
}

/// Answers to them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RiskAnswer {
    /// So many accounts are judged now.
    Judged(u32),
    /// The account is not judged any more.
    Acquitted,
    /// The policy counts from now on.
    PolicySet,
    /// The cash went there.
    HoldEnded(HoldState),
    /// Whoever it was is known.
    Caught,
}

impl RiskAsk {
    /// Most accounts of one operation.
    pub const BATCH_MAX: usize = 100;

    pub(super) fn fingerprint(&self) -> Fingerprint {
        match self {
            Self::Judge { accounts } => Fingerprint::of(90).bytes(&encoded(accounts)),
            Self::Acquit { user } => Fingerprint::of(91).bytes(user.as_str().as_bytes()),
            Self::Lapse { user } => Fingerprint::of(92).bytes(user.as_str().as_bytes()),
            Self::SetPolicy { policy } => Fingerprint::of(93).bytes(&encoded(policy)),
            Self::EndHold { activity, unit, how } => {
                Fingerprint::of(94).word(activity.0).word(u64::from(*unit)).word(*how as u64)
            }
            Self::Catch { activity } => Fingerprint::of(95).word(activity.0),
        }
    }

    /// At most so many bytes beyond names does its event take in the log.
    pub(super) fn event_bytes_max(&self) -> usize {
        match self {
            Self::Judge { accounts } => encoded(accounts).len(),
            Self::Acquit { .. }
            | Self::Lapse { .. }
            | Self::SetPolicy { .. }
            | Self::EndHold { .. }
            | Self::Catch { .. } => 0,
        }
    }
}
