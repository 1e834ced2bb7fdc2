//! Accounts that are judged by a risk service: who may, what it changes, and who sees it.

use liveroom_protocol::client::{Event, Outcome};
use liveroom_protocol::wire::Phase;
use liveroom_protocol::wire::room_event::Body;
use serde_json::{Value, json};

use crate::served::peer::{claim, fresh_id};
use crate::served::{Over, PATIENCE, Peer, Served, Ticket, rain, run};

const ANN: &str = "/v1/users/ann/risk";

pub async fn call(served: &Served, role: &str, method: &str, path: &str, body: &Value) -> String {
    served.request(method, path).bearer(&served.token("who", role)).json(body).send().await.told()
}

pub fn soon_ms() -> i64 {
    crate::served::tokens::now_s() * 1_000 + 600_000
}

#[test]
fn who_may_judge_and_see() {
    run(async {
        let served = Served::furnished(|_| {}).await;
        let good = json!({ "score": 70, "reason": "velocity", "until_ms": soon_ms() });
        let with = |name: &str, value: Value| {
            let mut other = good.clone();
            other[name] = value;
            other
        };
        let two = json!([
            { "user": "bob", "score": 1, "reason": "a", "until_ms": soon_ms() },
            { "user": "cyd", "score": 2, "reason": "b", "until_ms": soon_ms() },
        ]);
        let rows: Vec<(&str, &str, &str, &str, Value, &str)> = vec![
            ("nobody has judged", "operator", "GET", ANN, Value::Null, "404 not_judged"),
            ("a viewer", "viewer", "PUT", ANN, good.clone(), "403 forbidden"),
            ("a host", "host", "PUT", ANN, good.clone(), "403 forbidden"),
            ("a risk service", "risk", "PUT", ANN, good.clone(), "200"),
            ("an operator", "operator", "PUT", ANN, good.clone(), "200"),
            ("a host looks", "host", "GET", ANN, Value::Null, "403 forbidden"),
            ("a risk service looks", "risk", "GET", ANN, Value::Null, "200"),
            ("several at once", "risk", "PUT", "/v1/risks", two, "200"),
            ("none at once", "risk", "PUT", "/v1/risks", json!([]), "422 invalid"),
            ("a score that is none", "risk", "PUT", ANN, with("score", json!(101)), "422 invalid"),
            ("no score at all", "risk", "PUT", ANN, with("score", json!(-1)), "422 body_invalid"),
            ("a reason that is no word", "risk", "PUT", ANN, with("reason", json!("too fast")), "422 invalid"),
            ("over already", "risk", "PUT", ANN, with("until_ms", json!(1)), "422 invalid"),
            ("for ever", "risk", "PUT", ANN, with("until_ms", json!(i64::MAX)), "422 invalid"),
            ("nobody of that name can be", "risk", "PUT", "/v1/users/a%20b/risk", good.clone(), "422 invalid"),
            ("it is taken back", "risk", "DELETE", ANN, Value::Null, "204"),
            ("once", "risk", "DELETE", ANN, Value::Null, "409 wrong_phase"),
            ("only told", "risk", "PUT", "/v1/users/dan/risk?dry_run=true", good.clone(), "200"),
            ("nothing came of it", "risk", "GET", "/v1/users/dan/risk", Value::Null, "404 not_judged"),
            ("a risk service is no operator", "risk", "GET", "/v1/wallets/host", Value::Null, "403 forbidden"),
            ("nor a host", "risk", "GET", "/v1/rooms/r1", Value::Null, "403 forbidden"),
        ];
        for (what, role, method, path, body, want) in rows {
            assert_eq!(call(&served, role, method, path, &body).await, want, "{what}");
        }
        for over in Over::BOTH {
            let mut peer = Peer::connect(&served, over).await;
            peer.send(&crate::served::peer::hello("r1", served.token("who", "risk"))).await;
            assert_eq!(peer.end().await, "unauthorized token_role", "{over:?}");
        }
        served.is_well().await;
    });
}

#[test]
fn whom_it_keeps_out() {
    run(async {
        let served = Served::furnished(|_| {}).await;
        let mut activity = rain(10);
        activity["conditions"] = json!({ "risk_below": 50 });
        let activity = served.open("r1", activity).await;
        let ticket = served.ticket("r1", activity).await;
        let judge = async |user: &str, score: u8| {
            let body = json!({ "score": score, "reason": "test", "until_ms": soon_ms() });
            let path = format!("/v1/users/{user}/risk");
            assert_eq!(call(&served, "risk", "PUT", &path, &body).await, "200");
        };
        judge("ann", 10).await;
        judge("bot", 80).await;
        for over in Over::BOTH {
            let mut bot = Peer::welcomed(&served, over, "r1", "bot").await;
            assert_eq!(bot.ask(claim(fresh_id(), ticket)).await, "refused risk_too_high", "{over:?}");
        }
        let mut ann = Peer::welcomed(&served, Over::Quic, "r1", "ann").await;
        assert_eq!(ann.ask(claim(fresh_id(), ticket)).await, "grant 1");
        judge("bot", 20).await;
        let mut bot = Peer::welcomed(&served, Over::Ws, "r1", "bot").await;
        assert_eq!(bot.ask(claim(fresh_id(), ticket)).await, "grant 1");
        served.is_well().await;
    });
}

