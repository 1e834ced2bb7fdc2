//! The bounds of every value, and what must hold between values.

use std::fmt;
use std::ops::RangeInclusive;
use std::path::Path;
use std::time::Duration;

use tracing_subscriber::EnvFilter;

use super::{Config, Mistake, TokenKey};
use crate::gateway::Rate;
use crate::gateway::token::Algorithm;
use crate::rules::{Name, SalePlan, TierRules};
use crate::store::redis::STRIPES_MAX;

const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;
const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(86_400);
const YEAR: Duration = Duration::from_secs(31_557_600);
/// A payment finds its order, however late within its hold it comes: nothing that ended is forgotten before that.
const HOLD_MAX: Duration = Duration::from_millis(SalePlan::HOLD_MS_MAX);

/// What the largest order takes in the log, at most, with the arms of its buyer.
const CART_BYTES: u64 = 2_560;

/// A value and what it may be.
pub(super) struct Bound {
    pub(super) key: String,
    pub(super) allowed: String,
    given: String,
    holds: bool,
}

impl Bound {
    fn number(key: impl Into<String>, given: u64, allowed: RangeInclusive<u64>) -> Self {
        Self::new(key, &given, &allowed, |n| n.to_string())
    }

    fn time(key: &str, given: Duration, allowed: RangeInclusive<Duration>) -> Self {
        Self::new(key, &given, &allowed, |time| humantime::format_duration(*time).to_string())
    }

    fn new<T: PartialOrd>(
        key: impl Into<String>, given: &T, allowed: &RangeInclusive<T>, show: impl Fn(&T) -> String,
    ) -> Self {
        Self {
            key: key.into(),
            allowed: format!("{} to {}", show(allowed.start()), show(allowed.end())),
            given: show(given),
            holds: allowed.contains(given),
        }
    }
}

impl Config {
    /// Everything that is wrong with the values as such; what they name is looked at by those who open it.
    pub(super) fn check(&self) -> Vec<Mistake> {
        let outside = self.bounds().into_iter().filter(|bound| !bound.holds);
        let mut mistakes: Vec<_> = outside
            .map(|bound| mistake(bound.key, format!("is {}; allowed: {}", bound.given, bound.allowed)))
            .collect();
        self.check_between(&mut mistakes);
        self.check_texts(&mut mistakes);
        for (id, key) in &self.tokens.keys {
            check_key(&format!("tokens.keys.{id}"), key, &mut mistakes);
        }
        mistakes
    }

