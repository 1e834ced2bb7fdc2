//! Templates, and what comes of them by itself.

use liveroom::rules::*;
use liveroom::store::{Ask, Bounds, Event, Op, Partition, Query, Reply, TemplateAsk, TemplateEvent, plan_bytes};

use crate::stage::{START, Stage, Subject, bag, drop_of, fen, plan, rain, room, sale, terms, user};

const HOUR_MS: u64 = 3_600_000;
const DAY_MS: u64 = 24 * HOUR_MS;

fn id(name: &str) -> ActivityTemplateId {
    ActivityTemplateId::parse(name).unwrap()
}

fn save(name: &str, plan: Plan) -> Ask {
    Ask::Template(TemplateAsk::Save { template: id(name), plan: Box::new(plan) })
}

fn like(name: &str, opens_at: Option<Time>) -> Ask {
    let (seed, plan_bytes) = (Seed([5; 32]), 4_096);
    Ask::Template(TemplateAsk::Draft { template: id(name), opens_at, seed, plan_bytes })
}

/// Every day at 20:00 UTC, an hour ahead. The first is on 2026-01-01, when everything begins.
fn daily() -> Recurrence {
    let zone = Zone::named("Africa/Abidjan").unwrap();
    Recurrence { days: Weekday::ALL.to_vec(), at_min: 20 * 60, zone, ahead_ms: HOUR_MS, hand_in: true }
}

fn recur(name: &str, rule: Recurrence) -> Ask {
    let first = rule.first_after(START).unwrap();
    Ask::Template(TemplateAsk::Recur { template: id(name), rule: Box::new(rule), first, seed: Seed([6; 32]) })
}

fn resume<K: Subject>(stage: &Stage<K>, recurrence: u64) -> Ask {
    let next = recurrences(stage)[recurrence as usize - 1].1.rule.first_after(stage.now).unwrap();
    Ask::Template(TemplateAsk::Resume { recurrence: RecurrenceId(recurrence), next })
}

fn pause(recurrence: u64) -> Ask {
    Ask::Template(TemplateAsk::Pause { recurrence: RecurrenceId(recurrence) })
}

fn end(recurrence: u64) -> Ask {
    Ask::Template(TemplateAsk::End { recurrence: RecurrenceId(recurrence) })
}

fn delete(name: &str) -> Ask {
    Ask::Template(TemplateAsk::Delete { template: id(name) })
}

fn recurrences<K: Subject>(stage: &Stage<K>) -> Vec<(RecurrenceId, Recurring)> {
    match stage.keeper.ask(&Query::Recurrences { room: room() }) {
        Reply::Recurrences(all) => all,
        other => panic!("{other:?}"),
    }
}

/// Each activity's title, phase, and when it opens in hours after the beginning.
fn activities<K: Subject>(stage: &Stage<K>) -> Vec<String> {
    let Reply::Activities(all) = stage.keeper.ask(&Query::Activities { room: room() }) else { panic!() };
    let hours = |at: Time| at.since(START).as_secs() / 3_600;
    all.iter().map(|view| format!("{} {} at {:?}", view.plan.title, view.phase, view.opens_at.map(hours))).collect()
}

/// The outcomes of occurrences, in order: the activity's number, or why there is none.
fn outcomes<K: Subject>(stage: &Stage<K>) -> Vec<String> {
    let outcome = |recorded: &liveroom::store::Recorded| match &recorded.event {
        Event::Template { what: TemplateEvent::Drafted { activity, came_of: Some(_), .. }, .. } => {
            Some(activity.to_string())
        }
        Event::Template { what: TemplateEvent::Missed { because, .. }, .. } => Some(because.word().to_owned()),
        _ => None,
    };
    stage.events.iter().filter_map(outcome).collect()
}

