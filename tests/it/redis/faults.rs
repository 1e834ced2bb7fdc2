//! Redis is killed, paused, flushed, filled and set back: what was acknowledged stays, and nothing is done twice.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::PathBuf;
use std::process::Command;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use liveroom::rules::ActivityId;
use liveroom::store::redis::{Durability, RedisOptions, fault::Verdict};
use liveroom::store::{Ask, Bounds, CommitError, Keeper as _, Op, Partition, RedisKeeper};
use rustix::process::Signal;

use super::{OnRedis, RedisServer};
use crate::stage::{Stage, Subject as _, plan, request, room, sale, until, user};

const SAFE: [&str; 4] = ["--appendonly", "yes", "--appendfsync", "always"];

/// A node whose patience with one answer is short, and a sale.
fn node(server: &RedisServer) -> (Stage<OnRedis>, ActivityId) {
    let options = RedisOptions { timeout: Duration::from_millis(100), ..server.options() };
    let mut stage = Stage::new(OnRedis::join(options, Bounds::default()));
    let sold = stage.open(plan(sale(&[(100, 5, 1)])));
    (stage, sold)
}

/// Why a batch is not taken.
fn refused(stage: &mut Stage<OnRedis>) -> String {
    let ask = Ask::CreateRoom { host: user("ann"), utc_offset_min: 0 };
    let op = Op { partition: Partition::Room(room()), by: Some(user("ann")), request: Some(request(77)), ask };
    let (mut answers, mut events) = (Vec::new(), Vec::new());
    match stage.keeper.commit(stage.now, &[op], &mut answers, &mut events) {
        Err(CommitError::Unavailable(why)) => why,
        other => panic!("{other:?}, {answers:?}"),
    }
}

/// Somebody buys while Redis does not answer: nothing is said until `heal` has been called, and then it is done once.
fn buy_through(stage: &mut Stage<OnRedis>, who: &str, sold: ActivityId, heal: impl FnOnce() + Send) {
    let before = stage.keeper.position();
    let said = thread::scope(|scope| {
        let (said, early) = mpsc::channel();
        scope.spawn(move || {
            let early = early.recv_timeout(Duration::from_millis(400));
            heal();
            assert_eq!(early, Err(RecvTimeoutError::Timeout), "nothing is known yet");
        });
        let answer = stage.buy(who, sold, 1, 1);
        // Nobody waits any more.
        let _ = said.send(answer.clone());
        answer
    });
    assert!(said.starts_with("order "), "{said}");
    assert_eq!(stage.keeper.position(), before + 1, "appended once");
}

#[test]
fn killed_and_restarted_it_has_everything() {
    let mut server = RedisServer::start(&SAFE);
    let (mut stage, sold) = node(&server);
    for round in 0..3 {
        stage.buy(&format!("a{round}"), sold, 1, 1);
        server.kill();
        buy_through(&mut stage, &format!("b{round}"), sold, || server.restart());
    }
    assert_eq!(stage.counts(sold, 1), "0/6/94 of 100");
    stage.audit();
}

#[test]
fn paused_it_is_asked_again_and_nothing_is_doubled() {
    let server = RedisServer::start(&[]);
    let (mut stage, sold) = node(&server);
    for round in 0..3 {
        server.signal(Signal::STOP);
        buy_through(&mut stage, &format!("u{round}"), sold, || server.signal(Signal::CONT));
    }
    assert_eq!(stage.counts(sold, 1), "0/3/97 of 100");
    stage.audit();
}

#[test]
fn functions_that_were_flushed_are_loaded_again() {
    let server = RedisServer::start(&[]);
    let (mut stage, sold) = node(&server);
    let mut other = OnRedis::join(stage.keeper.options().clone(), Bounds::default());
    for round in 0..3 {
        server.said(&["FUNCTION", "FLUSH"]).unwrap();
        assert_eq!(stage.buy(&format!("u{round}"), sold, 1, 1), format!("order {}: 5 fen", round + 1));
        server.said(&["FUNCTION", "FLUSH"]).unwrap();
        other.follow(&mut Vec::new()).unwrap();
        assert_eq!(other.tables().digest(), stage.keeper.tables().digest());
    }
    stage.audit();
}

