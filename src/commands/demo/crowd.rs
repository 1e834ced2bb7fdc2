//! The simulated viewers: they join over QUIC, and press as soon as something opens.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, ensure};
use hdrhistogram::Histogram;
use liveroom_protocol::client::{Client, Endpoint, Events, Options, Outcome, RoomView, Target, Transport, Trust};
use liveroom_protocol::wire::{self, CartLine, grant};
use parking_lot::Mutex;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::engine::Clock;
use crate::gateway::token::{Issuer, Role, Rooms};
use crate::rules::{ActivityId, Digest, OrderId, RefusalCode, RequestId, RoomId, Time, UserId};
use crate::server::Server;
use crate::server::config::Config;
use crate::server::development::Development;
use crate::store::audit::{Ack, Acked, AckedAsk};

/// What the crowd has done.
#[derive(Debug)]
pub(super) struct Tally {
    /// Requests that got an answer.
    pub(super) answers: AtomicU64,
    /// Shares or orders.
    pub(super) granted: AtomicU64,
    /// Requests that came to nothing: not even to a refusal.
    pub(super) failed: AtomicU64,
    /// Refusals by their reason.
    pub(super) refused: Mutex<HashMap<&'static str, u64>>,
    /// From the press to the answer, µs.
    pub(super) latency_us: Mutex<Histogram<u64>>,
    /// Orders that were reserved, and what each costs, fen.
    pub(super) orders: Mutex<Vec<(OrderId, i64)>>,
}

impl Tally {
    fn new() -> Self {
        let latency_us = Histogram::new_with_bounds(1, 60_000_000, 3).expect("the bounds are sound");
        Self {
            answers: AtomicU64::new(0),
            granted: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            refused: Mutex::default(),
            latency_us: Mutex::new(latency_us),
            orders: Mutex::default(),
        }
    }
}

/// Viewers in a room.
pub(super) struct Crowd {
    /// What came of the rain.
    pub(super) rain: Tally,
    /// What came of the sale.
    pub(super) sale: Tally,
    /// How many have joined.
    pub(super) joined: AtomicU64,
    /// Why the latest of those who could not join could not.
    kept_out: Mutex<Option<String>>,
    room: RoomId,
    acks: Mutex<BufWriter<File>>,
    over: watch::Sender<bool>,
    tasks: Mutex<JoinSet<()>>,
}

/// Handshakes at once: more only wait for each other.
const HANDSHAKES: usize = 64;

/// Viewers that share a socket.
const VIEWERS_PER_SOCKET: u32 = 500;

impl Crowd {
    /// Lets `viewers` join, and returns when all of them are there.
    pub(super) async fn join(
        server: &Server, config: &Config, room: RoomId, viewers: u32, acks: &Path, mut joined: impl FnMut(u64),
    ) -> Result<Arc<Self>> {
        let development = Development::below(&config.store.data_dir);
        let issuer = development.issuer(&config.tokens)?;
        let target = Target::parse(&server.quic.to_string())?;
        let crowd = Arc::new(Self {
            rain: Tally::new(),
            sale: Tally::new(),
            joined: AtomicU64::new(0),
            kept_out: Mutex::new(None),
            room,
            acks: Mutex::new(BufWriter::new(File::create(acks)?)),
            over: watch::Sender::new(false),
            tasks: Mutex::new(JoinSet::new()),
        });
        let handshakes = Arc::new(Semaphore::new(HANDSHAKES));
        let mut endpoint = None;
        for n in 0..viewers {
            if n.is_multiple_of(VIEWERS_PER_SOCKET) {
                endpoint = Some(Endpoint::new(Trust::InsecureLoopback)?);
            }
            let endpoint = endpoint.clone().expect("the first viewer brings a socket");
            let user = UserId::parse(&format!("viewer-{n}")).expect("letters and digits");
            let token = token(&issuer, user)?;
            let options = Options::new(target.clone(), Transport::Quic(endpoint), room.as_str(), token);
            let permit = Arc::clone(&handshakes).acquire_owned().await.context("nobody closes it")?;
            let viewer = Arc::clone(&crowd);
            crowd.tasks.lock().spawn(async move {
                match Client::connect(options).await {
                    Ok((client, events)) => {
                        // Before the permit goes: once all are free, everybody has been counted.
                        viewer.joined.fetch_add(1, Ordering::Relaxed);
                        drop(permit);
                        viewer.watch(user, &client, events).await;
                    }
                    Err(why) => *viewer.kept_out.lock() = Some(why.to_string()),
                }
            });
            joined(crowd.joined.load(Ordering::Relaxed));
        }
        let _all = handshakes.acquire_many(HANDSHAKES as u32).await;
        let there = crowd.joined.load(Ordering::Relaxed);
        joined(there);
        let why = crowd.kept_out.lock().take().unwrap_or_default();
        ensure!(there == u64::from(viewers), "only {there} of {viewers} viewers could join: {why}");
        Ok(crowd)
    }

    /// Sends everybody home; all acknowledgements are in the file then.
    pub(super) async fn leave(&self) -> Result<()> {
        self.over.send_replace(true);
        let mut tasks = std::mem::take(&mut *self.tasks.lock());
        while let Some(ended) = tasks.join_next().await {
            ended.map_err(|error| anyhow!("a viewer ended in {error}"))?;
        }
        self.acks.lock().flush().context("can't write the acknowledgements")
    }

