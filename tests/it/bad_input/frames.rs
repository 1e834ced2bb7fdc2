//! Bytes that are no frames, and frames out of order: the connection ends with a word.

use liveroom_protocol::wire::{Announce, Claim, Hello, Ping, client_frame::Body};

use crate::served::peer::{claim, encoded, framed, fresh_id, hello};
use crate::served::{Over, Peer, Served, Ticket, run};

const NOTHING: Ticket = Ticket { activity: 1, token: 1, opening: 1 };

/// A frame around bytes that need not be a message.
fn frame(message: &[u8]) -> Vec<u8> {
    assert!(message.len() < 128);
    [&[message.len() as u8], message].concat()
}

#[test]
fn what_is_no_frame_ends_the_connection_with_its_word() {
    let groups = |open: usize, close: usize| [vec![0x7b; open], vec![0x7c; close]].concat();
    let rows: Vec<(&str, Vec<u8>, &str)> = vec![
        ("longer than allowed", vec![0x81, 0x40], "frame_too_large"),
        ("of 4 GB", vec![0xff, 0xff, 0xff, 0xff, 0x0f], "frame_too_large"),
        ("a length of 35 bits", vec![0xff, 0xff, 0xff, 0xff, 0x7f], "frame_length_malformed"),
        ("a length without end", vec![0xff; 16], "frame_length_malformed"),
        ("a length with a zero behind", vec![0x81, 0x00], "frame_length_malformed"),
        ("empty", vec![0], "frame_empty"),
        ("cut inside a field", frame(&[0x1a, 0x05, 0x08]), "frame_malformed"),
        ("cut inside a number", frame(&[0x1a, 0x02, 0x08, 0x80]), "frame_malformed"),
        ("field 0", frame(&[0x00, 0x01]), "frame_malformed"),
        ("a claim that is a number", frame(&[0x18, 0x01]), "frame_malformed"),
        ("an id that is a text", frame(&[0x0a, 0x01, 0x41]), "frame_malformed"),
        ("text that is not UTF-8", frame(&[0x32, 0x04, 0x0a, 0x02, 0xc3, 0x28]), "frame_malformed"),
        ("a group that never ends", frame(&groups(1, 0)), "frame_malformed"),
        ("an end without a group", frame(&groups(0, 1)), "frame_malformed"),
        ("a hundred groups and more", [&[0x8c, 0x02][..], &groups(134, 134)].concat(), "frame_malformed"),
        ("of an unknown type", frame(&[0x7a, 0x01, 0x00]), "frame_type_unknown"),
        ("with an id and no body", frame(&[0x09, 1, 0, 0, 0, 0, 0, 0, 0]), "frame_type_unknown"),
        ("a second hello", encoded(&hello("r1", "token".into())), "hello_twice"),
        ("a request without an id", encoded(&claim(0, NOTHING)), "request_id_missing"),
        ("pings without end", encoded(&framed(0, Body::Ping(Ping { nonce: 1 }))).repeat(64), "ping_flood"),
        ("whole, and a byte behind it", [encoded(&claim(7, NOTHING)), vec![0]].concat(), "frame_empty"),
    ];
    run(async {
        let served = Served::furnished(|_| {}).await;
        for (what, bytes, want) in rows {
            for over in Over::BOTH {
                let mut peer = Peer::welcomed(&served, over, "r1", "ann").await;
                peer.send_bytes(&bytes).await;
                assert_eq!(peer.end().await, format!("protocol_error {want}"), "a frame {what}, {over:?}");
            }
        }
        served.is_well().await;
    });
}

#[test]
fn a_frame_that_is_cut_off_by_the_end_is_told_apart_from_an_end() {
    run(async {
        let served = Served::furnished(|_| {}).await;
        let whole = encoded(&claim(7, NOTHING));
        for cut in [1, 2, whole.len() - 1] {
            for over in Over::BOTH {
                let mut peer = Peer::welcomed(&served, over, "r1", "ann").await;
                peer.send_bytes(&whole[..cut]).await;
                if over == Over::Quic {
                    peer.finish();
                }
                assert_eq!(peer.end().await, "protocol_error frame_truncated", "cut at {cut}, {over:?}");
            }
        }
        served.is_well().await;
    });
}

