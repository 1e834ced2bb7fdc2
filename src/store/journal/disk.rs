//! The disk as the journal needs it: a flat directory of files that appear whole or not at all.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::error::{JournalError, Result};

/// A directory of files. `create`, `replace` and `remove` are atomic and durable when they return.
pub trait Disk: Send + Sync + 'static {
    /// The names of all files, in no order.
    fn list(&self) -> io::Result<Vec<String>>;

    /// Makes a file that begins with `head` and is filled with zeros up to `len` bytes. The blocks are really
    /// written: a sync into written blocks has no allocation to log, and costs half.
    fn create(&self, name: &str, head: &[u8], len: u64) -> io::Result<()>;

    /// Puts a file with what `fill` writes in place of the one of this name, if there is one.
    fn replace(&self, name: &str, fill: &mut dyn FnMut(&mut dyn Write) -> io::Result<()>) -> io::Result<()>;

    /// Opens a file that exists.
    fn open(&self, name: &str, access: Access) -> io::Result<Box<dyn DiskFile>>;

    /// Removes a file.
    fn remove(&self, name: &str) -> io::Result<()>;

    /// Reads a whole small file, e.g. a cursor.
    fn read(&self, name: &str) -> io::Result<Vec<u8>> {
        let file = self.open(name, Access::Read)?;
        let mut bytes = vec![0; usize::try_from(file.size()?).map_err(io::Error::other)?];
        let filled = file.read_full_at(&mut bytes, 0)?;
        bytes.truncate(filled);
        Ok(bytes)
    }
}

/// How a file is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// For reading.
    Read,
    /// For reading and writing.
    Write,
}

