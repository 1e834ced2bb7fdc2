//! A room goes on air, and off again.

use liveroom::rules::*;
use liveroom::store::{Ask, Bounds, PresenceAsk};

use crate::stage::{Stage, Subject};

pub const START: Ask = Ask::Presence(PresenceAsk::StartBroadcast);

pub const END_1: Ask = end(1);

pub const fn end(broadcast: u32) -> Ask {
    Ask::Presence(PresenceAsk::EndBroadcast { broadcast })
}

pub fn one_after_the_other<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let mut stage = Stage::new(new(Bounds::default()));
    for (ask, want) in [
        (end(1), "not done: wrong_phase"),
        (START, "broadcast 1 on"),
        (START, "not done: wrong_phase"),
        (end(2), "not done: wrong_phase"),
        (end(1), "broadcast 1 over"),
        (end(1), "not done: wrong_phase"),
        (START, "broadcast 2 on"),
    ] {
        assert_eq!(stage.ask("host", ask.clone()), want, "{ask:?}");
        stage.wait_ms(1_000);
    }
    let (_, room) = stage.keeper.tables().rooms().next().unwrap();
    let started = stage.now.before_ms(1_000);
    assert_eq!(room.broadcast, Some(Broadcast { number: 2, started, ended: None }));
    stage.audit();
}

pub fn asked_again<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let mut stage = Stage::new(new(Bounds::default()));
    for _ in 0..2 {
        assert_eq!(stage.ask_as("host", 1, START), "broadcast 1 on");
        assert_eq!(stage.ask_as("host", 2, end(1)), "broadcast 1 over");
        assert_eq!(stage.ask_as("host", 2, START), "not done: conflict");
    }
    stage.audit();
}