/// A rain that comes round every day, when its first occurrence is due, and what the timer asks then.
fn due<K: Subject>(new: &dyn Fn(Bounds) -> K) -> (Stage<K>, Vec<Op>) {
    let mut stage = Stage::new(new(Bounds::default()));
    stage.ask("host", save("rain", plan(rain(2, 5))));
    stage.ask("host", recur("rain", daily()));
    stage.now = START.after_ms(19 * HOUR_MS);
    let mut ops = Vec::new();
    stage.keeper.due(stage.now, 10, &mut ops);
    (stage, ops)
}

pub fn saved_and_had_again<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let mut stage = Stage::new(new(Bounds::default()));
    let schedule = Schedule { opens_at: Some(START.after_ms(HOUR_MS)), warm_up_ms: 5_000, early: None };
    let first = stage.draft(Plan { schedule, ..plan(rain(2, 5)) });
    let saved = stage.view(first).plan;
    assert_eq!(stage.ask("host", save("rain", saved)), "template saved");
    assert_eq!(stage.ask("host", like("rain", None)), "drafted 2");
    assert_eq!(stage.ask("host", like("rain", Some(START.after_ms(2 * HOUR_MS)))), "drafted 3");
    assert_eq!(activities(&stage), ["test draft at Some(1)", "test draft at None", "test draft at Some(2)"]);
    assert_eq!(stage.view(ActivityId(2)).plan.schedule.warm_up_ms, 5_000, "all but the time is the same");
    // The seed is each activity's own, and so is its life.
    assert_eq!(stage.step(ActivityId(2), Step::Schedule), "scheduled");
    assert_eq!(stage.step(ActivityId(2), Step::Open), "open");
    assert_eq!(stage.tap("ann", ActivityId(2)), "slot 1: 5 fen");
    // Another plan under the same name changes nothing that came of it.
    assert_eq!(
        stage.ask("host", save("rain", Plan { title: "other".to_owned(), ..plan(rain(3, 5)) })),
        "template saved"
    );
    assert_eq!(stage.ask("host", like("rain", None)), "drafted 4");
    assert_eq!(activities(&stage)[2..], ["test draft at Some(2)", "other draft at None"]);
    assert_eq!(stage.ask("host", delete("rain")), "template deleted");
    assert_eq!(stage.ask("host", like("rain", None)), "not done: unknown_template");
    let trail = stage.keeper.tables().room(&room()).unwrap();
    let Reply::Trail(actions) = stage.keeper.ask(&Query::Trail { room: room() }) else { panic!("{trail:?}") };
    let about = |action: &&liveroom::store::HostAction| action.by == user("host") && action.at == START;
    assert_eq!(actions.iter().filter(about).count(), actions.len(), "who and when, of each");
    assert_eq!(actions.len(), 10);
    stage.audit();
}

pub fn of_every_kind<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let mut stage = Stage::new(new(Bounds::default()));
    let template = TemplateId::parse("ten").unwrap();
    let add = liveroom::store::CouponAsk::AddTemplate { template, terms: Box::new(terms(10)) };
    assert_eq!(stage.ask("host", Ask::Coupon(add)), "template added");
    for (name, plan) in [
        ("rain", plan(rain(2, 5))),
        ("sale", plan(sale(&[(5, 100, 1)]))),
        ("bag", plan(bag(&[("tea", 1, 5)]))),
        ("drop", plan(drop_of("ten", 1))),
        ("poll", plan(crate::conformance::talk::poll(1, true))),
        ("enrolment", plan(crate::conformance::talk::enrolment(1))),
    ] {
        assert_eq!(stage.ask("host", save(name, plan.clone())), "template saved", "{name}");
        let drafted = stage.ask("host", like(name, None));
        let activity = ActivityId(drafted.trim_start_matches("drafted ").parse().unwrap());
        assert_eq!(stage.view(activity).plan, plan, "{name}");
        for (step, want) in [(Step::Schedule, "scheduled"), (Step::Open, "open"), (Step::Close, "closed")] {
            assert_eq!(stage.step(activity, step), want, "{name}");
        }
    }
    stage.audit();
}

