//! The rights that the documentation gives to the server's user in Redis are enough, and are no more than it says.

use std::collections::HashMap;

use liveroom::store::redis::{Durability, Reading, RedisOptions, primaries};
use liveroom_protocol::client::Outcome;

use super::talk::on;
use super::{RedisCluster, RedisServer};
use crate::served::peer::{fresh_id, reserve};
use crate::served::{Over, Peer, Served, run, sale, until};

/// The rule as the deployment page has it: one line of an ACL file, `user NAME RULES`.
fn documented() -> Vec<&'static str> {
    let page = include_str!("../../../src/DEPLOYMENT.md");
    let line = page.lines().find(|line| line.starts_with("user liveroom ")).expect("the page gives the user's rights");
    line.split_whitespace().skip(2).collect()
}

fn admit(server: &RedisServer) {
    let words: Vec<_> = ["ACL", "SETUSER", "liveroom", "reset"].into_iter().chain(documented()).collect();
    assert_eq!(server.said(&words).as_deref(), Some("OK"));
}

/// The same place, for the user.
fn as_user(url: &str) -> String {
    url.replacen("redis://", "redis://liveroom:change-me@", 1)
}

fn options(url: &str) -> RedisOptions {
    RedisOptions { durability: Durability::Memory, ..RedisOptions::new(url.parse().unwrap()) }
}

/// All that servers do: two nodes decide and talk, the steward works, an operator looks.
async fn all_is_done(options: &RedisOptions) {
    let one = Served::furnished(on(options)).await;
    let two = Served::with(on(options)).await;
    let sold = one.open("r1", sale(5, 5)).await;
    let ticket = one.ticket("r1", sold).await;
    let mut there = Peer::welcomed(&two, Over::Ws, "r1", "bob").await;
    assert_eq!(there.ask(reserve(fresh_id(), ticket, 1, 1)).await, "order 5 fen");
    let (host, _events) =
        liveroom_protocol::client::Client::connect(one.options(Over::Ws, "r1", one.token("host", "host")))
            .await
            .unwrap();
    until("the nodes hear each other", async || {
        assert_eq!(host.announce("hi").await, Ok(Outcome::Done));
        (two.metric("talk_heard").await > 0).then_some(())
    })
    .await;
    let mut log = Reading::begin(options).unwrap();
    log.read(|_| {}).unwrap();
    assert!(log.batches() > 0);
    for primary in primaries(options).unwrap() {
        assert_eq!(primary.settings.lacks(Durability::Memory), [""; 0]);
    }
    one.server.stop().await;
    two.server.stop().await;
}

/// What Redis refused; its own tools asked for nothing of it. A client tells newer servers its name, and does without where
/// it may not.
fn refused(server: &RedisServer) -> Vec<String> {
    let log: Vec<HashMap<String, redis::Value>> = server.ask(&["ACL", "LOG"]).unwrap();
    let objects = log.into_iter().map(|mut entry| redis::from_redis_value(entry.remove("object").unwrap()).unwrap());
    objects.filter(|object: &String| object != "client|setinfo").collect()
}

#[test]
fn the_documented_user_can_do_all_that_servers_do_and_nothing_else() {
    let server = RedisServer::start(&[]);
    admit(&server);
    let url = as_user(&server.url());
    run(all_is_done(&options(&url)));
    assert_eq!(refused(&server), [""; 0]);
    let client = redis::Client::open(url).unwrap();
    let mut connection = client.get_connection().unwrap();
    for words in [
        &["FLUSHALL"][..],
        &["CONFIG", "SET", "appendonly", "no"],
        &["SHUTDOWN"],
        &["SET", "other", "1"],
        &["KEYS", "*"],
        &["ACL", "WHOAMI"],
        &["SPUBLISH", "other", "1"],
        &["FUNCTION", "FLUSH"],
        &["EVAL", "return 1", "0"],
    ] {
        let mut command = redis::cmd(words[0]);
        let answer = command.arg(&words[1..]).query::<redis::Value>(&mut connection);
        assert!(answer.is_err_and(|error| error.code() == Some("NOPERM")), "{words:?}");
    }
}

#[test]
fn the_same_in_a_cluster() {
    let cluster = RedisCluster::start(&[]);
    cluster.servers.iter().for_each(admit);
    run(all_is_done(&options(&as_user(&cluster.url()))));
    for server in &cluster.servers {
        assert_eq!(refused(server), [""; 0]);
    }
}
