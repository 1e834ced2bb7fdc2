//! Flash sale 限时秒杀.

use liveroom::rules::*;
use liveroom::store::{Ask, Bounds, Query, Reply};

use crate::stage::{Stage, Subject, fen, plan, room, sale};

pub fn held_then_paid<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let mut stage = Stage::new(new(Bounds::default()));
    let shop = stage.open(plan(sale(&[(5, 100, 3)])));
    assert_eq!(stage.buy("ann", shop, 1, 2), "order 1: 200 fen");
    assert_eq!(stage.counts(shop, 1), "0/2/3 of 5");
    stage.wait_ms(9_999);
    assert_eq!(stage.pay(1, 200), "sold");
    assert_eq!(stage.counts(shop, 1), "2/0/3 of 5");
    assert_eq!(stage.balance(Account::Proceeds(room())), 200);
    stage.wait_ms(60_000);
    assert_eq!(stage.order_phase(1), OrderPhase::Paid);
    assert_eq!(stage.phase(shop), "settled");
    assert_eq!(stage.release("ann", 1), "order_paid");
    stage.audit();
}

pub fn held_then_expired<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let mut stage = Stage::new(new(Bounds::default()));
    let shop = stage.open(plan(sale(&[(1, 100, 1)])));
    assert_eq!(stage.buy("ann", shop, 1, 1), "order 1: 100 fen");
    let seen = stage.cart(shop, &[(1, 1)]);
    assert_eq!(stage.ask_as("bob", 1, seen.clone()), "sold_out");
    stage.wait_ms(9_999);
    assert_eq!(stage.counts(shop, 1), "0/1/0 of 1");
    stage.wait_ms(1);
    assert_eq!((stage.counts(shop, 1).as_str(), stage.opening(shop, 1)), ("0/0/1 of 1", 2));
    assert_eq!(stage.order_phase(1), OrderPhase::Released);
    assert_eq!(stage.ask_as("bob", 1, seen), "sold_out", "of that opening, for ever");
    assert_eq!(stage.buy("bob", shop, 1, 1), "order 2: 100 fen");
    assert_eq!(stage.release("ann", 1), "order_released");
    stage.audit();
}

pub fn given_up<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let mut stage = Stage::new(new(Bounds::default()));
    let shop = stage.open(plan(sale(&[(3, 100, 2)])));
    assert_eq!(stage.buy("ann", shop, 1, 2), "order 1: 200 fen");
    assert_eq!(stage.buy("ann", shop, 1, 1), "limit_reached 2/2");
    assert_eq!(stage.release("ann", 1), "order 1 released");
    assert_eq!(stage.counts(shop, 1), "0/0/3 of 3");
    assert_eq!(stage.release("ann", 1), "order_released");
    // What was given up no longer counts.
    assert_eq!(stage.buy("ann", shop, 1, 1), "order 2: 100 fen");
    stage.audit();
}

pub fn all_of_a_cart_or_none<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let mut stage = Stage::new(new(Bounds::default()));
    let shop = stage.open(plan(sale(&[(5, 100, 5), (1, 30, 5), (9, 7, 2)])));
    let cart = stage.cart(shop, &[(1, 2), (2, 1), (3, 2)]);
    assert_eq!(stage.ask("ann", cart.clone()), "order 1: 244 fen");
    for (lines, want) in [
        (&[(1, 1), (2, 1)][..], "sold_out"),
        (&[(1, 4)], "insufficient_stock 3/4"),
        (&[(1, 3), (3, 3)], "limit_reached 0/2"),
        (&[(1, 3), (3, 2)], "order 2: 314 fen"),
    ] {
        let cart = stage.cart(shop, lines);
        assert_eq!(stage.ask("bob", cart), want, "{lines:?}");
    }
    assert_eq!([1, 2, 3].map(|sku| stage.counts(shop, sku)), ["0/5/0 of 5", "0/1/0 of 1", "0/4/5 of 9"]);
    assert_eq!(stage.release("bob", 2), "order 2 released");
    assert_eq!([1, 2, 3].map(|sku| stage.counts(shop, sku)), ["0/2/3 of 5", "0/1/0 of 1", "0/2/7 of 9"]);
    stage.audit();
}

pub fn per_user_limits<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let mut stage = Stage::new(new(Bounds::default()));
    let shop = stage.open(plan(sale(&[(9, 100, 3)])));
    for (quantity, want) in [
        (4, "limit_reached 0/3"),
        (2, "order 1: 200 fen"),
        (2, "limit_reached 2/3"),
        (1, "order 2: 100 fen"),
        (1, "limit_reached 3/3"),
    ] {
        assert_eq!(stage.buy("ann", shop, 1, quantity), want, "{quantity}");
    }
    assert_eq!(stage.pay(1, 200), "sold");
    stage.wait_ms(10_000);
    // Order 2 was not paid; order 1 counts for ever.
    assert_eq!(stage.buy("ann", shop, 1, 2), "limit_reached 2/3");
    assert_eq!(stage.buy("ann", shop, 1, 1), "order 3: 100 fen");
    stage.audit();
}

pub fn too_few_left<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let mut stage = Stage::new(new(Bounds::default()));
    let shop = stage.open(plan(sale(&[(3, 100, 9)])));
    let four = stage.cart(shop, &[(1, 4)]);
    assert_eq!(stage.ask_as("ann", 1, four.clone()), "insufficient_stock 3/4");
    assert_eq!(stage.amend(shop, Amendment { stock: vec![(SkuId(1), 5)], ..Amendment::default() }), "amendment 1");
    assert_eq!(stage.ask_as("ann", 1, four.clone()), "insufficient_stock 3/4", "decided is decided");
    assert_eq!(stage.ask_as("ann", 2, four), "order 1: 400 fen", "a new request is a new decision");
    stage.audit();
}

