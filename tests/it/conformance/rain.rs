//! Red-packet rain 红包雨.

use liveroom::rules::*;
use liveroom::store::{Ask, Bounds, KindView};

use crate::stage::{Stage, Subject, fen, plan, rain};

pub fn first_come_first_served<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let mut stage = Stage::new(new(Bounds::default()));
    let activity = stage.open(plan(rain(2, 5)));
    for (who, want, counts) in [
        ("ann", "slot 1: 5 fen", "1/0/1 of 2"),
        // A duplicate takes nothing.
        ("ann", "limit_reached 1/1", "1/0/1 of 2"),
        ("bob", "slot 1: 5 fen", "2/0/0 of 2"),
        ("cyd", "sold_out", "2/0/0 of 2"),
        // The limit came before the end of the shares, so it stays the reason.
        ("ann", "limit_reached 1/1", "2/0/0 of 2"),
        // With the last share came both: then the shares are the reason, whoever asks whenever.
        ("bob", "sold_out", "2/0/0 of 2"),
    ] {
        assert_eq!(stage.tap(who, activity), want, "{who}");
        assert_eq!(stage.counts(activity, 0), counts, "{who}");
    }
    assert_eq!((stage.wallet("ann"), stage.wallet("bob"), stage.wallet("cyd")), (5, 5, 0));
    stage.audit();
}

/// Shares of 1, 2, … fen split by chance: every one comes once.
pub fn each_share_once<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let mut stage = Stage::new(new(Bounds::default()));
    let activity = stage.open(plan(RainPlan { split: Split::Random, share_max: fen(300), ..rain(50, 100) }));
    let mut total = 0;
    for n in 0..50 {
        let who = format!("u{n}");
        assert!(stage.tap(&who, activity).starts_with("slot 1: "));
        total += stage.wallet(&who);
    }
    assert_eq!(total, 5_000);
    assert_eq!(stage.tap("late", activity), "sold_out");
    stage.audit();
}

pub fn many_per_user<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let mut stage = Stage::new(new(Bounds::default()));
    let activity = stage.open(plan(RainPlan { grants_per_user: 3, ..rain(5, 5) }));
    for want in ["slot 1: 5 fen", "slot 2: 5 fen", "slot 3: 5 fen", "limit_reached 3/3"] {
        assert_eq!(stage.tap("ann", activity), want);
    }
    assert_eq!(stage.wallet("ann"), 15);
    stage.audit();
}

pub fn waves_and_leftovers<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let mut stage = Stage::new(new(Bounds::default()));
    let wave = |after_ms, shares| WavePlan { after_ms, shares };
    let waves = vec![wave(0, 2), wave(1_000, 1), wave(3_000, 3)];
    let activity = stage.open(plan(RainPlan { waves, ..rain(6, 5) }));
    assert_eq!((stage.counts(activity, 0).as_str(), stage.opening(activity, 0)), ("0/0/2 of 6", 1));
    assert_eq!(stage.tap("ann", activity), "slot 1: 5 fen");
    stage.wait_ms(1_000);
    // One was left over, so the first opening never ended.
    assert_eq!((stage.counts(activity, 0).as_str(), stage.opening(activity, 0)), ("1/0/2 of 6", 1));
    let first = stage.claim(activity);
    assert_eq!(stage.ask("bob", first.clone()), "slot 1: 5 fen");
    assert_eq!(stage.ask("cyd", first.clone()), "slot 1: 5 fen");
    assert_eq!(stage.ask_as("dan", 1, first.clone()), "sold_out");
    stage.wait_ms(1_999);
    assert_eq!(stage.counts(activity, 0), "3/0/0 of 6");
    stage.wait_ms(1);
    assert_eq!((stage.counts(activity, 0).as_str(), stage.opening(activity, 0)), ("3/0/3 of 6", 2));
    assert_eq!(stage.ask_as("dan", 1, first), "sold_out", "for ever, even though there are shares again");
    assert_eq!(stage.tap("dan", activity), "slot 1: 5 fen", "the next wave is a new chance");
    stage.wait_ms(7_000);
    assert_eq!(stage.phase(activity), "settled");
    assert_eq!(stage.wallet("host"), 1_000_000 - 4 * 5);
    stage.audit();
}

