//! A room goes on air, and off again.

use super::{Fits, Kept};
use crate::rules::{Broadcast, CheckIn, RoomId, Time};
use crate::store::tables::Tables;
use crate::store::{Answer, PresenceAnswer, PresenceEvent, Recorded};

impl Tables {
    pub(super) fn presence(&mut self, recorded: &Recorded, room: &RoomId, what: &PresenceEvent) -> Fits<Answer> {
        let at = recorded.at;
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
            PresenceEvent::Talked { broadcast, from, until, talked } => {
                self.note_talked(room, at, *broadcast, (*from, *until), talked)?;
                Ok(Answer::Idle)
            }
            PresenceEvent::TierChanged { user, from, to, day } => {
                self.change_tier(room, at, *user, (*from, *to), *day)?;
                Ok(Answer::Idle)
            }
            PresenceEvent::StepReached { activity, user, request, fingerprint, reward } => {
                self.reward(recorded, *activity, *user, reward)?;
                self.receive(room, *user, *request, *fingerprint, Kept::Granted(*activity, reward.unit))
            }
            PresenceEvent::CheckedIn { activity, user, request, fingerprint, day, streak, reward } => {
                self.note_check_in(room, at, *user, CheckIn { day: *day, streak: *streak })?;
                reward.iter().try_for_each(|reward| self.reward(recorded, *activity, *user, reward))?;
                let unit = reward.as_ref().map(|reward| reward.unit);
                self.receive(room, *user, *request, *fingerprint, Kept::CheckedIn(*activity, *streak, unit))
            }
            PresenceEvent::KeywordPosted { user, activity } => {
                self.note_keyword(room, at, *user, *activity)?;
                Ok(Answer::Presence(PresenceAnswer::KeywordPosted(*activity)))
            }
            PresenceEvent::Introduced { user, account } => {
                self.note_account(room, at, *user, *account)?;
                Ok(Answer::Idle)
            }
        }
    }

    fn start(&mut self, id: &RoomId, number: u32, at: Time) -> Fits {
        let room = self.rooms.get_mut(id).ok_or("no such room")?;
        let latest = room.broadcast.as_ref();
        let next = Broadcast::after(latest, at);
        if next.number != number || latest.is_some_and(Broadcast::is_on) {
            return Err("the broadcast before is on, or another number is next");
        }
        room.broadcast = Some(next);
        let day = at.day(room.utc_offset_min);
        if room.broadcast_days[0] != Some(day) {
            room.broadcast_days = [Some(day), room.broadcast_days[0]];
        }
        self.forget_absent(id, at.before_ms(self.bounds.audience_kept_ms))
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
