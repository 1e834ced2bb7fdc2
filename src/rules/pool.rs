//! A counter of identical units that can be given, held and returned.

use serde::{Deserialize, Serialize};

/// Units to give from.
///
/// At every instant `granted + reserved + free + held_back = initial + added − written_off`, and nothing is negative.
///
/// An *opening* is a stretch of time in which there is something: it begins when units appear where there were
/// none, and ends with the last one. Openings are numbered from 1, and the event that ended each is kept: so a claim
/// that names its opening can be refused the same way for ever, without a record of the refusal.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct UnitPool {
    /// Units at the start.
    pub initial: u32,
    /// Units that amendments added.
    pub added: u32,
    /// Units that amendments took away.
    pub written_off: u32,
    /// Units for later waves.
    pub held_back: u32,
    /// Units that may be given now.
    pub free: u32,
    /// Units held by orders that are not paid yet.
    pub reserved: u32,
    /// Units given for good.
    pub granted: u32,
    /// The number of the latest opening; 0 before the first.
    pub opening: u32,
    /// Numbers of the events that emptied openings 1, 2, …; the latest opening's only if it is empty now.
    emptied: Vec<u64>,
}

/// Why stock can't change so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum StockError {
    /// Units that are granted or reserved can't be taken away.
    #[error("only {0} units are neither granted nor reserved")]
    Taken(u32),
    /// Beyond what a pool counts.
    #[error("a pool holds at most {} units", UnitPool::UNITS_MAX)]
    TooMany,
}

impl UnitPool {
    /// The most units that a pool may ever have held.
    pub const UNITS_MAX: u32 = 10_000_000;

    /// A pool whose units all wait for [`Self::release`].
    pub fn holding(initial: u32) -> Self {
        Self { initial, held_back: initial, ..Self::default() }
    }

    /// Lets `units` of those held back be given.
    pub fn release(&mut self, units: u32) {
        let units = units.min(self.held_back);
        self.held_back -= units;
        self.appear(units);
    }

    /// The number of the event that ended `opening`, if it has ended.
    pub fn ended(&self, opening: u32) -> Option<u64> {
        let index = opening.checked_sub(1)?;
        self.emptied.get(index as usize).copied()
    }

    /// Gives `units` for good. `event` is the number of the decision.
    pub fn grant(&mut self, units: u32, event: u64) {
        self.leave(units, event);
        self.granted += units;
    }

    /// Holds `units` for an order. `event` is the number of the decision.
    pub fn reserve(&mut self, units: u32, event: u64) {
        self.leave(units, event);
        self.reserved += units;
    }

    /// An order that held `units` is paid.
    pub fn sell_reserved(&mut self, units: u32) {
        self.reserved -= units;
        self.granted += units;
    }

    /// An order that held `units` has ended without payment.
    pub fn give_back(&mut self, units: u32) {
        self.reserved -= units;
        self.appear(units);
    }

    /// Adds units; those of later waves with `held_back`.
    pub fn add(&mut self, units: u32) {
        self.added += units;
        self.appear(units);
    }

    /// Takes units away that nobody has.
    pub fn write_off(&mut self, units: u32, event: u64) {
        self.written_off += units;
        self.leave(units, event);
    }

    /// Whether stock may change by `units`.
    pub fn may_change(&self, units: i32) -> Result<(), StockError> {
        if units < 0 && units.unsigned_abs() > self.free {
            return Err(StockError::Taken(self.free));
        }
        let ever = u64::from(self.initial) + u64::from(self.added);
        if ever + u64::try_from(units.max(0)).unwrap_or(0) > u64::from(Self::UNITS_MAX) {
            return Err(StockError::TooMany);
        }
        Ok(())
    }

    /// Whether the counts add up.
    pub fn is_balanced(&self) -> bool {
        let placed = [self.granted, self.reserved, self.free, self.held_back, self.written_off];
        placed.into_iter().map(u64::from).sum::<u64>() == u64::from(self.initial) + u64::from(self.added)
    }

    fn leave(&mut self, units: u32, event: u64) {
        self.free -= units;
        if self.free == 0 && units > 0 {
            self.emptied.push(event);
        }
    }

    fn appear(&mut self, units: u32) {
        if self.free == 0 && units > 0 {
            self.opening += 1;
        }
        self.free += units;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_opening_ends_once_and_for_ever() {
        let mut pool = UnitPool::holding(2);
        assert_eq!((pool.opening, pool.ended(0), pool.ended(1)), (0, None, None));
        pool.release(2);
        pool.reserve(2, 10);
        assert_eq!((pool.opening, pool.ended(1)), (1, Some(10)));
        pool.give_back(1);
        assert_eq!((pool.opening, pool.ended(1), pool.ended(2)), (2, Some(10), None));
        pool.grant(1, 12);
        pool.add(5);
        assert_eq!((pool.opening, pool.ended(1), pool.ended(2), pool.ended(3)), (3, Some(10), Some(12), None));
    }

    proptest! {
        #[test]
        fn units_are_never_lost(steps in prop::collection::vec((0..6u8, 1..5u32), 0..60)) {
            let mut pool = UnitPool::holding(10);
            for (event, (step, units)) in steps.into_iter().enumerate() {
                match step {
                    0 => pool.release(units),
                    1 if pool.free >= units => pool.grant(units, event as u64),
                    2 if pool.free >= units => pool.reserve(units, event as u64),
                    3 if pool.reserved >= units => pool.give_back(units),
                    4 if pool.reserved >= units => pool.sell_reserved(units),
                    5 if pool.may_change(-(units as i32)).is_ok() => pool.write_off(units, event as u64),
                    _ => pool.add(units),
                }
                prop_assert!(pool.is_balanced());
                prop_assert_eq!(pool.ended(pool.opening).is_some(), pool.free == 0 && pool.opening > 0);
            }
        }
    }
}
