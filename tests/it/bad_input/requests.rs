//! Requests that are wrong: each is answered with a code, and the session goes on.

use liveroom::gateway::{Rate, Rates};
use liveroom_protocol::wire::{Announce, CartLine, ClientFrame, client_frame::Body};
use serde_json::json;

use crate::served::peer::{cart, claim, framed, fresh_id, release, reserve};
use crate::served::{Over, Peer, Served, Ticket, item, rain, run, sale, sale_of};

/// Activities of room `r1`, and one of `r2`.
struct Scene {
    served: Served,
    sale: Ticket,
    rain: Ticket,
    closed: Ticket,
    scheduled: u64,
    drafted: u64,
    elsewhere: Ticket,
}

impl Scene {
    async fn set() -> Self {
        let served = Served::furnished(|config| {
            let often = Rate { per_second: 1_000, burst: 1_000 };
            config.rates = Rates::all(often);
        });
        let served = served.await;
        // Item 2 is dear, item 3 scarce, of item 4 nobody may have more than one.
        let dearest = 10_000_000_000_000;
        let items = json!([item(1, 100_000, 5, 10_000), item(2, 9, dearest, 9), item(3, 1, 5, 9), item(4, 9, 5, 1)]);
        let opened = served.open("r1", sale_of(items)).await;
        let sale = served.ticket("r1", opened).await;
        let opened = served.open("r1", rain(100)).await;
        let rain = served.ticket("r1", opened).await;
        let closing = served.open("r1", self::sale(9, 5)).await;
        let closed = served.ticket("r1", closing).await;
        served.step("r1", closing, "close").await.expect(200);
        let scheduled = served.draft("r1", self::sale(9, 5)).await;
        served.step("r1", scheduled, "schedule").await.expect(200);
        let drafted = served.draft("r1", self::sale(9, 5)).await;
        let opened = served.open("r2", self::sale(9, 5)).await;
        let elsewhere = served.ticket("r2", opened).await;
        Self { served, sale, rain, closed, scheduled, drafted, elsewhere }
    }
}

fn announce(text: String) -> ClientFrame {
    framed(fresh_id(), Body::Announce(Announce { text }))
}

fn line(sku: u32, quantity: u32, opening: u32) -> CartLine {
    CartLine { sku, quantity, opening }
}

#[test]
fn each_wrong_request_has_its_code_and_leaves_the_session_whole() {
    run(async {
        let scene = Scene::set().await;
        let Scene { served, sale, rain, closed, scheduled, drafted, elsewhere } = &scene;
        let (sale, rain) = (*sale, *rain);
        let mut others = Peer::welcomed(served, Over::Quic, "r1", "bob").await;
        assert_eq!(others.ask(reserve(fresh_id(), sale, 1, 1)).await, "order 5 fen");
        let id = fresh_id;
        let of = |activity| Ticket { activity, ..sale };
        let rows = || -> Vec<(&str, ClientFrame, &str)> {
            vec![
                ("activity 0", claim(id(), Ticket { activity: 0, ..rain }), "not done unknown_activity"),
                ("activity 2^53", claim(id(), Ticket { activity: 1 << 53, ..rain }), "not done unknown_activity"),
                ("activity 2^64-1", claim(id(), Ticket { activity: u64::MAX, ..rain }), "not done unknown_activity"),
                ("another room's activity", reserve(id(), *elsewhere, 1, 1), "not done unknown_activity"),
                ("a claim on a sale", claim(id(), sale), "not done wrong_kind"),
                ("a cart on a rain", reserve(id(), rain, 1, 1), "not done wrong_kind"),
                ("token 0", claim(id(), Ticket { token: 0, ..rain }), "refused not_open"),
                ("a guessed token", reserve(id(), Ticket { token: sale.token ^ 1, ..sale }, 1, 1), "refused not_open"),
                ("before the opening", reserve(id(), of(*scheduled), 1, 1), "refused not_open"),
                ("before it is scheduled", reserve(id(), of(*drafted), 1, 1), "refused not_open"),
                ("after the close", reserve(id(), *closed, 1, 1), "refused closed"),
                ("opening 0", claim(id(), Ticket { opening: 0, ..rain }), "not done invalid"),
                ("an opening to come", claim(id(), Ticket { opening: rain.opening + 1, ..rain }), "not done invalid"),
                ("the last opening", claim(id(), Ticket { opening: u32::MAX, ..rain }), "not done invalid"),
                ("nothing in the cart", cart(id(), sale, vec![]), "not done invalid"),
                ("51 lines", cart(id(), sale, vec![line(1, 1, 1); 51]), "not done invalid"),
                ("500 lines", cart(id(), sale, vec![line(1, 1, 1); 500]), "not done invalid"),
                ("an item twice", cart(id(), sale, vec![line(1, 1, 1); 2]), "not done invalid"),
                ("quantity 0", reserve(id(), sale, 1, 0), "not done invalid"),
                ("quantity 10,001", reserve(id(), sale, 1, 10_001), "not done invalid"),
                ("quantity 2^32-1", reserve(id(), sale, 1, u32::MAX), "not done invalid"),
                ("an item that is not", reserve(id(), sale, 5, 1), "not done unknown_sku"),
                ("item 2^32-1", reserve(id(), sale, u32::MAX, 1), "not done unknown_sku"),
                ("a line without opening", cart(id(), sale, vec![line(1, 1, 0)]), "not done invalid"),
                ("more than any amount", reserve(id(), sale, 2, 2), "not done invalid"),
                ("more than there is", reserve(id(), sale, 3, 2), "refused insufficient_stock"),
                ("more than one may", reserve(id(), sale, 4, 2), "refused limit_reached"),
                ("order 0", release(id(), 0), "not done unknown_order"),
                ("order 2^64-1", release(id(), u64::MAX), "not done unknown_order"),
                ("another user's order", release(id(), 1), "not done unknown_order"),
                ("a viewer's announcement", announce("hi".into()), "not done forbidden"),
                ("no words", announce(String::new()), "not done invalid"),
                ("1,001 bytes of words", announce("a".repeat(1_001)), "not done invalid"),
            ]
        };
        for over in Over::BOTH {
            let mut peer = Peer::welcomed(served, over, "r1", "ann").await;
            for (what, frame, want) in rows() {
                assert_eq!(peer.ask(frame.clone()).await, want, "{what}, {over:?}");
                // What is refused for good is refused for good; what was not done may be asked again.
                assert_eq!(peer.ask(frame).await, want, "{what}, again, {over:?}");
                served.server_keeps_up(&mut peer).await;
            }
        }
        served.is_well().await;
    });
}

