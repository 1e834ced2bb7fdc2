//! A draw from the first ticket to the last seat, over connections of both kinds and the API.

use liveroom::gateway::receipt::is_signed;
use liveroom::rules::{Digest, DrawProof, check_record};
use liveroom_protocol::client::Outcome;
use liveroom_protocol::wire::PrizeState;
use serde_json::{Value, json};

use super::{enter, lucky_bag, next_own, receipt, state, token};
use crate::served::{Over, Served, get, run, until};

async fn winners(served: &Served, draw: u64) -> Option<Vec<Value>> {
    served.activity("r1", draw).await["draw"]["winners"].as_array().cloned()
}

#[test]
fn a_receipt_holds_against_what_is_published() {
    run(async {
        let served = Served::furnished(|_| {}).await;
        let draw = served.open("r1", lucky_bag("tea", 1, json!({}))).await;
        let path = format!("/v1/rooms/r1/draws/{draw}");
        let rules = get(served.server.admin, &format!("{path}/rules")).await;
        let rules_hash = Digest::of(&rules.body);
        assert_eq!(get(served.server.admin, &format!("{path}/record")).await.told(), "404 unknown_activity", "not yet");
        let mut receipts = Vec::new();
        for (leaf, (over, user)) in [(Over::Quic, "amy"), (Over::Ws, "bob")].into_iter().enumerate() {
            let (client, mut events) = served.client(over, "r1", user).await;
            let token = token(&mut events, draw).await;
            let ticket = enter(&client, draw, token).await;
            assert_eq!((ticket.ticket.as_str(), ticket.leaf), (user, leaf as u64), "{over:?}");
            let receipt = receipt(&ticket);
            assert!(is_signed(&receipt), "{over:?}");
            assert_eq!(receipt.rules_hash, rules_hash, "the hash of the very bytes that are published");
            assert_eq!(enter(&client, draw, token).await, ticket, "who asks again has the same");
            receipts.push(receipt);
        }
        let (_onlooker, mut events) = served.client(Over::Ws, "r1", "onlooker").await;
        served.step("r1", draw, "close").await.expect(200);
        let heard = state(&mut events, draw, |state| match &state.kind {
            Some(liveroom_protocol::wire::activity_state::Kind::Draw(draw)) if !draw.root.is_empty() => {
                Some(draw.root.to_vec())
            }
            _ => None,
        });
        let root = heard.await;
        let record = until("it is drawn", async || {
            let record = get(served.server.admin, &format!("{path}/record")).await;
            (record.status == 200).then_some(record.body)
        });
        let checked = check_record(&record.await).unwrap();
        assert_eq!(checked.record.root.0.to_vec(), root, "the root is the one that the room heard");
        for receipt in receipts {
            assert_eq!(receipt.against(&checked.record), Ok(()));
            let user = receipt.ticket;
            let proof = get(served.server.admin, &format!("{path}/proofs/{user}")).await.expect(200);
            let proof: DrawProof = serde_json::from_value(proof).unwrap();
            assert!(proof.holds() && proof.root == checked.record.root, "{user}");
        }
        let stranger = get(served.server.admin, &format!("{path}/proofs/eve")).await;
        assert_eq!(stranger.told(), "404 unknown_activity");
    });
}

#[test]
fn seats_pass_on_by_word_and_by_silence() {
    run(async {
        let served = Served::furnished(|_| {}).await;
        let mut seats = lucky_bag("seat", 1, json!({ "answer_ms": 5_000 }));
        let bag = seats.as_object_mut().unwrap().remove("lucky_bag").unwrap();
        seats["mic_draw"] = bag;
        let draw = served.open("r1", seats).await;
        let mut viewers = Vec::new();
        for user in ["amy", "bob", "cyd"] {
            let (client, mut events) = served.client(Over::Quic, "r1", user).await;
            let token = token(&mut events, draw).await;
            enter(&client, draw, token).await;
            viewers.push((user, client, events));
        }
        served.step("r1", draw, "close").await.expect(200);
        let offered = until("it is drawn", async || winners(&served, draw).await).await;
        let name = |winner: &Value| winner["user"].as_str().unwrap().to_owned();
        let place = |name: &str| viewers.iter().position(|(user, ..)| *user == name).unwrap();
        let first = place(&name(&offered[0]));
        let (_, client, events) = &mut viewers[first];
        let prize = loop {
            // The ticket may come as one's own, too.
            if let Some(prize) = next_own(events).await.prizes.pop() {
                break prize;
            }
        };
        assert_eq!((prize.state(), prize.title.as_str()), (PrizeState::Offered, "seat"));
        match client.reply_prize(draw, false).await.unwrap() {
            Outcome::Prize(prize) => assert_eq!(prize.state(), PrizeState::Passed),
            other => panic!("{other:?}"),
        }
        // The next says nothing for five seconds; it goes to the third, who takes it.
        let offered =
            until("the second's time runs out", async || winners(&served, draw).await.filter(|all| all.len() == 3))
                .await;
        assert_eq!([&offered[0]["state"], &offered[1]["state"]], [&json!("passed"), &json!("passed")]);
        let second = viewers.iter().position(|(user, ..)| *user == name(&offered[1])).unwrap();
        let third = viewers.iter().position(|(user, ..)| *user == name(&offered[2])).unwrap();
        assert_ne!((first, second), (third, third), "never to an earlier winner");
        match viewers[second].1.reply_prize(draw, true).await.unwrap() {
            Outcome::Refused { code, .. } => assert_eq!(code.word(), "prize_passed"),
            other => panic!("{other:?}"),
        }
        assert!(matches!(viewers[third].1.reply_prize(draw, true).await.unwrap(), Outcome::Prize(_)));
        until("it is settled", async || (served.activity("r1", draw).await["phase"] == "settled").then_some(())).await;
        let record = get(served.server.admin, &format!("/v1/rooms/r1/draws/{draw}/record")).await;
        assert_eq!(check_record(&record.body).map(|checked| checked.passed), Ok(2));
    });
}

#[test]
fn whoever_is_preferred_is_seen_before_anybody_enters() {
    run(async {
        let served = Served::furnished(|_| {}).await;
        let listed = json!({ "preferred": ["vip"], "excluded": ["eve"] });
        let draw = served.open("r1", lucky_bag("tea", 1, listed)).await;
        let rules = get(served.server.admin, &format!("/v1/rooms/r1/draws/{draw}/rules")).await.expect(200);
        assert_eq!((&rules["preferred"], &rules["excluded"]), (&json!(["vip"]), &json!(["eve"])));
        for user in ["amy", "bob", "vip", "cyd"] {
            let (client, mut events) = served.client(Over::Ws, "r1", user).await;
            let token = token(&mut events, draw).await;
            enter(&client, draw, token).await;
        }
        served.step("r1", draw, "close").await.expect(200);
        let winners =
            until("it is drawn", async || served.activity("r1", draw).await["draw"]["winners"].as_array().cloned());
        assert_eq!(winners.await[0]["user"], "vip");
        let both = served.operator(
            "POST",
            "/v1/rooms/r1/activities",
            lucky_bag(
                "tea",
                1,
                json!({
                    "preferred": ["vip"], "excluded": ["vip"],
                }),
            ),
        );
        assert_eq!(both.await.told(), "422 invalid");
    });
}
