//! What follows from a commit: gates, room channels, and news for users who did not ask.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use foldhash::fast::RandomState;

use super::Shared;
use super::draw;
use super::experiments;
use super::gate::Gate;
use super::gifts;
use super::order;
use super::presence::{self, Rounds};
use super::recurrences;
use super::room::LiveRoom;
use crate::fanout::RoomMessage;
use crate::rules::{ActivityId, CouponId, CouponView, RoomId, Step, TemplateId, Time, UnitId, UserId};
use crate::store::{
    ActivityView, CouponEvent, Event, Keeper, KindView, Needs, Own, PresenceEvent, Query, Recorded, Reply, RiskEvent,
    TemplateEvent,
};

/// Carries commits to the rooms.
pub(super) struct Follower {
    /// Activities whose state the rooms have not heard, and whether more than counts has changed.
    unheard: HashMap<ActivityId, Unheard, RandomState>,
    next_counts: Time,
    boards: gifts::Boards,
    /// When the rooms may hear the next tally of a poll.
    next_tally: HashMap<ActivityId, Time, RandomState>,
    touched: Vec<ActivityId>,
    rounds: Rounds,
}

/// The tally of a poll goes out at most five times a second, however often counts do.
const TALLY_EVERY_MS: u64 = 200;

struct Unheard {
    room: RoomId,
    urgent: bool,
}

/// Builds the live side of everything that a keeper holds.
pub(super) fn restore(shared: &Shared, keeper: &dyn Keeper) {
    let Reply::Rooms(rooms) = keeper.ask(&Query::Rooms) else { return };
    for (id, host, broadcast) in rooms {
        let room = open_room(shared, id, host);
        broadcast.into_iter().for_each(|broadcast| room.channel.publish_broadcast(broadcast));
        keeper.each_user(&id, &mut |user| room.gates.remember(user));
        room.gates.grow(|visit| keeper.each_user(&id, visit));
        if let Reply::Sanctions(sanctions) = keeper.ask(&Query::Sanctions { room: id }) {
            let now = shared.clock.now();
            sanctions.into_iter().for_each(|(user, what, until)| room.order.impose(user, what, until, now));
        }
        if let Reply::Experiments(experiments) = keeper.ask(&Query::Experiments { room: id }) {
            experiments
                .into_iter()
                .filter(|one| one.ended.is_none())
                .for_each(|one| room.experiments.begin(one.experiment, one.plan));
        }
        if let Reply::Recurrences(recurring) = keeper.ask(&Query::Recurrences { room: id }) {
            recurring.iter().for_each(|(recurrence, one)| recurrences::seen(id, *recurrence, &one.rule));
        }
        let Reply::Activities(activities) = keeper.ask(&Query::Activities { room: id }) else { continue };
        for view in activities {
            update_gate(&room, view.id, keeper);
            if is_shown(&view) {
                room.channel.publish_state(Arc::new(view));
            }
        }
        if let Some(board) = gifts::top(&room, shared.clock.now(), keeper) {
            room.channel.publish_board(board);
        }
        // Nobody listens yet: this only makes the states part of the first snapshot.
        room.channel.flush(shared.clock.now(), shared.encode.as_ref()).deliver_all();
    }
}

fn open_room(shared: &Shared, id: RoomId, host: UserId) -> Arc<LiveRoom> {
    let room = Arc::new(LiveRoom::new(id, host, shared.new_channel()));
    shared.rooms.insert(Arc::clone(&room));
    room
}

/// Opens, updates or removes an activity's gate.
fn update_gate(room: &LiveRoom, id: ActivityId, keeper: &dyn Keeper) {
    let Some(facts) = keeper.gate(id) else { return room.gates.remove(id) };
    room.needs.set(id, facts.needs);
    room.decoys.set(id, facts.catches);
    room.keywords.set(id, &facts);
    match room.gates.get(id) {
        Some(gate) => gate.update(&facts),
        None => {
            if let Some(gate) = Gate::new(&facts) {
                room.gates.insert(id, gate);
            }
        }
    }
}

