//! The life of an activity.

use liveroom::rules::*;
use liveroom::store::Bounds;

use crate::stage::{START, Stage, Subject, fen, plan, rain, sale};

pub fn by_hand<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let mut stage = Stage::new(new(Bounds::default()));
    let activity = stage.draft(plan(rain(2, 5)));
    assert_eq!(stage.phase(activity), "draft");
    for (step, want) in [
        (Step::Schedule, "scheduled"),
        (Step::WarmUp, "warm_up"),
        (Step::Open, "open"),
        (Step::Close, "closed"),
        // Only the timer settles.
        (Step::Settle, "not done: wrong_phase"),
    ] {
        assert_eq!(stage.step(activity, step), want, "{step:?}");
    }
    stage.wait_ms(0);
    assert_eq!(stage.phase(activity), "settled");
    stage.audit();
}

pub fn by_the_clock<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let mut stage = Stage::new(new(Bounds::default()));
    let schedule = Schedule { opens_at: Some(START.after_ms(60_000)), warm_up_ms: 20_000, early: None };
    let activity = stage.draft(Plan { schedule, ..plan(rain(2, 5)) });
    stage.step(activity, Step::Schedule);
    for (wait_ms, want) in [
        (39_999, "scheduled"),
        (1, "warm_up"),
        (19_999, "warm_up"),
        (1, "open"),
        (9_999, "open"),
        // Nobody holds anything, so it is settled as soon as it is closed.
        (1, "settled"),
    ] {
        stage.wait_ms(wait_ms);
        assert_eq!(stage.phase(activity), want, "{wait_ms} ms later");
    }
    stage.audit();
}

pub fn the_countdown_may_be_skipped<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let mut stage = Stage::new(new(Bounds::default()));
    let schedule = Schedule { opens_at: Some(START.before_ms(1)), warm_up_ms: 20_000, early: None };
    let late = stage.draft(Plan { schedule, ..plan(rain(2, 5)) });
    stage.step(late, Step::Schedule);
    stage.wait_ms(0);
    assert_eq!(stage.phase(late), "open", "its time has passed already");

    let schedule = Schedule { opens_at: Some(START.after_ms(60_000)), warm_up_ms: 20_000, early: None };
    let early = stage.draft(Plan { schedule, ..plan(rain(2, 5)) });
    stage.step(early, Step::Schedule);
    assert_eq!(stage.step(early, Step::Open), "open", "the host may be earlier than planned");
    stage.wait_ms(10_000);
    assert_eq!(stage.phase(early), "settled", "it rains for as long as planned, from the opening on");
    stage.audit();
}

pub fn closing_by_hand<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let mut stage = Stage::new(new(Bounds::default()));
    let activity = stage.open(plan(rain(2, 5)));
    assert_eq!(stage.tap("ann", activity), "slot 1: 5 fen");
    assert_eq!(stage.step(activity, Step::Close), "closed");
    assert_eq!(stage.tap("bob", activity), "closed");
    stage.wait_ms(0);
    assert_eq!(stage.phase(activity), "settled");
    assert_eq!(stage.tap("cyd", activity), "closed");
    stage.audit();
}

pub fn steps_that_may_not_be<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let mut stage = Stage::new(new(Bounds::default()));
    let activity = stage.draft(plan(rain(2, 5)));
    let wrong = "not done: wrong_phase";
    for (step, want) in [
        (Step::Open, wrong),
        (Step::WarmUp, wrong),
        (Step::Close, wrong),
        (Step::Reject, wrong),
        (Step::Schedule, "scheduled"),
        (Step::Schedule, wrong),
        (Step::Close, wrong),
        (Step::Open, "open"),
        (Step::Open, wrong),
        (Step::WarmUp, wrong),
        (Step::Schedule, wrong),
        (Step::Cancel, "cancelled"),
        (Step::Cancel, wrong),
        (Step::Open, wrong),
        (Step::Close, wrong),
    ] {
        assert_eq!(stage.step(activity, step), want, "{step:?}");
    }
    stage.audit();
}

pub fn review_names_what_is_missing<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let mut stage = Stage::new(new(Bounds::default()));
    let mut bare = sale(&[(1, 100, 1), (1, 100, 1)]);
    bare.skus[0].quality_report = None;
    bare.skus[1].trace_certificate = None;
    let activity = stage.draft(plan(bare));
    for _ in 0..2 {
        assert_eq!(stage.step(activity, Step::Schedule), "review");
        let reasons = stage.view(activity).reasons;
        assert_eq!(reasons, ["item 1 names no quality report", "item 2 names no traceability certificate"]);
    }
    assert_eq!(stage.step(activity, Step::Open), "not done: wrong_phase");
    assert_eq!(stage.step(activity, Step::Cancel), "cancelled");
    stage.audit();
}

