//! The thread that carries events from the log to the sink.

#[cfg(test)]
mod tests;

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::{Cursor, CursorError, EventSource, Sink};
use crate::store::Recorded;

/// How the relay spreads its work. Larger pieces cost less: each [`Sink::secure`] may wait for a disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// Events handed over at once.
    pub batch_events: usize,
    /// How long it rests when there is nothing new.
    pub rest: Duration,
    /// How often what was delivered is made safe and the cursor moved: so much may come again after a crash.
    pub secure_every: Duration,
    /// How long a sink that failed is left alone: doubled from the first to the second.
    pub back_off: (Duration, Duration),
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            batch_events: 4_096,
            rest: Duration::from_millis(50),
            secure_every: Duration::from_secs(1),
            back_off: (Duration::from_millis(100), Duration::from_secs(30)),
        }
    }
}

/// How far the relay has come, for metrics and for the log's trimming.
#[derive(Debug, Default)]
pub struct Progress {
    latest: AtomicU64,
    delivered: AtomicU64,
    secured: AtomicU64,
    deliveries: AtomicU64,
    failures: AtomicU64,
    failing: AtomicBool,
}

impl Progress {
    /// Durable events that the sink has not taken yet.
    pub fn backlog(&self) -> u64 {
        self.latest.load(Ordering::Relaxed).saturating_sub(self.delivered.load(Ordering::Relaxed))
    }

    /// The number of the last event that the sink took.
    pub fn delivered(&self) -> u64 {
        self.delivered.load(Ordering::Relaxed)
    }

    /// The number of the last event that the sink has for good. The log must keep everything after it.
    pub fn secured(&self) -> u64 {
        self.secured.load(Ordering::Acquire)
    }

    /// Events handed over since the start, repeats included.
    pub fn deliveries(&self) -> u64 {
        self.deliveries.load(Ordering::Relaxed)
    }

    /// Attempts that failed since the start.
    pub fn failures(&self) -> u64 {
        self.failures.load(Ordering::Relaxed)
    }

    /// Whether the latest attempt failed.
    pub fn is_failing(&self) -> bool {
        self.failing.load(Ordering::Relaxed)
    }
}

/// The relay, running.
#[derive(Debug)]
pub struct Relay {
    progress: Arc<Progress>,
    stop: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

/// Why a relay can't start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The cursor belongs to another log: what would be skipped can't be known.
    #[error("the sink has event {cursor}, the log ends with {latest}: they do not belong together")]
    Ahead {
        /// Where the cursor is.
        cursor: u64,
        /// Where the log is.
        latest: u64,
    },
    /// The thread.
    #[error("can't start the relay's thread: {0}")]
    Thread(#[from] io::Error),
}

impl Relay {
    /// Starts to carry events that follow `cursor`.
    pub fn start(
        source: Box<dyn EventSource>, sink: Box<dyn Sink>, cursor: Box<dyn Cursor>, pace: Pace,
    ) -> Result<Self, StartError> {
        let (at, latest) = (cursor.at(), source.latest());
        if at > latest {
            return Err(StartError::Ahead { cursor: at, latest });
        }
        let progress = Arc::new(Progress::default());
        progress.latest.store(latest, Ordering::Relaxed);
        progress.delivered.store(at, Ordering::Relaxed);
        progress.secured.store(at, Ordering::Release);
        let stop = Arc::new(AtomicBool::new(false));
        let mut carrier = Carrier {
            source,
            sink,
            cursor,
            pace,
            progress: Arc::clone(&progress),
            stop: Arc::clone(&stop),
            at,
            unsecured_since: None,
            batch: Vec::new(),
        };
        let thread = thread::Builder::new().name("events".to_owned()).spawn(move || {
            yield_to_others();
            carrier.run();
        })?;
        Ok(Self { progress, stop, thread })
    }

    /// How far it has come.
    pub fn progress(&self) -> &Arc<Progress> {
        &self.progress
    }

    /// Says that there is something new, so that it rests no longer. Not needed: it looks by itself.
    pub fn wake(&self) {
        self.thread.thread().unpark();
    }

