//! The operating system's randomness: the one place that draws it.

use aws_lc_rs::rand;

use crate::rules::Seed;

/// A new secret.
pub(super) fn seed() -> Seed {
    let mut bytes = [0; 32];
    fill(&mut bytes);
    Seed(bytes)
}

/// A number that nobody can guess; never zero.
pub(super) fn number() -> u64 {
    let mut bytes = [0; 8];
    fill(&mut bytes);
    u64::from_le_bytes(bytes).max(1)
}

fn fill(bytes: &mut [u8]) {
    rand::fill(bytes).expect("a system without randomness can't serve");
}
