//! How far a sink has come: in a file, or in the Redis that keeps the log.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::store::redis::Steward;
use crate::store::redis::fault::Failure;

/// The number of the last event that a sink has for good.
pub trait Cursor: Send {
    /// Where it is.
    fn at(&self) -> u64;

    /// Moves it, for good: a crash leaves the old number or the new one.
    ///
    /// # Errors
    /// It was not moved, or nobody knows.
    fn store(&mut self, at: u64) -> Result<(), CursorError>;
}

/// A cursor in a file.
#[derive(Debug)]
pub struct CursorFile {
    path: PathBuf,
    at: u64,
}

/// Why a cursor can't be read or moved.
#[derive(Debug, thiserror::Error)]
pub enum CursorError {
    /// The file.
    #[error("{}: {source}", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// It holds something else than a number. Nothing is guessed: the number decides what is lost and what repeated.
    #[error("{} holds no event number", path.display())]
    Garbled {
        /// Which file.
        path: PathBuf,
    },
    /// Redis.
    #[error(transparent)]
    Redis(#[from] Failure),
}

impl CursorFile {
    /// Reads the cursor at `path`; where there is none, it is before the first event.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, CursorError> {
        let path = path.into();
        let at = match fs::read_to_string(&path) {
            Ok(text) => text.trim_end().parse().map_err(|_| CursorError::Garbled { path: path.clone() })?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
            Err(source) => return Err(CursorError::Io { path, source }),
        };
        Ok(Self { path, at })
    }

    fn replace(&self, at: u64) -> io::Result<()> {
        let new = self.path.with_extension("new");
        let mut file = File::create(&new)?;
        writeln!(file, "{at}")?;
        file.sync_all()?;
        fs::rename(&new, &self.path)?;
        sync_dir(self.path.parent().unwrap_or(Path::new(".")))
    }
}

impl Cursor for CursorFile {
    fn at(&self) -> u64 {
        self.at
    }

    fn store(&mut self, at: u64) -> Result<(), CursorError> {
        self.replace(at).map_err(|source| CursorError::Io { path: self.path.clone(), source })?;
        self.at = at;
        Ok(())
    }
}

/// A cursor beside the log in Redis, which only the steward moves.
#[derive(Debug)]
pub struct CursorNote {
    steward: Steward,
    at: u64,
}

impl CursorNote {
    /// Reads the cursor.
    ///
    /// # Errors
    /// When Redis can't be asked.
    pub fn open(mut steward: Steward) -> Result<Self, CursorError> {
        let at = steward.delivered()?;
        Ok(Self { steward, at })
    }
}

impl Cursor for CursorNote {
    fn at(&self) -> u64 {
        self.at
    }

    fn store(&mut self, at: u64) -> Result<(), CursorError> {
        self.steward.deliver(at)?;
        self.at = at;
        Ok(())
    }
}

/// Makes the names in a directory durable.
pub(super) fn sync_dir(dir: &Path) -> io::Result<()> {
    let dir = if dir.as_os_str().is_empty() { Path::new(".") } else { dir };
    File::open(dir)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_survives_and_is_not_guessed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("sink.cursor");
        let mut cursor = CursorFile::open(&path).unwrap();
        assert_eq!(cursor.at(), 0);
        cursor.store(42).unwrap();
        assert_eq!(CursorFile::open(&path).unwrap().at(), 42);
        for garbled in ["", "x", "-1", "1 2"] {
            fs::write(&path, garbled).unwrap();
            assert!(matches!(CursorFile::open(&path), Err(CursorError::Garbled { .. })), "{garbled:?}");
        }
    }
}
