//! Draws that anyone can verify: lucky bag 福袋, keyword draw 口令抽奖, mic-link draw 连麦抽奖.

use liveroom::rules::*;
use liveroom::store::{Ask, Bounds, DrawAsk, EnterBy, KindView, PresenceAsk, Query, Reply, Tables};

use crate::stage::{Stage, Subject, bag, plan, rain, room, user};

fn enter_all<K: Subject>(stage: &mut Stage<K>, activity: ActivityId, names: &[&str]) {
    for (leaf, name) in names.iter().enumerate() {
        assert_eq!(stage.enter(name, activity), format!("ticket {leaf}"), "{name}");
    }
}

fn record<K: Subject>(stage: &Stage<K>, activity: ActivityId) -> Option<DrawRecord> {
    match stage.keeper.ask(&Query::DrawRecord { room: room(), activity }) {
        Reply::DrawRecord(record) => Some(*record),
        _ => None,
    }
}

fn root<K: Subject>(stage: &Stage<K>, activity: ActivityId) -> Option<Digest> {
    match stage.view(activity).kind {
        Some(KindView::Draw { root, .. }) => root,
        other => panic!("{other:?}"),
    }
}

pub fn from_the_first_ticket_to_the_last_fen<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let mut stage = Stage::new(new(Bounds::default()));
    let activity = stage.draft(plan(bag(&[("tea", 1, 0), ("cash", 2, 500)])));
    assert_eq!(stage.step(activity, Step::Schedule), "scheduled");
    assert_eq!(stage.wallet("host"), 1_000_000 - 1_000, "the cash is paid in before anything opens");
    let (rules, commitment) = stage.view(activity).draw_terms.unwrap();
    assert_eq!(stage.step(activity, Step::Open), "open");
    enter_all(&mut stage, activity, &["ann", "bob", "cyd", "dan", "eve"]);
    assert_eq!((root(&stage, activity), record(&stage, activity)), (None, None), "nothing is known before the close");
    assert_eq!(stage.step(activity, Step::Close), "closed");
    let frozen = root(&stage, activity);
    assert!(frozen.is_some() && stage.winners(activity).is_empty(), "the room has the root before anything is drawn");
    stage.wait_ms(1);
    let winners = stage.winners(activity);
    assert_eq!(winners.len(), 3);
    assert_eq!(stage.phase(activity), "settled");
    let cash: Vec<_> = ["ann", "bob", "cyd", "dan", "eve"].into_iter().filter(|who| stage.wallet(who) == 500).collect();
    assert_eq!(cash.len(), 2);
    assert!(cash.iter().all(|who| winners[1..].contains(&format!("{who} kept cash"))), "{winners:?}");
    assert_eq!(stage.balance(Account::Escrow(activity)), 0);
    let record = record(&stage, activity).unwrap();
    assert_eq!((record.rules_hash, record.commitment, Some(record.root)), (rules, commitment, frozen));
    assert!(check_record(&record.to_json()).is_ok());
    assert_eq!(stage.enter("fay", activity), "closed");
    assert_eq!(stage.enter("ann", activity), "ticket 0", "who is in, is in");
    stage.audit();
}

pub fn one_ticket_each<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let mut stage = Stage::new(new(Bounds::default()));
    let activity = stage.open(plan(bag(&[("tea", 1, 0)])));
    let token = stage.token(activity);
    let enter = Ask::Draw(DrawAsk::Enter { activity, token, by: EnterBy::Tap });
    assert_eq!(stage.ask_as("ann", 1, enter.clone()), "ticket 0");
    let events = stage.events.len();
    for id in [1, 2, 3, 1] {
        assert_eq!(stage.ask_as("ann", id, enter.clone()), "ticket 0", "request {id}");
    }
    assert_eq!(stage.events.len(), events, "nothing more was written");
    let other = Ask::Draw(DrawAsk::Enter { activity, token: token ^ 1, by: EnterBy::Tap });
    assert_eq!(stage.ask_as("ann", 1, other), "not done: conflict");
    assert_eq!(stage.enter("bob", activity), "ticket 1");
    stage.audit();
}

