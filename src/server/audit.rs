//! The audit: a stopped server's data directory, or a log in Redis, and what clients and the sink hold against it.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::JOURNAL;
use crate::events::ndjson::{Expect, SinkEqualsLog};
use crate::store::audit::{Auditor, Report, read_acks};
use crate::store::journal::{LOCK, RealDisk};
use crate::store::redis::{self, RedisOptions};
use crate::store::{Bounds, Tables, embedded};

/// What is audited.
#[derive(Debug)]
pub struct Books {
    /// Where the server kept everything.
    pub data_dir: PathBuf,
    /// What bounds its state.
    pub bounds: Bounds,
    /// Acknowledgements that clients received, one JSON object a line.
    pub acks: Option<PathBuf>,
    /// The sink's files, and how much of the log they must hold.
    pub events: Option<(PathBuf, Expect)>,
}

/// Where a server writes events if nothing else is said: in this folder of its data directory.
pub const EVENTS_DIR: &str = "events";

impl Books {
    /// Of a data directory, with the sink's files if they are where they are by default.
    pub fn of(data_dir: &Path, bounds: Bounds) -> Self {
        let events = data_dir.join(EVENTS_DIR);
        let events = events.is_dir().then_some((events, Expect::Prefix));
        Self { data_dir: data_dir.to_owned(), bounds, acks: None, events }
    }

    /// Copies what is audited of a directory whose server still runs into `copy`, as it is at this moment: everything that was
    /// answered by now is in it.
    ///
    /// # Errors
    /// When something can't be read or written. A segment that is sealed meanwhile shows as damage: copy again.
    pub fn copy(data_dir: &Path, copy: &Path) -> Result<()> {
        // Events first: the log that is copied after them holds all that they tell of.
        for folder in [EVENTS_DIR, JOURNAL] {
            let (from, to) = (data_dir.join(folder), copy.join(folder));
            if folder == EVENTS_DIR && !from.is_dir() {
                continue;
            }
            let unread = || format!("can't copy {}", from.display());
            std::fs::create_dir_all(&to).with_context(unread)?;
            let entries = std::fs::read_dir(&from).with_context(unread)?;
            let mut names = entries.map(|entry| Ok(entry?.file_name())).collect::<std::io::Result<Vec<_>>>()?;
            // Segments in their order, so that what is cut off is at the end.
            names.sort_unstable();
            // Without the lock: no server was ever started on a copy.
            for name in names.iter().filter(|name| *name != LOCK) {
                std::fs::copy(from.join(name), to.join(name)).with_context(unread)?;
            }
        }
        Ok(())
    }

    /// Reads everything and changes nothing.
    ///
    /// # Errors
    /// When something can't be read, or the journal is damaged. What does not hold is in the report.
    pub fn audit(&self) -> Result<Report> {
        let disk = RealDisk::open_read_only(&self.data_dir.join(JOURNAL))
            .with_context(|| format!("can't open {}", self.data_dir.display()))?;
        // The oldest, so that as much of the journal as possible is replayed.
        let base = embedded::oldest_snapshot(&disk, self.bounds)?;
        let mut auditor = Auditor::new(base.unwrap_or_else(|| Tables::new(self.bounds)));
        if let Some((dir, expect)) = &self.events {
            auditor.add(Box::new(SinkEqualsLog::read(dir, *expect)?));
        }
        acknowledge(&mut auditor, self.acks.as_deref())?;
        let (tables, _) = embedded::read(&disk, self.bounds, |recorded| auditor.see(recorded))?;
        Ok(auditor.report(&tables))
    }
}

/// Audits a log in Redis, from its first batch, while servers may go on appending.
///
/// # Errors
/// When it can't be read, or is damaged. What does not hold is in the report.
pub fn audit_redis(options: &RedisOptions, acks: Option<&Path>) -> Result<Report> {
    let unread = || format!("can't audit {}", options.url);
    let mut log = redis::Reading::begin(options).with_context(unread)?;
    let mut auditor = Auditor::new(log.tables().clone());
    acknowledge(&mut auditor, acks)?;
    log.read(|recorded| auditor.see(recorded)).with_context(unread)?;
    Ok(auditor.report(log.tables()))
}

fn acknowledge(auditor: &mut Auditor, acks: Option<&Path>) -> Result<()> {
    if let Some(path) = acks {
        let file = File::open(path).with_context(|| format!("can't open {}", path.display()))?;
        let told = read_acks(BufReader::new(file)).with_context(|| path.display().to_string())?;
        told.into_iter().for_each(|ack| auditor.acknowledged(ack));
    }
    Ok(())
}
