//! How risky accounts are judged to be: in all rooms, for as long as it counts.

use liveroom::rules::*;
use liveroom::store::{Answer, Ask, Bounds, Op, Partition, Query, Reply, RiskAsk};

use crate::stage::{Stage, Subject, plan, rain, request, sale, say, user};

fn risk(score: u8, until: Time) -> Risk {
    Risk { score, reason: RiskReason::parse("test").unwrap(), until }
}

pub fn op(id: u64, ask: RiskAsk) -> Op {
    Op { partition: Partition::Platform, by: Some(user("risk")), request: Some(request(id)), ask: Ask::Risk(ask) }
}

pub fn judge<K: Subject>(stage: &mut Stage<K>, id: u64, accounts: &[(&str, u8, Time)]) -> String {
    let accounts = accounts.iter().map(|(who, score, until)| (user(who), risk(*score, *until))).collect();
    say(&stage.decide(op(id, RiskAsk::Judge { accounts })))
}

fn acquit<K: Subject>(stage: &mut Stage<K>, id: u64, who: &str) -> String {
    say(&stage.decide(op(id, RiskAsk::Acquit { user: user(who) })))
}

fn judged<K: Subject>(stage: &Stage<K>, who: &str) -> Option<u8> {
    match stage.keeper.ask(&Query::Risk { user: user(who) }) {
        Reply::Risk(risk) => Some(risk.score),
        _ => None,
    }
}

pub fn introduce<K: Subject>(stage: &mut Stage<K>, who: &str, risk: u8) {
    let account = AccountFacts { created: None, risk: Some(risk) };
    stage.by(who, Ask::Presence(liveroom::store::PresenceAsk::Introduce { account }));
}

/// The higher of what the token says and of what is judged counts, as long as it is judged.
pub fn the_higher_counts<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let mut stage = Stage::new(new(Bounds::default()));
    let conditions = Conditions { risk_below: Some(50), ..Conditions::default() };
    let activity = stage.open(Plan { conditions, ..plan(rain(9, 5)) });
    for who in ["ann", "bob", "cyd", "dan"] {
        introduce(&mut stage, who, 20);
    }
    introduce(&mut stage, "eve", 90);
    let soon = stage.now.after_ms(3_000);
    let accounts = [("ann", 10, soon), ("bob", 60, soon), ("cyd", 49, soon), ("dan", 50, soon), ("eve", 0, soon)];
    assert_eq!(judge(&mut stage, 1, &accounts), "5 judged");
    assert_eq!(judge(&mut stage, 2, &[("new", 30, soon)]), "1 judged");
    for (who, want) in [
        ("ann", "slot 1: 5 fen"),
        ("bob", "risk_too_high 60/50"),
        ("cyd", "slot 1: 5 fen"),
        ("dan", "risk_too_high 50/50"),
        ("eve", "risk_too_high 90/50"),
        ("new", "slot 1: 5 fen"),
        ("who", "risk_too_high 100/50"),
    ] {
        assert_eq!(stage.tap(who, activity), want, "{who}");
    }
    assert_eq!(acquit(&mut stage, 3, "dan"), "acquitted");
    assert_eq!(stage.tap("dan", activity), "slot 1: 5 fen");
    stage.wait_ms(2_999);
    assert_eq!((judged(&stage, "bob"), stage.tap("bob", activity)), (Some(60), "risk_too_high 60/50".to_owned()));
    stage.wait_ms(1);
    assert_eq!((judged(&stage, "bob"), stage.tap("bob", activity)), (None, "slot 1: 5 fen".to_owned()));
    stage.audit();
}

/// The latest judgement counts, and its end.
pub fn the_latest_judgement<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let mut stage = Stage::new(new(Bounds::default()));
    let at = |ms| stage.now.after_ms(ms);
    let (early, late) = (at(1_000), at(9_000));
    judge(&mut stage, 1, &[("ann", 10, early), ("bob", 10, late)]);
    judge(&mut stage, 2, &[("ann", 20, late), ("bob", 20, early)]);
    stage.wait_ms(1_000);
    assert_eq!((judged(&stage, "ann"), judged(&stage, "bob")), (Some(20), None));
    judge(&mut stage, 3, &[("bob", 30, late)]);
    stage.wait_ms(8_000);
    assert_eq!((judged(&stage, "ann"), judged(&stage, "bob")), (None, None));
    stage.audit();
}