impl Served {
    /// The session that was just told off still asks and is answered.
    async fn server_keeps_up(&self, peer: &mut Peer) {
        use liveroom_protocol::wire::{CartLine, Reserve};
        let lines = vec![CartLine { sku: 1, quantity: 1, opening: 1 }];
        let nothing = framed(fresh_id(), Body::Reserve(Reserve { activity: 99, token: 1, lines, coupons: None }));
        assert_eq!(peer.ask(nothing).await, "not done unknown_activity");
    }
}

#[test]
fn an_id_belongs_to_one_request_of_one_user() {
    run(async {
        let scene = Scene::set().await;
        let Scene { served, sale, rain, .. } = &scene;
        for (over, ann, bob) in [(Over::Quic, "ann-q", "bob-q"), (Over::Ws, "ann-w", "bob-w")] {
            let id = fresh_id();
            let mut peer = Peer::welcomed(served, over, "r1", ann).await;
            for (what, frame, want) in [
                ("first", reserve(id, *sale, 1, 2), "order 10 fen"),
                ("repeated", reserve(id, *sale, 1, 2), "order 10 fen"),
                ("another quantity", reserve(id, *sale, 1, 3), "not done conflict"),
                ("another item", reserve(id, *sale, 3, 2), "not done conflict"),
                ("another activity", claim(id, *rain), "not done conflict"),
                ("another kind of request", release(id, 1), "not done conflict"),
                ("repeated after conflicts", reserve(id, *sale, 1, 2), "order 10 fen"),
            ] {
                assert_eq!(peer.ask(frame).await, want, "{what}, {over:?}");
            }
            let mut other = Peer::welcomed(served, over, "r1", bob).await;
            assert_eq!(other.ask(reserve(id, *sale, 1, 3)).await, "order 15 fen", "another user's id is another id");
            let mut again = Peer::welcomed(served, Over::Quic, "r1", ann).await;
            assert_eq!(again.ask(reserve(id, *sale, 1, 2)).await, "order 10 fen", "on another connection");
        }
        served.is_well().await;
    });
}

#[test]
fn a_repeat_is_recognised_before_anything_else() {
    run(async {
        let scene = Scene::set().await;
        let Scene { served, rain, sale, .. } = &scene;
        let mut peer = Peer::welcomed(served, Over::Ws, "r1", "ann").await;
        let (taken, ordered) = (claim(fresh_id(), *rain), reserve(fresh_id(), *sale, 3, 1));
        assert_eq!(peer.ask(taken.clone()).await, "grant 1");
        assert_eq!(peer.ask(claim(fresh_id(), *rain)).await, "refused limit_reached");
        assert_eq!(peer.ask(ordered.clone()).await, "order 5 fen");
        let mut late = Peer::welcomed(served, Over::Quic, "r1", "late").await;
        let lost = reserve(fresh_id(), *sale, 3, 1);
        assert_eq!(late.ask(lost.clone()).await, "refused sold_out");
        let more = json!({ "stock": [{ "sku": 3, "units": 5 }] });
        let path = format!("/v1/rooms/r1/activities/{}/amendments", sale.activity);
        served.operator("POST", &path, more).await.expect(201);
        assert_eq!(late.ask(lost).await, "refused sold_out", "a top-up changes no decision");
        for activity in [rain.activity, sale.activity] {
            served.step("r1", activity, "close").await.expect(200);
        }
        assert_eq!(peer.ask(taken).await, "grant 1", "after the close");
        assert_eq!(peer.ask(ordered).await, "order 5 fen", "after the close");
        served.is_well().await;
    });
}