pub fn added_shares_come_before_later_waves<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let mut stage = Stage::new(new(Bounds::default()));
    let waves = vec![WavePlan { after_ms: 0, shares: 1 }, WavePlan { after_ms: 5_000, shares: 1 }];
    let activity = stage.open(plan(RainPlan { waves, share_max: fen(1_000), ..rain(2, 5) }));
    assert_eq!(stage.tap("ann", activity), "slot 1: 5 fen");
    assert_eq!(stage.tap("bob", activity), "sold_out");
    assert_eq!(stage.amend(activity, Amendment { budget: fen(70), shares: 1, ..Amendment::default() }), "amendment 1");
    assert_eq!(stage.tap("bob", activity), "slot 1: 70 fen");
    assert_eq!(stage.tap("cyd", activity), "sold_out");
    stage.wait_ms(5_000);
    assert_eq!(stage.tap("cyd", activity), "slot 1: 5 fen");
    stage.audit();
}

pub fn coupons_among_the_shares<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let mut stage = Stage::new(new(Bounds::default()));
    let bonus = |coupon: &str, shares| BonusPlan { coupon: coupon.to_owned(), shares };
    let wave = vec![WavePlan { after_ms: 0, shares: 6 }];
    let kinds = RainPlan { bonus: vec![bonus("tea", 2), bonus("silk", 1)], waves: wave, ..rain(3, 5) };
    let activity = stage.open(plan(kinds));
    let mut got: Vec<_> = (0..6).map(|n| stage.tap(&format!("u{n}"), activity)).collect();
    got.sort();
    assert_eq!(got, ["slot 1: 5 fen", "slot 1: 5 fen", "slot 1: 5 fen", "slot 1: silk", "slot 1: tea", "slot 1: tea"]);
    stage.wait_ms(10_000);
    assert_eq!(stage.wallet("host"), 1_000_000 - 15);
    stage.audit();
}

pub fn random_shares_add_up<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    for (budget, shares, min, max) in [(100, 1, 1, 100), (100, 100, 1, 1), (7_777, 13, 5, 4_000), (990, 10, 1, 100)] {
        let mut stage = Stage::new(new(Bounds::default()));
        let bounds = RainPlan { share_min: fen(min), share_max: fen(max), budget: fen(budget), ..rain(shares, 1) };
        let activity = stage.open(plan(RainPlan { split: Split::Random, ..bounds }));
        for n in 0..shares {
            let who = format!("u{n}");
            stage.tap(&who, activity);
            assert!((min..=max).contains(&stage.wallet(&who)));
        }
        assert_eq!(stage.balance(Account::Escrow(activity)), 0, "all of the budget is given");
        stage.audit();
    }
}

pub fn the_token_opens<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let mut stage = Stage::new(new(Bounds::default()));
    let activity = stage.draft(plan(rain(2, 5)));
    let guess = |token, opening| Ask::Claim { activity, token, opening };
    assert_eq!(stage.ask("bot", guess(1, 1)), "not_open");
    stage.step(activity, Step::Schedule);
    stage.step(activity, Step::WarmUp);
    assert_eq!(stage.view(activity).token, None, "nobody sees it before it opens");
    assert_eq!(stage.ask_as("bot", 9, guess(1, 1)), "not_open");
    stage.step(activity, Step::Open);
    let token = stage.view(activity).token.unwrap();
    assert_eq!(stage.ask_as("bot", 9, guess(1, 1)), "not_open", "the same request, the same answer");
    assert_eq!(stage.ask("bot", guess(token ^ 1, 1)), "not_open");
    assert_eq!(stage.ask("bot", guess(token, 0)), "not done: invalid");
    assert_eq!(stage.ask("bot", guess(token, 2)), "not done: invalid");
    assert_eq!(stage.ask("bot", guess(token, 1)), "slot 1: 5 fen");
    stage.audit();
}

