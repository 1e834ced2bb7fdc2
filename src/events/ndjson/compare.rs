//! Whether the files say what the log says.

use std::collections::HashMap;
use std::fs::File;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::io::{BufRead, BufReader};
use std::path::Path;

use super::{Line, SinkError, at, files};
use crate::store::audit::{Check, Invariant, Verdict};
use crate::store::{Recorded, Tables};

/// How much of the log the files must hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expect {
    /// All of it: the relay was stopped.
    All,
    /// Its beginning: the server was killed, and what is missing will be delivered after the next start.
    Prefix,
}

/// The files, without their repeats, hold what the log holds.
pub struct SinkEqualsLog {
    expect: Expect,
    /// A hash of each event's line.
    lines: HashMap<u64, u64>,
    last: u64,
    repeats: u64,
    wrong: Option<String>,
    compared: u64,
    text: Vec<u8>,
}

impl SinkEqualsLog {
    /// Reads all files of `dir`.
    pub fn read(dir: &Path, expect: Expect) -> Result<Self, SinkError> {
        let (lines, text) = (HashMap::new(), Vec::new());
        let mut check = Self { expect, lines, last: 0, repeats: 0, wrong: None, compared: 0, text };
        for path in files(dir).map_err(at(dir))? {
            let mut reader = BufReader::with_capacity(1 << 20, File::open(&path).map_err(at(&path))?);
            let mut line = Vec::new();
            loop {
                line.clear();
                reader.read_until(b'\n', &mut line).map_err(at(&path))?;
                // A cut line comes again.
                let Some(line) = line.strip_suffix(b"\n") else { break };
                if let Err(wrong) = check.read_line(line) {
                    let name = path.file_name().unwrap_or_default().to_string_lossy();
                    check.wrong.get_or_insert(format!("{name}: {wrong}"));
                }
            }
        }
        Ok(check)
    }

    fn read_line(&mut self, line: &[u8]) -> Verdict<()> {
        #[derive(serde::Deserialize)]
        struct Id {
            id: u64,
        }
        let Id { id } = serde_json::from_slice(line).map_err(|error| format!("a line is no event: {error}"))?;
        if self.last != 0 && id > self.last + 1 {
            return Err(format!("event {id} follows {}", self.last));
        }
        self.last = self.last.max(id);
        let hash = hash(line);
        match self.lines.insert(id, hash) {
            Some(first) if first != hash => Err(format!("event {id} comes again with other content")),
            Some(_) => {
                self.repeats += 1;
                Ok(())
            }
            None => Ok(()),
        }
    }
}

fn hash(line: &[u8]) -> u64 {
    BuildHasherDefault::<DefaultHasher>::default().hash_one(line)
}

impl Check for SinkEqualsLog {
    fn invariant(&self) -> Invariant {
        Invariant::SinkEqualsLog
    }

    fn before(&mut self, recorded: &Recorded, _: &Tables) -> Verdict<()> {
        if recorded.no > self.last {
            return Ok(());
        }
        self.text.clear();
        serde_json::to_writer(&mut self.text, &Line(recorded)).map_err(|error| error.to_string())?;
        self.compared += 1;
        match self.lines.get(&recorded.no) {
            Some(found) if *found == hash(&self.text) => Ok(()),
            Some(_) => Err(format!("the sink has event {} with other content", recorded.no)),
            None => Err(format!("the sink misses event {}", recorded.no)),
        }
    }

    fn judge(&self, tables: &Tables) -> Verdict {
        if let Some(wrong) = &self.wrong {
            return Err(wrong.clone());
        }
        let latest = tables.latest_no();
        if self.last > latest {
            return Err(format!("the sink has event {}, the log ends with {latest}", self.last));
        }
        if self.expect == Expect::All && self.last < latest {
            return Err(format!("the sink ends with event {}, the log with {latest}", self.last));
        }
        Ok(format!("{} of {latest} events, {} compared, {} came again", self.lines.len(), self.compared, self.repeats))
    }
}
