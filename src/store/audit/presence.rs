//! Watched time and what is earned by it, kept a second time from the events alone.

use std::collections::{HashMap, HashSet};

use super::{Check, Invariant, Verdict};
use crate::rules::{ActivityId, Facts, KindPlan, Prize, RoomId, Stay, Time, UserId};
use crate::store::{Event, PresenceEvent, Recorded, Reward, Tables};

/// Nobody has watched a broadcast for longer than it lasted, or than they were reported to be there.
pub(super) struct WatchedIsPresence {
    /// The latest broadcast of each room: number, beginning, end.
    broadcasts: HashMap<RoomId, (u32, Time, Option<Time>)>,
    /// What was reported of each user, in that broadcast, ms.
    reported: HashMap<(RoomId, UserId), (u32, u64)>,
}

impl WatchedIsPresence {
    pub(super) fn over(base: &Tables) -> Self {
        let mut new = Self { broadcasts: HashMap::new(), reported: HashMap::new() };
        for (id, room) in base.rooms() {
            if let Some(latest) = room.broadcast {
                new.broadcasts.insert(*id, (latest.number, latest.started, latest.ended));
                for (user, facts) in room.audience() {
                    new.reported.insert((*id, *user), (latest.number, facts.watched_ms(latest.number)));
                }
            }
        }
        new
    }

    fn report(&mut self, room: RoomId, broadcast: u32, (from, until): (Time, Time), stay: &Stay) {
        let (from, until) = stay.within(from, until);
        let reported = self.reported.entry((room, stay.user)).or_insert((broadcast, 0));
        if reported.0 != broadcast {
            *reported = (broadcast, 0);
        }
        reported.1 += until.since(from).as_millis() as u64;
    }
}

impl Check for WatchedIsPresence {
    fn invariant(&self) -> Invariant {
        Invariant::WatchedIsPresence
    }

