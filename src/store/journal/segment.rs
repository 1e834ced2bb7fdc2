//! The bytes of a segment: its name, its header, and the frames in it.

use crc32fast::Hasher;

use super::error::Flaw;

const MAGIC: [u8; 8] = *b"LIVEROOM";
/// Counted up when the bytes change, or what the store's records in them mean: those have no version of their own.
pub(super) const VERSION: u32 = 3;

/// Everything in a segment begins at a multiple of this.
pub(super) const ALIGNMENT: usize = 8;

/// File name of a segment.
pub(super) fn name(number: u64) -> String {
    format!("segment-{number:010}.log")
}

/// The number in a segment's file name.
pub(super) fn number(file: &str) -> Option<u64> {
    let number = file.strip_prefix("segment-")?.strip_suffix(".log")?.parse().ok()?;
    (name(number) == file).then_some(number)
}

/// The first bytes of a segment. Little endian:
///
/// | at | bytes | |
/// |---|---|---|
/// | 0 | 8 | `LIVEROOM` |
/// | 8 | 4 | format version, 3 |
/// | 12 | 4 | CRC-32 of the other bytes |
/// | 16 | 8 | epoch: drawn when the log was created, the same in all its segments |
/// | 24 | 8 | number of the segment: 1, 2, … without a gap |
/// | 32 | 8 | length of the file |
///
/// The rest is zeros until frames are written into it. The header is durable before the file gets its name, so that
/// a header that does not hold is never the trace of a power cut. For the same reason it does not name the first
/// record, which nobody knows when a segment is prepared: the first frame does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SegmentHeader {
    pub(super) epoch: u64,
    pub(super) number: u64,
    pub(super) len: u64,
}

impl SegmentHeader {
    pub(super) const LEN: usize = 40;

    pub(super) fn encode(&self) -> [u8; Self::LEN] {
        let mut bytes = [0; Self::LEN];
        bytes[..8].copy_from_slice(&MAGIC);
        bytes[8..12].copy_from_slice(&VERSION.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.epoch.to_le_bytes());
        bytes[24..32].copy_from_slice(&self.number.to_le_bytes());
        bytes[32..].copy_from_slice(&self.len.to_le_bytes());
        let crc = Self::crc(&bytes);
        bytes[12..16].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    /// The header, or the version that it is of if that is another.
    pub(super) fn decode(bytes: &[u8]) -> Result<Result<Self, u32>, Flaw> {
        let bytes: &[u8; Self::LEN] = bytes.first_chunk().ok_or(Flaw::SegmentHeader)?;
        if bytes[..8] != MAGIC || u32_at(bytes, 12) != Self::crc(bytes) {
            return Err(Flaw::SegmentHeader);
        }
        Ok(match u32_at(bytes, 8) {
            VERSION => Ok(Self { epoch: u64_at(bytes, 16), number: u64_at(bytes, 24), len: u64_at(bytes, 32) }),
            other => Err(other),
        })
    }

    /// What every checksum of the segment starts from, so that bytes of another log or segment, or a payload that
    /// looks like a frame, never pass for a frame of this one.
    pub(super) fn seal(&self) -> u32 {
        let mut crc = Hasher::new();
        crc.update(&self.epoch.to_le_bytes());
        crc.update(&self.number.to_le_bytes());
        crc.finalize()
    }

    fn crc(bytes: &[u8; Self::LEN]) -> u32 {
        let mut crc = Hasher::new();
        crc.update(&bytes[..12]);
        crc.update(&bytes[16..]);
        crc.finalize()
    }
}

/// Begins a frame: what one commit writes. Little endian:
///
/// | at | bytes | |
/// |---|---|---|
/// | 0 | 4 | length of the body, a multiple of 8 |
/// | 4 | 4 | number of records in the body, at least 1 |
/// | 8 | 8 | sequence number of the first record |
/// | 16 | 4 | CRC-32 of the body |
/// | 20 | 4 | CRC-32 of the 20 bytes before |
///
/// The body is the records, one after the other: length (4 bytes), payload, zeros up to a multiple of 8. Both
/// checksums start from the segment's seal, and every byte is under one of them.
///
/// A frame is never split over segments and is synced before the next one is written. So a power cut can harm the last
/// frame only, and a flaw with an intact frame anywhere after it is damage. Were each record framed on its own,
/// the two could not be told apart: the pages of one write reach the disk in any order, and a later record
/// of the commit may be there where an earlier one is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FrameHeader {
    pub(super) body_len: u32,
    pub(super) count: u32,
    pub(super) first_seq: u64,
    body_crc: u32,
}

impl FrameHeader {
    pub(super) const LEN: usize = 24;

