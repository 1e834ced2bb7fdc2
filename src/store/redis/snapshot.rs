//! Tables that follow the log beside the keeper, and their snapshots in Redis.

use ::redis::cmd;
use sha2::{Digest as _, Sha256};

use super::fault::{Failure, Fault};
use super::link::Link;
use super::merge::{Entry, Merge};
use super::remote::hex;
use super::{RedisOptions, batch};
use crate::store::{Bounds, Recorded, Tables};

/// A snapshot travels in pieces of so many bytes: Redis serves others in between.
const CHUNK_BYTES: usize = 512 << 10;

/// So many entries of a stripe are asked for at once.
const ENTRIES: usize = 128;

/// Tables at a place of the log.
pub(super) struct Replica {
    pub(super) tables: Tables,
    pub(super) merge: Merge,
    options: RedisOptions,
    /// One for each stripe.
    links: Vec<Link>,
}

/// A snapshot whose pieces are in Redis, and that nobody is told of yet.
#[derive(Debug)]
pub(super) struct Written {
    pub(super) merged: u64,
    /// Those of all stripes.
    pub(super) chains: String,
    pub(super) chunks: usize,
    pub(super) sum: String,
}

/// What stands between the chains of a snapshot's place.
const BETWEEN: char = ',';

impl Replica {
    /// From before the first batch of a log that began with `stamp`.
    pub(super) fn beginning(stamp: &str, options: &RedisOptions, bounds: Bounds) -> Self {
        Self::at(Tables::new(bounds), Merge::beginning(stamp, options.stripes), options)
    }

    fn at(tables: Tables, merge: Merge, options: &RedisOptions) -> Self {
        let links = (0..options.stripes).map(|stripe| Link::new(options, &options.tag(stripe))).collect();
        Self { tables, merge, options: options.clone(), links }
    }

    /// From the newest snapshot, or from the beginning where there is none.
    pub(super) fn newest(options: &RedisOptions, bounds: Bounds) -> Result<Self, Failure> {
        let mut link = Link::new(options, &options.prefix);
        // The snapshot that is being read may be replaced by a newer one meanwhile.
        let mut tried = Self::snapshot(&mut link, options, bounds);
        for _ in 0..3 {
            match tried {
                Err(failure) if failure.fault == Fault::Inconsistent => {
                    tried = Self::snapshot(&mut link, options, bounds);
                }
                tried => return tried,
            }
        }
        tried
    }

    fn snapshot(link: &mut Link, options: &RedisOptions, bounds: Bounds) -> Result<Self, Failure> {
        let damaged = |what: &str| Failure::new(Fault::Inconsistent, format!("the snapshot is damaged: {what}"));
        let [head, ..] = options.log_keys(0);
        let [_, notes] = options.steward_keys();
        let noted: [Option<String>; 4] =
            link.call(cmd("HMGET").arg(&notes).arg("position").arg("chain").arg("chunks").arg("sum"))?;
        let [Some(merged), Some(chains), Some(chunks), Some(sum)] = noted else {
            let stamp: Option<String> = link.call(cmd("HGET").arg(&head).arg("stamp"))?;
            let stamp = stamp.ok_or_else(|| damaged("there is none, and no log either"))?;
            return Ok(Self::beginning(&stamp, options, bounds));
        };
        let merged = merged.parse().map_err(|_| damaged("its place is no number"))?;
        let chains: Vec<_> = chains.split(BETWEEN).map(str::to_owned).collect();
        if chains.len() != options.stripes {
            return Err(damaged("it is not of so many stripes"));
        }
        let chunks: usize = chunks.parse().map_err(|_| damaged("its size is no number"))?;
        let mut bytes = Vec::new();
        for chunk in 0..chunks {
            let piece: Option<Vec<u8>> = link.call(cmd("HGET").arg(options.snapshot_key(merged)).arg(chunk))?;
            bytes.extend(piece.ok_or_else(|| damaged("a piece is missing"))?);
        }
        if hex(&Sha256::digest(&bytes)) != sum {
            return Err(damaged("it is not what was written"));
        }
        let tables: Tables = postcard::from_bytes(&bytes).map_err(|error| damaged(&error.to_string()))?;
        Ok(Self::at(tables.bounded(bounds), Merge::after(merged, chains), options))
    }

    /// Applies what follows, up to entry number `last`, as far as it comes with one answer of each stripe; says whether there was
    /// anything.
    pub(super) fn read(&mut self, last: Option<u64>, events: &mut Vec<Recorded>) -> Result<bool, Failure> {
        let mut found = false;
        for (stripe, link) in self.links.iter_mut().enumerate() {
            let [_, log, ..] = self.options.log_keys(stripe);
            let mut call = cmd("XRANGE");
            call.arg(log).arg(format!("{}-0", self.merge.read(stripe).position + 1)).arg("+").arg("COUNT").arg(ENTRIES);
            let entries: Vec<Entry> = link.call(&call)?;
            found |= !entries.is_empty();
            for entry in entries {
                self.merge.push(stripe, entry)?;
            }
        }
        while last.is_none_or(|last| self.merge.merged() < last) {
            let Some(entry) = self.merge.next() else { break };
            batch::apply(&mut self.tables, &entry.batch, events)
                .map_err(|why| Failure::new(Fault::Inconsistent, format!("entry {}: {why}", self.merge.merged())))?;
            found = true;
        }
        Ok(found)
    }

    /// Puts the pieces of a snapshot into Redis.
    pub(super) fn write(&self, link: &mut Link) -> Result<Written, Failure> {
        let bytes = postcard::to_stdvec(&self.tables).expect("plain values always encode");
        let merged = self.merge.merged();
        let key = self.options.snapshot_key(merged);
        let mut chunks = 0;
        for piece in bytes.chunks(CHUNK_BYTES) {
            link.call::<()>(cmd("HSET").arg(&key).arg(chunks).arg(piece))?;
            chunks += 1;
        }
        let chains: Vec<_> = (0..self.merge.count()).map(|stripe| self.merge.place(stripe).chain.as_str()).collect();
        let chains = chains.join(&BETWEEN.to_string());
        Ok(Written { merged, chains, chunks, sum: hex(&Sha256::digest(&bytes)) })
    }

    /// Waits until so many replicas of every primary have what was read.
    pub(super) fn replicated(&mut self, replicas: u32) -> Result<(), Failure> {
        for link in &mut self.links {
            let have: u32 = link.call(cmd("WAIT").arg(replicas).arg(super::remote::WAIT_MS))?;
            if have < replicas {
                return Err(Failure::new(Fault::TooFewReplicas, format!("{have} replicas have the latest events")));
            }
        }
        Ok(())
    }
}