/// A draw that waits for a beacon names another round each time: the first after its close.
pub fn a_beacons_round_follows_the_time<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let mut stage = Stage::new(new(Bounds::default()));
    let chain = Box::new(Chain::quicknet());
    let level = DrawLevel::Beacon { chain: chain.clone(), round: chain.round_from(START.after_ms(HOUR_MS)) };
    let drawn = plan(DrawPlan { level, ..bag(&[("tea", 1, 0)]) });
    assert_eq!(stage.ask("host", save("bag", drawn)), "template saved");
    assert_eq!(stage.ask("host", like("bag", None)), "not done: invalid", "the rules are published before the opening");
    let opens_at = START.after_ms(30 * DAY_MS);
    assert_eq!(stage.ask("host", like("bag", Some(opens_at))), "drafted 1");
    let KindPlan::Draw(plan) = stage.view(ActivityId(1)).plan.kind else { panic!() };
    let DrawLevel::Beacon { round, .. } = plan.level else { panic!() };
    assert_eq!(round, chain.round_from(opens_at.after_ms(65_000)), "a minute open, and five seconds");
    stage.audit();
}

pub fn created_ahead_of_its_time<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let mut stage = Stage::new(new(Bounds::default()));
    stage.ask("host", save("rain", plan(rain(2, 5))));
    assert_eq!(stage.ask("host", recur("rain", daily())), "recurrence 1");
    stage.wait_ms(19 * HOUR_MS - 1);
    assert!(activities(&stage).is_empty(), "not before it is time");
    stage.wait_ms(1);
    assert_eq!(activities(&stage), ["test scheduled at Some(20)"], "handed in and funded at once");
    assert_eq!(stage.wallet("host"), 999_990);
    stage.wait_ms(HOUR_MS);
    assert_eq!(activities(&stage), ["test open at Some(20)"]);
    assert_eq!(stage.tap("ann", ActivityId(1)), "slot 1: 5 fen");
    stage.wait_ms(DAY_MS - HOUR_MS);
    assert_eq!(activities(&stage), ["test settled at Some(20)", "test scheduled at Some(44)"], "and again");
    let seeds: Vec<_> = stage.keeper.tables().activities().map(|activity| activity.seed).collect();
    assert_ne!(seeds[0], seeds[1], "chance is each one's own");
    let (_, recurring) = recurrences(&stage).remove(0);
    assert_eq!((recurring.created, recurring.missed), (2, 0));
    stage.audit();
}

/// By a zone that puts its clocks forward: the same hour on the wall, an hour earlier by Greenwich.
pub fn by_the_zones_clocks<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let mut stage = Stage::new(new(Bounds::default()));
    stage.ask("host", save("rain", plan(rain(2, 5))));
    let sunday = Recurrence { days: vec![Weekday::Sunday], zone: Zone::named("Europe/Berlin").unwrap(), ..daily() };
    stage.ask("host", recur("rain", sunday));
    // Until Monday, the sixth of April.
    stage.wait_ms(95 * DAY_MS);
    let opened = |recorded: &liveroom::store::Recorded| match &recorded.event {
        Event::Stepped { step: Step::Open, .. } => Some(recorded.at.since(START).as_secs() / 3_600 % 24),
        _ => None,
    };
    let hours: Vec<_> = stage.events.iter().filter_map(opened).collect();
    let want: Vec<u64> = [19; 12].into_iter().chain([18; 2]).collect();
    assert_eq!(hours, want, "clocks are put forward on the 29th of March");
    stage.audit();
}

