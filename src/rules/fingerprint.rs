//! The parameters of a request, folded into a number, to tell a repeat from a conflict.

use serde::{Deserialize, Serialize};

/// 64 bits over a request's parameters. It is stored with the receipt, so its function is part of the format:
/// FNV-1a over words, with a final mix (the constants of SplitMix64).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Fingerprint(pub u64);

impl Fingerprint {
    /// Starts a fingerprint for the kind of request that `tag` names.
    pub const fn of(tag: u64) -> Self {
        Self(0xcbf2_9ce4_8422_2325).word(tag)
    }

    /// Adds one parameter.
    pub const fn word(self, word: u64) -> Self {
        let mixed = (self.0 ^ word).wrapping_mul(0x0000_0100_0000_01b3);
        let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        Self(mixed ^ (mixed >> 27))
    }

    /// Adds a parameter of any length.
    pub fn bytes(self, bytes: &[u8]) -> Self {
        bytes.iter().fold(self.word(bytes.len() as u64), |sum, byte| sum.word(u64::from(*byte)))
    }
}
