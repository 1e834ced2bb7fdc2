//! Reads a log, as far back as it is kept, and changes nothing: for audits.

use ::redis::cmd;

use super::RedisOptions;
use super::fault::{Failure, Fault};
use super::link::Link;
use super::remote::{Entry, Place, bounds};
use super::snapshot::Replica;
use crate::store::{Recorded, Tables};

/// A log that is replayed up to where it ended when the reading began.
pub struct Reading {
    link: Link,
    options: RedisOptions,
    replica: Replica,
    /// The last batch, and the chain up to it.
    end: Place,
}

impl Reading {
    /// Looks where the log begins and ends. A log that was trimmed begins with its snapshot.
    ///
    /// # Errors
    /// Redis can't be asked, there is no log, or it was decided by other rules.
    pub fn begin(options: &RedisOptions) -> Result<Self, Failure> {
        let mut link = Link::new(options, &options.prefix);
        let [head, log, ..] = options.keys();
        let found: [Option<String>; 4] =
            link.call(cmd("HMGET").arg(&head).arg("stamp").arg("rules").arg("position").arg("chain"))?;
        let [Some(stamp), Some(rules), Some(position), Some(chain)] = found else {
            return Err(Failure::new(Fault::Inconsistent, format!("there is no log under {:?}", options.prefix)));
        };
        let other = || Failure::new(Fault::OtherRules, format!("the log was decided by other rules: {rules}"));
        let bounds = bounds(&rules).ok_or_else(other)?;
        let end = Place { position: position.parse().map_err(|_| damaged("its head is no number"))?, chain };
        let first: Vec<Entry> = link.call(cmd("XRANGE").arg(&log).arg("1-0").arg("1-0"))?;
        let replica = match (end.position, first.as_slice()) {
            (1.., []) => Replica::newest(&mut link, options, bounds)?,
            _ => Replica::beginning(stamp, bounds),
        };
        Ok(Self { link, options: options.clone(), replica, end })
    }

    /// What the batches so far add up to.
    pub fn tables(&self) -> &Tables {
        &self.replica.tables
    }

    /// How many batches the log has.
    pub fn batches(&self) -> u64 {
        self.end.position
    }

    /// Replays everything; `visit` sees every event.
    ///
    /// # Errors
    /// Redis can't be asked, or the log is damaged.
    pub fn read(&mut self, mut visit: impl FnMut(&Recorded)) -> Result<(), Failure> {
        let mut events = Vec::new();
        while self.replica.at.position < self.end.position {
            let last = Some(self.end.position);
            if !self.replica.read(&mut self.link, &self.options, last, &mut events)? {
                return Err(damaged(&format!("batch {} is missing", self.replica.at.position + 1)));
            }
            events.drain(..).for_each(|event| visit(&event));
        }
        // The chain names everything that was ever appended, in order.
        if self.replica.at == self.end { Ok(()) } else { Err(damaged("its batches are not those that were appended")) }
    }
}

fn damaged(what: &str) -> Failure {
    Failure::new(Fault::Inconsistent, format!("the log is damaged: {what}"))
}

impl std::fmt::Debug for Reading {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reading").field("at", &self.replica.at).field("end", &self.end).finish_non_exhaustive()
    }
}
