//! Snapshots: what all records up to one amount to, so that recovery need not begin with the first.
//!
//! Little endian. A header of 32 bytes: `LIVESNAP`, format version (4 bytes), CRC-32 of the rest of the header
//! (4 bytes), sequence number of the last record included (8), zeros (8). Then chunks: length (4 bytes), CRC-32
//! (4 bytes), content. The last chunk is empty. Each checksum is of the length and the content and starts
//! from the one before, so that no chunk can be changed, lost, repeated or exchanged unnoticed.
//!
//! The newest two are kept. If the newest does not hold, recovery begins with the one before, and with the records
//! since, which therefore must not be trimmed: [`write()`] says how far trimming may go.

use std::io::{self, Read, Write};

use crc32fast::Hasher;

use super::disk::{Access, Disk, DiskFile};
use super::error::{JournalError, Result};

const MAGIC: [u8; 8] = *b"LIVESNAP";
/// Counted up as that of segments is.
const VERSION: u32 = 3;
const HEADER_LEN: usize = 32;
const CHUNK_HEADER_LEN: usize = 8;
const CHUNK_LEN_MAX: usize = 256 << 10;
const KEPT: usize = 2;

/// What [`newest`] found.
#[derive(Debug)]
pub struct Found<T> {
    /// The newest snapshot that holds, and the last record it includes; none if there is none.
    pub snapshot: Option<(u64, T)>,
    /// Newer ones that do not, newest first.
    pub rejected: Vec<Rejected>,
}

/// A snapshot that could not be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejected {
    /// Its file name.
    pub name: String,
    /// What is wrong with it.
    pub why: String,
}

/// Writes a snapshot that includes all records up to `seq`, then removes those that are superseded. Returns the
/// sequence number up to which the log may be trimmed as far as snapshots are concerned.
pub fn write(disk: &dyn Disk, seq: u64, fill: &mut dyn FnMut(&mut dyn Write) -> io::Result<()>) -> Result<u64> {
    let name = name(seq);
    disk.replace(&name, &mut |file| {
        let header = header(seq, VERSION);
        file.write_all(&header)?;
        let mut chunks = ChunkWriter { file, crc: crc(0, &[&header]), content: Vec::with_capacity(CHUNK_LEN_MAX) };
        fill(&mut chunks)?;
        chunks.finish()
    })
    .map_err(JournalError::io(&name))?;
    let kept = seqs(disk)?;
    for old in kept.iter().skip(KEPT) {
        let name = self::name(*old);
        disk.remove(&name).map_err(JournalError::io(&name))?;
    }
    Ok(kept.get(KEPT - 1).copied().unwrap_or(0))
}

/// Reads the newest snapshot that holds. `decode` gets its sequence number and its content, and is asked again with an
/// older one if it fails or if the content turns out to be damaged. Writes nothing.
pub fn newest<T>(disk: &dyn Disk, decode: impl FnMut(u64, &mut dyn Read) -> io::Result<T>) -> Result<Found<T>> {
    first(disk, seqs(disk)?, decode)
}

/// Reads the oldest snapshot that holds: all records since are still in the log. Writes nothing.
pub fn oldest<T>(disk: &dyn Disk, decode: impl FnMut(u64, &mut dyn Read) -> io::Result<T>) -> Result<Found<T>> {
    let mut seqs = seqs(disk)?;
    seqs.reverse();
    first(disk, seqs, decode)
}

fn first<T>(
    disk: &dyn Disk, seqs: Vec<u64>, mut decode: impl FnMut(u64, &mut dyn Read) -> io::Result<T>,
) -> Result<Found<T>> {
    let mut rejected = Vec::new();
    for seq in seqs {
        let name = name(seq);
        match read(disk, &name, seq, &mut decode) {
            Ok(content) => return Ok(Found { snapshot: Some((seq, content)), rejected }),
            Err(Unread::OtherRelease(found)) => {
                return Err(JournalError::OtherRelease { name, found, known: VERSION });
            }
            Err(Unread::Damaged(error)) => rejected.push(Rejected { name, why: error.to_string() }),
        }
    }
    Ok(Found { snapshot: None, rejected })
}

/// Why a snapshot is of no use.
enum Unread {
    /// It holds, and is of this version.
    OtherRelease(u32),
    Damaged(io::Error),
}

impl From<io::Error> for Unread {
    fn from(error: io::Error) -> Self {
        Self::Damaged(error)
    }
}

