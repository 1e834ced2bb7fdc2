//! A viewer's side of the conversation, against answers made by hand.

use bytes::BytesMut;
use liveroom_protocol::frame::encode_frame;
use liveroom_protocol::wire::ServerFrame;
use liveroom_protocol::wire::{
    ActivityState, Answer, ClientFrame, Done, Grant, NotDone, NotDoneCode, Pending, Phase, RainState, RefusalCode,
    Refused, Snapshot, activity_state, answer, client_frame, grant, server_frame,
};

use super::*;

/// A room with a rain for each of these numbers, each giving a viewer two shares.
fn room(activities: &[u64]) -> Arc<RoomAims> {
    let room = RoomAims::new("r".to_owned(), false);
    open(&room, activities);
    room
}

fn open(room: &Arc<RoomAims>, activities: &[u64]) {
    let state = |&activity: &u64| {
        let kind = activity_state::Kind::Rain(RainState { opening: 1, grants_per_user: 2, ..RainState::default() });
        let phase = Phase::Open.into();
        ActivityState { activity, phase, token: 77, kind: Some(kind), ..ActivityState::default() }
    };
    let snapshot = Snapshot { activities: activities.iter().map(state).collect(), ..Snapshot::default() };
    let frame = ServerFrame { body: Some(server_frame::Body::Snapshot(snapshot)) };
    RoomEar::new(Arc::clone(room)).hear(frame);
}

/// What a viewer said: id and activity of each claim.
fn claims(said: &mut Vec<u8>) -> Vec<(u64, u64)> {
    let mut frames = FrameReader::new(8_192);
    let mut input = &said[..];
    let mut claims = Vec::new();
    while let Some(ClientFrame { request_id, body }) = frames.next(&mut input).unwrap() {
        let Some(client_frame::Body::Claim(claim)) = body else { panic!("{body:?} is no claim") };
        assert_eq!((claim.token, claim.opening), (77, 1));
        claims.push((request_id, claim.activity));
    }
    said.clear();
    claims
}

fn answers(outcomes: &[(u64, answer::Outcome)]) -> Vec<u8> {
    let mut bytes = BytesMut::new();
    for (request_id, outcome) in outcomes {
        let answer = Answer { request_id: *request_id, outcome: Some(outcome.clone()) };
        encode_frame(&ServerFrame { body: Some(server_frame::Body::Answer(answer)) }, &mut bytes);
    }
    bytes.to_vec()
}

fn granted(activity: u64, slot: u32, amount_fen: i64) -> answer::Outcome {
    answer::Outcome::Grant(Grant {
        activity,
        slot,
        prize: Some(grant::Prize::AmountFen(amount_fen)),
        at_ms: 5,
        coupon_id: 0,
        hold: None,
    })
}

fn refused(code: RefusalCode) -> answer::Outcome {
    answer::Outcome::Refused(Refused { code: code.into(), detail: String::new() })
}

fn not_done(code: NotDoneCode) -> answer::Outcome {
    answer::Outcome::NotDone(NotDone { code: code.into(), ..NotDone::default() })
}

fn verdicts(asking: &mut Asking, bytes: &[u8]) -> Vec<(u64, Verdict)> {
    let mut replies = Vec::new();
    assert_eq!(asking.replies(bytes, &mut replies).unwrap(), bytes.len());
    replies.into_iter().map(|reply| (reply.key, reply.verdict)).collect()
}

#[test]
fn a_viewer_goes_on_to_the_next_rain_when_one_has_no_more_for_it() {
    let room = room(&[4]);
    let mut asking = Asking::new(Arc::clone(&room), 1, None);
    let mut said = Vec::new();
    let mut ask = |asking: &mut Asking| {
        asking.request(&mut said);
        claims(&mut said)[0]
    };
    assert_eq!([ask(&mut asking).1, ask(&mut asking).1, ask(&mut asking).1], [4, 4, 4], "there is no other yet");
    open(&room, &[5, 6, 7]);
    assert_eq!([ask(&mut asking).1, ask(&mut asking).1], [5, 5]);
    let (id, activity) = ask(&mut asking);
    assert_eq!(activity, 6);
    verdicts(&mut asking, &answers(&[(id, refused(RefusalCode::Closed))]));
    assert_eq!(ask(&mut asking).1, 7, "6 is over already");
    assert_eq!(room.furthest(), 3);
}

