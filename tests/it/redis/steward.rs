//! Snapshots, trimming, and the events for the sink: what one node does for all.

use std::collections::BTreeSet;
use std::time::Duration;

use liveroom::store::redis::{Checkpoint, LogEvents, Reading, RedisOptions, Steward};
use liveroom::store::{Bounds, Recorded};

use super::{OnRedis, shared};
use crate::stage::{Stage, Subject as _};

/// The nodes that the log has a line of.
fn lines(options: &RedisOptions) -> BTreeSet<String> {
    shared().ask::<Vec<String>>(&["HKEYS", &format!("{{{}}}:nodes", options.prefix)]).unwrap().into_iter().collect()
}

/// A log with so many batches of one event each, and its node.
fn filled(batches: usize) -> (Stage<OnRedis>, RedisOptions, String) {
    let options = shared().options();
    let mut stage = Stage::new(OnRedis::join(options.clone(), Bounds::default()));
    while stage.events.len() < batches {
        stage.top_up("ann", 5);
    }
    let node = stage.keeper.node().to_owned();
    (stage, options, node)
}

fn events(options: &RedisOptions, after: u64) -> Vec<Recorded> {
    let mut log = LogEvents::after(after, options.clone(), Bounds::default()).unwrap();
    let mut events = Vec::new();
    loop {
        let from = events.last().map_or(after, |event: &Recorded| event.no);
        let before = events.len();
        log.read(from, 7, &mut events).unwrap();
        if events.len() == before {
            return events;
        }
    }
}

#[test]
fn one_node_at_a_time_is_the_steward() {
    let (_stage, options, _) = filled(2);
    let [mut one, mut two] = ["one", "two"].map(|node| Steward::new(options.clone(), node.to_owned()));
    let long = Duration::from_secs(60);
    assert!(one.lease(long).unwrap() && !two.lease(long).unwrap() && one.lease(long).unwrap());
    one.deliver(1).unwrap();
    assert!(two.deliver(2).unwrap_err().to_string().contains("NOTSTEWARD"));
    two.resign().unwrap();
    assert!(!two.lease(long).unwrap());
    one.resign().unwrap();
    assert!(two.lease(Duration::from_millis(1)).unwrap());
    // Whoever is not heard of loses it, and finds out.
    crate::stage::until("the lease lapses", || one.lease(long).unwrap());
    two.deliver(2).unwrap_err();
    assert_eq!(two.delivered().unwrap(), 1);
    one.deliver(2).unwrap();
    one.deliver(1).unwrap();
    assert_eq!(one.delivered().unwrap(), 2, "it never goes back");
}

#[test]
fn the_sink_is_given_every_event_in_order() {
    let (stage, options, _) = filled(300);
    assert_eq!(events(&options, 0), stage.events);
    assert_eq!(events(&options, 123), stage.events[123..]);
    let mut log = LogEvents::after(0, options, Bounds::default()).unwrap();
    let (mut first, mut again) = (Vec::new(), Vec::new());
    log.read(0, 50, &mut first).unwrap();
    log.read(20, 50, &mut again).unwrap();
    assert_eq!(again[..30], first[20..], "what the sink did not keep comes again");
}

#[test]
fn a_snapshot_counts_once_the_sink_has_it_and_the_log_is_trimmed_behind() {
    let (mut stage, options, node) = filled(200);
    let mut steward = Steward::new(options.clone(), node.clone());
    assert!(steward.lease(Duration::from_secs(60)).unwrap());
    let mut checkpoint = Checkpoint::new(options.clone(), node, Bounds::default());
    assert!(!checkpoint.run(1_000, true).unwrap(), "not enough to do");
    assert!(!checkpoint.run(100, true).unwrap(), "the sink has nothing yet");
    steward.deliver(200).unwrap();
    assert!(checkpoint.run(100, true).unwrap());
    // A node that comes now begins with it, and has the same.
    assert_eq!(stage.keeper.recovered().unwrap().digest(), stage.keeper.tables().digest());
    (0..150).for_each(|_| drop(stage.top_up("ann", 5)));
    assert!(!checkpoint.run(100, true).unwrap());
    steward.deliver(350).unwrap();
    let mut behind = OnRedis::join(options.clone(), Bounds::default());
    assert!(checkpoint.run(100, true).unwrap(), "and the log before the first one is gone");
    stage.top_up("bob", 5);
    liveroom::store::Keeper::follow(&mut behind, &mut Vec::new()).unwrap();
    for tables in [behind.tables().clone(), stage.keeper.recovered().unwrap()] {
        assert_eq!(tables.digest(), stage.keeper.tables().digest());
    }
    let mut log = Reading::begin(&options).unwrap();
    let mut seen = 0;
    log.read(|_| seen += 1).unwrap();
    assert_eq!((seen, log.batches()), (1, 351), "only what follows the snapshot is replayed");
    assert_eq!(log.tables().digest(), stage.keeper.tables().digest());
    assert_eq!(events(&options, 350), stage.events[350..]);
    stage.audit();
}

#[test]
fn the_lines_of_nodes_that_have_left_go_with_the_log() {
    let (mut stage, options, node) = filled(200);
    let join = || OnRedis::join(options.clone(), Bounds::default());
    let mut listening = join();
    let mut decided = Stage::over(join(), stage.now);
    decided.top_up("bob", 5);
    let gone = [decided.keeper.node(), join().node()].map(str::to_owned);
    drop(decided);
    let killed = Stage::over(join(), stage.now);
    let stays = [node.clone(), listening.node().to_owned(), killed.keeper.node().to_owned()];
    killed.keeper.die();
    assert_eq!(lines(&options), gone.iter().chain(&stays).cloned().collect());
    let mut steward = Steward::new(options.clone(), node.clone());
    assert!(steward.lease(Duration::from_secs(60)).unwrap());
    let mut checkpoint = Checkpoint::new(options.clone(), node, Bounds::default());
    assert!(checkpoint.run(100, false).unwrap());
    assert_eq!(lines(&options).len(), 5, "nothing is trimmed yet");
    (0..150).for_each(|_| drop(stage.top_up("ann", 5)));
    liveroom::store::Keeper::follow(&mut listening, &mut Vec::new()).unwrap();
    assert!(checkpoint.run(100, false).unwrap());
    // Who was killed may only be held up: nobody knows before the others gather.
    assert_eq!(lines(&options), stays.into_iter().collect());
    assert!(listening.takes_decisions() && listening.takes_decisions());
    stage.audit();
}
