//! Lucky bags 福袋 that are not drawn: for newcomers, and of codes.

use liveroom::rules::*;
use liveroom::store::{Ask, Bounds, Query, Reply, TemplateAsk};

use super::broadcast::START;
use super::eligibility::{report, watched};
use crate::stage::{Stage, Subject, codes, fen, plan, room, user};

fn newcomer(prize: Prize, count: u32) -> Plan {
    let bag = BagPlan { contents: BagContents::Newcomer { prize, count }, duration_ms: 600_000 };
    let conditions = Conditions { watched_s: Some(300), newcomer_days: Some(1), ..Conditions::default() };
    Plan { conditions, ..plan(bag) }
}

/// Watching for five minutes unlocks it, for newcomers, as long as there is anything.
pub fn for_newcomers_who_have_watched<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let mut stage = Stage::new(new(Bounds::default()));
    stage.ask("host", START);
    stage.wait_ms(1_000);
    watched(&mut stage, "old", 1, 1_000);
    stage.wait_ms(2 * 86_400_000);
    let activity = stage.open(newcomer(Prize::Cash(fen(88)), 2));
    assert_eq!(stage.wallet("host"), 1_000_000 - 176, "paid in before it opens");
    assert_eq!(stage.tap("ann", activity), "watched_too_little 0/300");
    stage.wait_ms(300_000);
    let (from, until) = (stage.now.before_ms(300_000), stage.now);
    report(&mut stage, &["ann", "bob", "cyd", "old"], 1, from, until);
    for (who, want) in [
        ("old", "not_newcomer 3/1"),
        ("ann", "slot 1: 88 fen"),
        ("ann", "limit_reached 1/1"),
        ("bob", "slot 1: 88 fen"),
        ("cyd", "sold_out"),
        ("dan", "watched_too_little 0/300"),
    ] {
        assert_eq!(stage.tap(who, activity), want, "{who}");
    }
    assert_eq!(stage.phase(activity), "open", "the host may put more in");
    for (shares, budget, want) in [(1, 87, "not done: invalid"), (1, 88, "amendment 1")] {
        let amendment = Amendment { shares, budget: fen(budget), ..Amendment::default() };
        assert_eq!(stage.amend(activity, amendment), want);
    }
    assert_eq!(stage.tap("cyd", activity), "slot 1: 88 fen");
    stage.wait_ms(600_000);
    assert_eq!((stage.phase(activity), stage.wallet("host"), stage.wallet("ann")), ("settled", 1_000_000 - 264, 88));
    stage.audit();
}

/// A code goes to one person, once; the last one closes the bag.
pub fn each_code_to_one_person<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let mut stage = Stage::new(new(Bounds::default()));
    let activity = stage.open(plan(codes(&["A-1", "B-2", "C-3"])));
    let claim = stage.claim(activity);
    assert_eq!(stage.ask_as("ann", 1, claim.clone()), "slot 1: code A-1");
    assert_eq!(stage.ask_as("ann", 1, claim.clone()), "slot 1: code A-1", "the same request, the same code");
    assert_eq!(stage.ask_as("ann", 2, claim.clone()), "limit_reached 1/1");
    assert_eq!(stage.ask_as("bob", 1, claim.clone()), "slot 1: code B-2");
    stage.wait_ms(1_000);
    assert_eq!(stage.phase(activity), "open");
    assert_eq!(stage.ask_as("cyd", 1, claim.clone()), "slot 1: code C-3");
    stage.wait_ms(0);
    assert!(["closed", "settled"].contains(&stage.phase(activity)), "with nothing left it closes by itself");
    assert_eq!(stage.ask_as("dan", 1, claim.clone()), "sold_out");
    assert_eq!(stage.ask_as("bob", 1, claim), "slot 1: code B-2", "for ever");
    let own = |who| match stage.keeper.ask(&Query::Own { room: room(), user: user(who) }) {
        Reply::Own(own) => own.grants.into_iter().map(|grant| grant.prize).collect::<Vec<_>>(),
        other => panic!("{other:?}"),
    };
    assert_eq!(own("bob"), [Prize::Code(Code::parse("B-2").unwrap())], "who comes back hears of it");
    assert_eq!(own("dan"), []);
    stage.audit();
}

