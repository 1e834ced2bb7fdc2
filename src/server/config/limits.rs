//! The configuration in the words of the layers below.

use std::path::PathBuf;

use super::{Admin, Config, Events, Flag};
use crate::api::ApiLimits;
use crate::engine::{EngineLimits, TalkLimits};
use crate::events::ndjson::Rolling;
use crate::events::{Pace, Retention};
use crate::fanout::ChannelLimits;
use crate::gateway::ws::Origins;
use crate::gateway::{AdmissionLimits, SessionLimits};
use crate::store::Bounds;
use crate::store::redis::RedisOptions;

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
    ("rates.earn.per_second", "100000"),
    ("rates.earn.burst", "100000"),
    ("rates.draw.per_second", "100000"),
    ("rates.draw.burst", "100000"),
    ("rates.announce.per_second", "10000"),
    ("rates.announce.burst", "10000"),
    ("rates.ping.per_second", "1000"),
    ("rates.comment.per_second", "100"),
    ("rates.comment.burst", "1000"),
    ("rates.like.per_second", "1000"),
    ("rates.like.burst", "1000"),
    ("rates.gift.per_second", "100000"),
    ("rates.gift.burst", "100000"),
    ("rates.fan_club.per_second", "100000"),
    ("rates.fan_club.burst", "100000"),
    ("rates.look.per_second", "100000"),
    ("rates.look.burst", "100000"),
    ("rates.vote.per_second", "1000"),
    ("rates.vote.burst", "1000"),
    ("budgets.claims.per_second", "1000000"),
    ("budgets.claims.burst", "1000000"),
    ("budgets.talk.per_second", "1000000"),
    ("budgets.talk.burst", "1000000"),
    ("session.in_flight_max", "256"),
    ("websocket.origins", "*"),
];

impl Config {
    /// What bounds the engine.
    pub fn engine_limits(&self) -> EngineLimits {
        EngineLimits {
            queue_ops: self.engine.queue_ops,
            batch_ops: self.engine.batch_ops,
            tick: self.engine.tick,
            counts_every: self.engine.counts_every,
            online_every: self.engine.online_every,
            presence_every: self.engine.presence_every,
            channel: ChannelLimits {
                history_frames: self.rooms.history_frames,
                history_bytes: self.rooms.history_bytes,
                talk_per_tick: self.rooms.talk_per_tick,
            },
            talk: TalkLimits {
                repeats_max: self.talk.repeats_max,
                repeat_window_ms: self.talk.repeat_window.as_millis() as u64,
                repeat_mute_ms: self.talk.repeat_mute.as_millis() as u64,
            },
        }
    }

    /// What bounds the state.
    pub fn store_bounds(&self) -> Bounds {
        Bounds {
            rooms_max: self.rooms.rooms_max,
            activities_per_room_max: self.rooms.activities_per_room_max,
            retention_ms: self.store.retention.as_millis() as u64,
            audience_per_room_max: self.rooms.audience_per_room_max,
            audience_kept_ms: self.rooms.audience_kept.as_millis() as u64,
            combo_window_ms: self.rooms.combo_window.as_millis() as u64,
            tiers: self.tiers,
        }
    }

    /// The Redis that keeps decisions, if one does.
    pub fn redis(&self) -> Option<RedisOptions> {
        let url = self.store.redis.clone()?;
        let prefix = self.store.redis_prefix.clone();
        let store = &self.store;
        Some(RedisOptions {
            url,
            prefix,
            timeout: store.redis_timeout,
            durability: store.durability,
            stripes: store.stripes,
            gather: store.redis_gather,
            remembered_bytes: store.redis_remembered_bytes,
        })
    }

    /// What bounds a session.
    pub fn session_limits(&self) -> SessionLimits {
        SessionLimits {
            in_flight_max: self.session.in_flight_max as usize,
            frame_bytes_max: self.session.frame_bytes_max,
            rates: self.rates,
            posts_max: self.session.posts_max,
            mailbox_bytes_max: self.session.mailbox_bytes,
            hello_timeout_ms: self.session.hello_timeout.as_millis() as u64,
            pending_after_ms: self.session.pending_after.as_millis() as u64,
        }
    }

    /// What bounds connections.
    pub fn admission_limits(&self) -> AdmissionLimits {
        AdmissionLimits { connections: self.connections.connections_max, per_address: self.connections.per_address_max }
    }

    /// What bounds the API.
    pub fn api_limits(&self) -> ApiLimits {
        let Admin { body_bytes_max, in_flight_max, timeout } = self.admin;
        ApiLimits { body_bytes_max, in_flight_max, timeout }
    }

    /// Which web pages may connect.
    pub fn origins(&self) -> Origins {
        match self.websocket.origins.as_slice() {
            [] => Origins::SameHost,
            origins if origins.iter().any(|origin| origin == "*") => Origins::Any,
            origins => Origins::Listed(origins.to_vec()),
        }
    }

    /// When a new file of events begins.
    pub fn rolling(&self) -> Rolling {
        Rolling { file_bytes_max: self.events.roll_bytes, file_span_ms: self.events.roll_every.as_millis() as u64 }
    }

    /// How much behaviour is kept.
    pub fn retention(&self) -> Retention {
        let Events { behaviour_bytes, behaviour_kept, .. } = &self.events;
        Retention { bytes_max: *behaviour_bytes, age_ms_max: behaviour_kept.as_millis() as u64 }
    }

    /// How the relay of events spreads its work.
    pub fn pace(&self) -> Pace {
        Pace { secure_every: self.events.cursor_every, ..Pace::default() }
    }

    /// Where files of events go, if they are written.
    pub fn events_dir(&self) -> Option<PathBuf> {
        let dir = || self.events.dir.clone().unwrap_or_else(|| self.store.data_dir.join("events"));
        self.events.files.then(dir)
    }
}
