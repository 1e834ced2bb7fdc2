//! Plans: each parameter's bounds, a row each; and what rains and sales follow from them.

use super::*;

fn fen(amount: i64) -> Fen {
    Fen::new(amount).unwrap()
}

fn user(name: &str) -> UserId {
    UserId::parse(name).unwrap()
}

fn rain() -> RainPlan {
    RainPlan {
        budget: fen(1_000),
        split: Split::Random,
        share_min: fen(1),
        share_max: fen(500),
        duration_ms: 30_000,
        grants_per_user: 1,
        waves: vec![WavePlan { after_ms: 0, shares: 10 }],
        bonus: Vec::new(),
    }
}

fn sku(id: u32) -> SkuPlan {
    SkuPlan {
        sku: SkuId(id),
        title: "tea".to_owned(),
        list_price: fen(200),
        sale_price: fen(100),
        stock: 10,
        per_user_limit: 2,
        quality_report: Some("QR".to_owned()),
        trace_certificate: Some("TC".to_owned()),
    }
}

fn sale() -> SalePlan {
    SalePlan { skus: vec![sku(1), sku(2)], duration_ms: 60_000, hold_ms: 300_000 }
}

/// A plan of `host`'s that asks nothing of anybody.
pub(crate) fn plan(kind: KindPlan) -> Plan {
    Plan {
        title: "t".to_owned(),
        sponsor: user("host"),
        schedule: Schedule::default(),
        limits: Limits::default(),
        kind,
        conditions: Conditions::default(),
        decoy: None,
    }
}

/// Ten seconds in which two may have five fen each.
pub(crate) fn a_small_rain() -> Plan {
    let waves = vec![WavePlan { after_ms: 0, shares: 2 }];
    let (budget, share_max) = (fen(10), fen(10));
    plan(KindPlan::Rain(RainPlan { budget, split: Split::Equal, share_max, duration_ms: 10_000, waves, ..rain() }))
}

/// The field that is found wrong, or "fine".
fn checked(plan: &Plan) -> &'static str {
    plan.check().err().map_or("fine", |error| error.field)
}

#[test]
fn plans_have_bounds() {
    type Change = fn(&mut Plan);
    let day = 86_400_000;
    fn early(tier: Tier, seconds: u32) -> Option<EarlyEntry> {
        Some(EarlyEntry { tier, seconds })
    }
    let rows: [(Change, &str); 20] = [
        (|_| {}, "fine"),
        (|p| p.schedule.early = early(Tier::Active, 1), "fine"),
        (|p| p.schedule.early = early(Tier::Core, 3_601), "early.seconds"),
        (|p| p.schedule.early = early(Tier::Core, 0), "early.seconds"),
        (|p| p.schedule.early = early(Tier::PasserBy, 9), "early.tier"),
        (|p| p.title = String::new(), "title"),
        (|p| p.title = "x".repeat(200), "fine"),
        (|p| p.title = "x".repeat(201), "title"),
        (|p| p.schedule.warm_up_ms = 86_400_001, "warm_up_ms"),
        (|p| p.schedule.warm_up_ms = u64::MAX, "warm_up_ms"),
        (|p| p.schedule.opens_at = Some(Time::from_ms(-1)), "opens_at_ms"),
        (|p| p.schedule.opens_at = Some(Time::from_ms(i64::MAX)), "opens_at_ms"),
        (|p| p.schedule.opens_at = Some(Time::MAX), "fine"),
        (|p| p.limits.per_room_day = Some(0), "limits.per_room_day"),
        (|p| p.limits.per_room_day = Some(1_001), "limits.per_room_day"),
        (|p| p.limits.per_room_day = Some(1_000), "fine"),
        (|p| p.limits.win_cap = Some(WinCap { wins: 0, window_ms: 1 }), "limits.win_cap.wins"),
        (|p| p.limits.win_cap = Some(WinCap { wins: 1, window_ms: 0 }), "limits.win_cap.window_ms"),
        (|p| p.limits.win_cap = Some(WinCap { wins: 1, window_ms: u64::MAX }), "limits.win_cap.window_ms"),
        (|p| p.limits.win_cap = Some(WinCap { wins: 1, window_ms: 1 }), "fine"),
    ];
    for (row, (change, want)) in rows.into_iter().enumerate() {
        let mut plan = plan(KindPlan::Rain(rain()));
        change(&mut plan);
        assert_eq!(checked(&plan), want, "row {row}");
    }
    let limits = Limits { per_room_day: Some(1), win_cap: None };
    let limited = Plan { limits, ..plan(KindPlan::Sale(sale())) };
    assert_eq!(checked(&limited), "limits", "a sale has no wins to count");
    assert_eq!(limits.looks_back_ms(), day);
}