    /// One row per number and time.
    pub(super) fn bounds(&self) -> Vec<Bound> {
        let Self { store, engine, rooms, session, rates, talk, connections, tokens, payments, admin, events, .. } =
            self;
        let budgets = &self.budgets;
        let number = |key: &str, given: usize, allowed| Bound::number(key, given as u64, allowed);
        let mut rows = vec![
            Bound::number("store.segment_bytes", store.segment_bytes, 2 * MIB..=1024 * MIB),
            Bound::number("store.snapshot_every_segments", store.snapshot_every_segments.into(), 1..=1_000),
            Bound::number("store.snapshot_every_batches", store.snapshot_every_batches, 100..=10_000_000),
            number("store.stripes", store.stripes, 1..=STRIPES_MAX as u64),
            Bound::time("store.redis_gather", store.redis_gather, SECOND..=5 * MINUTE),
            number("store.redis_remembered_bytes", store.redis_remembered_bytes, MIB..=16 * 1024 * MIB),
            Bound::time("store.redis_timeout", store.redis_timeout, Duration::from_millis(50)..=MINUTE),
            Bound::time("store.retention", store.retention, HOLD_MAX..=30 * DAY),
            number("engine.queue_ops", engine.queue_ops, 16..=1_048_576),
            number("engine.batch_ops", engine.batch_ops, 1..=65_536),
            Bound::time("engine.tick", engine.tick, Duration::from_millis(10)..=SECOND),
            Bound::time("engine.counts_every", engine.counts_every, Duration::from_millis(10)..=MINUTE),
            Bound::time("engine.online_every", engine.online_every, Duration::from_millis(10)..=MINUTE),
            Bound::time("engine.presence_every", engine.presence_every, SECOND..=MINUTE),
            number("rooms.rooms_max", rooms.rooms_max, 1..=1_000_000),
            number("rooms.activities_per_room_max", rooms.activities_per_room_max, 1..=100_000),
            number("rooms.audience_per_room_max", rooms.audience_per_room_max, 1_000..=10_000_000),
            Bound::time("rooms.audience_kept", rooms.audience_kept, DAY..=YEAR),
            Bound::number("tiers.window_days", self.tiers.window_days.into(), 1..=TierRules::WINDOW_DAYS_MAX.into()),
            Bound::number("tiers.minute_points", self.tiers.minute_points.into(), 0..=1_000_000),
            Bound::number("tiers.coin_points", self.tiers.coin_points.into(), 0..=1_000_000),
            Bound::number("tiers.interaction_points", self.tiers.interaction_points.into(), 0..=1_000_000),
            Bound::number("tiers.talk_points", self.tiers.talk_points.into(), 0..=1_000_000),
            Bound::number("tiers.talk_per_day_max", self.tiers.talk_per_day_max.into(), 0..=100_000),
            Bound::number("tiers.active_points", self.tiers.active_points.into(), 1..=1_000_000_000),
            Bound::number("tiers.core_points", self.tiers.core_points.into(), 1..=1_000_000_000),
            number("rooms.history_frames", rooms.history_frames, 1..=65_536),
            number("rooms.history_bytes", rooms.history_bytes, KIB..=64 * MIB),
            number("rooms.talk_per_tick", rooms.talk_per_tick, 1..=10_000),
            Bound::time("rooms.combo_window", rooms.combo_window, Duration::from_millis(100)..=MINUTE),
            Bound::number("session.in_flight_max", session.in_flight_max.into(), 1..=4_096),
            Bound::number("session.frame_bytes_max", session.frame_bytes_max.into(), KIB..=64 * KIB),
            number("session.mailbox_bytes", session.mailbox_bytes, 16 * KIB..=16 * MIB),
            number("session.posts_max", session.posts_max, 16..=65_536),
            Bound::time("session.hello_timeout", session.hello_timeout, Duration::from_millis(100)..=MINUTE),
            Bound::time("session.pending_after", session.pending_after, Duration::from_millis(100)..=MINUTE),
            Bound::time("session.idle_timeout", session.idle_timeout, SECOND..=10 * MINUTE),
            Bound::time("session.write_timeout", session.write_timeout, Duration::from_millis(100)..=MINUTE),
            Bound::number("talk.repeats_max", talk.repeats_max.into(), 1..=16),
            Bound::time("talk.repeat_window", talk.repeat_window, SECOND..=60 * MINUTE),
            Bound::time("talk.repeat_mute", talk.repeat_mute, SECOND..=60 * MINUTE),
            number("budgets.addresses_max", budgets.addresses_max, 64..=10_000_000),
            number("connections.connections_max", connections.connections_max, 1..=1_000_000),
            number("connections.per_address_max", connections.per_address_max, 1..=1_000_000),
            number("connections.handshakes_before_retry", connections.handshakes_before_retry, 0..=65_536),
            number("connections.handshakes_max", connections.handshakes_max, 1..=65_536),
            Bound::time("tokens.ttl_max", tokens.ttl_max, MINUTE..=30 * DAY),
            Bound::time("tokens.leeway", tokens.leeway, Duration::ZERO..=MINUTE),
            Bound::time("payments.signature_age_max", payments.signature_age_max, SECOND..=60 * MINUTE),
            number("admin.body_bytes_max", admin.body_bytes_max, KIB..=16 * MIB),
            number("admin.in_flight_max", admin.in_flight_max, 1..=65_536),
            Bound::time("admin.timeout", admin.timeout, Duration::from_millis(100)..=5 * MINUTE),
            Bound::number("events.roll_bytes", events.roll_bytes, 64 * KIB..=4096 * MIB),
            Bound::time("events.roll_every", events.roll_every, SECOND..=DAY),
            Bound::number("events.behaviour_bytes", events.behaviour_bytes, 128 * KIB..=1_048_576 * MIB),
            Bound::time("events.behaviour_kept", events.behaviour_kept, MINUTE..=YEAR),
            Bound::time("events.cursor_every", events.cursor_every, Duration::from_millis(10)..=MINUTE),
            Bound::time("drain.timeout", self.drain.timeout, Duration::ZERO..=10 * MINUTE),
            number("threads.network", self.threads.network.unwrap_or(1), 1..=256),
        ];
        for (kind, Rate { per_second, burst }) in [("claims", budgets.claims), ("talk", budgets.talk)] {
            rows.push(Bound::number(format!("budgets.{kind}.per_second"), per_second.into(), 1..=1_000_000));
            rows.push(Bound::number(format!("budgets.{kind}.burst"), burst.into(), 1..=1_000_000));
        }
        for (kind, Rate { per_second, burst }) in [
            ("claim", rates.claim),
            ("reserve", rates.reserve),
            ("release", rates.release),
            ("earn", rates.earn),
            ("draw", rates.draw),
            ("announce", rates.announce),
            ("ping", rates.ping),
            ("comment", rates.comment),
            ("like", rates.like),
            ("gift", rates.gift),
            ("fan_club", rates.fan_club),
            ("look", rates.look),
            ("vote", rates.vote),
        ] {
            rows.push(Bound::number(format!("rates.{kind}.per_second"), per_second.into(), 1..=1_000_000));
            rows.push(Bound::number(format!("rates.{kind}.burst"), burst.into(), 1..=1_000_000));
        }
        rows
    }

