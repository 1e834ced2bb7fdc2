//! Configuration: defaults, then a TOML file, then the environment (`LIVEROOM_SECTION__KEY`), then flags; the later wins.
//!
//! Every number has bounds (in `check`), so that nothing an unknown peer can grow is unbounded; every key is explained in
//! `default.toml`, which a test holds equal to the defaults here.

mod check;
mod limits;
mod load;
mod mistake;
mod secret;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::engine::{EngineLimits, TalkLimits};
use crate::events::Retention;
use crate::gateway::token::{Algorithm, KeyId, TokenPolicy};
use crate::gateway::{Budgets, Rates, transport};
use crate::rules::TierRules;
use crate::store::Bounds;
use crate::store::redis::{Durability, RedisUrl};

pub use limits::DEVELOPMENT;
pub use load::{Flag, Layers};
pub use mistake::{Mistake, Mistakes};
pub use secret::Secret;

/// The default configuration as a file with an explanation of every key.
pub const DEFAULT_TOML: &str = include_str!("default.toml");

/// A server's configuration, loaded and checked by [`Layers::load`].
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where to listen.
    pub listen: Listen,
    /// Certificates.
    pub tls: Tls,
    /// Where and how decisions are kept.
    pub store: Store,
    /// The arbiter and its rhythm.
    pub engine: Engine,
    /// What bounds rooms.
    pub rooms: Rooms,
    /// How tiers of fans are reached.
    pub tiers: TierRules,
    /// What bounds one viewer's session.
    pub session: Session,
    /// How often one user may ask.
    pub rates: Rates,
    /// How often all who come from one address may ask.
    pub budgets: Budgets,
    /// What viewers may say.
    pub talk: Talk,
    /// What bounds connections.
    pub connections: Connections,
    /// What is particular to browsers.
    pub websocket: WebSocket,
    /// Access tokens.
    pub tokens: Tokens,
    /// Payment callbacks.
    pub payments: Payments,
    /// Draws that anyone can verify.
    pub draws: Draws,
    /// The API for hosts and operators.
    pub admin: Admin,
    /// Where events go.
    pub events: Events,
    /// How the server stops.
    pub drain: Drain,
    /// What the server says of itself.
    pub log: Log,
    /// What runs it.
    pub threads: Threads,
}

/// Where to listen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Listen {
    /// Viewers over QUIC (UDP).
    pub quic: SocketAddr,
    /// Viewers over WebSocket (TCP).
    pub ws: SocketAddr,
    /// Hosts, operators, payments and probes over HTTP (TCP); not for the public.
    pub admin: SocketAddr,
}

impl Default for Listen {
    fn default() -> Self {
        Self {
            quic: (Ipv4Addr::UNSPECIFIED, transport::QUIC_PORT).into(),
            ws: (Ipv4Addr::UNSPECIFIED, transport::WS_PORT).into(),
            admin: (Ipv4Addr::LOCALHOST, 8081).into(),
        }
    }
}

/// Certificates. QUIC can't do without; WebSocket without them is for a proxy in front that ends TLS.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Tls {
    /// Certificate chain for QUIC, PEM.
    pub cert_file: Option<PathBuf>,
    /// Its private key, PEM.
    pub key_file: Option<PathBuf>,
    /// Certificate chain for WebSocket, PEM.
    pub ws_cert_file: Option<PathBuf>,
    /// Its private key, PEM.
    pub ws_key_file: Option<PathBuf>,
}

/// Draws that anyone can verify.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Draws {
    /// The key that receipts for entries are signed with: Ed25519, PEM.
    pub receipt_key_file: Option<PathBuf>,
    /// The drand relay that beacons are fetched from.
    pub beacon_relay: Option<String>,
}

