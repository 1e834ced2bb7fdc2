//! Replies that never arrive, and requests that arrive twice, late, or from two places at once.

use serde_json::json;

use crate::served::peer::{encoded, fresh_id, release, reserve};
use crate::served::{Over, Peer, Served, run, sale, until};

#[test]
fn whoever_hears_no_reply_gets_it_under_the_same_id() {
    run(async {
        let served = Served::furnished(|_| {}).await;
        let sold = served.open("r1", sale(1_000, 5)).await;
        let ticket = served.ticket("r1", sold).await;
        let held = async || served.activity("r1", sold).await["reserved_orders"].as_u64().unwrap();
        for (round, over) in [Over::Quic, Over::Ws, Over::Quic, Over::Ws].into_iter().enumerate() {
            let frame = reserve(fresh_id(), ticket, 1, 1);
            let mut peer = Peer::welcomed(&served, over, "r1", "ann").await;
            peer.send(&frame).await;
            // Half of the time the request is known to have arrived; else nobody knows.
            if round < 2 {
                until("it arrives", async || (held().await == round as u64 + 1).then_some(())).await;
            }
            drop(peer);
            let mut peer = Peer::welcomed(&served, over, "r1", "ann").await;
            for _ in 0..3 {
                assert_eq!(peer.ask(frame.clone()).await, "order 5 fen");
            }
            assert_eq!(held().await, round as u64 + 1, "one effect");
        }
        served.is_well().await;
    });
}

#[test]
fn what_arrives_twice_or_late_has_one_effect() {
    run(async {
        let served = Served::furnished(|config| config.session.in_flight_max = 64).await;
        let sold = served.open("r1", sale(1_000, 5)).await;
        let ticket = served.ticket("r1", sold).await;
        let mut places = Vec::new();
        for over in [Over::Quic, Over::Ws, Over::Quic, Over::Ws] {
            places.push(Peer::welcomed(&served, over, "r1", "ann").await);
        }
        let frame = reserve(fresh_id(), ticket, 1, 1);
        // At once from everywhere, several times in one piece.
        for place in &mut places {
            place.send_bytes(&encoded(&frame).repeat(4)).await;
        }
        for place in &mut places {
            for _ in 0..4 {
                assert_eq!(place.answer(frame.request_id).await, "order 5 fen");
            }
        }
        let state = served.activity("r1", sold).await;
        assert_eq!(state["pools"][0]["reserved"], json!(1), "{state}");

        // A release that arrives before what it releases, and the order that arrives again after it.
        let next = served.activity("r1", sold).await["reserved_orders"].as_u64().unwrap() + 1;
        let place = &mut places[0];
        let early = release(fresh_id(), next);
        assert_eq!(place.ask(early.clone()).await, "not done unknown_order");
        let frame = reserve(fresh_id(), ticket, 1, 2);
        assert_eq!(place.ask(frame.clone()).await, "order 10 fen");
        assert_eq!(place.ask(early.clone()).await, "done", "not done is no decision");
        assert_eq!(place.ask(frame).await, "order 10 fen", "what was answered stays so, whatever came since");
        assert_eq!(place.ask(early).await, "done");
        let state = served.activity("r1", sold).await;
        assert_eq!(state["pools"][0]["reserved"], json!(1), "{state}");
        served.is_well().await;
    });
}
