//! Lines about votes, enrolments and the order in a room.

use serde::ser::SerializeMap;

use super::line::{asked, caused};
use crate::store::TalkEvent;

pub(super) const fn kind(what: &TalkEvent) -> &'static str {
    match what {
        TalkEvent::Voted { .. } => "voted",
        TalkEvent::SignedUp { .. } => "signed_up",
        TalkEvent::Imposed { .. } => "sanction_imposed",
        TalkEvent::Lifted { .. } => "sanction_lifted",
    }
}

pub(super) fn rest<M: SerializeMap>(line: &mut M, what: &TalkEvent) -> Result<(), M::Error> {
    match what {
        TalkEvent::Voted { user, choice, request, .. } => {
            asked(line, user, *request)?;
            line.serialize_entry("options", &choice.options().collect::<Vec<_>>())
        }
        TalkEvent::SignedUp { user, tier, place, request, .. } => {
            asked(line, user, *request)?;
            line.serialize_entry("tier", tier)?;
            line.serialize_entry("place", place)
        }
        TalkEvent::Imposed { user, sanction, until, cause } => {
            line.serialize_entry("user", user)?;
            caused(line, cause)?;
            line.serialize_entry("sanction", sanction)?;
            line.serialize_entry("until_ms", until)
        }
        TalkEvent::Lifted { user, sanction, cause } => {
            line.serialize_entry("user", user)?;
            caused(line, cause)?;
            line.serialize_entry("sanction", sanction)
        }
    }
}
