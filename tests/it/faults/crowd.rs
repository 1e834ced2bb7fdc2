//! Viewers who ask without a pause, and remember every answer.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use liveroom_protocol::client::{
    Client, Endpoint, Event, Events, Options, Outcome, RoomView, Transport, Trust, WsConnector,
};
use liveroom_protocol::wire::{CartLine, Claim, GoodbyeCode, Release, Reserve, client_frame::Body, grant};
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::served::process::Process;
use crate::served::{Ticket, until};

/// An answer, and what it was an answer to.
#[derive(Debug, Clone)]
pub struct Told {
    pub user: String,
    pub id: u64,
    pub body: Body,
    pub outcome: Outcome,
}

/// Viewers of room `r1`, half of them over each transport.
pub struct Crowd {
    viewers: Vec<JoinHandle<()>>,
    enough: Arc<AtomicBool>,
    told: Arc<Mutex<Vec<Told>>>,
    dismissed: Arc<Mutex<Vec<GoodbyeCode>>>,
}

/// A client that is quick to come back.
pub fn client(server: &Process, user: &str, over_quic: bool) -> (Client, Events) {
    client_of(&[server], user, over_quic)
}

/// A client of several servers, which have the same keys.
pub fn client_of(servers: &[&Process], user: &str, over_quic: bool) -> (Client, Events) {
    let (targets, transport): (Vec<_>, _) = if over_quic {
        let endpoint = Endpoint::new(Trust::InsecureLoopback).unwrap();
        (servers.iter().map(|server| server.at.quic).collect(), Transport::Quic(endpoint))
    } else {
        (servers.iter().map(|server| server.at.ws).collect(), Transport::WebSocket(WsConnector::plain()))
    };
    let mut options = Options::new(targets[0].into(), transport, "r1", servers[0].token(user, "viewer"));
    options.targets = targets.into_iter().map(Into::into).collect();
    options.retry.pause_max = Duration::from_millis(100);
    options.retry.request_deadline = Duration::from_secs(60);
    options.retry.hello_deadline = Duration::from_secs(2);
    Client::start(options)
}

/// What a viewer must name: as the room says it.
pub async fn ticket(server: &Process, activity: u64) -> Ticket {
    let (_client, mut events) = client(server, "onlooker", false);
    let mut view = RoomView::new();
    loop {
        view.apply(&events.next().await.expect("the room shows the activity"));
        if let Some((token, opening)) = view.rain_ticket(activity).or_else(|| view.sale_ticket(activity, 1)) {
            return Ticket { activity, token, opening };
        }
    }
}

impl Crowd {
    /// Begins: each viewer buys, gives back what it bought last, and claims, over and over.
    pub fn gather(servers: &[&Process], viewers: usize, sale: Ticket, rain: Ticket) -> Self {
        let crowd =
            Self { viewers: Vec::new(), enough: Arc::default(), told: Arc::default(), dismissed: Arc::default() };
        let viewers = (0..viewers).map(|n| {
            let user = format!("viewer-{n}");
            let (client, mut events) = client_of(servers, &user, n % 2 == 0);
            let (enough, told) = (Arc::clone(&crowd.enough), Arc::clone(&crowd.told));
            let dismissed = Arc::clone(&crowd.dismissed);
            let listen = async move {
                while let Some(event) = events.next().await {
                    if let Event::Goodbye(goodbye) = event {
                        dismissed.lock().push(goodbye.code());
                    }
                }
            };
            tokio::spawn(async move {
                tokio::select! {
                    () = press(client, user, sale, rain, &enough, &told) => {}
                    () = listen => panic!("a client gave up"),
                }
            })
        });
        let viewers = viewers.collect();
        Self { viewers, ..crowd }
    }

    /// Whether each of the viewers has had so many answers since the first `before`.
    pub fn each_has(&self, before: usize, answers: usize) -> bool {
        let told = self.told.lock();
        let mut heard = BTreeMap::new();
        told[before..].iter().for_each(|told| *heard.entry(&told.user).or_insert(0) += 1);
        heard.len() == self.viewers.len() && heard.values().all(|heard| *heard >= answers)
    }

