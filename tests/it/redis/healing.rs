//! Redis comes back with less than it had: the nodes put back what they know before anybody is answered again.
//!
//! The server is killed and the end of its append-only file cut off at any byte, which is what a machine that loses power, or a
//! replica that lagged, comes to. The nodes are the real ones; which of them does something next is drawn from a seed.

use std::fs::{self, OpenOptions};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use liveroom::store::redis::{Checkpoint, RedisOptions, Steward};
use liveroom::store::{Bounds, Keeper as _, Tables};

use rustix::process::Signal;

use super::{OnRedis, RedisServer};
use crate::stage::{Stage, Subject as _, until};

/// Everything is in the file when the process ends: only what is cut off is lost.
const LOGGED: [&str; 6] = ["--appendonly", "yes", "--appendfsync", "no", "--auto-aof-rewrite-percentage", "0"];

/// How long nodes wait for one that says nothing.
const GATHER: Duration = Duration::from_millis(1_500);

fn options(server: &RedisServer) -> RedisOptions {
    RedisOptions { gather: GATHER, timeout: Duration::from_secs(2), ..server.options() }
}

fn node(options: &RedisOptions) -> Stage<OnRedis> {
    let mut stage = Stage::over(OnRedis::join(options.clone(), Bounds::default()), crate::stage::START);
    stage.patience = 4 * GATHER;
    stage
}

/// Money comes in that nobody else has anything to do with.
fn earn(stage: &mut Stage<OnRedis>) -> String {
    let whose = format!("of-{}", stage.keeper.node());
    stage.top_up(&whose, 1)
}

/// A node takes over what others have decided; they are waited for if need be.
fn follow(stage: &mut Stage<OnRedis>) {
    let mut events = Vec::new();
    stage.keeper.follow(&mut events).unwrap();
    events.iter().for_each(|event| stage.auditor.see(event));
    stage.events.append(&mut events);
}

/// All nodes say what they know, until the log goes on and all know the same.
fn gather(nodes: &mut [Stage<OnRedis>]) {
    until("all nodes know the same", || {
        nodes.iter_mut().for_each(follow);
        let digests: Vec<_> = nodes.iter().map(|node| node.keeper.tables().digest()).collect();
        // What others appended meanwhile comes with it, and is looked at before the next attempt.
        digests.iter().all(|digest| *digest == digests[0]) && nodes[0].keeper.takes_decisions()
    });
}

/// The file that Redis appends to.
fn file(server: &RedisServer) -> PathBuf {
    let files = fs::read_dir(server.dir().join("appendonlydir")).unwrap().map(|file| file.unwrap().path());
    files.into_iter().find(|path| path.to_str().unwrap().ends_with(".incr.aof")).unwrap()
}

/// What happens next; a failure names its seed.
struct Chance(u64);

impl Chance {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n
    }
}

#[test]
fn what_any_living_node_knows_is_put_back() {
    for seed in [1, 2, 3] {
        let mut chance = Chance(seed);
        let mut server = RedisServer::start(&LOGGED);
        let options = options(&server);
        let mut nodes: Vec<_> = (0..3).map(|_| node(&options)).collect();
        // What is cut off begins after this: where nodes that are gone are known to have been.
        let mut floor = fs::metadata(file(&server)).unwrap().len();
        for round in 0..8 {
            for _ in 0..=chance.below(30) {
                let which = chance.below(nodes.len() as u64) as usize;
                match chance.below(4) {
                    0 => follow(&mut nodes[which]),
                    _ => drop(earn(&mut nodes[which])),
                }
            }
            // One dies now and then, and takes along what only it knew; another one comes.
            if chance.below(4) == 0 {
                let which = chance.below(nodes.len() as u64) as usize;
                nodes.swap_remove(which).keeper.die();
                nodes.push(node(&options));
                floor = fs::metadata(file(&server)).unwrap().len();
            }
            server.kill();
            let path = file(&server);
            let length = fs::metadata(&path).unwrap().len();
            let cut = floor + chance.below(length - floor + 1);
            OpenOptions::new().write(true).open(&path).unwrap().set_len(cut).unwrap();
            server.restart();
            let known = nodes.iter().map(|node| node.keeper.position()).max().unwrap();
            gather(&mut nodes);
            assert!(nodes[0].keeper.position() >= known, "seed {seed}, round {round}: {known} were known");
            floor = fs::metadata(file(&server)).unwrap().len();
        }
        nodes.iter_mut().for_each(|node| drop(earn(node)));
        gather(&mut nodes);
        let digest = |tables: &Tables| tables.digest();
        let found = OnRedis::join(options.clone(), Bounds::default());
        assert!(nodes.iter().all(|node| digest(node.keeper.tables()) == digest(found.tables())), "seed {seed}");
        for node in &nodes {
            node.audit();
        }
    }
}

