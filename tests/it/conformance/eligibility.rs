//! Who may take part: judged by facts that the server holds, before limits and stock.

use liveroom::rules::*;
use liveroom::store::{Ask, Bounds, PresenceAsk};

use super::broadcast::{END_1, START};
use crate::stage::{Stage, Subject, plan, rain, sale, user};

const DAY_MS: u64 = 86_400_000;

/// Somebody was there for the last `ms`.
pub fn watched<K: Subject>(stage: &mut Stage<K>, who: &str, broadcast: u32, ms: u64) -> String {
    let (from, until) = (stage.now.before_ms(ms), stage.now);
    report(stage, &[who], broadcast, from, until)
}

/// A node reports who was there.
pub fn report<K: Subject>(stage: &mut Stage<K>, who: &[&str], broadcast: u32, from: Time, until: Time) -> String {
    let stays = who.iter().map(|who| Stay { user: user(who), after_ms: 0, before_ms: 0 }).collect();
    stage.timer(Ask::Presence(PresenceAsk::Present { broadcast, from, until, stays }))
}

fn introduce<K: Subject>(stage: &mut Stage<K>, who: &str, created: Option<Time>, risk: Option<u8>) {
    let account = AccountFacts { created, risk };
    stage.by(who, Ask::Presence(PresenceAsk::Introduce { account }));
}

fn asking<K: Subject>(stage: &mut Stage<K>, shares: u32, conditions: Conditions) -> ActivityId {
    stage.open(Plan { conditions, ..plan(rain(shares, 5)) })
}

pub fn watched_for_long_enough<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let mut stage = Stage::new(new(Bounds::default()));
    stage.ask("host", START);
    stage.wait_ms(600_000);
    let activity = asking(&mut stage, 9, Conditions { watched_s: Some(300), ..Conditions::default() });
    assert_eq!(stage.tap("ann", activity), "watched_too_little 0/300");
    watched(&mut stage, "ann", 1, 140_999);
    let early = stage.claim(activity);
    assert_eq!(stage.ask_as("ann", 7, early.clone()), "watched_too_little 140/300");
    // The rain is over by then; the next asks the same.
    stage.wait_ms(160_000);
    watched(&mut stage, "ann", 1, 300_000);
    let activity = asking(&mut stage, 9, Conditions { watched_s: Some(300), ..Conditions::default() });
    assert_eq!(stage.tap("ann", activity), "slot 1: 5 fen");
    assert_eq!(stage.ask_as("ann", 7, early), "watched_too_little 140/300", "a refusal is as stable as a grant");
    stage.audit();
}

pub fn overlapping_reports_count_once<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let mut stage = Stage::new(new(Bounds::default()));
    stage.ask("host", START);
    let began = stage.now;
    stage.wait_ms(100_000);
    let at = |ms| began.after_ms(ms);
    for (case, from, until, sum) in [
        ("one node", 0, 10_000, 10),
        ("the same, from another", 0, 10_000, 10),
        ("overlapping", 5_000, 15_000, 15),
        ("away, and back", 40_000, 50_000, 25),
        ("too late to tell", 16_000, 39_000, 25),
        ("not the future", 90_000, 200_000, 35),
    ] {
        report(&mut stage, &["ann", "bob"], 1, at(from), at(until));
        assert_eq!(stage.watched_s("ann", 1), sum, "{case}");
    }
    assert_eq!(report(&mut stage, &["ann"], 2, at(0), at(1_000)), "idle", "no such broadcast");
    stage.ask("host", END_1);
    stage.wait_ms(10_000);
    report(&mut stage, &["ann"], 1, at(100_000), at(110_000));
    assert_eq!(stage.watched_s("ann", 1), 35, "nobody watches what is over");
    stage.ask("host", START);
    assert_eq!(stage.watched_s("ann", 2), 0, "each broadcast by itself");
    stage.audit();
}

