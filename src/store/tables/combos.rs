//! Combos that have not ended, and when they do.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{Map, Tables};
use crate::rules::{Coins, Combo, ComboId, GiftId, RoomId, Time, UserId};

/// Combos that have not ended.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Combos {
    pub(super) latest: u64,
    open: Map<ComboId, Combo>,
    /// When each of them ends, or an earlier time: every gift puts an end off, and an entry follows only when it comes first. So the
    /// first is always right, and a gift moves nothing.
    #[serde(skip)]
    ends: BTreeSet<(Time, ComboId)>,
}

/// Where the entries stand is no part of the state.
impl PartialEq for Combos {
    fn eq(&self, other: &Self) -> bool {
        (self.latest, &self.open) == (other.latest, &other.open)
    }
}

impl Eq for Combos {}

impl Combos {
    /// One that has not ended.
    pub(super) fn get(&self, id: ComboId) -> Option<&Combo> {
        self.open.get(&id)
    }

    /// All of them, in no order.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Combo> {
        self.open.values()
    }

    /// The next one begins.
    pub(super) fn begin(&mut self, id: ComboId, room: RoomId, sender: UserId, gift: GiftId) {
        self.latest = id.0;
        self.open.insert(id, Combo::begin(id, room, sender, gift));
    }

    /// One takes in what was sent; `None` if it has ended.
    pub(super) fn add(&mut self, id: ComboId, count: u32, coins: Coins, until: Time) -> Option<&Combo> {
        let combo = self.open.get_mut(&id)?;
        let (began, put_off) = (combo.count == 0, combo.until <= until);
        combo.add(count, coins, until);
        // The window is shorter after a restart with another configuration: then an end may come nearer.
        if began || !put_off {
            self.ends.insert((until, id));
        }
        self.settle(id);
        self.open.get(&id)
    }

    /// One has ended.
    pub(super) fn end(&mut self, id: ComboId) -> Option<Combo> {
        let combo = self.open.remove(&id)?;
        self.settle(id);
        Some(combo)
    }

    /// Makes the first entry right again, after a change of `id`.
    fn settle(&mut self, id: ComboId) {
        if self.ends.first().is_none_or(|(_, first)| *first != id) {
            return;
        }
        while let Some((at, first)) = self.ends.first().copied() {
            let until = self.open.get(&first).map(|combo| combo.until);
            if until == Some(at) {
                return;
            }
            self.ends.pop_first();
            self.ends.extend(until.map(|until| (until, first)));
        }
    }

    /// Completes combos that were read from a snapshot.
    pub(super) fn complete(&mut self) {
        self.ends = self.open.values().map(|combo| (combo.until, combo.id)).collect();
    }

    /// When the first of them ends.
    pub(super) fn next_end(&self) -> Option<Time> {
        self.ends.first().map(|(at, _)| *at)
    }

    /// Those that end by `now`, the earliest first.
    pub(super) fn ending(&self, now: Time) -> impl Iterator<Item = &Combo> {
        let placed = self.ends.iter().take_while(|(at, _)| *at <= now);
        let mut ending: Vec<&Combo> = placed.filter_map(|(_, id)| self.get(*id)).collect();
        ending.retain(|combo| combo.until <= now);
        ending.sort_unstable_by_key(|combo| (combo.until, combo.id));
        ending.dedup_by_key(|combo| combo.id);
        ending.into_iter()
    }
}

impl Tables {
    /// Every combo that has not ended, in no order.
    pub fn combos(&self) -> impl Iterator<Item = &Combo> {
        self.combos.iter()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Against a plain table of ends, whatever is sent and ends in whatever order.
        #[test]
        fn the_first_end_is_always_known(acts in prop::collection::vec((1..8u64, 0..5i64, 0..3u8), 1..200)) {
            let (room, sender) = (RoomId::parse("r1").unwrap(), UserId::parse("ann").unwrap());
            let mut combos = Combos::default();
            let mut oracle = BTreeMap::new();
            let mut now = 1_000;
            for (id, later, what) in acts {
                now += later;
                let id = ComboId(id);
                if what == 0 {
                    prop_assert_eq!(combos.end(id).is_some(), oracle.remove(&id).is_some());
                } else {
                    if !oracle.contains_key(&id) {
                        combos.begin(id, room, sender, GiftId(1));
                    }
                    // Now and then the window is shorter.
                    let until = Time::from_ms(now + if what == 1 { 20 } else { 3 });
                    combos.add(id, 1, Coins::new(1).unwrap(), until).unwrap();
                    oracle.insert(id, until);
                }
                prop_assert_eq!(combos.next_end(), oracle.values().min().copied());
                let mut want: Vec<_> = oracle.iter().map(|(id, until)| (*until, *id)).collect();
                want.retain(|(until, _)| *until <= Time::from_ms(now + 5));
                want.sort_unstable();
                let ending = combos.ending(Time::from_ms(now + 5)).map(|combo| (combo.until, combo.id));
                prop_assert_eq!(ending.collect::<Vec<_>>(), want);
                let mut completed = combos.clone();
                completed.complete();
                prop_assert_eq!(completed.next_end(), combos.next_end());
            }
        }
    }
}
