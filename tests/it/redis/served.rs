//! Whole servers on one Redis.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::Instant;

use liveroom::rules::ActivityId;
use liveroom::server::config::Config;
use liveroom::store::redis::{Durability, Reading, RedisOptions};
use rustix::process::Signal;
use serde_json::json;

use super::{RedisCluster, RedisServer, shared};
use crate::faults::crowd::{Crowd, acks, same_answers, ticket};
use crate::served::peer::{fresh_id, release, reserve};
use crate::served::process::{Process, Start, audit_store};
use crate::served::{Over, Peer, Served, item, rain, run, sale, sale_of, until};
use crate::stage::room;

/// A configuration on the server of all tests.
fn on_redis(prefix: &str) -> impl FnOnce(&mut Config) + use<> {
    let prefix = prefix.to_owned();
    move |config| {
        config.store.redis = Some(shared().url().parse().unwrap());
        config.store.redis_prefix = prefix;
        config.store.durability = Durability::Memory;
    }
}

#[test]
fn a_gate_that_another_node_reopens_notices_at_once() {
    run(async {
        let prefix = shared().options().prefix;
        let one = Served::furnished(on_redis(&prefix)).await;
        let two = Served::with(on_redis(&prefix)).await;
        let sold = one.open("r1", sale_of(json!([item(1, 1, 5, 1)]))).await;
        let there = || two.server.engine().room(&room())?.gates.get(ActivityId(sold)).map(|gate| gate.availability());
        until("the other node has the sale", async || (there()? == [(1, true)]).then_some(())).await;
        let mut buyer = Peer::welcomed(&one, Over::Quic, "r1", "ann").await;
        let ticket = one.ticket("r1", sold).await;
        assert_eq!(buyer.ask(reserve(fresh_id(), ticket, 1, 1)).await, "order 5 fen");
        until("the other node has sold out", async || (there()? == [(1, false)]).then_some(())).await;
        let began = Instant::now();
        assert_eq!(buyer.ask(release(fresh_id(), 1)).await, "done");
        until("the other node's gate is open again", async || (there()? == [(2, true)]).then_some(())).await;
        let took = began.elapsed();
        assert!(took.as_millis() < 200, "{took:?}");
        // Nobody there has asked for anything: the next one is served.
        let mut other = Peer::welcomed(&two, Over::Ws, "r1", "bob").await;
        let new = async || Some(two.ticket("r1", sold).await).filter(|ticket| ticket.opening == 2);
        let ticket = until("viewers there hear of it", new).await;
        assert_eq!(other.ask(reserve(fresh_id(), ticket, 1, 1)).await, "order 5 fen");
        one.server.stop().await;
        two.server.stop().await;
    });
}

fn start(redis: &RedisServer) -> Start {
    Start::new().set("LIVEROOM_STORE__REDIS", &redis.url()).set("LIVEROOM_STORE__REDIS_TIMEOUT", "200ms")
}

/// Two nodes with the same development keys, and the same crowd pressing on both.
async fn pressed(one: &Process, two: &Process) -> [Crowd; 2] {
    one.furnish().await;
    let (sold, rained) = (one.open(sale(1_000_000, 5)).await, one.open(rain(1_000)).await);
    let (sale, rain) = (ticket(one, sold).await, ticket(one, rained).await);
    [Crowd::gather(&[one], 4, sale, rain), Crowd::gather(&[two], 4, sale, rain)]
}

/// Whoever was the steward has delivered every event, once by id.
fn sink_has_all(redis: &RedisServer, dirs: &[&Path]) {
    let mut delivered = BTreeSet::new();
    for dir in dirs {
        let Ok(files) = fs::read_dir(dir.join("data/events")) else { continue };
        for file in files.map(|file| file.unwrap().path()).filter(|path| path.to_str().unwrap().contains("ndjson")) {
            for line in fs::read_to_string(file).unwrap().lines() {
                let event: serde_json::Value = serde_json::from_str(line).unwrap();
                delivered.insert(event["id"].as_u64().unwrap());
            }
        }
    }
    let options = RedisOptions::new(redis.url().parse().unwrap());
    let mut log = Reading::begin(&options).unwrap();
    log.read(|_| {}).unwrap();
    assert_eq!(delivered, (1..=log.tables().latest_no()).collect());
}

