//! The embedded keeper, the default: tables in memory, and a journal of the events that made them.
//!
//! A batch is decided, its events are appended as one frame, synced once, and only then answered: group commit. A
//! record of the journal is one event, and its sequence number is the event's. Recovery is the newest snapshot and the events
//! after it. A snapshot is what recovery of the sealed segments gives: a [`Checkpointer`] makes it beside the writer,
//! which never stalls for one.

use std::io::{self, Write};
use std::sync::Arc;

use super::journal::{self, Disk, JournalError, Log, LogView, Options, Reader, RecoveryReport, snapshot};
use super::{Answer, Arms, Ask, Bounds, CommitError, Event, GateFacts, Keeper, Op, Query, Recorded, Reply, Tables};
use crate::rules::{ActivityId, RoomId, Time, UserId};

/// Tables with a journal behind them.
pub struct EmbeddedKeeper {
    tables: Tables,
    log: Log,
    encoded: Vec<u8>,
}

/// What a start found.
#[derive(Debug, Clone)]
pub struct Recovered {
    /// The number of the event up to which a snapshot was used; 0 without one.
    pub snapshot: u64,
    /// Snapshots that were passed over because they are damaged, and why.
    pub rejected: Vec<String>,
    /// What the journal held.
    pub journal: RecoveryReport,
}

impl EmbeddedKeeper {
    /// Recovers what a disk holds, and goes on from there.
    ///
    /// # Errors
    /// [`JournalError`]: what is there is damaged, in use, or can't be read. Nothing was changed.
    pub fn open(disk: Arc<dyn Disk>, options: &Options, bounds: Bounds) -> Result<(Self, Recovered), JournalError> {
        let (mut tables, snapshot, rejected) = from_snapshot(disk.as_ref(), bounds)?;
        let from = tables.latest_no() + 1;
        let (log, report) = Log::open(disk, options, from, |no, payload| replay_one(&mut tables, no, payload))?;
        let keeper = Self { tables, log, encoded: Vec::new() };
        Ok((keeper, Recovered { snapshot, rejected, journal: report }))
    }

    /// What it keeps.
    pub fn tables(&self) -> &Tables {
        &self.tables
    }

    /// The journal, for those who read it.
    pub fn log(&self) -> &LogView {
        self.log.view()
    }
}

/// Reads what a disk holds and writes nothing: for audits. `visit` sees every event that is still in the journal.
///
/// # Errors
/// [`JournalError`], as at a start.
pub fn read(
    disk: &dyn Disk, bounds: Bounds, mut visit: impl FnMut(&Recorded),
) -> Result<(Tables, Recovered), JournalError> {
    let (mut tables, snapshot, rejected) = from_snapshot(disk, bounds)?;
    let journal = journal::verify(disk, 0, |no, payload| {
        let recorded = decode(no, payload)?;
        if no > tables.latest_no() {
            tables.evolve(&recorded)?;
        }
        visit(&recorded);
        Ok(())
    })?;
    Ok((tables, Recovered { snapshot, rejected, journal }))
}

/// The oldest tables that a disk holds: every event since is still in the journal. `None` before the first snapshot:
/// then the journal holds everything.
///
/// # Errors
/// [`JournalError`]: the disk can't be read.
pub fn oldest_snapshot(disk: &dyn Disk, bounds: Bounds) -> Result<Option<Tables>, JournalError> {
    let found = snapshot::oldest(disk, |_, content| read_tables(content))?;
    Ok(found.snapshot.map(|(_, tables)| tables.bounded(bounds)))
}

impl Keeper for EmbeddedKeeper {
    fn commit(
        &mut self, now: Time, ops: &[Op], answers: &mut Vec<Answer>, events: &mut Vec<Recorded>,
    ) -> Result<(), CommitError> {
        // Room first: what is decided can't be taken back.
        let experiments = self.tables.has_experiments() || ops.iter().any(|op| matches!(op.ask, Ask::Experiment(_)));
        let arms = |op: &Op| if experiments { op.arms_bytes_max() } else { 0 };
        let bytes = ops.iter().map(|op| op.event_bytes_max() + arms(op)).sum();
        self.log.reserve(ops.len(), bytes).map_err(|error| match error {
            JournalError::Fatal { .. } => CommitError::Fatal(error.to_string()),
            _ => CommitError::Unavailable(error.to_string()),
        })?;
        let first = events.len();
        self.tables.commit(now, ops, answers, events)?;
        let fatal = |error: JournalError| CommitError::Fatal(error.to_string());
        for recorded in &events[first..] {
            encode(recorded, &mut self.encoded);
            self.log.append(&self.encoded).map_err(fatal)?;
        }
        self.log.commit().map_err(fatal)?;
        Ok(())
    }

    fn due(&self, now: Time, limit: usize, ops: &mut Vec<Op>) {
        self.tables.due(now, limit, ops);
    }

    fn next_due(&self) -> Option<Time> {
        self.tables.next_due()
    }

    fn gate(&self, activity: ActivityId) -> Option<GateFacts> {
        self.tables.gate(activity)
    }

    fn each_user(&self, room: &RoomId, visit: &mut dyn FnMut(&UserId)) {
        self.tables.each_user(room, visit);
    }

    fn ask(&self, query: &Query) -> Reply {
        self.tables.ask(query)
    }

