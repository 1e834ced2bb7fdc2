//! Gifts sent, combos ended, the catalogue, the fan club.

use super::presence::note;
use super::{Fits, OVERDRAWN};
use crate::rules::{Account, ComboId, Currency, FanSource, Gift, Posting, RoomId, Seats, Time};
use crate::store::tables::Tables;
use crate::store::tables::receipts::Kept;
use crate::store::{Answer, Cause, GiftAnswer, GiftEvent, Recorded};

impl Tables {
    pub(super) fn replace_catalogue(&mut self, version: u32, gifts: &[Gift], cause: &Cause, at: Time) -> Fits<Answer> {
        let next = self.catalogue.replaced(gifts).map_err(|_| "no catalogue")?;
        if next.version != version {
            return Err("not the next version");
        }
        self.catalogue = next;
        Ok(self.keep_for_all(cause, Kept::Gift(GiftAnswer::CatalogueSet { version }), at))
    }

    pub(super) fn given(&mut self, recorded: &Recorded, id: &RoomId, what: &GiftEvent) -> Fits<Answer> {
        let now = recorded.at;
        let room = self.rooms.get_mut(id).ok_or("no such room")?;
        match what {
            GiftEvent::Sent { request, fingerprint, user, .. } => {
                let answer = self.send(now, *id, what)?;
                self.receive(id, *user, *request, *fingerprint, Kept::Gift(answer))
            }
            GiftEvent::ComboClosed { combo, .. } => {
                self.end_combo(*combo)?;
                Ok(Answer::Idle)
            }
            GiftEvent::FanClubSet { settings, cause } => {
                room.fan_club.settings.clone_from(settings);
                self.keep(id, cause, Kept::Gift(GiftAnswer::FanClubSet))
            }
            GiftEvent::FanJoined { user, cause } => {
                if !room.fan_club.join(*user, now) {
                    return Err("a fan already");
                }
                self.keep(id, cause, Kept::Gift(GiftAnswer::Joined))
            }
            GiftEvent::FanLeft { user, cause } => {
                if !room.fan_club.leave(user) {
                    return Err("no fan");
                }
                self.keep(id, cause, Kept::Gift(GiftAnswer::Left))
            }
        }
    }

    /// The money moves, and everything that counts it.
    fn send(&mut self, now: Time, id: RoomId, sent: &GiftEvent) -> Fits<GiftAnswer> {
        let GiftEvent::Sent { user, gift, count, coins, combo, total, until, broadcast, fan, .. } = *sent else {
            return Err("no gift");
        };
        let (from, to) = (Account::Wallet(user), Account::Earnings(id));
        let posting = Posting { from, to, currency: Currency::Coins, amount: coins.get() };
        let balance = self.ledger.post(&posting).map_err(|_| OVERDRAWN)?;
        let tiers = &self.bounds.tiers;
        let room = self.rooms.get_mut(&id).ok_or("no such room")?;
        let day = now.day(room.utc_offset_min);
        let mut seats = Seats::default();
        note(room, id, tiers, &mut self.due, (user, now), |facts| {
            seats = facts.seats;
            facts.send(broadcast, gift, count);
            facts.closeness.spend(tiers, day, coins.get().unsigned_abs());
            Ok(())
        })?;
        if combo.0 > self.combos.latest {
            self.combos.begin(combo, id, user, gift);
            room.running.insert((user, gift), combo);
        }
        let running = self.combos.add(combo, count, coins, until).ok_or("no such combo")?;
        if (running.count, running.sender, running.gift) != (total, user, gift) {
            return Err("not the combo's next gift");
        }
        if room.boards.add(user, coins, now, room.utc_offset_min, broadcast, &mut seats)
            && let Some(facts) = room.audience.get_mut(&user)
        {
            facts.seats = seats;
        }
        if let Some(gain) = fan {
            room.fan_club.take(user, FanSource::Gifts, coins.get().unsigned_abs(), day, now, gain);
        }
        Ok(GiftAnswer::Sent { combo, total, balance })
    }

    fn end_combo(&mut self, id: ComboId) -> Fits {
        let combo = self.combos.end(id).ok_or("no such combo")?;
        let room = self.rooms.get_mut(&combo.room).ok_or("no such room")?;
        // A gift that came late, but before this, has begun another.
        if room.running.get(&(combo.sender, combo.gift)) == Some(&id) {
            room.running.remove(&(combo.sender, combo.gift));
        }
        Ok(())
    }
}