    fn check_between(&self, mistakes: &mut Vec<Mistake>) {
        let Self { listen, tls, store, engine, session, connections, events, .. } = self;
        let clash = listen.ws == listen.admin && listen.ws.port() != 0;
        for (key, wrong, problem) in [
            (
                "listen.admin",
                clash,
                "is the address of listen.ws too; the admin listener is separate from the public one",
            ),
            ("tls.key_file", tls.cert_file.is_some() && tls.key_file.is_none(), "is missing beside tls.cert_file"),
            ("tls.cert_file", tls.key_file.is_some() && tls.cert_file.is_none(), "is missing beside tls.key_file"),
            (
                "tls.ws_key_file",
                tls.ws_cert_file.is_some() && tls.ws_key_file.is_none(),
                "is missing beside tls.ws_cert_file",
            ),
            (
                "tls.ws_cert_file",
                tls.ws_key_file.is_some() && tls.ws_cert_file.is_none(),
                "is missing beside tls.ws_key_file",
            ),
            ("engine.batch_ops", engine.batch_ops > engine.queue_ops, "is more than engine.queue_ops"),
            (
                "events.behaviour_bytes",
                events.behaviour_bytes < 2 * events.roll_bytes,
                "must have room for two files: see events.roll_bytes",
            ),
            (
                "engine.batch_ops",
                engine.batch_ops as u64 * CART_BYTES > store.segment_bytes,
                "is more than a segment of the log holds, at 2560 bytes each: see store.segment_bytes",
            ),
            (
                "tiers.talk_per_day_max",
                self.tiers.talk_points_max() >= self.tiers.core_points.into(),
                "lets talk alone reach tiers.core_points within the window",
            ),
            ("engine.counts_every", engine.counts_every < engine.tick, "is less than engine.tick"),
            ("engine.online_every", engine.online_every < engine.tick, "is less than engine.tick"),
            (
                "session.hello_timeout",
                session.hello_timeout > session.idle_timeout,
                "is more than session.idle_timeout",
            ),
            (
                "connections.per_address_max",
                connections.per_address_max > connections.connections_max,
                "is more than connections.connections_max",
            ),
        ] {
            if wrong {
                mistakes.push(mistake(key, problem));
            }
        }
        if self.payments.secret.is_some() && self.payments.secret_file.is_some() {
            mistakes.push(mistake("payments.secret", "is there beside payments.secret_file; one is enough"));
        }
        if self.payments.secret.as_ref().is_some_and(|secret| secret.expose().len() < 32) {
            mistakes.push(mistake("payments.secret", "is too short; at least 32 bytes"));
        }
    }

