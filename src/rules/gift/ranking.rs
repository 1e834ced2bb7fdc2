//! A sorted list that knows the rank of everything in it, and takes many changes at once.
//!
//! Sorted blocks of about a hundred keys, and beside them the first key and the length of each: a B+ tree of two levels. A
//! look is two binary searches and a sum over lengths. With a million keys there are about ten thousand blocks, and all that
//! is searched before the block itself fits a second-level cache. Changes come in order and pass the blocks like a merge: each
//! block is written once, however many of them it takes. Only a key that can't wait is taken out by itself. The libraries' ordered sets do not count; those that do chase a pointer
//! for every level.

use std::cmp::Ordering;

/// Keys in order, each with its rank. The order is the caller's, who brings the same one each time: so keys stay small, and
/// what seldom decides may stand elsewhere.
#[derive(Clone)]
pub(super) struct Ranking<K> {
    /// None is empty.
    blocks: Vec<Vec<K>>,
    /// The first key of each block.
    firsts: Vec<K>,
    /// The length of each block.
    lens: Vec<u32>,
}

/// A block this long is cut.
const BLOCK_MAX: usize = 128;
/// Neighbours that are this long together are one block.
const BLOCK_MIN: usize = 32;

impl<K: Copy> Ranking<K> {
    /// Of keys that are in order, each once.
    pub(super) fn of_sorted(keys: &[K]) -> Self {
        let mut ranking = Self::with_room_for(keys.len().div_ceil(BLOCK_MAX / 2));
        keys.chunks(BLOCK_MAX / 2).for_each(|block| ranking.push(block[0], block.to_vec()));
        ranking
    }

    /// One of those of its keys that stay, and all of `come`, which are in order and not there.
    pub(super) fn renewed(
        &self, stays: impl Fn(&K) -> bool, mut come: &[K], order: impl Fn(&K, &K) -> Ordering,
    ) -> Self {
        let mut keys = Vec::with_capacity(self.len() + come.len());
        for key in self.blocks.iter().flatten().filter(|key| stays(key)) {
            while let [first, rest @ ..] = come
                && order(first, key).is_lt()
            {
                keys.push(*first);
                come = rest;
            }
            keys.push(*key);
        }
        keys.extend_from_slice(come);
        Self::of_sorted(&keys)
    }

    /// Takes out all of `gone`, which are there, and puts in all of `come`, which are not. Both are in order.
    pub(super) fn shift(&mut self, mut gone: &[K], mut come: &[K], order: impl Fn(&K, &K) -> Ordering) {
        let Self { blocks, firsts, .. } = std::mem::replace(self, Self::with_room_for(self.blocks.len() + 1));
        if blocks.is_empty() {
            return self.append(come, Vec::new());
        }
        let mut merged = Vec::with_capacity(BLOCK_MAX);
        for (at, block) in blocks.into_iter().enumerate() {
            let next = firsts.get(at + 1);
            let gone = cut(&mut gone, next, &order);
            let come = cut(&mut come, next, &order);
            if gone.is_empty() && come.is_empty() {
                // Without a look inside: most blocks have been in no cache for long.
                self.push(firsts[at], block);
            } else {
                merge(&block, gone, come, &order, &mut merged);
                self.append(&merged, block);
            }
        }
    }

    /// Takes out one that is there.
    pub(super) fn remove(&mut self, key: &K, order: impl Fn(&K, &K) -> Ordering) {
        let at = self.block_of(key, &order);
        let block = &mut self.blocks[at];
        block.remove(block.partition_point(|other| order(other, key).is_lt()));
        if let Some(first) = block.first() {
            (self.firsts[at], self.lens[at]) = (*first, block.len() as u32);
        } else {
            self.blocks.remove(at);
            self.firsts.remove(at);
            self.lens.remove(at);
        }
    }

    /// How many keys come before this one, whether it is there or not.
    pub(super) fn before(&self, key: &K, order: impl Fn(&K, &K) -> Ordering) -> usize {
        let at = self.block_of(key, &order);
        let Some(block) = self.blocks.get(at) else { return 0 };
        let whole: usize = self.lens[..at].iter().map(|len| *len as usize).sum();
        whole + block.partition_point(|other| order(other, key).is_lt())
    }

    fn len(&self) -> usize {
        self.lens.iter().map(|len| *len as usize).sum()
    }

    /// All keys in order.
    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = &K> {
        self.blocks.iter().flatten()
    }

    /// Where a key is, if it is anywhere.
    fn block_of(&self, key: &K, order: &impl Fn(&K, &K) -> Ordering) -> usize {
        self.firsts.partition_point(|first| order(first, key).is_le()).saturating_sub(1)
    }

    fn with_room_for(blocks: usize) -> Self {
        Self {
            blocks: Vec::with_capacity(blocks),
            firsts: Vec::with_capacity(blocks),
            lens: Vec::with_capacity(blocks),
        }
    }

    /// Adds keys at the end, as blocks of a good size. The first takes the memory of `spare`, whose keys are no longer wanted.
    fn append(&mut self, keys: &[K], mut spare: Vec<K>) {
        if let (Some(last), Some(len)) = (self.blocks.last_mut(), self.lens.last_mut())
            && last.len() + keys.len() <= BLOCK_MIN
        {
            last.extend_from_slice(keys);
            *len = last.len() as u32;
            return;
        }
        let pieces = if keys.len() < BLOCK_MAX { 1 } else { keys.len().div_ceil(BLOCK_MAX / 2) };
        let piece_len = keys.len().div_ceil(pieces).max(1);
        for piece in keys.chunks(piece_len) {
            let mut block = std::mem::take(&mut spare);
            block.clear();
            block.reserve_exact(BLOCK_MAX);
            block.extend_from_slice(piece);
            self.push(piece[0], block);
        }
    }

