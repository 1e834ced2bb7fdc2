//! Watch tasks 观看N分钟解锁 and check-ins 直播打卡.

use liveroom::rules::*;
use liveroom::store::{Ask, Bounds, PresenceAsk};

use super::broadcast::{START, end};
use super::eligibility::watched;
use crate::stage::{Stage, Subject, fen, plan};

const DAY_MS: u64 = 86_400_000;
const HOUR_MS: u64 = 3_600_000;

fn goal(at: u32, prize: Prize, count: u32) -> GoalPlan {
    GoalPlan { at, prize, count }
}

/// 3, 5 and 10 minutes: cash for two, a coupon for two, a mug for one.
fn task() -> WatchTaskPlan {
    let steps = vec![
        goal(180, Prize::Cash(fen(50)), 2),
        goal(300, Prize::Coupon("tea".to_owned()), 2),
        goal(600, Prize::Item("mug".to_owned()), 1),
    ];
    WatchTaskPlan { steps, duration_ms: HOUR_MS }
}

fn check_in(streaks: Vec<GoalPlan>) -> CheckInPlan {
    CheckInPlan { streaks, duration_ms: 30 * DAY_MS }
}

fn step<K: Subject>(stage: &mut Stage<K>, who: &str, activity: ActivityId, step: u32) -> String {
    let token = stage.token(activity);
    stage.ask(who, Ask::Presence(PresenceAsk::ClaimStep { activity, token, step }))
}

fn checks_in<K: Subject>(stage: &mut Stage<K>, who: &str, activity: ActivityId) -> String {
    let token = stage.token(activity);
    stage.ask(who, Ask::Presence(PresenceAsk::CheckIn { activity, token }))
}

pub fn steps_are_reached_by_watching<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let mut stage = Stage::new(new(Bounds::default()));
    stage.ask("host", START);
    let activity = stage.open(plan(task()));
    assert_eq!(stage.wallet("host"), 1_000_000 - 100);
    assert_eq!(step(&mut stage, "ann", activity, 1), "watched_too_little 0/180");
    stage.wait_ms(200_000);
    watched(&mut stage, "ann", 1, 200_000);
    for (who, n, want) in [
        ("ann", 1, "slot 1: 50 fen"),
        ("ann", 1, "limit_reached 1/1"),
        ("ann", 2, "watched_too_little 200/300"),
        ("ann", 0, "not done: invalid"),
        ("ann", 4, "not done: invalid"),
        ("bob", 1, "watched_too_little 0/180"),
    ] {
        assert_eq!(step(&mut stage, who, activity, n), want, "{who} {n}");
        assert_eq!(
            (stage.counts(activity, 1).as_str(), stage.counts(activity, 2).as_str()),
            ("1/0/1 of 2", "0/0/2 of 2")
        );
    }
    stage.wait_ms(500_000);
    watched(&mut stage, "ann", 1, 300_000);
    for who in ["bob", "cyd"] {
        watched(&mut stage, who, 1, 650_000);
    }
    for (who, n, want) in [
        ("ann", 3, "watched_too_little 500/600"),
        ("bob", 3, "slot 3: mug"),
        ("bob", 1, "slot 1: 50 fen"),
        ("cyd", 1, "sold_out"),
        ("cyd", 3, "sold_out"),
        ("ann", 2, "slot 2: tea"),
    ] {
        assert_eq!(step(&mut stage, who, activity, n), want, "{who} {n}");
    }
    // More of them, with their cash.
    let more = |budget| Amendment { stock: vec![(SkuId(1), 1)], budget: fen(budget), ..Amendment::default() };
    assert_eq!(stage.amend(activity, more(49)), "not done: invalid");
    assert_eq!(stage.amend(activity, more(50)), "amendment 1");
    assert_eq!(step(&mut stage, "cyd", activity, 1), "slot 1: 50 fen");
    assert_eq!((stage.wallet("ann"), stage.wallet("bob"), stage.wallet("cyd")), (50, 50, 50));
    assert_eq!(stage.wallet("host"), 1_000_000 - 150);
    stage.audit();
}

pub fn of_this_broadcast_only<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let mut stage = Stage::new(new(Bounds::default()));
    stage.ask("host", START);
    let activity = stage.open(plan(task()));
    stage.wait_ms(200_000);
    watched(&mut stage, "ann", 1, 200_000);
    stage.ask("host", end(1));
    assert_eq!(step(&mut stage, "ann", activity, 1), "slot 1: 50 fen", "what was watched stays watched");
    stage.ask("host", START);
    stage.wait_ms(100_000);
    watched(&mut stage, "bob", 2, 100_000);
    assert_eq!(step(&mut stage, "bob", activity, 1), "watched_too_little 100/180");
    assert_eq!(step(&mut stage, "ann", activity, 2), "watched_too_little 0/300", "the next begins anew");
    stage.wait_ms(HOUR_MS);
    assert_eq!(stage.phase(activity), "settled");
    assert_eq!(step(&mut stage, "bob", activity, 1), "closed");
    assert_eq!(stage.wallet("host"), 1_000_000 - 50, "what nobody reached goes back");
    stage.audit();
}

