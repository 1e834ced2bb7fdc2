//! Finding the end of a log, and telling a torn tail from damage.

use std::collections::VecDeque;

use super::Segment;
use super::disk::{Access, Disk, DiskFile};
use super::error::{BoxError, Flaw, JournalError, Result};
use super::reader::Frames;
use super::segment::{self, ALIGNMENT, Records, SegmentHeader};

/// What recovery found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecoveryReport {
    /// The number of segments that hold records.
    pub segments: usize,
    /// The oldest record that is kept; 1 in an empty log.
    pub first_seq: u64,
    /// The newest; 0 in an empty log.
    pub last_seq: u64,
    /// The number of records handed on.
    pub visited: u64,
    /// What a power cut left of a commit that was never acknowledged, and that is no part of the log.
    pub torn: Option<Torn>,
}

/// Bytes that were cut off the end of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Torn {
    /// File name of the segment.
    pub segment: String,
    /// Where in the file they begin.
    pub offset: u64,
    /// How many there are, up to the last one that is not zero.
    pub bytes: u64,
}

/// Reads the whole log as recovery does, and writes nothing. `from_seq` is as in [`Log::open`](super::Log::open), or 0
/// for the oldest record that is kept.
pub fn verify(
    disk: &dyn Disk, from_seq: u64, mut visit: impl FnMut(u64, &[u8]) -> std::result::Result<(), BoxError>,
) -> Result<RecoveryReport> {
    Ok(replay(disk, from_seq, &mut visit)?.report)
}

/// A log as it was found.
pub(super) struct Recovered {
    pub(super) report: RecoveryReport,
    pub(super) segments: VecDeque<Segment>,
    /// None if there is no segment at all.
    pub(super) tail: Option<Tail>,
}

/// The end of a log.
pub(super) struct Tail {
    pub(super) header: SegmentHeader,
    /// Where the last frame begins, if it is in this segment, and where the next one goes.
    last_frame: u64,
    pub(super) offset: u64,
    /// Where what is not zero ends, and where the file does.
    junk_end: u64,
    file_len: u64,
    /// Segments after it. They hold no record.
    surplus: Vec<u64>,
}

type Visit<'a> = &'a mut dyn FnMut(u64, &[u8]) -> std::result::Result<(), BoxError>;

/// Reads every record that is kept, so that no damage goes unnoticed, and hands those from `from_seq` on to `visit`.
pub(super) fn replay(disk: &dyn Disk, from_seq: u64, visit: Visit<'_>) -> Result<Recovered> {
    let mut later = segment_numbers(disk)?;
    let mut walk = Walk { from_seq, visit, next_seq: None, last_frame: None, segments: VecDeque::new(), visited: 0 };
    let mut report = RecoveryReport { first_seq: 1, ..RecoveryReport::default() };
    let mut tail = None;
    if let Some(oldest) = later.pop_front() {
        // Only the first segment ever may be without records: `trim` leaves one that has some.
        walk.next_seq = (oldest == 1).then_some(1);
        let mut frames = Frames::open(disk, oldest)?;
        let (mut offset, mut flaw) = walk.segment(&mut frames)?;
        while let Some(next) = walk.following(disk, &frames, &flaw, &mut later)? {
            frames = next;
            (offset, flaw) = walk.segment(&mut frames)?;
        }
        let Some(next_seq) = walk.next_seq else { return Err(damaged(frames.name, offset, flaw)) };
        report.segments = walk.segments.len();
        report.first_seq = walk.segments.front().map_or(1, |oldest| oldest.first_seq);
        report.last_seq = next_seq - 1;
        report.visited = walk.visited;
        let number = frames.header.number;
        if walk.segments.back().is_none_or(|last| last.number != number) {
            walk.segments.push_back(Segment { number, first_seq: next_seq });
        }
        let (mut end, torn) = examine_tail(disk, frames, offset, flaw, later)?;
        end.last_frame = walk.last_frame.unwrap_or(offset);
        report.torn = torn;
        tail = Some(end);
    }
    if from_seq > report.last_seq + 1 {
        return Err(JournalError::Missing { wanted: from_seq, first: report.first_seq, last: report.last_seq });
    }
    Ok(Recovered { report, segments: walk.segments, tail })
}

