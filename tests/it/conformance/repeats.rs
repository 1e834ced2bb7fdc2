//! The same request gets the same answer for ever; with other parameters, `conflict`.

use liveroom::rules::*;
use liveroom::store::{Ask, Bounds, Op, Partition};

use crate::stage::{Stage, Subject, fen, plan, rain, request, room, sale, say, user};

pub fn a_grant<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let mut stage = Stage::new(new(Bounds::default()));
    let activity = stage.open(plan(RainPlan { grants_per_user: 5, ..rain(5, 5) }));
    let claim = stage.claim(activity);
    let Ask::Claim { token, opening, .. } = claim.clone() else { unreachable!() };
    assert_eq!(stage.ask_as("ann", 1, claim.clone()), "slot 1: 5 fen");
    assert_eq!(stage.ask_as("ann", 1, claim.clone()), "slot 1: 5 fen");
    let other = [
        Ask::Claim { activity, token, opening: opening + 1 },
        Ask::Claim { activity, token: token ^ 1, opening },
        Ask::Claim { activity: ActivityId(99), token, opening },
        Ask::Release { order: OrderId(1) },
    ];
    for ask in other {
        assert_eq!(stage.ask_as("ann", 1, ask.clone()), "not done: conflict", "{ask:?}");
    }
    // Twice in one batch, too.
    let op =
        Op { partition: Partition::Room(room()), by: Some(user("ann")), request: Some(request(2)), ask: claim.clone() };
    let answers: Vec<_> = stage.decide_all(&[op.clone(), op]).iter().map(say).collect();
    assert_eq!(answers, ["slot 2: 5 fen", "slot 2: 5 fen"]);
    stage.step(activity, Step::Close);
    stage.wait_ms(60_000);
    assert_eq!(stage.ask_as("ann", 1, claim), "slot 1: 5 fen");
    assert_eq!((stage.wallet("ann"), stage.counts(activity, 0).as_str()), (10, "2/0/3 of 5"));
    stage.audit();
}

pub fn an_order_whatever_became_of_it<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let mut stage = Stage::new(new(Bounds::default()));
    let shop = stage.open(plan(sale(&[(9, 100, 9), (9, 100, 9)])));
    let cart = stage.cart(shop, &[(1, 1), (2, 1)]);
    assert_eq!(stage.ask_as("ann", 1, cart.clone()), "order 1: 200 fen");
    assert_eq!(stage.ask_as("ann", 2, cart.clone()), "order 2: 200 fen");
    let first = stage.decide(Op {
        partition: Partition::Room(room()),
        by: Some(user("ann")),
        request: Some(request(1)),
        ask: cart.clone(),
    });
    stage.pay(1, 200);
    assert_eq!(stage.ask_as("ann", 20, Ask::Release { order: OrderId(2) }), "order 2 released");
    assert_eq!(stage.ask_as("ann", 20, Ask::Release { order: OrderId(2) }), "order 2 released");
    assert_eq!(stage.ask_as("ann", 2, cart.clone()), "order 2: 200 fen");
    let again = stage.decide(Op {
        partition: Partition::Room(room()),
        by: Some(user("ann")),
        request: Some(request(1)),
        ask: cart.clone(),
    });
    assert_eq!(first, again, "word for word, though it is paid by now");
    let turned = stage.cart(shop, &[(2, 1), (1, 1)]);
    assert_eq!(stage.ask_as("ann", 1, turned), "not done: conflict");
    let more = stage.cart(shop, &[(1, 2), (2, 1)]);
    assert_eq!(stage.ask_as("ann", 1, more), "not done: conflict");
    stage.audit();
}

