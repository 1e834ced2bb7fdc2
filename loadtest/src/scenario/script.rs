//! What scripts do that people don't: guess.

use std::collections::BTreeSet;

use liveroom_protocol::client::RoomView;

/// How far beyond the numbers that it knows a script guesses.
const BEYOND: u64 = 2;

/// Numbers of activities that a room has not heard of, one after the other, and then from the beginning again.
#[derive(Debug)]
pub(super) struct Guesses {
    /// The lowest number that is known.
    lowest: u64,
    tried: BTreeSet<u64>,
}

impl Default for Guesses {
    /// From the lowest number on that the room hears of.
    fn default() -> Self {
        Self::from(u64::MAX)
    }
}

impl Guesses {
    /// From that number on, or a lower one that the room hears of.
    pub(super) fn from(lowest: u64) -> Self {
        Self { lowest, tried: BTreeSet::new() }
    }

    /// The next number. None where the room has not heard of any, and once when all were tried.
    pub(super) fn next(&mut self, view: &RoomView) -> Option<u64> {
        let heard: BTreeSet<_> = view.activities().map(|state| state.activity).collect();
        self.lowest = self.lowest.min(*heard.first()?);
        let numbers = self.lowest.saturating_sub(BEYOND).max(1)..=heard.last()? + BEYOND;
        let next = numbers.into_iter().find(|number| !heard.contains(number) && !self.tried.contains(number));
        match next {
            Some(number) => self.tried.insert(number),
            None => {
                self.tried.clear();
                false
            }
        };
        next
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use liveroom_protocol::client::Event;
    use liveroom_protocol::wire::{ActivityState, Snapshot};

    fn room(activities: &[u64]) -> RoomView {
        let state = |activity: &u64| ActivityState { activity: *activity, ..ActivityState::default() };
        let mut view = RoomView::new();
        let activities = activities.iter().map(state).collect();
        view.apply(&Event::Snapshot(Snapshot { activities, ..Snapshot::default() }));
        view
    }

    #[test]
    fn what_is_shown_is_not_guessed_and_what_is_hidden_is() {
        for (case, from, shown, want) in [
            ("nothing is known", Guesses::default(), &[][..], &[][..]),
            ("around what is shown", Guesses::default(), &[5, 7], &[3, 4, 6, 8, 9]),
            ("from a number on", Guesses::from(4), &[6, 7], &[2, 3, 4, 5, 8, 9]),
            ("there is no number 0", Guesses::from(1), &[1, 2], &[3, 4]),
        ] {
            let (mut guesses, view) = (from, room(shown));
            for _ in 0..2 {
                let round: Vec<_> = std::iter::from_fn(|| guesses.next(&view)).collect();
                assert_eq!(round, want, "{case}");
            }
        }
    }
}
