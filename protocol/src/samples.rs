//! One sample of every message, for the tests.

mod gift;

use crate::wire::*;

fn from_client(request_id: u64, body: client_frame::Body) -> ClientFrame {
    ClientFrame { request_id, body: Some(body) }
}

fn from_server(body: server_frame::Body) -> ServerFrame {
    ServerFrame { body: Some(body) }
}

fn answer(outcome: answer::Outcome) -> ServerFrame {
    from_server(server_frame::Body::Answer(Answer { request_id: 0x1122_3344_5566_7788, outcome: Some(outcome) }))
}

/// Every frame a client can send, with a name.
pub(crate) fn client_frames() -> Vec<(&'static str, ClientFrame)> {
    use client_frame::Body;
    let mut frames = vec![
        (
            "hello",
            from_client(
                0,
                Body::Hello(Hello {
                    version: 1,
                    token: "eyJ0.e30.c2ln".into(),
                    room: "room-1".into(),
                    resume: None,
                    agent: "web/1".into(),
                }),
            ),
        ),
        (
            "hello_resume",
            from_client(
                0,
                Body::Hello(Hello {
                    version: 1,
                    token: "t".into(),
                    room: "r".into(),
                    resume: Some(Position { epoch: 7, offset: 300 }),
                    agent: String::new(),
                }),
            ),
        ),
        (
            "claim",
            from_client(
                0x1122_3344_5566_7788,
                Body::Claim(Claim { activity: 5, token: 0xdead_beef_cafe_f00d, opening: 2 }),
            ),
        ),
        (
            "reserve",
            from_client(
                1,
                Body::Reserve(Reserve {
                    activity: 6,
                    token: 9,
                    lines: vec![
                        CartLine { sku: 1, quantity: 2, opening: 1 },
                        CartLine { sku: 2, quantity: 1, opening: 3 },
                    ],
                    coupons: None,
                }),
            ),
        ),
        (
            "reserve_coupons",
            from_client(
                1,
                Body::Reserve(Reserve {
                    activity: 6,
                    token: 9,
                    lines: vec![CartLine { sku: 1, quantity: 2, opening: 1 }],
                    coupons: Some(CouponChoice { best: false, coupons: vec![300, 301] }),
                }),
            ),
        ),
        (
            "quote",
            from_client(
                4,
                Body::Quote(Quote {
                    activity: 6,
                    lines: vec![CartLine { sku: 1, quantity: 2, opening: 0 }],
                    coupons: Some(CouponChoice { best: true, coupons: Vec::new() }),
                }),
            ),
        ),
        ("claim_step", from_client(4, Body::ClaimStep(ClaimStep { activity: 7, token: 9, step: 2 }))),
        ("check_in", from_client(5, Body::CheckIn(CheckIn { activity: 8, token: 9 }))),
        ("release", from_client(2, Body::Release(Release { order: 77 }))),
        ("announce", from_client(3, Body::Announce(Announce { text: "红包雨".into() }))),
        ("comment", from_client(4, Body::Comment(Comment { text: "主播好".into() }))),
        ("like", from_client(5, Body::Like(Like { hearts: 3 }))),
        ("enter_draw", from_client(4, Body::EnterDraw(EnterDraw { activity: 7, token: 0xdead_beef_cafe_f00d }))),
        ("reply_prize", from_client(5, Body::ReplyPrize(ReplyPrize { activity: 7, accept: true }))),
        ("prove_ticket", from_client(6, Body::ProveTicket(ProveTicket { activity: 7 }))),
        ("vote", from_client(6, Body::Vote(Vote { activity: 8, token: 9, options: vec![3, 1] }))),
        ("sign_up", from_client(7, Body::SignUp(SignUp { activity: 9, token: 9 }))),
        ("ping", from_client(0, Body::Ping(Ping { nonce: 42 }))),
    ];
    frames.extend(gift::client_frames());
    frames
}

