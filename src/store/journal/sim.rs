//! A disk in memory that loses power, runs full and fails on request.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::Arc;

use parking_lot::Mutex;
use rand_chacha::rand_core::Rng;

use super::disk::{Access, Disk, DiskFile};

/// A disk in memory, for tests and simulations. Clones are handles of the same disk.
#[derive(Clone, Debug)]
pub struct SimDisk(Arc<Mutex<State>>);

/// A failure to be injected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A write takes only the first half of the bytes, and says so.
    ShortWrite,
    /// A write takes the first half of the bytes, then finds no space.
    WriteFull,
    /// A write takes the first half of the bytes, then fails.
    WriteFails,
    /// A sync fails. What it should have synced can still be read, but no later sync will care for it: so it is with
    /// an operating system that takes the pages for clean then.
    SyncFails,
}

#[derive(Debug)]
struct State {
    files: BTreeMap<String, SimFile>,
    /// What is due, with the number of calls that still go well before.
    faults: Vec<(Fault, u64)>,
    capacity_bytes: u64,
    /// Whether the power is gone: what still holds this handle must not do anything any more.
    dead: bool,
}

#[derive(Clone, Debug, Default)]
struct SimFile {
    /// What a process sees.
    seen: Vec<u8>,
    /// What survives for sure.
    synced: Vec<u8>,
    /// What was written since the last sync.
    unsynced: Vec<(usize, Vec<u8>)>,
    /// What a failed sync gave up.
    abandoned: Vec<(usize, Vec<u8>)>,
}

impl Default for SimDisk {
    fn default() -> Self {
        Self::with_files(BTreeMap::new())
    }
}

impl SimDisk {
    fn with_files(files: BTreeMap<String, SimFile>) -> Self {
        Self(Arc::new(Mutex::new(State { files, faults: Vec::new(), capacity_bytes: u64::MAX, dead: false })))
    }

    /// Lets `fault` happen at the `nth` (from 1) write or sync from now.
    pub fn inject(&self, fault: Fault, nth: u64) {
        self.0.lock().faults.push((fault, nth.saturating_sub(1)));
    }

    /// Bounds the sum of all files' lengths. New files that do not fit are refused.
    pub fn set_capacity_bytes(&self, bytes: u64) {
        self.0.lock().capacity_bytes = bytes;
    }

    /// Changes a file's bytes behind everybody's back, as rot or an operator would.
    pub fn damage(&self, name: &str, change: impl FnOnce(&mut Vec<u8>)) {
        let mut state = self.0.lock();
        if let Some(file) = state.files.get_mut(name) {
            change(&mut file.synced);
            file.seen = file.synced.clone();
            file.unsynced.clear();
            file.abandoned.clear();
        }
    }

    /// Cuts the power. Returns the disk that the next start finds: all that was synced, and of each write that was
    /// not, nothing, all, the first bytes, or some of its sectors. This handle and its clones are dead.
    pub fn crash(&self, rng: &mut impl Rng) -> Self {
        let mut state = self.0.lock();
        state.dead = true;
        let files = state.files.iter().map(|(name, file)| (name.clone(), file.torn(rng)));
        Self::with_files(files.collect())
    }

    /// The disk as another process would find it if this one were killed: the operating system still has
    /// everything that was written. This handle and its clones are dead.
    pub fn kill(&self) -> Self {
        self.0.lock().dead = true;
        self.copy()
    }

    /// Another disk with the same content, without what was injected.
    pub fn copy(&self) -> Self {
        Self::with_files(self.0.lock().files.clone())
    }
}

impl State {
    fn alive(&mut self) -> io::Result<&mut Self> {
        if self.dead { Err(io::Error::other("the power is gone")) } else { Ok(self) }
    }

    /// Counts a call that any of `kinds` could hit, and says which one does.
    fn strike(&mut self, kinds: &[Fault]) -> Option<Fault> {
        let mut struck = None;
        self.faults.retain_mut(|(fault, remaining)| {
            if !kinds.contains(fault) {
                return true;
            }
            if *remaining == 0 && struck.is_none() {
                struck = Some(*fault);
                return false;
            }
            *remaining = remaining.saturating_sub(1);
            true
        });
        struck
    }

