//! The inside's types as wire messages, a file for each family. The only place that knows both.

mod activity;
mod answer;
mod coupon;
mod draw;
mod envelope;
mod gift;
mod presence;
mod result;
mod room;
mod talk;

use bytes::Bytes;
use liveroom_protocol::wire::{self, server_frame};
use prost::Message as _;

use crate::fanout::{Encode, Leave, Position, RoomMessage, RoomState};
use crate::rules::Time;

pub(super) use answer::{answer, done, pending, reply, ticket};
pub use envelope::bare;
pub(super) use envelope::envelope;
pub(super) use gift::own_fan;
pub(super) use presence::{progress, tier_changed};
pub(super) use result::own;

use activity::activity_state;
use envelope::enveloped;
use room::room_events;

/// Encodes room frames for the wire, each in the WebSocket message that carries it: [`bare`] takes it out.
#[derive(Debug, Clone, Copy, Default)]
pub struct WireEncoder;

impl Encode for WireEncoder {
    fn tick(&self, position: Position, now: Time, messages: &[RoomMessage]) -> Bytes {
        let events = room_events(messages);
        enveloped(&frame(server_frame::Body::Tick(wire::Tick {
            epoch: position.epoch,
            offset: position.offset,
            server_time_ms: now.ms(),
            events,
        })))
    }

    fn talk(&self, messages: &[RoomMessage]) -> Bytes {
        wire::Tick { events: room_events(messages), ..wire::Tick::default() }.encode_to_vec().into()
    }

    fn snapshot(&self, position: Position, room: &RoomState<'_>) -> Bytes {
        enveloped(&frame(server_frame::Body::Snapshot(wire::Snapshot {
            epoch: position.epoch,
            offset: position.offset,
            activities: room.activities.iter().map(|view| activity_state(view)).collect(),
            online: room.online,
            broadcast: room.broadcast.as_ref().map(presence::broadcast),
            board: room.board.map(gift::board),
        })))
    }
}

/// A server frame around a body.
pub(super) fn frame(body: server_frame::Body) -> wire::ServerFrame {
    wire::ServerFrame { body: Some(body) }
}

/// A goodbye that the engine asked for.
pub(super) fn leave_code(why: Leave) -> wire::GoodbyeCode {
    match why {
        Leave::Draining => wire::GoodbyeCode::Draining,
        Leave::TooSlow => wire::GoodbyeCode::TooSlow,
        Leave::Banned => wire::GoodbyeCode::Banned,
    }
}
