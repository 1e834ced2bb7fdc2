//! What was noticed of viewers.

use super::Fits;
use crate::rules::{AccountFacts, Facts, RoomId, Stay, Time, UserId};
use crate::store::tables::Tables;

impl Tables {
    pub(super) fn note_watched(
        &mut self, room: &RoomId, at: Time, number: u32, (from, until): (Time, Time), stays: &[Stay],
    ) -> Fits {
        let room = self.rooms.get_mut(room).ok_or("no such room")?;
        let broadcast = room.broadcast.filter(|latest| latest.number == number).ok_or("no such broadcast")?;
        for stay in stays {
            let facts = room.audience.entry(stay.user).or_insert_with(|| Facts::new(at));
            let (from, until) = stay.within(from, until);
            facts.watch(&broadcast, from, until);
        }
        Ok(())
    }

    pub(super) fn note_account(&mut self, room: &RoomId, at: Time, user: UserId, account: AccountFacts) -> Fits {
        let facts = self.facts_mut(room, user, at)?;
        facts.account = facts.account.updated(account);
        Ok(())
    }

    /// What is known of a user in a room, to add to it; whoever was never noticed is so now.
    pub(super) fn facts_mut(&mut self, room: &RoomId, user: UserId, at: Time) -> Fits<&mut Facts> {
        let audience = &mut self.rooms.get_mut(room).ok_or("no such room")?.audience;
        let facts = audience.entry(user).or_insert_with(|| Facts::new(at));
        facts.last_seen = facts.last_seen.max(at);
        Ok(facts)
    }
}
