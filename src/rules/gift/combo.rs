//! Combos 连击: gifts of one kind, by one sender, to one room, each soon after the one before.

use serde::{Deserialize, Serialize};

use crate::rules::{Coins, ComboId, Gift, GiftId, RoomId, Time, UserId};

/// A run of gifts. It shows what was sent; the money has moved with each gift by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Combo {
    /// Its number.
    pub id: ComboId,
    /// To whom.
    pub room: RoomId,
    /// By whom.
    pub sender: UserId,
    /// What.
    pub gift: GiftId,
    /// How many so far.
    pub count: u32,
    /// What they cost so far.
    pub coins: i64,
    /// When it ends, unless another gift comes before.
    pub until: Time,
}

impl Combo {
    /// The longest window between two gifts of a combo, ms.
    pub const WINDOW_MS_MAX: u64 = 60_000;

    /// Nothing was sent yet.
    pub fn begin(id: ComboId, room: RoomId, sender: UserId, gift: GiftId) -> Self {
        Self { id, room, sender, gift, count: 0, coins: 0, until: Time::from_ms(0) }
    }

    /// Whether `count` more, sent at `now`, belong to it: it has not ended, and can count them.
    pub fn takes(&self, now: Time, count: u32) -> bool {
        now < self.until && self.count <= u32::MAX - Gift::COUNT_MAX.max(count)
    }

    /// Takes in what was sent.
    pub fn add(&mut self, count: u32, coins: Coins, until: Time) {
        self.count += count;
        self.coins += coins.get();
        self.until = until;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn when_a_gift_belongs_to_a_combo() {
        let (room, sender) = (RoomId::parse("r1").unwrap(), UserId::parse("ann").unwrap());
        let mut combo = Combo::begin(ComboId(1), room, sender, GiftId(1));
        combo.add(3, Coins::new(15).unwrap(), Time::from_ms(4_000));
        let nearly_full = Combo { count: u32::MAX - 9_999, ..combo.clone() };
        let full = Combo { count: u32::MAX - 9_998, ..combo.clone() };
        for (case, combo, now, count, want) in [
            ("at once", &combo, 1_000, 1, true),
            ("at the last moment", &combo, 3_999, 1, true),
            ("when it ends", &combo, 4_000, 1, false),
            ("long after", &combo, 60_000, 1, false),
            ("as many as it can count", &nearly_full, 1_000, 9_999, true),
            ("more than it can count", &full, 1_000, 9_999, false),
        ] {
            assert_eq!(combo.takes(Time::from_ms(now), count), want, "{case}");
        }
        assert_eq!((combo.count, combo.coins), (3, 15));
    }
}
