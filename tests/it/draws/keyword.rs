//! Keywords in a room: what enters a draw, and what meets a condition, over a connection.

use liveroom_protocol::client::{Client, Outcome};
use serde_json::{Value, json};

use super::{entries, next_own, token};
use crate::served::{Over, Served, run, until};

async fn served() -> Served {
    Served::furnished(|config| config.rates.comment.burst = 100).await
}

fn keyword_draw(keyword: &str) -> Value {
    json!({ "title": "draw", "keyword_draw": {
        "keyword": keyword, "prizes": [{ "title": "tea", "count": 1 }], "duration_ms": 3_600_000, "excluded": ["eve"],
    } })
}

/// What a comment comes to, in a word.
async fn says(client: &Client, text: &str) -> String {
    match client.comment(text).await.unwrap() {
        Outcome::Done => "done".to_owned(),
        Outcome::NotDone { code, .. } => code.word().to_owned(),
        Outcome::Refused { code, .. } => code.word().to_owned(),
        other => panic!("{text}: {other:?}"),
    }
}

#[test]
fn whoever_posts_the_keyword_has_one_ticket_however_it_is_written() {
    run(async {
        let served = served().await;
        let draw = served.open("r1", keyword_draw("我要 Tea")).await;
        let (amy, mut events) = served.client(Over::Quic, "r1", "amy").await;
        let (bob, mut of_bob) = served.client(Over::Ws, "r1", "bob").await;
        let (eve, _) = served.client(Over::Ws, "r1", "eve").await;
        for (who, text, want, tickets) in [
            (&amy, "我要 Tea 吗", "done", 0),
            (&amy, "我要tea", "done", 1),
            (&amy, "我 要 ＴＥＡ", "done", 1),
            (&eve, "我要tea", "excluded", 1),
            (&bob, " 我要Tea ", "done", 2),
        ] {
            assert_eq!(says(who, text).await, want, "{text}");
            assert_eq!(entries(&served, draw).await, tickets, "{text}");
        }
        for (own, who, leaf) in [(next_own(&mut events).await, "amy", 0), (next_own(&mut of_bob).await, "bob", 1)] {
            let [ticket] = own.tickets.as_slice() else { panic!("{own:?}") };
            assert_eq!((ticket.activity, ticket.ticket.as_str(), ticket.leaf), (draw, who, leaf));
            assert_eq!(ticket.signature.len(), 64, "it is a receipt");
        }
        // On another device, and as long as it is not drawn.
        let (_tablet, mut on_tablet) = served.client(Over::Ws, "r1", "amy").await;
        assert_eq!(next_own(&mut on_tablet).await.tickets.len(), 1);
        served.step("r1", draw, "close").await.expect(200);
        until("it is settled", async || (served.activity("r1", draw).await["phase"] == "settled").then_some(())).await;
        assert_eq!(says(&bob, "我要Tea").await, "done", "only words, now");
        assert_eq!(entries(&served, draw).await, 2);
    });
}

#[test]
fn a_comment_that_is_held_back_enters_nothing() {
    run(async {
        let served = served().await;
        let draw = served.open("r1", keyword_draw("666")).await;
        let (amy, _) = served.client(Over::Ws, "r1", "amy").await;
        served.operator("PUT", "/v1/rooms/r1/sanctions/mute/amy", json!({ "for_ms": 3_600_000 })).await.expect(200);
        assert_eq!(says(&amy, "666").await, "muted");
        assert_eq!(entries(&served, draw).await, 0);
    });
}

#[test]
fn one_comment_serves_a_condition_and_two_draws() {
    run(async {
        let served = served().await;
        let mut bag = json!({ "title": "bag", "lucky_bag": {
            "prizes": [{ "title": "cup", "count": 1 }], "duration_ms": 3_600_000,
        } });
        bag["conditions"] = json!({ "keyword": "好茶" });
        let bag = served.open("r1", bag).await;
        let draws = [served.open("r1", keyword_draw("好茶")).await, served.open("r1", keyword_draw("好 茶")).await];
        let (amy, mut events) = served.client(Over::Quic, "r1", "amy").await;
        let token = token(&mut events, bag).await;
        match amy.enter_draw(bag, token).await.unwrap() {
            Outcome::Refused { code, .. } => assert_eq!(code.word(), "keyword_not_posted"),
            other => panic!("{other:?}"),
        }
        assert_eq!(says(&amy, "好茶").await, "done");
        for draw in draws {
            assert_eq!(entries(&served, draw).await, 1);
        }
        assert!(matches!(amy.enter_draw(bag, token).await.unwrap(), Outcome::Entered(_)));
    });
}

#[test]
fn keywords_that_nobody_could_post() {
    run(async {
        let served = served().await;
        let activity = |kind: &str, keyword: Value| {
            let mut draw = json!({ "prizes": [{ "title": "tea", "count": 1 }], "duration_ms": 60_000 });
            draw["keyword"] = keyword;
            json!({ "title": "draw", kind: draw })
        };
        let mut asked = activity("lucky_bag", Value::Null);
        asked["conditions"] = json!({ "keyword": "\u{200b} " });
        for (what, activity, want) in [
            ("none", activity("keyword_draw", Value::Null), "422 invalid"),
            ("empty", activity("keyword_draw", json!("")), "422 invalid"),
            ("spaces", activity("keyword_draw", json!(" \u{3000}\u{200b}")), "422 invalid"),
            ("too long", activity("keyword_draw", json!("长".repeat(22))), "422 invalid"),
            ("of a bag", activity("lucky_bag", json!("tea")), "422 invalid"),
            ("of a mic-link draw", activity("mic_draw", json!("tea")), "422 invalid"),
            ("a condition of spaces", asked, "422 invalid"),
            ("one that is fine", activity("keyword_draw", json!("tea")), "201"),
            // It is drafted, and the review says what is wrong.
            ("banned", activity("keyword_draw", json!("傻逼")), "201"),
        ] {
            let drafted = served.operator("POST", "/v1/rooms/r1/activities", activity).await;
            assert_eq!(drafted.told(), want, "{what}");
            if what == "banned" {
                let id = drafted.value()["activity"].as_u64().unwrap();
                assert_eq!(served.step("r1", id, "schedule").await.told(), "409 review_failed");
            }
        }
    });
}