pub fn timers_of_several_nodes<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let (mut stage, ops) = due(new);
    // Every node's timer asks, and again after a restart: the later ones find nothing to do.
    let again: Vec<Op> = ops.iter().chain(&ops).chain(&ops).cloned().collect();
    stage.decide_all(&again);
    assert_eq!(outcomes(&stage), ["1"]);
    let mut ops = Vec::new();
    stage.keeper.due(stage.now, 10, &mut ops);
    stage.decide_all(&ops.iter().chain(&ops).cloned().collect::<Vec<_>>());
    assert_eq!(activities(&stage), ["test scheduled at Some(20)"]);
    stage.decide_all(&again);
    assert_eq!(outcomes(&stage), ["1"], "and not for a day that is over");
    stage.audit();
}

/// Whoever brings the outcome of an occurrence names the one after it: what can't be that is not taken.
pub fn what_comes_after_is_judged<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let (mut stage, mut ops) = due(new);
    let Ask::Template(TemplateAsk::Due { recurrence, day, next: Some(next), plan_bytes }) = ops.remove(0).ask else {
        panic!("nothing is due")
    };
    let later = |days: u64, opens_at| Some(Occurrence { day: next.day + days as i64, opens_at });
    for (case, next, want) in [
        ("nothing, as if time ended", None, "not done: invalid"),
        ("the same again", Some(Occurrence { day, ..next }), "not done: invalid"),
        ("one that leaves a day out", later(1, next.opens_at.after_ms(DAY_MS)), "not done: invalid"),
        ("three days after its day", later(0, next.opens_at.after_ms(3 * DAY_MS)), "not done: invalid"),
        ("before the one that it follows", later(0, next.opens_at.before_ms(DAY_MS + 1)), "not done: invalid"),
        ("the next", Some(next), "drafted 1"),
    ] {
        let due = TemplateAsk::Due { recurrence, day, next, plan_bytes };
        assert_eq!(stage.timer(Ask::Template(due)), want, "{case}");
    }
    assert_eq!((outcomes(&stage), recurrences(&stage)[0].1.next), (vec!["1".to_owned()], Some(next)));
    stage.audit();
}

/// No server was there for three days and a half.
pub fn missed<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let mut stage = Stage::new(new(Bounds::default()));
    stage.ask("host", save("rain", plan(rain(2, 5))));
    stage.ask("host", recur("rain", daily()));
    // Back on the fourth day at 19:30: three openings have passed, the fourth is to come.
    stage.now = START.after_ms(3 * DAY_MS + 19 * HOUR_MS + HOUR_MS / 2);
    stage.wait_ms(0);
    assert_eq!(outcomes(&stage), ["too_late", "too_late", "too_late", "1"], "none twice, none made up for");
    assert_eq!(activities(&stage), ["test scheduled at Some(92)"], "later than it should have been, but in time");
    let (_, recurring) = recurrences(&stage).remove(0);
    assert_eq!((recurring.created, recurring.missed), (1, 3));
    stage.audit();
}

pub fn resting<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let mut stage = Stage::new(new(Bounds::default()));
    stage.ask("host", save("rain", plan(rain(2, 5))));
    stage.ask("host", recur("rain", daily()));
    stage.wait_ms(19 * HOUR_MS);
    for (case, ask, want) in [
        ("to rest", pause(1), "recurrence 1 rests"),
        ("twice", pause(1), "not done: wrong_phase"),
        ("to go on on the same day: that has come already", resume(&stage, 1), "recurrence 1 goes on"),
        ("twice", resume(&stage, 1), "not done: wrong_phase"),
        ("to rest again", pause(1), "recurrence 1 rests"),
    ] {
        assert_eq!(stage.ask("host", ask), want, "{case}");
    }
    stage.wait_ms(3 * DAY_MS);
    assert_eq!(outcomes(&stage), ["1"], "nothing comes while it rests");
    let on = resume(&stage, 1);
    assert_eq!(stage.ask("host", on), "recurrence 1 goes on");
    stage.wait_ms(0);
    assert_eq!(outcomes(&stage), ["1", "2"], "what passed meanwhile is not made up for");
    assert_eq!(stage.ask("host", end(1)), "recurrence 1 ended");
    stage.wait_ms(3 * DAY_MS);
    assert_eq!(outcomes(&stage), ["1", "2"]);
    assert_eq!(stage.ask("host", delete("rain")), "template deleted");
    stage.audit();
}