/// Every frame a server can send, with a name.
pub(crate) fn server_frames() -> Vec<(&'static str, ServerFrame)> {
    use server_frame::Body;
    let mut frames = vec![
        (
            "welcome",
            from_server(Body::Welcome(Welcome {
                epoch: 7,
                offset: 300,
                recovered: true,
                server_time_ms: 1_800_000_000_000,
                in_flight_max: 16,
                frame_bytes_max: 8192,
            })),
        ),
        (
            "tick",
            from_server(Body::Tick(Tick {
                epoch: 7,
                offset: 301,
                server_time_ms: 1_800_000_000_050,
                events: vec![RoomEvent { body: Some(room_event::Body::Online(Online { viewers: 1000 })) }],
            })),
        ),
        (
            "snapshot",
            from_server(Body::Snapshot(Snapshot {
                epoch: 7,
                offset: 301,
                activities: vec![rain_state(5, Phase::Open), sale_state(6, Phase::Scheduled)],
                online: 1000,
                broadcast: None,
                board: None,
            })),
        ),
        (
            "snapshot_on_air",
            from_server(Body::Snapshot(Snapshot {
                epoch: 7,
                offset: 301,
                activities: Vec::new(),
                online: 1000,
                broadcast: Some(Broadcast { broadcast: 3, started_ms: 1_800_000_000_000, ended_ms: 0 }),
                board: None,
            })),
        ),
        ("own", from_server(Body::Own(Own { grants: vec![grant()], orders: vec![order()], ..Own::default() }))),
        ("own_refund_due", from_server(Body::Own(Own { orders: vec![late_order()], ..Own::default() }))),
        ("own_ticket", from_server(Body::Own(Own { tickets: vec![ticket()], ..Own::default() }))),
        ("own_prize", from_server(Body::Own(Own { prizes: vec![prize()], ..Own::default() }))),
        ("own_prize_held", from_server(Body::Own(Own { prizes: vec![held_prize()], ..Own::default() }))),
        ("own_coupons", from_server(Body::Own(Own { coupons: vec![coupon()], ..Own::default() }))),
        ("own_arms", from_server(Body::Own(Own { arms: vec![in_arm("red"), in_arm("")], ..Own::default() }))),
        (
            "goodbye",
            from_server(Body::Goodbye(Goodbye {
                code: GoodbyeCode::Draining.into(),
                reason: "draining".into(),
                detail: String::new(),
                retry_after_ms: 1500,
            })),
        ),
        ("dropped", from_server(Body::Dropped(Dropped { frames: 3 }))),
        ("watch_progress", from_server(Body::WatchProgress(WatchProgress { broadcast: 3, watched_s: 140 }))),
        ("tier_changed", from_server(Body::TierChanged(TierChanged { tier: Tier::Core.into() }))),
        ("pong", from_server(Body::Pong(Pong { nonce: 42, server_time_ms: 1_800_000_000_000 }))),
    ];
    frames.extend(answers());
    frames.extend(gift::server_frames());
    frames.extend(room_events());
    frames
}

