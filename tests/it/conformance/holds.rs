//! Cash of risky accounts: held wherever it is won, and credited or forfeited once.

use liveroom::rules::*;
use liveroom::store::{
    Answer, Ask, Bounds, DrawAnswer, DrawAsk, DrawPrize, EnterBy, HoldsOf, Op, Partition, PresenceAsk, Query, Reply,
    RiskAsk,
};

use super::broadcast::START as ON_AIR;
use super::eligibility::report;
use super::risk::{introduce, judge, op};
use crate::stage::{Stage, Subject, bag, fen, plan, rain, room, say, user};

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

/// What somebody has won, the latest first in each activity.
fn own<K: Subject>(stage: &Stage<K>, who: &str) -> Vec<String> {
    let Reply::Own(own) = stage.keeper.ask(&Query::Own { room: room(), user: user(who) }) else { panic!("no room") };
    let prize = |prize: DrawPrize| match prize.hold {
        Some((_, state)) => format!("{}: {} fen, {}", prize.title, prize.cash, state.word()),
        None => format!("{}: {} fen", prize.title, prize.cash),
    };
    let grants = own.grants.into_iter().map(|grant| say(&Answer::Granted(grant)));
    grants.chain(own.prizes.into_iter().map(prize)).collect()
}

/// `activity.unit user` of a page of holds.
fn page<K: Subject>(stage: &Stage<K>, of: HoldsOf, after: Option<UnitId>, limit: u32) -> Vec<String> {
    match stage.keeper.ask(&Query::Holds { of, after, limit }) {
        Reply::Holds(holds) => {
            holds.iter().map(|(_, (activity, unit), hold)| format!("{activity}.{unit} {}", hold.user)).collect()
        }
        Reply::Unknown => vec!["unknown".to_owned()],
        other => panic!("{other:?}"),
    }
}