#[test]
fn what_redis_refuses_was_not_done_and_may_be_asked_again() {
    let server = RedisServer::start(&[]);
    let (mut stage, sold) = node(&server);
    for (off, on, why) in [
        (vec!["CONFIG", "SET", "maxmemory", "1"], vec!["CONFIG", "SET", "maxmemory", "0"], "OOM"),
        (vec!["REPLICAOF", "127.0.0.1", "1"], vec!["REPLICAOF", "NO", "ONE"], "READONLY"),
        (
            vec!["CONFIG", "SET", "min-replicas-to-write", "1"],
            vec!["CONFIG", "SET", "min-replicas-to-write", "0"],
            "NOREPLICAS",
        ),
    ] {
        let before = stage.keeper.position();
        server.said(&off).unwrap();
        let said = refused(&mut stage);
        assert!(said.to_uppercase().contains(why) || said.contains("replica"), "{why}: {said}");
        server.said(&on).unwrap();
        assert!(stage.buy(why, sold, 1, 1).starts_with("order "));
        assert_eq!(stage.keeper.position(), before + 1);
    }
    stage.audit();
}

#[test]
fn nobody_there_is_known_at_once() {
    let mut server = RedisServer::start(&SAFE);
    let (mut stage, sold) = node(&server);
    server.kill();
    // The broken connection is noticed by whoever looks first; with none nothing can be sent.
    stage.keeper.follow(&mut Vec::new()).unwrap();
    assert!(refused(&mut stage).contains("no connection to Redis"));
    assert_eq!(
        RedisKeeper::open(stage.keeper.options(), Bounds::default()).unwrap_err().fault.verdict(),
        Verdict::NotDone
    );
    server.restart();
    assert_eq!(stage.buy("ann", sold, 1, 1), "order 1: 5 fen");
    stage.audit();
}

#[test]
fn another_log_under_the_same_name_stops_the_node() {
    let mut server = RedisServer::start(&[]);
    let (mut stage, sold) = node(&server);
    let options = stage.keeper.options().clone();
    let mut idle = Stage::over(OnRedis::join(options.clone(), Bounds::default()), stage.now);
    stage.buy("ann", sold, 1, 1);
    server.restart();
    // The log is gone, and somebody begins another one before those who knew it can put it back: it is not the one that they
    // know, however long it grows.
    let mut newcomer = Stage::new(OnRedis::join(options, Bounds::default()));
    let again = newcomer.open(plan(sale(&[(100, 5, 1)])));
    (0..10).for_each(|n| drop(newcomer.buy(&format!("u{n}"), again, 1, 1)));
    idle.keeper.follow(&mut Vec::new()).unwrap();
    for stage in [&mut stage, &mut idle] {
        let said = refused(stage);
        assert!(said.contains("is not the one"), "{said}");
    }
    newcomer.audit();
}

#[test]
fn a_batch_is_answered_when_enough_replicas_have_it() {
    let server = RedisServer::start(&[]);
    let replica = RedisServer::start(&["--replicaof", "127.0.0.1", &server.port().to_string()]);
    until("the replica follows", || {
        replica.said(&["INFO", "replication"]).is_some_and(|text| text.contains("master_link_status:up"))
    });
    server.said(&["CONFIG", "SET", "min-replicas-to-write", "1"]).unwrap();
    // The primary counts them now and then.
    until("the primary counts it", || {
        server.said(&["INFO", "replication"]).is_some_and(|text| text.contains("min_slaves_good_slaves:1"))
    });
    let options =
        RedisOptions { durability: Durability::Replicas(1), timeout: Duration::from_millis(400), ..server.options() };
    let mut stage = Stage::new(OnRedis::join(options, Bounds::default()));
    let sold = stage.open(plan(sale(&[(100, 5, 1)])));
    assert_eq!(stage.buy("ann", sold, 1, 1), "order 1: 5 fen");
    replica.signal(Signal::STOP);
    buy_through(&mut stage, "bob", sold, || replica.signal(Signal::CONT));
    // Now the log takes the batch, and only the question after it is refused: that is no refusal of the batch.
    server.said(&["ACL", "SETUSER", "default", "-wait"]).unwrap();
    buy_through(&mut stage, "eve", sold, || drop(server.said(&["ACL", "SETUSER", "default", "+wait"]).unwrap()));
    stage.audit();
}

