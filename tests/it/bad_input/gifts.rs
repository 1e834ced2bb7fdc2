//! Gifts that can't be sent, boards that are not there, catalogues and fan clubs that can't be.

use liveroom_protocol::wire::client_frame::Body;
use liveroom_protocol::wire::{AskBoard, BoardSpan, ClientFrame, JoinFanClub, LeaveFanClub, SendGift};
use serde_json::{Value, json};

use crate::served::peer::{framed, fresh_id};
use crate::served::{Over, Peer, Served, run};

fn send(gift: u32, count: u32) -> ClientFrame {
    framed(fresh_id(), Body::SendGift(SendGift { gift, count }))
}

fn board(span: i32, back: u32, top: u32) -> ClientFrame {
    framed(fresh_id(), Body::AskBoard(AskBoard { span, back, top }))
}

fn gift(id: u32, price_coins: i64) -> Value {
    json!({ "gift": id, "title": "gift", "price_coins": price_coins })
}

async fn catalogue(served: &Served, based_on: u32, gifts: Value) -> String {
    let body = json!({ "based_on": based_on, "gifts": gifts });
    served.operator("PUT", "/v1/gifts", body).await.told()
}

async fn coins(served: &Served, user: &str, amount: i64) {
    let path = format!("/v1/wallets/{user}/top-ups");
    let money = served.request("POST", &path).bearer(&served.token("op", "operator"));
    let top_up = json!({ "currency": "coins", "amount": amount });
    money.header("Idempotency-Key", &format!("coins-{user}")).json(&top_up).send().await.expect(201);
}

#[test]
fn each_wrong_request_has_its_code() {
    run(async {
        let served = Served::furnished(|config| {
            let often = liveroom::gateway::Rate { per_second: 1_000, burst: 1_000 };
            config.rates = liveroom::gateway::Rates::all(often);
        });
        let served = served.await;
        let dearest = 10_000_000_000_000_i64;
        assert_eq!(catalogue(&served, 0, json!([gift(1, 5), gift(2, 100), gift(3, dearest)])).await, "200");
        coins(&served, "ann", 99).await;
        let (day, join, leave) = (BoardSpan::Day as i32, Body::JoinFanClub(JoinFanClub {}), LeaveFanClub {});
        for over in Over::BOTH {
            let mut peer = Peer::welcomed(&served, over, "r1", "ann").await;
            for (what, frame, want) in [
                ("gift 0", send(0, 1), "not done unknown_gift"),
                ("gift 2^32-1", send(u32::MAX, 1), "not done unknown_gift"),
                ("none of it", send(1, 0), "not done invalid"),
                ("10,000", send(1, 10_000), "not done invalid"),
                ("2^32-1", send(1, u32::MAX), "not done invalid"),
                ("n × price beyond money", send(3, 9_999), "not done invalid"),
                ("one coin short", send(2, 1), "not done insufficient_funds"),
                ("far too dear", send(3, 1), "not done insufficient_funds"),
                ("a club that is joined by a gift", framed(fresh_id(), join.clone()), "not done joined_by_gift"),
                ("a club one is not in", framed(fresh_id(), Body::LeaveFanClub(leave)), "not done not_fan"),
                ("a board of nothing", board(0, 0, 10), "not done invalid"),
                ("a board of something else", board(99, 0, 10), "not done invalid"),
                ("101 places", board(day, 0, 101), "not done invalid"),
                ("2^32-1 places", board(day, 0, u32::MAX), "not done invalid"),
                ("a board of long ago", board(day, 101, 10), "not done invalid"),
                ("a board that is empty", board(day, 100, 100), "; own None"),
            ] {
                assert_eq!(peer.ask(frame.clone()).await, want, "{what}, {over:?}");
                assert_eq!(peer.ask(frame).await, want, "{what}, again, {over:?}");
            }
        }
        let wallet = served.operator("GET", "/v1/wallets/ann", Value::Null).await.expect(200);
        assert_eq!(wallet["coins"], 99, "nothing was paid");
        served.is_well().await;
    });
}

#[test]
fn gifts_are_rationed() {
    run(async {
        let served = Served::furnished(|config| {
            let rarely = liveroom::gateway::Rate { per_second: 1, burst: 1 };
            (config.rates.gift, config.rates.fan_club, config.rates.look) = (rarely, rarely, rarely);
        });
        let served = served.await;
        let mut peer = Peer::welcomed(&served, Over::Ws, "r1", "ann").await;
        let leave = || framed(fresh_id(), Body::LeaveFanClub(LeaveFanClub {}));
        let day = BoardSpan::Day as i32;
        for (first, second, want) in [
            (send(1, 1), send(1, 1), "not done unknown_gift"),
            (leave(), leave(), "not done not_fan"),
            (board(day, 0, 0), board(day, 0, 0), "; own None"),
        ] {
            assert_eq!(peer.ask(first).await, want);
            assert_eq!(peer.ask(second).await, "not done rate_limited");
        }
        served.is_well().await;
    });
}