#[test]
fn a_log_that_is_gone_is_begun_again_by_who_knows_all_of_it() {
    let mut server = RedisServer::start(&[]);
    let options = options(&server);
    let mut nodes: Vec<_> = (0..2).map(|_| node(&options)).collect();
    for n in 0..100 {
        earn(&mut nodes[n % 2]);
    }
    server.restart();
    // Who knew it is lost, too, so others are waited for as long as they may take.
    let began = Instant::now();
    gather(&mut nodes);
    assert!(began.elapsed() >= GATHER);
    assert_eq!(earn(&mut nodes[1]), "holds 51");
    gather(&mut nodes);
    nodes.iter().for_each(Stage::audit);
}

#[test]
fn who_has_forgotten_what_was_lost_stops_and_holds_nobody_up() {
    let mut server = RedisServer::start(&LOGGED);
    let forgetful = RedisOptions { remembered_bytes: 1_000, ..options(&server) };
    let mut stage = node(&forgetful);
    stage.top_up("ann", 1);
    let length = fs::metadata(file(&server)).unwrap().len();
    for _ in 0..20 {
        stage.top_up("ann", 1);
    }
    server.kill();
    OpenOptions::new().write(true).open(file(&server)).unwrap().set_len(length).unwrap();
    server.restart();
    stage.keeper.follow(&mut Vec::new()).unwrap();
    let refused = stage.keeper.commit(stage.now, &[], &mut Vec::new(), &mut Vec::new()).unwrap_err();
    assert!(refused.to_string().contains("does not remember"), "{refused}");
    // A node that starts now accepts the log as it is.
    let mut other = node(&forgetful);
    assert_eq!(other.top_up("ann", 1), "holds 2");
    other.audit();
}

#[test]
fn who_was_held_up_while_others_gathered_and_trimmed_goes_on_with_its_number() {
    let mut server = RedisServer::start(&LOGGED);
    let options = options(&server);
    let (mut one, mut held_up) = (node(&options), node(&options));
    (0..5).for_each(|_| drop(earn(&mut held_up)));
    let steward = one.keeper.node().to_owned();
    assert!(Steward::new(options.clone(), steward.clone()).lease(Duration::from_secs(60)).unwrap());
    let mut checkpoint = Checkpoint::new(options.clone(), steward, Bounds::default());
    let mut trim = |one: &mut Stage<OnRedis>| {
        (0..10).for_each(|_| drop(earn(one)));
        // A connection to the server that was killed is found broken once.
        until("a snapshot is made", || checkpoint.run(10, false).unwrap_or(false));
    };
    for _ in 0..2 {
        trim(&mut one);
        follow(&mut held_up);
    }
    server.restart();
    // It is silent for as long as it is waited for.
    trim(&mut one);
    let lines = |server: &RedisServer| server.ask::<u64>(&["HLEN", &format!("{{{}}}:nodes", options.prefix)]).unwrap();
    assert_eq!(lines(&server), 1, "what it had in the log is in the snapshot before");
    assert_eq!(earn(&mut held_up), "holds 6");
    assert_eq!(lines(&server), 2);
    gather(&mut [one, held_up]);
}

#[test]
fn a_replica_that_lagged_and_was_promoted_is_given_what_it_lacks() {
    let mut primary = RedisServer::start(&[]);
    let replica = RedisServer::start(&["--replicaof", "127.0.0.1", &primary.port().to_string()]);
    let says = |server: &RedisServer, what: &str| {
        server.said(&["INFO", "replication"]).is_some_and(|text| text.contains(what))
    };
    until("the replica follows", || says(&replica, "master_link_status:up") && says(&primary, "state=online"));
    let sentinels: Vec<_> = (0..3).map(|_| RedisServer::sentinel(&primary)).collect();
    let knows = |sentinel: &RedisServer| {
        sentinel.said(&["INFO", "sentinel"]).is_some_and(|text| text.contains("slaves=1,sentinels=3"))
    };
    until("the sentinels know each other", || sentinels.iter().all(knows));
    let hosts: Vec<_> = sentinels.iter().map(|sentinel| format!("127.0.0.1:{}", sentinel.port())).collect();
    let url = format!("redis://{}?sentinel=main", hosts.join(",")).parse().unwrap();
    let options = RedisOptions { url, timeout: Duration::from_millis(500), ..options(&primary) };
    let mut nodes: Vec<_> = (0..2).map(|_| node(&options)).collect();
    for node in &mut nodes {
        node.patience = Duration::from_secs(25);
    }
    earn(&mut nodes[0]);
    until("the replica has it", || replica.ask::<u64>(&["XLEN", &format!("{{{}}}:log", options.prefix)]) == Some(1));
    // Nothing is even on its way to it.
    replica.signal(Signal::STOP);
    primary.said(&["CLIENT", "KILL", "TYPE", "replica"]).unwrap();
    for n in 0..150 {
        earn(&mut nodes[n % 2]);
    }
    primary.kill();
    replica.signal(Signal::CONT);
    until("the replica is promoted", || says(&replica, "role:master"));
    assert_eq!(replica.ask::<u64>(&["XLEN", &format!("{{{}}}:log", options.prefix)]), Some(1), "it lagged");
    gather(&mut nodes);
    assert_eq!(earn(&mut nodes[1]), "holds 76");
    gather(&mut nodes);
    nodes.iter().for_each(Stage::audit);
}
