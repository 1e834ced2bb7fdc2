//! Lines about experiments.

use serde::ser::SerializeMap;

use super::line::caused;
use crate::store::ExperimentEvent;

pub(super) const fn kind(what: &ExperimentEvent) -> &'static str {
    match what {
        ExperimentEvent::Created { .. } => "experiment_created",
        ExperimentEvent::Ended { .. } => "experiment_ended",
        ExperimentEvent::Archived { .. } => "experiment_archived",
    }
}

pub(super) fn rest<M: SerializeMap>(line: &mut M, what: &ExperimentEvent) -> Result<(), M::Error> {
    if let Some(cause) = what.cause() {
        caused(line, cause)?;
    }
    line.serialize_entry("experiment", &what.experiment())?;
    match what {
        ExperimentEvent::Created { plan, .. } => {
            line.serialize_entry("title", &plan.title)?;
            line.serialize_entry("arms", &plan.arms)
        }
        ExperimentEvent::Ended { .. } | ExperimentEvent::Archived { .. } => Ok(()),
    }
}
