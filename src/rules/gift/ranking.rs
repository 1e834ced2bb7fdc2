//! A sorted set that knows the rank of everything in it.
//!
//! Sorted blocks of about a hundred keys, and beside them the first key and the length of each: a B+ tree of two levels. A
//! look is two binary searches and a sum over lengths, a change moves half a block. With a million keys there are about
//! ten thousand blocks, and all that is searched before the block itself fits a second-level cache. The libraries' ordered
//! sets do not count; those that do chase a pointer for every level.

use std::cmp::Ordering;

/// Keys in order, each with its rank. The order is the caller's, who brings the same one each time: so keys stay small, and
/// what seldom decides may stand elsewhere.
#[derive(Clone)]
pub(super) struct Ranking<K> {
    blocks: Vec<Vec<K>>,
    /// The first key of each block.
    firsts: Vec<K>,
    /// The length of each block.
    lens: Vec<u32>,
    len: usize,
}

/// A block this long is split.
const BLOCK_MAX: usize = 128;
/// A block that has become this short joins a neighbour, if both fit well into one.
const BLOCK_MIN: usize = 16;

impl<K: Copy> Ranking<K> {
    /// Of keys that are in order, each once.
    pub(super) fn of_sorted(keys: &[K]) -> Self {
        let blocks: Vec<Vec<K>> = keys.chunks(BLOCK_MAX / 2).map(<[K]>::to_vec).collect();
        let firsts = blocks.iter().map(|block| block[0]).collect();
        let lens = blocks.iter().map(|block| block.len() as u32).collect();
        Self { blocks, firsts, lens, len: keys.len() }
    }

    /// How many keys there are.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Puts a key in; says whether it was not there.
    pub(super) fn insert(&mut self, key: K, order: impl Fn(&K, &K) -> Ordering) -> bool {
        if self.blocks.is_empty() {
            *self = Self::of_sorted(&[key]);
            return true;
        }
        let (at, Err(place)) = self.find(&key, &order) else { return false };
        self.put(at, place, key);
        true
    }

    /// Takes a key out; says whether it was there.
    pub(super) fn remove(&mut self, key: &K, order: impl Fn(&K, &K) -> Ordering) -> bool {
        if self.blocks.is_empty() {
            return false;
        }
        let (at, Ok(place)) = self.find(key, &order) else { return false };
        self.take(at, place);
        true
    }

    /// Takes `old` out and puts `new` in: cheaper than both by themselves. Says whether `old` was there and `new` was not; if
    /// not, nothing has changed.
    pub(super) fn replace(&mut self, old: &K, new: K, order: impl Fn(&K, &K) -> Ordering) -> bool {
        if self.blocks.is_empty() {
            return false;
        }
        let ((from, Ok(taken)), (to, Err(put))) = (self.find(old, &order), self.find(&new, &order)) else {
            return false;
        };
        match from.cmp(&to) {
            Ordering::Equal => {
                let block = &mut self.blocks[from];
                if put <= taken {
                    block.copy_within(put..taken, put + 1);
                    block[put] = new;
                } else {
                    block.copy_within(taken + 1..put, taken);
                    block[put - 1] = new;
                }
                self.firsts[from] = block[0];
            }
            // The later one first: whatever that does to the blocks, the earlier one stays where it is.
            Ordering::Less => {
                self.put(to, put, new);
                self.take(from, taken);
            }
            Ordering::Greater => {
                self.take(from, taken);
                self.put(to, put, new);
            }
        }
        true
    }

    /// How many keys come before this one; `None` if it is not there.
    pub(super) fn rank(&self, key: &K, order: impl Fn(&K, &K) -> Ordering) -> Option<usize> {
        if self.blocks.is_empty() {
            return None;
        }
        let (at, Ok(place)) = self.find(key, &order) else { return None };
        Some(self.lens[..at].iter().map(|len| *len as usize).sum::<usize>() + place)
    }

    /// The last key.
    pub(super) fn last(&self) -> Option<&K> {
        self.blocks.last()?.last()
    }