pub fn fewer_than_prizes<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let mut stage = Stage::new(new(Bounds::default()));
    let activity = stage.open(plan(bag(&[("cash", 5, 100)])));
    enter_all(&mut stage, activity, &["ann", "bob"]);
    stage.wait_ms(60_000);
    assert_eq!(stage.phase(activity), "settled");
    assert_eq!((stage.wallet("ann"), stage.wallet("bob"), stage.wallet("host")), (100, 100, 1_000_000 - 200));
    assert_eq!(record(&stage, activity).unwrap().returned, [3]);
    stage.audit();
}

pub fn nobody_came<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let mut stage = Stage::new(new(Bounds::default()));
    let activity = stage.open(plan(bag(&[("cash", 5, 100)])));
    stage.wait_ms(60_000);
    assert_eq!((stage.phase(activity), stage.wallet("host")), ("settled", 1_000_000));
    assert!(check_record(&record(&stage, activity).unwrap().to_json()).is_ok());
    stage.audit();
}

pub fn refused<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let mut stage = Stage::new(new(Bounds::default()));
    let activity = stage.draft(plan(bag(&[("tea", 1, 0)])));
    let other = stage.open(plan(rain(1, 5)));
    let enter = |activity, token, by| Ask::Draw(DrawAsk::Enter { activity, token, by });
    let token = stage.token(activity);
    assert_eq!(stage.ask_as("ann", 1, enter(activity, token, EnterBy::Tap)), "not_open", "not before it opens");
    stage.step(activity, Step::Schedule);
    stage.step(activity, Step::Open);
    let draw = DrawAsk::Draw { activity, winners: 9 };
    for (who, what, ask, want) in [
        ("ann", "the same request, the same answer", enter(activity, token ^ 1, EnterBy::Tap), "not_open"),
        ("host", "the rules name the host", enter(activity, token, EnterBy::Tap), "excluded"),
        ("ann", "by a comment", enter(activity, token, EnterBy::Comment), "not done: wrong_kind"),
        ("ann", "into a rain", enter(other, token, EnterBy::Tap), "not done: wrong_kind"),
        ("ann", "into nothing", enter(ActivityId(99), token, EnterBy::Tap), "not done: unknown_activity"),
        ("ann", "a claim", Ask::Claim { activity, token, opening: 1 }, "not done: wrong_kind"),
        ("ann", "drawn while open", Ask::Draw(draw), "not done: wrong_phase"),
        ("ann", "proof while open", Ask::Draw(DrawAsk::Prove { activity }), "not done: wrong_phase"),
        ("ann", "a prize of nobody", Ask::Draw(DrawAsk::Reply { activity, accept: true }), "not done: no_award"),
    ] {
        assert_eq!(stage.ask(who, ask), want, "{what}");
    }
    stage.wait_ms(60_000);
    assert_eq!(
        stage.ask("op", Ask::Draw(DrawAsk::Draw { activity, winners: 9 })),
        "not done: wrong_phase",
        "drawn once"
    );
    stage.audit();
}

/// quicknet's round 123, recorded. It came on 23 August 2023, so these rooms are of that day.
fn recorded() -> (DrawLevel, Beacon, Time) {
    let signature = "b75c69d0b72a5d906e854e808ba7e2accb1542ac355ae486d591aa9d43765482e26cd02df835d3546d23c4b13e0dfc92";
    let signature = HexBytes::parse(signature).unwrap();
    let chain = Chain::quicknet();
    let at = chain.time_of(123);
    let beacon = Beacon { round: 123, signature, previous_signature: HexBytes::default() };
    (DrawLevel::Beacon { chain: Box::new(chain), round: 123 }, beacon, at)
}

