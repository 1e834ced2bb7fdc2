//! What has a bound is refused beyond it, by name, and is there again afterwards.

use std::time::Duration;

use liveroom::gateway::Rate;
use liveroom_protocol::client::{ConnectError, Endpoint, Trust};
use liveroom_protocol::wire::{Announce, Like, client_frame::Body};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::served::peer::{claim, encoded, framed, fresh_id, release, reserve, upgrade};
use crate::served::{Over, Peer, Served, Ticket, get, run, sale, until};

const NOTHING: Ticket = Ticket { activity: 99, token: 1, opening: 1 };

#[test]
fn connections_are_counted_over_both_transports() {
    let in_all = |config: &mut liveroom::server::config::Config| config.connections.connections_max = 2;
    let by_address = |config: &mut liveroom::server::config::Config| config.connections.per_address_max = 2;
    let both: [(&str, fn(&mut liveroom::server::config::Config)); 2] = [("in all", in_all), ("by address", by_address)];
    for (what, bound) in both {
        run(async {
            let served = Served::with(bound).await;
            served.operator("PUT", "/v1/rooms/r1", serde_json::json!({ "host": "host" })).await.expect(201);
            let first = Peer::welcomed(&served, Over::Quic, "r1", "ann").await;
            let _second = Peer::welcomed(&served, Over::Ws, "r1", "ann").await;
            let endpoint = Endpoint::new(Trust::InsecureLoopback).unwrap();
            let refused = endpoint.connect(&served.server.quic.into()).await.unwrap_err();
            let ConnectError::Handshake(quinn::ConnectionError::ConnectionClosed(close)) = &refused else {
                panic!("{what}: {refused}")
            };
            assert_eq!(u64::from(close.error_code), 0x2, "{what}: CONNECTION_REFUSED");
            assert_eq!(upgrade(served.server.ws, "").await.unwrap_err(), "503 too_many_connections", "{what}");
            assert_eq!(served.metric("turned_away").await, 2);
            drop(first);
            let freed = async || (served.metric("connections").await < 2).then_some(());
            until("a place is free", freed).await;
            Peer::welcomed(&served, Over::Quic, "r1", "ann").await;
        });
    }
}

#[test]
fn whoever_is_turned_away_holds_nothing() {
    run(async {
        let served = Served::with(|config| {
            config.connections.per_address_max = 1;
            config.session.hello_timeout = Duration::from_secs(30);
        });
        let served = served.await;
        served.operator("PUT", "/v1/rooms/r1", serde_json::json!({ "host": "host" })).await.expect(201);
        let _one = Peer::welcomed(&served, Over::Ws, "r1", "ann").await;
        let mut crowd = Vec::new();
        for _ in 0..200 {
            crowd.push(TcpStream::connect(served.server.ws).await.unwrap());
        }
        // None of them says anything: most are cut off long before their time to speak is over.
        let mut cut = 0;
        for stream in &mut crowd {
            let mut byte = [0];
            if let Ok(ended) = tokio::time::timeout(Duration::from_millis(20), stream.read(&mut byte)).await {
                assert!(!matches!(ended, Ok(1..)));
                cut += 1;
            }
        }
        assert!(cut >= 100, "only {cut} of 200 were cut off");
    });
}

