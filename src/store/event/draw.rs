//! What happened in draws.

use serde::{Deserialize, Serialize};

use super::Cause;
use crate::rules::{Beacon, DrawWinner, UserId};

/// Events of draws. Variants and fields are part of the log's format: new ones go at the end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DrawEvent {
    /// Somebody entered.
    Entered {
        /// Who.
        user: UserId,
        /// The place among the entries, from 0.
        leaf: u32,
        /// Who caused it.
        cause: Cause,
    },
    /// The winners are drawn, and cash prizes credited.
    Drawn {
        /// The beacon, at that level.
        beacon: Option<Box<Beacon>>,
        /// Who won what, by rank.
        winners: Box<[DrawWinner]>,
        /// Who caused it; nobody if its time had come.
        cause: Cause,
    },
    /// A winner took what was offered.
    Kept {
        /// Who.
        user: UserId,
        /// The place in the ranking.
        rank: u32,
        /// Who caused it.
        cause: Cause,
    },
    /// A winner passed, by word or by silence, and the prize went to the next.
    Passed {
        /// Who.
        user: UserId,
        /// The place in the ranking.
        rank: u32,
        /// Who has it now; nobody if everybody had a prize or has passed.
        next: Option<DrawWinner>,
        /// Who caused it; nobody if the time to answer was over.
        cause: Cause,
    },
}

impl DrawEvent {
    /// Who caused it.
    pub fn cause(&self) -> &Cause {
        match self {
            Self::Entered { cause, .. }
            | Self::Drawn { cause, .. }
            | Self::Kept { cause, .. }
            | Self::Passed { cause, .. } => cause,
        }
    }
}
