//! What may be asked for in a room: learned by the one viewer of it who listens closely, shared with all the others.

use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use bytes::BytesMut;
use liveroom_protocol::frame::encode_frame;
use liveroom_protocol::wire::{
    ActivityState, CartLine, Claim, ClientFrame, CouponChoice, DrawOccasion, EnterDraw, Phase, Reserve, RoomEvent,
    ServerFrame, activity_state, client_frame, room_event, server_frame,
};
use parking_lot::RwLock;
use tokio::sync::Notify;

use super::frames::ID_AT;

/// Something that can be asked for.
#[derive(Debug, Clone)]
pub(super) struct Aim {
    /// Which activity.
    pub(super) activity: u64,
    /// The request, encoded but for its id.
    pub(super) frame: Arc<[u8]>,
    /// How often one viewer gets it.
    pub(super) each: u32,
}

/// A room as its viewers see it.
#[derive(Debug)]
pub(super) struct RoomAims {
    /// The room's name.
    pub(super) id: String,
    /// Whether orders are to be as cheap as one's coupons make them.
    with_coupons: bool,
    /// In the order in which they opened, which is that of their numbers.
    aims: RwLock<Vec<Aim>>,
    version: AtomicU32,
    changed: Notify,
    /// The furthest that a viewer has come in the list.
    furthest: AtomicUsize,
    /// Set once a frame of the room came out of its order.
    disorder: OnceLock<String>,
}

impl RoomAims {
    pub(super) fn new(id: String, with_coupons: bool) -> Arc<Self> {
        Arc::new(Self {
            id,
            with_coupons,
            aims: RwLock::default(),
            version: AtomicU32::new(0),
            changed: Notify::new(),
            furthest: AtomicUsize::new(0),
            disorder: OnceLock::new(),
        })
    }

    /// Changes whenever there is something new to copy.
    pub(super) fn version(&self) -> u32 {
        self.version.load(Ordering::Acquire)
    }

    pub(super) fn copy(&self, into: &mut Vec<Aim>) {
        into.clone_from(&self.aims.read());
    }

    /// How many activities have opened so far.
    pub(super) fn len(&self) -> usize {
        self.aims.read().len()
    }

    /// Waits until so many activities have opened.
    pub(super) async fn opened(&self, count: usize) {
        loop {
            let changed = self.changed.notified();
            if self.len() >= count {
                return;
            }
            changed.await;
        }
    }

    /// A viewer has come to the aim at this place.
    pub(super) fn reached(&self, place: usize) {
        self.furthest.fetch_max(place, Ordering::Relaxed);
    }

    /// The furthest place that a viewer has come to.
    pub(super) fn furthest(&self) -> usize {
        self.furthest.load(Ordering::Relaxed)
    }

    /// What was wrong with the order of the room's frames, if something was.
    pub(super) fn disorder(&self) -> Option<&str> {
        self.disorder.get().map(String::as_str)
    }

    fn learn(&self, state: &ActivityState) {
        let Some(aim) = Aim::of(state, self.with_coupons) else { return };
        let mut aims = self.aims.write();
        match aims.binary_search_by_key(&aim.activity, |aim| aim.activity) {
            Ok(place) if aims[place].frame == aim.frame => return,
            Ok(place) => aims[place] = aim,
            Err(place) => aims.insert(place, aim),
        }
        drop(aims);
        self.version.fetch_add(1, Ordering::Release);
        self.changed.notify_waiters();
    }
}

impl Aim {
    /// What an open activity has to give.
    fn of(state: &ActivityState, with_coupons: bool) -> Option<Self> {
        if state.phase() != Phase::Open || state.token == 0 {
            return None;
        }
        let (activity, token) = (state.activity, state.token);
        let (body, each) = match state.kind.as_ref()? {
            activity_state::Kind::Rain(rain) => {
                (client_frame::Body::Claim(Claim { activity, token, opening: rain.opening }), rain.grants_per_user)
            }
            activity_state::Kind::Drop(drop) => {
                (client_frame::Body::Claim(Claim { activity, token, opening: drop.opening }), drop.grants_per_user)
            }
            activity_state::Kind::Bag(bag) => {
                (client_frame::Body::Claim(Claim { activity, token, opening: bag.opening }), 1)
            }
            activity_state::Kind::Sale(sale) => {
                let sku = sale.skus.first()?;
                let lines = vec![CartLine { sku: sku.sku, quantity: 1, opening: sku.opening }];
                let coupons = with_coupons.then(|| CouponChoice { best: true, coupons: Vec::new() });
                (client_frame::Body::Reserve(Reserve { activity, token, lines, coupons }), u32::MAX)
            }
            // What is earned by watching is no matter of pressing.
            activity_state::Kind::WatchTask(_) | activity_state::Kind::CheckIn(_) => return None,
            // What is entered by talking is no matter of pressing.
            activity_state::Kind::Draw(draw) if draw.occasion() == DrawOccasion::Keyword => return None,
            activity_state::Kind::Draw(_) => (client_frame::Body::EnterDraw(EnterDraw { activity, token }), 1),
            // Nothing is given there.
            activity_state::Kind::Poll(_) | activity_state::Kind::Enrolment(_) => return None,
        };
        let mut frame = BytesMut::new();
        encode_frame(&ClientFrame { request_id: 1, body: Some(body) }, &mut frame);
        debug_assert_eq!(frame[ID_AT], 1, "the id is at its place");
        Some(Self { activity, frame: frame[..].into(), each })
    }
}

