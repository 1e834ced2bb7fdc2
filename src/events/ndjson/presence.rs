//! Lines about broadcasts and those who watch them.

use serde::ser::SerializeMap;

use super::line::caused;
use crate::store::PresenceEvent;

pub(super) const fn kind(what: &PresenceEvent) -> &'static str {
    match what {
        PresenceEvent::BroadcastStarted { .. } => "broadcast_started",
        PresenceEvent::BroadcastEnded { .. } => "broadcast_ended",
    }
}

pub(super) fn rest<M: SerializeMap>(line: &mut M, what: &PresenceEvent) -> Result<(), M::Error> {
    match what {
        PresenceEvent::BroadcastStarted { broadcast, cause } | PresenceEvent::BroadcastEnded { broadcast, cause } => {
            caused(line, cause)?;
            line.serialize_entry("broadcast", broadcast)
        }
    }
}