    fn push(&mut self, first: K, block: Vec<K>) {
        self.firsts.push(first);
        self.lens.push(block.len() as u32);
        self.blocks.push(block);
    }
}

/// Cuts off those of `keys` that come before `end`; all, if there is none.
fn cut<'a, K>(keys: &mut &'a [K], end: Option<&K>, order: &impl Fn(&K, &K) -> Ordering) -> &'a [K] {
    let before = |end| keys.iter().take_while(|key| order(key, end).is_lt()).count();
    let (here, after) = keys.split_at(end.map_or(keys.len(), before));
    *keys = after;
    here
}

/// Makes `merged` what `block` is without `gone` and with `come`, all in order.
fn merge<K: Copy>(
    block: &[K], mut gone: &[K], mut come: &[K], order: &impl Fn(&K, &K) -> Ordering, merged: &mut Vec<K>,
) {
    merged.clear();
    let mut rest = block;
    // One after another: the block comes from far away, and what comes next is fetched before it is asked for. A binary search
    // would wait at every step.
    let mut stay_until = |key: &K, merged: &mut Vec<K>, and_skip: usize| {
        let (stay, after) = rest.split_at(rest.iter().take_while(|other| order(other, key).is_lt()).count());
        merged.extend_from_slice(stay);
        rest = after.get(and_skip..).expect("what goes was there");
    };
    loop {
        match (gone, come) {
            ([key, more @ ..], [other, ..]) if order(key, other).is_le() => {
                stay_until(key, merged, 1);
                gone = more;
            }
            (_, [key, more @ ..]) => {
                stay_until(key, merged, 0);
                merged.push(*key);
                come = more;
            }
            ([key, more @ ..], []) => {
                stay_until(key, merged, 1);
                gone = more;
            }
            ([], []) => break,
        }
    }
    merged.extend_from_slice(rest);
}

impl<K> Default for Ranking<K> {
    fn default() -> Self {
        Self { blocks: Vec::new(), firsts: Vec::new(), lens: Vec::new() }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn holds_together(ranking: &Ranking<u32>, oracle: &BTreeSet<u32>) {
        assert!(ranking.iter().eq(oracle.iter()));
        assert!(ranking.blocks.iter().all(|block| !block.is_empty() && block.len() < BLOCK_MAX));
        assert!(ranking.blocks.iter().map(|block| &block[0]).eq(&ranking.firsts));
        assert!(ranking.blocks.iter().map(|block| block.len() as u32).eq(ranking.lens.iter().copied()));
        for (rank, key) in oracle.iter().enumerate().step_by(1 + oracle.len() / 50) {
            assert_eq!(ranking.before(key, Ord::cmp), rank);
        }
    }

    /// Blocks of 64, 64 and 1: their first and last keys, and the only one.
    #[test]
    fn keys_are_taken_out_wherever_they_are() {
        let mut oracle: BTreeSet<u32> = (0..129).collect();
        let mut ranking = Ranking::of_sorted(&oracle.iter().copied().collect::<Vec<_>>());
        for key in [64, 0, 63, 128, 127, 1].into_iter().chain(2..63) {
            ranking.remove(&key, Ord::cmp);
            assert!(oracle.remove(&key));
            holds_together(&ranking, &oracle);
        }
        assert_eq!(ranking.blocks.len(), 1);
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

        /// Changes near each other and far apart, a few and many.
        #[test]
        fn it_is_a_sorted_vec_that_is_quick(
            begin in prop::collection::btree_set(0..8_000u32, 0..3_000),
            shifts in prop::collection::vec((0..8_000u32, 1..2_000u32, 0..8_000u32, 1..2_000u32, 1..9u32), 1..40),
            asked in prop::collection::vec(0..8_000u32, 20),
        ) {
            let mut oracle = begin;
            let mut ranking = Ranking::of_sorted(&oracle.iter().copied().collect::<Vec<_>>());
            for (gone_from, gone_width, come_from, come_width, step) in shifts {
                let gone: Vec<u32> =
                    oracle.range(gone_from..gone_from + gone_width).step_by(step as usize).copied().collect();
                let free = |key: &u32| key.is_multiple_of(step) && !oracle.contains(key);
                let come: Vec<u32> = (come_from..come_from + come_width).filter(free).collect();
                let renewed = ranking.renewed(|key| gone.binary_search(key).is_err(), &come, Ord::cmp);
                ranking.shift(&gone, &come, Ord::cmp);
                assert!(renewed.iter().eq(ranking.iter()));
                gone.iter().for_each(|key| assert!(oracle.remove(key)));
                oracle.extend(come);
                for key in &asked {
                    assert_eq!(ranking.before(key, Ord::cmp), oracle.range(..key).count());
                }
                holds_together(&ranking, &oracle);
                for key in asked.iter().filter(|key| oracle.remove(key)).copied().collect::<Vec<_>>() {
                    ranking.remove(&key, Ord::cmp);
                }
                holds_together(&ranking, &oracle);
            }
            ranking.shift(&oracle.into_iter().collect::<Vec<_>>(), &[], Ord::cmp);
            assert!(ranking.blocks.is_empty() && ranking.before(&7, Ord::cmp) == 0);
        }
    }
}
