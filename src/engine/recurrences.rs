//! Recurrences by the clocks of a time zone that this server does not know: it leaves them to others, and says so.

use crate::rules::{Recurrence, RecurrenceId, RoomId};

/// A recurrence is seen for the first time since the start.
pub(super) fn seen(room: RoomId, recurrence: RecurrenceId, rule: &Recurrence) {
    if !rule.zone.is_known() {
        tracing::warn!(
            %room, %recurrence, zone = %rule.zone,
            "the zone of a recurrence is not known here: nothing comes of it but by servers that know it"
        );
    }
}