fn answers() -> Vec<(&'static str, ServerFrame)> {
    use answer::Outcome;
    vec![
        ("answer_grant", answer(Outcome::Grant(grant()))),
        (
            "answer_coupon",
            answer(Outcome::Grant(Grant { prize: Some(grant::Prize::Coupon("FAN20".into())), ..grant() })),
        ),
        (
            "answer_coupon_id",
            answer(Outcome::Grant(Grant {
                prize: Some(grant::Prize::Coupon("FAN20".into())),
                coupon_id: 300,
                ..grant()
            })),
        ),
        ("answer_order", answer(Outcome::Order(order()))),
        ("answer_order_priced", answer(Outcome::Order(Order { total_fen: 17_800, price: Some(price()), ..order() }))),
        ("answer_price", answer(Outcome::Price(price()))),
        (
            "answer_refused",
            answer(Outcome::Refused(Refused { code: RefusalCode::SoldOut.into(), detail: String::new() })),
        ),
        (
            "answer_not_done",
            answer(Outcome::NotDone(NotDone {
                code: NotDoneCode::Overloaded.into(),
                detail: "busy".into(),
                retry_after_ms: 200,
            })),
        ),
        ("answer_ticket", answer(Outcome::Ticket(ticket()))),
        ("answer_prize", answer(Outcome::Prize(prize()))),
        (
            "answer_proof",
            answer(Outcome::Proof(DrawProof {
                draw: "room-1/7".into(),
                root: vec![6; 32].into(),
                count: 4,
                ticket: "user-9".into(),
                leaf: 3,
                path: vec![vec![7; 32].into(), vec![8; 32].into()],
            })),
        ),
        ("answer_pending", answer(Outcome::Pending(Pending {}))),
        ("answer_item", answer(Outcome::Grant(Grant { prize: Some(grant::Prize::Item("Mug".into())), ..grant() }))),
        ("answer_code", answer(Outcome::Grant(Grant { prize: Some(grant::Prize::Code("TEA-1".into())), ..grant() }))),
        ("answer_held", answer(Outcome::Grant(Grant { hold: Some(hold()), ..grant() }))),
        ("answer_checked_in", answer(Outcome::CheckedIn(CheckedIn { streak: 7, grant: Some(grant()) }))),
        ("answer_done", answer(Outcome::Done(Done {}))),
    ]
}

fn drop_state() -> ActivityState {
    ActivityState {
        kind: Some(activity_state::Kind::Drop(DropState {
            template: "FAN20".into(),
            coupons: 100,
            coupons_left: 40,
            opening: 1,
            grants_per_user: 1,
        })),
        ..rain_state(7, Phase::Open)
    }
}

fn bag_state(kind: BagKind, prize: Option<bag_state::Prize>) -> ActivityState {
    ActivityState {
        kind: Some(activity_state::Kind::Bag(BagState { kind: kind.into(), prize, count: 100, left: 40, opening: 1 })),
        ..rain_state(7, Phase::Open)
    }
}

fn room_events() -> Vec<(&'static str, ServerFrame)> {
    use room_event::Body;
    let tick = |body| {
        from_server(server_frame::Body::Tick(Tick {
            epoch: 7,
            offset: 302,
            server_time_ms: 1_800_000_000_100,
            events: vec![RoomEvent { body: Some(body) }],
        }))
    };
    let mut events = vec![
        ("tick_activity", tick(Body::Activity(rain_state(5, Phase::Closed)))),
        ("tick_draw", tick(Body::Activity(draw_state()))),
        ("tick_drop", tick(Body::Activity(drop_state()))),
        ("tick_bag", tick(Body::Activity(bag_state(BagKind::Newcomer, Some(bag_state::Prize::AmountFen(88)))))),
        ("tick_code_bag", tick(Body::Activity(bag_state(BagKind::Codes, None)))),
        (
            "tick_announcement",
            tick(Body::Announcement(Announcement {
                from: "host".into(),
                texts: vec!["开抢".into()],
                at_ms: 1_800_000_000_000,
            })),
        ),
        (
            "tick_amendment",
            tick(Body::Amendment(Amendment {
                activity: 6,
                number: 1,
                stock: vec![StockChange { sku: 1, units: -100 }],
                budget_added_fen: 0,
                shares_added: 0,
                closes_at_ms: 1_800_000_060_000,
            })),
        ),
        (
            "tick_conditions",
            tick(Body::Activity(ActivityState {
                conditions: Some(Conditions {
                    tier: Tier::Active.into(),
                    fan_club: true,
                    watched_s: 300,
                    checked_in: true,
                    keyword: "开抢".into(),
                    gift: 7,
                    gift_count: 2,
                    newcomer_days: 3,
                    wins: 1,
                    wins_window_ms: 86_400_000,
                    account_age_days: 30,
                    risk_below: 60,
                    arm: None,
                }),
                ..rain_state(5, Phase::Open)
            })),
        ),
        ("tick_watch_task", tick(Body::Activity(goals_state(activity_state::Kind::WatchTask)))),
        ("tick_check_in", tick(Body::Activity(goals_state(activity_state::Kind::CheckIn)))),
        (
            "tick_broadcast",
            tick(Body::Broadcast(Broadcast {
                broadcast: 3,
                started_ms: 1_800_000_000_000,
                ended_ms: 1_800_003_600_000,
            })),
        ),
        ("tick_said", tick(Body::Said(Said { from: "amy".into(), text: "主播好".into(), at_ms: 1_800_000_000_000 }))),
        ("tick_poll", tick(Body::Activity(poll_state()))),
        (
            "tick_arm",
            tick(Body::Activity(ActivityState {
                conditions: Some(Conditions { arm: Some(in_arm("red")), ..Conditions::default() }),
                ..rain_state(11, Phase::Open)
            })),
        ),
        (
            "tick_early",
            tick(Body::Activity(ActivityState {
                early: Some(EarlyEntry { tier: Tier::Core.into(), seconds: 10, opens_at_ms: 1_799_999_990_000 }),
                ..rain_state(10, Phase::Open)
            })),
        ),
        ("tick_enrolment", tick(Body::Activity(enrolment_state()))),
        ("tick_likes", tick(Body::Likes(Likes { hearts: 300 }))),
        (
            "tick_rain_result",
            tick(Body::RainResult(RainResult {
                activity: 5,
                winners: 90,
                grants: 100,
                total_fen: 10_000,
                luckiest: "user-9".into(),
                luckiest_fen: 321,
            })),
        ),
    ];
    events.extend(gift::room_events().into_iter().map(|(name, body)| (name, tick(body))));
    events
}