fn read<T>(
    disk: &dyn Disk, name: &str, seq: u64, decode: &mut dyn FnMut(u64, &mut dyn Read) -> io::Result<T>,
) -> std::result::Result<T, Unread> {
    let file = disk.open(name, Access::Read)?;
    let mut bytes = [0; HEADER_LEN];
    file.read_full_at(&mut bytes, 0)?;
    if bytes != header(seq, VERSION) {
        let [.., a, b, c, d] = bytes[..12] else { return Err(corrupt(0).into()) };
        let version = u32::from_le_bytes([a, b, c, d]);
        return Err(if bytes == header(seq, version) { Unread::OtherRelease(version) } else { corrupt(0).into() });
    }
    let crc = crc(0, &[&bytes]);
    let mut chunks = ChunkReader { file, offset: HEADER_LEN as u64, crc, content: Vec::new(), taken: 0, ended: false };
    let content = decode(seq, &mut chunks)?;
    // What the decoder left is checked nevertheless.
    io::copy(&mut chunks, &mut io::sink())?;
    Ok(content)
}

fn name(seq: u64) -> String {
    format!("snapshot-{seq:020}.snap")
}

/// The sequence numbers of all snapshots, newest first.
fn seqs(disk: &dyn Disk) -> Result<Vec<u64>> {
    let names = disk.list().map_err(JournalError::io("the data directory"))?;
    let seq = |file: &String| {
        let seq = file.strip_prefix("snapshot-")?.strip_suffix(".snap")?.parse().ok()?;
        (name(seq) == *file).then_some(seq)
    };
    let mut seqs: Vec<u64> = names.iter().filter_map(seq).collect();
    seqs.sort_unstable_by(|a, b| b.cmp(a));
    Ok(seqs)
}

fn header(seq: u64, version: u32) -> [u8; HEADER_LEN] {
    let mut bytes = [0; HEADER_LEN];
    bytes[..8].copy_from_slice(&MAGIC);
    bytes[8..12].copy_from_slice(&version.to_le_bytes());
    bytes[16..24].copy_from_slice(&seq.to_le_bytes());
    let crc = crc(0, &[&bytes[..12], &bytes[16..]]);
    bytes[12..16].copy_from_slice(&crc.to_le_bytes());
    bytes
}

fn crc(before: u32, parts: &[&[u8]]) -> u32 {
    let mut crc = Hasher::new_with_initial(before);
    parts.iter().for_each(|part| crc.update(part));
    crc.finalize()
}

fn corrupt(offset: u64) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("corrupt at offset {offset}"))
}

struct ChunkWriter<'a> {
    file: &'a mut dyn Write,
    crc: u32,
    content: Vec<u8>,
}

impl ChunkWriter<'_> {
    fn put(&mut self) -> io::Result<()> {
        let len = (self.content.len() as u32).to_le_bytes();
        self.crc = crc(self.crc, &[&len, &self.content]);
        self.file.write_all(&len)?;
        self.file.write_all(&self.crc.to_le_bytes())?;
        self.file.write_all(&self.content)?;
        self.content.clear();
        Ok(())
    }

    fn finish(mut self) -> io::Result<()> {
        if !self.content.is_empty() {
            self.put()?;
        }
        self.put()
    }
}

impl Write for ChunkWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = bytes.len().min(CHUNK_LEN_MAX - self.content.len());
        self.content.extend_from_slice(&bytes[..taken]);
        if self.content.len() == CHUNK_LEN_MAX {
            self.put()?;
        }
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct ChunkReader {
    file: Box<dyn DiskFile>,
    offset: u64,
    crc: u32,
    content: Vec<u8>,
    taken: usize,
    ended: bool,
}

impl ChunkReader {
    /// Reads the next chunk and checks it before any of it is handed out.
    fn get(&mut self) -> io::Result<()> {
        let mut head = [0; CHUNK_HEADER_LEN];
        let read = self.file.read_full_at(&mut head, self.offset)?;
        let (len, expected) = head.split_at(size_of::<u32>());
        let content_len = u32::from_le_bytes(len.try_into().map_err(io::Error::other)?) as usize;
        if read < CHUNK_HEADER_LEN || content_len > CHUNK_LEN_MAX {
            return Err(corrupt(self.offset));
        }
        self.content.resize(content_len, 0);
        self.taken = content_len;
        let read = self.file.read_full_at(&mut self.content, self.offset + CHUNK_HEADER_LEN as u64)?;
        self.crc = crc(self.crc, &[len, &self.content]);
        if read < content_len || self.crc.to_le_bytes() != *expected {
            return Err(corrupt(self.offset));
        }
        self.offset += (CHUNK_HEADER_LEN + content_len) as u64;
        self.taken = 0;
        self.ended = content_len == 0;
        if self.ended && self.file.size()? != self.offset { Err(corrupt(self.offset)) } else { Ok(()) }
    }
}

impl Read for ChunkReader {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        if self.taken == self.content.len() && !self.ended {
            self.get()?;
        }
        let rest = &self.content[self.taken..];
        let read = rest.len().min(bytes.len());
        bytes[..read].copy_from_slice(&rest[..read]);
        self.taken += read;
        Ok(read)
    }
}
