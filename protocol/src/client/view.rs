//! The room's present state, kept out of snapshots and ticks.

use std::collections::BTreeMap;

use super::outcome::Event;
use crate::wire::{ActivityState, Board, Broadcast, Phase, Snapshot, Tick, activity_state, room_event};

/// Above this many activities the oldest that are over are forgotten.
const ACTIVITIES_MAX: usize = 256;

/// What a viewer knows about the room.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RoomView {
    activities: BTreeMap<u64, ActivityState>,
    online: u32,
    broadcast: Option<Broadcast>,
    board: Option<Board>,
}

impl RoomView {
    /// A view of nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes an event in; those that are not about the room change nothing.
    pub fn apply(&mut self, event: &Event) {
        match event {
            Event::Tick(tick) => self.apply_tick(tick),
            Event::Snapshot(snapshot) => self.apply_snapshot(snapshot),
            Event::Welcome(_)
            | Event::Own(_)
            | Event::WatchProgress(_)
            | Event::Fan(_)
            | Event::TierChanged(_)
            | Event::Dropped { .. }
            | Event::Goodbye(_)
            | Event::Disconnected { .. } => {}
        }
    }

    /// Takes a tick in. An activity's state comes whole, so the last one is the present one.
    pub fn apply_tick(&mut self, tick: &Tick) {
        for event in &tick.events {
            match &event.body {
                Some(room_event::Body::Activity(state)) => {
                    self.activities.insert(state.activity, state.clone());
                }
                Some(room_event::Body::Online(online)) => self.online = online.viewers,
                Some(room_event::Body::Broadcast(broadcast)) => self.broadcast = Some(*broadcast),
                Some(room_event::Body::Board(board)) => self.board = Some(board.clone()),
                // Said to people; the state they belong to comes beside them.
                Some(
                    room_event::Body::Announcement(_)
                    | room_event::Body::Amendment(_)
                    | room_event::Body::RainResult(_)
                    | room_event::Body::Said(_)
                    | room_event::Body::Likes(_)
                    | room_event::Body::GiftRun(_)
                    | room_event::Body::ComboClosed(_),
                )
                | None => {}
            }
        }
        self.forget_oldest();
    }

    /// Replaces what was known.
    pub fn apply_snapshot(&mut self, snapshot: &Snapshot) {
        self.activities = snapshot.activities.iter().map(|state| (state.activity, state.clone())).collect();
        self.online = snapshot.online;
        self.broadcast = snapshot.broadcast;
        self.board = snapshot.board.clone();
    }

    /// The activities, by id.
    pub fn activities(&self) -> impl Iterator<Item = &ActivityState> {
        self.activities.values()
    }

    /// One activity.
    pub fn activity(&self, activity: u64) -> Option<&ActivityState> {
        self.activities.get(&activity)
    }

    /// How many viewers are there.
    pub fn online(&self) -> u32 {
        self.online
    }

    /// The latest broadcast; its end is zero while it is on.
    pub fn broadcast(&self) -> Option<Broadcast> {
        self.broadcast
    }

    /// The first places of the broadcast's board.
    pub fn board(&self) -> Option<&Board> {
        self.board.as_ref()
    }

    /// The token and opening to claim a share of an open rain with, a coupon of an open drop, or what is in an open bag.
    pub fn rain_ticket(&self, activity: u64) -> Option<(u64, u32)> {
        let state = self.open(activity)?;
        match &state.kind {
            Some(activity_state::Kind::Rain(rain)) => Some((state.token, rain.opening)),
            Some(activity_state::Kind::Drop(drop)) => Some((state.token, drop.opening)),
            Some(activity_state::Kind::Bag(bag)) => Some((state.token, bag.opening)),
            _ => None,
        }
    }

    /// The token of an open activity, to ask for its steps or to check in with.
    pub fn token(&self, activity: u64) -> Option<u64> {
        self.open(activity).map(|state| state.token)
    }

    /// The token and opening to reserve a unit of an open sale with.
    pub fn sale_ticket(&self, activity: u64, sku: u32) -> Option<(u64, u32)> {
        let state = self.open(activity)?;
        match &state.kind {
            Some(activity_state::Kind::Sale(sale)) => {
                let sku = sale.skus.iter().find(|known| known.sku == sku)?;
                Some((state.token, sku.opening))
            }
            _ => None,
        }
    }

    /// The token to enter an open draw with.
    pub fn draw_token(&self, activity: u64) -> Option<u64> {
        let state = self.open(activity)?;
        matches!(state.kind, Some(activity_state::Kind::Draw(_))).then_some(state.token)
    }

    fn open(&self, activity: u64) -> Option<&ActivityState> {
        self.activities.get(&activity).filter(|state| state.phase() == Phase::Open)
    }

    fn forget_oldest(&mut self) {
        while self.activities.len() > ACTIVITIES_MAX {
            let over = |state: &&ActivityState| matches!(state.phase(), Phase::Settled | Phase::Cancelled);
            let oldest = self.activities.values().find(over).or(self.activities.values().next());
            let Some(oldest) = oldest.map(|state| state.activity) else {
                return;
            };
            self.activities.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::rain_state;
    use crate::wire::RoomEvent;

    fn tick(states: Vec<ActivityState>) -> Tick {
        let events = states.into_iter().map(|state| RoomEvent { body: Some(room_event::Body::Activity(state)) });
        Tick { epoch: 1, offset: 1, server_time_ms: 0, events: events.collect() }
    }

    #[test]
    fn only_an_open_rain_has_a_ticket() {
        let mut view = RoomView::new();
        view.apply_snapshot(&Snapshot {
            activities: vec![rain_state(5, Phase::WarmUp)],
            online: 3,
            ..Default::default()
        });
        assert_eq!((view.rain_ticket(5), view.online()), (None, 3));
        view.apply_tick(&tick(vec![rain_state(5, Phase::Open)]));
        assert_eq!(view.rain_ticket(5), Some((0xdead_beef_cafe_f00d, 2)));
        assert_eq!(view.sale_ticket(5, 1), None);
    }

    #[test]
    fn the_view_is_bounded_and_forgets_what_is_over_first() {
        let mut view = RoomView::new();
        view.apply_tick(&tick(vec![rain_state(1, Phase::Open), rain_state(2, Phase::Settled)]));
        view.apply_tick(&tick((10..10 + ACTIVITIES_MAX as u64 - 1).map(|id| rain_state(id, Phase::Open)).collect()));
        assert_eq!(view.activities().count(), ACTIVITIES_MAX);
        assert!(view.activity(1).is_some() && view.activity(2).is_none());
    }
}
