//! Tables that follow the log beside the keeper, and their snapshots in Redis.

use ::redis::cmd;
use sha2::{Digest as _, Sha256};

use super::fault::{Failure, Fault};
use super::link::Link;
use super::remote::{Entry, Place, hex};
use super::{RedisOptions, apply};
use crate::store::{Bounds, Recorded, Tables};

/// A snapshot travels in pieces of so many bytes: Redis serves others in between.
const CHUNK_BYTES: usize = 512 << 10;

/// So many entries are asked for at once.
const ENTRIES: usize = 128;

/// Tables at a place of the log.
pub(super) struct Replica {
    pub(super) tables: Tables,
    pub(super) at: Place,
}

/// A snapshot whose pieces are in Redis, and that nobody is told of yet.
#[derive(Debug)]
pub(super) struct Written {
    pub(super) at: Place,
    pub(super) chunks: usize,
    pub(super) sum: String,
}

impl Replica {
    /// From before the first batch.
    pub(super) fn beginning(stamp: String, bounds: Bounds) -> Self {
        Self { tables: Tables::new(bounds), at: Place { position: 0, chain: stamp } }
    }

    /// From the newest snapshot, or from the beginning where there is none.
    pub(super) fn newest(link: &mut Link, options: &RedisOptions, bounds: Bounds) -> Result<Self, Failure> {
        // The snapshot that is being read may be replaced by a newer one meanwhile.
        let mut tried = Self::snapshot(link, options, bounds);
        for _ in 0..3 {
            match tried {
                Err(failure) if failure.fault == Fault::Inconsistent => tried = Self::snapshot(link, options, bounds),
                tried => return tried,
            }
        }
        tried
    }

    fn snapshot(link: &mut Link, options: &RedisOptions, bounds: Bounds) -> Result<Self, Failure> {
        let damaged = |what: &str| Failure::new(Fault::Inconsistent, format!("the snapshot is damaged: {what}"));
        let [head, .., notes] = options.keys();
        let noted: [Option<String>; 4] =
            link.call(cmd("HMGET").arg(&notes).arg("position").arg("chain").arg("chunks").arg("sum"))?;
        let [Some(position), Some(chain), Some(chunks), Some(sum)] = noted else {
            let stamp: Option<String> = link.call(cmd("HGET").arg(&head).arg("stamp"))?;
            let stamp = stamp.ok_or_else(|| damaged("there is none, and no log either"))?;
            return Ok(Self::beginning(stamp, bounds));
        };
        let position = position.parse().map_err(|_| damaged("its place is no number"))?;
        let chunks: usize = chunks.parse().map_err(|_| damaged("its size is no number"))?;
        let mut bytes = Vec::new();
        for chunk in 0..chunks {
            let piece: Option<Vec<u8>> = link.call(cmd("HGET").arg(options.snapshot_key(position)).arg(chunk))?;
            bytes.extend(piece.ok_or_else(|| damaged("a piece is missing"))?);
        }
        if hex(&Sha256::digest(&bytes)) != sum {
            return Err(damaged("it is not what was written"));
        }
        let tables: Tables = postcard::from_bytes(&bytes).map_err(|error| damaged(&error.to_string()))?;
        Ok(Self { tables: tables.bounded(bounds), at: Place { position, chain } })
    }

    /// Applies what follows, up to `last`, as far as it comes with one answer; says whether there was anything.
    pub(super) fn read(
        &mut self, link: &mut Link, options: &RedisOptions, last: Option<u64>, events: &mut Vec<Recorded>,
    ) -> Result<bool, Failure> {
        let [_, log, ..] = options.keys();
        let mut call = cmd("XRANGE");
        call.arg(log).arg(format!("{}-0", self.at.position + 1));
        call.arg(last.map_or_else(|| "+".to_owned(), |last| format!("{last}-0"))).arg("COUNT").arg(ENTRIES);
        let entries: Vec<Entry> = link.call(&call)?;
        for entry in &entries {
            apply(&mut self.tables, &mut self.at, entry, events)?;
        }
        Ok(!entries.is_empty())
    }

    /// Puts the pieces of a snapshot into Redis.
    pub(super) fn write(&self, link: &mut Link, options: &RedisOptions) -> Result<Written, Failure> {
        let bytes = postcard::to_stdvec(&self.tables).expect("plain values always encode");
        let key = options.snapshot_key(self.at.position);
        let mut chunks = 0;
        for piece in bytes.chunks(CHUNK_BYTES) {
            link.call::<()>(cmd("HSET").arg(&key).arg(chunks).arg(piece))?;
            chunks += 1;
        }
        Ok(Written { at: self.at.clone(), chunks, sum: hex(&Sha256::digest(&bytes)) })
    }
}
