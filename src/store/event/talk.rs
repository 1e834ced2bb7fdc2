//! What happened around talk.

use serde::{Deserialize, Serialize};

use super::Cause;
use crate::rules::{ActivityId, Choice, Fingerprint, RequestId, Sanction, Tier, Time, UserId};

/// Events around talk. Variants and fields are part of the log's format: new ones go at the end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TalkEvent {
    /// A ballot counts, in the place of the user's earlier one.
    Voted {
        /// In this poll.
        activity: ActivityId,
        /// Whose.
        user: UserId,
        /// For what.
        choice: Choice,
        /// The request.
        request: RequestId,
        /// Its parameters.
        fingerprint: Fingerprint,
    },
    /// Somebody wants a place.
    SignedUp {
        /// In this enrolment.
        activity: ActivityId,
        /// Who.
        user: UserId,
        /// The tier that the user has.
        tier: Tier,
        /// The n-th to sign up.
        place: u32,
        /// The request.
        request: RequestId,
        /// Its parameters.
        fingerprint: Fingerprint,
    },
    /// Somebody is muted or banned.
    Imposed {
        /// Who.
        user: UserId,
        /// What.
        sanction: Sanction,
        /// Until when.
        until: Time,
        /// Who caused it.
        cause: Cause,
    },
    /// A sanction was taken back.
    Lifted {
        /// Whose.
        user: UserId,
        /// Which.
        sanction: Sanction,
        /// Who caused it.
        cause: Cause,
    },
}

impl TalkEvent {
    /// Who asked for it under which name.
    pub fn request(&self) -> Option<(UserId, RequestId)> {
        match self {
            Self::Voted { user, request, .. } | Self::SignedUp { user, request, .. } => Some((*user, *request)),
            Self::Imposed { cause, .. } | Self::Lifted { cause, .. } => {
                Some((cause.by?, cause.request.map(|(request, _)| request)?))
            }
        }
    }

    /// The activity it concerns.
    pub fn activity(&self) -> Option<ActivityId> {
        match self {
            Self::Voted { activity, .. } | Self::SignedUp { activity, .. } => Some(*activity),
            Self::Imposed { .. } | Self::Lifted { .. } => None,
        }
    }
}