#[test]
fn requests_are_bounded_by_kind_and_in_flight() {
    run(async {
        let one = Rate { per_second: 10, burst: 1 };
        let served = Served::furnished(|config| {
            (config.rates.claim, config.rates.reserve, config.rates.release, config.rates.announce) =
                (one, one, one, one);
            config.rates.ping = one;
        });
        let served = served.await;
        for over in Over::BOTH {
            let mut peer = Peer::welcomed(&served, over, "r1", "ann").await;
            let announce = |id| framed(id, Body::Announce(Announce { text: "hi".into() }));
            let rows: [(&str, Box<dyn Fn(u64) -> _>, &str); 4] = [
                ("claims", Box::new(|id| claim(id, NOTHING)), "not done unknown_activity"),
                ("carts", Box::new(|id| reserve(id, NOTHING, 1, 1)), "not done unknown_activity"),
                ("releases", Box::new(|id| release(id, 99)), "not done unknown_order"),
                ("announcements", Box::new(announce), "not done forbidden"),
            ];
            for (what, frame, first) in rows {
                let (a, b) = (fresh_id(), fresh_id());
                peer.send_bytes(&[encoded(&frame(a)), encoded(&frame(b))].concat()).await;
                let answers = (peer.answer(b).await, what);
                assert_eq!(answers, ("not done rate_limited".to_owned(), what), "{over:?}");
                // The id was not used up: it is asked again until its turn comes.
                until("its turn comes", async || (peer.ask(frame(b)).await == first).then_some(())).await;
            }
        }
        let served = Served::furnished(|config| config.session.in_flight_max = 1).await;
        let sold = served.open("r1", sale(10, 5)).await;
        let ticket = served.ticket("r1", sold).await;
        for over in Over::BOTH {
            let mut peer = Peer::welcomed(&served, over, "r1", "ann").await;
            let (a, b) = (fresh_id(), fresh_id());
            let both = [encoded(&reserve(a, ticket, 1, 1)), encoded(&reserve(b, ticket, 1, 1))].concat();
            peer.send_bytes(&both).await;
            assert_eq!(peer.answer(b).await, "not done too_many_in_flight", "{over:?}");
            assert_eq!(peer.answer(a).await, "order 5 fen", "{over:?}");
            assert_eq!(peer.ask(reserve(b, ticket, 1, 1)).await, "order 5 fen", "{over:?}");
        }
        served.is_well().await;
    });
}

#[test]
fn a_user_asks_no_more_often_over_more_connections() {
    run(async {
        let served = Served::furnished(|config| config.rates.claim = Rate { per_second: 1, burst: 3 }).await;
        let mut peers = Vec::new();
        for over in [Over::Quic, Over::Ws, Over::Quic, Over::Ws] {
            peers.push(Peer::welcomed(&served, over, "r1", "ann").await);
        }
        let mut answers = Vec::new();
        for peer in &mut peers {
            answers.push(peer.ask(claim(fresh_id(), NOTHING)).await);
        }
        assert_eq!(answers[..3], ["not done unknown_activity"; 3]);
        // Were it slow enough a fourth would do, too.
        while answers.last().unwrap() != "not done rate_limited" {
            answers.push(peers[0].ask(claim(fresh_id(), NOTHING)).await);
        }
        // Neither does coming back help.
        drop(peers);
        let mut back = Peer::welcomed(&served, Over::Ws, "r1", "ann").await;
        let mut again = 0;
        while back.ask(claim(fresh_id(), NOTHING)).await != "not done rate_limited" {
            again += 1;
        }
        assert!(again < 3, "a burst again: {again}");
        let mut bob = Peer::welcomed(&served, Over::Quic, "r1", "bob").await;
        assert_eq!(bob.ask(claim(fresh_id(), NOTHING)).await, "not done unknown_activity");
        served.is_well().await;
    });
}

/// One address, many users: each within bounds of their own.
#[test]
fn an_address_asks_no_more_often_with_more_users() {
    run(async {
        let served = Served::furnished(|config| {
            config.budgets.claims = Rate { per_second: 1, burst: 3 };
            config.budgets.talk = Rate { per_second: 1, burst: 1 };
        });
        let served = served.await;
        for over in Over::BOTH {
            let before = served.metric("address_budget").await;
            let mut crowd = Vec::new();
            for n in 0..6 {
                crowd.push(Peer::welcomed(&served, over, "r1", &format!("{over:?}-{n}")).await);
            }
            let mut answers = Vec::new();
            for peer in &mut crowd {
                answers.push(peer.ask(claim(fresh_id(), NOTHING)).await);
            }
            // Were it slow enough, it would have filled again meanwhile.
            let kept_away = "not done address_budget";
            while answers.last().unwrap() != kept_away {
                answers.push(crowd[0].ask(claim(fresh_id(), NOTHING)).await);
            }
            let asked = answers.iter().filter(|answer| *answer != kept_away);
            assert!(asked.clone().all(|answer| answer == "not done unknown_activity"), "{over:?} {answers:?}");
            assert!(served.metric("address_budget").await > before, "{over:?}");
            // The id was not used up, and neither was what is for talk.
            let like = |id| framed(id, Body::Like(Like { hearts: 1 }));
            let (liked, id) = (crowd[1].ask(like(fresh_id())).await, fresh_id());
            assert!(liked == "done" || over == Over::Ws, "{liked}");
            let its_turn = async || (crowd[2].ask(claim(id, NOTHING)).await != kept_away).then_some(());
            until("its turn comes", its_turn).await;
            drop(crowd);
        }
    });
}

