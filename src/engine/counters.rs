//! What the engine counts, for `/metrics`.

use std::sync::atomic::{AtomicU64, Ordering};

use crossbeam::utils::CachePadded;

/// A counter that many threads add to.
#[derive(Debug, Default)]
pub struct Counter(CachePadded<AtomicU64>);

impl Counter {
    /// One more.
    pub fn inc(&self) {
        self.add(1);
    }

    /// So many more.
    pub fn add(&self, n: u64) {
        self.0.fetch_add(n, Ordering::Relaxed);
    }

    /// At least so many.
    pub fn raise(&self, n: u64) {
        self.0.fetch_max(n, Ordering::Relaxed);
    }

    /// How many.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// The engine's counters.
#[derive(Debug, Default)]
pub struct Counters {
    /// Batches committed.
    pub batches: Counter,
    /// Operations decided.
    pub ops: Counter,
    /// Operations of the largest batch.
    pub batch_ops_max: Counter,
    /// The number of the latest event, on whichever node it was decided; 0 while there was none since the start.
    pub latest_event: Counter,
    /// Events recorded.
    pub events: Counter,
    /// Time spent in commits, µs.
    pub commit_us: Counter,
    /// Operations answered with `not done`.
    pub not_done: Counter,
    /// Claims refused by the gate.
    pub gate_refusals: Counter,
    /// Requests refused because the queue was full.
    pub overloaded: Counter,
    /// Room frames handed to viewers.
    pub frames: Counter,
    /// Comments that everybody heard.
    pub comments: Counter,
    /// Comments that only their authors saw: blocked or muted.
    pub comments_held: Counter,
    /// Comments for which a room's tick had no room.
    pub comments_crowded_out: Counter,
    /// Hearts.
    pub hearts: Counter,
    /// Messages from other nodes that did not fit into a room's tick.
    pub talk_unheard: Counter,
    /// Gifts, and ends of combos, that did not fit into a room's tick.
    pub gifts_unheard: Counter,
}
