//! What only the tables themselves can be brought to: full books, and events that don't follow.

use super::*;
use crate::rules::{Account, Currency, Fen, Phase, Posting, Prize, Seed, Step};
use crate::store::{Ask, Cause, Partition, Recorded};

fn user(name: &str) -> UserId {
    UserId::parse(name).unwrap()
}

fn room() -> RoomId {
    RoomId::parse("r").unwrap()
}

fn after(no: u64, event: Event) -> Recorded {
    Recorded::new(no, Time::from_ms(1), event)
}

fn created() -> (Tables, Cause) {
    let mut tables = Tables::new(Bounds::default());
    let cause = Cause { by: Some(user("host")), request: None };
    tables
        .evolve(&after(1, Event::RoomCreated { room: room(), host: user("host"), utc_offset_min: 0, cause }))
        .unwrap();
    (tables, cause)
}

#[test]
fn an_event_that_does_not_follow_is_damage() {
    let (tables, cause) = created();
    let (room, activity) = (room(), ActivityId(1));
    let fingerprint = Fingerprint(1);
    let request = RequestId::new(1).unwrap();
    let prize = Prize::Cash(Fen::ZERO);
    let lines = Box::default();
    let posting = |from, amount| Posting { from, to: Account::Wallet(user("a")), currency: Currency::Fen, amount };
    let topped_up = |posting| Event::ToppedUp { posting, balance: 0, cause };
    let step = Step::Open;
    let rows = [
        (1, Event::Archived { room, activity }, "a number is missing or repeated"),
        (3, Event::Archived { room, activity }, "a number is missing or repeated"),
        (2, Event::Archived { room, activity }, "no such activity"),
        (2, Event::WaveReleased { room, activity, wave: 1 }, "no such activity"),
        (2, Event::RoomCreated { room, host: user("b"), utc_offset_min: 0, cause }, "the room exists"),
        (2, Event::Stepped { room, activity, step, to: Phase::Open, moved: Fen::ZERO, cause }, "no such activity"),
        (
            2,
            Event::Granted { room, activity, user: user("a"), request, fingerprint, unit: 0, prize, held_until: None },
            "no such activity",
        ),
        (
            2,
            Event::Reserved {
                room,
                activity,
                order: OrderId(1),
                user: user("a"),
                lines,
                total: Fen::ZERO,
                hold_until: Time::from_ms(1),
                request,
                fingerprint,
            },
            "no such activity",
        ),
        (2, Event::Released { room, activity, order: OrderId(1), user: user("a"), cause }, "no such order"),
        (2, topped_up(posting(Account::Wallet(user("b")), 1)), "an account would be overdrawn"),
    ];
    for (no, event, want) in rows {
        let mut tables = tables.clone();
        let told = format!("{event:?}");
        assert_eq!(tables.evolve(&after(no, event)), Err(Inconsistent { no, why: want }), "{told}");
    }
}

fn decide(tables: &mut Tables, by: &str, ask: Ask) -> Answer {
    let request = RequestId::new(tables.latest_no() + 1);
    let op = Op { partition: Partition::Room(room()), by: Some(user(by)), request, ask };
    let mut answers = Vec::new();
    tables.commit(Time::from_ms(1), &[op], &mut answers, &mut Vec::new()).unwrap();
    answers.remove(0)
}

/// An order of ann's that costs as much as anything can.
fn reserved() -> Tables {
    use crate::rules::{CartLine, Conditions, KindPlan, Limits, Plan, SalePlan, Schedule, SkuId, SkuPlan};
    let (mut tables, _) = created();
    let sku = SkuPlan {
        sku: SkuId(1),
        title: "s".to_owned(),
        list_price: Fen::MAX,
        sale_price: Fen::MAX,
        stock: 1,
        per_user_limit: 1,
        quality_report: Some("q".to_owned()),
        trace_certificate: Some("t".to_owned()),
    };
    let plan = Plan {
        title: "t".to_owned(),
        sponsor: user("host"),
        schedule: Schedule::default(),
        limits: Limits::default(),
        kind: KindPlan::Sale(SalePlan { skus: vec![sku], duration_ms: 60_000, hold_ms: 10_000 }),
        conditions: Conditions::default(),
        decoy: None,
    };
    decide(&mut tables, "host", Ask::Draft { plan: Box::new(plan), seed: Seed([1; 32]) });
    let activity = ActivityId(1);
    for step in [Step::Schedule, Step::Open] {
        decide(&mut tables, "host", Ask::Step { activity, step });
    }
    let token = tables.activity(activity).unwrap().token;
    let cart = vec![CartLine { sku: SkuId(1), quantity: 1, opening: 1 }];
    let reserved =
        decide(&mut tables, "ann", Ask::Reserve { activity, token, cart, coupons: crate::rules::CouponChoice::None });
    assert!(matches!(reserved, Answer::Reserved(_)), "{reserved:?}");
    tables
}