#[test]
fn what_comes_before_the_welcome() {
    let greeting = |change: fn(&mut Hello)| {
        move |token: String| {
            let mut hello = Hello { version: 1, token, room: "r1".to_owned(), resume: None, agent: "test".to_owned() };
            change(&mut hello);
            encoded(&framed(0, Body::Hello(hello)))
        }
    };
    type Sent = Box<dyn Fn(String) -> Vec<u8>>;
    let rows: Vec<(&str, Sent, &str)> = vec![
        ("a claim", Box::new(|_| encoded(&claim(7, NOTHING))), "protocol_error hello_missing"),
        (
            "a claim, then a hello",
            Box::new(move |token| [encoded(&claim(7, NOTHING)), encoded(&hello("r1", token))].concat()),
            "protocol_error hello_missing",
        ),
        ("a ping", Box::new(|_| encoded(&framed(0, Body::Ping(Ping { nonce: 1 })))), "protocol_error hello_missing"),
        ("no version", Box::new(greeting(|hello| hello.version = 0)), "version version"),
        ("another version", Box::new(greeting(|hello| hello.version = 2)), "version version"),
        ("a long agent", Box::new(greeting(|hello| hello.agent = "a".repeat(65))), "protocol_error agent_too_long"),
        ("no room", Box::new(greeting(|hello| hello.room.clear())), "unknown_room room_id_invalid"),
        ("a long room", Box::new(greeting(|hello| hello.room = "r".repeat(40))), "unknown_room room_id_invalid"),
        ("braces", Box::new(greeting(|hello| hello.room = "{r1}".into())), "unknown_room room_id_invalid"),
        ("CR LF", Box::new(greeting(|hello| hello.room = "r1\r\nX: y".into())), "unknown_room room_id_invalid"),
        ("NUL", Box::new(greeting(|hello| hello.room = "r1\0".into())), "unknown_room room_id_invalid"),
        ("full width", Box::new(greeting(|hello| hello.room = "ｒ１".into())), "unknown_room room_id_invalid"),
        ("a path", Box::new(greeting(|hello| hello.room = "../r1".into())), "unknown_room room_id_invalid"),
        ("a room that is not", Box::new(greeting(|hello| hello.room = "r9".into())), "unknown_room unknown_room"),
        ("a megabyte", Box::new(greeting(|hello| hello.room = "r".repeat(1 << 20))), "protocol_error frame_too_large"),
        (
            "a token of 8 KB",
            Box::new(greeting(|hello| hello.token = "t".repeat(8_000))),
            "unauthorized token_malformed",
        ),
    ];
    run(async {
        let served =
            Served::furnished(|config| config.session.hello_timeout = std::time::Duration::from_secs(20)).await;
        for (what, sent, want) in rows {
            for over in Over::BOTH {
                let mut peer = Peer::connect(&served, over).await;
                peer.send_bytes(&sent(served.token("ann", "viewer"))).await;
                let end = peer.end().await;
                // A message that is too long is stopped by the WebSocket before its frames are looked at.
                let stopped = over == Over::Ws && what == "a megabyte";
                assert_eq!(end, if stopped { "protocol_error message_too_large" } else { want }, "{what}, {over:?}");
            }
        }
        served.is_well().await;
    });
}

#[test]
fn what_is_merely_unusual_is_taken() {
    let unusual: Vec<(&str, fn(Vec<u8>) -> Vec<Vec<u8>>)> = vec![
        ("byte by byte", |bytes| bytes.into_iter().map(|byte| vec![byte]).collect()),
        ("with an unknown field", |mut bytes| {
            bytes[0] += 3;
            vec![[bytes, vec![0x7a, 0x01, 0x00]].concat()]
        }),
        ("with an unknown group", |mut bytes| {
            bytes[0] += 2;
            vec![[bytes, vec![0x7b, 0x7c]].concat()]
        }),
        ("with a later body that replaces the first", |bytes| {
            let announce = encoded(&framed(0, Body::Announce(Announce { text: "hi".into() })));
            let message = [&announce[1..], &bytes[1..]].concat();
            vec![frame(&message)]
        }),
        ("with 2^53+1 for an id of the activity", |_| {
            let claim = Claim { activity: (1 << 53) + 1, token: u64::MAX, opening: u32::MAX };
            vec![encoded(&framed(7, Body::Claim(claim)))]
        }),
    ];
    run(async {
        let served = Served::furnished(|_| {}).await;
        for (what, change) in unusual {
            for over in Over::BOTH {
                let mut peer = Peer::welcomed(&served, over, "r1", "ann").await;
                let pieces = change(encoded(&claim(7, Ticket { activity: 99, ..NOTHING })));
                // Over WebSocket a frame is one message.
                let pieces = if over == Over::Ws { vec![pieces.concat()] } else { pieces };
                for piece in pieces {
                    peer.send_bytes(&piece).await;
                }
                assert_eq!(peer.answer(7).await, "not done unknown_activity", "a claim {what}, {over:?}");
                let again = peer.ask(claim(fresh_id(), Ticket { activity: 99, ..NOTHING })).await;
                assert_eq!(again, "not done unknown_activity", "after a claim {what}, {over:?}");
            }
        }
        served.is_well().await;
    });
}
