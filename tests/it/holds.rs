//! Cash of risky accounts, as its winners and operators see it.

use std::time::Duration;

use liveroom::engine::Clock;
use liveroom::gateway::token::{Role, Rooms};
use liveroom::rules::{AccountFacts, UserId};
use liveroom_protocol::client::{Client, Event, Outcome};
use liveroom_protocol::wire::HoldState;
use serde_json::{Value, json};

use crate::draws::{enter, lucky_bag, token};
use crate::risk::{call, soon_ms};
use crate::served::peer::{claim, fresh_id};
use crate::served::{Over, PATIENCE, Peer, Served, rain, run, until};

/// Over both transports the winner is told until when, and what became of it; the wallet says what is held.
#[test]
fn cash_of_bots_waits() {
    run(async {
        let served = Served::furnished(|_| {}).await;
        let policy = json!({ "hold_from": 60, "hold_s": 3_600 });
        for (what, role, method, path, body, want) in [
            ("off unless set", "operator", "GET", "/v1/hold-policy", Value::Null, "404 no_policy"),
            ("a risk service judges only", "risk", "PUT", "/v1/hold-policy", policy.clone(), "403 forbidden"),
            (
                "for ever",
                "operator",
                "PUT",
                "/v1/hold-policy",
                json!({ "hold_from": 1, "hold_s": u32::MAX }),
                "422 invalid",
            ),
            ("it is set", "operator", "PUT", "/v1/hold-policy", policy.clone(), "200"),
            ("and looked at", "operator", "GET", "/v1/hold-policy", Value::Null, "200"),
        ] {
            assert_eq!(call(&served, role, method, path, &body).await, want, "{what}");
        }
        let body = json!({ "score": 80, "reason": "test", "until_ms": soon_ms() });
        for user in ["bot-Quic", "bot-Ws"] {
            assert_eq!(call(&served, "risk", "PUT", &format!("/v1/users/{user}/risk"), &body).await, "200");
        }
        let activity = served.open("r1", rain(10)).await;
        let ticket = served.ticket("r1", activity).await;
        for (unit, over, end, state, fen) in
            [(0, Over::Quic, "release", HoldState::Credited, 100), (1, Over::Ws, "forfeit", HoldState::Forfeited, 0)]
        {
            let bot = format!("bot-{over:?}");
            let (client, mut events) = served.client(over, "r1", &bot).await;
            let Ok(Outcome::Granted(grant)) = client.claim(ticket.activity, ticket.token, ticket.opening).await else {
                panic!("{over:?}: no grant")
            };
            let hold = grant.hold.expect("it is held");
            assert_eq!((hold.state(), hold.until_ms), (HoldState::Held, grant.at_ms + 3_600_000), "{over:?}");
            let wallet = format!("/v1/wallets/{bot}");
            let has = async || {
                let wallet = served.operator("GET", &wallet, Value::Null).await.expect(200);
                (wallet["fen"].as_i64(), wallet["held_fen"].as_i64())
            };
            assert_eq!(has().await, (Some(0), Some(100)));
            let holds = served.operator("GET", &format!("/v1/users/{bot}/holds"), Value::Null).await.expect(200);
            let hold = &holds["holds"][0];
            assert_eq!((&hold["unit"], &hold["state"], &holds["next"]), (&json!(unit), &json!("held"), &Value::Null));
            let place = format!("/v1/rooms/r1/activities/{activity}/holds/{unit}");
            for (what, role, end, want) in [
                ("a host", "host", end, "403 forbidden"),
                ("no such end", "operator", "keep", "422 invalid"),
                ("an operator", "operator", end, "204"),
                ("once", "operator", "release", "409 wrong_phase"),
            ] {
                let path = format!("{place}/{end}");
                assert_eq!(call(&served, role, "POST", &path, &Value::Null).await, want, "{what}");
            }
            assert_eq!(has().await, (Some(fen), Some(0)));
            // Its winner hears of it unasked.
            let told = async {
                loop {
                    let Some(Event::Own(own)) = events.next().await else { continue };
                    let hold = own.grants.iter().find_map(|grant| grant.hold);
                    if let Some(hold) = hold.filter(|hold| hold.state() != HoldState::Held) {
                        return hold.state();
                    }
                }
            };
            assert_eq!(tokio::time::timeout(PATIENCE, told).await.expect("told"), state, "{over:?}");
        }
        served.is_well().await;
    });
}