/// What a decoy makes of an account counts in all rooms: no host comes by one, be it through an operator's that he pays for.
#[test]
fn hosts_make_no_decoys() {
    run(async {
        let served = Served::furnished(|_| {}).await;
        let mut decoy = rain(10);
        (decoy["decoy"], decoy["sponsor"]) = (json!({ "score": 90, "for_s": 600 }), json!("host"));
        let host = served.token("host", "host");
        let mine = served.operator("POST", "/v1/rooms/r1/activities", decoy.clone()).await.expect(201);
        let saved = served.operator("PUT", "/v1/rooms/r1/templates/trap", json!({ "plan": decoy })).await;
        saved.expect(200);
        let weekly = json!({ "template": "trap", "days": ["wednesday"], "at": "20:00" });
        for (method, path, body) in [
            ("POST", "/v1/rooms/r1/activities", decoy),
            ("PUT", "/v1/rooms/r1/templates/mine", json!({ "activity": mine["activity"] })),
            ("POST", "/v1/rooms/r1/templates/trap/activities", json!({})),
            ("POST", "/v1/rooms/r1/recurrences", weekly),
        ] {
            let told = served.request(method, path).bearer(&host).json(&body).send().await.told();
            assert_eq!(told, "403 forbidden", "{method} {path}");
        }
        served.is_well().await;
    });
}

/// A script that counts numbers up is caught; nobody in the room hears of it, and it is told what any rain says to whoever does not know its token.
#[test]
fn decoys_catch_whoever_guesses() {
    run(async {
        let served = Served::furnished(|_| {}).await;
        let mut decoy = rain(10);
        decoy["decoy"] = json!({ "score": 90, "for_s": 600 });
        let drafted = served.request("POST", "/v1/rooms/r1/activities").bearer(&served.token("host", "host"));
        assert_eq!(drafted.json(&decoy).send().await.told(), "403 forbidden", "it counts in all rooms");
        let (client, mut events) = served.client(Over::Ws, "r1", "ann").await;
        let real = served.open("r1", rain(1)).await;
        let decoy = served.open("r1", decoy).await;
        let ticket = served.ticket("r1", real).await;
        assert!(matches!(client.claim(real, ticket.token, ticket.opening).await, Ok(Outcome::Granted(_))));
        for over in Over::BOTH {
            let bot = format!("bot-{over:?}");
            let mut peer = Peer::welcomed(&served, over, "r1", &bot).await;
            let mut at =
                async |activity, token| peer.ask(claim(fresh_id(), Ticket { activity, token, opening: 1 })).await;
            for token in [0, 1, ticket.token] {
                let (as_real, as_decoy) = (at(real, token ^ 5).await, at(decoy, token ^ 5).await);
                assert_eq!(as_real, as_decoy, "{over:?}");
            }
            // Its own token is a secret for ever; who knew it would be told what is told of a real one.
            let token = served.activity("r1", decoy).await["token"].as_u64().unwrap_or(0);
            assert_eq!(token, 0, "no view shows it");
            let path = format!("/v1/users/{bot}/risk");
            let judged = async || {
                let reply = served.operator("GET", &path, Value::Null).await;
                (reply.status == 200).then(|| reply.value())
            };
            let risk = crate::served::until("it is judged", judged).await;
            assert_eq!((&risk["score"], &risk["reason"]), (&json!(90), &json!("decoy")));
        }
        assert_eq!(served.activity("r1", decoy).await["caught"], 2);
        assert!(served.activity("r1", real).await["caught"].is_null());
        served.step("r1", decoy, "close").await.expect(200);
        served.step("r1", real, "close").await.expect(200);
        // Whoever was in the room all the time has heard of the real one only; so does whoever comes.
        let mut heard = std::collections::BTreeSet::new();
        let (_late, mut later) = served.client(Over::Quic, "r1", "bob").await;
        for events in [&mut events, &mut later] {
            let mut view = liveroom_protocol::client::RoomView::new();
            let closed = async {
                while view.activity(real).is_none_or(|state| state.phase() < Phase::Closed) {
                    let event = events.next().await.expect("the room goes on");
                    heard.extend(named(&event));
                    view.apply(&event);
                }
            };
            tokio::time::timeout(PATIENCE, closed).await.expect("the real one closes");
            assert!(view.activity(decoy).is_none());
        }
        assert_eq!(heard.into_iter().collect::<Vec<_>>(), [real]);
        served.is_well().await;
    });
}

/// The activities that an event names.
fn named(event: &Event) -> Vec<u64> {
    match event {
        Event::Snapshot(snapshot) => snapshot.activities.iter().map(|state| state.activity).collect(),
        Event::Tick(tick) => tick
            .events
            .iter()
            .filter_map(|event| match event.body.as_ref()? {
                Body::Activity(state) => Some(state.activity),
                Body::RainResult(result) => Some(result.activity),
                Body::Amendment(amendment) => Some(amendment.activity),
                _ => None,
            })
            .collect(),
        _ => Vec::new(),
    }
}
