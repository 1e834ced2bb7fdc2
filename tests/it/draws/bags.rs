//! Lucky bags that are not drawn, over connections; and that a code is its winner's secret.

use std::fs;
use std::path::Path;

use liveroom_protocol::client::{Event, Outcome};
use liveroom_protocol::wire::grant::Prize;
use prost::Message as _;
use serde_json::{Value, json};

use super::next_own;
use crate::served::{Over, Served, get, run, until};

/// Everything that is written below a directory, but the log itself: that is where decisions are kept.
fn written(dir: &Path, text: &mut String) {
    for entry in fs::read_dir(dir).unwrap().map(Result::unwrap) {
        match entry.path() {
            path if path.is_dir() => written(&path, text),
            path if path.extension().is_some_and(|kind| kind == "ndjson") => {
                text.push_str(&fs::read_to_string(path).unwrap())
            }
            _ => {}
        }
    }
}

#[test]
fn a_code_is_told_to_its_winner_and_to_nobody_else() {
    run(async {
        let served = Served::furnished(|_| {}).await;
        let codes = json!({ "codes": ["SECRET-1", "SECRET-2"], "duration_ms": 3_600_000 });
        let bag = served.open("r1", json!({ "title": "codes", "code_bag": codes })).await;
        let (_onlooker, mut overheard) = served.client(Over::Quic, "r1", "eve").await;
        let ticket = served.ticket("r1", bag).await;
        for (over, user, code) in [(Over::Quic, "amy", "SECRET-1"), (Over::Ws, "bob", "SECRET-2")] {
            let (client, _) = served.client(over, "r1", user).await;
            match client.claim(bag, ticket.token, ticket.opening).await.unwrap() {
                Outcome::Granted(grant) => assert_eq!(grant.prize, Some(Prize::Code(code.to_owned()))),
                other => panic!("{other:?}"),
            }
        }
        let (_amy, mut events) = served.client(Over::Ws, "r1", "amy").await;
        assert_eq!(
            next_own(&mut events).await.grants[0].prize,
            Some(Prize::Code("SECRET-1".to_owned())),
            "on her return"
        );
        until("an empty list closes the bag", async || {
            (served.activity("r1", bag).await["phase"] == "settled").then_some(())
        })
        .await;
        // What everybody hears, up to the end of the bag.
        let mut heard = Vec::new();
        loop {
            let Event::Tick(tick) = overheard.next().await.unwrap() else { continue };
            heard.extend(tick.encode_to_vec());
            let text = format!("{tick:?}");
            if text.contains("Settled") || text.contains("phase: 5") {
                break;
            }
        }
        let mut places = vec![("the room", String::from_utf8_lossy(&heard).into_owned())];
        for (what, path) in
            [("a host", format!("/v1/rooms/r1/activities/{bag}")), ("the list", "/v1/rooms/r1/activities".to_owned())]
        {
            places.push((what, served.operator("GET", &path, Value::Null).await.expect(200).to_string()));
        }
        places.push(("the metrics", String::from_utf8(get(served.server.admin, "/metrics").await.body).unwrap()));
        let mut events = String::new();
        until("the events are written", async || {
            events.clear();
            written(served.dir.path(), &mut events);
            (events.matches("\"granted\"").count() >= 2).then_some(())
        })
        .await;
        places.push(("the events", events));
        for (what, text) in places {
            assert!(!text.is_empty() && !text.contains("SECRET"), "{what}: {text}");
        }
    });
}

#[test]
fn a_bag_for_newcomers_is_unlocked_by_watching() {
    run(async {
        let served =
            Served::furnished(|config| config.engine.presence_every = std::time::Duration::from_millis(100)).await;
        let on_air = served.operator("POST", "/v1/rooms/r1/broadcasts", Value::Null).await;
        assert!(on_air.status < 300, "{on_air:?}");
        let mut bag =
            json!({ "title": "welcome", "newcomer_bag": { "item": "mug", "count": 1, "duration_ms": 3_600_000 } });
        bag["conditions"] = json!({ "watched_s": 1 });
        let bag = served.open("r1", bag).await;
        let ticket = served.ticket("r1", bag).await;
        let (amy, _events) = served.client(Over::Quic, "r1", "amy").await;
        let item = until("amy has watched for a second", async || {
            match amy.claim(bag, ticket.token, ticket.opening).await.unwrap() {
                Outcome::Granted(grant) => grant.prize,
                Outcome::Refused { code, .. } => {
                    assert_eq!(code.word(), "watched_too_little");
                    None
                }
                Outcome::NotDone { code, .. } => {
                    // Whoever asks this often is refused so often that no more is written down; that he is let in, it does not hinder.
                    assert!(["rate_limited", "too_many_refusals"].contains(&code.word()), "{code:?}");
                    None
                }
                other => panic!("{other:?}"),
            }
        });
        assert_eq!(item.await, Prize::Item("mug".to_owned()));
        assert_eq!(served.activity("r1", bag).await["kind"], "newcomer_bag");
    });
}

#[test]
fn bags_that_make_no_sense() {
    run(async {
        let served = Served::furnished(|_| {}).await;
        let codes = |codes: Value| json!({ "title": "codes", "code_bag": { "codes": codes, "duration_ms": 60_000 } });
        let newcomer = |what: Value| {
            let mut bag = json!({ "count": 1, "duration_ms": 60_000 });
            bag.as_object_mut().unwrap().extend(what.as_object().unwrap().clone());
            json!({ "title": "welcome", "newcomer_bag": bag })
        };
        for (what, bag, want) in [
            ("no code", codes(json!([])), "422 invalid"),
            ("the same twice", codes(json!(["SECRET", "SECRET"])), "422 invalid"),
            ("not a code", codes(json!(["a", "SECRET 2"])), "422 invalid"),
            ("nothing in it", newcomer(json!({})), "422 invalid"),
            ("two things in one", newcomer(json!({ "item": "mug", "amount_fen": 5 })), "422 invalid"),
            ("a fine one", newcomer(json!({ "amount_fen": 5 })), "201"),
        ] {
            let reply = served.operator("POST", "/v1/rooms/r1/activities", bag).await;
            assert_eq!(reply.told(), want, "{what}");
            assert!(!String::from_utf8_lossy(&reply.body).contains("SECRET"), "{what}");
        }
    });
}
