//! Reading: frames of one segment, and records across segments beside a writer.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::disk::{Access, Disk, DiskFile};
use super::error::{Flaw, JournalError, Result};
use super::segment::{self, FrameHeader, SegmentHeader};
use super::{LogView, Shared};

/// The frames of one segment, read in large pieces.
pub(super) struct Frames {
    pub(super) header: SegmentHeader,
    pub(super) name: String,
    file: Box<dyn DiskFile>,
    seal: u32,
    /// What was read ahead.
    bytes: Vec<u8>,
    /// Where in the file that begins.
    start: u64,
    /// How much to read at once: little behind a writer, where there is no more, and twice as much each time.
    read_ahead: usize,
}

const READ_AHEAD_MIN: usize = 8 << 10;
const READ_AHEAD_MAX: usize = 512 << 10;

impl Frames {
    /// Opens a segment and checks its header.
    pub(super) fn open(disk: &dyn Disk, number: u64) -> Result<Self> {
        let name = segment::name(number);
        let file = disk.open(&name, Access::Read).map_err(JournalError::io(&name))?;
        let mut head = [0; SegmentHeader::LEN];
        let flaw = match file.read_full_at(&mut head, 0) {
            Err(error) => Flaw::Unreadable(error),
            Ok(read) => match SegmentHeader::decode(&head[..read]) {
                Ok(Err(found)) => return Err(JournalError::OtherRelease { name, found, known: segment::VERSION }),
                Ok(Ok(header)) if header.number == number => {
                    let (seal, bytes) = (header.seal(), Vec::new());
                    return Ok(Self { header, name, file, seal, bytes, start: 0, read_ahead: READ_AHEAD_MIN });
                }
                Ok(_) => Flaw::Foreign,
                Err(flaw) => flaw,
            },
        };
        Err(JournalError::Damaged { segment: name, offset: 0, flaw })
    }

    /// The header at `offset`, if there is a frame.
    pub(super) fn header_at(&mut self, offset: u64) -> std::result::Result<FrameHeader, Flaw> {
        let seal = self.seal;
        FrameHeader::decode(self.bytes_at(offset, FrameHeader::LEN).map_err(Flaw::Unreadable)?, seal)
    }

    /// The intact frame at `offset`: its header and its body.
    pub(super) fn frame_at(&mut self, offset: u64) -> std::result::Result<(FrameHeader, &[u8]), Flaw> {
        let header = self.header_at(offset)?;
        if offset + header.frame_len() > self.header.len {
            return Err(Flaw::FrameBody);
        }
        let seal = self.seal;
        let frame = self.bytes_at(offset, header.frame_len() as usize).map_err(Flaw::Unreadable)?;
        let body = frame.get(FrameHeader::LEN..).ok_or(Flaw::FrameBody)?;
        header.check(body, seal)?;
        Ok((header, body))
    }

    /// `len` bytes from `offset`, fewer where the file ends.
    pub(super) fn bytes_at(&mut self, offset: u64, len: usize) -> io::Result<&[u8]> {
        let end = offset + len as u64;
        if offset < self.start || end > self.start + self.bytes.len() as u64 {
            self.bytes.resize(len.max(self.read_ahead), 0);
            self.read_ahead = (self.read_ahead * 2).min(READ_AHEAD_MAX);
            self.start = offset;
            let read = self.file.read_full_at(&mut self.bytes, offset);
            self.bytes.truncate(*read.as_ref().unwrap_or(&0));
            read?;
        }
        let from = (offset - self.start) as usize;
        Ok(&self.bytes[from..self.bytes.len().min(from + len)])
    }

    /// Length of the file as it is, which a copy may have cut.
    pub(super) fn file_len(&self) -> Result<u64> {
        self.file.size().map_err(JournalError::io(&self.name))
    }

    /// Forgets what was read ahead: it may have been read before it was written.
    fn forget(&mut self) {
        self.bytes.clear();
        self.read_ahead = READ_AHEAD_MIN;
    }
}