pub fn a_beacon_decides<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let (level, beacon, round_at) = recorded();
    let mut stage = Stage::beginning(new(Bounds::default()), round_at.before_ms(65_001));
    let with_beacon = DrawPlan { level, ..bag(&[("tea", 1, 0), ("cash", 1, 70)]) };
    let activity = stage.open(plan(with_beacon.clone()));
    let late = stage.draft(plan(with_beacon));
    enter_all(&mut stage, activity, &["ann", "bob", "cyd", "dan"]);
    let bring = |beacon: &Beacon| {
        let beacon = Box::new(beacon.clone());
        Ask::Draw(DrawAsk::Beacon { activity, beacon, winners: 2 })
    };
    assert_eq!(stage.ask("op", bring(&beacon)), "not done: wrong_phase", "not while it is open");
    assert_eq!(stage.step(late, Step::Schedule), "scheduled");
    stage.wait_ms(60_000);
    assert_eq!(stage.phase(activity), "closed");
    assert_eq!(stage.step(late, Step::Open), "not done: invalid", "it would close when the round is known");
    let (frozen, awaited) = (root(&stage, activity), stage.keeper.ask(&Query::AwaitingBeacons));
    assert!(frozen.is_some() && matches!(&awaited, Reply::AwaitingBeacon(awaited) if awaited[0].round == 123));
    stage.wait_ms(3_600_000);
    assert_eq!((stage.phase(activity), stage.winners(activity).len()), ("closed", 0), "it waits");
    let other = Beacon { round: 124, ..beacon.clone() };
    assert_eq!(stage.ask("op", bring(&other)), "not done: invalid");
    assert_eq!(stage.ask("op", Ask::Draw(DrawAsk::Draw { activity, winners: 2 })), "not done: invalid");
    assert_eq!(stage.ask_as("op", 7, bring(&beacon)), "drawn");
    assert_eq!(stage.ask_as("op", 7, bring(&beacon)), "drawn", "the same request, the same answer");
    assert_eq!(stage.ask("op", bring(&beacon)), "not done: wrong_phase", "a draw is drawn once");
    stage.wait_ms(1);
    assert_eq!((stage.phase(activity), stage.winners(activity).len()), ("settled", 2));
    assert_eq!(stage.keeper.ask(&Query::AwaitingBeacons), Reply::AwaitingBeacon(Vec::new()));
    let record = record(&stage, activity).unwrap();
    assert_eq!((record.level.as_str(), Some(record.root)), ("beacon", frozen));
    assert!(check_record(&record.to_json()).is_ok());
    stage.audit();
}

pub fn passed_on_by_word<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let mut stage = Stage::new(new(Bounds::default()));
    let names = ["ann", "bob", "cyd", "dan"];
    let activity = stage.open(plan(DrawPlan { answer_ms: 10_000, ..bag(&[("tea", 1, 0), ("cash", 1, 70)]) }));
    enter_all(&mut stage, activity, &names);
    stage.wait_ms(60_000);
    assert_eq!(stage.phase(activity), "closed", "whoever won may still pass");
    let who = |stage: &Stage<K>, rank: usize| stage.winners(activity)[rank].split(' ').next().unwrap().to_owned();
    let (first, second) = (who(&stage, 0), who(&stage, 1));
    let loser = names.into_iter().find(|name| ![&first, &second].contains(&&(*name).to_owned())).unwrap();
    assert_eq!(stage.reply(loser, activity, false), "not done: no_award");
    assert_eq!(stage.reply(&second, activity, false), "not done: wrong_kind", "cash stays");
    let take = Ask::Draw(DrawAsk::Reply { activity, accept: true });
    assert_eq!(stage.ask_as(&first, 4, take.clone()), "kept tea");
    let pass = Ask::Draw(DrawAsk::Reply { activity, accept: false });
    assert_eq!(stage.ask_as(&first, 5, pass.clone()), "passed tea");
    assert_eq!(stage.ask_as(&first, 5, pass), "passed tea");
    assert_eq!(stage.reply(&first, activity, true), "prize_passed");
    assert_eq!(stage.ask_as(&first, 4, take), "kept tea", "the same request, the same answer");
    assert_eq!(stage.winners(activity)[0], format!("{first} passed tea"));
    let third = who(&stage, 2);
    assert!(![&first, &second].contains(&&third), "somebody who had not won");
    assert_eq!(stage.reply(&third, activity, true), "kept tea");
    stage.wait_ms(9_999);
    assert_eq!(stage.phase(activity), "closed");
    stage.wait_ms(1);
    assert_eq!(stage.phase(activity), "settled");
    assert_eq!(stage.reply(&third, activity, false), "not done: wrong_phase", "too late");
    assert!(check_record(&record(&stage, activity).unwrap().to_json()).is_ok());
    stage.audit();
}

