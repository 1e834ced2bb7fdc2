//! A log in a cluster: its primary is killed, asked to step down, and its slot moved elsewhere during a sale.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use liveroom::rules::ActivityId;
use liveroom::store::redis::{Durability, RedisOptions, primaries};
use liveroom::store::{Bounds, Keeper as _};
use rustix::process::Signal;

use super::{OnRedis, RedisCluster};
use crate::stage::{Stage, Subject as _, plan, sale, until};

/// A node that is answered when a replica has it, too, and a sale.
fn node(cluster: &RedisCluster) -> (Stage<OnRedis>, ActivityId) {
    let timeout = Duration::from_millis(300);
    let options = RedisOptions { durability: Durability::Replicas(1), timeout, ..cluster.options() };
    let mut stage = Stage::new(OnRedis::join(options, Bounds::default()));
    stage.patience = Duration::from_secs(20);
    let sold = stage.open(plan(sale(&[(1_000_000, 5, 1)])));
    (stage, sold)
}

/// Buys on until `trouble` has passed, and a little longer; every answer is an order.
fn buy_through(stage: &mut Stage<OnRedis>, sold: ActivityId, trouble: impl FnOnce() + Send) {
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let trouble = scope.spawn(|| {
            trouble();
            over.store(true, Ordering::Release);
        });
        let mut more = 20;
        while more > 0 && (over.load(Ordering::Acquire) || !trouble.is_finished()) {
            let buyer = format!("u{}", stage.events.len());
            let said = stage.buy(&buyer, sold, 1, 1);
            assert!(said.starts_with("order "), "{said}");
            more -= i32::from(over.load(Ordering::Acquire));
        }
    });
}

/// What was sold is what there are orders for, and a newcomer sees the same.
fn nothing_was_lost(stage: &Stage<OnRedis>) {
    stage.audit();
    let mut other = OnRedis::join(stage.keeper.options().clone(), Bounds::default());
    other.follow(&mut Vec::new()).unwrap();
    assert_eq!(other.tables().digest(), stage.keeper.tables().digest());
}

#[test]
fn a_sale_goes_on_whatever_happens_to_the_primary() {
    let mut cluster = RedisCluster::start(&["--min-replicas-to-write", "1"]);
    let (mut stage, sold) = node(&cluster);
    let key = format!("{{{}}}:head", stage.keeper.options().prefix);

    // Its slot goes to another primary, and to a third one.
    for _ in 0..2 {
        let from = cluster.primary_of(&key);
        let primary =
            |server: &usize| cluster.servers[*server].said(&["INFO", "replication"]).unwrap().contains("role:master");
        let to = (0..6).filter(primary).find(|server| *server != from).unwrap();
        buy_through(&mut stage, sold, || cluster.move_slot(&key, to));
        assert_eq!(cluster.primary_of(&key), to);
    }
    nothing_was_lost(&stage);

    // Its functions are gone.
    let at = cluster.primary_of(&key);
    buy_through(&mut stage, sold, || drop(cluster.servers[at].said(&["FUNCTION", "FLUSH"])));

    // Its replica takes over, and it takes over again.
    for _ in 0..2 {
        let before = cluster.primary_of(&key);
        buy_through(&mut stage, sold, || {
            let id = cluster.servers[before].said(&["CLUSTER", "MYID"]).unwrap();
            let follows = |server: &&super::RedisServer| {
                let nodes = server.said(&["CLUSTER", "NODES"]).unwrap();
                nodes.lines().any(|line| line.contains("myself,slave") && line.contains(&id))
            };
            let replica = cluster.servers.iter().find(follows).expect("it has a replica");
            let promoted = || replica.said(&["INFO", "replication"]).unwrap().contains("role:master");
            // It gives up after five seconds, and may be asked again.
            let mut asked = None::<Instant>;
            until("the replica has taken over", || {
                if asked.is_none_or(|asked| asked.elapsed().as_secs() > 5) {
                    replica.said(&["CLUSTER", "FAILOVER"]).unwrap();
                    asked = Some(Instant::now());
                }
                promoted()
            });
        });
        cluster.settle();
        assert_ne!(cluster.primary_of(&key), before);
    }
    nothing_was_lost(&stage);

    // It is killed, and its replica is promoted; it comes back, and follows.
    let before = cluster.primary_of(&key);
    cluster.servers[before].kill();
    until("its replica is promoted", || others_have(&cluster, before, &key));
    cluster.servers[before].restart();
    buy_through(&mut stage, sold, || cluster.settle());
    nothing_was_lost(&stage);

    // It is paused for longer than the others wait for it, and is a replica when it wakes up.
    let before = cluster.primary_of(&key);
    buy_through(&mut stage, sold, || {
        cluster.servers[before].signal(Signal::STOP);
        until("its replica is promoted", || others_have(&cluster, before, &key));
        cluster.servers[before].signal(Signal::CONT);
        cluster.settle();
    });
    nothing_was_lost(&stage);
}

fn others_have(cluster: &RedisCluster, but: usize, key: &str) -> bool {
    (0..6).filter(|at| *at != but).any(|at| cluster.is_primary_of(at, key))
}

#[test]
fn every_primary_is_looked_at() {
    let cluster = super::shared_cluster();
    let options = cluster.options();
    let found = primaries(&options).unwrap();
    assert_eq!(found.len(), 3);
    for primary in &found {
        assert_eq!(primary.settings.lacks(Durability::Memory), [""; 0]);
        let lacks = primary.settings.lacks(Durability::Fsync).join(" ");
        assert!(lacks.contains("appendonly"), "{lacks}");
        assert_eq!(primary.replicas.len(), 1, "{primary:?}");
    }
    // One address of it is not the whole of it.
    let one = RedisOptions { url: cluster.servers[0].url().parse().unwrap(), ..options };
    let refused = OnRedis::refused(&one);
    assert!(refused.contains("?cluster=true"), "{refused}");
}
