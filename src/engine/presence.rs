//! Broadcasts, and who is there while one is on.

use std::sync::Arc;

use super::Shared;
use super::room::LiveRoom;
use crate::rules::{Broadcast, Time};
use crate::store::PresenceEvent;

/// Tells the room what has happened to its broadcast.
pub(super) fn follow(shared: &Shared, room: &Arc<LiveRoom>, at: Time, what: &PresenceEvent) {
    let broadcast = match what {
        PresenceEvent::BroadcastStarted { broadcast, .. } => Broadcast { number: *broadcast, started: at, ended: None },
        PresenceEvent::BroadcastEnded { .. } => {
            let Some(on) = room.channel.broadcast() else { return };
            Broadcast { ended: Some(at), ..on }
        }
        PresenceEvent::Watched { .. } | PresenceEvent::Introduced { .. } => return,
    };
    room.channel.publish_broadcast(broadcast);
    shared.rooms.has_news(room);
}