impl Follower {
    pub(super) fn new(shared: &Shared) -> Self {
        let (next_counts, rounds) = (Time::from_ms(0), Rounds::of(shared));
        Self {
            unheard: HashMap::default(),
            next_counts,
            next_tally: HashMap::default(),
            boards: gifts::Boards::new(),
            touched: Vec::new(),
            rounds,
        }
    }

    /// When there is something to report.
    pub(super) fn rounds_next(&self) -> Option<Time> {
        self.rounds.next_at()
    }

    /// The rounds of reports who is there.
    pub(super) fn rounds(&mut self) -> &mut Rounds {
        &mut self.rounds
    }

    /// Takes note of what was committed.
    pub(super) fn follow(&mut self, shared: &Shared, events: &[Recorded], keeper: &dyn Keeper) {
        for recorded in events {
            if let Event::Risk { what: RiskEvent::PolicySet { .. }, .. } = &recorded.event {
                renew_needs(shared, keeper);
            }
            let Some(room) = recorded.event.room() else { continue };
            if let Event::RoomCreated { room, host, .. } = &recorded.event {
                remember(&open_room(shared, *room, *host), &recorded.event);
                continue;
            }
            let Some(room) = shared.rooms.get(room) else { continue };
            remember(&room, &recorded.event);
            if let Event::Template { what: TemplateEvent::Recurs { recurrence, rule, .. }, .. } = &recorded.event {
                recurrences::seen(room.id, *recurrence, rule);
            }
            if let Event::Presence { what, .. } = &recorded.event {
                presence::follow(shared, &mut self.rounds, &room, recorded.at, what, keeper);
                if let PresenceEvent::BroadcastStarted { .. } = what {
                    self.boards.changed(room.id);
                }
            }
            if let Event::Gift { what, .. } = &recorded.event {
                gifts::follow(shared, &room, &mut self.boards, what, keeper);
            }
            if let Event::Talk { what, .. } = &recorded.event {
                order::follow(&room, recorded.at, what);
            }
            if let Event::Coupon { what, .. } = &recorded.event {
                follow_coupons(&room, recorded.no, what, keeper);
            }
            if let Event::Experiment { what, .. } = &recorded.event {
                experiments::follow(&room, what);
            }
            let Some(activity) = recorded.event.activity() else { continue };
            let urgent = follow_one(&room, activity, &recorded.event, keeper);
            if let Event::Risk { .. } = &recorded.event {
                // Nobody is shown who was caught, nor whose cash was held.
                continue;
            }
            let unheard = self.unheard.entry(activity).or_insert(Unheard { room: room.id, urgent: false });
            unheard.urgent |= urgent;
            if self.touched.last() != Some(&activity) {
                self.touched.push(activity);
            }
        }
        // The gates come last: everybody with a receipt is remembered by now.
        self.touched.sort_unstable();
        self.touched.dedup();
        for activity in self.touched.drain(..) {
            let Some(Unheard { room, urgent }) = self.unheard.get_mut(&activity) else { continue };
            let Some(room) = shared.rooms.get(room) else { continue };
            room.gates.grow(|visit| keeper.each_user(&room.id, visit));
            *urgent |= update_openings(&room, activity, keeper);
        }
    }

    /// Gives the rooms the states that they have not heard: what matters now, mere counts now and then.
    pub(super) fn publish(&mut self, shared: &Shared, keeper: &dyn Keeper) {
        self.boards.publish(shared, keeper);
        if self.unheard.is_empty() {
            return;
        }
        let now = shared.clock.now();
        let counts = now >= self.next_counts;
        if counts {
            self.next_counts = now.after_ms(shared.limits.counts_every.as_millis() as u64);
        }
        let next_tally = &mut self.next_tally;
        next_tally.retain(|_, at| *at > now);
        self.unheard.retain(|activity, unheard| {
            if !unheard.urgent && (!counts || next_tally.contains_key(activity)) {
                return true;
            }
            if let (Some(room), Some(view)) = (shared.rooms.get(&unheard.room), view(unheard.room, *activity, keeper))
                && is_shown(&view)
            {
                if let Some(KindView::Poll { .. }) = view.kind {
                    next_tally.insert(*activity, now.after_ms(TALLY_EVERY_MS));
                }
                room.channel.publish_state(Arc::new(view));
                shared.rooms.has_news(&room);
            }
            false
        });
    }

