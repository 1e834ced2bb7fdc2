//! Cash that a winner was told is held, and what became of it.

use std::collections::BTreeMap;

use liveroom_protocol::wire::{DrawPrize, Grant, Hold, HoldState, grant};

use super::risk;

/// All that one viewer was told of it, by activity and slot, or rank.
#[derive(Debug, Default, Clone)]
pub(super) struct HeldCash(BTreeMap<(u64, u32), Held>);

/// Cash of one grant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Held {
    fen: i64,
    until_ms: i64,
    state: HoldState,
}

impl HeldCash {
    /// A grant was told of: when it was given, or when something became of its cash.
    ///
    /// # Errors
    /// When that contradicts what was told before.
    pub(super) fn told(&mut self, grant: &Grant) -> Result<(), String> {
        let Some(grant::Prize::AmountFen(fen)) = grant.prize else { return Ok(()) };
        self.note((grant.activity, grant.slot), fen, grant.hold)
    }

    /// A prize of a draw was told of, likewise: by rank, for a draw has no slots.
    ///
    /// # Errors
    /// As above.
    pub(super) fn drawn(&mut self, prize: &DrawPrize) -> Result<(), String> {
        self.note((prize.activity, prize.rank), prize.cash_fen, prize.hold)
    }

    fn note(&mut self, (activity, slot): (u64, u32), fen: i64, hold: Option<Hold>) -> Result<(), String> {
        let Some(hold) = hold else { return Ok(()) };
        let now = Held { fen, until_ms: hold.until_ms, state: hold.state() };
        let held = self.0.entry((activity, slot)).or_insert(now);
        let same = (held.fen, held.until_ms) == (now.fen, now.until_ms);
        match (held.state, now.state) {
            (HoldState::Held, _) if same => *held = now,
            // What was given is told again as it was given, whatever became of it since.
            (before, after) if same && (after == before || after == HoldState::Held) => {}
            _ => return Err(format!("{held:?}, then {now:?} of slot {slot} in {activity}")),
        }
        Ok(())
    }

    /// Whether nothing was ever held.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether each hold has ended.
    pub(super) fn has_ended(&self) -> bool {
        self.0.values().all(|held| held.state != HoldState::Held)
    }

    /// What was held in an activity, fen.
    pub(super) fn of(&self, activity: u64) -> i64 {
        self.0.range((activity, 0)..=(activity, u32::MAX)).map(|(_, held)| held.fen).sum()
    }

    /// What has not come into the wallet, fen.
    pub(super) fn kept_back_fen(&self) -> i64 {
        self.0.values().filter(|held| held.state != HoldState::Credited).map(|held| held.fen).sum()
    }

    /// How many have ended so.
    pub(super) fn ended(&self, how: HoldState) -> u64 {
        self.0.values().filter(|held| held.state == how).count() as u64
    }

    /// Whether the server's books list the same: as much, until then, and with the end that was told, if one was.
    ///
    /// # Errors
    /// What is in one and not in the other.
    pub(super) fn equals(&self, listed: &[risk::Hold]) -> Result<(), String> {
        let mut listed: Vec<_> = listed.iter().collect();
        for ((activity, slot), held) in &self.0 {
            let place = listed.iter().position(|hold| {
                let ended = held.state == HoldState::Held || hold.state == held.state.as_str_name().to_lowercase();
                (hold.activity, hold.amount_fen, hold.until_ms) == (*activity, held.fen, held.until_ms) && ended
            });
            match place {
                Some(place) => drop(listed.swap_remove(place)),
                None => return Err(format!("{held:?} was told of slot {slot} in {activity}, the books lack it")),
            }
        }
        listed.first().map_or(Ok(()), |hold| Err(format!("nobody was told of {hold:?}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use HoldState::{Credited, Forfeited, Held as Waits};

    fn grant(slot: u32, fen: i64, state: HoldState) -> Grant {
        let hold = Some(Hold { until_ms: 9, state: state.into() });
        Grant { activity: 1, slot, prize: Some(grant::Prize::AmountFen(fen)), hold, ..Grant::default() }
    }

    fn listed(amount_fen: i64, state: &str) -> risk::Hold {
        risk::Hold { activity: 1, unit: 0, amount_fen, until_ms: 9, state: state.to_owned() }
    }

    #[test]
    fn a_hold_ends_once() {
        for (case, told, fits, kept_back) in [
            ("held", &[grant(1, 5, Waits)][..], true, 5),
            ("credited", &[grant(1, 5, Waits), grant(1, 5, Credited)], true, 0),
            ("forfeited", &[grant(1, 5, Waits), grant(1, 5, Forfeited)], true, 5),
            ("the end overtakes the answer", &[grant(1, 5, Credited), grant(1, 5, Waits)], true, 0),
            ("told of its end again", &[grant(1, 5, Credited), grant(1, 5, Credited)], true, 0),
            ("ended in two ways", &[grant(1, 5, Credited), grant(1, 5, Forfeited)], false, 0),
            ("of another amount", &[grant(1, 5, Waits), grant(1, 6, Credited)], false, 5),
            ("of two grants", &[grant(1, 5, Waits), grant(2, 6, Credited)], true, 5),
        ] {
            let mut cash = HeldCash::default();
            let found: Vec<_> = told.iter().map(|grant| cash.told(grant)).collect();
            assert_eq!((found.iter().all(Result::is_ok), cash.kept_back_fen()), (fits, kept_back), "{case}: {found:?}");
        }
        let mut cash = HeldCash::default();
        cash.told(&Grant { hold: None, ..grant(1, 5, Waits) }).unwrap();
        assert!(cash.is_empty(), "what is in the wallet is not held");
    }

    #[test]
    fn books_that_say_something_else() {
        let mut cash = HeldCash::default();
        [grant(1, 5, Waits), grant(2, 7, Forfeited)].iter().for_each(|grant| cash.told(grant).unwrap());
        for (case, books, fits) in [
            ("the same", &[listed(7, "forfeited"), listed(5, "credited")][..], true),
            ("one is missing", &[listed(7, "forfeited")], false),
            ("one too many", &[listed(7, "forfeited"), listed(5, "held"), listed(5, "held")], false),
            ("another amount", &[listed(7, "forfeited"), listed(6, "held")], false),
            ("another end", &[listed(7, "credited"), listed(5, "held")], false),
        ] {
            assert_eq!(cash.equals(books).is_ok(), fits, "{case}");
        }
    }
}