/// A prize that is drawn is held as well, and its winner hears of it unasked.
#[test]
fn drawn_cash_of_bots_waits() {
    run(async {
        let served = Served::furnished(|_| {}).await;
        let policy = json!({ "hold_from": 60, "hold_s": 3_600 });
        served.operator("PUT", "/v1/hold-policy", policy).await.expect(200);
        let judged = json!({ "score": 80, "reason": "test", "until_ms": soon_ms() });
        served.operator("PUT", "/v1/users/bot/risk", judged).await.expect(200);
        let prizes = json!([{ "title": "cash", "count": 1, "cash_fen": 5 }]);
        for over in Over::BOTH {
            let activity = served.open("r1", lucky_bag("cash", 1, json!({ "prizes": prizes }))).await;
            let (client, mut events) = served.client(over, "r1", "bot").await;
            let token = token(&mut events, activity).await;
            enter(&client, activity, token).await;
            served.step("r1", activity, "close").await.expect(200);
            let mut hears = async |state: HoldState| {
                let told = async {
                    loop {
                        let Some(Event::Own(own)) = events.next().await else { continue };
                        let ours = own.prizes.iter().find(|prize| prize.activity == activity);
                        if ours.and_then(|prize| prize.hold).is_some_and(|hold| hold.state() == state) {
                            return;
                        }
                    }
                };
                tokio::time::timeout(PATIENCE, told).await.expect("told");
            };
            hears(HoldState::Held).await;
            let path = format!("/v1/rooms/r1/activities/{activity}/holds");
            let held = served.operator("GET", &path, Value::Null).await.expect(200);
            assert_eq!((&held["holds"][0]["user"], &held["holds"][0]["unit"]), (&json!("bot"), &json!(0)), "{held}");
            assert_eq!(served.operator("POST", &format!("{path}/0/release"), Value::Null).await.status, 204);
            hears(HoldState::Credited).await;
        }
        served.is_well().await;
    });
}

/// What a token says counts in whatever is open, though nobody has judged the account, by the policy that there is when winners are drawn.
#[test]
fn what_tokens_say_counts_in_what_is_open() {
    run(async {
        let served = Served::furnished(|_| {}).await;
        let hold_from = async |risk: Option<u8>| {
            if let Some(risk) = risk {
                let policy = json!({ "hold_from": risk, "hold_s": 3_600 });
                served.operator("PUT", "/v1/hold-policy", policy).await.expect(200);
            }
        };
        let prizes = json!([{ "title": "cash", "count": 2, "cash_fen": 5 }]);
        for (case, before, after) in [
            ("set after they entered", None, Some(60)),
            ("set before", Some(60), None),
            ("lowered after", Some(90), Some(60)),
        ] {
            let draw = served.open("r1", lucky_bag("cash", 1, json!({ "prizes": prizes }))).await;
            hold_from(before).await;
            let name = |who: &str| format!("{who}-{draw}");
            for (over, who, risk) in [(Over::Quic, "bot", 80), (Over::Ws, "ann", 10)] {
                let (now, account) = (Clock::real().now(), AccountFacts { created: None, risk: Some(risk) });
                let (user, ttl) = (UserId::parse(&name(who)).unwrap(), Duration::from_secs(600));
                let vouched = served.issuer().vouch(now, user, Role::Viewer, &Rooms::Any, ttl, account).unwrap();
                let (client, mut events) = Client::connect(served.options(over, "r1", vouched)).await.unwrap();
                let token = token(&mut events, draw).await;
                enter(&client, draw, token).await;
            }
            hold_from(after).await;
            served.step("r1", draw, "close").await.expect(200);
            let drawn = async || {
                let draw = served.activity("r1", draw).await;
                (draw["phase"] == "settled").then_some(())
            };
            until("its winners are drawn", drawn).await;
            let path = format!("/v1/rooms/r1/activities/{draw}/holds");
            let held = served.operator("GET", &path, Value::Null).await.expect(200);
            let users: Vec<_> = held["holds"].as_array().unwrap().iter().map(|hold| hold["user"].clone()).collect();
            assert_eq!(users, [json!(name("bot"))], "{case}");
        }
        served.is_well().await;
    });
}