pub fn seats_that_nobody_takes<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let mut stage = Stage::new(new(Bounds::default()));
    let seats = DrawPlan { occasion: Occasion::MicLink, answer_ms: 5_000, ..bag(&[("seat", 2, 0)]) };
    let activity = stage.open(plan(seats));
    enter_all(&mut stage, activity, &["ann", "bob", "cyd", "dan", "eve"]);
    stage.wait_ms(60_000);
    let who = |stage: &Stage<K>, rank: usize| stage.winners(activity)[rank].split(' ').next().unwrap().to_owned();
    let states = |stage: &Stage<K>| -> Vec<String> {
        stage.winners(activity).iter().map(|winner| winner.split(' ').nth(1).unwrap().to_owned()).collect()
    };
    assert_eq!(states(&stage), ["offered", "offered"]);
    let first = who(&stage, 0);
    assert_eq!(stage.reply(&first, activity, true), "kept seat");
    assert_eq!(stage.reply(&first, activity, true), "kept seat", "once more, to be sure");
    assert_eq!(stage.reply(&first, activity, false), "not done: wrong_phase", "a seat that was taken stays taken");
    // The second says nothing, the third declines, the fourth says nothing, the fifth is the last.
    stage.wait_ms(5_000);
    assert_eq!(states(&stage), ["kept", "passed", "offered"]);
    let (second, third) = (who(&stage, 1), who(&stage, 2));
    assert_eq!(stage.reply(&second, activity, true), "prize_passed", "too late");
    assert_eq!(stage.reply(&third, activity, false), "passed seat");
    stage.wait_ms(5_000);
    assert_eq!(states(&stage), ["kept", "passed", "passed", "passed", "offered"]);
    assert_eq!(stage.phase(activity), "closed");
    stage.wait_ms(5_000);
    assert_eq!(states(&stage), ["kept", "passed", "passed", "passed", "passed"]);
    assert_eq!(stage.phase(activity), "settled");
    assert_eq!(record(&stage, activity).unwrap().returned, [1]);
    stage.audit();
}

pub fn never_called_off_after_the_close<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let (level, beacon, round_at) = recorded();
    let mut stage = Stage::beginning(new(Bounds::default()), round_at.before_ms(100_000));
    let early = stage.open(plan(bag(&[("cash", 1, 70)])));
    assert_eq!(stage.enter("ann", early), "ticket 0");
    assert_eq!(stage.step(early, Step::Cancel), "cancelled", "before the close it may be");
    assert_eq!((stage.wallet("host"), stage.enter("bob", early).as_str()), (1_000_000, "closed"));
    let activity = stage.open(plan(DrawPlan { level, ..bag(&[("cash", 1, 70)]) }));
    assert_eq!(stage.enter("ann", activity), "ticket 0");
    assert_eq!(stage.step(activity, Step::Close), "closed");
    assert_eq!(stage.step(activity, Step::Cancel), "not done: wrong_phase");
    assert_eq!(stage.step(activity, Step::Settle), "not done: wrong_phase");
    let bring = Ask::Draw(DrawAsk::Beacon { activity, beacon: Box::new(beacon), winners: 1 });
    assert_eq!(stage.ask("op", bring), "drawn");
    assert_eq!(stage.step(activity, Step::Cancel), "not done: wrong_phase");
    stage.wait_ms(1);
    assert_eq!((stage.phase(activity), stage.wallet("ann")), ("settled", 70));
    stage.audit();
}

pub fn rules_stay<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let mut stage = Stage::new(new(Bounds::default()));
    let activity = stage.open(plan(bag(&[("tea", 1, 0)])));
    for amendment in [
        Amendment { extend_ms: 1_000, ..Amendment::default() },
        Amendment { shares: 1, ..Amendment::default() },
        Amendment { stock: vec![(SkuId(1), 1)], ..Amendment::default() },
    ] {
        assert_eq!(stage.amend(activity, amendment), "not done: invalid");
    }
    stage.audit();
}

/// A win in a draw is a win, wherever limits count them.
pub fn wins_count<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let mut stage = Stage::new(new(Bounds::default()));
    let limits = Limits { per_room_day: Some(1), win_cap: None };
    let first = stage.open(plan(bag(&[("tea", 1, 0)])));
    assert_eq!(stage.enter("ann", first), "ticket 0");
    stage.wait_ms(60_000);
    let second = stage.open(Plan { limits, ..plan(bag(&[("tea", 1, 0)])) });
    let token = stage.token(second);
    let enter = Ask::Draw(DrawAsk::Enter { activity: second, token, by: EnterBy::Tap });
    assert_eq!(stage.ask_as("ann", 1, enter.clone()), "room_day_limit 1/1");
    assert_eq!(stage.enter("bob", second), "ticket 0");
    let drops = stage.open(Plan { limits, ..plan(rain(3, 5)) });
    assert_eq!(stage.tap("ann", drops), "room_day_limit 1/1");
    assert_eq!(stage.ask_as("ann", 1, enter), "room_day_limit 1/1", "the same request, the same answer");
    stage.audit();
}