/// Makes the end of the log clean, and opens it for appending.
pub(super) fn repair(disk: &dyn Disk, tail: &Tail) -> Result<Box<dyn DiskFile>> {
    // Newest first: there must never be a gap.
    for number in tail.surplus.iter().rev() {
        let name = segment::name(*number);
        disk.remove(&name).map_err(JournalError::io(&name))?;
    }
    let name = segment::name(tail.header.number);
    let file = disk.open(&name, Access::Write).map_err(JournalError::io(&name))?;
    let clean = |from: u64, to: u64| file.write_all_at(&vec![0; to.saturating_sub(from) as usize], from);
    let cleaned = clean(tail.offset, tail.junk_end)
        .and_then(|()| clean(tail.file_len.max(tail.offset), tail.header.len))
        .and_then(|()| {
            // The last frame may be in the page cache only: its writer was killed before the sync, or the sync failed, after
            // which the kernel takes its pages for clean. Only writing it again makes the next sync mean it.
            let mut frame = vec![0; (tail.offset - tail.last_frame) as usize];
            file.read_full_at(&mut frame, tail.last_frame)?;
            file.write_all_at(&frame, tail.last_frame)
        })
        .and_then(|()| file.sync());
    cleaned.map_err(JournalError::io(&name))?;
    Ok(file)
}

/// The numbers of all segments, oldest first.
fn segment_numbers(disk: &dyn Disk) -> Result<VecDeque<u64>> {
    let names = disk.list().map_err(JournalError::io("the data directory"))?;
    let mut numbers: Vec<u64> = names.iter().filter_map(|name| segment::number(name)).collect();
    numbers.sort_unstable();
    match numbers.windows(2).find(|pair| pair[1] != pair[0] + 1) {
        Some(pair) => Err(damaged(segment::name(pair[0] + 1), 0, Flaw::MissingSegment)),
        None => Ok(numbers.into()),
    }
}

/// The way through the frames, from the oldest segment to the end.
struct Walk<'a> {
    from_seq: u64,
    visit: Visit<'a>,
    /// None until the first frame of a log that was trimmed.
    next_seq: Option<u64>,
    /// Where the last frame begins, if the segment at hand has one.
    last_frame: Option<u64>,
    segments: VecDeque<Segment>,
    visited: u64,
}

impl Walk<'_> {
    /// Goes through the frames of one segment, and says where and why they end.
    fn segment(&mut self, frames: &mut Frames) -> Result<(u64, Flaw)> {
        let mut offset = SegmentHeader::LEN as u64;
        let (number, name) = (frames.header.number, frames.name.clone());
        self.last_frame = None;
        loop {
            let (frame, body) = match frames.frame_at(offset) {
                Ok(frame) => frame,
                Err(flaw) => return Ok((offset, flaw)),
            };
            let expected = self.next_seq.unwrap_or(frame.first_seq);
            if frame.first_seq != expected {
                return Ok((offset, Flaw::Gap { expected, found: frame.first_seq }));
            }
            if self.segments.is_empty() && (1..frame.first_seq).contains(&self.from_seq) {
                let (first, last) = (frame.first_seq, frame.next_seq() - 1);
                return Err(JournalError::Missing { wanted: self.from_seq, first, last });
            }
            if offset == SegmentHeader::LEN as u64 {
                self.segments.push_back(Segment { number, first_seq: frame.first_seq });
            }
            for (seq, payload) in (frame.first_seq..).zip(Records::of(body)).filter(|(seq, _)| *seq >= self.from_seq) {
                let refused = |why| JournalError::Rejected { segment: name.clone(), offset, seq, why };
                (self.visit)(seq, payload).map_err(refused)?;
                self.visited += 1;
            }
            self.next_seq = Some(frame.next_seq());
            self.last_frame = Some(offset);
            offset += frame.frame_len();
        }
    }

    /// The next segment, if the log goes on there after `frames` ended with `flaw`.
    ///
    /// It does if its first frame is the one that is due: then nothing is missing, whatever the unused rest of
    /// this segment holds. And it does if this segment ends cleanly and the next one does not begin so: then
    /// the flaw is there.
    fn following(
        &self, disk: &dyn Disk, frames: &Frames, flaw: &Flaw, later: &mut VecDeque<u64>,
    ) -> Result<Option<Frames>> {
        let Some(number) = later.front() else { return Ok(None) };
        let mut next = open_next(disk, *number, frames)?;
        let goes_on = match next.header_at(SegmentHeader::LEN as u64) {
            Ok(frame) => Some(frame.first_seq) == self.next_seq,
            Err(Flaw::Blank) => false,
            Err(_) => matches!(flaw, Flaw::Blank),
        };
        Ok(goes_on.then(|| {
            later.pop_front();
            next
        }))
    }
}