/// A refused duplicate never consumes stock; an ineligible one is told so even where nothing is left.
pub fn before_limit_and_stock<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let mut stage = Stage::new(new(Bounds::default()));
    stage.ask("host", START);
    stage.wait_ms(60_000);
    let activity = asking(&mut stage, 1, Conditions { watched_s: Some(10), ..Conditions::default() });
    assert_eq!(stage.tap("bob", activity), "watched_too_little 0/10");
    watched(&mut stage, "ann", 1, 20_000);
    watched(&mut stage, "cyd", 1, 20_000);
    assert_eq!(stage.tap("ann", activity), "slot 1: 5 fen");
    let claim = stage.claim(activity);
    assert_eq!(stage.ask_as("cyd", 1, claim.clone()), "sold_out");
    assert_eq!(stage.ask_as("bob", 1, claim.clone()), "watched_too_little 0/10");
    assert_eq!(stage.ask_as("ann", 1, claim.clone()), "sold_out");
    assert_eq!(stage.ask_as("ann", 2, Ask::Claim { activity, token: 1, opening: 1 }), "not_open", "open comes first");
    // With the next broadcast nobody has watched; what was answered stays.
    stage.ask("host", END_1);
    stage.ask("host", START);
    assert_eq!(stage.ask_as("cyd", 1, claim.clone()), "sold_out");
    assert_eq!(stage.ask_as("cyd", 2, claim.clone()), "watched_too_little 0/10");
    stage.step(activity, Step::Close);
    for (who, id, want) in
        [("bob", 1, "watched_too_little 0/10"), ("cyd", 2, "watched_too_little 0/10"), ("dan", 1, "sold_out")]
    {
        assert_eq!(stage.ask_as(who, id, claim.clone()), want, "{who}");
    }
    stage.audit();
}

pub fn in_a_sale<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let mut stage = Stage::new(new(Bounds::default()));
    let conditions = Conditions { risk_below: Some(50), ..Conditions::default() };
    let activity = stage.open(Plan { conditions, ..plan(sale(&[(1, 100, 1)])) });
    introduce(&mut stage, "bot", None, Some(90));
    introduce(&mut stage, "ann", None, Some(10));
    assert_eq!(stage.buy("bot", activity, 1, 1), "risk_too_high 90/50");
    assert_eq!(stage.buy("who", activity, 1, 1), "risk_too_high 100/50", "nothing known is no proof");
    assert_eq!(stage.buy("ann", activity, 1, 1), "order 1: 100 fen");
    assert_eq!(stage.buy("bot", activity, 1, 1), "risk_too_high 90/50");
    introduce(&mut stage, "bot", None, Some(20));
    assert_eq!(stage.buy("bot", activity, 1, 1), "sold_out");
    stage.audit();
}

pub fn accounts<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let mut stage = Stage::new(new(Bounds::default()));
    let activity = asking(&mut stage, 9, Conditions { account_age_days: Some(30), ..Conditions::default() });
    let ago = |days| stage.now.before_ms(days * DAY_MS);
    let (old, new) = (ago(30), ago(29));
    introduce(&mut stage, "old", Some(old), None);
    introduce(&mut stage, "new", Some(new), None);
    // What a token does not say stays as it was; what is known already is no event.
    introduce(&mut stage, "old", None, Some(5));
    let events = stage.events.len();
    introduce(&mut stage, "old", Some(old), Some(5));
    assert_eq!(stage.events.len(), events);
    for (who, want) in [("old", "slot 1: 5 fen"), ("new", "account_too_new 29/30"), ("unknown", "account_too_new 0/30")]
    {
        assert_eq!(stage.tap(who, activity), want, "{who}");
    }
    stage.audit();
}

pub fn newcomers<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let mut stage = Stage::new(new(Bounds::default()));
    introduce(&mut stage, "ann", None, Some(0));
    stage.wait_ms(2 * DAY_MS);
    introduce(&mut stage, "bob", None, Some(0));
    stage.wait_ms(DAY_MS);
    let activity = asking(&mut stage, 9, Conditions { newcomer_days: Some(2), ..Conditions::default() });
    for (who, want) in [("ann", "not_newcomer 3/2"), ("bob", "slot 1: 5 fen"), ("new", "slot 1: 5 fen")] {
        assert_eq!(stage.tap(who, activity), want, "{who}");
    }
    stage.audit();
}

