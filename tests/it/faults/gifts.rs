//! Senders in the middle of their combos, and a server that is killed under them: no coin is lost, none is paid twice.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use liveroom_protocol::client::{Client, Events, Outcome};
use liveroom_protocol::wire::{GiftSent, SendGift, client_frame::Body};
use parking_lot::Mutex;
use serde_json::{Value, json};

use super::crowd::client;
use crate::served::process::{Process, Start, audit};
use crate::served::{run, until};

const SENDERS: usize = 6;
const PRICE: i64 = 3;
const COINS: i64 = 1_000_000;

/// What a sender was told.
#[derive(Debug, Clone)]
struct Sent {
    user: String,
    id: u64,
    count: u32,
    told: GiftSent,
}

/// Sends over and over, one gift, two, three, and every request again when it was answered: the same must come back.
async fn give(
    (client, mut events): (Client, Events), user: String, enough: Arc<AtomicBool>, sent: Arc<Mutex<Vec<Sent>>>,
) {
    let listen = async move { while events.next().await.is_some() {} };
    let press = async move {
        for turn in 0_u32.. {
            if enough.load(Ordering::Relaxed) {
                return;
            }
            let (id, count) = (client.fresh_request_id(), 1 + turn % 3);
            let body = Body::SendGift(SendGift { gift: 1, count });
            let outcome = client.request_with_id(id, body.clone()).await.expect("every gift is answered in the end");
            let Outcome::GiftSent(told) = outcome else { panic!("{outcome:?}") };
            if turn % 5 == 0 {
                assert_eq!(client.request_with_id(id, body).await, Ok(Outcome::GiftSent(told)), "asked again");
            }
            sent.lock().push(Sent { user: user.clone(), id, count, told });
        }
    };
    tokio::select! {
        () = press => {}
        () = listen => panic!("a client gave up"),
    }
}

async fn coins(server: &Process, path: &str) -> i64 {
    server.operator("GET", path, Value::Null).await.expect(200)["coins"].as_i64().unwrap()
}

#[test]
fn killed_in_the_middle_of_combos() {
    let dir = tempfile::tempdir().unwrap();
    run(async {
        let mut server = Start::new().run(dir.path());
        server.furnish().await;
        let rose = json!({ "gift": 1, "title": "rose", "price_coins": PRICE, "joins_fan_club": true });
        server.operator("PUT", "/v1/gifts", json!({ "based_on": 0, "gifts": [rose] })).await.expect(200);
        for n in 0..SENDERS {
            let money = json!({ "currency": "coins", "amount": COINS });
            server.operator("POST", &format!("/v1/wallets/sender-{n}/top-ups"), money).await.expect(201);
        }
        let (enough, sent) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(Vec::new())));
        let mut senders = tokio::task::JoinSet::new();
        for n in 0..SENDERS {
            let user = format!("sender-{n}");
            let client = client(&server, &user, n % 2 == 0);
            senders.spawn(give(client, user, Arc::clone(&enough), Arc::clone(&sent)));
        }
        for answers in [60, 120, 180] {
            until("gifts", async || (sent.lock().len() >= answers).then_some(())).await;
            let at = server.at;
            server.kill();
            server = Start::new().at(at).run(dir.path());
        }
        until("gifts", async || (sent.lock().len() >= 240).then_some(())).await;
        enough.store(true, Ordering::Relaxed);
        while let Some(ended) = senders.join_next().await {
            ended.unwrap();
        }
        let sent = std::mem::take(&mut *sent.lock());
        balance(&server, &sent).await;
        assert!(server.stop().success());
        let acks: Vec<Value> = sent.iter().map(ack).collect();
        audit(dir.path(), &acks);
    });
}

fn ack(sent: &Sent) -> Value {
    let Sent { user, id, told, .. } = sent;
    json!({ "room": "r1", "user": user, "request_id": id.to_string(), "ask": "send_gift", "answer": "sent",
        "combo": told.combo, "total": told.total, "balance_coins": told.balance_coins })
}

/// What was paid is what senders were told of, to the coin; and the gifts of a combo add up to each total on the way.
async fn balance(server: &Process, sent: &[Sent]) {
    let spent =
        |user: &str| sent.iter().filter(|one| one.user == user).map(|one| i64::from(one.count) * PRICE).sum::<i64>();
    for n in 0..SENDERS {
        let user = format!("sender-{n}");
        assert_eq!(coins(server, &format!("/v1/wallets/{user}")).await, COINS - spent(&user), "{user}");
    }
    let all: i64 = sent.iter().map(|one| i64::from(one.count) * PRICE).sum();
    assert_eq!(coins(server, "/v1/rooms/r1/earnings").await, all);
    let mut combos: BTreeMap<u64, Vec<&Sent>> = BTreeMap::new();
    sent.iter().for_each(|one| combos.entry(one.told.combo).or_default().push(one));
    for (combo, mut gifts) in combos {
        gifts.sort_by_key(|one| one.told.total);
        let mut total = 0;
        for one in gifts {
            total += one.count;
            assert_eq!(one.told.total, total, "combo {combo} of {}", one.user);
        }
    }
}