#[test]
fn behind_a_trusted_proxy_each_viewer_s_address_has_a_budget() {
    const BURST: u32 = 200;
    run(async {
        let served = Served::furnished(|config| {
            config.rates.claim = Rate { per_second: 1_000, burst: 1_000 };
            config.budgets.claims = Rate { per_second: 1, burst: BURST };
            config.websocket.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()];
        });
        let served = served.await;
        for (forwarded, is_new) in [("1.2.3.4", true), ("6.6.6.6, 1.2.3.4", false), ("1.2.3.5, 127.0.0.9", true)] {
            let stream = upgrade(served.server.ws, &format!("X-Forwarded-For: {forwarded}\r\n")).await.unwrap();
            let mut peer = Peer::over(stream);
            peer.greet("r1", served.token("ann", "viewer")).await;
            let mut asked = 0;
            while peer.ask(claim(fresh_id(), NOTHING)).await == "not done unknown_activity" {
                asked += 1;
            }
            assert_eq!(asked >= BURST, is_new, "{forwarded}: {asked}");
        }
        served.is_well().await;
    });
}

#[test]
fn calls_of_the_api_are_bounded_in_number_and_time() {
    run(async {
        let served = Served::furnished(|config| {
            config.admin.in_flight_max = 1;
            config.admin.timeout = Duration::from_secs(1);
        });
        let served = served.await;
        let mut slow = TcpStream::connect(served.server.admin).await.unwrap();
        let head = format!(
            "PUT /v1/rooms/r3 HTTP/1.1\r\nHost: h\r\nConnection: close\r\nAuthorization: Bearer {}\r\n\
             Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{{",
            served.token("op", "operator")
        );
        slow.write_all(head.as_bytes()).await.unwrap();
        let overloaded = async || {
            let reply = get(served.server.admin, "/v1/rooms/r1").await;
            (reply.told() == "503 overloaded").then_some(reply)
        };
        let reply = until("the slow call is under way", overloaded).await;
        assert!(reply.head.contains("retry-after"), "{}", reply.head);
        let mut answer = String::new();
        slow.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 504") && answer.contains("timed_out"), "{answer}");
        served.is_well().await;
    });
}

#[test]
fn with_the_least_of_everything_it_serves() {
    run(async {
        let least = Rate { per_second: 1, burst: 1 };
        let served = Served::furnished(|config| {
            (config.store.segment_bytes, config.store.snapshot_every_segments) = (2 << 20, 1);
            (config.engine.queue_ops, config.engine.batch_ops) = (16, 1);
            (config.rooms.rooms_max, config.rooms.activities_per_room_max) = (3, 1);
            (config.rooms.history_frames, config.rooms.history_bytes, config.rooms.talk_per_tick) = (1, 1_024, 1);
            (config.session.in_flight_max, config.session.frame_bytes_max) = (1, 1_024);
            (config.session.mailbox_bytes, config.session.posts_max) = (16 << 10, 16);
            (config.connections.connections_max, config.connections.per_address_max) = (3, 3);
            (config.connections.handshakes_before_retry, config.connections.handshakes_max) = (0, 1);
            (config.admin.in_flight_max, config.admin.body_bytes_max) = (1, 1_024);
            config.rates = liveroom::gateway::Rates::all(least);
        });
        let served = served.await;
        served.is_well().await;
        assert_eq!(served.operator("PUT", "/v1/rooms/r4", serde_json::json!({})).await.told(), "507 too_many");
        let draft = served.operator("POST", "/v1/rooms/well/activities", sale(1, 1)).await;
        assert_eq!(draft.told(), "507 too_many");
        served.is_well().await;
    });
}