fn grant() -> Grant {
    let prize = Some(grant::Prize::AmountFen(123));
    Grant { activity: 5, slot: 1, at_ms: 1_800_000_000_000, prize, coupon_id: 0, hold: None }
}

fn hold() -> Hold {
    Hold { until_ms: 1_800_000_600_000, state: HoldState::Held.into() }
}

fn late_order() -> Order {
    Order { phase: OrderPhase::Released.into(), refund_due_fen: 19_800, ..order() }
}

fn order() -> Order {
    Order {
        order: 77,
        activity: 6,
        phase: OrderPhase::Reserved.into(),
        lines: vec![OrderLine { sku: 1, quantity: 2, unit_price_fen: 9_900 }],
        total_fen: 19_800,
        hold_until_ms: 1_800_000_300_000,
        price: None,
        refund_due_fen: 0,
    }
}

fn price() -> Price {
    let step = |name: &str, coupon_id, outcome: price_step::Outcome, base_fen, off_fen, threshold_fen| PriceStep {
        name: name.into(),
        coupon_id,
        outcome: outcome.into(),
        base_fen,
        off_fen,
        threshold_fen,
    };
    Price {
        listed_fen: 39_800,
        goods_fen: 19_800,
        steps: vec![
            step("FAN20", 300, price_step::Outcome::Applied, 19_800, 2_000, 10_000),
            step("r300", 0, price_step::Outcome::BelowThreshold, 17_800, 0, 30_000),
        ],
        lines_fen: vec![17_800],
        total_fen: 17_800,
    }
}

fn coupon() -> Coupon {
    Coupon {
        coupon_id: 300,
        template: "FAN20".into(),
        title: "20 off".into(),
        state: coupon::State::Held.into(),
        expires_at_ms: 1_800_000_300_000,
        threshold_fen: 10_000,
        off_fen: 2_000,
        off_basis_points: 0,
        at_most_fen: 0,
        items: Vec::new(),
        platform: false,
        group: "fans".into(),
    }
}

fn ticket() -> DrawTicket {
    DrawTicket {
        activity: 7,
        draw: "room-1/7".into(),
        rules_hash: vec![1; 32].into(),
        commitment: vec![2; 32].into(),
        ticket: "user-9".into(),
        leaf: 3,
        key: vec![4; 32].into(),
        signature: vec![5; 64].into(),
    }
}