pub fn asked_again<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let mut stage = Stage::new(new(Bounds::default()));
    let (now, soon) = (stage.now, stage.now.after_ms(1_000));
    let many: Vec<_> = (0..101).map(|n| (user(&format!("u{n}")), risk(1, soon))).collect();
    let at_most = many[..100].to_vec();
    for (what, ask, want) in [
        ("the most at once", RiskAsk::Judge { accounts: at_most.clone() }, "100 judged"),
        ("one more", RiskAsk::Judge { accounts: many }, "not done: invalid"),
        ("nobody", RiskAsk::Judge { accounts: Vec::new() }, "not done: invalid"),
        ("twice", RiskAsk::Judge { accounts: vec![(user("a"), risk(1, soon)); 2] }, "not done: invalid"),
        ("a score that is none", RiskAsk::Judge { accounts: vec![(user("a"), risk(101, soon))] }, "not done: invalid"),
        ("over already", RiskAsk::Judge { accounts: vec![(user("a"), risk(1, now))] }, "not done: invalid"),
        ("nobody judged", RiskAsk::Acquit { user: user("a") }, "not done: wrong_phase"),
        ("too early", RiskAsk::Lapse { user: user("u1") }, "idle"),
    ] {
        assert_eq!(say(&stage.decide(Op { request: None, ..op(1, ask) })), want, "{what}");
    }
    let (judging, acquitting) = (RiskAsk::Judge { accounts: at_most }, RiskAsk::Acquit { user: user("u5") });
    assert_eq!(say(&stage.decide(op(1, judging.clone()))), "100 judged");
    assert_eq!(say(&stage.decide(op(2, acquitting.clone()))), "acquitted");
    let events = stage.events.len();
    assert_eq!(say(&stage.decide(op(1, judging))), "100 judged");
    assert_eq!(say(&stage.decide(op(2, acquitting.clone()))), "acquitted");
    assert_eq!(say(&stage.decide(op(1, acquitting))), "not done: conflict");
    assert_eq!(stage.events.len(), events, "nothing happened again");
    let in_a_room =
        Op { partition: Partition::Room(crate::stage::room()), ..op(9, RiskAsk::Acquit { user: user("u1") }) };
    assert!(matches!(stage.decide(in_a_room), Answer::NotDone(_)), "a room judges nobody");
    stage.audit();
}

const DECOY: DecoyPlan = DecoyPlan { score: 80, for_ms: 30_000 };

fn decoy() -> Plan {
    Plan { decoy: Some(DECOY), ..plan(rain(5, 7)) }
}

fn catch<K: Subject>(stage: &mut Stage<K>, who: &str, activity: ActivityId) -> String {
    stage.by(who, Ask::Risk(RiskAsk::Catch { activity }))
}

fn caught<K: Subject>(stage: &Stage<K>, activity: ActivityId) -> u32 {
    stage.view(activity).caught
}

/// Asked in the same way, a decoy answers as a rain that has nothing left; and no money is in it.
pub fn a_decoy_is_a_rain_that_is_exhausted<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let mut stage = Stage::new(new(Bounds::default()));
    let real = stage.open(plan(rain(1, 7)));
    let before = stage.wallet("host");
    let decoy = stage.open(decoy());
    assert_eq!(stage.wallet("host"), before, "it holds no money");
    assert_eq!(stage.tap("first", real), "slot 1: 7 fen");
    let fires = |stage: &mut Stage<K>, activity| {
        let token = stage.token(activity);
        let mut answers = Vec::new();
        for (token, opening) in [(0, 1), (1, 1), (token ^ 1, 1), (token, 1), (token, 0), (token, 2)] {
            answers.push(stage.ask("bot", Ask::Claim { activity, token, opening }));
        }
        let events = stage.events.len();
        answers.push(stage.ask_as("bot", 7 + activity.0, Ask::Claim { activity, token, opening: 1 }));
        answers.push(stage.ask_as("bot", 7 + activity.0, Ask::Claim { activity, token, opening: 1 }));
        answers.push(stage.ask("bot", Ask::Talk(liveroom::store::TalkAsk::SignUp { activity, token })));
        (answers, stage.events.len() - events)
    };
    let as_real = fires(&mut stage, real);
    assert_eq!(fires(&mut stage, decoy), as_real);
    assert_eq!(as_real.0[..4], ["not_open", "not_open", "not_open", "sold_out"]);
    stage.wait_ms(60_000);
    assert_eq!((stage.phase(decoy), fires(&mut stage, decoy)), ("settled", fires(&mut stage, real)));
    assert_eq!(stage.wallet("host"), before);
    stage.audit();
}

