//! What a room, a sender and a host see of gifts: over the wire and the API, from one server.

use liveroom_protocol::client::{Client, Event, Events, Outcome, RoomView};
use liveroom_protocol::wire::{BoardSpan, Fan, GiftRun, room_event};
use serde_json::{Value, json};

use crate::served::{Over, PATIENCE, Served, run, until};

/// A rose (1) costs 5 coins, a badge (2), which makes fans, 10. Ann has 1,000.
async fn served() -> Served {
    let served = Served::furnished(|config| config.rooms.combo_window = std::time::Duration::from_millis(300)).await;
    let gifts = json!([
        { "gift": 1, "title": "rose", "price_coins": 5, "effect": 1 },
        { "gift": 2, "title": "badge", "price_coins": 10, "joins_fan_club": true },
    ]);
    let set = served.operator("PUT", "/v1/gifts", json!({ "based_on": 0, "gifts": gifts })).await.expect(200);
    assert_eq!((&set["version"], &set["gifts"][1]["joins_fan_club"]), (&json!(1), &json!(true)));
    let money = served.request("POST", "/v1/wallets/ann/top-ups").bearer(&served.token("op", "operator"));
    let top_up = json!({ "currency": "coins", "amount": 1_000 });
    money.header("Idempotency-Key", "coins").json(&top_up).send().await.expect(201);
    served
}

async fn next(events: &mut Events) -> Event {
    tokio::time::timeout(PATIENCE, events.next()).await.expect("silence").expect("the client goes on")
}

/// Everything about gifts that the room hears, until `done`.
async fn heard(events: &mut Events, mut done: impl FnMut(&room_event::Body) -> bool) -> Vec<room_event::Body> {
    let mut heard = Vec::new();
    loop {
        let Event::Tick(tick) = next(events).await else { continue };
        for body in tick.events.into_iter().filter_map(|event| event.body) {
            let last = done(&body);
            heard.push(body);
            if last {
                return heard;
            }
        }
    }
}

