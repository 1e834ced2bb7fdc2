//! Early entry 提前入场: those from a tier on take part before the others.

use liveroom::rules::*;
use liveroom::store::{Ask, Bounds, TalkAsk, TemplateAsk};

use super::broadcast::START as ON_AIR;
use super::eligibility::watched;
use super::talk::{enrolment, poll};
use crate::stage::{Stage, Subject, bag, codes, plan, rain, sale, user};

/// ann is an active fan, since a minute watched makes one here; bob comes by. Activities open to fans ten seconds early.
fn ann_and_bob<K: Subject>(new: &dyn Fn(Bounds) -> K) -> Stage<K> {
    let tiers = TierRules { active_points: 1, ..TierRules::default() };
    let mut stage = Stage::new(new(Bounds { tiers, ..Bounds::default() }));
    stage.ask("host", ON_AIR);
    stage.wait_ms(60_000);
    watched(&mut stage, "ann", 1, 60_000);
    stage.wait_ms(0);
    stage
}

const TEN_SECONDS: Option<EarlyEntry> = Some(EarlyEntry { tier: Tier::Active, seconds: 10 });

fn early<K: Subject>(stage: &Stage<K>, after_ms: Option<u64>, of: Plan) -> Plan {
    let opens_at = after_ms.map(|ms| stage.now.after_ms(ms));
    Plan { schedule: Schedule { opens_at, warm_up_ms: 5_000, early: TEN_SECONDS }, ..of }
}

pub fn the_dearest_first<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let mut stage = ann_and_bob(new);
    let opens_at = stage.now.after_ms(60_000);
    let activity = stage.draft(early(&stage, Some(60_000), plan(rain(3, 5))));
    stage.step(activity, Step::Schedule);
    let late = Ask::Claim { activity, token: stage.token(activity), opening: 1 };
    for (wait_ms, phase) in [(44_999, "scheduled"), (1, "warm_up"), (4_999, "warm_up"), (1, "open")] {
        stage.wait_ms(wait_ms);
        assert_eq!(stage.phase(activity), phase, "{wait_ms} ms later");
    }
    let view = stage.view(activity);
    assert_eq!((view.early_at, view.opens_at), (Some(stage.now), Some(opens_at)), "both times are shown");
    assert_eq!(view.closes_at, Some(opens_at.after_ms(10_000)), "it rains for as long as planned, for everybody");
    assert_eq!(stage.tap("ann", activity), "slot 1: 5 fen");
    assert_eq!(stage.ask_as("bob", 1, late.clone()), "early_entry_only 10/1");
    stage.wait_ms(9_001);
    assert_eq!(stage.ask_as("bob", 2, late.clone()), "early_entry_only 1/1");
    stage.wait_ms(999);
    assert_eq!(stage.ask_as("bob", 3, late.clone()), "slot 1: 5 fen");
    assert_eq!(stage.ask_as("bob", 1, late.clone()), "early_entry_only 10/1", "a refusal is as stable as a grant");
    let view = stage.view(activity);
    assert_eq!((view.early_at, view.opens_at), (Some(opens_at.before_ms(10_000)), Some(opens_at)), "as it was");
    stage.wait_ms(10_000);
    assert_eq!(stage.phase(activity), "settled");
    stage.audit();
}

/// Whatever opens it, fans have their head start: the host's hand brings both openings forward.
pub fn by_hand<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let mut stage = ann_and_bob(new);
    for opens in [None, Some(600_000)] {
        let activity = stage.open(early(&stage, opens, plan(rain(9, 5))));
        let view = stage.view(activity);
        assert_eq!((view.early_at, view.opens_at), (Some(stage.now), Some(stage.now.after_ms(10_000))), "{opens:?}");
        assert_eq!(
            (stage.tap("ann", activity), stage.tap("bob", activity)),
            ("slot 1: 5 fen".into(), "early_entry_only 10/1".into())
        );
        // The end may be put off meanwhile.
        assert_eq!(stage.amend(activity, Amendment { extend_ms: 5_000, ..Amendment::default() }), "amendment 1");
        stage.wait_ms(10_000);
        assert_eq!(stage.tap("bob", activity), "slot 1: 5 fen");
        stage.wait_ms(14_999);
        assert_eq!(stage.phase(activity), "open");
        stage.wait_ms(1);
        assert_eq!(stage.phase(activity), "settled");
    }
    // Called off, or closed, before everybody might come.
    for (step, phase) in [(Step::Close, "settled"), (Step::Cancel, "cancelled")] {
        let activity = stage.open(early(&stage, None, plan(rain(9, 5))));
        stage.step(activity, step);
        assert_eq!(stage.tap("bob", activity), "closed");
        stage.wait_ms(20_000);
        assert_eq!(stage.phase(activity), phase);
    }
    stage.audit();
}