/// A way to win five fen: what is opened, and what its winners do.
type Way<K> = (&'static str, fn() -> Plan, fn(&mut Stage<K>, &str, ActivityId) -> String);

fn goals() -> Vec<GoalPlan> {
    vec![GoalPlan { at: 1, prize: Prize::Cash(fen(5)), count: 2 }]
}

fn ways<K: Subject>() -> [Way<K>; 6] {
    [
        ("a rain", || plan(rain(2, 5)), |stage, who, activity| stage.tap(who, activity)),
        (
            "a bag",
            || {
                let contents = BagContents::Newcomer { prize: Prize::Cash(fen(5)), count: 2 };
                let conditions = Conditions { watched_s: Some(1), newcomer_days: Some(1), ..Conditions::default() };
                Plan { conditions, ..plan(BagPlan { contents, duration_ms: 60_000 }) }
            },
            |stage, who, activity| stage.tap(who, activity),
        ),
        (
            "a watch task",
            || plan(WatchTaskPlan { steps: goals(), duration_ms: 60_000 }),
            |stage, who, activity| {
                let token = stage.token(activity);
                stage.ask(who, Ask::Presence(PresenceAsk::ClaimStep { activity, token, step: 1 }))
            },
        ),
        (
            "a check-in",
            || plan(CheckInPlan { streaks: goals(), duration_ms: 60_000 }),
            |stage, who, activity| {
                let token = stage.token(activity);
                stage.ask(who, Ask::Presence(PresenceAsk::CheckIn { activity, token }))
            },
        ),
        (
            "a lucky bag that is drawn",
            || plan(DrawPlan { duration_ms: 1_000, ..bag(&[("cash", 2, 5)]) }),
            |stage, who, activity| stage.enter(who, activity),
        ),
        (
            "a keyword draw",
            || {
                let occasion = Occasion::Keyword("tea".to_owned());
                plan(DrawPlan { occasion, duration_ms: 1_000, ..bag(&[("cash", 2, 5)]) })
            },
            |stage, who, activity| {
                let token = stage.token(activity);
                stage.by(who, Ask::Draw(DrawAsk::Enter { activity, token, by: EnterBy::Comment }))
            },
        ),
    ]
}

/// ann is harmless and bot is not; both are in a room that is on air, and have watched for some seconds.
fn ann_and_bot<K: Subject>(new: &dyn Fn(Bounds) -> K) -> Stage<K> {
    let mut stage = Stage::new(new(Bounds::default()));
    stage.ask("host", ON_AIR);
    stage.wait_ms(5_000);
    let (from, until) = (stage.now.before_ms(5_000), stage.now);
    report(&mut stage, &["ann", "bot"], 1, from, until);
    introduce(&mut stage, "ann", 10);
    introduce(&mut stage, "bot", 80);
    set_policy(&mut stage, 1, Some(FROM_60));
    stage
}

/// Whatever gives cash holds that of risky accounts, and credits it once: by time, or by word.
pub fn whatever_gives_it<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    for (what, planned, win) in ways::<K>() {
        for (how, at_once) in
            [(None, (0, 5)), (Some(HoldState::Credited), (5, 0)), (Some(HoldState::Forfeited), (0, 0))]
        {
            let mut stage = ann_and_bot(new);
            let sponsor = stage.wallet("host");
            let activity = stage.open(planned());
            let needs = stage.keeper.gate(activity).unwrap().needs;
            // A draw judges its winners later than they enter, by the policy of then.
            let from = if matches!(planned().kind, KindPlan::Draw(_)) { 1 } else { 60 };
            assert_eq!(needs.risk_from, Some(from), "{what}: what tokens say of those who take part is asked for");
            let answers = [win(&mut stage, "bot", activity), win(&mut stage, "ann", activity)];
            stage.wait_ms(1_000);
            assert_eq!((has(&stage, "ann"), has(&stage, "bot")), ((5, 0), (0, 5)), "{what}: {answers:?}");
            let own_of = |stage: &Stage<K>| own(stage, "bot").concat();
            assert!(own_of(&stage).ends_with("5 fen, held"), "{what}: {}", own_of(&stage));
            let held = page(&stage, HoldsOf::Activity(room(), activity), None, 9);
            assert_eq!(held, page(&stage, HoldsOf::User(user("bot")), None, 9), "{what}");
            let unit: u32 = held.concat().split(['.', ' ']).nth(1).unwrap().parse().unwrap();
            if let Some(how) = how {
                assert_eq!(end(&mut stage, 2, activity, unit, how), how.word(), "{what}");
                assert_eq!(end(&mut stage, 3, activity, unit, how), "not done: wrong_phase", "{what}: once");
            }
            assert_eq!(has(&stage, "bot"), at_once, "{what}: {how:?}");
            stage.wait_ms(60_000);
            let ended = how.unwrap_or(HoldState::Credited);
            let given = if ended == HoldState::Credited { 5 } else { 0 };
            assert_eq!(has(&stage, "bot"), (given, 0), "{what}: {how:?}");
            assert!(own_of(&stage).ends_with(&format!("5 fen, {}", ended.word())), "{what}: {}", own_of(&stage));
            assert_eq!(stage.wallet("host"), sponsor - 5 - given, "{what}: {how:?}");
            stage.audit();
        }
    }
}

/// What was answered stays so, whatever became of the cash.
pub fn answers_stay<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let mut stage = ann_and_bot(new);
    let rained = stage.open(plan(rain(1, 5)));
    let watched = stage.open(plan(WatchTaskPlan { steps: goals(), duration_ms: 60_000 }));
    let daily = stage.open(plan(CheckInPlan { streaks: goals(), duration_ms: 60_000 }));
    let (of_watched, of_daily) = (stage.token(watched), stage.token(daily));
    let asks = [
        (stage.claim(rained), "slot 1: 5 fen, held"),
        (
            Ask::Presence(PresenceAsk::ClaimStep { activity: watched, token: of_watched, step: 1 }),
            "slot 1: 5 fen, held",
        ),
        (Ask::Presence(PresenceAsk::CheckIn { activity: daily, token: of_daily }), "streak 1, slot 1: 5 fen, held"),
    ];
    let drawn = stage.open(plan(DrawPlan { duration_ms: 1_000, answer_ms: 60_000, ..bag(&[("cash", 1, 5)]) }));
    stage.enter("bot", drawn);
    stage.wait_ms(1_000);
    let request = Some(crate::stage::request(9));
    let ask = Ask::Draw(DrawAsk::Reply { activity: drawn, accept: true });
    let taken = Op { partition: Partition::Room(room()), by: Some(user("bot")), request, ask };
    let first = stage.decide(taken.clone());
    let Answer::Draw(DrawAnswer::Prize(prize)) = &first else { panic!("{first:?}") };
    assert_eq!(prize.hold, Some((stage.now.after_ms(20_000), HoldState::Held)));
    assert_eq!(stage.reply("bot", drawn, false), "not done: wrong_kind", "cash stays where it is");
    for round in 0..2 {
        for (id, (ask, want)) in (1..).zip(&asks) {
            assert_eq!(stage.ask_as("bot", id, ask.clone()), *want, "round {round}");
        }
        assert_eq!(stage.decide(taken.clone()), first, "round {round}");
        stage.wait_ms(20_000);
    }
    assert_eq!(has(&stage, "bot"), (20, 0));
    stage.audit();
}

