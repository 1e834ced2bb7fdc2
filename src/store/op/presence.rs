//! What is asked about broadcasts and those who watch them.

use serde::{Deserialize, Serialize};

use super::fingerprint::encoded;
use crate::rules::{AccountFacts, Fingerprint, Stay, Time};

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
    /// Viewers were there: a report of many at once, about the latest broadcast.
    Present {
        /// Which broadcast.
        broadcast: u32,
        /// From when.
        from: Time,
        /// Until when.
        until: Time,
        /// Who, and for which part of it: at most [`Stay::REPORTED_MAX`].
        stays: Box<[Stay]>,
    },
    /// The asker's token says something about their account.
    Introduce {
        /// What.
        account: AccountFacts,
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
    /// At most so many bytes beyond names does its event take in the log.
    pub(super) fn event_bytes_max(&self) -> usize {
        match self {
            Self::Present { stays, .. } => stays.len() * 64,
            Self::StartBroadcast | Self::EndBroadcast { .. } | Self::Introduce { .. } => 0,
        }
    }

    pub(super) fn fingerprint(&self) -> Fingerprint {
        match self {
            Self::StartBroadcast => Fingerprint::of(60),
            Self::EndBroadcast { broadcast } => Fingerprint::of(61).word(u64::from(*broadcast)),
            Self::Present { .. } => Fingerprint::of(62).bytes(&encoded(self)),
            Self::Introduce { account } => Fingerprint::of(63).bytes(&encoded(account)),
        }
    }
}