/// Where and how decisions are kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Store {
    /// Everything the server keeps is below this.
    pub data_dir: PathBuf,
    /// The Redis that keeps decisions, shared by all servers that name it; absent: the journal in the data directory.
    pub redis: Option<RedisUrl>,
    /// What the keys in Redis begin with.
    pub redis_prefix: String,
    /// Over how many slots of a cluster the log is striped. It is fixed when the log begins.
    pub stripes: usize,
    /// How long Redis may take to answer.
    #[serde(with = "humantime_serde")]
    pub redis_timeout: Duration,
    /// How long servers wait for each other after Redis was restarted or has failed over.
    #[serde(with = "humantime_serde")]
    pub redis_gather: Duration,
    /// Bytes of the latest entries of the log that a server remembers, to put them back if Redis loses them.
    pub redis_remembered_bytes: usize,
    /// What must have happened in Redis before a decision is answered.
    pub durability: Durability,
    /// Batches in Redis after which a snapshot is taken.
    pub snapshot_every_batches: u64,
    /// Size at which a segment of the log is sealed.
    pub segment_bytes: u64,
    /// Sealed segments after which a snapshot is taken.
    pub snapshot_every_segments: u32,
    /// How long an ended activity's answers are remembered.
    #[serde(with = "humantime_serde")]
    pub retention: Duration,
}

impl Default for Store {
    fn default() -> Self {
        Self {
            data_dir: "data".into(),
            redis: None,
            redis_prefix: "liveroom".to_owned(),
            stripes: 1,
            redis_timeout: Duration::from_secs(1),
            redis_gather: Duration::from_secs(5),
            redis_remembered_bytes: 64 << 20,
            durability: Durability::default(),
            snapshot_every_batches: 100_000,
            segment_bytes: 64 * 1024 * 1024,
            snapshot_every_segments: 4,
            retention: Duration::from_millis(Bounds::default().retention_ms),
        }
    }
}

/// The arbiter and its rhythm.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Engine {
    /// Operations that may wait for a decision.
    pub queue_ops: usize,
    /// Operations of one batch.
    pub batch_ops: usize,
    /// How often a room's news go out.
    #[serde(with = "humantime_serde")]
    pub tick: Duration,
    /// How often what is left goes out.
    #[serde(with = "humantime_serde")]
    pub counts_every: Duration,
    /// How often the number of viewers goes out.
    #[serde(with = "humantime_serde")]
    pub online_every: Duration,
    /// How often those who watch are reported to the store.
    #[serde(with = "humantime_serde")]
    pub presence_every: Duration,
}

impl Default for Engine {
    fn default() -> Self {
        let EngineLimits { queue_ops, batch_ops, tick, counts_every, online_every, presence_every, .. } =
            EngineLimits::default();
        Self { queue_ops, batch_ops, tick, counts_every, online_every, presence_every }
    }
}

/// What bounds rooms.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rooms {
    /// Most rooms.
    pub rooms_max: usize,
    /// Most activities of a room that are not archived.
    pub activities_per_room_max: usize,
    /// Most users of a room of whom anything is known.
    pub audience_per_room_max: usize,
    /// After how long an absence a user is forgotten.
    #[serde(with = "humantime_serde")]
    pub audience_kept: Duration,
    /// Frames a room keeps for those who were away.
    pub history_frames: usize,
    /// Bytes a room keeps for those who were away.
    pub history_bytes: usize,
    /// Talk messages of a room in one tick, and as many about gifts.
    pub talk_per_tick: usize,
    /// How soon the next gift must follow to belong to the same combo.
    #[serde(with = "humantime_serde")]
    pub combo_window: Duration,
}

impl Default for Rooms {
    fn default() -> Self {
        let bounds = Bounds::default();
        let Bounds { rooms_max, activities_per_room_max, audience_per_room_max, audience_kept_ms, .. } = bounds;
        let combo_window_ms = bounds.combo_window_ms;
        let channel = EngineLimits::default().channel;
        Self {
            rooms_max,
            activities_per_room_max,
            audience_per_room_max,
            audience_kept: Duration::from_millis(audience_kept_ms),
            history_frames: channel.history_frames,
            history_bytes: channel.history_bytes,
            talk_per_tick: channel.talk_per_tick,
            combo_window: Duration::from_millis(combo_window_ms),
        }
    }
}

