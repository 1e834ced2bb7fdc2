//! What happened: counted, so that coverage shows, and hashed, so that a seed can be seen to repeat itself.

use std::borrow::Cow;
use std::collections::BTreeMap;

/// Counts by name: `event.granted`, `refused.sold_out`, `fault.power_loss`, …
#[derive(Default)]
pub(crate) struct Tally(BTreeMap<Cow<'static, str>, u64>);

impl Tally {
    pub(crate) fn count(&mut self, what: impl Into<Cow<'static, str>>) {
        self.add(what, 1);
    }

    pub(crate) fn add(&mut self, what: impl Into<Cow<'static, str>>, times: u64) {
        *self.0.entry(what.into()).or_insert(0) += times;
    }

    pub(crate) fn of(&self, what: &str) -> u64 {
        self.0.get(what).copied().unwrap_or(0)
    }

    pub(crate) fn merge(&mut self, other: Self) {
        other.0.into_iter().for_each(|(what, times)| self.add(what, times));
    }

    /// Everything that begins so, as `name times`.
    pub(crate) fn all(&self, begin: &str) -> String {
        let matching = self.0.iter().filter_map(|(what, times)| Some((what.strip_prefix(begin)?, times)));
        matching.map(|(what, times)| format!("{what} {times}")).collect::<Vec<_>>().join(", ")
    }

    /// How often anything that begins so happened.
    pub(crate) fn sum(&self, begin: &str) -> u64 {
        self.0.iter().filter(|(what, _)| what.starts_with(begin)).map(|(_, times)| times).sum()
    }
}

/// A hash over everything decided, in order. What the engine draws by itself (channel epochs) never enters.
pub(crate) struct Trace(u64);

impl Default for Trace {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Trace {
    pub(crate) fn add(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
        self.0 = self.0.rotate_left(23) ^ bytes.len() as u64;
    }

    pub(crate) fn note(&mut self, what: &str, number: u64) {
        self.add(what.as_bytes());
        self.add(&number.to_le_bytes());
    }

    pub(crate) fn hash(&self) -> u64 {
        self.0
    }
}
