//! What is asked around talk: votes, enrolments, the order in a room, and the copy of activities.

use serde::{Deserialize, Serialize};

use super::fingerprint::encoded;
use crate::rules::{ActivityId, Fingerprint, Sanction, Step, Time, UserId};

/// Operations around talk. Variants and fields are part of a log's format: new ones go at the end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum TalkAsk {
    /// A ballot in a poll.
    Vote {
        /// Which poll.
        activity: ActivityId,
        /// The poll's token, revealed at the opening.
        token: u64,
        /// The options, numbered from 1.
        options: Vec<u32>,
    },
    /// A place in an enrolment is wanted.
    SignUp {
        /// Which enrolment.
        activity: ActivityId,
        /// The enrolment's token, revealed at the opening.
        token: u64,
    },
    /// A host mutes or bans somebody.
    Impose {
        /// Whom.
        user: UserId,
        /// What.
        sanction: Sanction,
        /// For how long, ms.
        for_ms: u64,
    },
    /// A host takes a sanction back.
    Lift {
        /// Whose.
        user: UserId,
        /// Which.
        sanction: Sanction,
    },
    /// An activity is handed in whose copy does not pass the filter. The filter's lexicon is no part of the state: what it found comes
    /// with the operation.
    Reject {
        /// Which activity.
        activity: ActivityId,
        /// What was found: at most [`TalkAsk::FINDINGS_MAX`], each of at most 200 bytes.
        findings: Vec<String>,
    },
}

/// Answers to them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TalkAnswer {
    /// The ballot counts.
    Voted(ActivityId),
    /// The sign-up is noted.
    SignedUp {
        /// In which enrolment.
        activity: ActivityId,
        /// The n-th to sign up.
        place: u32,
    },
    /// The sanction is in effect until then.
    Imposed(Time),
    /// The sanction is taken back.
    Lifted,
}

impl TalkAsk {
    /// Most findings that a rejection lists.
    pub const FINDINGS_MAX: usize = 50;

    /// At most so many bytes beyond names does its event take in the log.
    pub(super) fn event_bytes_max(&self) -> usize {
        match self {
            // What the plan's own review finds is listed, too.
            Self::Reject { .. } => encoded(self).len() + 100 * 64,
            Self::Vote { .. } | Self::SignUp { .. } | Self::Impose { .. } | Self::Lift { .. } => 0,
        }
    }

    pub(super) fn fingerprint(&self) -> Fingerprint {
        match self {
            Self::Vote { activity, token, options } => {
                let start = Fingerprint::of(50).word(activity.0).word(*token);
                options.iter().fold(start, |sum, option| sum.word(u64::from(*option)))
            }
            Self::SignUp { activity, token } => Fingerprint::of(51).word(activity.0).word(*token),
            Self::Impose { user, sanction, for_ms } => {
                Fingerprint::of(52).bytes(user.as_str().as_bytes()).word(*sanction as u64).word(*for_ms)
            }
            Self::Lift { user, sanction } => Fingerprint::of(53).bytes(user.as_str().as_bytes()).word(*sanction as u64),
            // The host asked to have it scheduled; what the lexicon says of it is not the host's parameter.
            Self::Reject { activity, .. } => Fingerprint::of(7).word(activity.0).word(Step::Schedule as u64),
        }
    }
}