/// By activity or by user, in the order of activities and units, never more than was asked for.
pub fn pages<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let mut stage = ann_and_bot(new);
    let soon = stage.now.after_ms(60_000);
    judge(&mut stage, 8, &[("eve", 90, soon)]);
    let first = stage.open(plan(RainPlan { grants_per_user: 2, ..rain(9, 5) }));
    let second = stage.open(plan(rain(9, 5)));
    for (who, activity) in [("bot", first), ("eve", first), ("bot", first), ("eve", second), ("bot", second)] {
        stage.tap(who, activity);
    }
    let (bot, of_first) = (HoldsOf::User(user("bot")), HoldsOf::Activity(room(), first));
    let nowhere = HoldsOf::Activity(RoomId::parse("r2").unwrap(), first);
    for (what, of, after, limit, want) in [
        ("a user's", bot, None, 9, &["1.0 bot", "1.2 bot", "2.1 bot"][..]),
        ("two of them", bot, None, 2, &["1.0 bot", "1.2 bot"]),
        ("the rest", bot, Some((first, 2)), 2, &["2.1 bot"]),
        ("after another's", bot, Some((first, 1)), 1, &["1.2 bot"]),
        ("after the last", bot, Some((second, 1)), 2, &[]),
        ("an activity's", of_first, None, 9, &["1.0 bot", "1.1 eve", "1.2 bot"]),
        ("one of them", of_first, Some((first, 0)), 1, &["1.1 eve"]),
        ("after the last unit that can be", of_first, Some((first, u32::MAX)), 9, &[]),
        ("of nobody", HoldsOf::User(user("ann")), None, 9, &[]),
        ("of an activity of another room", nowhere, None, 9, &["unknown"]),
        ("of none", HoldsOf::Activity(room(), ActivityId(9)), None, 9, &["unknown"]),
    ] {
        assert_eq!(page(&stage, of, after, limit), want, "{what}");
    }
    stage.audit();
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

/// A minute's hold of which a millisecond is left, in an activity whose memory would be over long before.
fn nearly_over<K: Subject>(new: &dyn Fn(Bounds) -> K) -> (Stage<K>, ActivityId) {
    let mut stage = Stage::new(new(Bounds { retention_ms: 5_000, ..Bounds::default() }));
    introduce(&mut stage, "bot", 80);
    set_policy(&mut stage, 1, Some(HoldPolicy { hold_ms: 60_000, ..FROM_60 }));
    let activity = stage.open(plan(rain(3, 7)));
    assert_eq!(stage.tap("bot", activity), "slot 1: 7 fen, held");
    stage.wait_ms(59_999);
    (stage, activity)
}

/// What is held outlives the memory of its activity, and the activity waits for it.
pub fn held_for_longer_than_activities_are_kept<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let (mut stage, activity) = nearly_over(new);
    assert_eq!((stage.phase(activity), has(&stage, "bot")), ("settled", (0, 7)));
    stage.wait_ms(1);
    assert_eq!((stage.phase(activity), has(&stage, "bot")), ("settled", (7, 0)));
    stage.wait_ms(1);
    let gone = Query::Activity { room: room(), activity };
    assert_eq!((stage.keeper.ask(&gone), has(&stage, "bot")), (Reply::Unknown, (7, 0)));
    assert!(page(&stage, HoldsOf::User(user("bot")), None, 9).is_empty());
    stage.audit();
}

/// Where the end of a hold is decided later than the step after it would be.
pub fn an_activity_waits_for_what_is_held<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let (mut stage, activity) = nearly_over(new);
    stage.now = stage.now.after_ms(60_000);
    assert_eq!((stage.timer(Ask::Due { activity }), stage.phase(activity)), ("idle".to_owned(), "settled"));
    let end = Ask::Risk(RiskAsk::EndHold { activity, unit: 0, how: HoldState::Credited });
    assert_eq!((stage.timer(end), has(&stage, "bot")), ("idle".to_owned(), (7, 0)));
    stage.timer(Ask::Due { activity });
    let gone = Query::Activity { room: room(), activity };
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