pub fn the_result<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let mut stage = Stage::new(new(Bounds::default()));
    let activity = stage.open(plan(RainPlan { split: Split::Random, grants_per_user: 2, ..rain(9, 50) }));
    let summary = |stage: &Stage<K>| match stage.view(activity).kind {
        Some(KindView::Rain { summary, .. }) => summary,
        other => panic!("{other:?}"),
    };
    let mut shares = Vec::new();
    for who in ["ann", "bob", "ann", "cyd"] {
        let before = stage.wallet(who);
        stage.tap(who, activity);
        shares.push((stage.wallet(who) - before, who));
    }
    assert_eq!(summary(&stage), None, "not while it rains");
    stage.step(activity, Step::Close);
    let summary = summary(&stage).unwrap();
    let total: i64 = shares.iter().map(|(share, _)| share).sum();
    assert_eq!((summary.winners, summary.grants, summary.total), (3, 4, fen(total)));
    let (luckiest, share) = summary.luckiest.unwrap();
    let (largest, first) = shares.iter().rev().max_by_key(|(share, _)| share).unwrap();
    assert_eq!((luckiest.as_str(), share.get()), (*first, *largest));
    stage.audit();
}

pub fn day_limit<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let mut stage = Stage::new(new(Bounds::default()));
    let limits = Limits { per_room_day: Some(2), win_cap: None };
    let rains: Vec<_> = (0..3).map(|_| stage.open(Plan { limits, ..plan(rain(9, 5)) })).collect();
    assert_eq!(stage.tap("ann", rains[0]), "slot 1: 5 fen");
    assert_eq!(stage.tap("ann", rains[1]), "slot 1: 5 fen");
    let third = stage.claim(rains[2]);
    assert_eq!(stage.ask_as("ann", 1, third.clone()), "room_day_limit 2/2");
    assert_eq!(stage.tap("bob", rains[2]), "slot 1: 5 fen");
    // The next day there is another rain, and the old refusal is still what it was.
    stage.wait_ms(86_400_000);
    let tomorrow = stage.open(Plan { limits, ..plan(rain(9, 5)) });
    assert_eq!(stage.tap("ann", tomorrow), "slot 1: 5 fen");
    assert_eq!(stage.ask_as("ann", 1, third), "room_day_limit 2/2");
    stage.audit();
}

pub fn win_cap<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let mut stage = Stage::new(new(Bounds::default()));
    let limits = Limits { per_room_day: None, win_cap: Some(WinCap { wins: 1, window_ms: 60_000 }) };
    let capped = |stage: &mut Stage<K>| stage.open(Plan { limits, ..plan(rain(9, 5)) });
    let first = capped(&mut stage);
    assert_eq!(stage.tap("ann", first), "slot 1: 5 fen");
    stage.wait_ms(59_999);
    let second = capped(&mut stage);
    let claim = stage.claim(second);
    assert_eq!(stage.ask_as("ann", 1, claim.clone()), "win_cap 1/1");
    stage.wait_ms(1);
    assert_eq!(stage.ask_as("ann", 1, claim), "win_cap 1/1", "the same request, the same answer");
    assert_eq!(stage.tap("ann", second), "slot 1: 5 fen", "another request, a minute later");
    // Wins are forgotten with their activities: a limit must not promise more.
    let cap = |window_ms| Limits { per_room_day: None, win_cap: Some(WinCap { wins: 1, window_ms }) };
    let retention_ms = Bounds::default().retention_ms;
    for (limits, want) in [(cap(retention_ms + 1), "not done: invalid"), (cap(retention_ms), "drafted 3")] {
        let plan = Box::new(Plan { limits, ..plan(rain(9, 5)) });
        assert_eq!(stage.ask("host", Ask::Draft { plan, seed: Seed([1; 32]) }), want, "{limits:?}");
    }
    stage.audit();
}