/// What bounds one viewer's session.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Session {
    /// Requests of a session under way.
    pub in_flight_max: u32,
    /// The largest frame that is read.
    pub frame_bytes_max: u32,
    /// Room frames that wait for a slow viewer.
    pub mailbox_bytes: usize,
    /// Answers that wait for a slow viewer.
    pub posts_max: usize,
    /// From connection to hello.
    #[serde(with = "humantime_serde")]
    pub hello_timeout: Duration,
    /// After so long an unanswered request is said to be pending.
    #[serde(with = "humantime_serde")]
    pub pending_after: Duration,
    /// Without a sign of the viewer.
    #[serde(with = "humantime_serde")]
    pub idle_timeout: Duration,
    /// How long one write may take.
    #[serde(with = "humantime_serde")]
    pub write_timeout: Duration,
}

impl Default for Session {
    fn default() -> Self {
        Self {
            in_flight_max: 16,
            frame_bytes_max: transport::CLIENT_FRAME_BYTES_MAX,
            mailbox_bytes: 256 * 1024,
            posts_max: 256,
            hello_timeout: Duration::from_secs(5),
            pending_after: Duration::from_secs(1),
            idle_timeout: transport::IDLE_TIMEOUT,
            write_timeout: Duration::from_secs(10),
        }
    }
}

/// What viewers may say.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Talk {
    /// Where lexicons are; absent: the one that comes with the server.
    pub lexicon_dir: Option<PathBuf>,
    /// As often may the same be said within the window.
    pub repeats_max: u32,
    /// The window.
    #[serde(with = "humantime_serde")]
    pub repeat_window: Duration,
    /// For so long is muted who says it once more.
    #[serde(with = "humantime_serde")]
    pub repeat_mute: Duration,
}

impl Default for Talk {
    fn default() -> Self {
        let TalkLimits { repeats_max, repeat_window_ms, repeat_mute_ms } = TalkLimits::default();
        Self {
            lexicon_dir: None,
            repeats_max,
            repeat_window: Duration::from_millis(repeat_window_ms),
            repeat_mute: Duration::from_millis(repeat_mute_ms),
        }
    }
}

/// What bounds connections.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Connections {
    /// In all, over both transports.
    pub connections_max: usize,
    /// From one address.
    pub per_address_max: usize,
    /// QUIC handshakes under way, from which on a new peer must first prove its address.
    pub handshakes_before_retry: usize,
    /// Handshakes under way; more are turned away.
    pub handshakes_max: usize,
}

impl Default for Connections {
    fn default() -> Self {
        Self { connections_max: 100_000, per_address_max: 1_000, handshakes_before_retry: 256, handshakes_max: 2_048 }
    }
}

/// What is particular to browsers.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WebSocket {
    /// The pages that may connect, as browsers name them in `Origin`; `*` for all.
    #[serde(deserialize_with = "load::list")]
    pub origins: Vec<String>,
    /// The proxies that may say for whom they speak.
    #[serde(deserialize_with = "load::list")]
    pub trusted_proxies: Vec<IpNet>,
}

/// Access tokens.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Tokens {
    /// What a token's `aud` must name.
    pub audience: String,
    /// The longest lifetime of a token.
    #[serde(with = "humantime_serde")]
    pub ttl_max: Duration,
    /// How far the issuer's clock may be off.
    #[serde(with = "humantime_serde")]
    pub leeway: Duration,
    /// The keys that are accepted, by key id.
    pub keys: BTreeMap<KeyId, TokenKey>,
}

