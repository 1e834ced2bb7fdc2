//! How risky accounts are judged to be: in all rooms, for as long as it counts.

use liveroom::rules::*;
use liveroom::store::{Answer, Ask, Bounds, Op, Partition, Query, Reply, RiskAsk};

use crate::stage::{Stage, Subject, plan, rain, request, sale, say, user};

fn risk(score: u8, until: Time) -> Risk {
    Risk { score, reason: RiskReason::parse("test").unwrap(), until }
}

fn op(id: u64, ask: RiskAsk) -> Op {
    Op { partition: Partition::Platform, by: Some(user("risk")), request: Some(request(id)), ask: Ask::Risk(ask) }
}

fn judge<K: Subject>(stage: &mut Stage<K>, id: u64, accounts: &[(&str, u8, Time)]) -> String {
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

fn introduce<K: Subject>(stage: &mut Stage<K>, who: &str, risk: u8) {
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

const FROM_60: HoldPolicy = HoldPolicy { hold_from: 60, hold_ms: 20_000 };

fn set_policy<K: Subject>(stage: &mut Stage<K>, id: u64, policy: Option<HoldPolicy>) -> String {
    say(&stage.decide(op(id, RiskAsk::SetPolicy { policy })))
}

fn end<K: Subject>(stage: &mut Stage<K>, id: u64, activity: ActivityId, unit: u32, how: HoldState) -> String {
    stage.ask_as("op", id, Ask::Risk(RiskAsk::EndHold { activity, unit, how }))
}

/// Wallet and held, fen.
fn has<K: Subject>(stage: &Stage<K>, who: &str) -> (i64, i64) {
    (stage.balance(Account::Wallet(user(who))), stage.balance(Account::Held(user(who))))
}

fn own<K: Subject>(stage: &Stage<K>, who: &str) -> Vec<String> {
    match stage.keeper.ask(&Query::Own { room: crate::stage::room(), user: user(who) }) {
        Reply::Own(own) => own.grants.into_iter().map(|grant| say(&Answer::Granted(grant))).collect(),
        other => panic!("{other:?}"),
    }
}

/// Whose cash is held, until when, and that it is credited once.
pub fn cash_is_held<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let mut stage = Stage::new(new(Bounds::default()));
    let before = stage.open(plan(rain(9, 5)));
    introduce(&mut stage, "bot", 60);
    introduce(&mut stage, "ann", 59);
    let soon = stage.now.after_ms(600_000);
    judge(&mut stage, 1, &[("cyd", 90, soon)]);
    assert_eq!(stage.tap("bot", before), "slot 1: 5 fen", "off unless set");
    assert_eq!(set_policy(&mut stage, 2, Some(FROM_60)), "policy set");
    let activity = stage.open(plan(RainPlan { grants_per_user: 2, ..rain(9, 7) }));
    for (who, want, has_now) in [
        ("ann", "slot 1: 7 fen", (7, 0)),
        ("bot", "slot 1: 7 fen, held", (5, 7)),
        ("cyd", "slot 1: 7 fen, held", (0, 7)),
        ("bot", "slot 2: 7 fen, held", (5, 14)),
        ("new", "slot 1: 7 fen", (7, 0)),
        ("bot", "limit_reached 2/2", (5, 14)),
    ] {
        assert_eq!(stage.tap(who, activity), want, "{who}");
        assert_eq!(has(&stage, who), has_now, "{who}");
    }
    let claim = stage.claim(activity);
    assert_eq!(stage.ask_as("dan", 7, claim.clone()), "slot 1: 7 fen");
    judge(&mut stage, 3, &[("eve", 99, soon)]);
    assert_eq!(stage.ask_as("eve", 7, claim.clone()), "slot 1: 7 fen, held");
    stage.wait_ms(19_999);
    assert_eq!((has(&stage, "bot"), own(&stage, "eve")), ((5, 14), vec!["slot 1: 7 fen, held".to_owned()]));
    stage.wait_ms(1);
    assert_eq!((has(&stage, "bot"), own(&stage, "eve")), ((19, 0), vec!["slot 1: 7 fen, credited".to_owned()]));
    assert_eq!(stage.ask_as("eve", 7, claim), "slot 1: 7 fen, held", "the answer stays as it was given");
    let late = Ask::Risk(RiskAsk::EndHold { activity, unit: 1, how: HoldState::Credited });
    assert_eq!(stage.timer(late), "idle", "a timer on another node finds nothing to do");
    assert_eq!(set_policy(&mut stage, 4, None), "policy set");
    let after = stage.open(plan(rain(9, 5)));
    assert_eq!(stage.tap("bot", after), "slot 1: 5 fen");
    stage.audit();
}

/// What tokens say is not heard in a room that is full: there cash of strangers is held, lest a bot's is paid.
pub fn strangers_in_a_full_room<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let mut stage = Stage::new(new(Bounds { audience_per_room_max: 2, ..Bounds::default() }));
    let before = stage.open(plan(rain(9, 5)));
    set_policy(&mut stage, 1, Some(FROM_60));
    let activity = stage.open(plan(rain(9, 7)));
    introduce(&mut stage, "ann", 10);
    assert_eq!(stage.tap("cyd", activity), "slot 1: 7 fen", "of whom nothing is said, while there is room");
    introduce(&mut stage, "bot", 90);
    introduce(&mut stage, "late", 90);
    for (who, want) in [
        ("ann", "slot 1: 7 fen"),
        ("bot", "slot 1: 7 fen, held"),
        ("late", "slot 1: 7 fen, held"),
        ("new", "slot 1: 7 fen, held"),
    ] {
        assert_eq!(stage.tap(who, activity), want, "{who}");
    }
    set_policy(&mut stage, 2, None);
    assert_eq!(stage.tap("late", before), "slot 1: 5 fen", "off unless set");
    stage.wait_ms(20_000);
    assert_eq!((has(&stage, "late"), has(&stage, "new")), ((12, 0), (7, 0)));
    stage.audit();
}