    /// How long until mere counts are due; `None` if everybody has heard everything.
    pub(super) fn rest(&self, now: Time) -> Option<Duration> {
        let counts = (!self.unheard.is_empty()).then(|| self.next_counts.since(now));
        counts.into_iter().chain(self.boards.rest(now)).min()
    }
}

/// What activities have to know of those who take part is another for all that are open. Nothing else of them: what this batch
/// has made of their pools is noticed further down.
fn renew_needs(shared: &Shared, keeper: &dyn Keeper) {
    shared.rooms.for_each(|room| {
        if let Reply::Needs(open) = keeper.ask(&Query::Needs { room: room.id }) {
            open.into_iter().for_each(|(id, needs)| room.needs.set(id, needs));
        }
    });
}

/// Whether viewers hear of an activity at all: of a decoy they never do.
fn is_shown(view: &ActivityView) -> bool {
    view.phase.is_public() && view.plan.decoy.is_none()
}

/// Whoever has a receipt is let through to the store.
fn remember(room: &LiveRoom, event: &Event) {
    match event {
        Event::Granted { user, .. } | Event::Reserved { user, .. } => room.gates.remember(user),
        Event::RoomCreated { cause, .. }
        | Event::Drafted { cause, .. }
        | Event::Rejected { cause, .. }
        | Event::Stepped { cause, .. }
        | Event::Amended { cause, .. }
        | Event::Refused { cause, .. }
        | Event::Released { cause, .. }
        | Event::Paid { cause, .. } => cause.by.iter().for_each(|user| room.gates.remember(user)),
        Event::Draw { what, .. } => what.cause().by.iter().for_each(|user| room.gates.remember(user)),
        Event::Coupon { what, .. } => {
            what.cause().and_then(|cause| cause.by).iter().for_each(|user| room.gates.remember(user));
        }
        Event::Presence { what, .. } => {
            what.user().iter().for_each(|user| room.gates.remember(user));
        }
        Event::Campaign { what, .. } => {
            what.cause().and_then(|cause| cause.by).iter().for_each(|user| room.gates.remember(user));
        }
        Event::Template { what, .. } => {
            what.cause().and_then(|cause| cause.by).iter().for_each(|user| room.gates.remember(user));
        }
        Event::Experiment { what, .. } => {
            what.cause().and_then(|cause| cause.by).iter().for_each(|user| room.gates.remember(user));
        }
        Event::Talk { what, .. } => what.request().iter().for_each(|(user, _)| room.gates.remember(user)),
        Event::Gift { what, .. } => what.request().iter().for_each(|(user, _)| room.gates.remember(user)),
        Event::WaveReleased { .. }
        | Event::OpenedToAll { .. }
        | Event::Archived { .. }
        | Event::ToppedUp { .. }
        | Event::Forgotten { .. }
        | Event::CatalogueSet { .. } => {}
        // Of whom a decoy has caught there is no receipt, and nothing may show that it has.
        Event::Risk { what, .. } => {
            let cause = what.cause();
            cause.request.and(cause.by).iter().for_each(|user| room.gates.remember(user));
        }
    }
}

