//! Changes while open (追加库存、延长活动).

use liveroom::rules::*;
use liveroom::store::Bounds;

use crate::stage::{Stage, Subject, fen, plan, rain, sale};

fn stock(changes: &[(u32, i32)]) -> Amendment {
    Amendment { stock: changes.iter().map(|(sku, units)| (SkuId(*sku), *units)).collect(), ..Amendment::default() }
}

fn cash(budget: i64, shares: u32) -> Amendment {
    Amendment { budget: fen(budget), shares, ..Amendment::default() }
}

pub fn more_stock<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let mut stage = Stage::new(new(Bounds::default()));
    let shop = stage.open(plan(sale(&[(1, 100, 9), (1, 100, 9)])));
    stage.buy("ann", shop, 1, 1);
    let gone = stage.cart(shop, &[(1, 1)]);
    assert_eq!(stage.ask_as("bob", 1, gone.clone()), "sold_out");
    assert_eq!(stage.amend(shop, stock(&[(1, 2), (2, 1)])), "amendment 1");
    assert_eq!([1, 2].map(|sku| stage.counts(shop, sku)), ["0/1/2 of 3", "0/0/2 of 2"]);
    assert_eq!([1, 2].map(|sku| stage.opening(shop, sku)), [2, 1], "only what was sold out opens again");
    assert_eq!(stage.ask_as("bob", 1, gone), "sold_out");
    assert_eq!(stage.buy("bob", shop, 1, 2), "order 2: 200 fen");
    assert_eq!(stage.amend(shop, stock(&[(1, 1)])), "amendment 2");
    assert_eq!(stage.view(shop).amendment, 2);
    stage.audit();
}

pub fn less_stock<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let mut stage = Stage::new(new(Bounds::default()));
    let shop = stage.open(plan(sale(&[(5, 100, 9)])));
    stage.buy("ann", shop, 1, 2);
    assert_eq!(stage.amend(shop, stock(&[(1, -4)])), "not done: invalid", "only what nobody has");
    assert_eq!(stage.amend(shop, stock(&[(1, -3)])), "amendment 1");
    assert_eq!(stage.counts(shop, 1), "0/2/0 of 2");
    assert_eq!(stage.buy("bob", shop, 1, 1), "sold_out");
    stage.wait_ms(10_000);
    assert_eq!(stage.counts(shop, 1), "0/0/2 of 2");
    assert_eq!(stage.buy("bob", shop, 1, 2), "order 2: 200 fen");
    stage.audit();
}

pub fn more_budget<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let mut stage = Stage::new(new(Bounds::default()));
    let activity = stage.open(plan(rain(1, 5)));
    assert_eq!(stage.tap("ann", activity), "slot 1: 5 fen");
    assert_eq!(stage.amend(activity, cash(100, 10)), "amendment 1");
    assert_eq!(stage.balance(Account::Escrow(activity)), 100);
    assert_eq!(stage.counts(activity, 0), "1/0/10 of 11");
    assert_eq!(stage.tap("bob", activity), "slot 1: 10 fen");
    stage.wait_ms(10_000);
    assert_eq!(stage.wallet("host"), 1_000_000 - 15);
    stage.audit();
}

pub fn longer<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let mut stage = Stage::new(new(Bounds::default()));
    let activity = stage.open(plan(rain(2, 5)));
    stage.wait_ms(9_999);
    assert_eq!(stage.amend(activity, Amendment { extend_ms: 5_000, ..Amendment::default() }), "amendment 1");
    stage.wait_ms(5_000);
    assert_eq!(stage.tap("ann", activity), "slot 1: 5 fen");
    stage.wait_ms(1);
    assert_eq!(stage.phase(activity), "settled");
    stage.audit();
}

pub fn refused<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let mut stage = Stage::new(new(Bounds::default()));
    let shop = stage.open(plan(sale(&[(5, 100, 9)])));
    let shower = stage.open(plan(rain(2, 5)));
    let both = Amendment { shares: 1, ..stock(&[(1, 1)]) };
    for (activity, amendment, want) in [
        (shop, Amendment::default(), "not done: invalid"),
        (shop, stock(&[(1, 0)]), "not done: invalid"),
        (shop, stock(&[(1, 1), (1, 1)]), "not done: invalid"),
        (shop, stock(&[(2, 1)]), "not done: unknown_sku"),
        (shop, stock(&[(1, -6)]), "not done: invalid"),
        (shop, stock(&[(1, i32::MIN)]), "not done: invalid"),
        (shop, stock(&[(1, i32::MAX)]), "not done: invalid"),
        (shop, stock(&[(1, 9_999_996)]), "not done: invalid"),
        (shop, cash(5, 1), "not done: invalid"),
        (shop, both, "not done: invalid"),
        (shop, Amendment { extend_ms: 86_400_001, ..Amendment::default() }, "not done: invalid"),
        (shower, Amendment::default(), "not done: invalid"),
        (shower, stock(&[(1, 1)]), "not done: invalid"),
        // More shares than fen, cash without shares, shares beyond their maximum, shares beyond counting.
        (shower, cash(4, 5), "not done: invalid"),
        (shower, cash(4, 0), "not done: invalid"),
        (shower, cash(51, 1), "not done: invalid"),
        (shower, cash(10_000_000_000_000, u32::MAX), "not done: invalid"),
        (shower, cash(10_000_000, 9_999_999), "not done: invalid"),
        (shower, cash(1_000_000, 200_000), "not done: insufficient_funds"),
    ] {
        assert_eq!(stage.amend(activity, amendment.clone()), want, "{amendment:?}");
    }
    let events = stage.events.len();
    stage.step(shop, Step::Close);
    assert_eq!(stage.amend(shop, stock(&[(1, 1)])), "not done: wrong_phase");
    let draft = stage.draft(plan(rain(2, 5)));
    assert_eq!(stage.amend(draft, cash(5, 1)), "not done: wrong_phase");
    assert_eq!(stage.events.len(), events + 2, "what is refused leaves nothing");
    assert_eq!((stage.view(shop).amendment, stage.view(shower).amendment), (0, 0));
    stage.audit();
}
