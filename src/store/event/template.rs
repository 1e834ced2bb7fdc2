//! What happens to templates of activities, and to their recurrences.

use serde::{Deserialize, Serialize};

use super::Cause;
use crate::rules::{ActivityId, ActivityTemplateId, MissedBecause, Occurrence, Plan, Recurrence, RecurrenceId, Seed};

/// Events around templates. Variants and fields are part of the log's format: new ones go at the end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TemplateEvent {
    /// A template is kept, in the place of what had its name before.
    Saved {
        /// Its name.
        template: ActivityTemplateId,
        /// What was saved.
        plan: Box<Plan>,
        /// Who caused it.
        cause: Cause,
    },
    /// A template is forgotten.
    Deleted {
        /// Its name.
        template: ActivityTemplateId,
        /// Who caused it.
        cause: Cause,
    },
    /// An activity like it exists, as a draft.
    Drafted {
        /// Like which.
        template: ActivityTemplateId,
        /// Its number.
        activity: ActivityId,
        /// What it is to be.
        plan: Box<Plan>,
        /// What chance follows from.
        seed: Seed,
        /// What it came of, if a recurrence made it.
        came_of: Option<CameOf>,
        /// Who caused it; nobody if a recurrence did.
        cause: Cause,
    },
    /// A recurrence exists.
    Recurs {
        /// Its number.
        recurrence: RecurrenceId,
        /// Of which template.
        template: ActivityTemplateId,
        /// When.
        rule: Box<Recurrence>,
        /// Its first occurrence.
        first: Occurrence,
        /// What the seeds of its activities follow from.
        seed: Seed,
        /// Who caused it.
        cause: Cause,
    },
    /// It rests.
    Paused {
        /// Which.
        recurrence: RecurrenceId,
        /// Who caused it.
        cause: Cause,
    },
    /// It goes on.
    Resumed {
        /// Which.
        recurrence: RecurrenceId,
        /// Its next occurrence.
        next: Occurrence,
        /// Who caused it.
        cause: Cause,
    },
    /// There will be no new ones.
    Ended {
        /// Which.
        recurrence: RecurrenceId,
        /// Who caused it.
        cause: Cause,
    },
    /// An occurrence did not become an activity.
    Missed {
        /// Which, and of what.
        of: CameOf,
        /// Why.
        because: MissedBecause,
    },
}

/// An occurrence that has its outcome, and what comes after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CameOf {
    /// Of which recurrence.
    pub recurrence: RecurrenceId,
    /// Which.
    pub occurrence: Occurrence,
    /// The next one.
    pub next: Option<Occurrence>,
}

impl TemplateEvent {
    /// The activity it concerns.
    pub const fn activity(&self) -> Option<ActivityId> {
        match self {
            Self::Drafted { activity, .. } => Some(*activity),
            _ => None,
        }
    }

    /// Who caused it; `None` for what time brings.
    pub const fn cause(&self) -> Option<&Cause> {
        match self {
            Self::Saved { cause, .. }
            | Self::Deleted { cause, .. }
            | Self::Drafted { cause, .. }
            | Self::Recurs { cause, .. }
            | Self::Paused { cause, .. }
            | Self::Resumed { cause, .. }
            | Self::Ended { cause, .. } => Some(cause),
            Self::Missed { .. } => None,
        }
    }
}
