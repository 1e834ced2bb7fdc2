//! What viewers learned, and what must be true of it whatever the server says.

use std::collections::HashSet;

use liveroom_protocol::wire::RefusalCode;

use super::frames::{Granted, Outcome, Reserved};

/// A decision, as far as it must be the same each time it is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Told {
    Granted { activity: u64, slot: u32, amount_fen: i64, coupon: Box<[u8]>, at_ms: u64, held_until_ms: Option<u64> },
    Reserved(Reserved),
    Refused(RefusalCode),
    Other,
}

impl Told {
    pub(super) fn of(outcome: &Outcome<'_>) -> Self {
        match outcome {
            Outcome::Grant(Granted { activity, slot, amount_fen, coupon, at_ms, held_until_ms }) => Self::Granted {
                activity: *activity,
                slot: *slot,
                amount_fen: *amount_fen,
                coupon: (*coupon).into(),
                at_ms: *at_ms,
                held_until_ms: *held_until_ms,
            },
            Outcome::Order(order) => Self::Reserved(*order),
            Outcome::Refused(code) => Self::Refused(*code),
            Outcome::NotDone(_) | Outcome::Pending | Outcome::Done => Self::Other,
        }
    }
}

/// What one viewer learned, or all.
#[derive(Debug, Default)]
pub(super) struct Learned {
    /// Shares given, with their cash.
    pub(super) shares: u64,
    pub(super) shares_fen: i64,
    /// Orders made, with what they cost.
    pub(super) orders: Vec<u64>,
    pub(super) orders_fen: i64,
    /// Per rain, the viewer's slots that were given, one bit each; the latest last.
    slots: Vec<(u64, u128)>,
    /// The same slot or order was given twice.
    pub(super) duplicate: Option<String>,
    /// One request was answered in two ways.
    pub(super) unstable: Option<String>,
    /// Decided requests that were asked once more, and answered.
    pub(super) repeats: u64,
    /// Answers that said pending.
    pub(super) pendings: u64,
    /// Requests without a decision in the end.
    pub(super) unanswered: u64,
    /// Lines that broke and were replaced.
    pub(super) reconnects: u64,
    /// The word of the latest goodbye.
    pub(super) goodbye: Option<String>,
}

impl Learned {
    pub(super) fn grant(&mut self, grant: &Granted<'_>) {
        self.shares += 1;
        self.shares_fen += grant.amount_fen;
        let bit = 1u128.checked_shl(grant.slot).unwrap_or(0);
        // A viewer is in one rain at a time, but for the last answers of the one before.
        let known = self.slots.iter_mut().rev().find(|(activity, _)| *activity == grant.activity);
        let slots = match known {
            Some((_, slots)) => slots,
            None => {
                self.slots.push((grant.activity, 0));
                &mut self.slots.last_mut().expect("it was just pushed").1
            }
        };
        if bit == 0 || *slots & bit != 0 {
            let words = format!("slot {} of activity {} was given twice", grant.slot, grant.activity);
            self.duplicate.get_or_insert(words);
        }
        *slots |= bit;
    }

    pub(super) fn order(&mut self, order: &Reserved) {
        self.orders.push(order.order);
        self.orders_fen += order.total_fen;
    }

    /// Takes in what another viewer learned.
    pub(super) fn add(&mut self, other: Self) {
        self.shares += other.shares;
        self.shares_fen += other.shares_fen;
        self.orders.extend(other.orders);
        self.orders_fen += other.orders_fen;
        self.duplicate = self.duplicate.take().or(other.duplicate);
        self.unstable = self.unstable.take().or(other.unstable);
        self.repeats += other.repeats;
        self.pendings += other.pendings;
        self.unanswered += other.unanswered;
        self.reconnects += other.reconnects;
        self.goodbye = self.goodbye.take().or(other.goodbye);
    }

    /// Everything that was given, shares and orders.
    pub(super) fn given(&self) -> u64 {
        self.shares + self.orders.len() as u64
    }

    /// Looks whether two viewers got the same order.
    pub(super) fn check_orders(&mut self) {
        let mut seen = HashSet::with_capacity(self.orders.len());
        if let Some(twice) = self.orders.iter().find(|order| !seen.insert(**order)) {
            self.duplicate.get_or_insert(format!("order {twice} was given twice"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_or_an_order_that_comes_twice_is_noticed() {
        let grant = |activity, slot| Granted { activity, slot, amount_fen: 5, ..Granted::default() };
        let mut learned = Learned::default();
        for (activity, slot) in [(1, 1), (1, 99), (2, 1), (1, 2)] {
            learned.grant(&grant(activity, slot));
        }
        assert_eq!((learned.duplicate.as_deref(), learned.shares, learned.shares_fen), (None, 4, 20));
        learned.grant(&grant(1, 99));
        assert_eq!(learned.duplicate.as_deref(), Some("slot 99 of activity 1 was given twice"));

        let mut all = Learned::default();
        for order in [7, 8, 7] {
            let mut one = Learned::default();
            one.order(&Reserved { order, total_fen: 3, ..Reserved::default() });
            all.add(one);
        }
        all.check_orders();
        assert_eq!(all.duplicate.as_deref(), Some("order 7 was given twice"));
        assert_eq!((all.given(), all.orders_fen), (3, 9));
    }
}
