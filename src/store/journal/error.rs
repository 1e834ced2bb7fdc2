//! What can go wrong with the journal, and what the caller may do about it.

use std::error::Error;
use std::io;
use std::path::PathBuf;

/// The result of a journal operation.
pub type Result<T> = std::result::Result<T, JournalError>;

/// A reason of the caller's own, e.g. a payload that does not decode.
pub type BoxError = Box<dyn Error + Send + Sync>;

/// A journal operation that failed.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// Somebody else has the data directory open.
    #[error("{} is in use by another process", dir.display())]
    Locked {
        /// The data directory.
        dir: PathBuf,
    },
    /// The disk refused an operation that leaves the journal as it was.
    #[error("{name}: {source}")]
    Io {
        /// The file or directory.
        name: String,
        /// What the operating system said.
        source: io::Error,
    },
    /// Something that was durable is no longer what it was. A start must not go on from here.
    #[error("{segment} is damaged at offset {offset}: {flaw}")]
    Damaged {
        /// File name of the segment.
        segment: String,
        /// Where in the file.
        offset: u64,
        /// What is wrong there.
        flaw: Flaw,
    },
    /// What is there is intact, and was written by a release whose format is another. It must be read by that.
    #[error("{name} is of another release: its format is version {found}, this one reads version {known}")]
    OtherRelease {
        /// The file.
        name: String,
        /// Its format.
        found: u32,
        /// The format that this release writes and reads.
        known: u32,
    },
    /// The caller could not take a record that is intact.
    #[error("{segment}, offset {offset}: record {seq} was refused: {why}")]
    Rejected {
        /// File name of the segment.
        segment: String,
        /// Where the frame that holds the record begins.
        offset: u64,
        /// Sequence number of the record.
        seq: u64,
        /// What the caller said.
        why: BoxError,
    },
    /// The log does not reach the record at which reading was to begin: segments were removed or lost.
    #[error("record {wanted} was asked for, the log holds {first} to {last}")]
    Missing {
        /// The first record wanted.
        wanted: u64,
        /// The oldest record there is.
        first: u64,
        /// The newest record there is.
        last: u64,
    },
    /// There is no room for the commit and no further segment could be prepared. Nothing is lost: what was
    /// appended stays pending, and `commit` may be called again.
    #[error("no further segment could be prepared: {source}")]
    StorageFull {
        /// What the operating system said.
        source: io::Error,
    },
    /// The record, or the commit that it would be part of, exceeds its bound. Nothing was appended.
    #[error("{bytes} bytes exceed the limit of {limit}")]
    TooLarge {
        /// Size asked for.
        bytes: u64,
        /// Size allowed.
        limit: u64,
    },
    /// A write or a sync failed, so nobody knows what the disk holds. The process must end; only recovery, which
    /// reads the disk again, can tell what is durable.
    #[error("the journal failed to {doing}: {source}")]
    Fatal {
        /// What was being done.
        doing: &'static str,
        /// What the operating system said.
        source: io::Error,
    },
}

impl JournalError {
    /// Whether the process must end, because what is durable is no longer known.
    pub fn is_fatal(&self) -> bool {
        matches!(self, Self::Fatal { .. })
    }

    pub(super) fn io(name: &str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { name: name.to_owned(), source }
    }
}

/// What is wrong with the bytes at a place.
#[derive(Debug, thiserror::Error)]
pub enum Flaw {
    /// Zeros where a frame should begin. At the end of a log this is no flaw.
    #[error("a record is missing here")]
    Blank,
    /// A frame's header fails its checksum or contradicts itself.
    #[error("the frame header is corrupt")]
    FrameHeader,
    /// A frame's records fail their checksum, or the file ends before they do.
    #[error("the records are corrupt")]
    FrameBody,
    /// An intact frame that is not the next one.
    #[error("record {found} follows where {expected} is due")]
    Gap {
        /// The sequence number that is due.
        expected: u64,
        /// The one found.
        found: u64,
    },
    /// The segment's header fails its checksum, or is not one.
    #[error("the segment header is corrupt")]
    SegmentHeader,
    /// The segment belongs to another log, or bears another number than its name.
    #[error("the segment does not belong here")]
    Foreign,
    /// The file is not there, and later ones are.
    #[error("the segment is missing")]
    MissingSegment,
    /// The disk cannot read it.
    #[error("unreadable: {0}")]
    Unreadable(io::Error),
}
