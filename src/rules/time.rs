//! The server's time.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Milliseconds since the Unix epoch, by the server's clock. A client's clock is never trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Time(i64);

impl Time {
    /// The latest time a parameter may name: the year 2200.
    pub const MAX: Self = Self(7_258_118_400_000);

    /// A time from milliseconds since the epoch.
    pub const fn from_ms(ms: i64) -> Self {
        Self(ms)
    }

    /// Milliseconds since the epoch.
    pub const fn ms(self) -> i64 {
        self.0
    }

    /// `ms` milliseconds later.
    #[must_use]
    pub const fn after_ms(self, ms: u64) -> Self {
        Self(self.0.saturating_add_unsigned(ms))
    }

    /// `ms` milliseconds earlier.
    #[must_use]
    pub const fn before_ms(self, ms: u64) -> Self {
        Self(self.0.saturating_sub_unsigned(ms))
    }

    /// How long after `earlier` it is; nothing if it is not.
    pub const fn since(self, earlier: Self) -> Duration {
        let ms = self.0.saturating_sub(earlier.0);
        Duration::from_millis(if ms > 0 { ms.unsigned_abs() } else { 0 })
    }

    /// The beginning of a day in a zone that is `utc_offset_min` minutes east of Greenwich.
    pub const fn begin_of_day(day: i64, utc_offset_min: i32) -> Self {
        Self(day * 86_400_000 - utc_offset_min as i64 * 60_000)
    }

    /// The number of the day in a zone that is `utc_offset_min` minutes east of Greenwich.
    pub const fn day(self, utc_offset_min: i32) -> i64 {
        (self.0 + utc_offset_min as i64 * 60_000).div_euclid(86_400_000)
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