pub fn whatever_the_kind<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let mut stage = ann_and_bob(new);
    let wait = "early_entry_only 10/1";
    type Take<K> = fn(&mut Stage<K>, &str, ActivityId) -> String;
    let tap: Take<K> = |stage, who, activity| stage.tap(who, activity);
    let buy: Take<K> = |stage, who, activity| stage.buy(who, activity, 1, 1);
    let enter: Take<K> = |stage, who, activity| stage.enter(who, activity);
    let vote: Take<K> = |stage, who, activity| {
        let token = stage.token(activity);
        stage.ask(who, Ask::Talk(TalkAsk::Vote { activity, token, options: vec![1] }))
    };
    let sign_up: Take<K> = |stage, who, activity| {
        let token = stage.token(activity);
        stage.ask(who, Ask::Talk(TalkAsk::SignUp { activity, token }))
    };
    for (what, kind, take) in [
        ("a rain", plan(rain(9, 5)), tap),
        ("a bag of codes", plan(codes(&["A", "B"])), tap),
        ("a sale", plan(sale(&[(5, 100, 1)])), buy),
        ("a draw", plan(bag(&[("tea", 1, 0)])), enter),
        ("a poll", plan(poll(1, false)), vote),
        ("an enrolment", plan(enrolment(5)), sign_up),
    ] {
        let activity = stage.open(early(&stage, None, kind));
        assert_eq!(take(&mut stage, "bob", activity), wait, "{what}");
        let ann = take(&mut stage, "ann", activity);
        stage.wait_ms(10_000);
        let bob = take(&mut stage, "bob", activity);
        for (who, answer) in [("ann", ann), ("bob", bob)] {
            assert!(!answer.contains("not done") && !answer.contains('/'), "{what}: {who} hears {answer}");
        }
    }
    stage.audit();
}

/// What fans hear while the others wait is recorded: their tier may change before the others come.
pub fn answers_stay<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let mut stage = ann_and_bob(new);
    let activity = stage.open(early(&stage, None, plan(rain(1, 5))));
    assert!(stage.keeper.gate(activity).unwrap().has_conditions, "the gate keeps quiet");
    let claim = stage.claim(activity);
    assert_eq!(stage.ask_as("ann", 1, claim.clone()), "slot 1: 5 fen");
    assert_eq!(stage.ask_as("ann", 2, claim.clone()), "sold_out");
    assert_eq!(stage.ask_as("bob", 1, claim.clone()), "early_entry_only 10/1", "though nothing is left");
    stage.wait_ms(10_000);
    assert!(!stage.keeper.gate(activity).unwrap().has_conditions, "and may speak again");
    let events = stage.events.len();
    assert_eq!(stage.ask_as("bob", 2, claim.clone()), "sold_out");
    assert_eq!(stage.events.len(), events, "losers leave no record");
    for (who, id, want) in [("ann", 2, "sold_out"), ("bob", 1, "early_entry_only 10/1"), ("bob", 2, "sold_out")] {
        assert_eq!(stage.ask_as(who, id, claim.clone()), want, "{who} {id}");
    }
    stage.audit();
}

/// Where no server was there in time, nobody waits for what is over.
pub fn late<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let mut stage = ann_and_bob(new);
    for (late_ms, bob, early) in [(0, "slot 1: 5 fen", false), (4_000, "early_entry_only 4/1", true)] {
        let opens_at = stage.now.after_ms(late_ms);
        let activity = stage.draft(early_at(opens_at));
        stage.step(activity, Step::Schedule);
        stage.wait_ms(0);
        assert_eq!((stage.tap("bob", activity), stage.view(activity).early_at.is_some()), (bob.to_owned(), early));
        stage.wait_ms(60_000);
    }
    stage.audit();
}

fn early_at(opens_at: Time) -> Plan {
    Plan { schedule: Schedule { opens_at: Some(opens_at), warm_up_ms: 0, early: TEN_SECONDS }, ..plan(rain(9, 5)) }
}

pub fn like_a_template<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let mut stage = ann_and_bob(new);
    let template = ActivityTemplateId::parse("fans").unwrap();
    let plan = Box::new(early(&stage, Some(1), plan(rain(9, 5))));
    stage.ask("host", Ask::Template(TemplateAsk::Save { template, plan }));
    let opens_at = Some(stage.now.after_ms(100_000));
    let ask = Ask::Template(TemplateAsk::Draft { template, opens_at, seed: Seed([1; 32]), plan_bytes: 4_096 });
    let op = liveroom::store::Op {
        partition: liveroom::store::Partition::Room(crate::stage::room()),
        by: Some(user("host")),
        request: Some(crate::stage::request(5)),
        ask,
    };
    let liveroom::store::Answer::Drafted(activity) = stage.decide(op) else { panic!() };
    assert_eq!(stage.view(activity).early_at, Some(stage.now.after_ms(90_000)));
    stage.step(activity, Step::Schedule);
    stage.wait_ms(90_000);
    assert_eq!(
        (stage.tap("ann", activity), stage.tap("bob", activity)),
        ("slot 1: 5 fen".into(), "early_entry_only 10/1".into())
    );
    stage.audit();
}