pub fn proofs<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let mut stage = Stage::new(new(Bounds::default()));
    let activity = stage.open(plan(bag(&[("tea", 1, 0)])));
    let names = ["ann", "bob", "cyd", "dan", "eve", "fay", "gus"];
    enter_all(&mut stage, activity, &names);
    stage.wait_ms(60_000);
    for name in names {
        assert_eq!(stage.ask(name, Ask::Draw(DrawAsk::Prove { activity })), "proof holds", "{name}");
    }
    assert_eq!(stage.ask("hal", Ask::Draw(DrawAsk::Prove { activity })), "not done: no_award");
    let query = Query::DrawProof { room: room(), activity, user: user("cyd") };
    assert!(matches!(stage.keeper.ask(&query), Reply::DrawProof(proof) if proof.holds()));
    stage.audit();
}

pub fn a_keyword_is_posted<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let mut stage = Stage::new(new(Bounds::default()));
    let keyword = DrawPlan { occasion: Occasion::Keyword("好茶".to_owned()), ..bag(&[("tea", 1, 0)]) };
    let activity = stage.open(plan(keyword));
    assert_eq!(stage.enter("ann", activity), "not done: wrong_kind", "not by a tap");
    let token = stage.token(activity);
    let posted = |token| Ask::Draw(DrawAsk::Enter { activity, token, by: EnterBy::Comment });
    for _ in 0..3 {
        assert_eq!(stage.by("ann", posted(token)), "ticket 0", "however often it is posted");
    }
    assert_eq!(stage.enter("ann", activity), "ticket 0", "the same ticket, under a name");
    let bob = Query::Own { room: room(), user: user("bob") };
    assert_eq!(stage.by("bob", posted(token)), "ticket 1");
    let Reply::Own(own) = stage.keeper.ask(&bob) else { panic!("nothing") };
    assert_eq!((own.tickets.len(), own.tickets[0].leaf), (1, 1), "who comes back hears of it");
    for (who, token, want) in [("host", token, "excluded"), ("cyd", token ^ 1, "not_open")] {
        assert_eq!(stage.by(who, posted(token)), want, "{who}");
    }
    stage.wait_ms(60_000);
    assert_eq!(stage.winners(activity).len(), 1);
    let Reply::Own(own) = stage.keeper.ask(&bob) else { panic!("nothing") };
    assert!(own.tickets.is_empty(), "once it is drawn, the record tells");
    assert_eq!(stage.by("dan", posted(token)), "closed");
    stage.audit();
}

/// Comments are no requests: however many come from somebody whom the conditions do not let in, nothing is written down.
pub fn a_keyword_that_only_some_may_post<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let mut stage = Stage::new(new(Bounds::default()));
    let keyword = DrawPlan { occasion: Occasion::Keyword("好茶".to_owned()), ..bag(&[("tea", 1, 0)]) };
    let conditions = Conditions { risk_below: Some(50), ..Conditions::default() };
    let activity = stage.open(Plan { conditions, ..plan(keyword) });
    let token = stage.token(activity);
    let posted = || Ask::Draw(DrawAsk::Enter { activity, token, by: EnterBy::Comment });
    let introduce = |risk| {
        let account = AccountFacts { created: None, risk: Some(risk) };
        Ask::Presence(PresenceAsk::Introduce { account })
    };
    stage.by("bot", introduce(90));
    let events = stage.events.len();
    for _ in 0..=Tables::REFUSALS_MAX {
        assert_eq!(stage.by("bot", posted()), "risk_too_high 90/50");
    }
    assert_eq!(stage.events.len(), events, "nothing is written down");
    stage.by("bot", introduce(20));
    assert_eq!(stage.by("bot", posted()), "ticket 0", "the reason has passed");
    stage.audit();
}