    /// One viewer's evening.
    async fn watch(&self, user: UserId, client: &Client, mut events: Events) {
        let mut view = RoomView::new();
        let mut over = self.over.subscribe();
        // The opening of each activity that this viewer has had enough of.
        let mut done: HashMap<u64, u32> = HashMap::new();
        loop {
            let event = tokio::select! {
                event = events.next() => event,
                _ = over.wait_for(|over| *over) => None,
            };
            let Some(event) = event else { return };
            view.apply(&event);
            let open: Vec<u64> = view.activities().map(|state| state.activity).collect();
            for activity in open {
                let rain = view.rain_ticket(activity);
                let ticket = rain.or_else(|| view.sale_ticket(activity, super::show::SKU));
                let Some((token, opening)) = ticket else { continue };
                if opening == 0 || done.get(&activity).is_some_and(|enough| *enough >= opening) {
                    continue;
                }
                let enough = match rain {
                    Some(_) => self.press_rain(user, client, activity, token, opening).await,
                    None => self.press_sale(user, client, activity, token, opening).await,
                };
                done.insert(activity, if enough { u32::MAX } else { opening });
            }
        }
    }

    /// Takes shares until there are no more; says whether this viewer has all that one may have.
    async fn press_rain(&self, user: UserId, client: &Client, activity: u64, token: u64, opening: u32) -> bool {
        loop {
            let request = client.fresh_request_id();
            let body = wire::client_frame::Body::Claim(wire::Claim { activity, token, opening });
            if let Some(enough) = self.press(&self.rain, AckedAsk::Claim, user, client, activity, request, body).await {
                return enough;
            }
        }
    }

    /// Orders units one by one until there are no more; says whether this viewer has all that one may have.
    async fn press_sale(&self, user: UserId, client: &Client, activity: u64, token: u64, opening: u32) -> bool {
        loop {
            let request = client.fresh_request_id();
            let lines = vec![CartLine { sku: super::show::SKU, quantity: 1, opening }];
            let body = wire::client_frame::Body::Reserve(wire::Reserve { activity, token, lines, coupons: None });
            if let Some(enough) = self.press(&self.sale, AckedAsk::Reserve, user, client, activity, request, body).await
            {
                return enough;
            }
        }
    }

    /// `None`: press again. Otherwise, whether this viewer has all that one may have.
    #[allow(clippy::too_many_arguments, reason = "a request has that many parts, and is made in two places")]
    async fn press(
        &self, tally: &Tally, ask: AckedAsk, user: UserId, client: &Client, activity: u64, request: u64,
        body: wire::client_frame::Body,
    ) -> Option<bool> {
        let pressed = Instant::now();
        let outcome = client.request_with_id(request, body).await;
        let took_us = pressed.elapsed().as_micros() as u64;
        let (answer, next) = match outcome {
            Ok(Outcome::Granted(grant)) => {
                tally.granted.fetch_add(1, Ordering::Relaxed);
                let (mut amount_fen, mut held_until, mut coupon, mut item, mut code_hash) =
                    (None, None, None, None, None);
                match grant.prize {
                    Some(grant::Prize::AmountFen(fen)) => {
                        amount_fen = Some(fen);
                        held_until = Some(grant.hold.map(|hold| Time::from_ms(hold.until_ms)));
                    }
                    Some(grant::Prize::Coupon(name)) => coupon = Some(name),
                    Some(grant::Prize::Item(name)) => item = Some(name),
                    Some(grant::Prize::Code(code)) => code_hash = Some(Digest::of(code.as_bytes())),
                    None => {}
                }
                (Acked::Granted { slot: grant.slot, amount_fen, held_until, coupon, item, code_hash }, None)
            }
            Ok(Outcome::Ordered(order)) => {
                tally.granted.fetch_add(1, Ordering::Relaxed);
                let id = OrderId(order.order);
                tally.orders.lock().push((id, order.total_fen));
                (Acked::Reserved { order: id, total_fen: order.total_fen }, None)
            }
            Ok(Outcome::Refused { code, .. }) => {
                *tally.refused.lock().entry(code.word()).or_insert(0) += 1;
                let code = RefusalCode::ALL.into_iter().find(|one| one.word() == code.word());
                let Some(code) = code else { return Some(true) };
                (Acked::Refused { code }, Some(code != RefusalCode::SoldOut))
            }
            Ok(_) | Err(_) => {
                tally.failed.fetch_add(1, Ordering::Relaxed);
                return Some(true);
            }
        };
        tally.answers.fetch_add(1, Ordering::Relaxed);
        tally.latency_us.lock().saturating_record(took_us);
        let request_id = RequestId::new(request).expect("fresh ids are not zero");
        let ack = Ack { room: self.room, user, request_id, ask, activity: Some(ActivityId(activity)), answer };
        let mut line = serde_json::to_vec(&ack).expect("an acknowledgement is plain JSON");
        line.push(b'\n');
        if self.acks.lock().write_all(&line).is_err() {
            tally.failed.fetch_add(1, Ordering::Relaxed);
        }
        next
    }
}

fn token(issuer: &Issuer, user: UserId) -> Result<String> {
    let now = Clock::real().now();
    Ok(issuer.issue(now, user, Role::Viewer, &Rooms::Any, Duration::from_secs(3_600))?)
}