fn prize() -> DrawPrize {
    DrawPrize {
        activity: 7,
        rank: 1,
        title: "Tea set".into(),
        cash_fen: 0,
        state: PrizeState::Offered.into(),
        answer_by_ms: 1_800_000_060_000,
        hold: None,
    }
}

fn held_prize() -> DrawPrize {
    DrawPrize { cash_fen: 123, state: PrizeState::Kept.into(), hold: Some(hold()), ..prize() }
}

fn draw_state() -> ActivityState {
    ActivityState {
        kind: Some(activity_state::Kind::Draw(DrawState {
            occasion: DrawOccasion::LuckyBag.into(),
            keyword: String::new(),
            prizes: vec![PrizeKind { title: "Tea set".into(), count: 2, cash_fen: 0 }],
            round: 5,
            round_at_ms: 1_800_000_090_000,
            rules_hash: vec![1; 32].into(),
            commitment: vec![2; 32].into(),
            entries: 4,
            root: vec![6; 32].into(),
            drawn: true,
            winners: vec![DrawWinner { user: "user-9".into(), rank: 1, prize: 0, state: PrizeState::Offered.into() }],
        })),
        ..rain_state(7, Phase::Closed)
    }
}

/// A rain's state, as a room would show it.
pub(crate) fn rain_state(activity: u64, phase: Phase) -> ActivityState {
    ActivityState {
        activity,
        phase: phase.into(),
        title: "Rain".into(),
        amendment: 0,
        opens_at_ms: 1_800_000_000_000,
        closes_at_ms: 1_800_000_030_000,
        token: 0xdead_beef_cafe_f00d,
        kind: Some(activity_state::Kind::Rain(RainState {
            budget_fen: 10_000,
            shares: 100,
            shares_left: 40,
            opening: 2,
            grants_per_user: 3,
            animation_seed: 11,
        })),
        conditions: None,
        early: None,
    }
}

fn in_arm(arm: &str) -> InArm {
    InArm { experiment: "button".into(), arm: arm.into() }
}

fn goals_state(kind: fn(GoalsState) -> activity_state::Kind) -> ActivityState {
    let prizes = [goal::Prize::AmountFen(10), goal::Prize::Coupon("FAN20".into()), goal::Prize::Item("Mug".into())];
    let goals = prizes.into_iter().zip([3, 5, 10]);
    let goals = goals.map(|(prize, at)| Goal { at, prize: Some(prize), count: 100, left: 40 }).collect();
    ActivityState { kind: Some(kind(GoalsState { goals })), ..rain_state(7, Phase::Open) }
}

fn poll_state() -> ActivityState {
    let option = |option, title: &str, votes| PollOption { option, title: title.into(), votes };
    ActivityState {
        kind: Some(activity_state::Kind::Poll(PollState {
            options: vec![option(1, "红", 3), option(2, "绿", 0)],
            votes_per_user: 1,
            changeable: true,
            voters: 3,
        })),
        ..rain_state(8, Phase::Open)
    }
}

fn enrolment_state() -> ActivityState {
    ActivityState {
        kind: Some(activity_state::Kind::Enrolment(EnrolmentState {
            places: 10,
            signed_up: 2,
            admitted: vec!["amy".into(), "bob".into()],
        })),
        ..rain_state(9, Phase::Settled)
    }
}

fn sale_state(activity: u64, phase: Phase) -> ActivityState {
    ActivityState {
        kind: Some(activity_state::Kind::Sale(SaleState {
            skus: vec![SkuState {
                sku: 1,
                title: "Tea".into(),
                list_price_fen: 19_900,
                sale_price_fen: 9_900,
                stock: 500,
                free: 499,
                opening: 1,
                per_user_limit: 2,
            }],
        })),
        token: 0,
        ..rain_state(activity, phase)
    }
}
