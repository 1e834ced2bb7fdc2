//! Watches the board and the server while the window lasts.

use std::time::{Duration, Instant};

use tokio::time::sleep_until;

use crate::board::Board;
use crate::gauge::{Gauge, Reading};
use crate::progress::Progress;

/// How often throughput is sampled.
const STEP: Duration = Duration::from_millis(100);

/// What one step of the window saw.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Step {
    /// Its end, in seconds from the window's start.
    pub at_s: f64,
    /// Answers per second.
    pub ops_per_s: f64,
}

/// What the window saw.
#[derive(Debug, Clone, Default)]
pub struct Watched {
    /// Answers within it.
    pub answers: u64,
    /// How long it took: less than the window if all was said before its end.
    pub seconds: f64,
    /// The server's cost at its start and end, if it could be watched.
    pub server: Option<(Reading, Reading)>,
    /// The tester's own CPU time in between: near one core per worker, it is the tester that was measured.
    pub tester_cpu: Duration,
    /// Throughput over time.
    pub steps: Vec<Step>,
}

/// Watches until the window ends, or `over` says that all viewers are done.
pub async fn watch(
    board: &Board, server: Option<&Gauge>, progress: &Progress, over: impl Future<Output = ()>,
) -> anyhow::Result<Watched> {
    let window = board.window();
    let mut over = std::pin::pin!(over);
    progress.stage("warming up", (window.until - window.from).as_millis() as u64);
    sleep_until(window.from.into()).await;

    // A server that died meanwhile has no cost any more; what it was is not made up.
    let read = || server.and_then(|gauge| gauge.read().ok());
    let tester = Gauge::on(std::process::id())?;
    let (reading_before, tester_before) = (read(), tester.read()?);
    let start = Instant::now();
    let (answers_before, _) = board.answers();
    let mut watched = Watched::default();
    let (mut answers_then, mut then) = (answers_before, start);
    loop {
        let wake = (then + STEP).min(window.until);
        let all_said = tokio::select! {
            () = sleep_until(wake.into()) => false,
            () = &mut over => true,
        };
        let now = Instant::now();
        let (answers, last_answer) = board.answers();
        let span_s = (now - then).as_secs_f64().max(f64::EPSILON);
        let ops_per_s = (answers - answers_then) as f64 / span_s;
        let at_s = (now - start).as_secs_f64();
        watched.steps.push(Step { at_s, ops_per_s });
        progress.measured(now - start, ops_per_s);
        (answers_then, then) = (answers, now);
        if all_said || now >= window.until {
            let end = if all_said { last_answer.unwrap_or(now) } else { now };
            watched.answers = answers - answers_before;
            watched.seconds = end.saturating_duration_since(start).as_secs_f64();
            watched.server = reading_before.zip(read());
            watched.tester_cpu = tester.read()?.cpu.saturating_sub(tester_before.cpu);
            progress.stage("waiting for answers", 0);
            return Ok(watched);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::board::{Flight, Verdict};
    use crate::schedule::Window;

    #[tokio::test]
    async fn a_run_that_ends_early_is_measured_to_its_last_answer() {
        let window = Window::after(Instant::now(), Duration::ZERO, Duration::from_secs(600));
        let board = Board::new(window, false, 1);
        let flight = Flight { key: 0, intended: window.from, sent: window.from };
        let desk = board.desk(0);
        let over = async move {
            desk.tally().answered(&flight, Verdict::Done, Instant::now());
        };
        let gauge = Gauge::on(std::process::id()).unwrap();
        let watched = watch(&board, Some(&gauge), &Progress::new("test"), over).await.unwrap();
        assert_eq!(watched.answers, 1);
        assert!(watched.seconds < 60.0);
        assert!(watched.server.is_some());
    }
}
