//! Gifts: what they brought, what combos and boards make of them, and what fans gained.

use std::collections::{BTreeMap, HashMap};

use super::{Check, Invariant, Verdict};
use crate::rules::{Account, BoardId, ComboId, Currency, RoomId, Span, UserId};
use crate::store::{Event, GiftEvent, PresenceEvent, Recorded, Room, Tables};

/// A room's earnings are what its gifts cost, and a combo is the sum of its gifts.
pub(super) struct GiftsAddUp {
    earnings: BTreeMap<RoomId, i128>,
    combos: HashMap<ComboId, (u64, i64)>,
    sent: u64,
}

impl GiftsAddUp {
    pub(super) fn over(base: &Tables) -> Self {
        let earnings = base.ledger().balances().filter_map(|(account, currency, held)| match (account, currency) {
            (Account::Earnings(room), Currency::Coins) => Some((room, i128::from(held))),
            _ => None,
        });
        let combos = base.combos().map(|combo| (combo.id, (u64::from(combo.count), combo.coins)));
        Self { earnings: earnings.collect(), combos: combos.collect(), sent: 0 }
    }
}

impl Check for GiftsAddUp {
    fn invariant(&self) -> Invariant {
        Invariant::GiftsAddUp
    }

    fn before(&mut self, recorded: &Recorded, _: &Tables) -> Verdict<()> {
        let no = recorded.no;
        let Event::Gift { room, what } = &recorded.event else { return Ok(()) };
        match what {
            GiftEvent::Sent { combo, count, coins, total, .. } => {
                self.sent += 1;
                *self.earnings.entry(*room).or_default() += i128::from(coins.get());
                let (gifts, cost) = self.combos.entry(*combo).or_default();
                *gifts += u64::from(*count);
                *cost += coins.get();
                if *gifts != u64::from(*total) {
                    return Err(format!("event {no} says {total} gifts of combo {combo}, by the log {gifts}"));
                }
            }
            GiftEvent::ComboClosed { combo, total, coins, .. } => {
                let gifts = self.combos.remove(combo);
                if gifts != Some((u64::from(*total), *coins)) {
                    return Err(format!(
                        "event {no} closes combo {combo} with {total} for {coins}, by the log {gifts:?}"
                    ));
                }
            }
            GiftEvent::FanClubSet { .. } | GiftEvent::FanJoined { .. } | GiftEvent::FanLeft { .. } => {}
        }
        Ok(())
    }

    fn judge(&self, tables: &Tables) -> Verdict {
        for (room, coins) in &self.earnings {
            let held = tables.ledger().balance(Account::Earnings(*room), Currency::Coins);
            if i128::from(held) != *coins {
                return Err(format!("room {room} has earned {held} coins, by its gifts {coins}"));
            }
        }
        let mut open = 0;
        for combo in tables.combos() {
            open += 1;
            let by_log = self.combos.get(&combo.id);
            if by_log != Some(&(u64::from(combo.count), combo.coins)) {
                let (count, coins) = (combo.count, combo.coins);
                return Err(format!("combo {} has {count} gifts for {coins}, by the log {by_log:?}", combo.id));
            }
        }
        if open != self.combos.len() {
            return Err(format!("{open} combos are open, by the log {}", self.combos.len()));
        }
        Ok(format!("{} times gifts, {} rooms, {open} combos open", self.sent, self.earnings.len()))
    }
}

/// A score is the sum of what its user gave in the board's span.
pub(super) struct BoardsAddUp {
    boards: BTreeMap<(RoomId, BoardId), HashMap<UserId, i64>>,
}

impl BoardsAddUp {
    pub(super) fn over(base: &Tables) -> Self {
        let boards = base.rooms().flat_map(|(id, room)| room.boards().iter().map(move |board| (*id, board)));
        let scores = boards.map(|(room, (id, board))| {
            let scores = board.places().map(|place| (place.user(), place.score()));
            ((room, id), scores.collect())
        });
        Self { boards: scores.collect() }
    }
}

impl Check for BoardsAddUp {
    fn invariant(&self) -> Invariant {
        Invariant::BoardsAddUp
    }

    fn before(&mut self, recorded: &Recorded, tables: &Tables) -> Verdict<()> {
        let Event::Gift { room: id, what: GiftEvent::Sent { user, coins, broadcast, .. } } = &recorded.event else {
            return Ok(());
        };
        let room = tables.room(id).ok_or_else(|| format!("event {}: no room {id}", recorded.no))?;
        for span in Span::ALL {
            let board = span.at(recorded.at, room.utc_offset_min, *broadcast);
            *self.boards.entry((*id, board)).or_default().entry(*user).or_default() += coins.get();
        }
        Ok(())
    }