pub fn late_payment<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let mut stage = Stage::new(new(Bounds::default()));
    let shop = stage.open(plan(sale(&[(2, 100, 2)])));
    assert_eq!(stage.buy("ann", shop, 1, 1), "order 1: 100 fen");
    assert_eq!(stage.buy("bob", shop, 1, 1), "order 2: 100 fen");
    stage.wait_ms(10_000);
    assert_eq!(stage.pay(1, 100), "sold late", "there is stock again");
    assert_eq!(stage.counts(shop, 1), "1/0/1 of 2");
    assert_eq!(stage.buy("cyd", shop, 1, 1), "order 3: 100 fen");
    assert_eq!(stage.pay(2, 100), "refund due", "there is none");
    assert_eq!(stage.pay(1, 100), "refund due", "it was paid before");
    assert_eq!(stage.pay(1, 100), "refund due", "nor was the second the last");
    assert_eq!(stage.balance(Account::Proceeds(room())), 100);
    assert_eq!(stage.balance(Account::RefundsDue(room())), 300);
    // Their buyers are told, whatever became of the orders; what was answered stays.
    let told = |stage: &Stage<K>, order| match stage.keeper.ask(&Query::Order { order: OrderId(order) }) {
        Reply::Order { order, .. } => (order.phase, order.refund_due.get()),
        other => panic!("{other:?}"),
    };
    assert_eq!(
        [1, 2, 3].map(|order| told(&stage, order)),
        [(OrderPhase::Paid, 200), (OrderPhase::Released, 100), (OrderPhase::Reserved, 0)]
    );
    stage.wait_ms(10_000);
    stage.step(shop, Step::Close);
    assert_eq!(stage.pay(3, 100), "refund due", "nothing is sold once the sale is over");
    stage.audit();
}

pub fn closed_with_orders<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let mut stage = Stage::new(new(Bounds::default()));
    let shop = stage.open(plan(sale(&[(9, 100, 9)])));
    stage.wait_ms(55_000);
    assert_eq!(stage.buy("ann", shop, 1, 1), "order 1: 100 fen");
    assert_eq!(stage.buy("bob", shop, 1, 1), "order 2: 100 fen");
    stage.wait_ms(5_000);
    assert_eq!(stage.phase(shop), "closed", "orders hold stock");
    assert_eq!(stage.buy("cyd", shop, 1, 1), "closed");
    assert_eq!(stage.pay(1, 100), "sold");
    assert_eq!(stage.phase(shop), "closed");
    stage.wait_ms(5_000);
    assert_eq!((stage.phase(shop), stage.order_phase(2)), ("settled", OrderPhase::Released));
    assert_eq!(stage.counts(shop, 1), "1/0/8 of 9");
    stage.audit();
}

pub fn carts_that_make_no_sense<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let mut stage = Stage::new(new(Bounds::default()));
    let shop = stage.open(plan(sale(&[(9, 100, 9), (9, 10_000_000_000_000, 9)])));
    let token = stage.token(shop);
    let line = |sku, quantity, opening| CartLine { sku: SkuId(sku), quantity, opening };
    for (cart, want) in [
        (vec![], "not done: invalid"),
        (vec![line(1, 0, 1)], "not done: invalid"),
        (vec![line(1, u32::MAX, 1)], "not done: invalid"),
        (vec![line(1, 1, 0)], "not done: invalid"),
        (vec![line(1, 1, 2)], "not done: invalid"),
        (vec![line(1, 1, 1), line(1, 1, 1)], "not done: invalid"),
        (vec![line(7, 1, 1)], "not done: unknown_sku"),
        ((1..=51).map(|sku| line(sku, 1, 1)).collect(), "not done: invalid"),
        // More money than any amount: 2 × 10^13.
        (vec![line(2, 2, 1)], "not done: invalid"),
        (vec![line(2, 1, 1), line(1, 1, 1)], "not done: invalid"),
        (vec![line(1, 10, 1)], "limit_reached 0/9"),
        (vec![line(2, 1, 1)], "order 1: 10000000000000 fen"),
    ] {
        let ask = Ask::Reserve { activity: shop, token, cart, coupons: CouponChoice::None };
        assert_eq!(stage.ask("ann", ask.clone()), want, "{ask:?}");
    }
    let ask = Ask::Reserve { activity: shop, token: token ^ 1, cart: vec![line(1, 1, 1)], coupons: CouponChoice::None };
    assert_eq!(stage.ask("ann", ask), "not_open");
    stage.audit();
}

pub fn payments_that_make_no_sense<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let mut stage = Stage::new(new(Bounds::default()));
    let shop = stage.open(plan(sale(&[(9, 100, 9)])));
    stage.buy("ann", shop, 1, 1);
    let pay = |order, payment: &str, amount| {
        let payment = payment.to_owned();
        Ask::Pay { order: OrderId(order), payment, amount: fen(amount) }
    };
    for (ask, want) in [
        (pay(1, "p", 99), "not done: invalid"),
        (pay(1, "p", 0), "not done: invalid"),
        (pay(1, "", 100), "not done: invalid"),
        (pay(1, &"p".repeat(129), 100), "not done: invalid"),
        (pay(0, "p", 100), "not done: unknown_order"),
        (pay(2, "p", 100), "not done: unknown_order"),
        (pay(1, "p", 100), "sold"),
    ] {
        assert_eq!(stage.ask("payments", ask.clone()), want, "{ask:?}");
    }
    stage.audit();
}