pub fn answers_stay<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let mut stage = Stage::new(new(Bounds::default()));
    stage.ask("host", START);
    let (activity, daily) = (stage.open(plan(task())), stage.open(plan(check_in(vec![]))));
    let token = stage.token(activity);
    let first = Ask::Presence(PresenceAsk::ClaimStep { activity, token, step: 1 });
    let wrong = Ask::Presence(PresenceAsk::ClaimStep { activity, token: token ^ 1, step: 1 });
    let here = Ask::Presence(PresenceAsk::CheckIn { activity: daily, token: stage.token(daily) });
    let other = Ask::Presence(PresenceAsk::CheckIn { activity, token });
    let rounds: [&[(u64, &Ask, &str)]; 2] = [
        &[
            (1, &first, "watched_too_little 0/180"),
            (2, &wrong, "not_open"),
            (3, &here, "streak 1"),
            (4, &here, "checked_in_already 1/1"),
            (5, &other, "not done: wrong_kind"),
        ],
        &[(6, &first, "slot 1: 50 fen"), (7, &first, "limit_reached 1/1"), (8, &here, "checked_in_already 1/1")],
    ];
    let mut said = Vec::new();
    for round in rounds {
        for (id, ask, want) in round {
            assert_eq!(stage.ask_as("ann", *id, (*ask).clone()), *want, "{id}");
            said.push((*id, (*ask).clone(), *want));
        }
        stage.wait_ms(200_000);
        watched(&mut stage, "ann", 1, 200_000);
        for (id, ask, want) in &said {
            assert_eq!(stage.ask_as("ann", *id, ask.clone()), *want, "asked again: {id}");
        }
    }
    assert_eq!(stage.ask_as("ann", 1, here), "not done: conflict");
    stage.audit();
}

pub fn once_a_day_with_streaks<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let mut stage = Stage::new(new(Bounds::default()));
    let prizes = vec![goal(2, Prize::Cash(fen(5)), 1), goal(3, Prize::Item("cap".to_owned()), 9)];
    let activity = stage.open(plan(check_in(prizes)));
    assert_eq!(checks_in(&mut stage, "ann", activity), "not_on_air");
    // From one broadcast day to the next: how many days later, and who is there.
    let mut number = 0;
    for (days, rows) in [
        (0, &[("ann", "streak 1"), ("ann", "checked_in_already 1/1"), ("bob", "streak 1")][..]),
        (1, &[("ann", "streak 2, slot 1: 5 fen"), ("bob", "streak 2")]),
        (2, &[("ann", "streak 3, slot 2: cap"), ("cyd", "streak 1")]),
        (1, &[("ann", "streak 4"), ("bob", "streak 1"), ("cyd", "streak 2")]),
    ] {
        stage.wait_ms(days * DAY_MS);
        number += 1;
        stage.ask("host", START);
        for (who, want) in rows {
            assert_eq!(checks_in(&mut stage, who, activity), *want, "broadcast {number}: {who}");
        }
        stage.ask("host", end(number));
    }
    assert_eq!((stage.wallet("ann"), stage.wallet("host")), (5, 1_000_000 - 5));
    stage.audit();
}

/// The day is the room's; a broadcast over midnight has two.
pub fn days_of_the_room<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let mut stage = Stage::new(new(Bounds::default()));
    let activity = stage.open(plan(check_in(vec![])));
    stage.wait_ms(23 * HOUR_MS);
    stage.ask("host", START);
    assert_eq!(checks_in(&mut stage, "ann", activity), "streak 1");
    stage.wait_ms(2 * HOUR_MS);
    assert_eq!(checks_in(&mut stage, "ann", activity), "streak 2");
    assert_eq!(checks_in(&mut stage, "bob", activity), "streak 1");
    stage.ask("host", end(1));
    stage.wait_ms(23 * HOUR_MS);
    stage.ask("host", START);
    assert_eq!(checks_in(&mut stage, "ann", activity), "streak 3");
    stage.audit();
}

pub fn conditions_come_first<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let mut stage = Stage::new(new(Bounds::default()));
    stage.ask("host", START);
    let daily = stage.open(plan(check_in(vec![])));
    let conditions = Conditions { checked_in: true, ..Conditions::default() };
    let activity = stage.open(Plan { conditions, ..plan(task()) });
    assert_eq!(step(&mut stage, "ann", activity, 1), "not_checked_in");
    assert_eq!(checks_in(&mut stage, "ann", daily), "streak 1");
    assert_eq!(step(&mut stage, "ann", activity, 1), "watched_too_little 0/180");
    let limits = Limits { per_room_day: Some(1), win_cap: None };
    let limited = Box::new(Plan { limits, ..plan(task()) });
    assert_eq!(stage.ask("host", Ask::Draft { plan: limited, seed: Seed([1; 32]) }), "not done: invalid");
    stage.audit();
}
