//! Lines about templates of activities.

use serde::ser::SerializeMap;

use super::line::caused;
use crate::store::{CameOf, TemplateEvent};

pub(super) const fn kind(what: &TemplateEvent) -> &'static str {
    match what {
        TemplateEvent::Saved { .. } => "template_saved",
        TemplateEvent::Deleted { .. } => "template_deleted",
        TemplateEvent::Drafted { .. } => "drafted",
        TemplateEvent::Recurs { .. } => "recurrence_created",
        TemplateEvent::Paused { .. } => "recurrence_paused",
        TemplateEvent::Resumed { .. } => "recurrence_resumed",
        TemplateEvent::Ended { .. } => "recurrence_ended",
        TemplateEvent::Missed { .. } => "occurrence_missed",
    }
}

pub(super) fn rest<M: SerializeMap>(line: &mut M, what: &TemplateEvent) -> Result<(), M::Error> {
    if let Some(cause) = what.cause() {
        caused(line, cause)?;
    }
    match what {
        TemplateEvent::Saved { template, plan, .. } => {
            line.serialize_entry("template", template)?;
            line.serialize_entry("plan", plan)
        }
        TemplateEvent::Deleted { template, .. } => line.serialize_entry("template", template),
        // Not the seed, here and below: what every share will hold follows from it.
        TemplateEvent::Drafted { template, plan, came_of: of, .. } => {
            line.serialize_entry("plan", plan)?;
            line.serialize_entry("template", template)?;
            of.as_ref().map_or(Ok(()), |of| came_of(line, of))
        }
        TemplateEvent::Recurs { recurrence, template, rule, first, .. } => {
            line.serialize_entry("recurrence", recurrence)?;
            line.serialize_entry("template", template)?;
            line.serialize_entry("rule", rule)?;
            line.serialize_entry("next_opens_at_ms", &first.opens_at)
        }
        TemplateEvent::Resumed { recurrence, next, .. } => {
            line.serialize_entry("recurrence", recurrence)?;
            line.serialize_entry("next_opens_at_ms", &next.opens_at)
        }
        TemplateEvent::Paused { recurrence, .. } | TemplateEvent::Ended { recurrence, .. } => {
            line.serialize_entry("recurrence", recurrence)
        }
        TemplateEvent::Missed { of, because } => {
            line.serialize_entry("because", because)?;
            came_of(line, of)
        }
    }
}

fn came_of<M: SerializeMap>(line: &mut M, of: &CameOf) -> Result<(), M::Error> {
    line.serialize_entry("recurrence", &of.recurrence)?;
    line.serialize_entry("day", &of.occurrence.day)?;
    line.serialize_entry("opens_at_ms", &of.occurrence.opens_at)
}
