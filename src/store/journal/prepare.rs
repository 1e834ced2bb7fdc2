//! Prepares the next segment before it is needed.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};

use super::disk::{Access, Disk, DiskFile};
use super::error::{JournalError, Result};
use super::segment::{self, SegmentHeader};

/// A segment that is on the disk, and empty.
pub(super) struct Prepared {
    pub(super) header: SegmentHeader,
    pub(super) file: Box<dyn DiskFile>,
}

/// How segments are made.
#[derive(Clone)]
pub(super) struct Recipe {
    pub(super) disk: Arc<dyn Disk>,
    pub(super) epoch: u64,
    pub(super) segment_bytes: u64,
}

impl Recipe {
    pub(super) fn make(&self, number: u64) -> io::Result<Prepared> {
        let name = segment::name(number);
        let header = SegmentHeader { epoch: self.epoch, number, len: self.segment_bytes };
        self.disk.create(&name, &header.encode(), header.len)?;
        Ok(Prepared { header, file: self.disk.open(&name, Access::Write)? })
    }
}

/// Holds the next segment, or the promise of it.
pub(super) struct Preparer {
    recipe: Recipe,
    worker: Option<Worker>,
    number: u64,
    next: Next,
}

enum Next {
    Ordered,
    Ready(Prepared),
    Failed(io::Error),
}

struct Worker {
    /// None once the worker is to end.
    orders: Option<Sender<u64>>,
    results: Receiver<io::Result<Prepared>>,
    thread: Option<JoinHandle<()>>,
}

impl Preparer {
    /// Begins with segment `number`, on a thread if `background`.
    pub(super) fn start(recipe: Recipe, number: u64, background: bool) -> Result<Self> {
        let worker = if background { Some(Worker::start(recipe.clone())?) } else { None };
        let mut preparer = Self { recipe, worker, number, next: Next::Ordered };
        preparer.order();
        Ok(preparer)
    }

    /// Waits until the next segment is there. If it could not be made, tries once more: there may be space by now.
    pub(super) fn wait(&mut self) -> Result<()> {
        self.settle();
        if matches!(self.next, Next::Failed(_)) {
            self.order();
            self.settle();
        }
        match &self.next {
            Next::Failed(error) => {
                Err(JournalError::StorageFull { source: io::Error::new(error.kind(), error.to_string()) })
            }
            _ => Ok(()),
        }
    }

    /// Takes the next segment, and has the one after it prepared.
    pub(super) fn take(&mut self) -> Result<Prepared> {
        self.wait()?;
        let Next::Ready(prepared) = std::mem::replace(&mut self.next, Next::Ordered) else {
            unreachable!("a segment that was waited for is there")
        };
        self.number += 1;
        self.order();
        Ok(prepared)
    }

    fn order(&mut self) {
        self.next = match &self.worker {
            None => Next::from(self.recipe.make(self.number)),
            Some(worker) => match worker.orders.as_ref().map(|orders| orders.send(self.number)) {
                Some(Ok(())) => Next::Ordered,
                _ => Next::Failed(gone()),
            },
        };
    }

    fn settle(&mut self) {
        if let (Next::Ordered, Some(worker)) = (&self.next, &self.worker) {
            self.next = Next::from(worker.results.recv().unwrap_or_else(|_| Err(gone())));
        }
    }
}

impl From<io::Result<Prepared>> for Next {
    fn from(made: io::Result<Prepared>) -> Self {
        match made {
            Ok(prepared) => Self::Ready(prepared),
            Err(error) => Self::Failed(error),
        }
    }
}

fn gone() -> io::Error {
    io::Error::other("the thread that prepares segments is gone")
}

impl Worker {
    fn start(recipe: Recipe) -> Result<Self> {
        let (orders, inbox) = channel::<u64>();
        let (outbox, results) = channel();
        let work = move || {
            for number in inbox {
                if outbox.send(recipe.make(number)).is_err() {
                    break;
                }
            }
        };
        let thread = thread::Builder::new().name("journal-prepare".to_owned()).spawn(work);
        let thread = thread.map_err(JournalError::io("journal-prepare"))?;
        Ok(Self { orders: Some(orders), results, thread: Some(thread) })
    }
}

impl Drop for Worker {
    /// Waits for the thread, so that whoever opens the directory next finds it still.
    fn drop(&mut self) {
        self.orders = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
