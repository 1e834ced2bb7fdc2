//! Who has said or liked something in a room on this node since the latest report: it counts for tiers.

use std::collections::HashMap;

use foldhash::quality::FixedState;

use crate::rules::{Time, UserId};

/// The talkers of a room.
#[derive(Debug, Default)]
pub(super) struct Talkers {
    by_user: HashMap<UserId, Spell, FixedState>,
    /// Those that the present round of reports still has to take.
    taken: Vec<Spell>,
}

/// What somebody said and liked between two reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Spell {
    pub(super) user: UserId,
    pub(super) first: Time,
    pub(super) last: Time,
    pub(super) times: u32,
}

impl Talkers {
    /// Talkers between two reports: of those beyond, what they say does not count.
    const MAX: usize = 65_536;

    pub(super) fn note(&mut self, user: UserId, at: Time) {
        if self.by_user.len() >= Self::MAX && !self.by_user.contains_key(&user) {
            return;
        }
        let spell = self.by_user.entry(user).or_insert(Spell { user, first: at, last: at, times: 0 });
        // Sessions on several threads read the clock one after the other and come here in any order.
        (spell.first, spell.last) = (spell.first.min(at), spell.last.max(at));
        spell.times = spell.times.saturating_add(1);
    }

    /// Forgets what was said up to here: nothing was on air.
    pub(super) fn forget(&mut self) {
        self.by_user.clear();
        self.taken.clear();
    }

    /// A round of reports begins with all who have talked by now.
    pub(super) fn begin(&mut self) {
        self.taken.extend(self.by_user.drain().map(|(_, spell)| spell));
    }

    /// Takes the next of this round, at most `max`, and says whether it is over.
    pub(super) fn take(&mut self, max: usize) -> (Vec<Spell>, bool) {
        let taken = self.taken.split_off(self.taken.len().saturating_sub(max));
        (taken, self.taken.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_round_takes_everybody_once() {
        let mut talkers = Talkers::default();
        let user = |n: u32| UserId::parse(&format!("u{n}")).unwrap();
        let at = Time::from_ms;
        for (who, ms) in [(0, 5), (1, 6), (0, 9), (0, 7), (2, 8)] {
            talkers.note(user(who), at(ms));
        }
        talkers.begin();
        // Who talks while a round is going on comes with the next.
        talkers.note(user(3), at(10));
        let (mut all, over) = talkers.take(2);
        assert_eq!((all.len(), over), (2, false));
        let (rest, over) = talkers.take(2);
        all.extend(rest);
        assert!(over);
        all.sort_by_key(|spell| spell.user);
        let said: Vec<_> = all.iter().map(|one| (one.user, one.first.ms(), one.last.ms(), one.times)).collect();
        assert_eq!(said, [(user(0), 5, 9, 3), (user(1), 6, 6, 1), (user(2), 8, 8, 1)]);
        talkers.begin();
        assert_eq!(talkers.take(9).0.len(), 1);
        talkers.note(user(1), at(20));
        talkers.forget();
        talkers.begin();
        assert_eq!(talkers.take(9), (Vec::new(), true));
    }
}