pub fn cancelled_at_every_phase<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let path = [Step::Schedule, Step::WarmUp, Step::Open, Step::Close];
    for steps in 0..=path.len() {
        let mut stage = Stage::new(new(Bounds::default()));
        let activity = stage.draft(plan(rain(4, 5)));
        for step in &path[..steps] {
            stage.step(activity, *step);
        }
        let given = stage.wallet("ann");
        assert_eq!(stage.step(activity, Step::Cancel), "cancelled");
        assert_eq!(stage.wallet("host"), 1_000_000 - given, "everything comes back");
        assert_eq!(stage.balance(Account::Escrow(activity)), 0);
        assert_eq!(stage.view(activity).unspent, Fen::ZERO);
        stage.wait_ms(3_600_000);
        assert_eq!(stage.phase(activity), "cancelled");
        stage.audit();
    }
}

/// The server's clock may be set back: what was decided stays before what comes.
pub fn a_clock_that_goes_back<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let mut stage = Stage::new(new(Bounds::default()));
    let schedule = Schedule { opens_at: Some(START.after_ms(60_000)), warm_up_ms: 0, early: None };
    let activity = stage.draft(Plan { schedule, ..plan(rain(2, 5)) });
    stage.step(activity, Step::Schedule);
    stage.now = START.before_ms(3_600_000);
    let mut due = Vec::new();
    stage.keeper.due(stage.now, 10, &mut due);
    assert!(due.is_empty(), "an hour back, nothing opens early");
    assert_eq!(stage.top_up("ann", 1), "holds 1");
    assert!(stage.events.iter().all(|event| event.at >= START));
    stage.now = START;
    stage.wait_ms(60_000);
    assert_eq!(stage.phase(activity), "open");
    stage.audit();
}

pub fn old_activities_leave<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let mut stage = Stage::new(new(Bounds { retention_ms: 100_000, ..Bounds::default() }));
    let shower = stage.open(plan(rain(1, 5)));
    let shop = stage.open(plan(sale(&[(5, 100, 5)])));
    let claim = stage.claim(shower);
    assert_eq!(stage.ask_as("ann", 1, claim.clone()), "slot 1: 5 fen");
    let cart = stage.cart(shop, &[(1, 2)]);
    assert_eq!(stage.ask_as("bob", 1, cart.clone()), "order 1: 200 fen");
    assert_eq!(stage.pay(1, 200), "sold");
    stage.step(shower, Step::Close);
    stage.step(shop, Step::Close);
    stage.wait_ms(99_999);
    assert_eq!(stage.ask_as("ann", 1, claim.clone()), "slot 1: 5 fen");
    assert_eq!(stage.ask_as("bob", 1, cart.clone()), "order 1: 200 fen");
    stage.wait_ms(1);
    assert_eq!(stage.ask_as("ann", 1, claim), "not done: unknown_activity");
    assert_eq!(stage.ask_as("bob", 1, cart), "not done: unknown_activity");
    assert_eq!(stage.pay(1, 200), "not done: unknown_order");
    assert_eq!((stage.wallet("ann"), stage.wallet("host")), (5, 999_995), "the money stays where it went");
    assert_eq!(stage.keeper.next_due(), None);
    stage.audit();
}

/// Orders of a cancelled sale end like all others, however soon old activities leave.
pub fn a_cancelled_sale_waits_for_its_orders<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let mut stage = Stage::new(new(Bounds { retention_ms: 1_000, ..Bounds::default() }));
    let shop = stage.open(plan(SalePlan { hold_ms: 5_000, ..sale(&[(5, 100, 5)]) }));
    assert_eq!(stage.buy("ann", shop, 1, 1), "order 1: 100 fen");
    assert_eq!(stage.buy("bob", shop, 1, 1), "order 2: 100 fen");
    assert_eq!(stage.step(shop, Step::Cancel), "cancelled");
    stage.wait_ms(4_000);
    assert_eq!(stage.pay(1, 100), "sold", "what was promised is kept");
    assert_eq!(stage.order_phase(2), OrderPhase::Reserved);
    stage.wait_ms(999);
    assert_eq!(stage.order_phase(2), OrderPhase::Reserved);
    stage.wait_ms(1);
    assert_eq!(stage.pay(2, fen(100).get()), "not done: unknown_order", "released, and archived with its sale");
    stage.audit();
}