    fn publish(&mut self, name: &str, bytes: Vec<u8>) -> io::Result<()> {
        let others: usize =
            self.files.iter().filter(|(other, _)| *other != name).map(|(_, file)| file.seen.len()).sum();
        if (others + bytes.len()) as u64 > self.capacity_bytes {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let file = SimFile { seen: bytes.clone(), synced: bytes, ..SimFile::default() };
        self.files.insert(name.to_owned(), file);
        Ok(())
    }

    fn file(&mut self, name: &str) -> io::Result<&mut SimFile> {
        self.alive()?.files.get_mut(name).ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

impl SimFile {
    fn sync(&mut self) {
        for (offset, bytes) in self.unsynced.drain(..) {
            overwrite(&mut self.synced, offset, &bytes);
            self.abandoned.retain(|(from, lost)| from + lost.len() <= offset || offset + bytes.len() <= *from);
        }
    }

    fn torn(&self, rng: &mut impl Rng) -> Self {
        const SECTOR: usize = 512;
        let mut left = self.synced.clone();
        for (offset, bytes) in self.abandoned.iter().chain(&self.unsynced) {
            match rng.next_u32() % 4 {
                0 => {}
                1 => overwrite(&mut left, *offset, bytes),
                2 => overwrite(&mut left, *offset, &bytes[..rng.next_u32() as usize % (bytes.len() + 1)]),
                _ => {
                    let mut at = 0;
                    while at < bytes.len() {
                        let next = ((offset + at) / SECTOR + 1) * SECTOR - offset;
                        let sector = &bytes[at..next.min(bytes.len())];
                        if rng.next_u32().is_multiple_of(2) {
                            overwrite(&mut left, offset + at, sector);
                        }
                        at = next;
                    }
                }
            }
        }
        Self { seen: left.clone(), synced: left, ..Self::default() }
    }
}

fn overwrite(target: &mut Vec<u8>, offset: usize, bytes: &[u8]) {
    let end = offset + bytes.len();
    if target.len() < end {
        target.resize(end, 0);
    }
    target[offset..end].copy_from_slice(bytes);
}

impl Disk for SimDisk {
    fn list(&self) -> io::Result<Vec<String>> {
        Ok(self.0.lock().alive()?.files.keys().cloned().collect())
    }

    fn create(&self, name: &str, head: &[u8], len: u64) -> io::Result<()> {
        let mut bytes = vec![0; usize::try_from(len).map_err(io::Error::other)?];
        bytes[..head.len()].copy_from_slice(head);
        self.0.lock().alive()?.publish(name, bytes)
    }

    fn replace(&self, name: &str, fill: &mut dyn FnMut(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
        let mut bytes = Vec::new();
        fill(&mut bytes)?;
        self.0.lock().alive()?.publish(name, bytes)
    }

    fn open(&self, name: &str, access: Access) -> io::Result<Box<dyn DiskFile>> {
        self.0.lock().file(name)?;
        Ok(Box::new(Handle { disk: self.clone(), name: name.to_owned(), access }))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let removed = self.0.lock().alive()?.files.remove(name);
        removed.map(drop).ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

struct Handle {
    disk: SimDisk,
    name: String,
    access: Access,
}

impl DiskFile for Handle {
    fn size(&self) -> io::Result<u64> {
        Ok(self.disk.0.lock().file(&self.name)?.seen.len() as u64)
    }

    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut state = self.disk.0.lock();
        let seen = &state.file(&self.name)?.seen;
        let rest = &seen[seen.len().min(offset as usize)..];
        let read = rest.len().min(bytes.len());
        bytes[..read].copy_from_slice(&rest[..read]);
        Ok(read)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        if self.access == Access::Read {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        let mut state = self.disk.0.lock();
        let fault = state.alive()?.strike(&[Fault::ShortWrite, Fault::WriteFull, Fault::WriteFails]);
        let taken = if fault.is_some() { bytes.len() / 2 } else { bytes.len() };
        let file = state.file(&self.name)?;
        overwrite(&mut file.seen, offset as usize, &bytes[..taken]);
        file.unsynced.push((offset as usize, bytes[..taken].to_vec()));
        match fault {
            Some(Fault::WriteFull) => Err(io::ErrorKind::StorageFull.into()),
            Some(Fault::WriteFails) => Err(io::Error::other("injected write error")),
            _ => Ok(taken),
        }
    }

    fn sync(&self) -> io::Result<()> {
        let mut state = self.disk.0.lock();
        let fault = state.alive()?.strike(&[Fault::SyncFails]);
        let file = state.file(&self.name)?;
        if fault.is_some() {
            file.abandoned.append(&mut file.unsynced);
            return Err(io::Error::other("injected sync error"));
        }
        file.sync();
        Ok(())
    }
}
