//! What only WebSocket makes possible.

use std::time::Duration;

use tokio::io::AsyncWriteExt;

use crate::served::peer::{claim, encoded, fresh_id, upgrade, ws_frame};
use crate::served::{Over, PATIENCE, Peer, Served, Ticket, http, run, until};

const NOTHING: Ticket = Ticket { activity: 99, token: 1, opening: 1 };

#[test]
fn only_a_proper_upgrade_is_one() {
    let head =
        |request: &str, headers: &str| format!("{request}\r\nHost: live.example\r\nConnection: close\r\n{headers}\r\n");
    let upgrade = |connection: &str, upgrade: &str, version: &str, key: &str| {
        format!(
            "GET /v1/ws HTTP/1.1\r\nHost: h\r\nConnection: {connection}\r\nUpgrade: {upgrade}\r\n\
             Sec-WebSocket-Version: {version}\r\nSec-WebSocket-Key: {key}\r\n\r\n"
        )
    };
    let key = "dGhlIHNhbXBsZSBub25jZQ==";
    let rows = [
        (head("GET /v1/ws HTTP/1.1", ""), "426 upgrade_required"),
        (head("GET / HTTP/1.1", ""), "404 not_found"),
        (head("GET /v1/ws/ HTTP/1.1", ""), "404 not_found"),
        (head("GET /v2/ws HTTP/1.1", ""), "404 not_found"),
        (head("GET /healthz HTTP/1.1", ""), "404 not_found"),
        (head("GET /v1/rooms/r1 HTTP/1.1", ""), "404 not_found"),
        (head("POST /v1/ws HTTP/1.1", ""), "405 method_not_allowed"),
        (upgrade("close", "websocket", "13", key), "426 upgrade_required"),
        (upgrade("Upgrade", "h2c", "13", key), "426 upgrade_required"),
        (upgrade("Upgrade", "websocket", "8", key), "426 upgrade_required"),
        (upgrade("Upgrade", "websocket", "13", "short"), "400 websocket_key_invalid"),
        (upgrade("Upgrade", "websocket", "13", ""), "400 websocket_key_invalid"),
        ("GARBAGE\r\n\r\n".to_owned(), "400 "),
        (head("GET /v1/ws HTTP/1.1", &format!("X: {}\r\n", "x".repeat(64 * 1024))), "431 "),
    ];
    run(async {
        let served = Served::furnished(|_| {}).await;
        for (request, want) in rows {
            let reply = http::exchange(served.server.ws, request.as_bytes()).await;
            let told = format!("{} {}", reply.status, String::from_utf8_lossy(&reply.body));
            assert_eq!(told, want, "{}", &request[..request.len().min(300)]);
        }
        served.is_well().await;
    });
}

#[test]
fn foreign_pages_stay_out() {
    run(async {
        let served = Served::furnished(|config| config.websocket.origins = vec!["https://live.example".into()]).await;
        let own = format!("http://{}", served.server.ws);
        for (origin, comes_in) in [
            ("https://live.example", true),
            (own.as_str(), true),
            ("https://evil.example", false),
            ("https://live.example.evil.example", false),
            ("https://live.example:8443", false),
            ("http://live.example", false),
            ("null", false),
            ("", false),
        ] {
            let told = upgrade(served.server.ws, &format!("Origin: {origin}\r\n")).await.map(drop);
            assert_eq!(told, if comes_in { Ok(()) } else { Err("403 origin_forbidden".to_owned()) }, "{origin:?}");
        }
        served.is_well().await;
    });
}