    /// How many answers have come.
    pub fn answers(&self) -> usize {
        self.told.lock().len()
    }

    /// Waits for so many more answers.
    pub async fn more(&self, answers: usize) {
        let enough = self.answers() + answers;
        until("answers", async || (self.answers() >= enough).then_some(())).await;
    }

    /// What the viewers were sent away with.
    pub fn dismissed(&self) -> Vec<GoodbyeCode> {
        self.dismissed.lock().clone()
    }

    /// Lets everybody finish, and gives all answers.
    pub async fn disperse(self) -> Vec<Told> {
        self.enough.store(true, Ordering::Relaxed);
        for viewer in self.viewers {
            viewer.await.unwrap();
        }
        std::mem::take(&mut self.told.lock())
    }
}

async fn press(client: Client, user: String, sale: Ticket, rain: Ticket, enough: &AtomicBool, told: &Mutex<Vec<Told>>) {
    let mut bought = None;
    for turn in 0_usize.. {
        if enough.load(Ordering::Relaxed) {
            return;
        }
        let lines = vec![CartLine { sku: 1, quantity: 1, opening: sale.opening }];
        let body = match (turn % 4, bought.take()) {
            (2, Some(order)) => Body::Release(Release { order }),
            (3, _) => Body::Claim(Claim { activity: rain.activity, token: rain.token, opening: rain.opening }),
            _ => Body::Reserve(Reserve { activity: sale.activity, token: sale.token, lines, coupons: None }),
        };
        let id = client.fresh_request_id();
        let outcome = client.request_with_id(id, body.clone()).await.expect("every request is answered in the end");
        if let Outcome::Ordered(order) = &outcome {
            bought = Some(order.order);
        }
        told.lock().push(Told { user: user.clone(), id, body, outcome });
    }
}

/// Asks everything again, each under its id: the answers are the same.
pub async fn same_answers(server: &Process, told: &[Told]) {
    let mut users: Vec<&str> = told.iter().map(|told| told.user.as_str()).collect();
    users.sort_unstable();
    users.dedup();
    for (place, user) in users.into_iter().enumerate() {
        let (client, _events) = client(server, user, place % 2 == 1);
        for told in told.iter().filter(|told| told.user == user) {
            let again = client.request_with_id(told.id, told.body.clone()).await.unwrap();
            // Of an order the repeat shows what it was; its phase since then is told otherwise.
            assert_eq!(again, told.outcome, "{user} asked {:?} again", told.body);
        }
    }
}

/// The answers as the audit reads them; what decided nothing is none.
pub fn acks(told: &[Told]) -> Vec<Value> {
    let ack = |told: &Told| {
        let (ask, activity) = match &told.body {
            Body::Claim(claim) => ("claim", Some(claim.activity)),
            Body::Reserve(reserve) => ("reserve", Some(reserve.activity)),
            Body::Release(_) => ("release", None),
            other => panic!("nobody asks {other:?}"),
        };
        let mut ack = json!({ "room": "r1", "user": told.user, "request_id": told.id.to_string(), "ask": ask });
        if let Some(activity) = activity {
            ack["activity"] = json!(activity);
        }
        let answer = match (&told.outcome, &told.body) {
            (Outcome::Granted(grant), _) => match &grant.prize {
                Some(grant::Prize::AmountFen(fen)) => {
                    json!({ "answer": "granted", "slot": grant.slot, "amount_fen": fen })
                }
                other => panic!("no cash: {other:?}"),
            },
            (Outcome::Ordered(order), _) => {
                json!({ "answer": "reserved", "order": order.order, "total_fen": order.total_fen })
            }
            (Outcome::Done, Body::Release(release)) => json!({ "answer": "released", "order": release.order }),
            (Outcome::Refused { code, .. }, _) => json!({ "answer": "refused", "code": code.word() }),
            _ => return None,
        };
        ack.as_object_mut().unwrap().extend(answer.as_object().unwrap().clone());
        Some(ack)
    };
    told.iter().filter_map(ack).collect()
}
