//! Three nodes as processes of their own, on one Redis.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use liveroom_protocol::client::{Client, Event, Outcome, RoomView};
use liveroom_protocol::wire::{CartLine, Claim, Phase, Reserve, client_frame::Body};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use super::talk::on;
use super::{RedisServer, shared};
use crate::faults::crowd::{Crowd, Told, acks, client, same_answers, ticket};
use crate::served::peer::fresh_id;
use crate::served::process::{Process, Start, audit_store, share_keys};
use crate::served::{Over, Served, item, rain, run, sale, sale_of, until};

const SAFE: [&str; 4] = ["--appendonly", "yes", "--appendfsync", "always"];

/// A log's nodes, and where each keeps what is its own.
struct Nodes {
    dirs: Vec<TempDir>,
    nodes: Vec<Process>,
}

impl Nodes {
    fn start(redis: &RedisServer) -> Self {
        let dirs: Vec<_> = (0..3).map(|_| tempfile::tempdir().unwrap()).collect();
        let start =
            Start::new().set("LIVEROOM_STORE__REDIS", &redis.url()).set("LIVEROOM_STORE__REDIS_TIMEOUT", "500ms");
        let mut nodes = Vec::new();
        for dir in &dirs {
            if !nodes.is_empty() {
                share_keys(dirs[0].path(), dir.path());
            }
            nodes.push(start.run(dir.path()));
        }
        Self { dirs, nodes }
    }

    fn all(&self) -> Vec<&Process> {
        self.nodes.iter().collect()
    }

    /// Ends them in order; then the books hold what was told.
    fn end(self, redis: &RedisServer, acks: &[Value]) {
        for node in self.nodes {
            assert!(node.stop().success());
        }
        audit_store(self.dirs[0].path(), &redis.url(), acks);
    }
}

#[test]
fn one_of_three_is_killed_in_a_rain_and_the_room_goes_on() {
    let redis = RedisServer::start(&SAFE);
    run(async {
        let mut nodes = Nodes::start(&redis);
        let [first, ..] = &nodes.nodes[..] else { panic!() };
        first.furnish().await;
        let (sold, rained) = (first.open(sale(1_000_000, 5)).await, first.open(rain(1_000)).await);
        let (sale, rain) = (ticket(first, sold).await, ticket(first, rained).await);
        let crowd = Crowd::gather(&nodes.all(), 12, sale, rain);
        until("everybody presses", async || crowd.each_has(0, 5).then_some(())).await;
        nodes.nodes.swap_remove(1).kill();
        // Whoever was there comes in elsewhere, and is answered.
        let before = crowd.answers();
        until("everybody goes on", async || crowd.each_has(before, 5).then_some(())).await;
        let told = crowd.disperse().await;
        // All of it is audited; a part of it, from before and after, is asked for again.
        let some: Vec<_> = told.iter().step_by(told.len() / 60 + 1).cloned().collect();
        for node in &nodes.nodes {
            same_answers(node, &some).await;
        }
        // The rain ends as any does.
        let rained = format!("/v1/rooms/r1/activities/{rained}");
        nodes.nodes[0].operator("POST", &format!("{rained}/close"), Value::Null).await.expect(200);
        let last = nodes.nodes.last().unwrap();
        let (_client, mut events) = client(last, "onlooker", true);
        let mut view = RoomView::new();
        while view.activity(rain.activity).is_none_or(|rain| rain.phase() != Phase::Settled) {
            view.apply(&events.next().await.expect("a room that goes on"));
        }
        nodes.end(&redis, &acks(&told));
    });
}

