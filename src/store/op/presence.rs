//! What is asked about broadcasts and those who watch them.

use serde::{Deserialize, Serialize};

use crate::rules::Fingerprint;

/// Operations around broadcasts and presence. Variants and fields are part of a log's format: new ones go at the end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum PresenceAsk {
    /// The room goes on air.
    StartBroadcast,
    /// The room goes off air.
    EndBroadcast {
        /// Which broadcast: the one that is on.
        broadcast: u32,
    },
}

/// Answers to them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PresenceAnswer {
    /// The room is on air with this broadcast.
    OnAir(u32),
    /// This broadcast is over.
    OffAir(u32),
}

impl PresenceAsk {
    pub(super) fn fingerprint(&self) -> Fingerprint {
        match self {
            Self::StartBroadcast => Fingerprint::of(60),
            Self::EndBroadcast { broadcast } => Fingerprint::of(61).word(u64::from(*broadcast)),
        }
    }
}