/// What an occurrence becomes when not all is well: the host finds it, with the reasons.
pub fn not_all_is_well<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let mut stage = Stage::new(new(Bounds { activities_per_room_max: 4, ..Bounds::default() }));
    let mut bare = sale(&[(1, 100, 1)]);
    bare.skus[0].quality_report = None;
    for (name, plan, hand_in) in [
        ("dear", plan(RainPlan { budget: fen(2_000_000), share_max: fen(2_000_000), ..rain(1, 1) }), true),
        ("bare", plan(bare), true),
        ("draft", plan(rain(2, 5)), false),
        ("rude", plan(rain(2, 5)), true),
        ("more", plan(rain(2, 5)), true),
    ] {
        assert_eq!(stage.ask("host", save(name, plan)), "template saved");
        let rule = Recurrence { hand_in, ..daily() };
        assert!(stage.ask("host", recur(name, rule)).starts_with("recurrence "));
    }
    stage.now = START.after_ms(19 * HOUR_MS);
    let mut ops = Vec::new();
    stage.keeper.due(stage.now, 10, &mut ops);
    stage.decide_all(&ops);
    assert_eq!(outcomes(&stage), ["1", "2", "3", "4", "too_many"], "the room is full");
    let mut ops = Vec::new();
    stage.keeper.due(stage.now, 10, &mut ops);
    for op in &mut ops {
        let Ask::Template(TemplateAsk::HandIn { activity, findings }) = &mut op.ask else { panic!("{op:?}") };
        if *activity == ActivityId(4) {
            findings.push("\"best\" in \"the best\" (advertising)".to_owned());
        }
    }
    stage.decide_all(&ops);
    let told = |id: u64| {
        let view = stage.view(ActivityId(id));
        format!("{}: {}", view.phase, view.reasons.join("; "))
    };
    assert!(told(1).starts_with("review: sponsor's wallet: "), "{}", told(1));
    assert_eq!(told(2), "review: item 1 names no quality report");
    assert_eq!(told(3), "draft: ", "it is not wanted handed in");
    assert_eq!(told(4), "review: \"best\" in \"the best\" (advertising)");
    stage.wait_ms(0);
    stage.audit();
}

/// Whoever hands a draft in by hand, or calls it off, is not overruled.
pub fn by_hand_before_the_timer<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let (mut stage, ops) = due(new);
    stage.decide_all(&ops);
    let mut late = Vec::new();
    stage.keeper.due(stage.now, 10, &mut late);
    assert_eq!(stage.step(ActivityId(1), Step::Cancel), "cancelled");
    stage.decide_all(&late);
    assert_eq!(stage.phase(ActivityId(1)), "cancelled");
    let mut due = Vec::new();
    stage.keeper.due(stage.now, 10, &mut due);
    assert!(due.is_empty(), "{due:?}");
    stage.audit();
}

