//! The two ends of the relay.

use std::io;
use std::path::PathBuf;

use crate::store::Recorded;
use crate::store::embedded::EventReader;
use crate::store::redis::LogEvents;

/// Takes events to where somebody reads them.
pub trait Sink: Send {
    /// Takes a batch: events in order, each the one after the last, unless some come again.
    ///
    /// # Errors
    /// Everything since the last [`Self::secure`] comes again, when the sink may be ready for it.
    fn deliver(&mut self, batch: &[Recorded]) -> Result<(), SinkError>;

    /// Returns once everything that was delivered will survive a crash of the machine.
    ///
    /// # Errors
    /// As for [`Self::deliver`].
    fn secure(&mut self) -> Result<(), SinkError>;
}

/// Why a sink did not take what it was given.
#[derive(Debug, thiserror::Error)]
pub enum SinkError {
    /// A file of the sink.
    #[error("{}: {source}", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Whatever else a sink may meet.
    #[error("{0}")]
    Other(String),
}

/// Gives the events of a log, as far as they are durable.
pub trait EventSource: Send {
    /// Adds events that follow number `after`, in order and without a gap: about `max` of them, none if there are none
    /// yet. It does not wait.
    ///
    /// # Errors
    /// When the log can't be read. The same events are asked for again.
    fn next(&mut self, after: u64, max: usize, out: &mut Vec<Recorded>) -> Result<(), SourceError>;

    /// The number of the latest durable event; 0 before the first.
    fn latest(&self) -> u64;
}

/// Why a source has no events to give, though there are some.
pub type SourceError = Box<dyn std::error::Error + Send + Sync>;

impl EventSource for EventReader {
    fn next(&mut self, after: u64, max: usize, out: &mut Vec<Recorded>) -> Result<(), SourceError> {
        Ok(self.read(after, max, out)?)
    }

    fn latest(&self) -> u64 {
        Self::latest(self)
    }
}

impl EventSource for LogEvents {
    fn next(&mut self, after: u64, max: usize, out: &mut Vec<Recorded>) -> Result<(), SourceError> {
        Ok(self.read(after, max, out)?)
    }

    fn latest(&self) -> u64 {
        Self::latest(self)
    }
}
