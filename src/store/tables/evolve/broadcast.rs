//! A room goes on air, and off again.

use super::{Fits, Kept};
use crate::rules::{Broadcast, RoomId, Time};
use crate::store::tables::Tables;
use crate::store::{Answer, PresenceEvent};

impl Tables {
    pub(super) fn presence(&mut self, room: &RoomId, at: Time, what: &PresenceEvent) -> Fits<Answer> {
        match what {
            PresenceEvent::BroadcastStarted { broadcast, cause } => {
                self.start(room, *broadcast, at)?;
                self.keep(room, cause, Kept::OnAir(*broadcast))
            }
            PresenceEvent::BroadcastEnded { broadcast, cause } => {
                self.end(room, *broadcast, at)?;
                self.keep(room, cause, Kept::OffAir(*broadcast))
            }
            PresenceEvent::Watched { broadcast, from, until, stays } => {
                self.note_watched(room, at, *broadcast, (*from, *until), stays)?;
                Ok(Answer::Idle)
            }
            PresenceEvent::Introduced { user, account } => {
                self.note_account(room, at, *user, *account)?;
                Ok(Answer::Idle)
            }
        }
    }

    fn start(&mut self, room: &RoomId, number: u32, at: Time) -> Fits {
        let room = self.rooms.get_mut(room).ok_or("no such room")?;
        let latest = room.broadcast.as_ref();
        let next = Broadcast::after(latest, at);
        if next.number != number || latest.is_some_and(Broadcast::is_on) {
            return Err("the broadcast before is on, or another number is next");
        }
        room.broadcast = Some(next);
        // Whoever has been away for long comes back as a stranger.
        let since = at.before_ms(self.bounds.audience_kept_ms);
        room.audience.retain(|_, facts| facts.last_seen >= since);
        Ok(())
    }

    fn end(&mut self, room: &RoomId, number: u32, at: Time) -> Fits {
        let room = self.rooms.get_mut(room).ok_or("no such room")?;
        match &mut room.broadcast {
            Some(latest) if latest.is_on() && latest.number == number => {
                latest.ended = Some(at);
                Ok(())
            }
            _ => Err("the broadcast is not on"),
        }
    }
}