/// Reads records in order while the writer goes on appending, and never one that is not durable.
pub struct Reader {
    log: Arc<Shared>,
    frames: Frames,
    /// Where the next frame begins, and the sequence number it begins with.
    next_frame: (u64, u64),
    /// Where the next record of the current frame begins.
    record_at: u64,
    /// The next record, and the first after the current frame.
    seq: u64,
    frame_end_seq: u64,
    /// What was durable before the bytes at hand were read: records up to here are all there.
    read_when_durable: u64,
}

impl Reader {
    pub(super) fn open(view: &LogView, from_seq: u64) -> Result<Self> {
        let log = Arc::clone(&view.0);
        let last = log.durable.load(Ordering::Acquire);
        let (first, segment) = {
            let segments = log.segments.read();
            let segment = segments.iter().rev().find(|segment| segment.first_seq <= from_seq).copied();
            (segments.front().map_or(1, |oldest| oldest.first_seq), segment)
        };
        let missing = || JournalError::Missing { wanted: from_seq, first, last };
        let segment = segment.filter(|_| from_seq <= last + 1).ok_or_else(missing)?;
        let frames = Frames::open(&*log.disk, segment.number).map_err(|error| match error {
            JournalError::Io { source, .. } if source.kind() == io::ErrorKind::NotFound => missing(),
            other => other,
        })?;
        let begin = SegmentHeader::LEN as u64;
        let seq = segment.first_seq;
        let mut reader = Self {
            log,
            frames,
            next_frame: (begin, seq),
            record_at: begin,
            seq,
            frame_end_seq: seq,
            read_when_durable: 0,
        };
        while reader.seq < from_seq && reader.next()?.is_some() {}
        Ok(reader)
    }

    /// The sequence number of the record that `next` gives next.
    pub fn seq(&self) -> u64 {
        self.seq
    }

    /// The next record, or none as long as it is not durable.
    #[allow(clippy::should_implement_trait, reason = "lends from its buffer, which no `Iterator` can")]
    pub fn next(&mut self) -> Result<Option<(u64, &[u8])>> {
        if self.seq == self.frame_end_seq && !self.load_frame()? {
            return Ok(None);
        }
        // The frame was checked as a whole and is in memory.
        let (seq, at) = (self.seq, self.record_at);
        let number = self.frames.header.number;
        let failed = |source| JournalError::Io { name: segment::name(number), source };
        let len = self.frames.bytes_at(at, size_of::<u32>()).map_err(failed)?;
        let len = u32::from_le_bytes(len.try_into().expect("a checked body holds whole records")) as usize;
        self.seq += 1;
        self.record_at += segment::record_len(len) as u64;
        let payload = self.frames.bytes_at(at + size_of::<u32>() as u64, len).map_err(failed)?;
        Ok(Some((seq, payload)))
    }

    /// Goes on to the next frame if it is durable.
    fn load_frame(&mut self) -> Result<bool> {
        let durable = self.log.durable.load(Ordering::Acquire);
        let (mut offset, expected) = self.next_frame;
        if expected > durable {
            return Ok(false);
        }
        if expected > self.read_when_durable {
            self.frames.forget();
            self.read_when_durable = durable;
        }
        let number = self.frames.header.number + 1;
        if self.log.first_seq(number) == Some(expected) {
            self.frames = Frames::open(&*self.log.disk, number)?;
            offset = SegmentHeader::LEN as u64;
        }
        let flaw = match self.frames.frame_at(offset) {
            Ok((frame, _)) if frame.first_seq == expected => {
                self.record_at = offset + FrameHeader::LEN as u64;
                self.frame_end_seq = frame.next_seq();
                self.next_frame = (offset + frame.frame_len(), frame.next_seq());
                return Ok(true);
            }
            Ok((frame, _)) => Flaw::Gap { expected, found: frame.first_seq },
            Err(flaw) => flaw,
        };
        Err(JournalError::Damaged { segment: self.frames.name.clone(), offset, flaw })
    }
}