/// Hears a room's frames, and tells the others what they say.
#[derive(Debug)]
pub(super) struct RoomEar {
    room: Arc<RoomAims>,
    /// The latest frame's epoch and offset.
    position: Option<(u64, u64)>,
}

impl RoomEar {
    pub(super) fn new(room: Arc<RoomAims>) -> Self {
        Self { room, position: None }
    }

    pub(super) fn hear(&mut self, frame: ServerFrame) {
        match frame.body {
            Some(server_frame::Body::Snapshot(snapshot)) => {
                self.position = Some((snapshot.epoch, snapshot.offset));
                snapshot.activities.iter().for_each(|state| self.room.learn(state));
            }
            Some(server_frame::Body::Tick(tick)) => {
                let here = (tick.epoch, tick.offset);
                if let Some(before) = self.position
                    && (here.0 != before.0 || here.1 <= before.1)
                {
                    let _ = self.room.disorder.set(format!("{here:?} came after {before:?} in {}", self.room.id));
                }
                self.position = Some(here);
                for RoomEvent { body } in &tick.events {
                    if let Some(room_event::Body::Activity(state)) = body {
                        self.room.learn(state);
                    }
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use liveroom_protocol::wire::{RainState, Snapshot, Tick};

    fn rain(activity: u64, token: u64, opening: u32) -> ActivityState {
        let kind = activity_state::Kind::Rain(RainState { opening, grants_per_user: 9, ..RainState::default() });
        ActivityState { activity, token, phase: Phase::Open.into(), kind: Some(kind), ..ActivityState::default() }
    }

    fn tick(offset: u64, states: Vec<ActivityState>) -> ServerFrame {
        let event = |state| RoomEvent { body: Some(room_event::Body::Activity(state)) };
        let events = states.into_iter().map(event).collect();
        ServerFrame { body: Some(server_frame::Body::Tick(Tick { epoch: 7, offset, events, ..Tick::default() })) }
    }

    #[test]
    fn open_activities_become_aims_in_the_order_of_their_numbers() {
        let room = RoomAims::new("r".to_owned(), false);
        let mut ear = RoomEar::new(Arc::clone(&room));
        let snapshot =
            Snapshot { epoch: 7, offset: 1, activities: vec![rain(5, 0, 0)], online: 1, ..Snapshot::default() };
        ear.hear(ServerFrame { body: Some(server_frame::Body::Snapshot(snapshot)) });
        assert_eq!((room.len(), room.version()), (0, 0), "not open yet: its token is not public");
        ear.hear(tick(2, vec![rain(9, 90, 1), rain(5, 50, 1)]));
        ear.hear(tick(3, vec![rain(5, 50, 1)]));
        assert_eq!(room.version(), 2, "nothing new changes nothing");
        ear.hear(tick(4, vec![rain(5, 50, 2)]));
        let mut aims = Vec::new();
        room.copy(&mut aims);
        assert_eq!(aims.iter().map(|aim| (aim.activity, aim.each)).collect::<Vec<_>>(), [(5, 9), (9, 9)]);
        assert_eq!((aims[0].frame.last(), room.version()), (Some(&2), 3));
        assert_eq!(room.disorder(), None);
    }

    #[test]
    fn frames_that_go_back_are_noticed() {
        let room = RoomAims::new("r".to_owned(), false);
        let mut ear = RoomEar::new(Arc::clone(&room));
        ear.hear(tick(2, vec![]));
        ear.hear(tick(2, vec![]));
        assert!(room.disorder().unwrap().contains("came after"));
    }
}