/// An operator ends a hold, once, one way or the other.
pub fn released_or_forfeited<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let mut stage = Stage::new(new(Bounds::default()));
    introduce(&mut stage, "bot", 80);
    set_policy(&mut stage, 1, Some(FROM_60));
    let activity = stage.open(plan(RainPlan { grants_per_user: 3, ..rain(3, 7) }));
    for slot in 1..=3 {
        assert_eq!(stage.tap("bot", activity), format!("slot {slot}: 7 fen, held"));
    }
    let sponsor = stage.wallet("host");
    for (what, id, unit, how, want) in [
        ("it goes back", 1, 0, HoldState::Forfeited, "forfeited"),
        ("asked again", 1, 0, HoldState::Forfeited, "forfeited"),
        ("once", 2, 0, HoldState::Credited, "not done: wrong_phase"),
        ("neither of both", 3, 1, HoldState::Held, "not done: invalid"),
        ("early", 4, 1, HoldState::Credited, "credited"),
        ("once", 5, 1, HoldState::Forfeited, "not done: wrong_phase"),
        ("no such unit", 6, 9, HoldState::Credited, "not done: unknown_hold"),
    ] {
        assert_eq!(end(&mut stage, id, activity, unit, how), want, "{what}");
    }
    assert_eq!(end(&mut stage, 9, ActivityId(99), 0, HoldState::Credited), "not done: unknown_hold");
    assert_eq!((has(&stage, "bot"), stage.wallet("host")), ((7, 7), sponsor + 7));
    stage.wait_ms(20_000);
    assert_eq!((has(&stage, "bot"), stage.wallet("host")), ((14, 0), sponsor + 7));
    let states = ["slot 3: 7 fen, credited", "slot 2: 7 fen, credited", "slot 1: 7 fen, forfeited"];
    assert_eq!(own(&stage, "bot"), states);
    stage.audit();
}

/// What is held outlives the memory of its activity, and the activity waits for it.
pub fn held_for_longer_than_activities_are_kept<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let mut stage = Stage::new(new(Bounds { retention_ms: 5_000, ..Bounds::default() }));
    introduce(&mut stage, "bot", 80);
    set_policy(&mut stage, 1, Some(HoldPolicy { hold_ms: 60_000, ..FROM_60 }));
    let activity = stage.open(plan(rain(3, 7)));
    assert_eq!(stage.tap("bot", activity), "slot 1: 7 fen, held");
    stage.wait_ms(59_999);
    assert_eq!((stage.phase(activity), has(&stage, "bot")), ("settled", (0, 7)));
    stage.wait_ms(1);
    assert_eq!((stage.phase(activity), has(&stage, "bot")), ("settled", (7, 0)));
    stage.wait_ms(1);
    let gone = Query::Activity { room: crate::stage::room(), activity };
    assert_eq!((stage.keeper.ask(&gone), has(&stage, "bot")), (Reply::Unknown, (7, 0)));
    assert_eq!(stage.keeper.ask(&Query::Holds { user: user("bot") }), Reply::Holds(Vec::new()));
    stage.audit();
}

/// Where the end of a hold is decided later than the step after it would be.
pub fn an_activity_waits_for_what_is_held<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let mut stage = Stage::new(new(Bounds { retention_ms: 5_000, ..Bounds::default() }));
    introduce(&mut stage, "bot", 80);
    set_policy(&mut stage, 1, Some(HoldPolicy { hold_ms: 60_000, ..FROM_60 }));
    let activity = stage.open(plan(rain(3, 7)));
    assert_eq!(stage.tap("bot", activity), "slot 1: 7 fen, held");
    stage.wait_ms(59_999);
    stage.now = stage.now.after_ms(60_000);
    assert_eq!((stage.timer(Ask::Due { activity }), stage.phase(activity)), ("idle".to_owned(), "settled"));
    let end = Ask::Risk(RiskAsk::EndHold { activity, unit: 0, how: HoldState::Credited });
    assert_eq!((stage.timer(end), has(&stage, "bot")), ("idle".to_owned(), (7, 0)));
    stage.timer(Ask::Due { activity });
    let gone = Query::Activity { room: crate::stage::room(), activity };
    assert_eq!((stage.keeper.ask(&gone), has(&stage, "bot")), (Reply::Unknown, (7, 0)));
    stage.audit();
}

pub fn policies_that_make_no_sense<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let mut stage = Stage::new(new(Bounds::default()));
    for (what, hold_from, hold_ms, want) in [
        ("everybody", 0, 1_000, "not done: invalid"),
        ("nobody", 101, 1_000, "not done: invalid"),
        ("for no time", 50, 0, "not done: invalid"),
        ("for ever", 50, u64::MAX, "not done: invalid"),
        ("a policy", 50, 1_000, "policy set"),
    ] {
        let ask = RiskAsk::SetPolicy { policy: Some(HoldPolicy { hold_from, hold_ms }) };
        assert_eq!(say(&stage.decide(Op { request: None, ..op(1, ask) })), want, "{what}");
    }
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
