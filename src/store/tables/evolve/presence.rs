//! What was noticed of viewers, and how close it makes them.

use std::collections::BTreeSet;

use super::Fits;
use crate::rules::{
    AccountFacts, ActivityId, CheckIn, Closeness, Facts, RoomId, Stay, Talked, Tier, TierRules, Time, UserId,
};
use crate::store::tables::{Due, Room, Tables};

impl Tables {
    pub(super) fn note_watched(
        &mut self, room: &RoomId, at: Time, number: u32, (from, until): (Time, Time), stays: &[Stay],
    ) -> Fits {
        let rules = self.bounds.tiers;
        let of = self.rooms.get(room).ok_or("no such room")?;
        let broadcast = of.broadcast.filter(|latest| latest.number == number).ok_or("no such broadcast")?;
        let day = until.day(of.utc_offset_min);
        for stay in stays {
            let (from, until) = stay.within(from, until);
            let mut watched_ms = 0;
            self.note(room, stay.user, at, |facts| {
                watched_ms = facts.watch(&broadcast, from, until);
                facts.closeness.watch(&rules, day, watched_ms);
                Ok(())
            })?;
            let club = &mut self.rooms.get_mut(room).ok_or("no such room")?.fan_club;
            club.watch(stay.user, watched_ms, day, at);
        }
        Ok(())
    }

    pub(super) fn note_talked(
        &mut self, room: &RoomId, at: Time, broadcast: u32, (from, until): (Time, Time), talked: &[Talked],
    ) -> Fits {
        let rules = self.bounds.tiers;
        let offset = self.rooms.get(room).ok_or("no such room")?.utc_offset_min;
        talked.iter().try_for_each(|one| {
            let (_, until) = one.within(from, until);
            self.note(room, one.user, at, |facts| {
                facts.talk(&rules, offset, broadcast, until, one.times);
                Ok(())
            })
        })
    }

    pub(super) fn note_account(&mut self, room: &RoomId, at: Time, user: UserId, account: AccountFacts) -> Fits {
        let facts = self.facts_mut(room, user, at)?;
        facts.account = facts.account.updated(account);
        Ok(())
    }

    pub(super) fn note_keyword(&mut self, room: &RoomId, at: Time, user: UserId, activity: ActivityId) -> Fits {
        let broadcast = self.rooms.get(room).ok_or("no such room")?.broadcast_no();
        self.facts_mut(room, user, at)?.post_keyword(broadcast, activity);
        Ok(())
    }

    pub(super) fn note_check_in(&mut self, room: &RoomId, at: Time, user: UserId, check_in: CheckIn) -> Fits {
        let rules = self.bounds.tiers;
        self.note(room, user, at, |facts| {
            if facts.has_checked_in(check_in.day) {
                return Err("checked in twice a day");
            }
            facts.check_in = Some(check_in);
            facts.closeness.interact(&rules, check_in.day);
            Ok(())
        })
    }

    pub(super) fn change_tier(
        &mut self, room: &RoomId, at: Time, user: UserId, (from, to): (Tier, Tier), day: i64,
    ) -> Fits {
        self.note(room, user, at, |facts| {
            let closeness: &mut Closeness = &mut facts.closeness;
            if closeness.tier != from {
                return Err("the tier was another");
            }
            closeness.change(day, to);
            Ok(())
        })
    }

    /// Adds to what is known of a user in a room; whoever was never noticed is so now. A change of the tier that follows falls
    /// due.
    pub(super) fn note(&mut self, room: &RoomId, user: UserId, at: Time, add: impl FnOnce(&mut Facts) -> Fits) -> Fits {
        let of = self.rooms.get_mut(room).ok_or("no such room")?;
        note(of, *room, &self.bounds.tiers, &mut self.due, (user, at), add)
    }

    /// What is known of a user in a room, to add what makes no tier.
    pub(super) fn facts_mut(&mut self, room: &RoomId, user: UserId, at: Time) -> Fits<&mut Facts> {
        let audience = &mut self.rooms.get_mut(room).ok_or("no such room")?.audience;
        let facts = audience.entry(user).or_insert_with(|| Facts::new(at));
        facts.last_seen = facts.last_seen.max(at);
        Ok(facts)
    }

    /// Whoever has been away since `since` comes back as a stranger.
    pub(super) fn forget_absent(&mut self, room: &RoomId, since: Time) -> Fits {
        let (rules, id): (TierRules, RoomId) = (self.bounds.tiers, *room);
        let of = self.rooms.get_mut(room).ok_or("no such room")?;
        let (offset, due) = (of.utc_offset_min, &mut self.due);
        of.audience.retain(|user, facts| {
            let stays = facts.last_seen >= since;
            if !stays && let Some(at) = facts.tier_due(&rules, offset) {
                due.remove(&(at, Due::Tier(Box::new((id, *user)))));
            }
            stays
        });
        Ok(())
    }
}

/// [`Tables::note`], for whoever has looked the room up.
pub(super) fn note(
    room: &mut Room, id: RoomId, rules: &TierRules, due: &mut BTreeSet<(Time, Due)>, (user, at): (UserId, Time),
    add: impl FnOnce(&mut Facts) -> Fits,
) -> Fits {
    let facts = room.audience.entry(user).or_insert_with(|| Facts::new(at));
    let before = facts.tier_due(rules, room.utc_offset_min);
    facts.last_seen = facts.last_seen.max(at);
    add(facts)?;
    let after = facts.tier_due(rules, room.utc_offset_min);
    if before != after {
        let tier = Due::Tier(Box::new((id, user)));
        if let Some(at) = before {
            due.remove(&(at, tier.clone()));
        }
        due.extend(after.map(|at| (at, tier)));
    }
    Ok(())
}