    fn after(&mut self, recorded: &Recorded, tables: &Tables) -> Verdict<()> {
        // A board that was forgotten begins anew if it is touched again.
        if let Event::Forgotten { room: Some(id), .. } = &recorded.event
            && let Some(room) = tables.room(id)
        {
            self.boards.retain(|(of, board), _| of != id || room.boards().get(*board).is_some());
        }
        Ok(())
    }

    fn judge(&self, tables: &Tables) -> Verdict {
        let (mut boards, mut places) = (0, 0);
        for (id, room) in tables.rooms() {
            for (board_id, board) in room.boards().iter() {
                boards += 1;
                let by_log = self.boards.get(&(*id, board_id));
                let by_log =
                    by_log.ok_or_else(|| format!("{board_id:?} of room {id} is there, by the log it is not"))?;
                let total: i64 = by_log.values().sum();
                if board.total() != total {
                    return Err(format!("{board_id:?} of room {id} adds up to {}, by the log {total}", board.total()));
                }
                for place in board.places() {
                    places += 1;
                    let given = by_log.get(&place.user()).copied().unwrap_or(0);
                    // Who fell off the end once has less than was given.
                    if place.score() > given || (board.is_complete() && place.score() != given) {
                        let (user, score) = (place.user(), place.score());
                        return Err(format!("{user} has {score} on {board_id:?} of room {id}, by the log {given}"));
                    }
                }
            }
        }
        Ok(format!("{places} places on {boards} boards"))
    }
}

/// A fan has the points that were gained since joining: by gifts, as their events say, and by watching, within the day's most.
pub(super) struct FansAddUp {
    fans: HashMap<(RoomId, UserId), u64>,
}

impl FansAddUp {
    pub(super) fn over(base: &Tables) -> Self {
        let fans = base.rooms().flat_map(|(id, room)| room.fan_club().fans().map(move |fan| (*id, fan)));
        Self { fans: fans.map(|(room, (user, fan))| ((room, *user), fan.points)).collect() }
    }
}

impl Check for FansAddUp {
    fn invariant(&self) -> Invariant {
        Invariant::FansAddUp
    }

    fn before(&mut self, recorded: &Recorded, _: &Tables) -> Verdict<()> {
        let Event::Gift { room, what } = &recorded.event else { return Ok(()) };
        let wrong = |what: &str| Err(format!("event {}: {what}", recorded.no));
        match what {
            GiftEvent::Sent { user, fan: Some(gain), .. } => {
                let known = self.fans.contains_key(&(*room, *user));
                if known == gain.joins {
                    return wrong("a fan joins twice, or gains without having joined");
                }
                *self.fans.entry((*room, *user)).or_default() += u64::from(gain.points);
            }
            GiftEvent::FanJoined { user, .. } if self.fans.insert((*room, *user), 0).is_some() => {
                return wrong("a fan joins twice");
            }
            GiftEvent::FanLeft { user, .. } if self.fans.remove(&(*room, *user)).is_none() => {
                return wrong("one who is no fan leaves");
            }
            _ => {}
        }
        Ok(())
    }

    fn after(&mut self, recorded: &Recorded, tables: &Tables) -> Verdict<()> {
        let Event::Presence { room: id, what: PresenceEvent::Watched { stays, .. } } = &recorded.event else {
            return Ok(());
        };
        let Some(club) = tables.room(id).map(Room::fan_club) else { return Ok(()) };
        for stay in stays {
            let (Some(fan), Some(points)) = (club.fan(&stay.user), self.fans.get_mut(&(*id, stay.user))) else {
                continue;
            };
            let gained = fan.points.checked_sub(*points);
            if gained.is_none_or(|gained| gained > club.settings.watching.points_max.into()) {
                let no = recorded.no;
                return Err(format!("{} has {} points after event {no}, by the log {points}", stay.user, fan.points));
            }
            *points = fan.points;
        }
        Ok(())
    }

    fn judge(&self, tables: &Tables) -> Verdict {
        let mut fans = 0;
        for (id, room) in tables.rooms() {
            for (user, fan) in room.fan_club().fans() {
                fans += 1;
                let by_log = self.fans.get(&(*id, *user));
                if by_log != Some(&fan.points) {
                    return Err(format!("{user} has {} points in room {id}, by the log {by_log:?}", fan.points));
                }
            }
        }
        if fans != self.fans.len() {
            return Err(format!("{fans} fans, by the log {}", self.fans.len()));
        }
        Ok(format!("{fans} fans"))
    }
}
