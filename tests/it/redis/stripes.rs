//! A log on three primaries: two nodes race, one dies half way, and everything is one order all the same.

use std::collections::BTreeSet;
use std::thread;
use std::time::Duration;

use liveroom::store::redis::{Checkpoint, LogEvents, Reading, RedisOptions, Steward};
use liveroom::store::*;

use super::{OnRedis, shared_cluster};
use crate::stage::{Stage, Subject as _, plan, rain, request, room, sale, user};

fn options() -> RedisOptions {
    RedisOptions { stripes: 3, ..shared_cluster().options() }
}

/// How many entries each stripe has.
fn lengths(options: &RedisOptions) -> Vec<u64> {
    let cluster = shared_cluster();
    let length = |stripe| {
        let key = format!("{{{}}}:log", options.tag(stripe));
        cluster.servers[cluster.primary_of(&key)].ask::<u64>(&["XLEN", &key]).unwrap()
    };
    (0..options.stripes).map(length).collect()
}

#[test]
fn each_primary_has_a_stripe_and_every_stripe_every_batch() {
    let options = options();
    let mut stage = Stage::new(OnRedis::join(options.clone(), Bounds::default()));
    (0..20).for_each(|_| drop(stage.top_up("ann", 5)));
    let cluster = shared_cluster();
    let at = |stripe| cluster.primary_of(&format!("{{{}}}:log", options.tag(stripe)));
    assert_eq!((0..3).map(at).collect::<BTreeSet<_>>().len(), 3);
    assert_eq!(lengths(&options), [22, 22, 22], "no gaps were filled");
    stage.audit();
    // What the log began with stays.
    let refused = OnRedis::refused(&RedisOptions { stripes: 1, ..options.clone() });
    assert!(refused.contains("stripes=3"), "{refused}");
    // An audit finds out by itself.
    let mut log = Reading::begin(&RedisOptions { stripes: 1, ..options }).unwrap();
    assert_eq!((log.stripes(), log.batches()), (3, 22));
    log.read(|_| {}).unwrap();
    assert_eq!(log.tables().digest(), stage.keeper.tables().digest());
}

#[test]
fn exactly_the_stock_is_given_when_two_nodes_race_on_three_stripes() {
    const USERS: u64 = 120;
    let options = options();
    let mut one = Stage::new(OnRedis::join(options.clone(), Bounds::default()));
    let two = OnRedis::join(options.clone(), Bounds::default());
    let (sold, rained) = (one.open(plan(sale(&[(50, 100, 1)]))), one.open(plan(rain(40, 7))));
    let (reserve, claim, now) = (one.cart(sold, &[(1, 1)]), one.claim(rained), one.now);
    let press = move |mut keeper: OnRedis, node: u64| {
        let mut given = Vec::new();
        let order: Vec<u64> = if node == 1 { (0..USERS).collect() } else { (0..USERS).rev().collect() };
        for users in order.chunks(7) {
            let op = |n: &u64, id, ask: &Ask| Op {
                partition: Partition::Room(room()),
                by: Some(user(&format!("u{n}"))),
                request: Some(request(id)),
                ask: ask.clone(),
            };
            let both = |n: &u64| [op(n, node * 10_000 + n, &reserve), op(n, 50_000 + n, &claim)];
            let ops: Vec<Op> = users.iter().flat_map(both).collect();
            let (mut answers, mut events) = (Vec::new(), Vec::new());
            keeper.commit(now, &ops, &mut answers, &mut events).unwrap();
            assert_eq!(answers.len(), ops.len());
            given.extend(ops.iter().map(|op| op.by.unwrap()).zip(answers));
        }
        (keeper, given)
    };
    let there = thread::spawn({
        let press = press.clone();
        move || press(two, 2)
    });
    let (mut one, here) = press(one.keeper, 1);
    let (mut two, there) = there.join().unwrap();
    for keeper in [&mut one, &mut two] {
        keeper.follow(&mut Vec::new()).unwrap();
    }
    assert_eq!(one.tables().digest(), two.tables().digest());
    assert_eq!(one.recovered().unwrap().digest(), two.tables().digest());
    let all = || here.iter().chain(&there);
    let orders: Vec<_> = all().filter(|(_, answer)| matches!(answer, Answer::Reserved(_))).collect();
    assert_eq!(orders.len(), 50, "the stock");
    assert_eq!(orders.iter().map(|(who, _)| who).collect::<BTreeSet<_>>().len(), 50, "one each");
    let shares = all().filter_map(|(who, answer)| match answer {
        Answer::Granted(grant) => Some((grant.slot, *who)),
        _ => None,
    });
    assert_eq!(shares.collect::<BTreeSet<_>>().len(), 40, "each share once, each user's repeat the same share");
    let lengths = lengths(&options);
    assert!(lengths.iter().all(|length| length.abs_diff(lengths[0]) <= 2), "{lengths:?}");
}