#[test]
fn rains_have_bounds() {
    type Change = fn(&mut RainPlan);
    let wave = |after_ms, shares| WavePlan { after_ms, shares };
    let rows: [(Change, &str); 28] = [
        (|_| {}, "fine"),
        (|r| r.duration_ms = 4_999, "duration_ms"),
        (|r| r.duration_ms = 5_000, "fine"),
        (|r| r.duration_ms = 120_001, "duration_ms"),
        (|r| r.grants_per_user = 0, "grants_per_user"),
        (|r| r.grants_per_user = 99, "fine"),
        (|r| r.grants_per_user = 100, "grants_per_user"),
        (|r| r.waves.clear(), "waves"),
        (|r| r.waves[0].shares = 0, "waves"),
        (|r| r.waves[0].shares = u32::MAX, "waves"),
        (|r| r.waves[0].after_ms = 30_000, "waves"),
        (|r| r.waves.push(WavePlan { after_ms: 0, shares: 1 }), "waves"),
        (|r| r.waves = (0..21).map(|n| WavePlan { after_ms: n, shares: 1 }).collect(), "waves"),
        (|r| r.waves = (0..20).map(|n| WavePlan { after_ms: n, shares: 1 }).collect(), "fine"),
        // Together beyond counting, though each would do.
        (|r| r.waves = (0..3).map(|n| WavePlan { after_ms: n, shares: u32::MAX }).collect(), "waves"),
        (|r| r.budget = Fen::ZERO, "budget_fen"),
        (|r| r.budget = fen(9), "budget_fen"),
        (|r| r.budget = fen(10), "fine"),
        (|r| r.budget = fen(5_000), "fine"),
        (|r| r.budget = fen(5_001), "budget_fen"),
        (|r| r.share_min = Fen::ZERO, "share_min_fen"),
        (|r| r.share_max = Fen::ZERO, "share_max_fen"),
        (|r| (r.share_min, r.share_max) = (Fen::MAX, Fen::MAX), "budget_fen"),
        (|r| r.bonus.push(BonusPlan { coupon: String::new(), shares: 1 }), "bonus"),
        (|r| r.bonus.push(BonusPlan { coupon: "c".to_owned(), shares: 0 }), "bonus"),
        (|r| r.bonus.push(BonusPlan { coupon: "c".to_owned(), shares: 11 }), "bonus"),
        (|r| r.bonus = vec![BonusPlan { coupon: "c".to_owned(), shares: u32::MAX }; 2], "bonus"),
        (|r| r.bonus.push(BonusPlan { coupon: "c".to_owned(), shares: 8 }), "fine"),
    ];
    for (row, (change, want)) in rows.into_iter().enumerate() {
        let mut rain = rain();
        change(&mut rain);
        assert_eq!(checked(&plan(KindPlan::Rain(rain))), want, "row {row}");
    }
    // Only coupons: then there is nothing to split, and nothing may be left.
    let coupons = |budget| RainPlan {
        bonus: vec![BonusPlan { coupon: "c".to_owned(), shares: 10 }],
        budget: fen(budget),
        waves: vec![wave(0, 10)],
        ..rain()
    };
    assert_eq!(checked(&plan(KindPlan::Rain(coupons(0)))), "fine");
    assert_eq!(checked(&plan(KindPlan::Rain(coupons(1)))), "budget_fen");
}

#[test]
fn sales_have_bounds() {
    type Change = fn(&mut SalePlan);
    let rows: [(Change, &str); 22] = [
        (|_| {}, "fine"),
        (|s| s.duration_ms = 999, "duration_ms"),
        (|s| s.duration_ms = 86_400_001, "duration_ms"),
        (|s| s.hold_ms = 999, "hold_ms"),
        (|s| s.hold_ms = 3_600_001, "hold_ms"),
        (|s| s.skus.clear(), "skus"),
        (|s| s.skus = (0..51).map(sku).collect(), "skus"),
        (|s| s.skus = (0..50).map(sku).collect(), "fine"),
        (|s| s.skus[1].sku = SkuId(1), "skus.sku"),
        (|s| s.skus[0].title.clear(), "skus.title"),
        (|s| s.skus[0].title = "x".repeat(201), "skus.title"),
        (|s| s.skus[0].sale_price = Fen::ZERO, "skus.sale_price_fen"),
        (|s| s.skus[0].sale_price = fen(201), "skus.sale_price_fen"),
        (|s| s.skus[0].sale_price = fen(200), "fine"),
        (|s| s.skus[0].stock = 0, "skus.stock"),
        (|s| s.skus[0].stock = 10_000_001, "skus.stock"),
        (|s| s.skus[0].stock = 10_000_000, "fine"),
        (|s| s.skus[0].per_user_limit = 0, "skus.per_user_limit"),
        (|s| s.skus[0].per_user_limit = u32::MAX, "fine"),
        (|s| s.skus[0].quality_report = Some(String::new()), "skus.quality_report"),
        (|s| s.skus[0].trace_certificate = Some("x".repeat(201)), "skus.quality_report"),
        // A missing one is the review's business.
        (|s| s.skus[0].trace_certificate = None, "fine"),
    ];
    for (row, (change, want)) in rows.into_iter().enumerate() {
        let mut sale = sale();
        change(&mut sale);
        assert_eq!(checked(&plan(KindPlan::Sale(sale))), want, "row {row}");
    }
}

