//! What is asked about broadcasts and those who watch them.

use serde::{Deserialize, Serialize};

use super::fingerprint::encoded;
use crate::rules::{AccountFacts, ActivityId, Fingerprint, Grant, Stay, Talked, Time, UserId};

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
    /// The prize of a watch task's step.
    ClaimStep {
        /// Which watch task.
        activity: ActivityId,
        /// The claim token, revealed at the opening.
        token: u64,
        /// Which step, from 1.
        step: u32,
    },
    /// The asker is here today.
    CheckIn {
        /// Which check-in.
        activity: ActivityId,
        /// The claim token, revealed at the opening.
        token: u64,
    },
    /// The asker's token says something about their account.
    Introduce {
        /// What.
        account: AccountFacts,
    },
    /// Time has come for a viewer's tier to change.
    ReviewTier {
        /// Whose.
        user: UserId,
    },
    /// The asker has posted the keyword that an activity asks for. Whoever asks has compared it.
    PostKeyword {
        /// Which activity.
        activity: ActivityId,
    },
    /// Viewers said and liked things: a report of many at once, about the latest broadcast.
    Talked {
        /// Which broadcast.
        broadcast: u32,
        /// From when.
        from: Time,
        /// Until when.
        until: Time,
        /// Who, when, and how often: at most [`Stay::REPORTED_MAX`].
        talked: Box<[Talked]>,
    },
}

/// Answers to them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PresenceAnswer {
    /// The room is on air with this broadcast.
    OnAir(u32),
    /// This broadcast is over.
    OffAir(u32),
    /// Checked in.
    CheckedIn {
        /// Broadcast days in a row, with this one.
        streak: u32,
        /// What there was for it, if anything.
        grant: Option<Grant>,
    },
    /// It is known that the asker has posted the keyword of this activity.
    KeywordPosted(ActivityId),
}

impl PresenceAsk {
    /// At most so many bytes beyond names does its event take in the log.
    pub(super) fn event_bytes_max(&self) -> usize {
        match self {
            Self::Present { stays, .. } => stays.len() * 64,
            Self::Talked { talked, .. } => talked.len() * 64,
            Self::ClaimStep { .. } | Self::CheckIn { .. } => 64,
            Self::StartBroadcast | Self::EndBroadcast { .. } | Self::Introduce { .. } => 0,
            Self::ReviewTier { .. } | Self::PostKeyword { .. } => 0,
        }
    }

    pub(super) fn fingerprint(&self) -> Fingerprint {
        match self {
            Self::StartBroadcast => Fingerprint::of(60),
            Self::EndBroadcast { broadcast } => Fingerprint::of(61).word(u64::from(*broadcast)),
            Self::Present { .. } => Fingerprint::of(62).bytes(&encoded(self)),
            Self::Introduce { account } => Fingerprint::of(63).bytes(&encoded(account)),
            Self::ClaimStep { activity, token, step } => {
                Fingerprint::of(64).word(activity.0).word(*token).word(u64::from(*step))
            }
            Self::ReviewTier { user } => Fingerprint::of(66).bytes(user.as_str().as_bytes()),
            Self::CheckIn { activity, token } => Fingerprint::of(65).word(activity.0).word(*token),
            Self::PostKeyword { activity } => Fingerprint::of(67).word(activity.0),
            Self::Talked { .. } => Fingerprint::of(68).bytes(&encoded(self)),
        }
    }
}