/// A script can't grow the tables with refusals; whoever meets the conditions later is served as anybody.
pub fn refused_again_and_again<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let mut stage = Stage::new(new(Bounds::default()));
    let conditions = || Conditions { risk_below: Some(50), ..Conditions::default() };
    let activity = asking(&mut stage, 9, conditions());
    let other = asking(&mut stage, 9, conditions());
    introduce(&mut stage, "bot", None, Some(90));
    introduce(&mut stage, "ann", None, Some(10));
    let claim = stage.claim(activity);
    let refused = "risk_too_high 90/50";
    for id in 1..=32 {
        assert_eq!(stage.ask_as("bot", id, claim.clone()), refused, "{id}");
    }
    let events = stage.events.len();
    for (what, who, id, want) in [
        ("one more is not done", "bot", 33, "not done: too_many_refusals"),
        ("and has left its id free", "bot", 33, "not done: too_many_refusals"),
        ("what was decided stays", "bot", 32, refused),
        ("and its id is used", "bot", 1, refused),
    ] {
        assert_eq!(stage.ask_as(who, id, claim.clone()), want, "{what}");
    }
    assert_eq!(stage.events.len(), events, "none of it is written down");
    assert_eq!(stage.tap("bot", other), refused, "each activity by itself");
    assert_eq!(stage.tap("ann", activity), "slot 1: 5 fen", "each user, too");
    introduce(&mut stage, "bot", None, Some(20));
    assert_eq!(stage.ask_as("bot", 33, claim.clone()), "slot 1: 5 fen", "the reason has passed");
    assert_eq!(stage.ask_as("bot", 34, claim), "not done: too_many_refusals", "and another has come");
    stage.audit();
}

/// What counts is what was posted during the broadcast, from the announcement of the activity to its end.
pub fn the_keyword_was_posted<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let mut stage = Stage::new(new(Bounds::default()));
    let activity = stage.draft(Plan {
        conditions: Conditions { keyword: Some("好茶".to_owned()), ..Conditions::default() },
        ..plan(rain(9, 5))
    });
    let other = stage.open(plan(rain(9, 5)));
    let post = |activity| Ask::Presence(PresenceAsk::PostKeyword { activity });
    for (what, activity, want) in [
        ("before it is announced", activity, "not done: wrong_phase"),
        ("where none is asked for", other, "not done: wrong_kind"),
        ("for nothing", ActivityId(99), "not done: unknown_activity"),
    ] {
        assert_eq!(stage.by("ann", post(activity)), want, "{what}");
    }
    stage.step(activity, Step::Schedule);
    assert_eq!(stage.by("ann", post(activity)), "keyword posted");
    stage.step(activity, Step::Open);
    assert_eq!(stage.tap("ann", activity), "slot 1: 5 fen");
    let claim = stage.claim(activity);
    assert_eq!(stage.ask_as("bob", 1, claim.clone()), "keyword_not_posted");
    let events = stage.events.len();
    assert_eq!(stage.by("ann", post(activity)), "keyword posted");
    assert_eq!(stage.events.len(), events, "it is known");
    assert_eq!(stage.by("bob", post(activity)), "keyword posted");
    assert_eq!(stage.ask_as("bob", 1, claim.clone()), "keyword_not_posted", "the same request, the same answer");
    assert_eq!(stage.ask_as("bob", 2, claim.clone()), "slot 1: 5 fen");
    stage.by("cyd", post(activity));
    stage.ask("host", START);
    assert_eq!(stage.ask_as("cyd", 1, claim.clone()), "keyword_not_posted", "in another broadcast");
    stage.by("cyd", post(activity));
    assert_eq!(stage.ask_as("cyd", 2, claim), "slot 1: 5 fen");
    stage.step(activity, Step::Close);
    assert_eq!(stage.by("dan", post(activity)), "not done: wrong_phase");
    stage.audit();
}

