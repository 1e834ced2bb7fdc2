//! Payment callbacks: only what the provider signed counts, and it counts once; what comes in vain goes back.

use liveroom::api::PaymentSecret;
use liveroom::engine::Clock;
use liveroom::rules::Time;
use liveroom_protocol::client::{Event, Events, Outcome};
use liveroom_protocol::wire::{CartLine, OrderPhase};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use crate::served::peer::{fresh_id, release, reserve};
use crate::served::{Over, PATIENCE, Peer, Reply, Served, run, sale};

#[test]
fn only_the_provider_s_word_counts_and_once() {
    run(async {
        let served = Served::furnished(|_| {}).await;
        let sold = served.open("r1", sale(10, 5)).await;
        let ticket = served.ticket("r1", sold).await;
        let mut ann = Peer::welcomed(&served, Over::Quic, "r1", "ann").await;
        // The well's order comes later: these are orders 1 and 2.
        assert_eq!(ann.ask(reserve(fresh_id(), ticket, 1, 2)).await, "order 10 fen");
        assert_eq!(ann.ask(reserve(fresh_id(), ticket, 1, 1)).await, "order 5 fen");
        let now = Clock::real().now();
        let secret = PaymentSecret::new(served.development.payment_secret().unwrap().expose_secret(), 1);
        let other = PaymentSecret::new(b"another secret of thirty-two bytes", 1);
        let pay = |order: Value, payment: &str, amount: Value| {
            json!({ "order": order, "payment": payment, "amount_fen": amount }).to_string()
        };
        let call = async |room: &str, signature: Option<&str>, body: &str| -> Reply {
            let path = format!("/v1/rooms/{room}/payments");
            let request = served.request("POST", &path).header("Content-Type", "application/json").body(body);
            match signature {
                Some(signature) => request.header("Liveroom-Signature", signature).send().await,
                None => request.send().await,
            }
        };
        let good = pay(json!(1), "p1", json!(10));
        let at = |time: Time| secret.sign(time, good.as_bytes());
        for (what, signature, want) in [
            ("none", None, "401 signature_missing"),
            ("empty", Some(String::new()), "401 signature_malformed"),
            ("garbage", Some("garbage".to_owned()), "401 signature_malformed"),
            ("no time", Some("t=,v1=00".to_owned()), "401 signature_malformed"),
            ("half a byte", Some("t=1,v1=0".to_owned()), "401 signature_malformed"),
            ("no digits", Some("t=1,v1=zz".to_owned()), "401 signature_malformed"),
            ("a time beyond 64 bits", Some("t=9223372036854775808,v1=00".to_owned()), "401 signature_malformed"),
            ("nothing", Some("t=1,v1=".to_owned()), "401 signature_wrong"),
            ("zeros", Some(format!("t={},v1={}", now.ms(), "00".repeat(32))), "401 signature_wrong"),
            ("another secret's", Some(other.sign(now, good.as_bytes())), "401 signature_wrong"),
            ("another body's", Some(secret.sign(now, b"{}")), "401 signature_wrong"),
            ("another time's", Some(at(now).replacen("t=1", "t=2", 1)), "401 signature_wrong"),
            ("old", Some(at(now.before_ms(301_000))), "401 signature_expired"),
            ("of the future", Some(at(now.after_ms(600_000))), "401 signature_expired"),
            ("of the beginning of time", Some(at(Time::from_ms(i64::MIN))), "401 signature_expired"),
            ("of the end of time", Some(at(Time::from_ms(i64::MAX))), "401 signature_expired"),
        ] {
            assert_eq!(call("r1", signature.as_deref(), &good).await.told(), want, "a signature: {what}");
        }
        let rows = [
            ("cut", good[..good.len() - 1].to_owned(), "422 body_invalid"),
            ("an order below zero", pay(json!(-1), "p1", json!(10)), "422 body_invalid"),
            ("an amount in words", pay(json!(1), "p1", json!("10")), "422 body_invalid"),
            ("less than it costs", pay(json!(1), "p1", json!(9)), "422 invalid"),
            ("more than it costs", pay(json!(1), "p1", json!(11)), "422 invalid"),
            ("nothing", pay(json!(1), "p1", json!(0)), "422 invalid"),
            ("less than nothing", pay(json!(1), "p1", json!(-10)), "422 invalid"),
            ("2^53+1 fen", pay(json!(1), "p1", json!((1_i64 << 53) + 1)), "422 invalid"),
            ("2^63-1 fen", pay(json!(1), "p1", json!(i64::MAX)), "422 invalid"),
            ("order 0", pay(json!(0), "p1", json!(10)), "404 unknown_order"),
            ("an order to come", pay(json!(u64::MAX), "p1", json!(10)), "404 unknown_order"),
            ("no name", pay(json!(1), "", json!(10)), "422 invalid"),
            ("a long name", pay(json!(1), &"p".repeat(129), json!(10)), "422 invalid"),
            ("too large", pay(json!(1), &"p".repeat(2 << 20), json!(10)), "413 body_too_large"),
        ];
        for (what, body, want) in rows {
            assert_eq!(call("r1", Some(&secret.sign(now, body.as_bytes())), &body).await.told(), want, "{what}");
        }
        let signature = at(now);
        assert_eq!(call("r2", Some(&signature), &good).await.told(), "404 unknown_order", "another room's order");
        assert_eq!(call("r9", Some(&signature), &good).await.told(), "404 unknown_room");
        assert_eq!(call("%FF", Some(&signature), &good).await.told(), "404 not_found");
        let told = async |body: &str| call("r1", Some(&secret.sign(now, body.as_bytes())), body).await;
        for _ in 0..3 {
            assert_eq!(told(&good).await.expect(200), json!({ "order": 1, "outcome": "sold" }), "replayed");
        }
        assert_eq!(told(&pay(json!(2), "p1", json!(5))).await.told(), "409 conflict", "one name, another payment");
        let twice = told(&pay(json!(1), "p2", json!(10))).await.expect(200);
        assert_eq!(twice["outcome"], "refund_due", "another payment for an order that is paid");
        assert_eq!(ann.ask(release(fresh_id(), 1)).await, "refused order_paid");
        assert_eq!(ann.ask(release(fresh_id(), 2)).await, "done");
        let late = told(&pay(json!(2), "p3", json!(5))).await.expect(200);
        assert_eq!(late["outcome"], "sold_late");
        let pool = &served.activity("r1", sold).await["pools"][0];
        assert_eq!((&pool["granted"], &pool["free"]), (&json!(3), &json!(7)));
        served.is_well().await;
    });
}