pub fn refused<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let mut stage = Stage::new(new(Bounds::default()));
    let untitled = Plan { title: String::new(), ..plan(rain(2, 5)) };
    for (case, ask, want) in [
        ("a plan that makes no sense", save("rain", untitled), "not done: invalid"),
        ("no such template", like("rain", None), "not done: unknown_template"),
        ("nor to come again", recur("rain", daily()), "not done: unknown_template"),
        ("nor to delete", delete("rain"), "not done: unknown_template"),
        ("no such recurrence", pause(1), "not done: unknown_recurrence"),
        ("nor to end", end(1), "not done: unknown_recurrence"),
        ("one that is fine", save("rain", plan(rain(2, 5))), "template saved"),
        ("no room was made in the log", short("rain"), "not done: conflict"),
        ("a time beyond all", like("rain", Some(Time::from_ms(i64::MAX))), "not done: invalid"),
        ("a recurrence", recur("rain", daily()), "recurrence 1"),
        ("which needs its template", delete("rain"), "not done: conflict"),
    ] {
        assert_eq!(stage.ask("host", ask), want, "{case}");
    }
    unsound(&mut stage);
    let other = RoomId::parse("r2").unwrap();
    let create = Ask::CreateRoom { host: user("host"), utc_offset_min: 0 };
    assert_eq!(stage.ask_in(other, "host", 1, create), "room created");
    assert_eq!(stage.ask_in(other, "host", 2, pause(1)), "not done: unknown_recurrence", "another room's");
    assert_eq!(stage.ask_in(other, "host", 3, like("rain", None)), "not done: unknown_template");
    stage.audit();
}

/// What no API asks for: a rule that is none, and occurrences that can't be its.
fn unsound<K: Subject>(stage: &mut Stage<K>) {
    let first = daily().first_after(START).unwrap();
    let weekly = Recurrence { days: vec![Weekday::Friday], ..daily() };
    let late = Occurrence { opens_at: first.opens_at.after_ms(3 * DAY_MS), ..first };
    for (case, rule, first) in [
        ("no day", Recurrence { days: vec![], ..daily() }, first),
        ("past midnight", Recurrence { at_min: 1_440, ..daily() }, first),
        ("nothing ahead", Recurrence { ahead_ms: 0, ..daily() }, first),
        ("an offset of no zone", Recurrence { zone: Zone::Offset(841), ..daily() }, first),
        ("a Thursday among Fridays", weekly, first),
        ("days after its day", daily(), late),
        ("no day that there is", daily(), Occurrence { day: i64::MAX, ..first }),
    ] {
        let ask = TemplateAsk::Recur { template: id("rain"), rule: Box::new(rule), first, seed: Seed([6; 32]) };
        assert_eq!(stage.ask("host", Ask::Template(ask)), "not done: invalid", "{case}");
    }
    assert_eq!(stage.ask("host", pause(1)), "recurrence 1 rests");
    let resume = |next| Ask::Template(TemplateAsk::Resume { recurrence: RecurrenceId(1), next });
    assert_eq!(stage.ask("host", resume(late)), "not done: invalid");
    assert_eq!(stage.ask("host", resume(first)), "recurrence 1 goes on");
}

fn short(name: &str) -> Ask {
    let plan_bytes = plan_bytes(&plan(rain(2, 5))) - 1;
    Ask::Template(TemplateAsk::Draft { template: id(name), opens_at: None, seed: Seed([5; 32]), plan_bytes })
}

pub fn asked_again<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let mut stage = Stage::new(new(Bounds::default()));
    for _ in 0..2 {
        assert_eq!(stage.ask_as("host", 1, save("rain", plan(rain(2, 5)))), "template saved");
        assert_eq!(stage.ask_as("host", 2, like("rain", None)), "drafted 1");
        assert_eq!(stage.ask_as("host", 3, recur("rain", daily())), "recurrence 1");
        assert_eq!(stage.ask_as("host", 4, pause(1)), "recurrence 1 rests");
        assert_eq!(stage.ask_as("host", 5, resume(&stage, 1)), "recurrence 1 goes on");
        assert_eq!(stage.ask_as("host", 2, like("rain", Some(START))), "not done: conflict");
    }
    assert_eq!(recurrences(&stage).len(), 1);
    for _ in 0..2 {
        assert_eq!(stage.ask_as("host", 6, end(1)), "recurrence 1 ended");
        assert_eq!(stage.ask_as("host", 7, delete("rain")), "template deleted");
    }
    let op = Op { partition: Partition::Room(room()), by: None, request: None, ask: pause(1) };
    assert_eq!(crate::stage::say(&stage.decide(op)), "not done: unknown_recurrence");
    stage.audit();
}
