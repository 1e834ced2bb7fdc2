//! The journal: a durable log of records whose meaning it does not know, snapshots, and small files.
//!
//! A single writer ([`Log`]) appends records and makes all of them durable with one write and one `fdatasync`
//! ([`Log::commit`]). Records are numbered 1, 2, … without a gap. They live in segments, files of a fixed length that
//! are filled with zeros by a thread ahead of the writer, so that a commit allocates nothing on the disk, and a full
//! disk is met while there is still a segment to write into. Any number of [`Reader`]s follow, none past what is durable.
//!
//! Recovery ([`Log::open`], or [`verify`] for those who must not write) reads every record that is still kept.
//! The tail that a power cut tore is cut off and reported; any other flaw refuses the start and names the place.
//! What a power cut may tear is the last commit, which is all there or not at all: see the frame's format in `segment`.
//!
//! | file | subject |
//! |---|---|
//! | `disk`, `sim` | the disk: of the operating system, of a simulation |
//! | `segment` | the format |
//! | `writer`, `prepare` | append and commit; the next segment, ahead of need |
//! | `reader` | reading beside the writer |
//! | `recovery` | finding the end of the log |
//! | `snapshot` | snapshots, of which the newest two are kept |

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::RwLock;

mod disk;
mod error;
mod prepare;
mod reader;
mod recovery;
mod segment;
mod sim;
pub mod snapshot;
#[cfg(test)]
mod tests;
mod writer;

pub use disk::{Access, Disk, DiskFile, LOCK, RealDisk};
pub use error::{BoxError, Flaw, JournalError, Result};
pub use reader::Reader;
pub use recovery::{RecoveryReport, Torn, verify};
pub use sim::{Fault, SimDisk};
pub use writer::Log;

/// How a log is written.
#[derive(Clone, Debug)]
pub struct Options {
    /// Length of new segments.
    pub segment_bytes: u64,
    /// The longest payload accepted.
    pub record_bytes_max: usize,
    /// Marks a log that is created now, and with it all its segments. Random, so that no two logs share it.
    pub epoch: u64,
    /// Whether segments are prepared by a thread. A simulation, which must repeat itself, says no.
    pub background: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { segment_bytes: 64 << 20, record_bytes_max: 1 << 20, epoch: 0, background: true }
    }
}

/// What everybody but the writer may know and do. Clones see the same log.
#[derive(Clone)]
pub struct LogView(Arc<Shared>);

struct Shared {
    disk: Arc<dyn Disk>,
    /// The last record that is durable. Published after the segment that holds it.
    durable: AtomicU64,
    /// Oldest first. Only the last one is written to.
    segments: RwLock<VecDeque<Segment>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Segment {
    number: u64,
    first_seq: u64,
}

impl Shared {
    fn first_seq(&self, number: u64) -> Option<u64> {
        let segments = self.segments.read();
        let place = number.checked_sub(segments.front()?.number)?;
        segments.get(usize::try_from(place).ok()?).map(|segment| segment.first_seq)
    }
}

impl LogView {
    /// The last record that is durable; 0 while there is none.
    pub fn durable_seq(&self) -> u64 {
        self.0.durable.load(Ordering::Acquire)
    }

    /// The last record of the sealed segments, which are never written to again; 0 while there is none.
    pub fn sealed_seq(&self) -> u64 {
        self.0.segments.read().back().map_or(0, |active| active.first_seq - 1)
    }

    /// The number of sealed segments.
    pub fn sealed_segments(&self) -> usize {
        self.0.segments.read().len().saturating_sub(1)
    }

    /// The oldest record that is kept.
    pub fn first_seq(&self) -> u64 {
        self.0.segments.read().front().map_or(1, |oldest| oldest.first_seq)
    }

    /// A reader that begins with record `from_seq`, which is kept or the next one to come.
    pub fn reader(&self, from_seq: u64) -> Result<Reader> {
        Reader::open(self, from_seq)
    }

    /// Removes the segments whose records are all at or before `up_to_seq`, and says how many. Oldest first, each for
    /// good before the next: a gap would count as damage.
    pub fn trim(&self, up_to_seq: u64) -> Result<usize> {
        let up_to_seq = up_to_seq.min(self.durable_seq());
        let mut removed = 0;
        loop {
            let oldest = {
                let segments = self.0.segments.read();
                match (segments.front(), segments.get(1)) {
                    // The next segment must hold a durable record, or nothing would tell where the log was.
                    (Some(oldest), Some(next)) if next.first_seq <= self.durable_seq() => {
                        (next.first_seq <= up_to_seq + 1).then_some(oldest.number)
                    }
                    _ => None,
                }
            };
            let Some(number) = oldest else { return Ok(removed) };
            let name = segment::name(number);
            self.0.disk.remove(&name).map_err(JournalError::io(&name))?;
            self.0.segments.write().pop_front();
            removed += 1;
        }
    }
}