    fn before(&mut self, recorded: &Recorded, _: &Tables) -> Verdict<()> {
        let (no, at) = (recorded.no, recorded.at);
        let Event::Presence { room, what } = &recorded.event else { return Ok(()) };
        match what {
            PresenceEvent::BroadcastStarted { broadcast, .. } => {
                let before = self.broadcasts.insert(*room, (*broadcast, at, None));
                match before {
                    Some((number, _, Some(_))) if number + 1 == *broadcast => Ok(()),
                    None if *broadcast == 1 => Ok(()),
                    before => Err(format!("event {no} starts broadcast {broadcast} of {room} after {before:?}")),
                }
            }
            PresenceEvent::BroadcastEnded { broadcast, .. } => match self.broadcasts.get_mut(room) {
                Some((number, _, ended @ None)) if number == broadcast => {
                    *ended = Some(at);
                    Ok(())
                }
                latest => {
                    Err(format!("event {no} ends broadcast {broadcast} of {room}, where {latest:?} is the latest"))
                }
            },
            PresenceEvent::Watched { broadcast, from, until, stays } => {
                if *until > at {
                    return Err(format!("event {no} reports the future"));
                }
                stays.iter().for_each(|stay| self.report(*room, *broadcast, (*from, *until), stay));
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn judge(&self, tables: &Tables) -> Verdict {
        let mut viewers = 0;
        for (id, room) in tables.rooms() {
            let Some((number, started, ended)) = self.broadcasts.get(id) else { continue };
            let lasted = ended.unwrap_or(tables.latest_at()).since(*started).as_millis() as u64;
            for (user, facts) in room.audience() {
                viewers += 1;
                let watched = facts.watched_ms(*number);
                let (of, reported) = self.reported.get(&(*id, *user)).copied().unwrap_or_default();
                let reported = if of == *number { reported } else { 0 };
                if watched > lasted.min(reported) {
                    return Err(format!(
                        "{user} watched broadcast {number} of {id} for {watched} ms: it lasted {lasted}, {reported} were reported"
                    ));
                }
            }
        }
        Ok(format!("{viewers} viewers"))
    }
}

/// What somebody said and liked counts once: reports of one broadcast that count follow one another.
pub(super) struct TalkCountsOnce {
    /// Up to when talk of a user is counted, in which broadcast.
    until: HashMap<(RoomId, UserId), (u32, Time)>,
    counted: u64,
}

impl TalkCountsOnce {
    pub(super) fn over(_: &Tables) -> Self {
        Self { until: HashMap::new(), counted: 0 }
    }
}

impl Check for TalkCountsOnce {
    fn invariant(&self) -> Invariant {
        Invariant::TalkCountsOnce
    }

    fn before(&mut self, recorded: &Recorded, tables: &Tables) -> Verdict<()> {
        let no = recorded.no;
        let Event::Presence { room, what: PresenceEvent::Talked { broadcast, from, until, talked } } = &recorded.event
        else {
            return Ok(());
        };
        let latest = tables.room(room).and_then(|room| room.broadcast).filter(|latest| latest.number == *broadcast);
        let Some(latest) = latest else { return Err(format!("event {no} counts talk of no broadcast")) };
        for one in talked {
            let (from, until) = one.within(*from, *until);
            let before = self.until.insert((*room, one.user), (*broadcast, until));
            let again = before.is_some_and(|(of, before)| of == *broadcast && from <= before);
            if again || one.times == 0 || from < latest.started || until > recorded.at {
                return Err(format!("event {no} counts {} of {} from {from} to {until}", one.times, one.user));
            }
            self.counted += u64::from(one.times);
        }
        Ok(())
    }

    fn judge(&self, _: &Tables) -> Verdict {
        Ok(format!("{} comments and likes count", self.counted))
    }
}

/// Whoever was given the prize of a goal had reached it, and was given it once; nobody checked in twice a day.
pub(super) struct GoalsAreReached {
    rewarded: HashSet<(ActivityId, u16, UserId)>,
    days: HashMap<(RoomId, UserId), i64>,
    check_ins: u64,
}

impl GoalsAreReached {
    pub(super) fn over(base: &Tables) -> Self {
        let mut new = Self { rewarded: HashSet::new(), days: HashMap::new(), check_ins: 0 };
        for activity in base.activities() {
            let reached = activity.goals().into_iter().flat_map(|goals| goals.reached());
            new.rewarded.extend(reached.map(|reached| (activity.id, reached.goal, reached.user)));
        }
        for (id, room) in base.rooms() {
            let days = room.audience().filter_map(|(user, facts)| Some(((*id, *user), facts.check_in?.day)));
            new.days.extend(days);
        }
        new
    }

    fn reward(&mut self, no: u64, activity: ActivityId, user: UserId, goal: u16) -> Verdict<()> {
        match self.rewarded.insert((activity, goal, user)) {
            true => Ok(()),
            false => Err(format!("event {no} rewards {user} for goal {goal} of activity {activity} again")),
        }
    }
}

/// What the plan has for a goal, and where it is.
fn planned(no: u64, tables: &Tables, id: ActivityId, goal: u16, prize: &Prize) -> Verdict<u32> {
    let plan = tables.activity(id).and_then(|activity| activity.goal(goal));
    match plan {
        Some(plan) if plan.prize == *prize => Ok(plan.at),
        other => Err(format!("event {no} gives {prize:?} for goal {goal} of activity {id}, planned was {other:?}")),
    }
}

impl Check for GoalsAreReached {
    fn invariant(&self) -> Invariant {
        Invariant::GoalsAreReached
    }

    fn before(&mut self, recorded: &Recorded, tables: &Tables) -> Verdict<()> {
        let no = recorded.no;
        let Event::Presence { room: id, what } = &recorded.event else { return Ok(()) };
        let room = tables.room(id);
        match what {
            PresenceEvent::StepReached { activity, user, reward: Reward { goal, prize, .. }, .. } => {
                let at = planned(no, tables, *activity, *goal, prize)?;
                let broadcast = room.map_or(0, |room| room.broadcast_no());
                let facts = room.and_then(|room| room.facts(user));
                if let Err(refusal) = Facts::watched(facts, broadcast, at) {
                    return Err(format!("event {no} rewards {user}, who {refusal}"));
                }
                self.reward(no, *activity, *user, *goal)
            }
            PresenceEvent::CheckedIn { activity, user, day, streak, reward, .. } => {
                self.check_ins += 1;
                let latest = self.days.insert((*id, *user), *day);
                if latest.is_some_and(|latest| latest >= *day) {
                    return Err(format!("event {no} checks {user} in on day {day}, after day {latest:?}"));
                }
                let Some(Reward { goal, prize, .. }) = reward else { return Ok(()) };
                let at = planned(no, tables, *activity, *goal, prize)?;
                let is_check_in = tables.activity(*activity).map(|it| matches!(it.plan.kind, KindPlan::CheckIn(_)));
                if at != *streak || is_check_in != Some(true) {
                    return Err(format!("event {no} rewards a streak of {streak} for one of {at}"));
                }
                self.reward(no, *activity, *user, *goal)
            }
            _ => Ok(()),
        }
    }

    fn judge(&self, tables: &Tables) -> Verdict {
        let kept: usize = tables.activities().filter_map(|activity| activity.goals()).map(|g| g.reached().len()).sum();
        if kept > self.rewarded.len() {
            return Err(format!("{kept} prizes are kept, {} were given", self.rewarded.len()));
        }
        Ok(format!("{} prizes, {} check-ins", self.rewarded.len(), self.check_ins))
    }
}