    fn latest(&self) -> Time {
        self.tables.latest_at()
    }
}

impl std::fmt::Debug for EmbeddedKeeper {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EmbeddedKeeper").field("latest", &self.tables.latest_no()).finish_non_exhaustive()
    }
}

/// Makes snapshots of what is sealed, and removes segments that nobody needs any more.
pub struct Checkpointer {
    disk: Arc<dyn Disk>,
    log: LogView,
    bounds: Bounds,
    delivered: Box<dyn Fn() -> u64 + Send>,
    latest: u64,
}

impl Checkpointer {
    /// For the log of a keeper that was opened on `disk`. Events after `delivered()` stay in the journal.
    pub fn new(
        disk: Arc<dyn Disk>, log: LogView, bounds: Bounds, delivered: Box<dyn Fn() -> u64 + Send>,
        recovered: &Recovered,
    ) -> Self {
        Self { disk, log, bounds, delivered, latest: recovered.snapshot }
    }

    /// Makes a snapshot if at least `segments_min` segments were sealed since the latest; says whether it did.
    ///
    /// # Errors
    /// [`JournalError`]: there is no new snapshot, and nothing else has changed.
    pub fn run(&mut self, segments_min: usize) -> Result<bool, JournalError> {
        let sealed = self.log.sealed_seq();
        if self.log.sealed_segments() < segments_min || sealed <= self.latest {
            return Ok(false);
        }
        let (mut tables, ..) = from_snapshot(self.disk.as_ref(), self.bounds)?;
        let mut reader = self.log.reader(tables.latest_no() + 1)?;
        while tables.latest_no() < sealed {
            let Some((no, payload)) = reader.next()? else { break };
            replay_one(&mut tables, no, payload).map_err(|why| JournalError::Rejected {
                segment: "sealed segments".to_owned(),
                offset: 0,
                seq: no,
                why,
            })?;
        }
        let trimmable =
            snapshot::write(self.disk.as_ref(), tables.latest_no(), &mut |file| write_tables(&tables, file))?;
        self.latest = tables.latest_no();
        self.log.trim(trimmable.min((self.delivered)()))?;
        Ok(true)
    }
}

impl std::fmt::Debug for Checkpointer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Checkpointer").field("latest", &self.latest).finish_non_exhaustive()
    }
}

/// Follows the events of a journal, beside its writer.
pub struct EventReader {
    log: LogView,
    reader: Option<Reader>,
}

impl EventReader {
    /// Reads a log from wherever it is asked to.
    pub fn new(log: LogView) -> Self {
        Self { log, reader: None }
    }

    /// The number of the latest durable event.
    pub fn latest(&self) -> u64 {
        self.log.durable_seq()
    }

    /// Adds the events after `after`, at most `max`, that are durable now.
    ///
    /// # Errors
    /// [`JournalError`]: the next call begins anew.
    pub fn read(&mut self, after: u64, max: usize, into: &mut Vec<Recorded>) -> Result<(), JournalError> {
        let mut reader = match self.reader.take() {
            Some(reader) if reader.seq() == after + 1 => reader,
            _ => self.log.reader(after + 1)?,
        };
        for _ in 0..max {
            let Some((no, payload)) = reader.next()? else { break };
            let recorded = decode(no, payload).map_err(|error| JournalError::Rejected {
                segment: "live".to_owned(),
                offset: 0,
                seq: no,
                why: error.into(),
            })?;
            into.push(recorded);
        }
        self.reader = Some(reader);
        Ok(())
    }
}

impl std::fmt::Debug for EventReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EventReader").finish_non_exhaustive()
    }
}

fn from_snapshot(disk: &dyn Disk, bounds: Bounds) -> Result<(Tables, u64, Vec<String>), JournalError> {
    let found = snapshot::newest(disk, |_, content| read_tables(content))?;
    let rejected = found.rejected.into_iter().map(|one| format!("{}: {}", one.name, one.why)).collect();
    let (no, tables) = found.snapshot.unwrap_or_else(|| (0, Tables::new(bounds)));
    Ok((tables.bounded(bounds), no, rejected))
}

fn read_tables(content: &mut dyn io::Read) -> io::Result<Tables> {
    let mut bytes = Vec::new();
    content.read_to_end(&mut bytes)?;
    postcard::from_bytes(&bytes).map_err(io::Error::other)
}

fn write_tables(tables: &Tables, file: &mut dyn Write) -> io::Result<()> {
    postcard::to_io(tables, file).map(drop).map_err(io::Error::other)
}

/// A record: when it was decided, what, and the arms of its users. The number is the record's own.
fn encode(recorded: &Recorded, into: &mut Vec<u8>) {
    into.clear();
    let buffer = std::mem::take(into);
    *into = postcard::to_extend(&(recorded.at, &recorded.event, &recorded.arms), buffer).expect("events always encode");
}

fn decode(no: u64, payload: &[u8]) -> Result<Recorded, postcard::Error> {
    let (at, event, arms): (Time, Event, Arms) = postcard::from_bytes(payload)?;
    Ok(Recorded { no, at, event, arms })
}

fn replay_one(tables: &mut Tables, no: u64, payload: &[u8]) -> Result<(), journal::BoxError> {
    tables.evolve(&decode(no, payload)?)?;
    Ok(())
}
