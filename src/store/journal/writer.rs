//! Appending: records gather in one buffer, a commit makes them durable together.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::RwLock;

use super::disk::{Disk, DiskFile, is_full};
use super::error::{BoxError, JournalError, Result};
use super::prepare::{Preparer, Recipe};
use super::recovery::{self, RecoveryReport};
use super::segment::{self, FrameBuffer, FrameHeader, SegmentHeader};
use super::{LogView, Options, Segment, Shared};

/// The writer of a log. There is one.
///
/// `append` any number of times, then `commit`, once, before anything that follows from the records leaves the process.
pub struct Log {
    view: LogView,
    active: Active,
    preparer: Preparer,
    frame: FrameBuffer,
    next_seq: u64,
    record_bytes_max: usize,
    /// What a segment can hold, so that every commit fits into one.
    frame_bytes_max: u64,
    /// Whether a write or sync has failed, after which nothing is written any more.
    broken: bool,
}

/// The segment that is written to.
struct Active {
    number: u64,
    file: Box<dyn DiskFile>,
    seal: u32,
    len: u64,
    /// Where the next frame goes.
    offset: u64,
}

impl Log {
    /// Recovers the log, or creates it where there is none, hands every record from `from_seq` on to `visit`, and
    /// makes it ready for appending. A torn tail is overwritten with zeros; the report says so.
    ///
    /// `from_seq` follows the snapshot that the caller has; 1 if there is none.
    pub fn open(
        disk: Arc<dyn Disk>, options: &Options, from_seq: u64,
        mut visit: impl FnMut(u64, &[u8]) -> std::result::Result<(), BoxError>,
    ) -> Result<(Self, RecoveryReport)> {
        let frame_bytes_max = options.segment_bytes.saturating_sub(SegmentHeader::LEN as u64);
        let needed = FrameHeader::LEN + segment::record_len(options.record_bytes_max);
        if frame_bytes_max < needed as u64 {
            return Err(JournalError::TooLarge { bytes: needed as u64, limit: frame_bytes_max });
        }
        let recovered = recovery::replay(&*disk, from_seq, &mut visit)?;
        let epoch = recovered.tail.as_ref().map_or(options.epoch, |tail| tail.header.epoch);
        let recipe = Recipe { disk: Arc::clone(&disk), epoch, segment_bytes: options.segment_bytes };
        let (active, segments) = match &recovered.tail {
            Some(tail) => {
                let file = recovery::repair(&*disk, tail)?;
                let active = Active::new(tail.header, file, tail.offset);
                (active, recovered.segments)
            }
            None => {
                let prepared = recipe.make(1).map_err(JournalError::io(&segment::name(1)))?;
                let active = Active::new(prepared.header, prepared.file, SegmentHeader::LEN as u64);
                (active, VecDeque::from([Segment { number: 1, first_seq: 1 }]))
            }
        };
        let last_seq = recovered.report.last_seq;
        let preparer = Preparer::start(recipe, active.number + 1, options.background)?;
        let shared = Shared { disk, durable: AtomicU64::new(last_seq), segments: RwLock::new(segments) };
        let log = Self {
            view: LogView(Arc::new(shared)),
            active,
            preparer,
            frame: FrameBuffer::new(),
            next_seq: last_seq + 1,
            record_bytes_max: options.record_bytes_max,
            frame_bytes_max,
            broken: false,
        };
        Ok((log, recovered.report))
    }

    /// What others may know and do while this one writes.
    pub fn view(&self) -> &LogView {
        &self.view
    }

    /// The sequence number that the next record will get.
    pub fn next_seq(&self) -> u64 {
        self.next_seq
    }

