//! The gifts of one tick: those of a combo are heard as one.

use std::collections::BTreeMap;

use super::RoomMessage;
use crate::rules::{ComboId, GiftId, UserId};

/// Gifts of one combo that were sent within a tick.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GiftRun {
    /// The combo.
    pub combo: ComboId,
    /// Who sent them.
    pub user: UserId,
    /// What.
    pub gift: GiftId,
    /// How many within the tick.
    pub count: u32,
    /// How many the combo has with these.
    pub total: u32,
    /// What those of the tick cost.
    pub coins: i64,
}

/// A combo that has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClosedCombo {
    /// The combo.
    pub combo: ComboId,
    /// Whose.
    pub user: UserId,
    /// Of which gift.
    pub gift: GiftId,
    /// How many gifts in all.
    pub total: u32,
    /// What they cost in all.
    pub coins: i64,
}

/// What waits for the next tick.
#[derive(Debug, Default)]
pub(super) struct FreshGifts {
    runs: BTreeMap<ComboId, GiftRun>,
    closed: Vec<ClosedCombo>,
}

impl FreshGifts {
    /// Adds a gift to those of its combo: the counts add up, the latest total stands. Refused (`false`) when `max` messages wait.
    pub(super) fn add(&mut self, run: GiftRun, max: usize) -> bool {
        if let Some(waiting) = self.runs.get_mut(&run.combo) {
            waiting.count += run.count;
            waiting.coins += run.coins;
            waiting.total = run.total;
            return true;
        }
        let fits = self.len() < max;
        if fits {
            self.runs.insert(run.combo, run);
        }
        fits
    }

    /// Adds the end of a combo. Refused (`false`) when `max` messages wait.
    pub(super) fn close(&mut self, closed: ClosedCombo, max: usize) -> bool {
        let fits = self.len() < max;
        if fits {
            self.closed.push(closed);
        }
        fits
    }

    /// All of it, ends last.
    pub(super) fn take(&mut self) -> impl Iterator<Item = RoomMessage> {
        let runs = std::mem::take(&mut self.runs).into_values().map(RoomMessage::GiftRun);
        runs.chain(std::mem::take(&mut self.closed).into_iter().map(RoomMessage::ComboClosed))
    }

    fn len(&self) -> usize {
        self.runs.len() + self.closed.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(combo: u64, count: u32, total: u32) -> GiftRun {
        let (user, gift) = (UserId::parse("ann").unwrap(), GiftId(1));
        GiftRun { combo: ComboId(combo), user, gift, count, total, coins: i64::from(count) * 5 }
    }

    #[test]
    fn the_gifts_of_a_combo_are_heard_as_one() {
        let mut fresh = FreshGifts::default();
        assert!(fresh.add(run(2, 1, 1), 3));
        assert!(fresh.add(run(1, 3, 3), 3));
        assert!(fresh.add(run(2, 4, 5), 3));
        let GiftRun { combo, user, gift, .. } = run(1, 0, 0);
        let closed = ClosedCombo { combo, user, gift, total: 3, coins: 15 };
        assert!(fresh.close(closed.clone(), 3));
        assert!(!fresh.add(run(3, 1, 1), 3), "the tick is full");
        assert!(!fresh.close(closed, 3), "the tick is full");
        assert!(fresh.add(run(2, 1, 6), 3), "though not for those that are there");
        let heard: Vec<_> = fresh
            .take()
            .map(|message| match message {
                RoomMessage::GiftRun(run) => format!("{}: {} of {} for {}", run.combo, run.count, run.total, run.coins),
                RoomMessage::ComboClosed(closed) => format!("{} closed with {}", closed.combo, closed.total),
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(heard, ["1: 3 of 3 for 15", "2: 6 of 6 for 30", "1 closed with 3"]);
        assert_eq!(fresh.take().count(), 0);
    }
}
