//! A whole server within the test's process, on free ports and a directory of its own; and peers that speak to it
//! byte by byte, so that they can say what no client would.

pub mod http;
pub mod peer;
pub mod process;
pub mod tokens;

use std::time::Duration;

use liveroom::engine::Clock;
use liveroom::gateway::token::Issuer;
use liveroom::server::config::Config;
use liveroom::server::development::Development;
use liveroom::server::{Secrets, Server};
use liveroom_protocol::client::{Client, Endpoint, Events, Options, RoomView, Transport, Trust, WsConnector};
use serde_json::{Value, json};
use tempfile::TempDir;

pub use http::{Reply, get};
pub use peer::{Over, Peer};

/// How long a test waits for what must come; only a failure takes so long.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Runs a test that needs a server's runtime.
pub fn run<T>(test: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let done = runtime.block_on(async { tokio::time::timeout(3 * PATIENCE, test).await.expect("the test hangs") });
    runtime.shutdown_timeout(PATIENCE);
    done
}

/// Asks until the answer is there. The pause only spares the processor: nothing depends on its length.
pub async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(tokio::time::Instant::now() < deadline, "in vain: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// A server, and what it takes to reach it.
pub struct Served {
    pub server: Server,
    pub config: Config,
    pub dir: TempDir,
    pub development: Development,
}

/// A sale or a rain as a viewer must name it.
#[derive(Debug, Clone, Copy)]
pub struct Ticket {
    pub activity: u64,
    pub token: u64,
    pub opening: u32,
}

/// The room in which [`Served::is_well`] looks.
const WELL: &str = "well";

impl Served {
    /// A server whose configuration differs.
    pub async fn with(change: impl FnOnce(&mut Config)) -> Self {
        Self::on(tempfile::tempdir().unwrap(), change).await
    }

    /// A server on a directory that another one may have left.
    pub async fn on(dir: TempDir, change: impl FnOnce(&mut Config)) -> Self {
        let config = config(&dir, change);
        let development = Development::below(&config.store.data_dir);
        let secrets = Secrets::load(&config, Some(&development), Clock::real().now()).unwrap();
        let server = Server::start(&config, secrets).await.unwrap();
        Self { server, config, dir, development }
    }

    /// A server with a host who has money, a room `r1` of hers, another `r2` of somebody else's, and a third for
    /// [`Self::is_well`].
    pub async fn furnished(change: impl FnOnce(&mut Config)) -> Self {
        let served = Self::with(change).await;
        served.furnish().await;
        served
    }

    pub async fn furnish(&self) {
        for (room, host) in [("r1", "host"), ("r2", "other"), (WELL, "host")] {
            self.operator("PUT", &format!("/v1/rooms/{room}"), json!({ "host": host })).await.expect(201);
        }
        let top_up = json!({ "currency": "fen", "amount": 1_000_000_000_i64 });
        let money = self.request("POST", "/v1/wallets/host/top-ups").bearer(&self.token("op", "operator"));
        money.header("Idempotency-Key", "money").json(&top_up).send().await.expect(201);
        self.open(WELL, sale(1_000_000, 100)).await;
    }

    pub fn issuer(&self) -> Issuer {
        self.development.issuer(&self.config.tokens).unwrap()
    }

    /// A token for all rooms.
    pub fn token(&self, user: &str, role: &str) -> String {
        tokens::plain(&self.issuer(), user, role)
    }

    pub fn request<'a>(&self, method: &'a str, path: &'a str) -> http::Request<'a> {
        http::Request::new(self.server.admin, method, path)
    }

    /// A call of the API by an operator.
    pub async fn operator(&self, method: &str, path: &str, body: Value) -> Reply {
        self.request(method, path).bearer(&self.token("op", "operator")).json(&body).send().await
    }

    /// Drafts, schedules and opens; gives the activity's number.
    pub async fn open(&self, room: &str, activity: Value) -> u64 {
        let id = self.draft(room, activity).await;
        for step in ["schedule", "open"] {
            self.step(room, id, step).await.expect(200);
        }
        id
    }

    /// Drafts; gives the activity's number.
    pub async fn draft(&self, room: &str, mut activity: Value) -> u64 {
        activity["sponsor"] = json!("host");
        let drafted = self.operator("POST", &format!("/v1/rooms/{room}/activities"), activity).await.expect(201);
        drafted["activity"].as_u64().unwrap()
    }

    pub async fn step(&self, room: &str, activity: u64, step: &str) -> Reply {
        self.operator("POST", &format!("/v1/rooms/{room}/activities/{activity}/{step}"), Value::Null).await
    }

    pub async fn activity(&self, room: &str, activity: u64) -> Value {
        self.operator("GET", &format!("/v1/rooms/{room}/activities/{activity}"), Value::Null).await.expect(200)
    }

    /// A number among the metrics.
    pub async fn metric(&self, name: &str) -> u64 {
        http::metric(self.server.admin, name).await
    }

    /// A well-behaved client.
    pub async fn client(&self, over: Over, room: &str, user: &str) -> (Client, Events) {
        Client::connect(self.options(over, room, self.token(user, "viewer"))).await.unwrap()
    }

    /// What it takes to be one.
    pub fn options(&self, over: Over, room: &str, token: String) -> Options {
        let (target, transport) = match over {
            Over::Quic => (self.server.quic, Transport::Quic(Endpoint::new(Trust::InsecureLoopback).unwrap())),
            Over::Ws => (self.server.ws, Transport::WebSocket(WsConnector::plain())),
        };
        Options::new(target.into(), transport, room, token)
    }

    /// What a viewer must name to be given something: as the room says it.
    pub async fn ticket(&self, room: &str, activity: u64) -> Ticket {
        let (_client, mut events) = self.client(Over::Ws, room, "onlooker").await;
        let mut view = RoomView::new();
        loop {
            view.apply(&events.next().await.expect("the room shows the activity"));
            if let Some((token, opening)) = view.rain_ticket(activity).or_else(|| view.sale_ticket(activity, 1)) {
                return Ticket { activity, token, opening };
            }
        }
    }

    /// Strangers of both kinds come in and are served; nobody before them has broken anything.
    pub async fn is_well(&self) {
        let ticket = self.ticket(WELL, 1).await;
        for over in Over::BOTH {
            let user = format!("well-{}", peer::fresh_id());
            let mut peer = Peer::welcomed(self, over, WELL, &user).await;
            assert_eq!(peer.ask(peer::reserve(peer::fresh_id(), ticket, 1, 1)).await, "order 100 fen");
        }
        get(self.server.admin, "/healthz").await.expect(200);
        get(self.server.admin, "/readyz").await.expect(200);
    }
}

fn config(dir: &TempDir, change: impl FnOnce(&mut Config)) -> Config {
    let mut config = Config::default();
    let anywhere = "127.0.0.1:0".parse().unwrap();
    config.listen.quic = anywhere;
    config.listen.ws = anywhere;
    config.listen.admin = anywhere;
    config.store.data_dir = dir.path().join("data");
    // Small: a test writes little, and a new segment is filled with zeros.
    config.store.segment_bytes = 4 << 20;
    config.drain.timeout = Duration::from_secs(5);
    change(&mut config);
    config
}

/// One item, number 1.
pub fn sale(stock: u32, price_fen: i64) -> Value {
    sale_of(json!([item(1, stock, price_fen, 1_000)]))
}

pub fn sale_of(skus: Value) -> Value {
    json!({ "title": "sale", "sale": { "skus": skus, "duration_ms": 3_600_000 } })
}

pub fn item(sku: u32, stock: u32, price_fen: i64, per_user_limit: u32) -> Value {
    json!({ "sku": sku, "title": "thing", "list_price_fen": price_fen, "sale_price_fen": price_fen, "stock": stock,
        "per_user_limit": per_user_limit, "quality_report": "q", "trace_certificate": "t" })
}

/// Equal shares of 1 yuan, one for each user.
pub fn rain(shares: u32) -> Value {
    json!({ "title": "rain", "rain": { "budget_fen": shares * 100, "shares": shares, "split": "equal",
        "duration_ms": 120_000 } })
}
