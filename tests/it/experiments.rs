//! Experiments over the API, and what viewers hear of them.

use liveroom_protocol::client::{Event, Events, Outcome};
use liveroom_protocol::wire::RefusalCode;
use serde_json::{Value, json};

use crate::served::{Over, Served, rain, run};

const EXPERIMENTS: &str = "/v1/rooms/r1/experiments";

fn button() -> Value {
    json!({ "experiment": "button", "title": "Which button", "arms": [{ "arm": "control" }, { "arm": "red", "weight": 1 }] })
}

/// The next that a viewer hears of arms: `experiment arm`.
async fn next_arms(events: &mut Events) -> Vec<String> {
    loop {
        match events.next().await.expect("the client goes on") {
            Event::Own(own) if !own.arms.is_empty() => {
                return own.arms.iter().map(|arm| format!("{} {}", arm.experiment, arm.arm)).collect();
            }
            _ => {}
        }
    }
}

#[test]
fn created_listed_shown_and_ended() {
    run(async {
        let served = Served::furnished(|_| {}).await;
        let path = |name: &str| format!("{EXPERIMENTS}/{name}");
        let post = async |path: &str, body: Value| served.operator("POST", path, body).await;
        let dry = post(&format!("{EXPERIMENTS}?dry_run=true"), button()).await.expect(200);
        assert_eq!(dry["would"], "experiment_created");
        let shown = post(EXPERIMENTS, button()).await.expect(201);
        let arm = |arm: &str| {
            json!({
                "arm": arm, "weight": 1, "users": 0, "participants": 0, "orders": 0, "paid_orders": 0, "gmv_fen": 0,
                "gift_coins": 0,
            })
        };
        assert_eq!(shown["arms"], json!([arm("control"), arm("red")]));
        assert_eq!(served.operator("GET", EXPERIMENTS, Value::Null).await.expect(200), json!([shown]));
        let host = served.token("host", "host");
        let other = served.token("eve", "host");
        for (case, method, path, token, body, want) in [
            ("of the same name", "POST", EXPERIMENTS.to_owned(), &host, button(), "409 conflict"),
            (
                "without arms",
                "POST",
                EXPERIMENTS.to_owned(),
                &host,
                json!({ "experiment": "x", "title": "x", "arms": [] }),
                "422 invalid",
            ),
            (
                "without a name",
                "POST",
                EXPERIMENTS.to_owned(),
                &host,
                json!({ "experiment": "", "title": "x", "arms": [] }),
                "422 invalid",
            ),
            ("in another's room", "POST", EXPERIMENTS.to_owned(), &other, button(), "403 forbidden"),
            ("that is not there", "GET", path("x"), &host, Value::Null, "404 unknown_experiment"),
            (
                "that is not there, ended",
                "POST",
                format!("{}/end", path("x")),
                &host,
                Value::Null,
                "404 unknown_experiment",
            ),
            ("ended", "POST", format!("{}/end", path("button")), &host, Value::Null, "200"),
            ("ended again", "POST", format!("{}/end", path("button")), &host, Value::Null, "409 wrong_phase"),
        ] {
            let request = served.request(method, &path).bearer(token);
            let request = if body.is_null() { request } else { request.json(&body) };
            assert_eq!(request.send().await.told(), want, "{case}");
        }
        assert!(served.operator("GET", &path("button"), Value::Null).await.expect(200)["ended_ms"].is_i64());
        served.is_well().await;
    });
}

/// ann falls into `red`, bob into `control`: each hears of the own, whenever they come.
#[test]
fn viewers_hear_of_their_own_arms() {
    run(async {
        let served = Served::furnished(|_| {}).await;
        let (ann, mut of_ann) = served.client(Over::Quic, "r1", "ann").await;
        served.operator("POST", EXPERIMENTS, button()).await.expect(201);
        assert_eq!(next_arms(&mut of_ann).await, ["button red"]);
        let (bob, mut of_bob) = served.client(Over::Ws, "r1", "bob").await;
        assert_eq!(next_arms(&mut of_bob).await, ["button control"]);
        let mut shower = rain(10);
        shower["conditions"] = json!({ "arm": { "experiment": "button", "arm": "red" } });
        let activity = served.open("r1", shower).await;
        let ticket = served.ticket("r1", activity).await;
        let claim = async |client: &liveroom_protocol::client::Client| {
            client.claim(ticket.activity, ticket.token, ticket.opening).await.unwrap()
        };
        assert!(matches!(claim(&ann).await, Outcome::Granted(_)));
        assert!(matches!(claim(&bob).await, Outcome::Refused { code: RefusalCode::NotInArm, .. }));
        let shown = served.operator("GET", &format!("{EXPERIMENTS}/button"), Value::Null).await.expect(200);
        let counts: Vec<_> =
            shown["arms"].as_array().unwrap().iter().map(|arm| (&arm["users"], &arm["participants"])).collect();
        assert_eq!(counts, [(&json!(1), &json!(0)), (&json!(1), &json!(1))]);
        served.operator("POST", &format!("{EXPERIMENTS}/button/end"), Value::Null).await.expect(200);
        assert_eq!(
            (next_arms(&mut of_ann).await, next_arms(&mut of_bob).await),
            (vec!["button ".into()], vec!["button ".into()])
        );
        served.is_well().await;
    });
}
