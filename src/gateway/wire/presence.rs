//! Broadcasts, and what a viewer is told about being in one.

use liveroom_protocol::wire;

use crate::rules::{Broadcast, Time};

pub(super) fn broadcast(broadcast: &Broadcast) -> wire::Broadcast {
    wire::Broadcast {
        broadcast: broadcast.number,
        started_ms: broadcast.started.ms(),
        ended_ms: broadcast.ended.map_or(0, Time::ms),
    }
}
