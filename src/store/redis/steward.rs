//! What one node does for all: events to the sink, snapshots, and the trimming of the log.
//!
//! A lease in Redis says who. Whoever loses it finds out by what it may not write any more: each note of a steward is
//! made by a function that looks at the lease first.

use std::collections::VecDeque;
use std::time::Duration;

use ::redis::{Cmd, cmd};

use super::RedisOptions;
use super::fault::{Failure, Fault};
use super::link::Link;
use super::merge::turns;
use super::remote::function;
use super::snapshot::{Replica, Written};
use crate::store::{Bounds, Recorded};

/// One node's claim to be the steward.
pub struct Steward {
    link: Link,
    options: RedisOptions,
    node: String,
}

impl Steward {
    /// For the node of that name.
    pub fn new(options: RedisOptions, node: String) -> Self {
        Self { link: Link::new(&options, &options.prefix), options, node }
    }

    /// Becomes the steward, or stays it for so long; says whether it is.
    ///
    /// # Errors
    /// It is not known: then it is not.
    pub fn lease(&mut self, span: Duration) -> Result<bool, Failure> {
        let mut call = self.function("lease");
        self.link.call(call.arg(span.as_millis() as u64))
    }

    /// Lets another node have it at once.
    ///
    /// # Errors
    /// Then it lapses.
    pub fn resign(&mut self) -> Result<(), Failure> {
        let call = self.function("resign");
        self.link.call(&call)
    }

    /// The number of the last event that the sink has for good.
    ///
    /// # Errors
    /// When Redis can't be asked.
    pub fn delivered(&mut self) -> Result<u64, Failure> {
        let [_, notes] = self.options.steward_keys();
        let noted: Option<u64> = self.link.call(cmd("HGET").arg(notes).arg("delivered"))?;
        Ok(noted.unwrap_or(0))
    }

    /// Notes how far the sink has everything for good.
    ///
    /// # Errors
    /// It was not noted; not by whoever is the steward no more.
    pub fn deliver(&mut self, no: u64) -> Result<(), Failure> {
        let mut call = self.function("deliver");
        self.link.call(call.arg(no))
    }

    fn function(&self, name: &str) -> Cmd {
        let mut call = function(name, &self.options.steward_keys());
        call.arg(&self.node);
        call
    }
}

/// Makes snapshots of what the sink has, so that new nodes start soon and the log stays short.
pub struct Checkpoint {
    steward: Steward,
    bounds: Bounds,
    /// A snapshot, and the number of the event that the sink must have before it counts.
    written: Option<(Written, u64)>,
}

impl Checkpoint {
    /// For a steward's node.
    pub fn new(options: RedisOptions, node: String, bounds: Bounds) -> Self {
        Self { steward: Steward::new(options, node), bounds, written: None }
    }

    /// Makes a snapshot if the log has at least `batches_min` batches since the latest; says whether one was completed. With
    /// a sink it counts once that has everything in it: events after the snapshot are still in the log.
    ///
    /// # Errors
    /// There is no new snapshot, and nothing else has changed.
    pub fn run(&mut self, batches_min: u64, sink: bool) -> Result<bool, Failure> {
        let Steward { link, options, .. } = &mut self.steward;
        if self.written.is_none() {
            let [head, ..] = options.log_keys(0);
            let [_, notes] = options.steward_keys();
            let end: Option<u64> = link.call(cmd("HGET").arg(head).arg("position"))?;
            let latest: Option<u64> = link.call(cmd("HGET").arg(notes).arg("position"))?;
            let stripes = options.stripes as u64;
            // Every batch has an entry in stripe 0.
            let end = end.unwrap_or(0);
            if end < latest.unwrap_or(0) / stripes + batches_min {
                return Ok(false);
            }
            let mut replica = Replica::newest(options, self.bounds)?;
            let mut events = Vec::new();
            let last = end * stripes;
            while replica.merge.merged() < last && replica.read(Some(last), &mut events)? {
                events.clear();
            }
            let no = replica.tables.latest_no();
            self.written = Some((replica.write(link)?, no));
        }
        let Some((_, no)) = &self.written else { return Ok(false) };
        if sink && self.steward.delivered()? < *no {
            return Ok(false);
        }
        let (Written { merged, chains, chunks, sum }, _) = self.written.take().expect("looked at above");
        let options = self.steward.options.clone();
        let [_, notes] = options.steward_keys();
        let before: Option<u64> = self.steward.link.call(cmd("HGET").arg(notes).arg("position"))?;
        let mut call = self.steward.function("snapshot");
        call.arg(merged).arg(chains).arg(chunks).arg(sum);
        self.steward.link.call::<()>(&call)?;
        // Up to the one before, so that a node that is a little behind goes on.
        if let Some(before) = before {
            for stripe in 0..options.stripes {
                let mut link = Link::new(&options, &options.tag(stripe));
                let mut call = function("trim", &options.log_keys(stripe));
                link.call::<()>(call.arg(turns(before, stripe, options.stripes)))?;
            }
            self.steward.link.call::<()>(cmd("UNLINK").arg(options.snapshot_key(before)))?;
        }
        Ok(true)
    }
}

/// The events of the log, as far as they are as durable as decisions are: for the sink.
pub struct LogEvents {
    options: RedisOptions,
    bounds: Bounds,
    replica: Replica,
    pending: VecDeque<Recorded>,
    given: u64,
}

impl LogEvents {
    /// Gives events after number `delivered` first.
    ///
    /// # Errors
    /// When the log can't be read.
    pub fn after(delivered: u64, options: RedisOptions, bounds: Bounds) -> Result<Self, Failure> {
        let replica = Replica::newest(&options, bounds)?;
        let mut log = Self { options, bounds, replica, pending: VecDeque::new(), given: delivered };
        while log.replica.tables.latest_no() < delivered && log.more(delivered)? {}
        Ok(log)
    }

    /// The number of the latest event that was read.
    pub fn latest(&self) -> u64 {
        self.replica.tables.latest_no()
    }

    /// Adds the events after `after`, at most `max`, that are durable now.
    ///
    /// # Errors
    /// When the log can't be read. The same events are asked for again.
    pub fn read(&mut self, after: u64, max: usize, into: &mut Vec<Recorded>) -> Result<(), Failure> {
        if after != self.given {
            // Some come again: snapshots are never newer than what the sink has for good.
            *self = Self::after(after, self.options.clone(), self.bounds)?;
        }
        if self.pending.is_empty() {
            self.more(after)?;
        }
        let count = max.min(self.pending.len());
        into.extend(self.pending.drain(..count));
        self.given = into.last().map_or(after, |event| event.no);
        Ok(())
    }

    /// Reads on, and keeps what comes after `after`; says whether there was anything.
    fn more(&mut self, after: u64) -> Result<bool, Failure> {
        let mut events = Vec::new();
        let found = self.replica.read(None, &mut events)?;
        if events.first().is_some_and(|event| self.pending.is_empty() && event.no > after + 1) {
            return Err(Failure::new(Fault::Trimmed, format!("the events after {after} are not kept any more")));
        }
        self.pending.extend(events.into_iter().filter(|event| event.no > after));
        let replicas = self.options.durability.replicas();
        if found && replicas > 0 {
            self.replica.replicated(replicas).inspect_err(|_| {
                // Read again, once they have it.
                self.given = u64::MAX;
            })?;
        }
        Ok(found)
    }
}

macro_rules! opaque {
    ($($name:ident),*) => {
        $(impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_struct(stringify!($name)).finish_non_exhaustive()
            }
        })*
    };
}

opaque!(Steward, Checkpoint, LogEvents);