#[test]
fn redis_is_killed_and_paused_under_two_nodes() {
    let mut redis = RedisServer::start(&["--appendonly", "yes", "--appendfsync", "always"]);
    let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    run(async {
        let one = start(&redis).run(here.path());
        let two = start(&redis).run(there.path());
        let crowds = pressed(&one, &two).await;
        for round in 0..4 {
            for crowd in &crowds {
                crowd.more(30).await;
            }
            match round % 2 {
                0 => redis.restart(),
                _ => {
                    redis.signal(Signal::STOP);
                    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
                    redis.signal(Signal::CONT);
                }
            }
        }
        let mut told = Vec::new();
        for crowd in crowds {
            crowd.more(30).await;
            told.extend(crowd.disperse().await);
        }
        // What either said the other says, too.
        same_answers(&one, &told).await;
        same_answers(&two, &told).await;
        assert!(one.stop().success() && two.stop().success());
        audit_store(here.path(), &redis.url(), &acks(&told));
        sink_has_all(&redis, &[here.path(), there.path()]);
    });
}

#[test]
fn a_striped_cluster_fails_over_moves_and_forgets_under_two_nodes() {
    const STRIPES: usize = 3;
    let mut cluster = RedisCluster::start(&["--min-replicas-to-write", "1"]);
    let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let start = Start::new()
        .set("LIVEROOM_STORE__REDIS", &cluster.url())
        .set("LIVEROOM_STORE__REDIS_TIMEOUT", "500ms")
        .set("LIVEROOM_STORE__STRIPES", &STRIPES.to_string())
        .set("LIVEROOM_STORE__DURABILITY", "replicas:1");
    let options = RedisOptions { stripes: STRIPES, ..RedisOptions::new(cluster.url().parse().unwrap()) };
    let key = |stripe| format!("{{{}}}:head", options.tag(stripe));
    run(async {
        let one = start.run(here.path());
        let two = start.run(there.path());
        let crowds = pressed(&one, &two).await;
        for round in 0..STRIPES {
            for crowd in &crowds {
                crowd.more(20).await;
            }
            match round {
                0 => {
                    let primary = cluster.primary_of(&key(1));
                    cluster.servers[primary].kill();
                    let promoted = || (0..6).any(|at| at != primary && cluster.is_primary_of(at, &key(1)));
                    crate::stage::until("its replica is promoted", promoted);
                    cluster.servers[primary].restart();
                    cluster.settle();
                }
                1 => cluster.move_slot(&key(2), cluster.primary_of(&key(0))),
                _ => cluster.servers.iter().for_each(|server| drop(server.said(&["FUNCTION", "FLUSH"]))),
            }
        }
        let mut told = Vec::new();
        for crowd in crowds {
            crowd.more(20).await;
            told.extend(crowd.disperse().await);
        }
        same_answers(&one, &told).await;
        same_answers(&two, &told).await;
        assert!(one.stop().success() && two.stop().success());
        audit_store(here.path(), &cluster.url(), &acks(&told));
    });
}

#[test]
fn a_node_that_dies_takes_nothing_with_it() {
    let redis = RedisServer::start(&["--appendonly", "yes", "--appendfsync", "always"]);
    let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    run(async {
        let one = start(&redis).run(here.path());
        let mut two = start(&redis).run(there.path());
        let crowds = pressed(&one, &two).await;
        for _ in 0..2 {
            for crowd in &crowds {
                crowd.more(30).await;
            }
            let at = two.at;
            two.kill();
            crowds[0].more(30).await;
            two = start(&redis).at(at).run(there.path());
        }
        let mut told = Vec::new();
        for crowd in crowds {
            crowd.more(30).await;
            told.extend(crowd.disperse().await);
        }
        same_answers(&one, &told).await;
        assert!(one.stop().success() && two.stop().success());
        audit_store(here.path(), &redis.url(), &acks(&told));
    });
}
