//! What is asked about experiments.

use serde::{Deserialize, Serialize};

use super::fingerprint::encoded;
use crate::rules::{ExperimentId, ExperimentPlan, Fingerprint};

/// Operations on experiments. Variants and fields are part of a log's format: new ones go at the end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ExperimentAsk {
    /// A new experiment of the room, which runs from now on.
    Create {
        /// Its name.
        experiment: ExperimentId,
        /// What.
        plan: Box<ExperimentPlan>,
    },
    /// An experiment is to end: nothing counts for it any more.
    End {
        /// Which.
        experiment: ExperimentId,
    },
    /// Time has come for an experiment to leave.
    Due {
        /// Which.
        experiment: ExperimentId,
    },
}

/// Answers to them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExperimentAnswer {
    /// The experiment runs now.
    Created(ExperimentId),
    /// It is over.
    Ended(ExperimentId),
}

impl ExperimentAsk {
    pub(super) fn fingerprint(&self) -> Fingerprint {
        match self {
            Self::Create { experiment, plan } => {
                Fingerprint::of(90).bytes(experiment.as_str().as_bytes()).bytes(&encoded(plan.as_ref()))
            }
            Self::End { experiment } => Fingerprint::of(91).bytes(experiment.as_str().as_bytes()),
            Self::Due { experiment } => Fingerprint::of(92).bytes(experiment.as_str().as_bytes()),
        }
    }

    /// At most so many bytes does the plan take in an event.
    pub(super) fn event_bytes_max(&self) -> usize {
        match self {
            Self::Create { plan, .. } => encoded(plan.as_ref()).len(),
            Self::End { .. } | Self::Due { .. } => 0,
        }
    }
}
