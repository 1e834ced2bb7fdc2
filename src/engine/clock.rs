//! The server's time: the one place that reads a clock.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use crate::rules::Time;

/// Time that only goes forward, and does not jump with the wall clock.
///
/// It starts from the wall clock and advances with the monotonic one (which the system keeps in step by slewing), so
/// that nothing opens early and no token lives longer because somebody set the clock. A restart never goes back
/// behind the latest decision of the log.
#[derive(Debug, Clone)]
pub struct Clock(Arc<Source>);

#[derive(Debug)]
enum Source {
    Real { started: Instant, wall_ms: i64, behind_ms: AtomicI64 },
    Manual(AtomicI64),
}

impl Clock {
    /// The machine's time.
    pub fn real() -> Self {
        Self(Arc::new(Source::Real { started: Instant::now(), wall_ms: wall_ms(), behind_ms: AtomicI64::new(0) }))
    }

    /// Time that a test moves.
    pub fn manual(now: Time) -> Self {
        Self(Arc::new(Source::Manual(AtomicI64::new(now.ms()))))
    }

    /// Now.
    pub fn now(&self) -> Time {
        match self.0.as_ref() {
            Source::Real { started, wall_ms, behind_ms } => {
                Time::from_ms(wall_ms + started.elapsed().as_millis() as i64 + behind_ms.load(Ordering::Relaxed))
            }
            Source::Manual(now) => Time::from_ms(now.load(Ordering::Relaxed)),
        }
    }

    /// Time is not before `floor`: where the log knows later decisions than the wall clock says, they count.
    pub fn not_before(&self, floor: Time) {
        let short = floor.ms() - self.now().ms();
        if short > 0 {
            match self.0.as_ref() {
                Source::Real { behind_ms, .. } => behind_ms.fetch_add(short, Ordering::Relaxed),
                Source::Manual(now) => now.fetch_add(short, Ordering::Relaxed),
            };
        }
    }

    /// Moves a manual clock forward; a real one goes by itself.
    pub fn advance(&self, by_ms: u64) {
        if let Source::Manual(now) = self.0.as_ref() {
            now.fetch_add(by_ms as i64, Ordering::Relaxed);
        }
    }
}

fn wall_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_restart_does_not_go_back_behind_the_log() {
        let clock = Clock::real();
        let later = clock.now().after_ms(3_600_000);
        clock.not_before(later);
        assert!(clock.now() >= later);
        let now = clock.now();
        clock.not_before(Time::from_ms(0));
        assert!(clock.now() >= now && clock.now() < later.after_ms(60_000));
    }
}