/// Money that comes when the order is gone goes back, and its buyer hears of it: at once, and again after a welcome.
#[test]
fn a_buyer_hears_that_money_goes_back() {
    run(async {
        let served = Served::furnished(|_| {}).await;
        let secret = PaymentSecret::new(served.development.payment_secret().unwrap().expose_secret(), 1);
        let pay = async |order: u64, payment: &str| {
            let body = json!({ "order": order, "payment": payment, "amount_fen": 5 }).to_string();
            let signature = secret.sign(Clock::real().now(), body.as_bytes());
            let request = served.request("POST", "/v1/rooms/r1/payments").header("Content-Type", "application/json");
            request.header("Liveroom-Signature", &signature).body(body).send().await.expect(200)["outcome"].clone()
        };
        for over in Over::BOTH {
            let sold = served.open("r1", sale(1, 5)).await;
            let ticket = served.ticket("r1", sold).await;
            let user = format!("late-{over:?}");
            let (client, mut events) = served.client(over, "r1", &user).await;
            let line = CartLine { sku: 1, quantity: 1, opening: ticket.opening };
            let Ok(Outcome::Ordered(order)) = client.reserve(sold, ticket.token, vec![line]).await else {
                panic!("{over:?}: no order")
            };
            assert_eq!(client.release(order.order).await, Ok(Outcome::Done), "{over:?}");
            served.step("r1", sold, "close").await.expect(200);
            assert_eq!(pay(order.order, &format!("{user}-1")).await, "refund_due", "{over:?}");
            let due = (order.order, OrderPhase::Released, 5);
            assert_eq!(goes_back(&mut events).await, due, "{over:?}");
            let (_again, mut events) = served.client(over, "r1", &user).await;
            assert_eq!(goes_back(&mut events).await, due, "{over:?}: after a welcome");
        }
        served.is_well().await;
    });
}

/// The first order of which something goes back: which, where it stands, and how much.
async fn goes_back(events: &mut Events) -> (u64, OrderPhase, i64) {
    let wait = async {
        loop {
            let Event::Own(own) = events.next().await.expect("the client goes on") else { continue };
            if let Some(order) = own.orders.iter().find(|order| order.refund_due_fen > 0) {
                return (order.order, order.phase(), order.refund_due_fen);
            }
        }
    };
    tokio::time::timeout(PATIENCE, wait).await.expect("told")
}
