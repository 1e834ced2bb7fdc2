//! Broadcasts, and the reports of who is there and who talks while one is on.
//!
//! Every few seconds a round goes through each room on air, a few hundred viewers at a time. A report says since when they are
//! there, or how often they have talked; the store counts only what it did not know, so a report may come twice, or from two nodes. Claims come before
//! reports: while a batch is well filled, rounds wait, and the reports say the same a little later.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::Shared;
use super::audience::Presence;
use super::room::LiveRoom;
use super::talkers::Spell;
use crate::fanout::{Post, Progress};
use crate::rules::{Broadcast, Stay, Talked, Time};
use crate::store::{Ask, Keeper, Op, Partition, PresenceAsk, PresenceEvent, Query, Reply};

/// Viewers of one report.
const VIEWERS_AT_ONCE: usize = 256;

/// The rounds through the rooms that are on air.
#[derive(Debug, Default)]
pub(super) struct Rounds {
    rounds: Vec<Round>,
    /// Reports that the store could not take: they are the next again. No more than one batch holds.
    again: Vec<Op>,
    found: Vec<Presence>,
}

#[derive(Debug)]
struct Round {
    room: Arc<LiveRoom>,
    broadcast: Broadcast,
    next: Time,
    /// When the present round began; between rounds, none is.
    began: Option<Time>,
    /// Whether it has been through those who are there, and goes through those who have talked.
    watched: bool,
}

impl Rounds {
    /// The rounds through the rooms that are on air at a start.
    pub(super) fn of(shared: &Shared) -> Self {
        let mut rounds = Self::default();
        shared.rooms.for_each(|room| {
            if let Some(broadcast) = room.channel.broadcast().filter(Broadcast::is_on) {
                rounds.follow(room, broadcast, shared.limits.presence_every);
            }
        });
        rounds
    }

    /// Everybody is reported now: nobody will be later.
    pub(super) fn close(&mut self, now: Time) {
        self.rounds.iter_mut().for_each(|round| {
            round.next = now;
            round.broadcast.ended.get_or_insert(now);
        });
    }

    /// A room goes on air, or off: then one round more brings what is not reported yet.
    pub(super) fn follow(&mut self, room: &Arc<LiveRoom>, broadcast: Broadcast, every: Duration) {
        let same = |round: &&mut Round| round.room.id == room.id && round.broadcast.number == broadcast.number;
        room.on_air.store(broadcast.is_on(), Ordering::Relaxed);
        match (self.rounds.iter_mut().find(same), broadcast.ended) {
            (Some(round), ended) => {
                round.broadcast = broadcast;
                round.next = ended.unwrap_or(round.next);
            }
            (None, None) => {
                room.audience.lock().forget();
                room.talkers.lock().forget();
                let next = broadcast.started.after_ms(every.as_millis() as u64);
                self.rounds.push(Round { room: Arc::clone(room), broadcast, next, began: None, watched: false });
            }
            (None, Some(_)) => {}
        }
    }

    /// When there is something to report.
    pub(super) fn next_at(&self) -> Option<Time> {
        self.rounds.iter().map(|round| round.next).min()
    }

    /// The next report that is due at `now`; where the batch is filled already, only if it is late.
    pub(super) fn report(&mut self, now: Time, every: Duration, filled: bool) -> Option<Op> {
        if let Some(again) = self.again.pop() {
            return Some(again);
        }
        let every_ms = every.as_millis() as u64;
        let due = if filled { now.before_ms(4 * every_ms) } else { now };
        let place = self.rounds.iter().position(|round| round.next <= due)?;
        let round = &mut self.rounds[place];
        let began = *round.began.get_or_insert(now);
        let (room, broadcast) = (round.room.id, round.broadcast);
        let (mut ask, mut over) = (None, false);
        if !round.watched {
            self.found.clear();
            round.watched = round.room.audience.lock().take(now, VIEWERS_AT_ONCE, &mut self.found);
            ask = report(&self.found, broadcast.number);
            if round.watched {
                round.room.talkers.lock().begin();
            }
        }
        if ask.is_none() && round.watched {
            let spells;
            (spells, over) = round.room.talkers.lock().take(VIEWERS_AT_ONCE);
            ask = report_talk(&spells, broadcast.number);
        }
        if over {
            (round.began, round.watched) = (None, false);
            round.next = began.after_ms(every_ms);
            if !broadcast.is_on() {
                self.rounds.swap_remove(place);
            }
        }
        ask.map(|ask| Op { partition: Partition::Room(room), by: None, request: None, ask: Ask::Presence(ask) })
    }

    /// The store did not take a report.
    pub(super) fn not_taken(&mut self, op: &Op) {
        self.again.push(op.clone());
    }
}

fn report(found: &[Presence], broadcast: u32) -> Option<PresenceAsk> {
    let from = found.iter().map(|one| one.from).min()?;
    let until = found.iter().map(|one| one.until).max()?;
    let stay = |one: &Presence| Stay { user: one.user, after_ms: ms(from, one.from), before_ms: ms(one.until, until) };
    Some(PresenceAsk::Present { broadcast, from, until, stays: found.iter().map(stay).collect() })
}

fn report_talk(spells: &[Spell], broadcast: u32) -> Option<PresenceAsk> {
    let from = spells.iter().map(|one| one.first).min()?;
    let until = spells.iter().map(|one| one.last).max()?;
    let talked = |one: &Spell| Talked {
        user: one.user,
        after_ms: ms(from, one.first),
        before_ms: ms(one.last, until),
        times: one.times,
    };
    Some(PresenceAsk::Talked { broadcast, from, until, talked: spells.iter().map(talked).collect() })
}

fn ms(from: Time, until: Time) -> u32 {
    u32::try_from(until.since(from).as_millis()).unwrap_or(u32::MAX)
}

/// Tells the room what has happened to its broadcast, and viewers how far they have come.
pub(super) fn follow(
    shared: &Shared, rounds: &mut Rounds, room: &Arc<LiveRoom>, at: Time, what: &PresenceEvent, keeper: &dyn Keeper,
) {
    let broadcast = match what {
        PresenceEvent::BroadcastStarted { broadcast, .. } => Broadcast { number: *broadcast, started: at, ended: None },
        PresenceEvent::BroadcastEnded { .. } => {
            let Some(on) = room.channel.broadcast() else { return };
            Broadcast { ended: Some(at), ..on }
        }
        PresenceEvent::Watched { stays, .. } => {
            if room.needs.watching() {
                stays.iter().for_each(|stay| tell_progress(room, stay, keeper));
            }
            return;
        }
        PresenceEvent::TierChanged { user, to, .. } => {
            room.post(user, &Post::Tier(*to));
            return;
        }
        PresenceEvent::Introduced { .. }
        | PresenceEvent::Talked { .. }
        | PresenceEvent::StepReached { .. }
        | PresenceEvent::CheckedIn { .. }
        | PresenceEvent::KeywordPosted { .. } => return,
    };
    room.channel.publish_broadcast(broadcast);
    rounds.follow(room, broadcast, shared.limits.presence_every);
    shared.rooms.has_news(room);
}

fn tell_progress(room: &LiveRoom, stay: &Stay, keeper: &dyn Keeper) {
    let audience = room.audience.lock();
    // Many are on other nodes.
    if audience.is_here(&stay.user)
        && let Reply::Watched { broadcast, watched_ms } = keeper.ask(&Query::Watched { room: room.id, user: stay.user })
    {
        audience.each_mailbox(&stay.user, |mailbox| mailbox.progress(Progress { broadcast, watched_ms }));
    }
}
