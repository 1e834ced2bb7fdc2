//! A token bucket: so many requests a second, with a burst.

use crate::rules::Time;

/// A bucket of `burst` requests that `per_second` refill.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rate {
    /// Requests a second in the long run.
    pub per_second: u32,
    /// Requests at once.
    pub burst: u32,
}

/// Fills by time, empties by use. Counts in thousandths of a request, so that milliseconds add up exactly.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bucket {
    per_second: u32,
    held_milli: u64,
    full_milli: u64,
    at: Time,
}

impl Bucket {
    /// A full bucket.
    pub(super) fn new(rate: Rate, now: Time) -> Self {
        let full_milli = u64::from(rate.burst) * 1_000;
        Self { per_second: rate.per_second, held_milli: full_milli, full_milli, at: now }
    }

    /// Takes one; or says how many milliseconds to wait for it.
    pub(super) fn take(&mut self, now: Time) -> Result<(), u32> {
        let passed_ms = now.ms().saturating_sub(self.at.ms()).max(0) as u64;
        self.at = now;
        let filled = self.held_milli.saturating_add(passed_ms.saturating_mul(u64::from(self.per_second)));
        self.held_milli = filled.min(self.full_milli);
        match self.held_milli.checked_sub(1_000) {
            Some(left) => {
                self.held_milli = left;
                Ok(())
            }
            None => {
                let short = 1_000 - self.held_milli;
                Err(short.div_ceil(u64::from(self.per_second.max(1))).min(60_000) as u32)
            }
        }
    }

    /// When it is full if nothing more is taken: from then on it is as new.
    pub(super) fn full_at(&self) -> Time {
        let missing_milli = self.full_milli - self.held_milli;
        self.at.after_ms(missing_milli.div_ceil(u64::from(self.per_second.max(1))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_then_a_steady_rate() {
        let mut bucket = Bucket::new(Rate { per_second: 10, burst: 3 }, Time::from_ms(0));
        let takes: Vec<_> = [0, 0, 0, 0, 50, 100, 100, 10_000, 10_000, 10_000, 10_000]
            .map(|ms| bucket.take(Time::from_ms(ms)))
            .into_iter()
            .collect();
        assert_eq!(
            takes,
            [Ok(()), Ok(()), Ok(()), Err(100), Err(50), Ok(()), Err(100), Ok(()), Ok(()), Ok(()), Err(100)]
        );
    }
}
