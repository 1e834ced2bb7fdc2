//! What happened around broadcasts and those who watch them.

use serde::{Deserialize, Serialize};

use super::Cause;
use crate::rules::{AccountFacts, ActivityId, Fingerprint, Prize, RequestId, Stay, Talked, Tier, Time, UserId};

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
    /// A step of a watch task was reached, and its prize given.
    StepReached {
        /// Of which watch task.
        activity: ActivityId,
        /// By whom.
        user: UserId,
        /// The claim.
        request: RequestId,
        /// The claim's parameters.
        fingerprint: Fingerprint,
        /// Which step, and what it brought.
        reward: Reward,
    },
    /// A viewer checked in.
    CheckedIn {
        /// With which check-in.
        activity: ActivityId,
        /// Who.
        user: UserId,
        /// The request.
        request: RequestId,
        /// Its parameters.
        fingerprint: Fingerprint,
        /// On which day of the room's time zone.
        day: i64,
        /// Broadcast days in a row, with this one.
        streak: u32,
        /// The streak's goal, and what it brought; nothing if there is none, or nothing is left.
        reward: Option<Reward>,
    },
    /// A viewer's tier is another now.
    TierChanged {
        /// Whose.
        user: UserId,
        /// What it was.
        from: Tier,
        /// What it is.
        to: Tier,
        /// From which day of the room's time zone on.
        day: i64,
    },
    /// A viewer has posted the keyword that an activity asks for, for the first time in this broadcast.
    KeywordPosted {
        /// Who.
        user: UserId,
        /// Which activity.
        activity: ActivityId,
    },
    /// Viewers said and liked things that count for their tiers.
    Talked {
        /// In which broadcast.
        broadcast: u32,
        /// From when.
        from: Time,
        /// Until when.
        until: Time,
        /// Who, when, and how many of it count.
        talked: Box<[Talked]>,
    },
}

/// What a goal brought.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reward {
    /// Which goal, from 0.
    pub goal: u16,
    /// Which unit of the activity.
    pub unit: u32,
    /// What it is.
    pub prize: Prize,
    /// Until when the cash is held, if it is.
    pub held_until: Option<Time>,
}

impl PresenceEvent {
    /// Who caused it; `None` for what time and presence bring.
    pub fn cause(&self) -> Option<&Cause> {
        match self {
            Self::BroadcastStarted { cause, .. } | Self::BroadcastEnded { cause, .. } => Some(cause),
            Self::Watched { .. }
            | Self::Talked { .. }
            | Self::Introduced { .. }
            | Self::StepReached { .. }
            | Self::CheckedIn { .. }
            | Self::KeywordPosted { .. }
            | Self::TierChanged { .. } => None,
        }
    }

    /// The request that it decides, and who made it.
    pub fn request(&self) -> Option<(UserId, RequestId, Fingerprint)> {
        match self {
            Self::StepReached { user, request, fingerprint, .. }
            | Self::CheckedIn { user, request, fingerprint, .. } => Some((*user, *request, *fingerprint)),
            _ => {
                let Cause { by, request } = self.cause()?;
                let (request, fingerprint) = (*request)?;
                Some(((*by)?, request, fingerprint))
            }
        }
    }

    /// Who did it, if a viewer or a host did.
    pub fn user(&self) -> Option<UserId> {
        match self {
            Self::StepReached { user, .. } | Self::CheckedIn { user, .. } | Self::KeywordPosted { user, .. } => {
                Some(*user)
            }
            _ => self.cause().and_then(|cause| cause.by),
        }
    }

    /// The activity it concerns.
    pub fn activity(&self) -> Option<ActivityId> {
        match self {
            Self::StepReached { activity, .. }
            | Self::CheckedIn { activity, .. }
            | Self::KeywordPosted { activity, .. } => Some(*activity),
            _ => None,
        }
    }
}
