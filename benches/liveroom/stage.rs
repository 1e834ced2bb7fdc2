//! A room with an open activity, and claims for it.

use liveroom::rules::{
    ActivityId, CartLine, Conditions, CouponChoice, Currency, Fen, KindPlan, Limits, Plan, RainPlan, RequestId, RoomId,
    SalePlan, Schedule, Seed, SkuId, SkuPlan, Split, Step, Time, UserId, WavePlan,
};
use liveroom::store::{Answer, Ask, Keeper, Op, Partition};

pub(crate) const NOW: Time = Time::from_ms(1_800_000_000_000);
pub(crate) const SEED: Seed = Seed([7; 32]);

pub(crate) fn user(n: u64) -> UserId {
    UserId::parse(&format!("user-{n}")).expect("plain")
}

pub(crate) fn room(n: u64) -> RoomId {
    RoomId::parse(&format!("room-{n}")).expect("plain")
}

/// Commits one operation and returns its answer.
pub(crate) fn commit(keeper: &mut dyn Keeper, op: Op) -> Answer {
    let (mut answers, mut events) = (Vec::new(), Vec::new());
    keeper.commit(NOW, &[op], &mut answers, &mut events).expect("a bench's store works");
    answers.remove(0)
}

pub(crate) fn by_host(room: RoomId, ask: Ask) -> Op {
    Op { partition: Partition::Room(room), by: Some(user(0)), request: None, ask }
}

pub(crate) fn rain(shares: u32) -> KindPlan {
    KindPlan::Rain(RainPlan {
        budget: Fen::new(i64::from(shares) * 100).expect("in range"),
        split: Split::Random,
        share_min: Fen::new(1).expect("in range"),
        share_max: Fen::new(10_000).expect("in range"),
        duration_ms: 120_000,
        grants_per_user: 99,
        waves: vec![WavePlan { after_ms: 0, shares }],
        bonus: Vec::new(),
    })
}

pub(crate) fn sale(stock: u32) -> KindPlan {
    KindPlan::Sale(SalePlan {
        skus: vec![SkuPlan {
            sku: SkuId(1),
            title: "item".to_owned(),
            list_price: Fen::new(9_900).expect("in range"),
            sale_price: Fen::new(990).expect("in range"),
            stock,
            per_user_limit: u32::MAX,
            quality_report: Some("QR-1".to_owned()),
            trace_certificate: Some("TC-1".to_owned()),
        }],
        duration_ms: 3_600_000,
        hold_ms: 300_000,
    })
}

/// Opens an activity in a room of its own.
pub(crate) fn open(keeper: &mut dyn Keeper, room: RoomId, kind: KindPlan) -> (ActivityId, u64) {
    commit(keeper, by_host(room, Ask::CreateRoom { host: user(0), utc_offset_min: 480 }));
    let wallet = Partition::Wallet(user(0));
    let top_up = Ask::TopUp { currency: Currency::Fen, amount: 1_000_000_000_000 };
    commit(keeper, Op { partition: wallet, by: Some(user(0)), request: None, ask: top_up });
    let plan = Plan {
        title: "bench".to_owned(),
        sponsor: user(0),
        schedule: Schedule::default(),
        limits: Limits::default(),
        kind,
        conditions: Conditions::default(),
        decoy: None,
    };
    let Answer::Drafted(activity) = commit(keeper, by_host(room, Ask::Draft { plan: Box::new(plan), seed: SEED }))
    else {
        panic!("the plan is right")
    };
    for step in [Step::Schedule, Step::Open] {
        let answer = commit(keeper, by_host(room, Ask::Step { activity, step }));
        assert!(matches!(answer, Answer::Stepped { .. }), "{answer:?}");
    }
    (activity, keeper.gate(activity).expect("it is open").token)
}

/// The `n`-th claim: spread over users, each with a request id of its own.
pub(crate) fn claim(room: RoomId, activity: ActivityId, token: u64, n: u64) -> Op {
    Op {
        partition: Partition::Room(room),
        by: Some(user(n / 50 + 1)),
        request: RequestId::new(n + 1),
        ask: Ask::Claim { activity, token, opening: 1 },
    }
}

/// The `n`-th order: one unit, spread over users.
pub(crate) fn reserve(room: RoomId, activity: ActivityId, token: u64, n: u64) -> Op {
    let cart = vec![CartLine { sku: SkuId(1), quantity: 1, opening: 1 }];
    Op {
        partition: Partition::Room(room),
        by: Some(user(n / 50 + 1)),
        request: RequestId::new(n + 1),
        ask: Ask::Reserve { activity, token, cart, coupons: CouponChoice::None },
    }
}