    /// Delivers what is durable by now, if the sink takes it, and ends.
    pub fn stop(self) {
        self.stop.store(true, Ordering::Release);
        self.thread.thread().unpark();
        if self.thread.join().is_err() {
            tracing::error!("the relay of events ended in a panic");
        }
    }
}

/// Analytics follow after the rush: on a saturated machine decisions go first, and the backlog waits in the log.
fn yield_to_others() {
    if let Err(error) = rustix::process::setpriority_process(Some(rustix::thread::gettid()), 19) {
        tracing::debug!(%error, "the relay keeps its priority");
    }
}

struct Carrier {
    source: Box<dyn EventSource>,
    sink: Box<dyn Sink>,
    cursor: Box<dyn Cursor>,
    pace: Pace,
    progress: Arc<Progress>,
    stop: Arc<AtomicBool>,
    /// The last event that the sink took.
    at: u64,
    unsecured_since: Option<Instant>,
    batch: Vec<Recorded>,
}

#[derive(Debug, thiserror::Error)]
enum CarryError {
    #[error("the log: {0}")]
    Source(super::SourceError),
    #[error("the sink: {0}")]
    Sink(#[from] super::SinkError),
    #[error("the cursor: {0}")]
    Cursor(#[from] CursorError),
}

impl Carrier {
    fn run(&mut self) {
        let mut failures_in_a_row = 0;
        loop {
            let stopping = self.stop.load(Ordering::Acquire);
            match self.carry(stopping) {
                Ok(true) => failures_in_a_row = 0,
                Ok(false) if stopping => return,
                Ok(false) => {
                    failures_in_a_row = 0;
                    thread::park_timeout(self.pace.rest);
                }
                Err(error) => {
                    self.failed(&error);
                    if stopping {
                        return;
                    }
                    self.back_off(failures_in_a_row);
                    failures_in_a_row = (failures_in_a_row + 1).min(16);
                }
            }
        }
    }

    /// Hands over what there is; says whether there was something.
    fn carry(&mut self, stopping: bool) -> Result<bool, CarryError> {
        self.batch.clear();
        self.source.next(self.at, self.pace.batch_events, &mut self.batch).map_err(CarryError::Source)?;
        self.progress.latest.store(self.source.latest(), Ordering::Relaxed);
        if let Some(last) = self.batch.last() {
            self.sink.deliver(&self.batch)?;
            self.at = last.no;
            self.unsecured_since.get_or_insert_with(Instant::now);
            self.progress.delivered.store(self.at, Ordering::Relaxed);
            self.progress.deliveries.fetch_add(self.batch.len() as u64, Ordering::Relaxed);
        }
        let ending = stopping && self.batch.is_empty();
        if self.unsecured_since.is_some_and(|since| ending || since.elapsed() >= self.pace.secure_every) {
            self.sink.secure()?;
            self.cursor.store(self.at)?;
            self.unsecured_since = None;
            self.progress.secured.store(self.at, Ordering::Release);
        }
        self.progress.failing.store(false, Ordering::Relaxed);
        Ok(!self.batch.is_empty())
    }

    /// Nobody knows what the sink kept of what was not secured: it all comes again.
    fn failed(&mut self, error: &CarryError) {
        self.at = self.cursor.at();
        self.unsecured_since = None;
        self.progress.delivered.store(self.at, Ordering::Relaxed);
        self.progress.failures.fetch_add(1, Ordering::Relaxed);
        if !self.progress.failing.swap(true, Ordering::Relaxed) {
            tracing::warn!(%error, backlog = self.progress.backlog(), "events are not delivered");
        }
    }

    fn back_off(&self, failures_in_a_row: u32) {
        let (first, longest) = self.pace.back_off;
        let until = Instant::now() + first.saturating_mul(1 << failures_in_a_row).min(longest);
        while !self.stop.load(Ordering::Acquire) {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            // The backlog grows meanwhile, and should be seen to.
            self.progress.latest.store(self.source.latest(), Ordering::Relaxed);
            thread::park_timeout(left.min(Duration::from_secs(1)));
        }
    }
}