/// A file system of a few megabytes, gone with the test.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    /// `None` where nobody may make one.
    fn mount() -> Option<Self> {
        let disk = Self(tempfile::tempdir().unwrap());
        let made = Command::new("mount").args(["-t", "tmpfs", "-o", "size=4m", "none"]).arg(disk.0.path()).output();
        made.is_ok_and(|made| made.status.success()).then_some(disk)
    }

    fn filler(&self) -> PathBuf {
        self.0.path().join("filler")
    }

    fn fill(&self) {
        let mut file = File::create(self.filler()).unwrap();
        for size in [4096, 1] {
            while file.write_all(&vec![0; size]).is_ok() {}
        }
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Where nothing was mounted it fails.
        let _ = Command::new("umount").arg(self.0.path()).output();
    }
}

#[test]
fn a_full_disk_ends_redis_and_nothing_is_lost_or_doubled() {
    let Some(disk) = SmallDisk::mount() else {
        println!("left out: no file system can be mounted here");
        return;
    };
    let mut server = RedisServer::start(&[&SAFE[..], &["--dir", disk.0.path().to_str().unwrap()]].concat());
    let (mut stage, sold) = node(&server);
    stage.patience = Duration::from_secs(20);
    for round in 0..2 {
        disk.fill();
        thread::scope(|scope| {
            scope.spawn(|| {
                // What it can't sync it doesn't answer: it ends itself.
                until("redis has ended", || server.said(&["PING"]).is_none());
                fs::remove_file(disk.filler()).unwrap();
                server.restart();
            });
            // The first of them still fit into the file's last page.
            for n in 0..40 {
                let said = stage.buy(&format!("u{round}-{n}"), sold, 1, 1);
                assert!(said.starts_with("order "), "{said}");
            }
        });
    }
    assert_eq!(stage.counts(sold, 1), "0/80/20 of 100");
    stage.audit();
}

#[test]
fn a_redis_that_is_set_weaker_than_asked_is_refused() {
    let server = RedisServer::start(&[]);
    let open = |durability| {
        RedisKeeper::open(&RedisOptions { durability, ..server.options() }, Bounds::default())
            .map_err(|failure| failure.to_string())
    };
    let set = |name, value| drop(server.said(&["CONFIG", "SET", name, value]).unwrap());
    assert!(open(Durability::Memory).is_ok());
    for (durability, said, name, value) in [
        (Durability::Fsync, "appendonly is \"no\"; must be yes", "appendonly", "yes"),
        (Durability::Fsync, "appendfsync is \"everysec\"; must be always", "appendfsync", "always"),
        (Durability::Replicas(2), "min-replicas-to-write is \"0\"; must be 2 or more", "min-replicas-to-write", "1"),
    ] {
        let refused = open(durability).unwrap_err();
        assert!(refused.contains(said), "{refused}");
        set(name, value);
    }
    set("min-replicas-to-write", "0");
    assert!(open(Durability::Fsync).is_ok());
    set("maxmemory-policy", "allkeys-lru");
    let refused = open(Durability::Memory).unwrap_err();
    assert!(refused.contains("maxmemory-policy is \"allkeys-lru\"; must be noeviction"), "{refused}");
}
