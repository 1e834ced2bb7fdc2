//! What is asked about templates of activities, and their recurrences.

use serde::{Deserialize, Serialize};

use super::fingerprint::encoded;
use crate::rules::{
    ActivityId, ActivityTemplateId, Fingerprint, Occurrence, Plan, Recurrence, RecurrenceId, Seed, Time,
};

/// Operations on templates. Variants and fields are part of a log's format: new ones go at the end.
///
/// What a calendar says of a rule comes with the operation, as chance does: nodes may have different editions of the time zones.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum TemplateAsk {
    /// Keeps a plan under a name, in the place of what had it before.
    Save {
        /// The name in the room.
        template: ActivityTemplateId,
        /// What.
        plan: Box<Plan>,
    },
    /// Forgets a template that no recurrence needs.
    Delete {
        /// Which.
        template: ActivityTemplateId,
    },
    /// A new activity like it, as a draft.
    Draft {
        /// Like which.
        template: ActivityTemplateId,
        /// When it opens; `None` waits for the host.
        opens_at: Option<Time>,
        /// Drawn by the engine.
        seed: Seed,
        /// As much room as the plan takes in a log at most.
        plan_bytes: u32,
    },
    /// A new activity like it, again and again.
    Recur {
        /// Like which.
        template: ActivityTemplateId,
        /// When.
        rule: Box<Recurrence>,
        /// The rule's first occurrence.
        first: Occurrence,
        /// Drawn by the engine.
        seed: Seed,
    },
    /// No new ones until further notice.
    Pause {
        /// Of which.
        recurrence: RecurrenceId,
    },
    /// New ones again.
    Resume {
        /// Of which.
        recurrence: RecurrenceId,
        /// The rule's first occurrence from now on.
        next: Occurrence,
    },
    /// No new ones any more.
    End {
        /// Of which.
        recurrence: RecurrenceId,
    },
    /// Time has come for an occurrence.
    Due {
        /// Of which recurrence.
        recurrence: RecurrenceId,
        /// Which occurrence.
        day: i64,
        /// The one after it.
        next: Option<Occurrence>,
        /// As much room as the plan takes in a log at most.
        plan_bytes: u32,
    },
    /// An activity that an occurrence has become is handed in.
    HandIn {
        /// Which.
        activity: ActivityId,
        /// What the filter found in its copy.
        findings: Vec<String>,
    },
}

/// Answers to them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TemplateAnswer {
    /// The template is kept.
    Saved,
    /// It is forgotten.
    Deleted,
    /// The recurrence exists now.
    Recurs(RecurrenceId),
    /// It rests.
    Paused(RecurrenceId),
    /// It goes on.
    Resumed(RecurrenceId),
    /// There will be no new ones.
    Ended(RecurrenceId),
}

impl TemplateAsk {
    pub(super) fn fingerprint(&self) -> Fingerprint {
        match self {
            Self::Save { template, plan } => {
                Fingerprint::of(73).bytes(template.as_str().as_bytes()).bytes(&encoded(plan.as_ref()))
            }
            Self::Delete { template } => Fingerprint::of(74).bytes(template.as_str().as_bytes()),
            // Neither the seed nor the room that is made is the asker's parameter.
            Self::Draft { template, opens_at, .. } => {
                Fingerprint::of(75).bytes(template.as_str().as_bytes()).bytes(&encoded(opens_at))
            }
            Self::Recur { template, rule, .. } => {
                Fingerprint::of(76).bytes(template.as_str().as_bytes()).bytes(&encoded(rule.as_ref()))
            }
            Self::Pause { recurrence } => Fingerprint::of(77).word(recurrence.0).word(1),
            Self::Resume { recurrence, .. } => Fingerprint::of(77).word(recurrence.0).word(2),
            Self::End { recurrence } => Fingerprint::of(77).word(recurrence.0).word(3),
            Self::Due { recurrence, day, .. } => Fingerprint::of(78).word(recurrence.0).word(*day as u64),
            Self::HandIn { activity, .. } => Fingerprint::of(79).word(activity.0),
        }
    }

    /// At most so many bytes does the event take, but for names.
    pub(super) fn event_bytes_max(&self) -> usize {
        match self {
            Self::Save { plan, .. } => encoded(plan.as_ref()).len(),
            Self::Draft { plan_bytes, .. } | Self::Due { plan_bytes, .. } => *plan_bytes as usize + 64,
            Self::Recur { rule, .. } => encoded(rule.as_ref()).len() + 64,
            // A rejection lists two reasons for each item of a sale, what the filter found, and what it lacks.
            Self::HandIn { findings, .. } => 100 * 64 + findings.iter().map(|one| one.len() + 4).sum::<usize>() + 256,
            Self::Delete { .. } | Self::Pause { .. } | Self::Resume { .. } | Self::End { .. } => 0,
        }
    }
}
