//! What the room says.

use super::*;
use liveroom_protocol::client::{Event, RoomView};
use liveroom_protocol::wire::{
    ActivityState, Done, Dropped, Online, Own, Phase, RainState, RoomEvent, Snapshot, Tick, activity_state, answer,
    room_event, server_frame,
};

fn rain(phase: Phase, opening: u32) -> ActivityState {
    let kind = activity_state::Kind::Rain(RainState { opening, ..RainState::default() });
    ActivityState { activity: 5, phase: phase.into(), token: 77, kind: Some(kind), ..ActivityState::default() }
}

fn tick(offset: u64, body: room_event::Body) -> server_frame::Body {
    let events = vec![RoomEvent { body: Some(body) }];
    server_frame::Body::Tick(Tick { epoch: 1, offset, server_time_ms: 0, events })
}

over_both! {
    async fn the_view_follows_the_room(server: FakeServer) {
        let (_client, mut events, mut session) = joined(&mut server).await;
        let activities = vec![rain(Phase::WarmUp, 0)];
        session.send_all([
            server_frame::Body::Snapshot(Snapshot { epoch: 1, offset: 10, activities, online: 3, ..Snapshot::default() }),
            tick(11, room_event::Body::Online(Online { viewers: 4 })),
            tick(12, room_event::Body::Activity(rain(Phase::Open, 1))),
        ]).await;
        session.send(server_frame::Body::Own(Own::default())).await;
        session.send(server_frame::Body::Dropped(Dropped { frames: 2 })).await;
        let mut view = RoomView::new();
        let (mut own, mut dropped) = (0, 0);
        while view.rain_ticket(5).is_none() || own == 0 || dropped == 0 {
            let event = events.next().await.unwrap();
            own += usize::from(matches!(event, Event::Own(_)));
            dropped += usize::from(matches!(event, Event::Dropped { frames: 2 }));
            view.apply(&event);
        }
        assert_eq!((view.rain_ticket(5), view.online()), (Some((77, 1)), 4));
    }
}

/// Over QUIC a program that does not listen still gets its answers, and nothing of the room is lost to it.
#[tokio::test]
async fn who_does_not_listen_can_still_ask() {
    const TICKS: u64 = 300;
    let mut server = FakeServer::start(Kind::Quic).await;
    let options = Options { events_max: 4, ..options(&server) };
    let (joined, mut session) = tokio::join!(Client::connect(options), server.welcomed());
    let (client, mut events) = joined.unwrap();
    for offset in 11..11 + TICKS {
        session.send(tick(offset, room_event::Body::Online(Online { viewers: 1 }))).await;
    }
    let (claimed, ()) = tokio::join!(client.claim(5, 6, 1), async {
        let asked = session.recv().await;
        session.answer(asked.request_id, answer::Outcome::Done(Done {})).await;
    });
    claimed.unwrap();
    let mut heard = vec![];
    while heard.len() < TICKS as usize {
        if let Event::Tick(tick) = events.next().await.unwrap() {
            heard.push(tick.offset);
        }
    }
    assert!(heard.into_iter().eq(11..11 + TICKS));
}