#[test]
fn names_of_requests_differ() {
    let mut asking = Asking::new(room(&[1]), 0, None);
    let mut said = Vec::new();
    let mut ids: Vec<_> = (0..1_000).map(|_| asking.request(&mut said).unwrap()).collect();
    assert_eq!(claims(&mut said).iter().map(|(id, _)| *id).collect::<Vec<_>>(), ids);
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 1_000);
    assert!(!ids.contains(&0));
}

#[test]
fn every_answer_gets_its_verdict_and_what_is_given_is_learned() {
    let mut asking = Asking::new(room(&[1]), 1, None);
    let mut said = Vec::new();
    let ids: Vec<_> = (0..5).map(|_| asking.request(&mut said).unwrap()).collect();
    let bytes = answers(&[
        (ids[0], granted(1, 1, 30)),
        (ids[1], granted(1, 2, 40)),
        (ids[2], refused(RefusalCode::LimitReached)),
        (ids[3], not_done(NotDoneCode::Overloaded)),
        (99, granted(1, 3, 1)),
        (ids[4], answer::Outcome::Pending(Pending {})),
    ]);
    let want = [
        (ids[0], Verdict::Granted),
        (ids[1], Verdict::Granted),
        (ids[2], Verdict::Refused("limit_reached")),
        (ids[3], Verdict::Refused("overloaded")),
        (99, Verdict::Wrong),
    ];
    assert_eq!(verdicts(&mut asking, &bytes), want);
    let learned = asking.into_learned();
    assert_eq!((learned.shares, learned.shares_fen, learned.pendings, learned.unanswered), (2, 70, 1, 1));
    assert_eq!(learned.duplicate, None);
}

#[test]
fn what_was_sent_before_is_asked_until_it_is_decided() {
    let mut asking = Asking::new(room(&[1]), 1, None);
    let mut said = Vec::new();
    let id = asking.request(&mut said).unwrap();
    said.clear();
    // The line broke, and another came.
    asking.repeat(id, &mut said);
    assert_eq!(claims(&mut said), [(id, 1)]);
    assert_eq!(verdicts(&mut asking, &answers(&[(id, not_done(NotDoneCode::Unavailable))])), []);
    asking.again(&mut said);
    assert_eq!(claims(&mut said), [(id, 1)], "the first sending may have been decided");
    asking.again(&mut said);
    assert!(said.is_empty());
    assert_eq!(verdicts(&mut asking, &answers(&[(id, granted(1, 1, 8))])), [(id, Verdict::Granted)]);
}

#[test]
fn the_latest_decisions_are_asked_for_once_more_and_have_to_be_the_same() {
    for (second, stable) in [
        (granted(1, 5, 50), true),
        (granted(1, 5, 51), false),
        (refused(RefusalCode::SoldOut), false),
        (answer::Outcome::Done(Done {}), false),
        (not_done(NotDoneCode::Overloaded), true),
    ] {
        let mut asking = Asking::new(room(&[1]), 1, None);
        let mut said = Vec::new();
        let ids: Vec<_> = (0..6).map(|_| asking.request(&mut said).unwrap()).collect();
        said.clear();
        for (n, id) in ids.iter().enumerate() {
            verdicts(&mut asking, &answers(&[(*id, granted(1, n as u32, 10 * n as i64))]));
        }
        assert!(asking.probe(&mut said));
        assert_eq!(claims(&mut said).iter().map(|(id, _)| *id).collect::<Vec<_>>(), ids[2..]);
        let first = answers(&[(ids[2], answer::Outcome::Pending(Pending {})), (ids[2], granted(1, 2, 20))]);
        assert_eq!(asking.probe_replies(&first).unwrap(), first.len());
        assert!(!asking.is_probed());
        let rest = answers(&[(ids[3], granted(1, 3, 30)), (ids[4], granted(1, 4, 40)), (ids[5], second.clone())]);
        asking.probe_replies(&rest).unwrap();
        assert!(asking.is_probed());
        assert!(!asking.probe(&mut said), "once is enough");
        let learned = asking.into_learned();
        assert_eq!((learned.unstable.is_none(), learned.shares), (stable, 6), "{second:?}: {:?}", learned.unstable);
    }
}
