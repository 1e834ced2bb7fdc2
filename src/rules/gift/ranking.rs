//! A sorted set that knows the rank of everything in it.
//!
//! Sorted blocks of a few hundred keys, and beside them the first key and the length of each: a B+ tree of two levels. A look
//! is two binary searches and a sum over lengths, a change moves half a block. With a million keys there are about
//! three thousand blocks, and all that is searched before the block itself fits a second-level cache. The libraries' ordered
//! sets do not count; those that do chase a pointer for every level.

use serde::ser::SerializeSeq;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Keys in order, each with its rank. Equal sets are equal however they came about, and are written as their keys in order.
#[derive(Clone)]
pub struct Ranking<K> {
    blocks: Vec<Vec<K>>,
    /// The first key of each block.
    firsts: Vec<K>,
    /// The length of each block.
    lens: Vec<u32>,
    len: usize,
}

/// A block this long is split.
const BLOCK_MAX: usize = 512;
/// A block that has become this short joins a neighbour, if both fit well into one.
const BLOCK_MIN: usize = 64;

impl<K: Ord + Copy> Ranking<K> {
    /// How many keys there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Puts a key in; says whether it was not there.
    pub fn insert(&mut self, key: K) -> bool {
        if self.blocks.is_empty() {
            self.blocks.push(vec![key]);
            self.firsts.push(key);
            self.lens.push(1);
            self.len = 1;
            return true;
        }
        let at = self.block_of(&key);
        let Err(place) = self.blocks[at].binary_search(&key) else { return false };
        self.blocks[at].insert(place, key);
        self.len += 1;
        if self.blocks[at].len() == BLOCK_MAX {
            let upper = self.blocks[at].split_off(BLOCK_MAX / 2);
            self.blocks.insert(at + 1, upper);
            self.firsts.insert(at + 1, key);
            self.lens.insert(at + 1, 0);
            self.note(at + 1);
        }
        self.note(at);
        true
    }

    /// Takes a key out; says whether it was there.
    pub fn remove(&mut self, key: &K) -> bool {
        if self.blocks.is_empty() {
            return false;
        }
        let at = self.block_of(key);
        let Ok(place) = self.blocks[at].binary_search(key) else { return false };
        self.blocks[at].remove(place);
        self.len -= 1;
        if self.blocks[at].is_empty() {
            self.drop_block(at);
        } else {
            self.note(at);
            if self.blocks[at].len() < BLOCK_MIN {
                self.join(at);
            }
        }
        true
    }

    /// Takes `old` out and puts `new` in: cheaper than both by themselves where they are near. Says whether `old` was there
    /// and `new` was not; if not, nothing has changed.
    pub fn replace(&mut self, old: &K, new: K) -> bool {
        if self.blocks.is_empty() {
            return false;
        }
        let (from, to) = (self.block_of(old), self.block_of(&new));
        let Ok(taken) = self.blocks[from].binary_search(old) else { return false };
        let Err(put) = self.blocks[to].binary_search(&new) else { return false };
        if from == to {
            let block = &mut self.blocks[from];
            if put <= taken {
                block[put..=taken].rotate_right(1);
                block[put] = new;
            } else {
                block[taken..put].rotate_left(1);
                block[put - 1] = new;
            }
            self.firsts[from] = self.blocks[from][0];
            return true;
        }
        self.remove(old);
        self.insert(new)
    }

    /// How many keys come before this one; `None` if it is not there.
    pub fn rank(&self, key: &K) -> Option<usize> {
        if self.blocks.is_empty() {
            return None;
        }
        let at = self.block_of(key);
        let place = self.blocks[at].binary_search(key).ok()?;
        Some(self.lens[..at].iter().map(|len| *len as usize).sum::<usize>() + place)
    }

    /// The last key.
    pub fn last(&self) -> Option<&K> {
        self.blocks.last()?.last()
    }

    /// All keys in order.
    pub fn iter(&self) -> impl Iterator<Item = &K> {
        self.blocks.iter().flatten()
    }

    /// The block that holds a key, or would.
    fn block_of(&self, key: &K) -> usize {
        self.firsts.partition_point(|first| first <= key).saturating_sub(1)
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

impl<K: Ord + Copy> FromIterator<K> for Ranking<K> {
    fn from_iter<I: IntoIterator<Item = K>>(keys: I) -> Self {
        let mut keys: Vec<K> = keys.into_iter().collect();
        keys.sort_unstable();
        keys.dedup();
        let blocks: Vec<Vec<K>> = keys.chunks(BLOCK_MAX / 2).map(<[K]>::to_vec).collect();
        let firsts = blocks.iter().map(|block| block[0]).collect();
        let lens = blocks.iter().map(|block| block.len() as u32).collect();
        Self { blocks, firsts, lens, len: keys.len() }
    }
}

impl<K: Ord + Copy> PartialEq for Ranking<K> {
    fn eq(&self, other: &Self) -> bool {
        self.len == other.len && self.iter().eq(other.iter())
    }
}

impl<K: Ord + Copy> Eq for Ranking<K> {}

impl<K: Ord + Copy + Serialize> Serialize for Ranking<K> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut keys = serializer.serialize_seq(Some(self.len))?;
        self.iter().try_for_each(|key| keys.serialize_element(key))?;
        keys.end()
    }
}

impl<'de, K: Ord + Copy + Deserialize<'de>> Deserialize<'de> for Ranking<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Vec::<K>::deserialize(deserializer).map(Self::from_iter)
    }
}

impl<K> std::fmt::Debug for Ranking<K> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ranking").field("len", &self.len).field("blocks", &self.blocks.len()).finish()
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
            assert_eq!(ranking.rank(key), Some(rank));
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
            let mut ranking: Ranking<u32> = oracle.iter().copied().collect();
            for (what, a, b) in acts {
                match what {
                    0 | 1 => assert_eq!(ranking.insert(a), oracle.insert(a)),
                    2 | 3 => assert_eq!(ranking.remove(&a), oracle.remove(&a)),
                    4 => {
                        let can = oracle.contains(&a) && !oracle.contains(&b);
                        assert_eq!(ranking.replace(&a, b), can, "{a} by {b}");
                        if can {
                            oracle.remove(&a);
                            oracle.insert(b);
                        }
                    }
                    _ => assert_eq!(ranking.rank(&a), oracle.iter().position(|key| *key == a)),
                }
            }
            holds_together(&ranking, &oracle);
            let written = postcard::to_stdvec(&ranking).unwrap();
            assert_eq!(postcard::from_bytes::<Ranking<u32>>(&written).unwrap(), ranking);
            for key in oracle.clone() {
                assert!(ranking.remove(&key));
            }
            assert!(ranking.is_empty() && ranking.blocks.is_empty());
        }
    }
}