#[test]
fn a_seed_decides_every_share() {
    let shares = |seed: u8| {
        let plan = RainPlan { bonus: vec![BonusPlan { coupon: "c".to_owned(), shares: 3 }], ..rain() };
        let mut rain = Rain::open(&plan, &Seed([seed; 32]));
        rain.add(&plan, &Seed([seed; 32]), 1, fen(50), 5);
        (0..15).map(|share| rain.prize(&plan, share).unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(shares(1), shares(1));
    assert_ne!(shares(1), shares(2));
    let cash = |prizes: Vec<Prize>| -> i64 {
        prizes.iter().map(|prize| if let Prize::Cash(amount) = prize { amount.get() } else { 0 }).sum()
    };
    assert_eq!(cash(shares(3)), 1_050);
}

/// Whichever came first is the reason, and stays it.
#[test]
fn the_first_fact_that_made_a_claim_hopeless_is_its_reason() {
    let plan = RainPlan { waves: vec![WavePlan { after_ms: 0, shares: 2 }], split: Split::Equal, ..rain() };
    let code = |rain: &Rain, who: &str, ended| {
        rain.giveaway.claim(1, &user(who), 1, ended).map_or_else(|refusal| refusal.code.word(), |_| "granted")
    };
    let mut rain = Rain::open(&plan, &Seed([1; 32]));
    rain.release_wave(&plan);
    assert_eq!(code(&rain, "ann", None), "granted");
    rain.give(user("ann"), Time::from_ms(1), 10);
    assert_eq!((code(&rain, "ann", None), code(&rain, "bob", None)), ("limit_reached", "granted"));
    assert_eq!((code(&rain, "ann", Some(11)), code(&rain, "bob", Some(11))), ("limit_reached", "closed"));
    rain.give(user("bob"), Time::from_ms(2), 12);
    for ended in [None, Some(20)] {
        let said = ["ann", "bob", "cyd"].map(|who| code(&rain, who, ended));
        assert_eq!(said, ["limit_reached", "sold_out", "sold_out"]);
    }
}

#[test]
fn deadlines_follow_the_phases() {
    let at = Time::from_ms;
    let schedule = Schedule { opens_at: Some(at(100_000)), warm_up_ms: 10_000, early: None };
    let waves = vec![WavePlan { after_ms: 0, shares: 5 }, WavePlan { after_ms: 7_000, shares: 5 }];
    let kind = KindPlan::Rain(RainPlan { waves, ..rain() });
    let (id, room) = (ActivityId(1), RoomId::parse("r").unwrap());
    let mut activity = Activity::draft(id, room, Plan { schedule, ..plan(kind.clone()) }, Seed([1; 32]));
    assert_eq!(activity.deadline(), None, "a draft waits for its host");
    for (phase, want) in [
        (Phase::Review, None),
        (Phase::Scheduled, Some(at(90_000))),
        (Phase::WarmUp, Some(at(100_000))),
        (Phase::Settled, None),
        (Phase::Cancelled, None),
    ] {
        activity.phase = phase;
        assert_eq!(activity.deadline(), want, "{phase}");
    }
    let KindPlan::Rain(plan) = &kind else { unreachable!() };
    let mut rain = Rain::open(plan, &activity.seed);
    rain.release_wave(plan);
    (activity.phase, activity.kind, activity.closes_at) = (Phase::Open, Some(Kind::Rain(rain)), Some(at(130_000)));
    assert_eq!(activity.deadline(), Some(at(107_000)), "the next wave");
    if let Some(Kind::Rain(rain)) = &mut activity.kind {
        rain.release_wave(plan);
    }
    assert_eq!(activity.deadline(), Some(at(130_000)), "the end");
    activity.phase = Phase::Scheduled;
    let early = |seconds| Schedule { early: Some(EarlyEntry { tier: Tier::Core, seconds }), ..schedule };
    for (seconds, first, warm_up) in [(1, 99_000, 89_000), (60, 40_000, 30_000)] {
        let plan = Plan { schedule: early(seconds), ..activity.plan.clone() };
        let mut sooner = Activity { phase: Phase::Scheduled, ..Activity::draft(id, room, plan, Seed([1; 32])) };
        assert_eq!((sooner.first_opening(), sooner.deadline()), (Some(at(first)), Some(at(warm_up))));
        sooner.open(at(first + 1), false);
        sooner.phase = Phase::Open;
        assert_eq!((sooner.deadline(), sooner.closes_at), (Some(at(100_000)), Some(at(130_000))), "{seconds} s early");
        sooner.open(at(200_000), false);
        assert_eq!((sooner.only_early, sooner.deadline()), (false, Some(at(230_000))), "nobody waits for what is late");
        sooner.open(at(200_000), true);
        assert_eq!(
            sooner.opens_at,
            Some(at(200_000 + i64::from(seconds) * 1_000)),
            "a host's hand keeps the head start"
        );
    }
    (activity.phase, activity.closes_at) = (Phase::Closed, Some(at(120_000)));
    assert_eq!(activity.deadline(), Some(at(120_000)), "settled at once");
}
