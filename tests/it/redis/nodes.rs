//! Several nodes on one log: the same answers, the same state, nothing twice.

use std::collections::BTreeSet;
use std::thread;

use liveroom::store::redis::Bell;
use liveroom::store::*;

use super::{OnRedis, shared};
use crate::stage::{Stage, Subject as _, plan, rain, request, room, sale, user};

/// Two nodes of one log, and a room.
fn pair() -> (Stage<OnRedis>, OnRedis) {
    let options = shared().options();
    let one = Stage::new(OnRedis::join(options.clone(), Bounds::default()));
    (one, OnRedis::join(options, Bounds::default()))
}

fn follow(keeper: &mut OnRedis) -> Vec<Recorded> {
    let mut events = Vec::new();
    keeper.follow(&mut events).unwrap();
    events
}

#[test]
fn what_one_decides_the_other_follows() {
    let (mut one, mut other) = pair();
    assert_eq!(follow(&mut other), []);
    let sold = one.open(plan(sale(&[(3, 100, 2)])));
    assert_eq!(one.buy("ann", sold, 1, 2), "order 1: 200 fen");
    assert_eq!(follow(&mut other), one.events[2..], "numbered and dated alike");
    assert_eq!(other.tables().digest(), one.keeper.tables().digest());
    assert_eq!(other.next_due(), one.keeper.next_due());
    one.audit();
}

#[test]
fn a_batch_brings_what_others_did_before() {
    let (mut one, other) = pair();
    let sold = one.open(plan(sale(&[(3, 100, 2)])));
    // More than one answer brings.
    (0..200).for_each(|n| drop(one.buy(&format!("u{n}"), sold, 1, 1)));
    let mut two = Stage::over(other, one.now);
    assert_eq!(two.top_up("ann", 5), "holds 5");
    assert_eq!(two.events[..two.events.len() - 1], one.events[2..]);
}

#[test]
fn exactly_the_stock_is_sold_when_all_press_on_both_nodes() {
    const USERS: u64 = 120;
    let (mut one, two) = pair();
    let sold = one.open(plan(sale(&[(50, 100, 1)])));
    let rained = one.open(plan(rain(40, 7)));
    let (reserve, claim) = (one.cart(sold, &[(1, 1)]), one.claim(rained));
    let now = one.now;
    // The same users with requests of their own on each node, and one request that they press on both.
    let press = move |mut keeper: OnRedis, node: u64| {
        let mut given = Vec::new();
        let order: Vec<u64> = if node == 1 { (0..USERS).collect() } else { (0..USERS).rev().collect() };
        for users in order.chunks(7) {
            let ops: Vec<Op> = users
                .iter()
                .flat_map(|n| [(node * 10_000 + n, reserve.clone(), n), (50_000 + n, claim.clone(), n)])
                .map(|(id, ask, n)| Op {
                    partition: Partition::Room(room()),
                    by: Some(user(&format!("u{n}"))),
                    request: Some(request(id)),
                    ask,
                })
                .collect();
            let (mut answers, mut events) = (Vec::new(), Vec::new());
            keeper.commit(now, &ops, &mut answers, &mut events).unwrap();
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
    follow(&mut one);
    follow(&mut two);
    assert_eq!(one.tables().digest(), two.tables().digest());
    let all = || here.iter().chain(&there);
    let orders: Vec<_> = all().filter(|(_, answer)| matches!(answer, Answer::Reserved(_))).collect();
    assert_eq!(orders.len(), 50, "the stock");
    assert_eq!(orders.iter().map(|(who, _)| who).collect::<BTreeSet<_>>().len(), 50, "one each");
    // The same claim on both nodes got the same answer.
    let mut shares = BTreeSet::new();
    for (who, answer) in all() {
        if let Answer::Granted(grant) = answer {
            shares.insert((grant.slot, *who));
        }
    }
    assert_eq!(shares.len(), 40, "each share once, each user's repeat the same share");
    let Reply::Activity(view) = one.ask(&Query::Activity { room: room(), activity: rained }) else { panic!() };
    let Some(KindView::Rain { pool, .. }) = view.kind else { panic!() };
    assert_eq!((pool.granted, pool.free), (40, 0));
}

#[test]
fn timers_of_all_nodes_fire_once() {
    let (mut one, mut two) = pair();
    let sold = one.open(plan(sale(&[(3, 100, 2)])));
    one.buy("ann", sold, 1, 2);
    follow(&mut two);
    one.now = one.now.after_ms(10_000);
    let mut due = Vec::new();
    two.due(one.now, 10, &mut due);
    assert_eq!(due.len(), 1, "the hold has ended");
    let released = one.decide_all(&due);
    assert!(matches!(released[..], [Answer::Idle | Answer::Released(_)]), "{released:?}");
    let (mut answers, mut events) = (Vec::new(), Vec::new());
    two.commit(one.now, &due, &mut answers, &mut events).unwrap();
    assert_eq!(answers, [Answer::Idle]);
    assert_eq!(one.counts(sold, 1), "0/0/3 of 3");
    assert_eq!(events, one.events[one.events.len() - events.len()..]);
}

#[test]
fn the_bell_rings_for_others_only() {
    let (mut one, two) = pair();
    let (sender, rung) = crossbeam::channel::unbounded();
    let bell = Bell::listen(one.keeper.options(), two.node().to_owned(), move || sender.send(()).unwrap()).unwrap();
    rung.recv().unwrap();
    one.top_up("ann", 5);
    rung.recv().unwrap();
    let mut two = Stage::over(two, one.now);
    while rung.try_recv().is_ok() {}
    two.top_up("ann", 5);
    one.top_up("ann", 5);
    rung.recv().unwrap();
    bell.stop();
    assert!(rung.try_recv().is_err(), "once");
}

#[test]
fn nodes_that_decide_otherwise_are_refused() {
    let options = shared().options();
    let _one = OnRedis::join(options.clone(), Bounds::default());
    let bounds = Bounds { rooms_max: 7, ..Bounds::default() };
    let refused = RedisKeeper::open(&options, bounds).unwrap_err();
    assert!(refused.to_string().contains("this node decides by"), "{refused}");
    assert_eq!(refused.fault.verdict(), redis::fault::Verdict::NotDone);
    RedisKeeper::open(&options, Bounds::default()).unwrap();
}