async fn send(client: &Client, gift: u32, count: u32) -> (u32, i64) {
    match client.send_gift(gift, count).await.unwrap() {
        Outcome::GiftSent(sent) => (sent.total, sent.balance_coins),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_room_hears_sums_and_the_end_of_a_combo() {
    run(async {
        let served = served().await;
        let (_onlooker, mut events) = served.client(Over::Quic, "r1", "bob").await;
        let (ann, _) = served.client(Over::Ws, "r1", "ann").await;
        let mut paid = 0;
        for count in [1, 2, 30] {
            paid += count;
            assert_eq!(send(&ann, 1, count).await, (paid, 1_000 - 5 * i64::from(paid)));
        }
        let heard = heard(&mut events, |body| matches!(body, room_event::Body::ComboClosed(_))).await;
        let runs: Vec<&GiftRun> = heard
            .iter()
            .filter_map(|body| match body {
                room_event::Body::GiftRun(run) => Some(run),
                _ => None,
            })
            .collect();
        assert_eq!(runs.iter().map(|run| run.count).sum::<u32>(), 33, "nothing is counted twice: {runs:?}");
        assert_eq!(runs.iter().map(|run| run.coins).sum::<i64>(), 165);
        assert!(runs.is_sorted_by(|a, b| a.total < b.total && a.combo == b.combo), "{runs:?}");
        assert_eq!(runs.last().map(|run| (run.total, run.user.as_str(), run.gift)), Some((33, "ann", 1)));
        let Some(room_event::Body::ComboClosed(closed)) = heard.last() else { panic!("not closed") };
        assert_eq!((closed.combo, closed.total, closed.coins), (runs[0].combo, 33, 165));
        served.is_well().await;
    });
}

#[test]
fn a_board_is_told_shown_and_asked_for() {
    run(async {
        let served = served().await;
        served.operator("POST", "/v1/rooms/r1/broadcasts", Value::Null).await.expect(201);
        let (ann, mut events) = served.client(Over::Quic, "r1", "ann").await;
        send(&ann, 1, 20).await;
        let told = |body: &room_event::Body| matches!(body, room_event::Body::Board(board) if board.users == 1);
        let told = heard(&mut events, told).await;
        let Some(room_event::Body::Board(board)) = told.last() else { panic!("no board") };
        assert_eq!((board.span(), board.number), (BoardSpan::Broadcast, 1));
        assert_eq!((board.places[0].rank, board.places[0].user.as_str(), board.places[0].coins), (1, "ann", 100));
        for span in [BoardSpan::Broadcast, BoardSpan::Day, BoardSpan::Week] {
            let Ok(Outcome::Board(board)) = ann.ask_board(span, 0, 10).await else { panic!("no board") };
            let own = board.own.clone().unwrap();
            assert_eq!((board.span(), own.rank, own.coins, board.users), (span, 1, 100, 1));
            assert_eq!(board.places, [own]);
        }
        // Who comes in later sees it in the snapshot.
        let (_late, mut events) = served.client(Over::Ws, "r1", "late").await;
        let mut view = RoomView::new();
        while view.board().is_none_or(|board| board.places.is_empty()) {
            view.apply(&next(&mut events).await);
        }
        // The next broadcast begins with an empty one.
        served.operator("POST", "/v1/rooms/r1/broadcasts/1/end", Value::Null).await.expect(200);
        served.operator("POST", "/v1/rooms/r1/broadcasts", Value::Null).await.expect(201);
        while view.board().is_none_or(|board| board.number != 2) {
            view.apply(&next(&mut events).await);
        }
        assert_eq!(view.board().unwrap().places, []);
        let of = served.operator("GET", "/v1/rooms/r1/boards/broadcast?back=1&user=ann", Value::Null).await.expect(200);
        assert_eq!((&of["number"], &of["own"]["rank"], &of["places"][0]["coins"]), (&json!(1), &json!(1), &json!(100)));
        let earned = served.operator("GET", "/v1/rooms/r1/earnings", Value::Null).await.expect(200);
        assert_eq!(earned["coins"], 100);
        served.is_well().await;
    });
}

#[test]
fn a_fan_is_told_of_every_level() {
    run(async {
        let served = served().await;
        let club = json!({ "title": "sun", "gifts": { "units_per_point": 10, "points_max": 50 }, "levels": [10, 20] });
        served.operator("PUT", "/v1/rooms/r1/fan-club", club).await.expect(200);
        let (ann, mut events) = served.client(Over::Quic, "r1", "ann").await;
        let mut fan = async || loop {
            if let Event::Fan(Fan { points, level, .. }) = next(&mut events).await {
                return (points, level);
            }
        };
        send(&ann, 2, 1).await;
        assert_eq!(fan().await, (1, 1));
        send(&ann, 1, 10).await;
        send(&ann, 1, 10).await;
        assert_eq!(fan().await, (11, 2), "not of every point");
        send(&ann, 2, 20).await;
        assert_eq!(fan().await, (31, 3));
        let Ok(Outcome::FanClub(club)) = ann.ask_fan_club().await else { panic!("no club") };
        assert_eq!((club.title.as_str(), club.fans, club.own.map(|own| own.points)), ("sun", 1, Some(31)));
        let shown = served.operator("GET", "/v1/rooms/r1/fan-club/fans/ann", Value::Null).await.expect(200);
        assert_eq!(
            (&shown["points"], &shown["level"], &shown["next_level_points"]),
            (&json!(31), &json!(3), &Value::Null)
        );
        assert_eq!(ann.leave_fan_club().await, Ok(Outcome::Done));
        let Ok(Outcome::Catalogue(catalogue)) = ann.ask_catalogue().await else { panic!("no catalogue") };
        assert_eq!((catalogue.version, catalogue.gifts.len()), (1, 2));
        // The earnings are what was paid, and the combo that is still open ends by itself.
        until("the combos end", async || {
            let wallet = served.operator("GET", "/v1/wallets/ann", Value::Null).await.expect(200);
            (wallet["coins"] == 1_000 - 310).then_some(())
        })
        .await;
        served.is_well().await;
    });
}
