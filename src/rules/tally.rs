//! What users bring, counted for whatever brings them: a campaign, an arm of an experiment.

use serde::{Deserialize, Serialize};

use super::{Coins, Fen};

/// Something that an event of a user counts for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Brought {
    /// Was given something.
    Given,
    /// Reserved something.
    Ordered,
    /// Paid an order.
    Sold(Fen),
    /// Sent gifts.
    Gifts(Coins),
}

/// What was brought so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Tally {
    /// Orders that were reserved, whatever became of them.
    pub orders: u32,
    /// Orders that were paid, and not for nothing.
    pub paid_orders: u32,
    /// What those cost.
    pub gmv: Fen,
    /// What gifts cost.
    pub coins: u64,
}

impl Brought {
    /// Whether it makes its user a participant: given something, or reserved something.
    pub fn is_part(self) -> bool {
        matches!(self, Self::Given | Self::Ordered)
    }
}

impl Tally {
    /// Adds what was brought.
    pub fn add(&mut self, brought: Brought) {
        match brought {
            Brought::Given => {}
            Brought::Ordered => self.orders = self.orders.saturating_add(1),
            Brought::Sold(total) => {
                self.paid_orders = self.paid_orders.saturating_add(1);
                // What sold more than any amount goes on at that amount.
                self.gmv = self.gmv.plus(total).unwrap_or(Fen::MAX);
            }
            Brought::Gifts(coins) => self.coins = self.coins.saturating_add(coins.get().unsigned_abs()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_counts_for_what() {
        let mut tally = Tally::default();
        let (fen, coins) = (|n| Fen::new(n).unwrap(), |n| Coins::new(n).unwrap());
        for (brought, is_part, orders, paid, gmv, sent) in [
            (Brought::Given, true, 0, 0, 0, 0),
            (Brought::Ordered, true, 1, 0, 0, 0),
            (Brought::Sold(fen(30)), false, 1, 1, 30, 0),
            (Brought::Gifts(coins(7)), false, 1, 1, 30, 7),
            (Brought::Sold(Fen::MAX), false, 1, 2, Fen::MAX.get(), 7),
        ] {
            tally.add(brought);
            let Tally { orders: o, paid_orders, gmv: g, coins: c } = tally;
            assert_eq!((brought.is_part(), o, paid_orders, g.get(), c), (is_part, orders, paid, gmv, sent));
        }
    }
}
