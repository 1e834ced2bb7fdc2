//! Events as rolling files of JSON lines.
//!
//! A file is named after the first event it may hold: `events-<number, 20 digits>-<attempt>.ndjson`, so the order of
//! names is the order of events. A new file begins after so many bytes, after so long (by the events' own time), and
//! whenever the server starts or a file could not be written. A file is only ever appended to, and ends in a whole
//! line unless a crash cut it: a last line without its newline comes again in the next file. After a crash the next
//! file may repeat the last lines of the one before, byte for byte: drop lines whose `id` has been seen. What a line holds is
//! said in [`line`](self::Line).

mod campaign;
mod compare;
mod coupon;
mod draw;
mod experiment;
mod gift;
mod line;
mod presence;
mod risk;
mod talk;
mod template;
#[cfg(test)]
mod tests;

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::cursor::sync_dir;
use super::{Sink, SinkError};
use crate::rules::Time;
use crate::store::Recorded;

pub use compare::{Expect, SinkEqualsLog};
pub use line::{Line, kind};

/// When a new file begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rolling {
    /// After about so many bytes.
    pub file_bytes_max: u64,
    /// After so long, ms.
    pub file_span_ms: u64,
}

impl Default for Rolling {
    fn default() -> Self {
        Self { file_bytes_max: 256 << 20, file_span_ms: 3_600_000 }
    }
}

/// The sink that writes them.
#[derive(Debug)]
pub struct NdjsonFiles {
    dir: PathBuf,
    rolling: Rolling,
    open: Option<OpenFile>,
    /// Lines that are not written yet.
    lines: Vec<u8>,
}

#[derive(Debug)]
struct OpenFile {
    file: File,
    path: PathBuf,
    /// The time of its first event.
    since: Time,
    /// Bytes written.
    bytes: u64,
    /// Bytes that are safe.
    safe_bytes: u64,
}

/// Lines are gathered up to here before they are written.
const WRITE_BYTES: usize = 64 << 10;

impl NdjsonFiles {
    /// Writes into `dir`, which is made if it is not there.
    pub fn open(dir: impl Into<PathBuf>, rolling: Rolling) -> Result<Self, SinkError> {
        let dir = dir.into();
        fs::create_dir_all(&dir).map_err(at(&dir))?;
        Ok(Self { dir, rolling, open: None, lines: Vec::with_capacity(WRITE_BYTES * 2) })
    }

    fn append(&mut self, batch: &[Recorded]) -> Result<(), SinkError> {
        for recorded in batch {
            if self.open.as_ref().is_some_and(|open| self.is_full(open, recorded.at)) {
                self.finish()?;
            }
            if self.open.is_none() {
                self.open = Some(self.begin(recorded)?);
            }
            serde_json::to_writer(&mut self.lines, &Line(recorded)).map_err(|e| SinkError::Other(e.to_string()))?;
            self.lines.push(b'\n');
            if self.lines.len() >= WRITE_BYTES {
                self.write()?;
            }
        }
        Ok(())
    }

    fn is_full(&self, open: &OpenFile, now: Time) -> bool {
        open.bytes + self.lines.len() as u64 >= self.rolling.file_bytes_max
            || now >= open.since.after_ms(self.rolling.file_span_ms)
    }

    fn begin(&self, first: &Recorded) -> Result<OpenFile, SinkError> {
        for attempt in 0..u32::MAX {
            let path = self.dir.join(format!("events-{:020}-{attempt:03}.ndjson", first.no));
            match File::create_new(&path) {
                Ok(file) => {
                    sync_dir(&self.dir).map_err(at(&self.dir))?;
                    return Ok(OpenFile { file, path, since: first.at, bytes: 0, safe_bytes: 0 });
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(source) => return Err(SinkError::Io { path, source }),
            }
        }
        Err(SinkError::Other("too many files begin with the same event".to_owned()))
    }

    fn write(&mut self) -> Result<(), SinkError> {
        let Some(open) = &mut self.open else { return Ok(()) };
        open.file.write_all(&self.lines).map_err(at(&open.path))?;
        open.bytes += self.lines.len() as u64;
        self.lines.clear();
        Ok(())
    }

    fn sync(&mut self) -> Result<(), SinkError> {
        self.write()?;
        let Some(open) = &mut self.open else { return Ok(()) };
        if open.safe_bytes < open.bytes {
            open.file.sync_data().map_err(at(&open.path))?;
            open.safe_bytes = open.bytes;
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<(), SinkError> {
        self.sync()?;
        self.open = None;
        Ok(())
    }

    /// Drops what is not safe: it comes again, into another file.
    fn abandon(&mut self) {
        self.lines.clear();
        let Some(open) = self.open.take() else { return };
        // On a disk that fails this may fail too; then the file ends in lines that are repeated, or in a cut one.
        let _ = open.file.set_len(open.safe_bytes);
        if open.safe_bytes == 0 {
            let _ = fs::remove_file(&open.path);
        }
    }
}

impl Sink for NdjsonFiles {
    fn deliver(&mut self, batch: &[Recorded]) -> Result<(), SinkError> {
        self.append(batch).inspect_err(|_| self.abandon())
    }

    fn secure(&mut self) -> Result<(), SinkError> {
        self.sync().inspect_err(|_| self.abandon())
    }
}

/// The files of a sink, in the order of their events.
pub fn files(dir: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if name.starts_with("events-") && name.ends_with(".ndjson") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> SinkError {
    let path = path.to_owned();
    move |source| SinkError::Io { path, source }
}
