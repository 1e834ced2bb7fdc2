//! The open loop's clock: starts each operation when it is due.
//!
//! It has a thread of its own: the runtime's timer rounds up to the millisecond and waits its turn behind the very load
//! that is being timed, while the kernel wakes a sleeper within some 50 µs.

use std::io;
use std::num::NonZeroU64;
use std::thread::{Builder, JoinHandle, sleep};
use std::time::Instant;

use tokio::sync::mpsc::UnboundedSender;

use crate::schedule::{Schedule, Window};

/// Calls `start` with the number and the instant of each intention of `schedule`, when it is due, until the window ends.
pub fn pace(
    schedule: Schedule, window: Window, mut start: impl FnMut(u64, Instant) + Send + 'static,
) -> io::Result<JoinHandle<()>> {
    Builder::new().name("pacer".to_owned()).spawn(move || {
        // It sleeps most of the time, and must neither wake late nor wait when it wakes. Without the right to this it only is less exact.
        let _ = rustix::process::nice(-19);
        let _ = rustix::thread::set_current_timer_slack(NonZeroU64::new(1));
        let end = schedule.before(window.until);
        let mut next = 0;
        while next < end {
            sleep(schedule.due(next).saturating_duration_since(Instant::now()));
            let reached = schedule.before(Instant::now()).clamp(next, end);
            for n in next..reached {
                start(n, schedule.due(n));
            }
            next = reached;
        }
    })
}

/// A start for viewers who take turns, each told through its lane.
pub fn in_turn(lanes: Vec<UnboundedSender<Instant>>) -> impl FnMut(u64, Instant) + Send + 'static {
    move |n, intended| {
        // A viewer that is gone no longer listens; what was meant for it shows as offered and not sent.
        let _ = lanes[(n % lanes.len() as u64) as usize].send(intended);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use tokio::sync::mpsc::unbounded_channel;

    #[test]
    fn every_intention_reaches_its_lane_in_turn_and_not_early() {
        let now = Instant::now();
        let window = Window::after(now, Duration::ZERO, Duration::from_millis(20));
        let schedule = Schedule::new(now, 1_000.0);
        let (lanes, mut ears): (Vec<_>, Vec<_>) = (0..3).map(|_| unbounded_channel()).unzip();
        pace(schedule, window, in_turn(lanes)).unwrap().join().unwrap();
        assert!(Instant::now() >= schedule.due(19));
        for n in 0..20 {
            assert_eq!(ears[n % 3].try_recv().unwrap(), schedule.due(n as u64));
        }
        for ear in &mut ears {
            assert!(ear.blocking_recv().is_none());
        }
    }
}
