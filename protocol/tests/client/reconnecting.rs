//! Cut connections, and what comes back after them.

use super::*;
use liveroom_protocol::client::{Disconnect, Event, Outcome, RequestError};
use liveroom_protocol::wire::{Done, GoodbyeCode, Position, Snapshot, Tick, answer, server_frame};

/// Skips to the end of the connection.
async fn disconnected(events: &mut Events) -> (Disconnect, Option<Duration>) {
    loop {
        match events.next().await.expect("the client goes on") {
            Event::Disconnected { cause, reconnect_in } => return (cause, reconnect_in),
            _ => continue,
        }
    }
}

over_both! {
    async fn a_lost_answer_is_asked_for_again(server: FakeServer) {
        let (client, mut events, mut session) = joined(&mut server).await;
        session.send(server_frame::Body::Snapshot(Snapshot { epoch: 1, offset: 10, ..Snapshot::default() })).await;
        session.send(server_frame::Body::Tick(Tick { epoch: 1, offset: 12, ..Tick::default() })).await;
        while !matches!(events.next().await, Some(Event::Tick(_))) {}
        let (claimed, _session) = tokio::join!(client.claim(5, 6, 1), async {
            let asked = session.recv().await;
            session.cut().await;
            for _ in 0..3 {
                let (mut session, hello) = server.greeted().await;
                assert_eq!(hello.resume, Some(Position { epoch: 1, offset: 12 }));
                session.welcome(16, true).await;
                assert_eq!(session.recv().await, asked);
                session.cut().await;
            }
            let (mut session, _) = server.greeted().await;
            session.welcome(16, true).await;
            let again = session.recv().await;
            assert_eq!(again, asked);
            session.answer(again.request_id, answer::Outcome::Done(Done {})).await;
            session
        });
        assert_eq!(claimed, Ok(Outcome::Done));
        assert!(matches!(disconnected(&mut events).await, (Disconnect::Lost(_), Some(_))));
    }

    async fn a_drained_server_is_left_and_found_again(server: FakeServer) {
        let (client, mut events, session) = joined(&mut server).await;
        session.goodbye(GoodbyeCode::Draining, "draining", 20).await;
        let (cause, pause) = disconnected(&mut events).await;
        assert!(matches!(cause, Disconnect::Goodbye(goodbye) if goodbye.reason == "draining"));
        assert!(pause >= Some(Duration::from_millis(20)));
        let _session = server.welcomed().await;
        while !matches!(events.next().await, Some(Event::Welcome(_))) {}
        drop(client);
        assert_eq!(events.next().await, None);
    }

    async fn a_close_code_stands_for_the_goodbye_that_was_lost(server: FakeServer) {
        let (client, mut events, session) = joined(&mut server).await;
        session.close(GoodbyeCode::UnknownRoom, "room_unknown").await;
        let (cause, pause) = disconnected(&mut events).await;
        assert!(matches!(cause, Disconnect::Goodbye(goodbye) if goodbye.code() == GoodbyeCode::UnknownRoom));
        assert_eq!(pause, None);
        assert_eq!(events.next().await, None);
        assert_eq!(client.claim(5, 6, 1).await, Err(RequestError::Ended));
    }

    async fn garbage_ends_the_client(server: FakeServer) {
        let (_client, mut events, mut session) = joined(&mut server).await;
        session.send_garbage(&[0x02, 0x07, 0x00]).await;
        let (cause, pause) = disconnected(&mut events).await;
        assert!(matches!(cause, Disconnect::Malformed(error) if error.word() == "frame_malformed"));
        assert_eq!(pause, None);
    }
}

/// Where the client's first server does not answer, or sends it away, the other one serves it.
#[tokio::test]
async fn another_server_takes_over() {
    let test = async {
        let (mut one, mut two) = (FakeServer::start(Kind::WebSocket).await, FakeServer::start(Kind::WebSocket).await);
        let (client, mut events) = Client::start(options(&one).or(two.address.into()));
        let mut gone = None;
        for _ in 0..2 {
            // Whichever it is with.
            let (session, with_one) = tokio::select! {
                session = one.welcomed() => (session, true),
                session = two.welcomed() => (session, false),
            };
            assert_ne!(gone, Some(with_one), "not with the one that sent it away");
            while !matches!(events.next().await, Some(Event::Welcome(_))) {}
            session.goodbye(GoodbyeCode::Draining, "draining", 60_000).await;
            gone = Some(with_one);
        }
        drop(client);
    };
    tokio::time::timeout(PATIENCE, test).await.expect("it does not hang");
}