/// Puts an entry into one stripe only, as a node does that dies between its sends.
fn die_half_way(options: &RedisOptions, stripe: usize) {
    // The whole of what another node wrote there last, under the name of nobody who is known.
    let cluster = shared_cluster();
    let tag = options.tag(stripe);
    let keys = ["head", "log"].map(|part| format!("{{{tag}}}:{part}"));
    let server = &cluster.servers[cluster.primary_of(&keys[0])];
    let script = "local h = redis.call('HMGET', KEYS[1], 'position', 'chain')
        local last = redis.call('XREVRANGE', KEYS[2], '+', '-', 'COUNT', 1)[1][2]
        local position, batch = h[1] + 1, last[8]
        redis.call('XADD', KEYS[2], position .. '-0', 'p', h[2], 'n', 'dead', 's', '1', 'b', batch)
        redis.call('HSET', KEYS[1], 'position', position, 'chain', redis.sha1hex(h[2] .. 'dead 1 ' .. batch))
        return position";
    assert!(server.ask::<u64>(&["EVAL", script, "2", &keys[0], &keys[1]]).is_some());
}

#[test]
fn a_node_that_dies_between_its_sends_holds_nobody_up() {
    for stripe in 0..3 {
        let options = options();
        let mut one = Stage::new(OnRedis::join(options.clone(), Bounds::default()));
        let mut two = OnRedis::join(options.clone(), Bounds::default());
        let sold = one.open(plan(sale(&[(3, 100, 2)])));
        die_half_way(&options, stripe);
        // Whoever asks next goes past it, and so does who only follows.
        if stripe == 1 {
            two.follow(&mut Vec::new()).unwrap();
        }
        assert_eq!(one.buy("ann", sold, 1, 2), "order 1: 200 fen");
        two.follow(&mut Vec::new()).unwrap();
        assert_eq!(two.tables().digest(), one.keeper.tables().digest());
        let lengths = lengths(&options);
        assert!(lengths.iter().all(|length| length.abs_diff(lengths[0]) <= 1), "{lengths:?}");
        one.audit();
    }
}

#[test]
fn snapshots_and_the_sink_have_their_place_in_all_stripes() {
    let options = options();
    let mut stage = Stage::new(OnRedis::join(options.clone(), Bounds::default()));
    let node = stage.keeper.node().to_owned();
    let mut steward = Steward::new(options.clone(), node.clone());
    assert!(steward.lease(Duration::from_secs(60)).unwrap());
    let mut checkpoint = Checkpoint::new(options.clone(), node, Bounds::default());
    for round in 1..=3 {
        (0..60).for_each(|_| drop(stage.top_up("ann", 5)));
        steward.deliver(stage.events.len() as u64).unwrap();
        assert!(checkpoint.run(50, true).unwrap(), "{round}");
        assert_eq!(stage.keeper.recovered().unwrap().digest(), stage.keeper.tables().digest());
    }
    assert_eq!(lengths(&options), [60, 60, 60], "only what follows the snapshot before is kept");
    stage.top_up("bob", 5);
    let mut log = LogEvents::after(stage.events.len() as u64 - 1, options.clone(), Bounds::default()).unwrap();
    let mut last = Vec::new();
    log.read(stage.events.len() as u64 - 1, 7, &mut last).unwrap();
    assert_eq!(last, stage.events[stage.events.len() - 1..]);
    let mut log = Reading::begin(&options).unwrap();
    log.read(|_| {}).unwrap();
    assert_eq!(log.tables().digest(), stage.keeper.tables().digest());
    stage.audit();
}