/// Whoever comes to another node has all that is theirs, and the room as it is; what was said meanwhile is lost, and said to be.
#[test]
fn a_viewer_of_a_drained_node_is_served_by_another() {
    run(async {
        let options = shared().options();
        let one = Served::furnished(on(&options)).await;
        let there = tempfile::tempdir().unwrap();
        share_keys(one.dir.path(), there.path());
        let two = Served::on(there, on(&options)).await;
        let sold = one.open("r1", sale(10, 5)).await;
        let ticket = one.ticket("r1", sold).await;
        until("the other node has the sale", async || two.metric("rooms").await.ge(&1).then_some(())).await;
        // Begins at the first: the second is named when it is there.
        let (mut client, mut events) = (None, None);
        while client.is_none() {
            let options = one.options(Over::Ws, "r1", one.token("ann", "viewer")).or(two.server.ws.into());
            let (begun, heard) = Client::connect(options).await.unwrap();
            if one.metric("viewers").await == 1 {
                (client, events) = (Some(begun), Some(heard));
            } else {
                drop((begun, heard));
                until("it has left", async || (two.metric("viewers").await == 0).then_some(())).await;
            }
        }
        let (client, mut events) = (client.unwrap(), events.unwrap());
        let lines = vec![CartLine { sku: 1, quantity: 2, opening: ticket.opening }];
        let Ok(Outcome::Ordered(order)) = client.reserve(sold, ticket.token, lines).await else { panic!("no order") };
        let mut heard = Vec::new();
        while !heard.iter().any(|event| matches!(event, Event::Snapshot(_))) {
            heard.push(events.next().await.unwrap());
        }
        let draining = tokio::spawn(one.server.stop());
        let (mut welcome, mut own, mut view) = (None, None, RoomView::new());
        while own.is_none() || view.activity(sold).is_none() {
            match events.next().await.unwrap() {
                Event::Welcome(welcomed) => {
                    assert!(!welcomed.recovered, "it does not know the other's position");
                    (welcome, view) = (Some(welcomed), RoomView::new());
                }
                Event::Own(mine) if welcome.is_some() => own = Some(mine),
                event => view.apply(&event),
            }
        }
        assert_eq!(own.unwrap().orders, std::slice::from_ref(&order));
        assert_eq!(client.release(order.order).await, Ok(Outcome::Done));
        draining.await.unwrap();
        two.server.stop().await;
    });
}

#[test]
fn the_same_users_press_on_all_nodes_at_once_and_exactly_the_stock_is_given_once_to_each() {
    const USERS: usize = 30;
    const STOCK: usize = 20;
    let redis = RedisServer::start(&SAFE);
    run(async {
        let nodes = Nodes::start(&redis);
        let first = &nodes.nodes[0];
        first.furnish().await;
        let sold = first.open(sale_of(json!([item(1, STOCK as u32, 5, 1)]))).await;
        let rained = first.open(rain(STOCK as u32)).await;
        let (sale, rain) = (ticket(first, sold).await, ticket(first, rained).await);
        let together = Arc::new(Barrier::new(USERS * nodes.nodes.len()));
        let mut pressing = JoinSet::new();
        for (n, node) in nodes.nodes.iter().enumerate() {
            for user in (0..USERS).map(|user| format!("u{user}")) {
                let (client, events) = client(node, &user, n == 0);
                let together = Arc::clone(&together);
                pressing.spawn(async move {
                    let _events = events;
                    let lines = vec![CartLine { sku: 1, quantity: 1, opening: sale.opening }];
                    let asks = [
                        Body::Reserve(Reserve { activity: sale.activity, token: sale.token, lines, coupons: None }),
                        Body::Claim(Claim { activity: rain.activity, token: rain.token, opening: rain.opening }),
                    ];
                    together.wait().await;
                    let [order, share] = asks.map(|body| async {
                        let id = fresh_id();
                        let outcome = client.request_with_id(id, body.clone()).await.unwrap();
                        Told { user: user.clone(), id, body, outcome }
                    });
                    <[Told; 2]>::from(tokio::join!(order, share))
                });
            }
        }
        let told: Vec<_> = pressing.join_all().await.into_iter().flatten().collect();
        let (mut orders, mut shares) = (BTreeMap::new(), BTreeMap::new());
        for Told { user, outcome, .. } in &told {
            let (given, number) = match outcome {
                Outcome::Ordered(order) => (&mut orders, order.order),
                Outcome::Granted(grant) => (&mut shares, grant.slot.into()),
                Outcome::Refused { .. } => continue,
                other => panic!("{other:?}"),
            };
            given.entry(user).or_insert_with(BTreeSet::new).insert(number);
        }
        for (what, given) in [("orders", orders), ("shares", shares)] {
            assert_eq!(given.len(), STOCK, "{what}");
            assert!(given.values().all(|own| own.len() == 1), "{what}: {given:?}");
        }
        nodes.end(&redis, &acks(&told));
    });
}
