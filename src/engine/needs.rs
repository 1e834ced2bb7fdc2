//! What a room's activities have to know of viewers before they can decide: nothing is told or asked in vain.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;

use crate::rules::ActivityId;
use crate::store::Needs;

/// The needs of all activities of a room together. Read for every request, written when an activity comes or goes.
#[derive(Debug, Default)]
pub(super) struct LiveNeeds {
    of: Mutex<BTreeMap<ActivityId, Needs>>,
    watching: AtomicBool,
    account: AtomicBool,
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
    }

    /// Whether somebody waits to hear how long they have watched.
    pub(super) fn watching(&self) -> bool {
        self.watching.load(Ordering::Acquire)
    }

    /// Whether what tokens say of accounts matters.
    pub(super) fn account(&self) -> bool {
        self.account.load(Ordering::Acquire)
    }
}
