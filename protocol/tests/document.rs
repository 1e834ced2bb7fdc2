//! `PROTOCOL.md` says what the code does: its examples are frames, its tables have every code, its words are the code's.

// A test that can't go on says so by panicking.
#![allow(clippy::unwrap_used)]

use std::fmt::Debug;

use liveroom_protocol::frame::{FrameReader, frame_bytes};
use liveroom_protocol::transport;
use liveroom_protocol::wire::{
    Answer, ClientFrame, GoodbyeCode, HoldState, NotDoneCode, RefusalCode, ServerFrame, Welcome, answer, client_frame,
    server_frame,
};
use prost::Message;

const DOCUMENT: &str = include_str!("../PROTOCOL.md");

/// The examples: their names and bytes.
fn examples() -> Vec<(String, Vec<u8>)> {
    let blocks = DOCUMENT.split("```hex ").skip(1);
    blocks
        .map(|block| {
            let block = block.split("```").next().unwrap();
            let (name, lines) = block.split_once('\n').unwrap();
            let digits: String = lines
                .lines()
                .flat_map(|line| line.split('#').next())
                .flat_map(str::chars)
                .filter(|c| !c.is_whitespace())
                .collect();
            let (pairs, rest) = digits.as_bytes().as_chunks::<2>();
            assert!(rest.is_empty(), "{name}: half a byte");
            let byte = |pair: &[u8; 2]| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16);
            (name.to_owned(), pairs.iter().map(|pair| byte(pair).unwrap()).collect())
        })
        .collect()
}

/// The one frame that the bytes are, which encodes to the same bytes again.
fn frame<M: Message + Default + Debug>(name: &str) -> M {
    let examples = examples();
    let (_, bytes) = examples.iter().find(|(known, _)| known == name).expect("the example is there");
    let mut input = &bytes[..];
    let frame: M = FrameReader::new(1024).next(&mut input).unwrap().unwrap();
    assert!(input.is_empty(), "{name}: bytes after the frame");
    assert_eq!(frame_bytes(&frame), bytes, "{name}");
    frame
}

fn asked(name: &str) -> client_frame::Body {
    frame::<ClientFrame>(name).body.expect("a body")
}

fn said(name: &str) -> server_frame::Body {
    frame::<ServerFrame>(name).body.expect("a body")
}

fn outcome(name: &str) -> answer::Outcome {
    match said(name) {
        server_frame::Body::Answer(Answer { request_id: 0x1122_3344_5566_7788, outcome }) => outcome.unwrap(),
        other => panic!("{name}: {other:?}"),
    }
}

#[test]
fn the_examples_are_what_they_say() {
    use client_frame::Body as Asked;
    use server_frame::Body as Said;
    let Asked::Claim(claim) = asked("claim") else { panic!() };
    assert_eq!((claim.activity, claim.token, claim.opening), (5, 0xdead_beef_cafe_f00d, 2));
    let Asked::Hello(hello) = asked("hello") else { panic!() };
    assert_eq!((hello.version, &*hello.room, &*hello.agent), (transport::VERSION, "room-1", "web/1"));
    let Asked::Hello(hello) = asked("hello_resume") else { panic!() };
    assert_eq!(hello.resume.map(|at| (at.epoch, at.offset)), Some((7, 300)));
    assert!(matches!(asked("ping"), Asked::Ping(ping) if ping.nonce == 42));
    assert!(matches!(said("welcome"), Said::Welcome(Welcome { in_flight_max: 16, recovered: true, .. })));
    assert!(matches!(said("tick"), Said::Tick(tick) if tick.offset == 301));
    assert!(matches!(said("goodbye"), Said::Goodbye(goodbye) if goodbye.code() == GoodbyeCode::Draining));
    assert!(matches!(outcome("answer_grant"), answer::Outcome::Grant(grant) if grant.slot == 1));
    let answer::Outcome::Grant(grant) = outcome("answer_held") else { panic!() };
    assert!(grant.hold.is_some_and(|hold| hold.until_ms > grant.at_ms && hold.state() == HoldState::Held));
    assert!(matches!(outcome("answer_refused"), answer::Outcome::Refused(r) if r.code() == RefusalCode::SoldOut));
    assert!(matches!(outcome("answer_not_done"), answer::Outcome::NotDone(n) if n.code() == NotDoneCode::Overloaded));
    assert_eq!(examples().len(), 11, "an example that nobody looks at");
}

#[test]
fn every_code_is_in_its_table() {
    let section = |title: &str| DOCUMENT.split(title).nth(1).unwrap().split("\n##").next().unwrap();
    // Families number theirs from tens of their own.
    let refusals = (1..100).filter_map(|n| RefusalCode::try_from(n).ok()).map(|c| (c as i32, c.word()));
    let not_dones = (1..100).filter_map(|n| NotDoneCode::try_from(n).ok()).map(|c| (c as i32, c.word()));
    let goodbyes = (1..100).filter_map(|n| GoodbyeCode::try_from(n).ok());
    for (number, word) in refusals {
        assert!(section("\n### Refusals").contains(&format!("\n| {number} | `{word}` |")), "{word}");
    }
    for (number, word) in not_dones {
        assert!(section("\n### Not done").contains(&format!("\n| {number} | `{word}` |")), "{word}");
    }
    for code in goodbyes {
        let row = format!("\n| {} | `{}` |", code as i32, code.word());
        let row = section("\n### Goodbyes").split(&row).nth(1).unwrap_or_else(|| panic!("{row}"));
        let closes = format!("| {} | {} |", code.ws_close_code(), code.quic_close_code());
        assert!(row.lines().next().unwrap().ends_with(&closes), "{closes}");
    }
}

#[test]
fn every_reason_is_in_the_document_and_the_other_way_round() {
    let source = include_str!("../src/codes.rs").split("pub mod reason").nth(1).unwrap();
    let frames = include_str!("../src/frame.rs");
    let words: Vec<&str> = source
        .split("\"")
        .skip(1)
        .step_by(2)
        .chain(frames.split("=> \"").skip(1).filter_map(|rest| rest.split('"').next()))
        .filter(|word| word.chars().all(|c| c.is_ascii_lowercase() || c == '_'))
        .collect();
    assert!(words.len() >= 25, "{words:?}");
    let table = DOCUMENT.split("| word | with | meaning |").nth(1).unwrap().split("\n\n").next().unwrap();
    for word in &words {
        assert!(table.contains(&format!("\n| `{word}` |")), "{word} is not in the document");
    }
    assert_eq!(table.matches("\n| `").count(), words.len(), "the document has words that the code does not");
}

#[test]
fn the_limits_are_the_code_s() {
    for fact in [
        format!("| a frame to the server | {} bytes", transport::CLIENT_FRAME_BYTES_MAX),
        format!("| a frame to the client | {} bytes", transport::SERVER_FRAME_BYTES_MAX),
        format!("| agent | {} bytes", transport::AGENT_BYTES_MAX),
        format!("| announcement | {} bytes", transport::ANNOUNCE_BYTES_MAX),
        format!("| comment | {} bytes", transport::COMMENT_BYTES_MAX),
        format!("| hearts in one `Like` | {}", transport::HEARTS_MAX),
        format!("usually port {}", transport::QUIC_PORT),
        format!("usually port {}", transport::WS_PORT),
        format!("ALPN `{}`", str::from_utf8(transport::ALPN).unwrap()),
        format!("path `{}`", transport::WS_PATH),
    ] {
        assert!(DOCUMENT.contains(&fact), "{fact}");
    }
}
