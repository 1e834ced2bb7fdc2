//! Ids that mean nothing here.

use liveroom::rules::*;
use liveroom::store::{Ask, Bounds, Op, Partition};

use crate::stage::{Stage, Subject, fen, plan, rain, request, room, sale, say, user};

pub fn unknown_ids<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let mut stage = Stage::new(new(Bounds::default()));
    for id in [0, 1, (1 << 53) + 1, u64::MAX] {
        let (activity, order) = (ActivityId(id), OrderId(id));
        for (ask, want) in [
            (Ask::Claim { activity, token: 1, opening: 1 }, "not done: unknown_activity"),
            (
                Ask::Reserve { activity, token: 1, cart: vec![], coupons: CouponChoice::None },
                "not done: unknown_activity",
            ),
            (Ask::Step { activity, step: Step::Open }, "not done: unknown_activity"),
            (Ask::Amend { activity, amendment: Box::default() }, "not done: unknown_activity"),
            (Ask::Release { order }, "not done: unknown_order"),
            (Ask::Pay { order, payment: "p".to_owned(), amount: fen(1) }, "not done: unknown_order"),
            (Ask::Due { activity }, "idle"),
            (Ask::Expire { order }, "idle"),
        ] {
            assert_eq!(stage.ask("ann", ask.clone()), want, "{ask:?}");
        }
    }
    let nowhere = RoomId::parse("nowhere").unwrap();
    let claim = Ask::Claim { activity: ActivityId(1), token: 1, opening: 1 };
    assert_eq!(stage.ask_in(nowhere, "ann", 1, claim), "not done: unknown_room");
    stage.audit();
}

pub fn other_rooms<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let mut stage = Stage::new(new(Bounds::default()));
    let other = RoomId::parse("r2").unwrap();
    stage.ask_in(other, "host", 1, Ask::CreateRoom { host: user("host"), utc_offset_min: 0 });
    let shower = stage.open(plan(rain(5, 5)));
    let shop = stage.open(plan(sale(&[(5, 100, 5)])));
    assert_eq!(stage.buy("ann", shop, 1, 1), "order 1: 100 fen");
    for (ask, want) in [
        (stage.claim(shower), "not done: unknown_activity"),
        (stage.cart(shop, &[(1, 1)]), "not done: unknown_activity"),
        (Ask::Step { activity: shower, step: Step::Close }, "not done: unknown_activity"),
        (Ask::Release { order: OrderId(1) }, "not done: unknown_order"),
        (Ask::Pay { order: OrderId(1), payment: "p".to_owned(), amount: fen(100) }, "not done: unknown_order"),
    ] {
        assert_eq!(stage.ask_in(other, "ann", 2, ask.clone()), want, "{ask:?}");
    }
    stage.audit();
}

pub fn other_kinds<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let mut stage = Stage::new(new(Bounds::default()));
    let shower = stage.open(plan(rain(5, 5)));
    let shop = stage.open(plan(sale(&[(5, 100, 5)])));
    let claim = Ask::Claim { activity: shop, token: stage.token(shop), opening: 1 };
    assert_eq!(stage.ask("ann", claim), "not done: wrong_kind");
    let cart = vec![CartLine { sku: SkuId(1), quantity: 1, opening: 1 }];
    let reserve = Ask::Reserve { activity: shower, token: stage.token(shower), cart, coupons: CouponChoice::None };
    assert_eq!(stage.ask("ann", reserve), "not done: wrong_kind");
    // What belongs to wallets is not asked of rooms, and the other way round.
    assert_eq!(stage.ask("ann", Ask::TopUp { currency: Currency::Fen, amount: 1 }), "not done: invalid");
    let ask = stage.claim(shower);
    let partition = Partition::Wallet(user("ann"));
    let op = Op { partition, by: Some(user("ann")), request: Some(request(1)), ask: ask.clone() };
    assert_eq!(say(&stage.decide(op)), "not done: invalid");
    // A claim nobody answers for is no claim.
    let op = Op { partition: Partition::Room(room()), by: None, request: None, ask };
    assert_eq!(say(&stage.decide(op)), "not done: invalid");
    stage.audit();
}

pub fn other_peoples_orders<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let mut stage = Stage::new(new(Bounds::default()));
    let shop = stage.open(plan(sale(&[(5, 100, 5)])));
    assert_eq!(stage.buy("ann", shop, 1, 1), "order 1: 100 fen");
    assert_eq!(stage.release("bob", 1), "not done: unknown_order");
    assert_eq!(stage.release("host", 1), "not done: unknown_order");
    assert_eq!(stage.release("ann", 1), "order 1 released");
    stage.audit();
}

pub fn bounds_of_a_room<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let bounds = Bounds { rooms_max: 2, activities_per_room_max: 2, ..Bounds::default() };
    let mut stage = Stage::new(new(bounds));
    stage.draft(plan(rain(2, 5)));
    stage.draft(plan(rain(2, 5)));
    let third = Ask::Draft { plan: Box::new(plan(rain(2, 5))), seed: Seed([1; 32]) };
    assert_eq!(stage.ask("host", third), "not done: too_many");
    let create = |offset| Ask::CreateRoom { host: user("host"), utc_offset_min: offset };
    let other = |name: &str| RoomId::parse(name).unwrap();
    assert_eq!(stage.ask_in(other("r2"), "host", 1, create(841)), "not done: invalid");
    assert_eq!(stage.ask_in(other("r2"), "host", 1, create(840)), "room created");
    assert_eq!(stage.ask_in(other("r3"), "host", 1, create(0)), "not done: too_many");
    stage.audit();
}

pub fn rooms_exist_once<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let mut stage = Stage::new(new(Bounds::default()));
    let create = |host: &str| Ask::CreateRoom { host: user(host), utc_offset_min: 0 };
    assert_eq!(stage.ask("ann", create("ann")), "not done: conflict");
    assert_eq!(stage.ask("host", create("host")), "not done: conflict");
    stage.audit();
}