pub fn more_codes<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let mut stage = Stage::new(new(Bounds::default()));
    let activity = stage.open(plan(codes(&["A", "B"])));
    let list = |texts: &[&str]| texts.iter().map(|text| Code::parse(text).unwrap()).collect::<Codes>();
    assert_eq!(stage.tap("ann", activity), "slot 1: code A");
    for (texts, want) in
        [(&["A"][..], "not done: invalid"), (&["C", "C"], "not done: invalid"), (&["C", "D"], "amendment 1")]
    {
        let amendment = Amendment { codes: list(texts), ..Amendment::default() };
        assert_eq!(stage.amend(activity, amendment), want, "{texts:?}");
    }
    for (who, want) in [("bob", "code B"), ("cyd", "code C"), ("dan", "code D")] {
        assert_eq!(stage.tap(who, activity), format!("slot 1: {want}"));
    }
    stage.wait_ms(0);
    assert_ne!(stage.phase(activity), "open");
    stage.audit();
}

pub fn called_off<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let mut stage = Stage::new(new(Bounds::default()));
    let activity = stage.open(plan(codes(&["A", "B"])));
    assert_eq!(stage.tap("ann", activity), "slot 1: code A");
    let claim = stage.claim(activity);
    assert_eq!(stage.step(activity, Step::Cancel), "cancelled");
    assert_eq!(stage.ask_as("bob", 1, claim), "closed");
    stage.audit();
}

/// A code goes to one person, whichever bag it is in; what no bag gives any more may be brought again.
pub fn codes_of_other_bags<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let mut stage = Stage::new(new(Bounds::default()));
    let bring = |stage: &mut Stage<K>, texts: &[&str]| {
        let bag = stage.draft(plan(codes(texts)));
        (bag, stage.step(bag, Step::Schedule))
    };
    let (first, scheduled) = bring(&mut stage, &["A", "B", "C"]);
    assert_eq!(scheduled, "scheduled");
    let (second, taken) = bring(&mut stage, &["D", "B"]);
    assert_eq!(taken, "not done: code_taken", "the first may give it");
    let (third, scheduled) = bring(&mut stage, &["E"]);
    assert_eq!((scheduled.as_str(), stage.step(third, Step::Open).as_str()), ("scheduled", "open"));
    let add = |text| Amendment { codes: [Code::parse(text).unwrap()].into_iter().collect(), ..Amendment::default() };
    for (text, want) in [("A", "not done: code_taken"), ("D", "amendment 1")] {
        assert_eq!(stage.amend(third, add(text)), want, "{text}, of which only a draft knows");
    }
    assert_eq!(stage.step(second, Step::Schedule), "not done: code_taken", "what was added counts");
    stage.step(first, Step::Open);
    assert_eq!(stage.tap("ann", first), "slot 1: code A");
    assert_eq!(stage.step(first, Step::Cancel), "cancelled");
    for (texts, want) in [(["A", "F"], "not done: code_taken"), (["B", "C"], "scheduled")] {
        assert_eq!(bring(&mut stage, &texts).1, want, "{texts:?}: A was given, B and C were not");
    }
    let other = RoomId::parse("r2").unwrap();
    stage.ask_in(other, "host", 1, Ask::CreateRoom { host: user("host"), utc_offset_min: 0 });
    let draft = Ask::Draft { plan: Box::new(plan(codes(&["A"]))), seed: Seed([7; 32]) };
    assert_eq!(stage.ask_in(other, "host", 2, draft), "drafted 6");
    let schedule = Ask::Step { activity: ActivityId(6), step: Step::Schedule };
    assert_eq!(stage.ask_in(other, "host", 3, schedule), "scheduled", "another room's codes are its own");
    stage.audit();
}

pub fn refused<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let mut stage = Stage::new(new(Bounds::default()));
    let mut draft = |plan: Plan| stage.ask("host", Ask::Draft { plan: Box::new(plan), seed: Seed([7; 32]) });
    for (what, plan, want) in [
        ("no code", plan(codes(&[])), "not done: invalid"),
        ("the same twice", plan(codes(&["A", "A"])), "not done: invalid"),
        (
            "nobody unlocks it",
            Plan { conditions: Conditions::default(), ..newcomer(Prize::Cash(fen(1)), 1) },
            "not done: invalid",
        ),
        ("nothing in it", newcomer(Prize::Cash(fen(1)), 0), "not done: invalid"),
        ("codes", plan(codes(&["A"])), "drafted 1"),
    ] {
        assert_eq!(draft(plan), want, "{what}");
    }
    let template = ActivityTemplateId::parse("codes").unwrap();
    let save = TemplateAsk::Save { template, plan: Box::new(plan(codes(&["A"]))) };
    assert_eq!(stage.ask("host", Ask::Template(save)), "not done: invalid", "each time the same codes");
    let poor = newcomer(Prize::Cash(fen(1_000_001)), 1);
    let activity = stage.draft(poor);
    assert_eq!(stage.step(activity, Step::Schedule), "not done: insufficient_funds");
    stage.audit();
}