    /// All keys in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = &K> {
        self.blocks.iter().flatten()
    }

    /// The block that holds a key, or would, and where in it. There is a block.
    fn find(&self, key: &K, order: &impl Fn(&K, &K) -> Ordering) -> (usize, Result<usize, usize>) {
        let at = self.firsts.partition_point(|first| order(first, key).is_le()).saturating_sub(1);
        (at, self.blocks[at].binary_search_by(|other| order(other, key)))
    }

    fn put(&mut self, at: usize, place: usize, key: K) {
        self.blocks[at].insert(place, key);
        self.len += 1;
        if self.blocks[at].len() == BLOCK_MAX {
            let upper = self.blocks[at].split_off(BLOCK_MAX / 2);
            self.firsts.insert(at + 1, upper[0]);
            self.lens.insert(at + 1, upper.len() as u32);
            self.blocks.insert(at + 1, upper);
        }
        self.note(at);
    }

    fn take(&mut self, at: usize, place: usize) {
        self.blocks[at].remove(place);
        self.len -= 1;
        if self.blocks[at].is_empty() {
            self.drop_block(at);
            return;
        }
        self.note(at);
        if self.blocks[at].len() < BLOCK_MIN {
            self.join(at);
        }
    }

    fn note(&mut self, at: usize) {
        self.firsts[at] = self.blocks[at][0];
        self.lens[at] = self.blocks[at].len() as u32;
    }

    fn drop_block(&mut self, at: usize) {
        self.blocks.remove(at);
        self.firsts.remove(at);
        self.lens.remove(at);
    }

    /// Joins a short block with the next, or else with the one before: there are never more blocks than keys call for.
    fn join(&mut self, at: usize) {
        let left = if at + 1 < self.blocks.len() { at } else { at.saturating_sub(1) };
        let right = left + 1;
        if right >= self.blocks.len() || self.blocks[left].len() + self.blocks[right].len() > BLOCK_MAX * 3 / 4 {
            return;
        }
        let mut joined = std::mem::take(&mut self.blocks[right]);
        self.blocks[left].append(&mut joined);
        self.drop_block(right);
        self.note(left);
    }
}

impl<K> Default for Ranking<K> {
    fn default() -> Self {
        Self { blocks: Vec::new(), firsts: Vec::new(), lens: Vec::new(), len: 0 }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn holds_together(ranking: &Ranking<u32>, oracle: &BTreeSet<u32>) {
        assert!(ranking.iter().eq(oracle.iter()));
        assert_eq!(ranking.len(), oracle.len());
        assert_eq!(ranking.last(), oracle.last());
        assert!(ranking.blocks.iter().all(|block| !block.is_empty() && block.len() < BLOCK_MAX));
        assert!(ranking.blocks.iter().zip(&ranking.firsts).all(|(block, first)| block[0] == *first));
        assert!(ranking.blocks.iter().zip(&ranking.lens).all(|(block, len)| block.len() == *len as usize));
        for (rank, key) in oracle.iter().enumerate().step_by(1 + oracle.len() / 50) {
            assert_eq!(ranking.rank(key, Ord::cmp), Some(rank));
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

        /// Few keys, so that most of what is done meets one that is there.
        #[test]
        fn it_is_a_sorted_vec_that_is_quick(
            begin in prop::collection::btree_set(0..8_000u32, 0..3_000),
            acts in prop::collection::vec((0..6u8, 0..8_000u32, 0..8_000u32), 1..2_000),
        ) {
            let mut oracle = begin;
            let mut ranking = Ranking::of_sorted(&oracle.iter().copied().collect::<Vec<_>>());
            for (what, a, b) in acts {
                match what {
                    0 | 1 => assert_eq!(ranking.insert(a, Ord::cmp), oracle.insert(a)),
                    2 | 3 => assert_eq!(ranking.remove(&a, Ord::cmp), oracle.remove(&a)),
                    4 => {
                        let can = oracle.contains(&a) && !oracle.contains(&b);
                        assert_eq!(ranking.replace(&a, b, Ord::cmp), can, "{a} by {b}");
                        if can {
                            oracle.remove(&a);
                            oracle.insert(b);
                        }
                    }
                    _ => assert_eq!(ranking.rank(&a, Ord::cmp), oracle.iter().position(|key| *key == a)),
                }
            }
            holds_together(&ranking, &oracle);
            for key in oracle {
                assert!(ranking.remove(&key, Ord::cmp));
            }
            assert!(ranking.len() == 0 && ranking.blocks.is_empty());
        }
    }
}