pub fn sold_out_stays<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let mut stage = Stage::new(new(Bounds::default()));
    let shop = stage.open(plan(sale(&[(1, 100, 1)])));
    let cart = stage.cart(shop, &[(1, 1)]);
    stage.buy("ann", shop, 1, 1);
    let events = stage.events.len();
    assert_eq!(stage.ask_as("bob", 1, cart.clone()), "sold_out");
    assert_eq!(stage.events.len(), events, "nothing is recorded for it");
    stage.amend(shop, Amendment { stock: vec![(SkuId(1), 1)], ..Amendment::default() });
    assert_eq!(stage.ask_as("bob", 1, cart.clone()), "sold_out", "after a top-up");
    assert_eq!(stage.buy("bob", shop, 1, 1), "order 2: 100 fen");
    stage.wait_ms(10_000);
    assert_eq!(stage.ask_as("bob", 1, cart.clone()), "sold_out", "after holds have ended");
    stage.step(shop, Step::Close);
    assert_eq!(stage.ask_as("bob", 1, cart.clone()), "sold_out", "after the close");
    stage.wait_ms(0);
    assert_eq!(stage.phase(shop), "settled");
    assert_eq!(stage.ask_as("bob", 1, cart), "sold_out", "after it was settled");
    assert_eq!(stage.buy("dan", shop, 1, 1), "closed", "who saw the new stock and came late");
    stage.audit();
}

pub fn a_limit_stays<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let mut stage = Stage::new(new(Bounds::default()));
    let activity = stage.open(plan(rain(2, 5)));
    let claim = stage.claim(activity);
    stage.tap("ann", activity);
    assert_eq!(stage.ask_as("ann", 1, claim.clone()), "limit_reached 1/1");
    stage.tap("bob", activity);
    assert_eq!(stage.ask_as("ann", 1, claim.clone()), "limit_reached 1/1", "after the last share");
    stage.step(activity, Step::Close);
    assert_eq!(stage.ask_as("ann", 1, claim), "limit_reached 1/1", "after the close");
    stage.audit();
}

pub fn a_recorded_refusal_stays<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let mut stage = Stage::new(new(Bounds::default()));
    let shop = stage.open(plan(sale(&[(9, 100, 1)])));
    stage.buy("ann", shop, 1, 1);
    let cart = stage.cart(shop, &[(1, 1)]);
    assert_eq!(stage.ask_as("ann", 1, cart.clone()), "limit_reached 1/1");
    stage.wait_ms(10_000);
    assert_eq!(stage.ask_as("ann", 1, cart.clone()), "limit_reached 1/1", "though the order has lapsed");
    let two = stage.cart(shop, &[(1, 2)]);
    assert_eq!(stage.ask_as("ann", 1, two), "not done: conflict");
    assert_eq!(stage.ask_as("ann", 2, cart), "order 2: 100 fen");
    let release = Ask::Release { order: OrderId(1) };
    assert_eq!(stage.ask_as("ann", 3, release.clone()), "order_released");
    assert_eq!(stage.pay(1, 100), "sold late");
    assert_eq!(stage.ask_as("ann", 3, release), "order_released", "though it is paid by now");
    stage.audit();
}

pub fn not_open_stays<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let mut stage = Stage::new(new(Bounds::default()));
    let activity = stage.draft(plan(rain(2, 5)));
    let guess = Ask::Claim { activity, token: 77, opening: 1 };
    for step in [Step::Schedule, Step::WarmUp, Step::Open, Step::Close] {
        assert_eq!(stage.ask_as("bot", 1, guess.clone()), "not_open", "before {step:?}");
        stage.step(activity, step);
    }
    stage.wait_ms(0);
    assert_eq!(stage.ask_as("bot", 1, guess), "not_open");
    stage.audit();
}