/// An open file.
pub trait DiskFile: Send + 'static {
    /// The file's length in bytes.
    fn size(&self) -> io::Result<u64>;

    /// Reads some bytes; 0 means the end.
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize>;

    /// Writes some of the bytes and says how many.
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize>;

    /// `fdatasync`. After an error nobody knows what the disk holds; it must not be called again.
    fn sync(&self) -> io::Result<()>;

    /// Reads until `bytes` are full or the file ends, and says how many were read.
    fn read_full_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut done = 0;
        while done < bytes.len() {
            match self.read_at(&mut bytes[done..], offset + done as u64) {
                Ok(0) => break,
                Ok(read) => done += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(done)
    }

    /// Writes all the bytes.
    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let mut done = 0;
        while done < bytes.len() {
            match self.write_at(&bytes[done..], offset + done as u64) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => done += written,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// Whether the error says that there is no space, rather than that the disk is broken.
pub(super) fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

/// The name of the file that a server locks.
pub const LOCK: &str = "LOCK";
const UNFINISHED: &str = ".tmp";

/// A directory of the operating system, locked for as long as this lives.
#[derive(Debug)]
pub struct RealDisk {
    dir: PathBuf,
    /// Open for syncing the names in it.
    names: File,
    access: Access,
    /// Holds the `flock`; the kernel lets go of it when the process ends, however it ends.
    _lock: Option<File>,
}

impl RealDisk {
    /// Opens the directory for one process alone, and makes it if need be.
    pub fn open(dir: &Path) -> Result<Self> {
        let at = dir.display().to_string();
        fs::create_dir_all(dir).map_err(JournalError::io(&at))?;
        let lock = OpenOptions::new().create(true).truncate(false).write(true).open(dir.join(LOCK));
        let lock = lock.map_err(JournalError::io(&at))?;
        Self::acquired(lock.try_lock(), dir)?;
        let disk = Self::locked(dir, Access::Write, Some(lock)).map_err(JournalError::io(&at))?;
        disk.sweep().map_err(JournalError::io(&at))?;
        Ok(disk)
    }

    /// Opens the directory for reading, beside other readers but not beside a server. Never writes: where there is
    /// no lock file, no server was ever started on this copy.
    pub fn open_read_only(dir: &Path) -> Result<Self> {
        let at = dir.display().to_string();
        let lock = match File::open(dir.join(LOCK)) {
            Ok(lock) => {
                Self::acquired(lock.try_lock_shared(), dir)?;
                Some(lock)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(source) => return Err(JournalError::Io { name: at, source }),
        };
        Self::locked(dir, Access::Read, lock).map_err(JournalError::io(&at))
    }

    fn acquired(lock: std::result::Result<(), TryLockError>, dir: &Path) -> Result<()> {
        lock.map_err(|error| match error {
            TryLockError::WouldBlock => JournalError::Locked { dir: dir.to_owned() },
            TryLockError::Error(source) => JournalError::Io { name: dir.join(LOCK).display().to_string(), source },
        })
    }

    fn locked(dir: &Path, access: Access, lock: Option<File>) -> io::Result<Self> {
        Ok(Self { dir: dir.to_owned(), names: File::open(dir)?, access, _lock: lock })
    }

    /// Removes what a crash left unfinished, and syncs the names that it may have left unsynced.
    fn sweep(&self) -> io::Result<()> {
        for entry in fs::read_dir(&self.dir)? {
            let entry = entry?;
            if entry.file_name().to_string_lossy().ends_with(UNFINISHED) {
                fs::remove_file(entry.path())?;
            }
        }
        self.names.sync_all()
    }

    /// Fills a file under another name, syncs it, gives it its name, syncs the names.
    fn publish(&self, name: &str, fill: impl FnOnce(&mut File) -> io::Result<()>) -> io::Result<()> {
        self.writable()?;
        let unfinished = self.dir.join(format!("{name}{UNFINISHED}"));
        let filled = File::create(&unfinished).and_then(|mut file| {
            fill(&mut file)?;
            file.sync_all()
        });
        if let Err(error) = filled {
            // The half of a file would keep the space that the next attempt needs.
            let _ = fs::remove_file(&unfinished);
            return Err(error);
        }
        fs::rename(&unfinished, self.dir.join(name))?;
        self.names.sync_all()
    }

    fn writable(&self) -> io::Result<()> {
        if self.access == Access::Write { Ok(()) } else { Err(io::ErrorKind::ReadOnlyFilesystem.into()) }
    }
}

impl Disk for RealDisk {
    fn list(&self) -> io::Result<Vec<String>> {
        let names = fs::read_dir(&self.dir)?.map(|entry| Ok(entry?.file_name().into_string().ok()));
        names.filter_map(io::Result::transpose).collect()
    }

    fn create(&self, name: &str, head: &[u8], len: u64) -> io::Result<()> {
        static ZEROS: [u8; 64 << 10] = [0; 64 << 10];
        const SYNC_EVERY_BYTES: u64 = 1 << 20;
        self.publish(name, |file| {
            // Fails at once, and without having written anything, where the space is not there.
            match rustix::fs::fallocate(&*file, rustix::fs::FallocateFlags::empty(), 0, len) {
                Ok(()) | Err(rustix::io::Errno::OPNOTSUPP) => {}
                Err(error) => return Err(error.into()),
            }
            file.write_all(head)?;
            let mut done = head.len() as u64;
            while done < len {
                let piece = (len - done).min(ZEROS.len() as u64);
                file.write_all(&ZEROS[..piece as usize])?;
                // In small portions, so that the commits of the meantime do not queue behind the whole segment.
                if (done + piece) / SYNC_EVERY_BYTES > done / SYNC_EVERY_BYTES {
                    file.sync_data()?;
                }
                done += piece;
            }
            Ok(())
        })
    }

    fn replace(&self, name: &str, fill: &mut dyn FnMut(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
        self.publish(name, |file| fill(file))
    }

    fn open(&self, name: &str, access: Access) -> io::Result<Box<dyn DiskFile>> {
        if access == Access::Write {
            self.writable()?;
        }
        let file = OpenOptions::new().read(true).write(access == Access::Write).open(self.dir.join(name))?;
        Ok(Box::new(file))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.writable()?;
        fs::remove_file(self.dir.join(name))?;
        self.names.sync_all()
    }
}

impl DiskFile for File {
    fn size(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        FileExt::read_at(self, bytes, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        FileExt::write_at(self, bytes, offset)
    }

    fn sync(&self) -> io::Result<()> {
        self.sync_data()
    }
}
