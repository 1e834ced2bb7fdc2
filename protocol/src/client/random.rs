//! Request ids and jitter. Both need to differ between clients; neither needs to be secret, because the server scopes ids by
//! room and user.

use std::sync::atomic::{AtomicU64, Ordering};

/// The increment of SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", 2014).
const GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;

/// Request ids: random, never zero, never the same twice within 2^64 draws, because SplitMix64 is a permutation of its counter.
#[derive(Debug)]
pub struct RequestIds(AtomicU64);

impl RequestIds {
    /// Ids that begin at a place the operating system's randomness picks.
    pub fn random() -> Self {
        Self::seeded(os_random())
    }

    /// The same ids for the same seed: for runs that must repeat.
    pub fn seeded(seed: u64) -> Self {
        Self(AtomicU64::new(seed))
    }

    /// A fresh id.
    pub fn next(&self) -> u64 {
        loop {
            let id = mix(self.0.fetch_add(GAMMA, Ordering::Relaxed).wrapping_add(GAMMA));
            if id != 0 {
                return id;
            }
        }
    }
}

/// A stream of numbers to spread clients over time with.
#[derive(Debug)]
pub(crate) struct Jitter(u64);

impl Jitter {
    pub(crate) fn seeded(seed: u64) -> Self {
        Self(seed)
    }

    /// A number below `bound`, or zero if that is zero.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(GAMMA);
        mix(self.0).checked_rem(bound).unwrap_or(0)
    }
}

pub(crate) fn os_random() -> u64 {
    let mut bytes = [0; 8];
    aws_lc_rs::rand::fill(&mut bytes).expect("the operating system has randomness");
    u64::from_le_bytes(bytes)
}

fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_never_zero_even_where_the_permutation_maps_to_it() {
        // mix(0) is 0, so this seed draws it first.
        let ids = RequestIds::seeded(0u64.wrapping_sub(GAMMA));
        assert_ne!(ids.next(), 0);
    }

    #[test]
    fn jitter_stays_below_its_bound() {
        let mut jitter = Jitter::seeded(1);
        assert!((0..1000).all(|_| jitter.below(7) < 7));
        assert_eq!(jitter.below(0), 0);
    }
}
