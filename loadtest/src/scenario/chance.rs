//! Choices that are the same again for the same seed.

use std::time::Duration;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// A source of choices.
#[derive(Debug)]
pub(super) struct Chance(ChaCha8Rng);

impl Chance {
    /// The choices of one of many, all of whom follow from the same seed.
    pub(super) fn of(seed: u64, one: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(one);
        Self(rng)
    }

    /// A number below `bound`, which is not zero.
    pub(super) fn below(&mut self, bound: usize) -> usize {
        (self.0.next_u64() % bound as u64) as usize
    }

    /// Whether something comes to pass that does so `percent` times in a hundred.
    pub(super) fn comes(&mut self, percent: u32) -> bool {
        self.below(100) < percent as usize
    }

    /// A span of up to twice `about`, on average that.
    pub(super) fn around(&mut self, about: Duration) -> Duration {
        about.mul_f64(self.below(2_001) as f64 / 1_000.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_makes_the_same_choices_and_another_viewer_others() {
        let choices = |seed, one| {
            let mut chance = Chance::of(seed, one);
            (0..20).map(|_| chance.below(1_000)).collect::<Vec<_>>()
        };
        assert_eq!(choices(7, 3), choices(7, 3));
        assert_ne!(choices(7, 3), choices(7, 4));
        assert_ne!(choices(7, 3), choices(8, 3));
    }
}