    /// Makes sure that a commit of `records` more records with `payload_bytes` in all will not meet a full disk. Asked
    /// before anything is decided, so that nothing has to be undone.
    pub fn reserve(&mut self, records: usize, payload_bytes: usize) -> Result<()> {
        self.refuse_if_broken()?;
        let overhead = segment::record_len(segment::ALIGNMENT - 1) - (segment::ALIGNMENT - 1) + size_of::<u32>();
        let frame_bytes = self.frame.len() + (records * overhead + payload_bytes) as u64;
        if frame_bytes > self.frame_bytes_max {
            return Err(JournalError::TooLarge { bytes: frame_bytes, limit: self.frame_bytes_max });
        }
        if self.active.has_room(frame_bytes) { Ok(()) } else { self.preparer.wait() }
    }

    /// Adds a record to the pending commit and returns its sequence number. Touches memory only.
    pub fn append(&mut self, payload: &[u8]) -> Result<u64> {
        self.refuse_if_broken()?;
        if payload.len() > self.record_bytes_max {
            return Err(JournalError::TooLarge { bytes: payload.len() as u64, limit: self.record_bytes_max as u64 });
        }
        let frame_bytes = self.frame.len() + segment::record_len(payload.len()) as u64;
        if frame_bytes > self.frame_bytes_max {
            return Err(JournalError::TooLarge { bytes: frame_bytes, limit: self.frame_bytes_max });
        }
        self.frame.push(payload);
        self.next_seq += 1;
        Ok(self.next_seq - 1)
    }

    /// Makes all that was appended durable, with one write and one sync, and returns the last durable record.
    ///
    /// After `StorageFull` the records are still pending and `commit` may be called again; each call tries once to
    /// prepare a segment, and waits for that. After `Fatal` the process must end.
    pub fn commit(&mut self) -> Result<u64> {
        self.refuse_if_broken()?;
        if self.frame.count() == 0 {
            return Ok(self.view.durable_seq());
        }
        if !self.active.has_room(self.frame.len()) {
            let prepared = self.preparer.take()?;
            self.active = Active::new(prepared.header, prepared.file, SegmentHeader::LEN as u64);
        }
        let first_seq = self.next_seq - u64::from(self.frame.count());
        let frame = self.frame.sealed(self.active.seal, first_seq);
        if let Err(error) = self.active.file.write_all_at(frame, self.active.offset) {
            // Some file systems allocate even for written blocks. What was written does not count before the sync,
            // and the next attempt writes over it.
            return Err(if is_full(&error) {
                JournalError::StorageFull { source: error }
            } else {
                self.fail("write", error)
            });
        }
        if let Err(error) = self.active.file.sync() {
            return Err(self.fail("sync", error));
        }
        self.active.offset += self.frame.len();
        self.publish(first_seq);
        self.frame.clear();
        Ok(self.next_seq - 1)
    }

    /// The active segment and where its next frame goes.
    #[cfg(test)]
    pub(super) fn position(&self) -> (u64, u64) {
        (self.active.number, self.active.offset)
    }

    /// Lets the readers see what is durable: first where it is, then that it is.
    fn publish(&self, first_seq: u64) {
        let shared = &self.view.0;
        if shared.first_seq(self.active.number).is_none() {
            shared.segments.write().push_back(Segment { number: self.active.number, first_seq });
        }
        shared.durable.store(self.next_seq - 1, Ordering::Release);
    }

    fn fail(&mut self, doing: &'static str, source: io::Error) -> JournalError {
        self.broken = true;
        JournalError::Fatal { doing, source }
    }

    fn refuse_if_broken(&self) -> Result<()> {
        if self.broken {
            let source = io::Error::other("an earlier write or sync failed");
            return Err(JournalError::Fatal { doing: "go on", source });
        }
        Ok(())
    }
}

impl Active {
    fn new(header: SegmentHeader, file: Box<dyn DiskFile>, offset: u64) -> Self {
        Self { number: header.number, file, seal: header.seal(), len: header.len, offset }
    }

    fn has_room(&self, frame_bytes: u64) -> bool {
        self.offset + frame_bytes <= self.len
    }
}
