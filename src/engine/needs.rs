//! What a room's activities have to know of viewers before they can decide: nothing is told or asked in vain.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

use parking_lot::Mutex;

use crate::rules::{AccountFacts, ActivityId};
use crate::store::Needs;

/// The needs of all activities of a room together. Read for every request, written when an activity comes or goes.
#[derive(Debug)]
pub(super) struct LiveNeeds {
    of: Mutex<BTreeMap<ActivityId, Needs>>,
    watching: AtomicBool,
    account: AtomicBool,
    /// [`NO_RISK`] where no cash can be held.
    risk_from: AtomicU8,
}

/// More than anybody's.
const NO_RISK: u8 = AccountFacts::RISK_MAX + 1;

impl Default for LiveNeeds {
    fn default() -> Self {
        let (of, watching, account) = (Mutex::default(), AtomicBool::new(false), AtomicBool::new(false));
        Self { of, watching, account, risk_from: AtomicU8::new(NO_RISK) }
    }
}

impl LiveNeeds {
    /// An activity has these needs now.
    pub(super) fn set(&self, activity: ActivityId, needs: Needs) {
        let mut of = self.of.lock();
        if needs == Needs::default() {
            of.remove(&activity);
        } else {
            of.insert(activity, needs);
        }
        self.watching.store(of.values().any(|needs| needs.watching), Ordering::Release);
        self.account.store(of.values().any(|needs| needs.account), Ordering::Release);
        let risk_from = of.values().filter_map(|needs| needs.risk_from).min();
        self.risk_from.store(risk_from.unwrap_or(NO_RISK), Ordering::Release);
    }

    /// Whether somebody waits to hear how long they have watched.
    pub(super) fn watching(&self) -> bool {
        self.watching.load(Ordering::Acquire)
    }

    /// Whether it matters what a token says of an account.
    pub(super) fn concern(&self, account: &AccountFacts) -> bool {
        let is_risky = || account.risk.is_some_and(|risk| risk >= self.risk_from.load(Ordering::Acquire));
        self.account.load(Ordering::Acquire) || is_risky()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whose_token_matters() {
        let none = Needs::default();
        let asks = Needs { account: true, ..none };
        let holds = |from| Needs { risk_from: Some(from), ..none };
        for (what, needs, matters) in [
            ("nothing is asked", [none, none], [false, false, false]),
            ("a condition asks everybody", [asks, holds(60)], [true, true, true]),
            ("cash of some is held", [holds(60), none], [false, false, true]),
            ("the lowest counts", [holds(90), holds(59)], [false, true, true]),
        ] {
            let live = LiveNeeds::default();
            (1..).zip(needs).for_each(|(id, needs)| live.set(ActivityId(id), needs));
            let risks = [None, Some(59), Some(60)];
            let of = risks.map(|risk| live.concern(&AccountFacts { created: None, risk }));
            assert_eq!(of, matters, "{what}");
            (1..3).for_each(|id| live.set(ActivityId(id), none));
            assert!(!live.concern(&AccountFacts { created: None, risk: Some(AccountFacts::RISK_MAX) }), "{what}");
        }
    }
}
