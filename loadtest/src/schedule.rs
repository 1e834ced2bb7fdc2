//! When things are meant to happen: the measured window, and the open loop's schedule.

use std::time::{Duration, Instant};

/// The span that counts. What happens before it warms up, what happens after it drains.
#[derive(Debug, Clone, Copy)]
pub struct Window {
    /// When counting starts.
    pub from: Instant,
    /// When counting and sending end.
    pub until: Instant,
}

impl Window {
    /// A window of `duration` after `warmup` from `now`.
    pub fn after(now: Instant, warmup: Duration, duration: Duration) -> Self {
        let from = now + warmup;
        Self { from, until: from + duration }
    }

    /// Whether something intended or sent at `at` counts.
    pub fn counts(&self, at: Instant) -> bool {
        self.from <= at && at < self.until
    }
}

/// Evenly spaced intentions: the n-th at start + n ÷ rate, without drift.
#[derive(Debug, Clone, Copy)]
pub struct Schedule {
    start: Instant,
    per_second: f64,
}

impl Schedule {
    /// A schedule of `per_second` (above zero) intentions from `start`.
    pub fn new(start: Instant, per_second: f64) -> Self {
        assert!(per_second > 0.0 && per_second.is_finite());
        Self { start, per_second }
    }

    /// When the n-th (from zero) is intended.
    pub fn due(&self, n: u64) -> Instant {
        self.start + Duration::from_nanos((n as f64 * 1e9 / self.per_second).ceil() as u64)
    }

    /// How many are intended strictly before `at`.
    pub fn before(&self, at: Instant) -> u64 {
        let Some(elapsed) = at.checked_duration_since(self.start) else {
            return 0;
        };
        let mut n = (elapsed.as_nanos() as f64 * self.per_second / 1e9).ceil() as u64;
        // Floating point may be one off either way; `due` decides.
        while n > 0 && self.due(n - 1) >= at {
            n -= 1;
        }
        while self.due(n) < at {
            n += 1;
        }
        n
    }

    /// How many are intended within `window`.
    pub fn within(&self, window: Window) -> u64 {
        self.before(window.until) - self.before(window.from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn due_and_before_agree() {
        let start = Instant::now();
        for per_second in [0.5, 1.0, 3.0, 7_777.7, 61_000.0, 1e6] {
            let schedule = Schedule::new(start, per_second);
            for n in [0, 1, 2, 3, 10, 999, 1_000_000, 123_456_789] {
                assert_eq!(schedule.before(schedule.due(n)), n, "{per_second}/s, {n}");
                let just_after = schedule.due(n) + Duration::from_nanos(1);
                assert_eq!(schedule.before(just_after), n + 1, "{per_second}/s, {n}");
            }
        }
    }

    #[test]
    fn nothing_is_due_before_the_start() {
        let start = Instant::now() + Duration::from_secs(1);
        let schedule = Schedule::new(start, 1_000.0);
        assert_eq!(schedule.before(start - Duration::from_millis(1)), 0);
        assert_eq!(schedule.before(start), 0);
        assert_eq!(schedule.due(0), start);
    }

    #[test]
    fn a_window_holds_rate_times_duration() {
        let now = Instant::now();
        let schedule = Schedule::new(now, 61_000.0);
        let window = Window::after(now, Duration::from_secs(2), Duration::from_secs(8));
        assert_eq!(schedule.within(window), 488_000);
        assert!(window.counts(window.from) && !window.counts(window.until));
        assert!(!window.counts(now));
    }
}