pub fn host_requests<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let mut stage = Stage::new(new(Bounds::default()));
    let draft = |seed, title: &str| Ask::Draft {
        plan: Box::new(Plan { title: title.to_owned(), ..plan(rain(2, 5)) }),
        seed: Seed([seed; 32]),
    };
    assert_eq!(stage.ask_as("host", 1, draft(1, "a")), "drafted 1");
    assert_eq!(stage.ask_as("host", 1, draft(2, "a")), "drafted 1", "the seed is the server's, not the host's");
    assert_eq!(stage.ask_as("host", 1, draft(1, "b")), "not done: conflict");
    let activity = ActivityId(1);
    let step = |step| Ask::Step { activity, step };
    assert_eq!(stage.ask_as("host", 2, step(Step::Schedule)), "scheduled");
    assert_eq!(stage.ask_as("host", 3, step(Step::Open)), "open");
    let more = |shares| Ask::Amend {
        activity,
        amendment: Box::new(Amendment { budget: fen(20), shares, ..Amendment::default() }),
    };
    assert_eq!(stage.ask_as("host", 4, more(2)), "amendment 1");
    assert_eq!(stage.ask_as("host", 5, step(Step::Close)), "closed");
    stage.wait_ms(0);
    for (id, ask, want) in [
        (2, step(Step::Schedule), "scheduled"),
        (3, step(Step::Open), "open"),
        (4, more(2), "amendment 1"),
        (4, more(1), "not done: conflict"),
        (5, step(Step::Close), "closed"),
        (5, step(Step::Cancel), "not done: conflict"),
    ] {
        assert_eq!(stage.ask_as("host", id, ask.clone()), want, "{ask:?}");
    }
    stage.audit();
}

pub fn payments<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let mut stage = Stage::new(new(Bounds::default()));
    let shop = stage.open(plan(sale(&[(9, 100, 1)])));
    stage.buy("ann", shop, 1, 1);
    let pay = |payment: &str| Ask::Pay { order: OrderId(1), payment: payment.to_owned(), amount: fen(100) };
    assert_eq!(stage.ask_as("payments", 1, pay("a")), "sold");
    assert_eq!(stage.ask_as("payments", 1, pay("a")), "sold");
    assert_eq!(stage.ask_as("payments", 1, pay("b")), "not done: conflict");
    assert_eq!(stage.ask_as("payments", 2, pay("b")), "refund due");
    assert_eq!(stage.ask_as("payments", 2, pay("b")), "refund due");
    assert_eq!(stage.balance(Account::RefundsDue(room())), 100, "due once");
    stage.audit();
}

pub fn top_ups<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let mut stage = Stage::new(new(Bounds::default()));
    let mut top_up = |whose: &str, by: &str, id, amount| {
        let ask = Ask::TopUp { currency: Currency::Fen, amount };
        let partition = Partition::Wallet(user(whose));
        say(&stage.decide(Op { partition, by: Some(user(by)), request: Some(request(id)), ask }))
    };
    for (whose, by, id, amount, want) in [
        ("ann", "op", 1, 5, "holds 5"),
        ("ann", "op", 2, 5, "holds 10"),
        ("ann", "op", 1, 5, "holds 5"),
        ("ann", "op", 1, 6, "not done: conflict"),
        ("bob", "op", 1, 6, "holds 6"),
        ("ann", "op2", 1, 6, "holds 16"),
        ("ann", "op", 2, 5, "holds 10"),
    ] {
        assert_eq!(top_up(whose, by, id, amount), want, "{whose} {by} {id} {amount}");
    }
    stage.audit();
}

pub fn ids_belong_to_their_user_and_room<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let mut stage = Stage::new(new(Bounds::default()));
    let activity = stage.open(plan(rain(5, 5)));
    let claim = stage.claim(activity);
    assert_eq!(stage.ask_as("ann", 1, claim.clone()), "slot 1: 5 fen");
    assert_eq!(stage.ask_as("bob", 1, claim), "slot 1: 5 fen", "another user's id 1 is another id");
    let other = RoomId::parse("r2").unwrap();
    let create = Ask::CreateRoom { host: user("ann"), utc_offset_min: 480 };
    assert_eq!(stage.ask_in(other, "ann", 1, create.clone()), "room created", "in another room too");
    assert_eq!(stage.ask_in(other, "ann", 1, create), "room created");
    stage.audit();
}

pub fn what_was_not_done_may_be_asked_again<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let mut stage = Stage::new(new(Bounds::default()));
    let activity = stage.draft(plan(rain(2, 5)));
    let step = |step| Ask::Step { activity, step };
    assert_eq!(stage.ask_as("host", 1, step(Step::Open)), "not done: wrong_phase");
    stage.step(activity, Step::Schedule);
    assert_eq!(stage.ask_as("host", 1, step(Step::Open)), "open");
    assert_eq!(stage.ask_as("host", 1, step(Step::Open)), "open");
    stage.audit();
}