pub fn not_won_too_often<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let mut stage = Stage::new(new(Bounds::default()));
    let wins = |wins, window_ms| Conditions { wins: Some(WinCap { wins, window_ms }), ..Conditions::default() };
    let first = stage.open(plan(rain(9, 5)));
    assert_eq!(stage.tap("ann", first), "slot 1: 5 fen");
    let never = asking(&mut stage, 9, wins(0, 60_000));
    let once = asking(&mut stage, 9, wins(1, 60_000));
    assert_eq!(stage.tap("ann", never), "won_too_often 1/0");
    assert_eq!(stage.tap("ann", once), "slot 1: 5 fen");
    assert_eq!(stage.tap("ann", once), "won_too_often 2/1");
    assert_eq!(stage.tap("bob", never), "slot 1: 5 fen");
    let retention_ms = Bounds::default().retention_ms;
    let plan = Box::new(Plan { conditions: wins(1, retention_ms + 1), ..plan(rain(9, 5)) });
    assert_eq!(stage.ask("host", Ask::Draft { plan, seed: Seed([1; 32]) }), "not done: invalid", "wins are forgotten");
    stage.audit();
}

pub fn the_audience_is_bounded<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let bounds = Bounds { audience_per_room_max: 2, audience_kept_ms: DAY_MS, ..Bounds::default() };
    let mut stage = Stage::new(new(bounds));
    stage.ask("host", START);
    stage.wait_ms(10_000);
    let (from, until) = (stage.now.before_ms(1_000), stage.now);
    report(&mut stage, &["ann", "bob", "cyd"], 1, from, until);
    assert_eq!((stage.watched_s("ann", 1), stage.watched_s("bob", 1), stage.watched_s("cyd", 1)), (1, 1, 0));
    stage.wait_ms(DAY_MS);
    watched(&mut stage, "bob", 1, 5_000);
    stage.wait_ms(DAY_MS);
    stage.ask("host", END_1);
    assert_eq!(watched(&mut stage, "cyd", 1, 5_000), "idle", "no room");
    stage.ask("host", START);
    stage.wait_ms(10_000);
    watched(&mut stage, "cyd", 2, 5_000);
    assert_eq!(stage.watched_s("cyd", 2), 5, "who has been away for long made room");
    stage.audit();
}

/// A tier follows from what was done within the window, and is lost with it.
pub fn tiers<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let tiers = TierRules { window_days: 2, active_points: 10, core_points: 20, ..TierRules::default() };
    let mut stage = Stage::new(new(Bounds { tiers, ..Bounds::default() }));
    stage.ask("host", START);
    let claim = |stage: &mut Stage<K>, tier| {
        let activity = asking(stage, 9, Conditions { tier: Some(tier), ..Conditions::default() });
        stage.tap("ann", activity)
    };
    assert_eq!(claim(&mut stage, Tier::Active), "tier_too_low 0/1");
    for (minutes, active, core) in [
        (9, "tier_too_low 0/1", "tier_too_low 0/2"),
        (1, "slot 1: 5 fen", "tier_too_low 1/2"),
        (10, "slot 1: 5 fen", "slot 1: 5 fen"),
    ] {
        stage.wait_ms(minutes * 60_000);
        watched(&mut stage, "ann", 1, minutes * 60_000);
        stage.wait_ms(0);
        assert_eq!((claim(&mut stage, Tier::Active), claim(&mut stage, Tier::Core)), (active.into(), core.into()));
    }
    stage.wait_ms(DAY_MS);
    assert_eq!(claim(&mut stage, Tier::Core), "slot 1: 5 fen", "yesterday counts");
    stage.wait_ms(DAY_MS);
    assert_eq!(claim(&mut stage, Tier::Active), "tier_too_low 0/1", "the day before does not");
    stage.audit();
}

