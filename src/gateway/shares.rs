//! Buckets that several connections share, because they are the same user's or come from the same address.

use std::collections::{BTreeSet, HashMap};
use std::hash::{BuildHasher, Hash};
use std::sync::Arc;

use foldhash::{fast, quality};
use parking_lot::Mutex;

use crate::rules::Time;

/// So that those of different keys do not wait for each other when they come and go.
const SHARDS: usize = 64;

/// What fills by itself until nothing of its use is left to remember.
pub(super) trait Filling {
    /// When it is as new, if nothing more is taken.
    fn full_at(&self) -> Time;
}

/// What is shared by all who are here, and what is left of those who were until just now: whoever comes back at once finds it as
/// it was left.
#[derive(Debug)]
pub(super) struct Shares<K, B> {
    shards: Box<[Mutex<Shard<K, B>>]>,
    /// Of quality: only a few bits of a hash say which shard it is, and in the fast one's, neighbouring addresses may differ little.
    hasher: quality::RandomState,
    /// Of a shard; more of those who are gone are forgotten, those first who soonest would be.
    gone_max: usize,
}

#[derive(Debug)]
struct Shard<K, B> {
    held: HashMap<K, Held<B>, fast::RandomState>,
    /// Who is gone, and when nothing of it is left to remember.
    gone: BTreeSet<(Time, K)>,
}

#[derive(Debug)]
struct Held<B> {
    buckets: Arc<Mutex<B>>,
    connections: u32,
}

/// One connection's share. What a request takes is behind a lock that is held for nanoseconds, and nothing is looked up.
#[derive(Debug)]
pub(super) struct Share<K: Copy + Eq + Ord + Hash, B: Filling> {
    shares: Arc<Shares<K, B>>,
    key: K,
    buckets: Arc<Mutex<B>>,
}

impl<K: Copy + Eq + Ord + Hash, B: Filling> Shares<K, B> {
    /// Nobody is here; of those who will be gone at most `gone_max`, spread over all, are remembered.
    pub(super) fn new(gone_max: usize) -> Arc<Self> {
        let shard = || Mutex::new(Shard { held: HashMap::default(), gone: BTreeSet::new() });
        let shards = (0..SHARDS).map(|_| shard()).collect();
        Arc::new(Self { shards, hasher: quality::RandomState::default(), gone_max: gone_max.div_ceil(SHARDS) })
    }

    /// A connection of `key` has come.
    pub(super) fn join(self: &Arc<Self>, key: K, now: Time, new: impl FnOnce() -> B) -> Share<K, B> {
        let mut shard = self.shard(&key).lock();
        shard.forget_until(now);
        let new = || Held { buckets: Arc::new(Mutex::new(new())), connections: 0 };
        let held = shard.held.entry(key).or_insert_with(new);
        held.connections += 1;
        let buckets = Arc::clone(&held.buckets);
        if held.connections == 1 {
            let full_at = buckets.lock().full_at();
            shard.gone.remove(&(full_at, key));
        }
        Share { shares: Arc::clone(self), key, buckets }
    }

    /// How many are held now, and how many of them are gone.
    pub(super) fn count(&self) -> (usize, usize) {
        let of = |shard: &Mutex<Shard<K, B>>| {
            let shard = shard.lock();
            (shard.held.len(), shard.gone.len())
        };
        self.shards.iter().map(of).fold((0, 0), |sum, more| (sum.0 + more.0, sum.1 + more.1))
    }

    fn shard(&self, key: &K) -> &Mutex<Shard<K, B>> {
        &self.shards[self.hasher.hash_one(key) as usize % SHARDS]
    }
}

impl<K: Copy + Eq + Ord + Hash, B> Shard<K, B> {
    fn forget_until(&mut self, now: Time) {
        while self.gone.first().is_some_and(|(full_at, _)| *full_at <= now) {
            self.forget_first();
        }
    }

    fn forget_first(&mut self) {
        if let Some((_, key)) = self.gone.pop_first() {
            self.held.remove(&key);
        }
    }
}

impl<K: Copy + Eq + Ord + Hash, B: Filling> Share<K, B> {
    /// Takes from what is shared.
    pub(super) fn take<T>(&self, take: impl FnOnce(&mut B) -> T) -> T {
        take(&mut self.buckets.lock())
    }
}

impl<K: Copy + Eq + Ord + Hash, B: Filling> Drop for Share<K, B> {
    fn drop(&mut self) {
        let mut shard = self.shares.shard(&self.key).lock();
        let Some(held) = shard.held.get_mut(&self.key) else { return };
        held.connections -= 1;
        if held.connections == 0 {
            let full_at = held.buckets.lock().full_at();
            shard.gone.insert((full_at, self.key));
            if shard.gone.len() > self.shares.gone_max {
                shard.forget_first();
            }
        }
    }
}
