//! What happens to experiments.

use serde::{Deserialize, Serialize};

use super::Cause;
use crate::rules::{ExperimentId, ExperimentPlan};

/// Events around experiments. Variants and fields are part of the log's format: new ones go at the end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExperimentEvent {
    /// An experiment runs.
    Created {
        /// Its name.
        experiment: ExperimentId,
        /// What was asked for.
        plan: Box<ExperimentPlan>,
        /// Who caused it.
        cause: Cause,
    },
    /// It is over.
    Ended {
        /// Which.
        experiment: ExperimentId,
        /// Who caused it.
        cause: Cause,
    },
    /// It ended long ago, and left the tables.
    Archived {
        /// Which.
        experiment: ExperimentId,
    },
}

impl ExperimentEvent {
    /// Which experiment.
    pub const fn experiment(&self) -> ExperimentId {
        match self {
            Self::Created { experiment, .. } | Self::Ended { experiment, .. } | Self::Archived { experiment } => {
                *experiment
            }
        }
    }

    /// Who caused it; `None` for what time brings.
    pub const fn cause(&self) -> Option<&Cause> {
        match self {
            Self::Created { cause, .. } | Self::Ended { cause, .. } => Some(cause),
            Self::Archived { .. } => None,
        }
    }
}