impl Default for Tokens {
    fn default() -> Self {
        Self {
            audience: "liveroom".to_owned(),
            ttl_max: Duration::from_secs(86_400),
            leeway: Duration::from_secs(5),
            keys: BTreeMap::new(),
        }
    }
}

impl Tokens {
    /// What makes a token one for this service.
    pub fn policy(&self) -> TokenPolicy {
        TokenPolicy { audience: self.audience.clone(), ttl_max: self.ttl_max, leeway: self.leeway }
    }
}

/// A key that tokens may be signed with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenKey {
    /// What it signs with.
    pub algorithm: Algorithm,
    /// EdDSA: the public key, PEM. HS256: the secret, raw.
    pub file: Option<PathBuf>,
    /// HS256: the secret; only from the environment.
    pub secret: Option<Secret>,
}

/// Payment callbacks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Payments {
    /// The secret that signs callbacks, raw. Without one, callbacks are refused.
    pub secret_file: Option<PathBuf>,
    /// The same; only from the environment.
    pub secret: Option<Secret>,
    /// How old a callback's signature may be.
    #[serde(with = "humantime_serde")]
    pub signature_age_max: Duration,
}

impl Default for Payments {
    fn default() -> Self {
        Self { secret_file: None, secret: None, signature_age_max: Duration::from_secs(300) }
    }
}

/// The API for hosts and operators, who come with access tokens of these roles.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Admin {
    /// The largest body that is read.
    pub body_bytes_max: usize,
    /// Requests under way.
    pub in_flight_max: usize,
    /// How long one may take.
    #[serde(with = "humantime_serde")]
    pub timeout: Duration,
}

impl Default for Admin {
    fn default() -> Self {
        Self { body_bytes_max: 1024 * 1024, in_flight_max: 256, timeout: Duration::from_secs(10) }
    }
}

/// Where events go.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Events {
    /// Whether files of JSON lines are written.
    pub files: bool,
    /// Where; absent: `events` in the data directory.
    pub dir: Option<PathBuf>,
    /// Size at which a new file is begun.
    pub roll_bytes: u64,
    /// Age at which a new file is begun.
    #[serde(with = "humantime_serde")]
    pub roll_every: Duration,
    /// Bytes of behaviour that are kept; the oldest files go first.
    pub behaviour_bytes: u64,
    /// How long behaviour is kept.
    #[serde(with = "humantime_serde")]
    pub behaviour_kept: Duration,
    /// How often what has been delivered is noted; what came after is delivered again after a crash.
    #[serde(with = "humantime_serde")]
    pub cursor_every: Duration,
}

impl Default for Events {
    fn default() -> Self {
        Self {
            files: true,
            dir: None,
            roll_bytes: 64 * 1024 * 1024,
            roll_every: Duration::from_secs(3_600),
            behaviour_bytes: Retention::default().bytes_max,
            behaviour_kept: Duration::from_millis(Retention::default().age_ms_max),
            cursor_every: Duration::from_secs(1),
        }
    }
}

/// How the server stops.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Drain {
    /// How long sessions have to finish what is under way.
    #[serde(with = "humantime_serde")]
    pub timeout: Duration,
}

impl Default for Drain {
    fn default() -> Self {
        Self { timeout: Duration::from_secs(10) }
    }
}

/// What the server says of itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Log {
    /// For people or for machines.
    pub format: LogFormat,
    /// What is logged: a level, or directives such as `info,liveroom::gateway=debug`.
    pub level: String,
}

impl Default for Log {
    fn default() -> Self {
        Self { format: LogFormat::Text, level: "info".to_owned() }
    }
}

/// How a line of the log looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", try_from = "String")]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

impl TryFrom<String> for LogFormat {
    type Error = &'static str;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        match name.as_str() {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            _ => Err("must be text or json"),
        }
    }
}

/// What runs the server.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Threads {
    /// Threads that serve connections; absent: one per core. The arbiter has its own.
    pub network: Option<usize>,
}
