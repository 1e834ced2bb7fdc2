//! Sentinels say who the primary is: it is paused and comes back, and a sale goes on.

use std::time::Duration;

use liveroom::store::Bounds;
use liveroom::store::redis::{Durability, RedisOptions};
use rustix::process::Signal;

use super::server::options;
use super::{OnRedis, RedisServer};
use crate::stage::{Stage, plan, sale, until};

#[test]
fn a_primary_that_was_replaced_is_not_believed_any_more() {
    let one = RedisServer::start(&["--repl-diskless-sync-delay", "0"]);
    let port = one.port().to_string();
    let two = RedisServer::start(&["--repl-diskless-sync-delay", "0", "--replicaof", "127.0.0.1", &port]);
    let says = |server: &RedisServer, what: &str| {
        server.said(&["INFO", "replication"]).is_some_and(|text| text.contains(what))
    };
    until("the replica follows", || says(&two, "master_link_status:up") && says(&one, "state=online"));
    for server in [&one, &two] {
        server.said(&["CONFIG", "SET", "min-replicas-to-write", "1"]).unwrap();
    }
    let sentinels: Vec<_> = (0..3).map(|_| RedisServer::sentinel(&one)).collect();
    let knows = |sentinel: &RedisServer| {
        sentinel.said(&["INFO", "sentinel"]).is_some_and(|text| text.contains("slaves=1,sentinels=3"))
    };
    until("the sentinels know each other", || sentinels.iter().all(knows));

    let hosts: Vec<_> = sentinels.iter().map(|sentinel| format!("127.0.0.1:{}", sentinel.port())).collect();
    let url = format!("redis://{}?sentinel=main", hosts.join(","));
    let timeout = Duration::from_millis(300);
    let options = RedisOptions { durability: Durability::Replicas(1), timeout, ..options(&url) };
    let unknown = RedisOptions { url: url.replace("main", "other").parse().unwrap(), ..options.clone() };
    assert!(OnRedis::refused(&unknown).contains("no primary called \"other\""));

    let mut stage = Stage::new(OnRedis::join(options, Bounds::default()));
    stage.patience = Duration::from_secs(25);
    let sold = stage.open(plan(sale(&[(100, 5, 1)])));
    until("the primary counts its replica", || says(&one, "min_slaves_good_slaves:1"));
    assert_eq!(stage.buy("ann", sold, 1, 1), "order 1: 5 fen");
    one.signal(Signal::STOP);
    until("the replica is promoted", || says(&two, "role:master"));
    // Its replica is paused: nothing is as safe as asked for until that follows.
    one.signal(Signal::CONT);
    assert_eq!(stage.buy("bob", sold, 1, 1), "order 2: 5 fen");
    until("the former primary follows", || says(&one, "role:slave"));
    assert_eq!(stage.buy("cyd", sold, 1, 1), "order 3: 5 fen");
    stage.audit();
}
