//! Reads a log, as far back as it is kept, and changes nothing: for audits.

use ::redis::cmd;

use super::RedisOptions;
use super::fault::{Failure, Fault};
use super::link::Link;
use super::merge::{Entry, Place};
use super::remote::read_rules;
use super::snapshot::Replica;
use crate::store::{Recorded, Tables};

/// A log that is replayed up to where it ended when the reading began.
pub struct Reading {
    replica: Replica,
    /// The last entry that all entries before are there for.
    end: u64,
    /// The ends of the stripes.
    heads: Vec<Place>,
}

impl Reading {
    /// Looks where the log begins and ends, and how many stripes it has. A log that was trimmed begins with its snapshot.
    ///
    /// # Errors
    /// Redis can't be asked, there is no log, or it was decided by other rules.
    pub fn begin(options: &RedisOptions) -> Result<Self, Failure> {
        let mut link = Link::new(options, &options.prefix);
        let [head, log, ..] = options.log_keys(0);
        let found: [Option<String>; 2] = link.call(cmd("HMGET").arg(&head).arg("stamp").arg("rules"))?;
        let [Some(stamp), Some(rules)] = found else {
            return Err(Failure::new(Fault::Inconsistent, format!("there is no log under {:?}", options.prefix)));
        };
        let other = || Failure::new(Fault::OtherRules, format!("the log was decided by other rules: {rules}"));
        let (bounds, stripes) = read_rules(&rules).ok_or_else(other)?;
        let options = RedisOptions { stripes, ..options.clone() };
        let heads = (0..stripes).map(|stripe| end(&options, stripe)).collect::<Result<Vec<_>, _>>()?;
        // All stripes have an entry of every turn before the shortest one ends.
        let stripes = stripes as u64;
        let whole = heads.iter().map(|head| head.position).min().unwrap_or(0);
        let more = heads.iter().take_while(|head| head.position > whole).count() as u64;
        let first: Vec<Entry> = link.call(cmd("XRANGE").arg(&log).arg("1-0").arg("1-0"))?;
        let replica = match (heads[0].position, first.as_slice()) {
            (1.., []) => Replica::newest(&options, bounds)?,
            _ => Replica::beginning(&stamp, &options, bounds),
        };
        Ok(Self { replica, end: whole * stripes + more, heads })
    }

    /// What the batches so far add up to.
    pub fn tables(&self) -> &Tables {
        &self.replica.tables
    }

    /// How many batches the log has.
    pub fn batches(&self) -> u64 {
        self.heads[0].position
    }

    /// Over how many slots the log is striped.
    pub fn stripes(&self) -> usize {
        self.heads.len()
    }

    /// Replays everything; `visit` sees every event.
    ///
    /// # Errors
    /// Redis can't be asked, or the log is damaged.
    pub fn read(&mut self, mut visit: impl FnMut(&Recorded)) -> Result<(), Failure> {
        let mut events = Vec::new();
        while self.replica.merge.merged() < self.end {
            if !self.replica.read(Some(self.end), &mut events)? {
                return Err(damaged(&format!("entry {} is missing", self.replica.merge.merged() + 1)));
            }
            events.drain(..).for_each(|event| visit(&event));
        }
        // The chain names everything that was ever appended, in order.
        let merge = &self.replica.merge;
        let differs = |(stripe, head): (usize, &Place)| {
            let place = merge.place(stripe);
            place.position == head.position && place != head
        };
        match self.heads.iter().enumerate().any(differs) {
            true => Err(damaged("its entries are not those that were appended")),
            false => Ok(()),
        }
    }
}

/// The last entry of a stripe, and the chain up to it.
fn end(options: &RedisOptions, stripe: usize) -> Result<Place, Failure> {
    let [head, ..] = options.log_keys(stripe);
    let mut link = Link::new(options, &options.tag(stripe));
    let (position, chain): (Option<u64>, Option<String>) =
        link.call(cmd("HMGET").arg(&head).arg("position").arg("chain"))?;
    let missing = || damaged(&format!("stripe {stripe} is missing"));
    let (position, chain) = position.zip(chain).ok_or_else(missing)?;
    Ok(Place { position, chain })
}

fn damaged(what: &str) -> Failure {
    Failure::new(Fault::Inconsistent, format!("the log is damaged: {what}"))
}

impl std::fmt::Debug for Reading {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let merged = self.replica.merge.merged();
        f.debug_struct("Reading").field("merged", &merged).field("end", &self.end).finish_non_exhaustive()
    }
}