#[test]
fn what_breaks_the_websocket_ends_it_with_a_word() {
    let hi = ws_frame(0x82, b"hi");
    let rows: Vec<(&str, Vec<u8>, &str)> = vec![
        ("text", ws_frame(0x81, b"hello"), "message_not_binary"),
        ("no text", ws_frame(0x81, b""), "message_not_binary"),
        ("text that is none", ws_frame(0x81, b"\xc3\x28"), "websocket_malformed"),
        ("not masked", vec![0x82, 0x01, 0x00], "websocket_malformed"),
        ("reserved bits", ws_frame(0xf2, b"hi"), "websocket_malformed"),
        ("an unknown kind", ws_frame(0x83, b"hi"), "websocket_malformed"),
        ("an unknown control", ws_frame(0x8b, b"hi"), "websocket_malformed"),
        ("a middle without a beginning", ws_frame(0x80, b"hi"), "websocket_malformed"),
        ("a beginning in the middle", [ws_frame(0x02, b"hi"), hi].concat(), "websocket_malformed"),
        ("a long ping", ws_frame(0x89, &[0; 126]), "websocket_malformed"),
        ("half a ping", ws_frame(0x09, b"hi"), "websocket_malformed"),
        ("longer than any memory", [&[0x82, 0xff][..], &u64::MAX.to_be_bytes(), &[0; 4]].concat(), "message_too_large"),
        (
            "announced too long",
            [&[0x82, 0xff][..], &(1_u64 << 40).to_be_bytes(), &[0; 4]].concat(),
            "message_too_large",
        ),
        ("too long", ws_frame(0x82, &vec![0; 64 * 1024]), "message_too_large"),
        (
            "too long in pieces",
            [ws_frame(0x02, &[1; 1_000]), ws_frame(0x00, &[1; 1_000]).repeat(64)].concat(),
            "message_too_large",
        ),
    ];
    run(async {
        let served = Served::furnished(|_| {}).await;
        for (what, bytes, want) in rows {
            let mut peer = Peer::welcomed(&served, Over::Ws, "r1", "ann").await;
            peer.send_raw(&bytes).await;
            assert_eq!(peer.end().await, format!("protocol_error {want}"), "{what}");
        }
        served.is_well().await;
    });
}

#[test]
fn what_is_allowed_is_taken() {
    run(async {
        let served = Served::furnished(|_| {}).await;
        let mut peer = Peer::welcomed(&served, Over::Ws, "r1", "ann").await;
        let asked = |id| encoded(&claim(id, NOTHING));
        let frame = asked(1);
        let pieces =
            [ws_frame(0x02, &frame[..3]), ws_frame(0x89, b"ping"), ws_frame(0x00, &[]), ws_frame(0x80, &frame[3..])];
        peer.send_raw(&pieces.concat()).await;
        assert_eq!(peer.answer(1).await, "not done unknown_activity", "in pieces, with a ping between");
        peer.send_raw(&[ws_frame(0x82, b""), ws_frame(0x8a, b"pong")].concat()).await;
        peer.send_bytes(&[asked(2), asked(3)].concat()).await;
        assert_eq!(peer.answer(2).await, "not done unknown_activity", "two in one message");
        assert_eq!(peer.answer(3).await, "not done unknown_activity", "two in one message");
        peer.send_raw(&ws_frame(0x88, &1000_u16.to_be_bytes())).await;
        assert!(peer.end().await.starts_with("1000 "), "a close is answered");
        served.is_well().await;
    });
}

#[test]
fn whoever_is_slow_or_silent_is_let_go() {
    run(async {
        let served = Served::furnished(|config| {
            config.session.hello_timeout = Duration::from_millis(200);
            config.session.idle_timeout = Duration::from_secs(1);
            config.session.write_timeout = Duration::from_millis(300);
        });
        let served = served.await;
        let slow = b"GET /v1/ws HTTP/1.1\r\nHost:".to_vec();
        let mut stream = tokio::net::TcpStream::connect(served.server.ws).await.unwrap();
        stream.write_all(&slow).await.unwrap();
        let mut rest = Vec::new();
        let ended = tokio::io::AsyncReadExt::read_to_end(&mut stream, &mut rest);
        tokio::time::timeout(PATIENCE, ended).await.expect("half a request holds nothing").unwrap();
        let mut silent = Peer::welcomed(&served, Over::Ws, "r1", "ann").await;
        assert_eq!(silent.end().await, "idle idle");

        // Pings whose pongs nobody reads: the server stops reading, then lets go.
        let mut flood = upgrade(served.server.ws, "").await.unwrap();
        let pings = ws_frame(0x89, &[7; 125]).repeat(1_000);
        let cut = async { while flood.write_all(&pings).await.is_ok() {} };
        tokio::time::timeout(PATIENCE, cut).await.expect("a flood of pings is cut off");
        until("everybody is gone", async || (served.metric("connections").await == 0).then_some(())).await;
        assert_eq!(
            Peer::welcomed(&served, Over::Ws, "r1", "ann").await.ask(claim(fresh_id(), NOTHING)).await,
            "not done unknown_activity"
        );
        served.is_well().await;
    });
}