fn pay(payment: &str) -> Ask {
    Ask::Pay { order: OrderId(1), payment: payment.to_owned(), amount: Fen::MAX }
}

/// Where the books can hold no more, a payment is not taken; it must not end the server.
#[test]
fn full_books_take_no_payment() {
    let mut tables = reserved();
    let all = Posting {
        from: Account::Outside,
        to: Account::Wallet(user("rich")),
        currency: Currency::Fen,
        amount: Ledger::BALANCE_MAX,
    };
    tables.ledger.post(&all).unwrap();
    let Answer::NotDone(reason) = decide(&mut tables, "payments", pay("p")) else { panic!("taken") };
    assert_eq!(reason.code, crate::rules::NotDoneCode::TooMany);
    assert_eq!(tables.order(OrderId(1)).unwrap().phase, OrderPhase::Reserved);
}

/// Nor is one that would have more go back for its order than can be counted.
#[test]
fn more_than_can_be_counted_does_not_go_back() {
    let mut tables = reserved();
    for (payment, goes_back) in [("bought", Fen::ZERO), ("again", Fen::MAX)] {
        let paid = decide(&mut tables, "payments", pay(payment));
        assert!(matches!(paid, Answer::Paid { .. }), "{paid:?}");
        assert_eq!(tables.order(OrderId(1)).unwrap().refund_due, goes_back, "{payment}");
    }
    let Answer::NotDone(reason) = decide(&mut tables, "payments", pay("once more")) else { panic!("taken") };
    assert_eq!(reason.code, crate::rules::NotDoneCode::TooMany);
    assert_eq!(tables.order(OrderId(1)).unwrap().refund_due, Fen::MAX);
}

/// What a snapshot leaves out follows from what it holds.
#[test]
fn timers_follow_from_the_rest() {
    use crate::rules::{Coins, Gift, GiftId};
    use crate::store::GiftAsk;
    let (mut tables, _) = created();
    let rose = Gift {
        id: GiftId(1),
        title: "rose".to_owned(),
        price: Coins::new(1).unwrap(),
        effect: 0,
        joins_fan_club: false,
    };
    let (room, wallet) = (Partition::Room(room()), Partition::Wallet(user("ann")));
    let send = |ms| (ms, room, Ask::Gift(GiftAsk::Send { gift: GiftId(1), count: 1 }));
    let asks = [
        (1, Partition::Platform, Ask::Gift(GiftAsk::SetCatalogue { based_on: 0, gifts: vec![rose] })),
        (1, wallet, Ask::TopUp { currency: Currency::Coins, amount: 10 }),
        send(1),
        // The combo's timer is left where it was.
        send(500),
    ];
    for ((ms, partition, ask), request) in asks.into_iter().zip(1..) {
        let op = Op { partition, by: Some(user("ann")), request: RequestId::new(request), ask };
        tables.commit(Time::from_ms(ms), &[op], &mut Vec::new(), &mut Vec::new()).unwrap();
    }
    let bytes = postcard::to_stdvec(&tables).unwrap();
    let read: Tables = postcard::from_bytes::<Tables>(&bytes).unwrap().bounded(Bounds::default());
    assert_eq!(read, tables);
    assert_eq!(read.digest(), tables.digest());
    for passed_ms in [0, 3_000, 3_499, 3_500, 100_000_000] {
        let due = |tables: &Tables| {
            let mut ops = Vec::new();
            tables.due(Time::from_ms(passed_ms), 100, &mut ops);
            ops
        };
        assert_eq!(due(&read), due(&tables), "{passed_ms} ms");
        assert_eq!(due(&read).is_empty(), passed_ms < 3_500, "{passed_ms} ms");
    }
}
