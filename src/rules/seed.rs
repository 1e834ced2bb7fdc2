//! Chance that can be repeated: a seed is drawn once, stored, and everything random follows from it.

use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// 32 secret bytes, drawn by the engine when an activity is created.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Seed(pub [u8; 32]);

impl std::fmt::Debug for Seed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Seed(secret)")
    }
}

impl Seed {
    /// Numbers for one use of the seed. Different labels give unrelated streams.
    pub fn stream(&self, label: &str) -> Stream {
        Stream(ChaCha12Rng::from_seed(self.derive(label)))
    }

    /// One number for one use of the seed: never zero.
    pub fn number(&self, label: &str) -> u64 {
        let digest = self.derive(label);
        let word = u64::from_le_bytes(digest[..8].try_into().expect("eight of 32 bytes"));
        word.max(1)
    }

    /// 32 bytes for one use of the seed, which tell nothing of any other use: they may be published.
    pub fn secret(&self, label: &str) -> [u8; 32] {
        self.derive(label)
    }

    fn derive(&self, label: &str) -> [u8; 32] {
        let mut hash = Sha256::new();
        hash.update(b"liveroom-seed-v1");
        hash.update(self.0);
        hash.update(label.as_bytes());
        hash.finalize().into()
    }
}

/// A reproducible stream of random numbers (ChaCha12; the sampling below is our own, so that a library's change of
/// algorithm can't change what an old seed means).
pub struct Stream(ChaCha12Rng);

impl Stream {
    /// A number below `bound`, every one equally likely (Lemire's multiplication, with rejection).
    ///
    /// # Panics
    /// If `bound` is zero.
    pub fn below(&mut self, bound: u64) -> u64 {
        assert!(bound > 0, "an empty range has no number");
        let threshold = bound.wrapping_neg() % bound;
        loop {
            let wide = u128::from(self.0.next_u64()) * u128::from(bound);
            if wide as u64 >= threshold {
                return (wide >> 64) as u64;
            }
        }
    }

    /// Puts a list into an order of which every one is equally likely (Fisher–Yates).
    pub fn shuffle<T>(&mut self, list: &mut [T]) {
        for last in (1..list.len()).rev() {
            list.swap(last, self.below(last as u64 + 1) as usize);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_means_the_same_for_ever() {
        let seed = Seed([7; 32]);
        let mut stream = seed.stream("test");
        let drawn: Vec<_> = (0..4).map(|_| stream.below(1000)).collect();
        assert_eq!(drawn, GOLDEN, "changing this changes the outcome of stored activities");
        assert_ne!(seed.number("a"), seed.number("b"));
    }

    const GOLDEN: [u64; 4] = [120, 485, 769, 505];
}