/// A node reports who said and liked how much: first and last of it, `ms` after the broadcast's beginning.
fn talked<K: Subject>(stage: &mut Stage<K>, began: Time, of: &[(&str, u64, u64, u32)]) -> String {
    let at = |ms: u64| began.after_ms(ms);
    let from = of.iter().map(|(_, from, ..)| at(*from)).min().unwrap();
    let until = of.iter().map(|(_, _, until, _)| at(*until)).max().unwrap();
    let ms = |from: Time, until: Time| until.since(from).as_millis() as u32;
    let one = |&(who, first, last, times): &(&str, u64, u64, u32)| Talked {
        user: user(who),
        after_ms: ms(from, at(first)),
        before_ms: ms(at(last), until),
        times,
    };
    let talked = of.iter().map(one).collect();
    stage.timer(Ask::Presence(PresenceAsk::Talked { broadcast: 1, from, until, talked }))
}

/// Comments and likes count for tiers, so many a day.
pub fn talk_makes_a_tier<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let tiers =
        TierRules { window_days: 2, talk_points: 2, talk_per_day_max: 5, active_points: 15, ..TierRules::default() };
    let mut stage = Stage::new(new(Bounds { tiers, ..Bounds::default() }));
    stage.ask("host", START);
    let began = stage.now;
    let claim = |stage: &mut Stage<K>| {
        stage.wait_ms(0);
        let activity = asking(stage, 9, Conditions { tier: Some(Tier::Active), ..Conditions::default() });
        stage.tap("ann", activity)
    };
    stage.wait_ms(60_000);
    talked(&mut stage, began, &[("ann", 1_000, 50_000, 1_000), ("bob", 2_000, 2_000, 1)]);
    assert_eq!(claim(&mut stage), "tier_too_low 0/1", "ten points of a day, however much was liked");
    let events = stage.events.len();
    assert_eq!(talked(&mut stage, began, &[("ann", 51_000, 52_000, 1)]), "idle");
    assert_eq!(stage.events.len(), events, "what does not count is no event");
    stage.wait_ms(DAY_MS);
    talked(&mut stage, began, &[("ann", DAY_MS, DAY_MS + 5_000, 3)]);
    assert_eq!(claim(&mut stage), "slot 1: 5 fen", "two days");
    stage.wait_ms(DAY_MS);
    assert_eq!(claim(&mut stage), "tier_too_low 0/1", "the first has left the window");
    stage.audit();
}

pub fn talk_counts_once<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let tiers = TierRules { talk_points: 1, talk_per_day_max: 100, active_points: 10, ..TierRules::default() };
    let bounds = Bounds { tiers, audience_per_room_max: 2, ..Bounds::default() };
    let mut stage = Stage::new(new(bounds));
    assert_eq!(talked(&mut stage, crate::stage::START, &[("ann", 0, 0, 9)]), "idle", "nothing is on air");
    stage.ask("host", START);
    let began = stage.now;
    stage.wait_ms(100_000);
    let times = |stage: &Stage<K>| {
        let what = |event: &liveroom::store::Recorded| match &event.event {
            liveroom::store::Event::Presence {
                what: liveroom::store::PresenceEvent::Talked { talked, .. }, ..
            } => talked.iter().map(|one| one.times).sum(),
            _ => 0,
        };
        stage.events.iter().map(what).sum::<u32>()
    };
    for (case, report, sum) in [
        ("one node", &[("ann", 1_000, 4_000, 3)][..], 3),
        ("the same again", &[("ann", 1_000, 4_000, 3)], 3),
        ("another node meanwhile", &[("ann", 2_000, 5_000, 3), ("bob", 1_000, 1_000, 2)], 5),
        ("later", &[("ann", 5_000, 5_000, 1)], 6),
        ("no room for a stranger", &[("cyd", 5_000, 5_000, 1)], 6),
        ("the future", &[("bob", 5_000, 100_001, 1)], 6),
    ] {
        talked(&mut stage, began, report);
        assert_eq!(times(&stage), sum, "{case}");
    }
    stage.ask("host", END_1);
    talked(&mut stage, began, &[("ann", 6_000, 7_000, 2)]);
    assert_eq!(times(&stage), 8, "the rest comes after the end");
    stage.wait_ms(60_000);
    talked(&mut stage, began, &[("ann", 120_000, 130_000, 2)]);
    assert_eq!(times(&stage), 8, "what is said off air does not count");
    stage.audit();
}