    fn check_texts(&self, mistakes: &mut Vec<Mistake>) {
        if self.store.data_dir.as_os_str().is_empty() {
            mistakes.push(mistake("store.data_dir", "is empty; must be a directory"));
        }
        if let Err(error) = Name::parse(&self.store.redis_prefix) {
            mistakes.push(mistake("store.redis_prefix", error));
        }
        for (key, path) in self.paths() {
            if path.as_os_str().is_empty() {
                mistakes.push(mistake(key, "is empty; must be the path of a file"));
            }
        }
        if !(1..=64).contains(&self.tokens.audience.len()) || self.tokens.audience.contains(char::is_whitespace) {
            mistakes.push(mistake("tokens.audience", "must be 1 to 64 bytes without spaces"));
        }
        if let Err(error) = EnvFilter::builder().parse(&self.log.level) {
            let allowed = "off, error, warn, info, debug, trace, or directives such as info,liveroom=debug";
            mistakes.push(mistake("log.level", format!("is not a level ({error}); allowed: {allowed}")));
        }
        for origin in &self.websocket.origins {
            if !is_origin(origin) {
                let problem = format!("has {origin:?}; allowed: https://host, https://host:port, http likewise, or *");
                mistakes.push(mistake("websocket.origins", problem));
            }
        }
    }

    /// Files that are named, with the keys that name them.
    fn paths(&self) -> Vec<(&'static str, &Path)> {
        let named = [
            ("tls.cert_file", &self.tls.cert_file),
            ("tls.key_file", &self.tls.key_file),
            ("tls.ws_cert_file", &self.tls.ws_cert_file),
            ("tls.ws_key_file", &self.tls.ws_key_file),
            ("payments.secret_file", &self.payments.secret_file),
            ("events.dir", &self.events.dir),
        ];
        named.into_iter().filter_map(|(key, path)| Some((key, path.as_deref()?))).collect()
    }
}

fn check_key(at: &str, key: &TokenKey, mistakes: &mut Vec<Mistake>) {
    let short = key.secret.as_ref().is_some_and(|secret| secret.expose().len() < 32);
    let wrong = match (key.algorithm, &key.file, &key.secret) {
        (Algorithm::EdDsa, Some(_), None) | (Algorithm::Hs256, Some(_), None) => None,
        (Algorithm::EdDsa, None, None) => Some(("file", "is missing; must be the public key's file (PEM)")),
        (Algorithm::EdDsa, _, Some(_)) => Some(("secret", "is not for EdDSA; the public key is in a file")),
        (Algorithm::Hs256, None, None) => {
            Some(("file", "is missing; the secret's file, or the secret in the environment"))
        }
        (Algorithm::Hs256, Some(_), Some(_)) => Some(("secret", "is there beside the file; one is enough")),
        (Algorithm::Hs256, None, Some(_)) if short => Some(("secret", "is too short; at least 32 bytes")),
        (Algorithm::Hs256, None, Some(_)) => None,
    };
    if let Some((name, problem)) = wrong {
        mistakes.push(mistake(format!("{at}.{name}"), problem));
    }
}

/// As a browser sends it: scheme and host in lower case, no path, no slash at the end.
fn is_origin(text: &str) -> bool {
    let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    text == "*"
        || host.is_some_and(|host| {
            !host.is_empty()
                && host.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-.:[]".contains(&b))
        })
}

fn mistake(key: impl Into<String>, problem: impl fmt::Display) -> Mistake {
    Mistake { key: key.into(), problem: problem.to_string(), origin: None }
}