    fn encode(&self, seal: u32) -> [u8; Self::LEN] {
        let mut bytes = [0; Self::LEN];
        bytes[..4].copy_from_slice(&self.body_len.to_le_bytes());
        bytes[4..8].copy_from_slice(&self.count.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.first_seq.to_le_bytes());
        bytes[16..20].copy_from_slice(&self.body_crc.to_le_bytes());
        let crc = crc(seal, &bytes[..20]);
        bytes[20..].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    /// Decodes what may be a header. Fewer bytes than a header has are the end of the file.
    pub(super) fn decode(bytes: &[u8], seal: u32) -> Result<Self, Flaw> {
        if bytes.iter().take(Self::LEN).all(|byte| *byte == 0) {
            return Err(Flaw::Blank);
        }
        let bytes: &[u8; Self::LEN] = bytes.first_chunk().ok_or(Flaw::FrameHeader)?;
        let header = Self {
            body_len: u32_at(bytes, 0),
            count: u32_at(bytes, 4),
            first_seq: u64_at(bytes, 8),
            body_crc: u32_at(bytes, 16),
        };
        let sound = header.count > 0 && (header.body_len as usize).is_multiple_of(ALIGNMENT);
        if sound && u32_at(bytes, 20) == crc(seal, &bytes[..20]) { Ok(header) } else { Err(Flaw::FrameHeader) }
    }

    /// Checks the body, and that it is made of `count` records, so that it can be walked without looking back.
    pub(super) fn check(&self, body: &[u8], seal: u32) -> Result<(), Flaw> {
        if body.len() != self.body_len as usize || crc(seal, body) != self.body_crc {
            return Err(Flaw::FrameBody);
        }
        let mut records = Records { body };
        let whole = records.by_ref().take(self.count as usize).count() == self.count as usize;
        if whole && records.body.is_empty() { Ok(()) } else { Err(Flaw::FrameBody) }
    }

    /// Length of the whole frame.
    pub(super) fn frame_len(&self) -> u64 {
        Self::LEN as u64 + u64::from(self.body_len)
    }

    /// Sequence number after the last record.
    pub(super) fn next_seq(&self) -> u64 {
        self.first_seq + u64::from(self.count)
    }
}

/// The payloads in a frame's body.
pub(super) struct Records<'a> {
    body: &'a [u8],
}

impl<'a> Records<'a> {
    pub(super) fn of(body: &'a [u8]) -> Self {
        Self { body }
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let (len, rest) = self.body.split_first_chunk()?;
        let payload = rest.get(..u32::from_le_bytes(*len) as usize)?;
        self.body = self.body.get(record_len(payload.len())..)?;
        Some(payload)
    }
}

/// The bytes that a payload takes in a body.
pub(super) fn record_len(payload_len: usize) -> usize {
    (size_of::<u32>() + payload_len).next_multiple_of(ALIGNMENT)
}

/// A frame in the making. The one buffer serves all commits.
pub(super) struct FrameBuffer {
    bytes: Vec<u8>,
    count: u32,
}

impl FrameBuffer {
    pub(super) fn new() -> Self {
        Self { bytes: vec![0; FrameHeader::LEN], count: 0 }
    }

    pub(super) fn push(&mut self, payload: &[u8]) {
        let end = self.bytes.len() + record_len(payload.len());
        self.bytes.extend_from_slice(&(payload.len() as u32).to_le_bytes());
        self.bytes.extend_from_slice(payload);
        self.bytes.resize(end, 0);
        self.count += 1;
    }

    pub(super) fn count(&self) -> u32 {
        self.count
    }

    /// Length of the frame so far.
    pub(super) fn len(&self) -> u64 {
        self.bytes.len() as u64
    }

    /// The frame as it is to be written. More records may follow if it was not.
    pub(super) fn sealed(&mut self, seal: u32, first_seq: u64) -> &[u8] {
        let (header, body) = self.bytes.split_at_mut(FrameHeader::LEN);
        let body_crc = crc(seal, body);
        let fields = FrameHeader { body_len: body.len() as u32, count: self.count, first_seq, body_crc };
        header.copy_from_slice(&fields.encode(seal));
        &self.bytes
    }

    pub(super) fn clear(&mut self) {
        self.bytes.truncate(FrameHeader::LEN);
        self.count = 0;
    }
}

fn crc(seal: u32, bytes: &[u8]) -> u32 {
    let mut crc = Hasher::new_with_initial(seal);
    crc.update(bytes);
    crc.finalize()
}

fn u32_at<const N: usize>(bytes: &[u8; N], at: usize) -> u32 {
    u32::from_le_bytes(std::array::from_fn(|i| bytes[at + i]))
}

fn u64_at<const N: usize>(bytes: &[u8; N], at: usize) -> u64 {
    u64::from_le_bytes(std::array::from_fn(|i| bytes[at + i]))
}