/// Page by page, in the order of activities and units.
#[test]
fn holds_are_listed() {
    run(async {
        let served = Served::furnished(|_| {}).await;
        served.operator("PUT", "/v1/hold-policy", json!({ "hold_from": 60, "hold_s": 3_600 })).await.expect(200);
        let judged = json!({ "score": 80, "reason": "test", "until_ms": soon_ms() });
        served.operator("PUT", "/v1/users/bot/risk", judged).await.expect(200);
        let mut peer = Peer::welcomed(&served, Over::Ws, "r1", "bot").await;
        let mut won = Vec::new();
        for _ in 0..3 {
            let activity = served.open("r1", rain(10)).await;
            assert_eq!(peer.ask(claim(fresh_id(), served.ticket("r1", activity).await)).await, "grant 1");
            won.push(activity);
        }
        let list = async |query: &str| {
            let page = served.operator("GET", &format!("/v1/users/bot/holds{query}"), Value::Null).await.expect(200);
            let holds = page["holds"].as_array().unwrap().iter();
            let activities = holds.map(|hold| hold["activity"].as_u64().unwrap()).collect::<Vec<_>>();
            (activities, page["next"].as_str().map(str::to_owned))
        };
        assert_eq!(list("").await, (won.clone(), None));
        let (first, next) = list("?limit=2").await;
        assert_eq!((&first[..], next), (&won[..2], Some(format!("{}.0", won[1]))));
        assert_eq!(list(&format!("?limit=2&after={}.0", won[1])).await, (won[2..].to_vec(), None));
        assert_eq!(list("?limit=3").await, (won.clone(), None), "as many as there are");
        assert_eq!(list(&format!("?limit=1&after={}.0", won[1])).await, (won[2..].to_vec(), None), "likewise");
        for (what, role, path, want) in [
            ("a host", "host", "/v1/users/bot/holds".to_owned(), "403 forbidden"),
            ("none at once", "operator", "/v1/users/bot/holds?limit=0".to_owned(), "422 invalid"),
            ("too many at once", "operator", "/v1/users/bot/holds?limit=1001".to_owned(), "422 invalid"),
            ("after nothing", "operator", "/v1/users/bot/holds?after=7".to_owned(), "422 invalid"),
            ("in what is no parameter", "operator", "/v1/users/bot/holds?before=7.1".to_owned(), "422 invalid"),
            ("a host, of an activity", "host", format!("/v1/rooms/r1/activities/{}/holds", won[0]), "403 forbidden"),
            (
                "in another room",
                "operator",
                format!("/v1/rooms/r2/activities/{}/holds", won[0]),
                "404 unknown_activity",
            ),
            ("of none", "operator", "/v1/rooms/r1/activities/999/holds".to_owned(), "404 unknown_activity"),
            (
                "after one of another",
                "operator",
                format!("/v1/rooms/r1/activities/{}/holds?after={}.0", won[1], won[0]),
                "422 invalid",
            ),
            (
                "after its own",
                "operator",
                format!("/v1/rooms/r1/activities/{}/holds?after={}.0", won[1], won[1]),
                "200",
            ),
        ] {
            assert_eq!(call(&served, role, "GET", &path, &Value::Null).await, want, "{what}");
        }
        served.is_well().await;
    });
}