/// Decides whether the log may end at `offset`: it may unless there is an intact frame further on.
fn examine_tail(
    disk: &dyn Disk, mut frames: Frames, offset: u64, flaw: Flaw, later: VecDeque<u64>,
) -> Result<(Tail, Option<Torn>)> {
    if matches!(flaw, Flaw::Unreadable(_)) {
        return Err(damaged(frames.name, offset, flaw));
    }
    let here = survey(&mut frames, offset)?;
    let mut intact = here.intact.is_some();
    let mut torn = here.torn(&frames, offset);
    for number in &later {
        if intact {
            break;
        }
        let mut beyond = open_next(disk, *number, &frames)?;
        let begin = SegmentHeader::LEN as u64;
        let found = survey(&mut beyond, begin)?;
        if found.intact.is_some_and(|place| place > begin) && matches!(flaw, Flaw::Blank) {
            // A segment is filled from its beginning, so it is there that something is missing.
            return Err(damaged(beyond.name, begin, flaw));
        }
        intact = found.intact.is_some();
        torn = torn.or(found.torn(&beyond, begin));
    }
    if intact {
        return Err(damaged(frames.name, offset, flaw));
    }
    let file_len = frames.file_len()?;
    let (header, junk_end) = (frames.header, here.junk_end);
    let tail = Tail { header, last_frame: offset, offset, junk_end, file_len, surplus: later.into() };
    Ok((tail, torn))
}

/// What the unwritten part of a segment holds.
struct Survey {
    /// Where an intact frame begins.
    intact: Option<u64>,
    /// Where what is not zero ends.
    junk_end: u64,
}

impl Survey {
    fn torn(&self, frames: &Frames, offset: u64) -> Option<Torn> {
        let bytes = self.junk_end - offset;
        (bytes > 0).then(|| Torn { segment: frames.name.clone(), offset, bytes })
    }
}

/// Looks for an intact frame at every place from `offset` on where one could be.
fn survey(frames: &mut Frames, offset: u64) -> Result<Survey> {
    const PIECE: usize = 4 << 10;
    let mut junk_end = offset;
    let mut at = offset;
    loop {
        let number = frames.header.number;
        let failed = |source| JournalError::Io { name: segment::name(number), source };
        let piece = frames.bytes_at(at, PIECE).map_err(failed)?;
        if piece.is_empty() {
            return Ok(Survey { intact: None, junk_end });
        }
        let next = at + piece.len() as u64;
        if let Some(last) = piece.iter().rposition(|byte| *byte != 0) {
            junk_end = at + last as u64 + 1;
            let intact = (at..junk_end).step_by(ALIGNMENT).find(|place| frames.frame_at(*place).is_ok());
            if intact.is_some() {
                return Ok(Survey { intact, junk_end });
            }
        }
        at = next;
    }
}

/// Opens a further segment of the log that `frames` belongs to.
fn open_next(disk: &dyn Disk, number: u64, frames: &Frames) -> Result<Frames> {
    let next = Frames::open(disk, number)?;
    if next.header.epoch != frames.header.epoch {
        return Err(damaged(next.name, 0, Flaw::Foreign));
    }
    Ok(next)
}

fn damaged(segment: String, offset: u64, flaw: Flaw) -> JournalError {
    JournalError::Damaged { segment, offset, flaw }
}
