//! Money: double entry, nothing overdrawn, nothing left behind.

use liveroom::rules::*;
use liveroom::store::Bounds;

use crate::stage::{Stage, Subject, fen, plan, rain, room, sale};

pub fn funding_comes_and_goes<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let mut stage = Stage::new(new(Bounds::default()));
    let activity = stage.draft(plan(rain(100, 5)));
    let at = |stage: &Stage<K>| (stage.wallet("host"), stage.balance(Account::Escrow(activity)), stage.wallet("ann"));
    assert_eq!(at(&stage), (1_000_000, 0, 0), "a draft costs nothing");
    stage.step(activity, Step::Schedule);
    assert_eq!(at(&stage), (999_500, 500, 0), "paid in before it opens");
    stage.step(activity, Step::Open);
    stage.tap("ann", activity);
    assert_eq!(at(&stage), (999_500, 495, 5), "credited with the grant");
    stage.step(activity, Step::Close);
    assert_eq!(at(&stage), (999_500, 495, 5));
    stage.wait_ms(0);
    assert_eq!(at(&stage), (999_995, 0, 5), "what nobody claimed goes back");
    assert_eq!(stage.balance(Account::Outside), -1_000_000);
    stage.audit();
}

pub fn no_money_no_rain<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let mut stage = Stage::new(new(Bounds::default()));
    let poor = Plan { sponsor: crate::stage::user("poor"), ..plan(rain(100, 5)) };
    let activity = stage.draft(poor);
    assert_eq!(stage.step(activity, Step::Schedule), "not done: insufficient_funds");
    assert_eq!(stage.phase(activity), "draft");
    stage.top_up("poor", 499);
    assert_eq!(stage.step(activity, Step::Schedule), "not done: insufficient_funds");
    stage.top_up("poor", 1);
    assert_eq!(stage.step(activity, Step::Schedule), "scheduled");
    assert_eq!(stage.wallet("poor"), 0);
    stage.step(activity, Step::Open);
    let more = Amendment { budget: fen(5), shares: 1, ..Amendment::default() };
    assert_eq!(stage.amend(activity, more.clone()), "not done: insufficient_funds");
    stage.top_up("poor", 5);
    assert_eq!(stage.amend(activity, more), "amendment 1");
    stage.audit();
}

pub fn refunds_and_proceeds<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let mut stage = Stage::new(new(Bounds::default()));
    let shop = stage.open(plan(sale(&[(2, 100, 2)])));
    stage.buy("ann", shop, 1, 2);
    assert_eq!(stage.pay(1, 200), "sold");
    assert_eq!(stage.pay(1, 200), "refund due");
    let held = |of| stage.balance(of);
    assert_eq!(
        (held(Account::Outside), held(Account::Proceeds(room())), held(Account::RefundsDue(room()))),
        (-1_000_400, 200, 200)
    );
    stage.audit();
}

pub fn wallets_are_bounded<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let mut stage = Stage::new(new(Bounds::default()));
    for (amount, want) in [
        (0, "not done: invalid"),
        (-1, "not done: invalid"),
        (i64::MIN, "not done: invalid"),
        (i64::MAX, "not done: invalid"),
        ((1 << 53) + 1, "not done: invalid"),
        (10_000_000_000_001, "not done: invalid"),
        (10_000_000_000_000, "holds 10000000000000"),
        (1, "holds 10000000000001"),
    ] {
        assert_eq!(stage.top_up("ann", amount), want, "{amount}");
    }
    stage.audit();
}
