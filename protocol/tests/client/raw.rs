//! The bare transports.

use super::*;
use bytes::Bytes;
use futures_util::StreamExt;
use liveroom_protocol::client::raw::{connect_quic, connect_ws, send_ws};
use liveroom_protocol::client::{ConnectError, Disconnect, Endpoint, Trust, WsConnector};
use liveroom_protocol::frame::frame_bytes;
use liveroom_protocol::wire::{
    Answer, Claim, ClientFrame, Done, GoodbyeCode, Hello, ServerFrame, Tick, answer, client_frame, server_frame,
};

fn hello() -> Hello {
    Hello { version: 1, token: "token-1".into(), room: "room-1".into(), ..Hello::default() }
}

fn claim() -> (ClientFrame, Bytes) {
    let claim = client_frame::Body::Claim(Claim { activity: 5, token: 6, opening: 1 });
    let frame = ClientFrame { request_id: 3, body: Some(claim) };
    let bytes = frame_bytes(&frame);
    (frame, bytes)
}

fn done() -> ServerFrame {
    let answer = Answer { request_id: 3, outcome: Some(answer::Outcome::Done(Done {})) };
    ServerFrame { body: Some(server_frame::Body::Answer(answer)) }
}

#[tokio::test]
async fn quic() {
    let mut server = FakeServer::start(Kind::Quic).await;
    let endpoint = Endpoint::new(Trust::InsecureLoopback).unwrap();
    let target = Target::from(server.address);
    let (raw, mut session) = tokio::join!(connect_quic(&endpoint, &target, hello()), server.welcomed());
    let mut raw = raw.unwrap();
    assert_eq!(raw.welcome.in_flight_max, 16);
    let (frame, bytes) = claim();
    raw.send.write_chunk(bytes).await.unwrap();
    assert_eq!(session.recv().await, frame);
    session.answer(3, answer::Outcome::Done(Done {})).await;
    assert_eq!(raw.control.next::<ServerFrame>().await, Ok(done()));
    session.send(server_frame::Body::Tick(Tick { offset: 11, ..Tick::default() })).await;
    let tick: ServerFrame = raw.room().await.unwrap().next().await.unwrap();
    assert!(matches!(tick.body, Some(server_frame::Body::Tick(Tick { offset: 11, .. }))));
}

#[tokio::test]
async fn ws() {
    let mut server = FakeServer::start(Kind::WebSocket).await;
    let connector = WsConnector::plain();
    let target = Target::from(server.address);
    let (raw, mut session) = tokio::join!(connect_ws(&connector, &target, hello()), server.welcomed());
    let mut raw = raw.unwrap();
    let (frame, bytes) = claim();
    send_ws(&mut raw.socket, bytes).await.unwrap();
    assert_eq!(session.recv().await, frame);
    session.answer(3, answer::Outcome::Done(Done {})).await;
    let message = raw.socket.next().await.unwrap().unwrap();
    assert_eq!(raw.frames.next(&mut &message.as_payload()[..]), Ok(Some(done())));
}

#[tokio::test]
async fn a_goodbye_instead_of_a_welcome_is_an_error() {
    let mut server = FakeServer::start(Kind::Quic).await;
    let endpoint = Endpoint::new(Trust::InsecureLoopback).unwrap();
    let target = Target::from(server.address);
    let (raw, ()) = tokio::join!(connect_quic(&endpoint, &target, hello()), async {
        let (session, _) = server.greeted().await;
        session.goodbye(GoodbyeCode::UnknownRoom, "room_unknown", 0).await;
    });
    assert!(matches!(raw, Err(ConnectError::NotWelcomed(Disconnect::Goodbye(_)))));
}
