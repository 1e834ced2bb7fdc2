//! What happened around broadcasts and those who watch them.

use serde::{Deserialize, Serialize};

use super::Cause;
use crate::rules::{AccountFacts, Stay, Time, UserId};

/// Events around broadcasts and presence. Variants and fields are part of the log's format: new ones go at the end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PresenceEvent {
    /// The room went on air.
    BroadcastStarted {
        /// The room's n-th broadcast, from 1.
        broadcast: u32,
        /// Who caused it.
        cause: Cause,
    },
    /// The room went off air.
    BroadcastEnded {
        /// Which broadcast.
        broadcast: u32,
        /// Who caused it.
        cause: Cause,
    },
    /// Viewers were there, for longer than was known before.
    Watched {
        /// In which broadcast.
        broadcast: u32,
        /// From when.
        from: Time,
        /// Until when.
        until: Time,
        /// Who, and for which part of it. What overlaps with what was counted before counts once.
        stays: Box<[Stay]>,
    },
    /// A viewer's token said something new about the account.
    Introduced {
        /// Whose.
        user: UserId,
        /// What.
        account: AccountFacts,
    },
}

impl PresenceEvent {
    /// Who caused it; `None` for what time and presence bring.
    pub fn cause(&self) -> Option<&Cause> {
        match self {
            Self::BroadcastStarted { cause, .. } | Self::BroadcastEnded { cause, .. } => Some(cause),
            Self::Watched { .. } | Self::Introduced { .. } => None,
        }
    }
}