/// Says whether more than counts has changed.
fn follow_one(room: &Arc<LiveRoom>, activity: ActivityId, event: &Event, keeper: &dyn Keeper) -> bool {
    match event {
        Event::Granted { .. }
        | Event::Reserved { .. }
        | Event::Refused { .. }
        | Event::Presence { .. }
        | Event::Campaign { .. }
        | Event::Talk { .. }
        | Event::Coupon { .. } => false,
        Event::Released { order, user, .. } | Event::Paid { order, user, .. } => {
            if let Reply::Order { order, .. } = keeper.ask(&Query::Order { order: *order }) {
                let used = order.price.iter().flat_map(|price| price.coupons());
                let coupons = used.filter_map(|(template, id)| coupon(room.id, template, id, keeper)).collect();
                room.post_own(user, Own { orders: vec![order], coupons, ..Own::default() });
            }
            false
        }
        Event::Risk { what, .. } => {
            if let RiskEvent::HoldEnded { unit, user, .. } = what {
                tell_winner(room, user, (activity, *unit), keeper);
            }
            false
        }
        Event::Draw { what, .. } => draw::follow(room, activity, what, keeper),
        Event::Amended { number, amendment, .. } => {
            if let Some(view) = view(room.id, activity, keeper)
                && is_shown(&view)
            {
                let (number, amendment) = (*number, Arc::new(amendment.as_ref().clone()));
                let closes_at = view.closes_at;
                room.channel.publish_note(RoomMessage::Amendment { activity, number, amendment, closes_at });
            }
            true
        }
        Event::Stepped { step: Step::Close | Step::Cancel, .. } => {
            if let Some(view) = view(room.id, activity, keeper)
                && is_shown(&view)
                && let Some(KindView::Rain { summary: Some(summary), .. }) = view.kind
            {
                let summary = Arc::new(summary);
                room.channel.publish_note(RoomMessage::RainResult { activity, summary });
            }
            true
        }
        Event::Archived { .. } => {
            room.gates.remove(activity);
            room.needs.set(activity, Needs::default());
            room.decoys.set(activity, false);
            room.keywords.forget(activity);
            room.channel.forget_state(activity);
            false
        }
        Event::Drafted { .. }
        | Event::Template { .. }
        | Event::Experiment { .. }
        | Event::Rejected { .. }
        | Event::Stepped { .. }
        | Event::WaveReleased { .. }
        | Event::OpenedToAll { .. }
        | Event::RoomCreated { .. }
        | Event::ToppedUp { .. }
        | Event::Forgotten { .. }
        | Event::CatalogueSet { .. }
        | Event::Gift { .. } => true,
    }
}

/// A winner hears how what was won stands.
pub(super) fn tell_winner(room: &LiveRoom, user: &UserId, unit: UnitId, keeper: &dyn Keeper) {
    if let Reply::Own(own) = keeper.ask(&Query::Won { unit })
        && !own.is_empty()
    {
        room.post_own(user, *own);
    }
}

/// Updates an activity's gate; says whether viewers must hear of it soon: there is a gate now, or a pool ran empty or
/// has something again.
fn update_openings(room: &LiveRoom, id: ActivityId, keeper: &dyn Keeper) -> bool {
    let before = room.gates.get(id).map(|gate| gate.availability());
    update_gate(room, id, keeper);
    room.gates.get(id).map(|gate| gate.availability()) != before
}

/// Whoever was given a coupon by hand hears of it.
fn follow_coupons(room: &LiveRoom, no: u64, what: &CouponEvent, keeper: &dyn Keeper) {
    if let CouponEvent::Issued { template, user, .. } = what
        && let Some(coupon) = coupon(room.id, *template, CouponId(no), keeper)
    {
        room.post_own(user, Own { coupons: vec![coupon], ..Own::default() });
    }
}

fn coupon(room: RoomId, template: TemplateId, coupon: CouponId, keeper: &dyn Keeper) -> Option<CouponView> {
    match keeper.ask(&Query::Coupon { room, template, coupon }) {
        Reply::Coupon(view) => Some(*view),
        _ => None,
    }
}

fn view(room: RoomId, activity: ActivityId, keeper: &dyn Keeper) -> Option<ActivityView> {
    match keeper.ask(&Query::Activity { room, activity }) {
        Reply::Activity(view) => Some(*view),
        _ => None,
    }
}