/// Whoever fires at it is judged, once, and never to be less risky than before.
pub fn a_decoy_catches<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let mut stage = Stage::new(new(Bounds::default()));
    let late = stage.now.after_ms(600_000);
    judge(&mut stage, 1, &[("bad", 95, late), ("good", 5, late)]);
    let activity = stage.draft(decoy());
    assert_eq!(catch(&mut stage, "bot", activity), "idle", "nobody can know of a draft");
    stage.step(activity, Step::Schedule);
    for (what, who, want, score) in [
        ("before it opens", "bot", "caught", Some(80)),
        ("once", "bot", "idle", Some(80)),
        ("who was judged to be worse stays so", "bad", "caught", Some(95)),
        ("who was judged to be harmless is not any more", "good", "caught", Some(80)),
    ] {
        assert_eq!((catch(&mut stage, who, activity).as_str(), judged(&stage, who)), (want, score), "{what}");
    }
    stage.step(activity, Step::Open);
    assert_eq!(catch(&mut stage, "cyd", activity), "caught");
    assert_eq!(caught(&stage, activity), 4);
    judge(&mut stage, 2, &[("bot", 10, late)]);
    for (what, want) in [("who is judged to be harmless fires again", "caught"), ("once", "idle")] {
        assert_eq!((catch(&mut stage, "bot", activity).as_str(), judged(&stage, "bot")), (want, Some(80)), "{what}");
    }
    acquit(&mut stage, 3, "bot");
    assert_eq!((catch(&mut stage, "bot", activity).as_str(), judged(&stage, "bot")), ("caught", Some(80)));
    assert_eq!(caught(&stage, activity), 4, "it is still the same four");
    let real = stage
        .open(Plan { conditions: Conditions { risk_below: Some(50), ..Conditions::default() }, ..plan(rain(9, 5)) });
    assert_eq!(stage.tap("cyd", real), "risk_too_high 80/50");
    assert_eq!(catch(&mut stage, "ann", real), "idle", "a rain that is none catches nobody");
    assert_eq!(catch(&mut stage, "ann", ActivityId(99)), "not done: unknown_activity");
    stage.wait_ms(30_000);
    assert_eq!((judged(&stage, "bot"), judged(&stage, "bad"), judged(&stage, "good")), (None, Some(95), Some(80)));
    assert_eq!((stage.phase(activity), catch(&mut stage, "dan", activity)), ("settled", "idle".to_owned()));
    assert_eq!(caught(&stage, activity), 4);
    stage.wait_ms(Bounds::default().retention_ms);
    stage.audit();
}

pub fn decoys_that_make_no_sense<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let mut stage = Stage::new(new(Bounds::default()));
    let with = |decoy| Plan { decoy: Some(decoy), ..plan(rain(5, 7)) };
    let bonus = vec![BonusPlan { coupon: "tea".to_owned(), shares: 1 }];
    for (what, plan) in [
        ("no score", with(DecoyPlan { score: 0, ..DECOY })),
        ("more than there is", with(DecoyPlan { score: 101, ..DECOY })),
        ("for no time", with(DecoyPlan { for_ms: 0, ..DECOY })),
        ("for ever", with(DecoyPlan { for_ms: u64::MAX, ..DECOY })),
        ("a sale", Plan { decoy: Some(DECOY), ..plan(sale(&[(1, 100, 1)])) }),
        ("with coupons", Plan { decoy: Some(DECOY), ..plan(RainPlan { bonus, ..rain(5, 7) }) }),
        ("only for some", Plan { conditions: Conditions { fan_club: true, ..Conditions::default() }, ..decoy() }),
        ("with a limit", Plan { limits: Limits { per_room_day: Some(1), win_cap: None }, ..decoy() }),
    ] {
        let draft = Ask::Draft { plan: Box::new(plan), seed: Seed([1; 32]) };
        assert_eq!(stage.ask("host", draft), "not done: invalid", "{what}");
    }
    let activity = stage.open(decoy());
    let more = Amendment { budget: crate::stage::fen(7), shares: 1, ..Amendment::default() };
    assert_eq!(stage.amend(activity, more), "not done: invalid", "it never has anything");
    assert_eq!(stage.amend(activity, Amendment { extend_ms: 1_000, ..Amendment::default() }), "amendment 1");
    stage.audit();
}