#[test]
fn catalogues_and_clubs_that_cannot_be() {
    run(async {
        let served = Served::furnished(|_| {}).await;
        for (what, based_on, gifts, want) in [
            ("of a version to come", 1, json!([gift(1, 5)]), "409 version_mismatch"),
            ("a number twice", 0, json!([gift(1, 5), gift(1, 6)]), "422 invalid"),
            ("free", 0, json!([gift(1, 0)]), "422 invalid"),
            ("below nothing", 0, json!([gift(1, -1)]), "422 invalid"),
            ("beyond money", 0, json!([gift(1, i64::MAX)]), "422 invalid"),
            ("501 gifts", 0, (0..501).map(|id| gift(id, 1)).collect(), "422 invalid"),
            ("no title", 0, json!([{ "gift": 1, "title": "", "price_coins": 1 }]), "422 invalid"),
            ("too grand", 0, json!([{ "gift": 1, "title": "t", "price_coins": 1, "effect": 10 }]), "422 invalid"),
            ("an unknown field", 0, json!([{ "gift": 1, "title": "t", "price_coins": 1, "x": 1 }]), "422 body_invalid"),
            ("half a coin", 0, json!([{ "gift": 1, "title": "t", "price_coins": 0.5 }]), "422 body_invalid"),
            ("as it should be", 0, json!([gift(1, 5)]), "200"),
            ("by one who was slower", 0, json!([gift(2, 5)]), "409 version_mismatch"),
        ] {
            assert_eq!(catalogue(&served, based_on, gifts).await, want, "{what}");
        }
        let club = "/v1/rooms/r1/fan-club";
        for (what, body, want) in [
            ("a long title", json!({ "title": "t".repeat(31) }), "422 invalid"),
            ("points for nothing", json!({ "gifts": { "units_per_point": 0, "points_max": 1 } }), "422 invalid"),
            ("points without end", json!({ "gifts": { "units_per_point": 1, "points_max": u32::MAX } }), "422 invalid"),
            ("levels that fall", json!({ "levels": [2, 1] }), "422 invalid"),
            ("half a cap", json!({ "gifts": { "points_max": 1 } }), "422 body_invalid"),
            ("an unknown field", json!({ "colour": "red" }), "422 body_invalid"),
            ("as it should be", json!({ "free": true }), "200"),
        ] {
            assert_eq!(served.operator("PUT", club, body).await.told(), want, "{what}");
        }
        for (user, role, method, path, body, want) in [
            ("host", "host", "PUT", "/v1/gifts", json!({ "based_on": 1, "gifts": [] }), "403 forbidden"),
            ("ann", "viewer", "GET", "/v1/gifts", Value::Null, "200"),
            ("ann", "viewer", "GET", "/v1/rooms/r1/boards/day", Value::Null, "403 forbidden"),
            ("ann", "viewer", "PUT", club, json!({ "free": true }), "403 forbidden"),
            ("host", "host", "GET", "/v1/rooms/r2/earnings", Value::Null, "403 forbidden"),
            ("host", "host", "PUT", "/v1/rooms/r2/fan-club", json!({}), "403 forbidden"),
            ("host", "host", "GET", "/v1/rooms/r1/boards/day?top=1000&back=100&user=ann", Value::Null, "200"),
            ("host", "host", "GET", "/v1/rooms/r1/boards/month", Value::Null, "404 not_found"),
            ("host", "host", "GET", "/v1/rooms/r1/boards/day?top=1001", Value::Null, "422 invalid"),
            ("host", "host", "GET", "/v1/rooms/r1/boards/day?top=-1", Value::Null, "422 invalid"),
            ("host", "host", "GET", "/v1/rooms/r1/boards/day?colour=red", Value::Null, "422 invalid"),
            ("host", "host", "GET", "/v1/rooms/r1/boards/day?user=%7B%7D", Value::Null, "422 invalid"),
            ("host", "host", "GET", "/v1/rooms/r1/fan-club/fans/ann", Value::Null, "404 not_fan"),
            ("host", "host", "GET", "/v1/rooms/r1/earnings", Value::Null, "200"),
        ] {
            let call = served.request(method, path).bearer(&served.token(user, role));
            assert_eq!(call.json(&body).send().await.told(), want, "{user} ({role}): {method} {path}");
        }
        served.is_well().await;
    });
}
