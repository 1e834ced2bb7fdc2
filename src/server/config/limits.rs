//! The configuration in the words of the layers below.

use super::{Config, Flag};
use crate::engine::EngineLimits;
use crate::fanout::ChannelLimits;
use crate::store::Bounds;

/// What differs from the defaults in development, where one machine plays all the viewers. A file, the environment and
/// flags override it.
pub const DEVELOPMENT: &[Flag<'static>] = &[
    ("listen.quic", "127.0.0.1:4433"),
    ("listen.ws", "127.0.0.1:8080"),
    ("connections.per_address_max", "100000"),
    ("rates.claim.per_second", "100000"),
    ("rates.claim.burst", "100000"),
    ("rates.reserve.per_second", "100000"),
    ("rates.reserve.burst", "100000"),
    ("rates.release.per_second", "100000"),
    ("rates.release.burst", "100000"),
    ("rates.announce.per_second", "10000"),
    ("rates.announce.burst", "10000"),
    ("session.in_flight_max", "256"),
    ("websocket.origins", "*"),
];

impl Config {
    /// What bounds the engine.
    pub fn engine_limits(&self) -> EngineLimits {
        EngineLimits {
            queue_ops: self.engine.queue_ops,
            batch_ops: self.engine.batch_ops,
            linger: self.engine.linger,
            tick: self.engine.tick,
            counts_every: self.engine.counts_every,
            online_every: self.engine.online_every,
            channel: ChannelLimits {
                history_frames: self.rooms.history_frames,
                history_bytes: self.rooms.history_bytes,
                talk_per_tick: self.rooms.talk_per_tick,
            },
        }
    }

    /// What bounds the state.
    pub fn store_bounds(&self) -> Bounds {
        Bounds {
            rooms_max: self.rooms.rooms_max,
            activities_per_room_max: self.rooms.activities_per_room_max,
            retention_ms: self.store.retention.as_millis() as u64,
        }
    }
}
