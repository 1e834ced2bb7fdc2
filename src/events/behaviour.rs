//! What viewers do that decides nothing, as files of JSON lines: `behaviour-<start, ms>-<file>.ndjson`.
//!
//! Decisions are never lost; this may be. A bounded queue stands between whoever sees it and the thread that writes: when
//! that is full, what was seen is dropped and counted. Whenever a file begins, [`Retention`] has the oldest removed that are
//! too many or too old, and what was removed is counted.
//!
//! A line holds `id` (unique over all servers and starts), `at_ms`, `kind`, `room`, `user`, and by kind:
//!
//! Where experiments run in the room, `arms`: an object of experiments and the user's arm in each.
//!
//! | kind | what else |
//! |---|---|
//! | `comment` | `text` |
//! | `comment_blocked` | `text`, `category`, `term` (empty for what is found by its shape) |
//! | `comment_muted` | `text` |
//! | `like` | `hearts` |

mod retention;

use std::fs::{self, File};
use std::io::{self, BufWriter, Write as _};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crossbeam::channel::{Receiver, RecvTimeoutError, Sender, bounded};
use serde::Serialize;

use self::retention::PREFIX;
pub use self::retention::Retention;
use super::ndjson::Rolling;
use crate::rules::{ArmId, ExperimentId, RoomId, Time, UserId};

/// Something that a viewer did.
#[derive(Debug, Clone)]
pub struct Behaviour {
    /// When.
    pub at: Time,
    /// Where.
    pub room: RoomId,
    /// Who.
    pub user: UserId,
    /// The user's arms in the room's running experiments.
    pub arms: Vec<(ExperimentId, ArmId)>,
    /// What.
    pub act: Act,
}

/// What viewers do.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "kind")]
pub enum Act {
    /// Said something that everybody heard.
    #[serde(rename = "comment")]
    Commented {
        /// What.
        text: Box<str>,
    },
    /// Said something that nobody else saw.
    #[serde(rename = "comment_blocked")]
    Blocked {
        /// What.
        text: Box<str>,
        /// Why: the category of the lexicon.
        category: Box<str>,
        /// Its term.
        term: Box<str>,
    },
    /// Said something while muted.
    #[serde(rename = "comment_muted")]
    Muted {
        /// What.
        text: Box<str>,
    },
    /// Sent hearts.
    #[serde(rename = "like")]
    Liked {
        /// How many.
        hearts: u32,
    },
}

/// Sees what viewers do. It never makes anybody wait.
pub trait Witness: Send + Sync {
    /// Takes note, or drops it.
    fn saw(&self, behaviour: Behaviour);
}

/// What a witness has dropped and failed to write, for metrics.
#[derive(Debug, Default)]
pub struct Losses {
    written: AtomicU64,
    dropped: AtomicU64,
    files_removed: AtomicU64,
}

impl Losses {
    /// Lines written.
    pub fn written(&self) -> u64 {
        self.written.load(Ordering::Relaxed)
    }

    /// What was dropped: the queue was full, or the disk took nothing.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Files that were removed, for want of room or for their age.
    pub fn files_removed(&self) -> u64 {
        self.files_removed.load(Ordering::Relaxed)
    }
}

/// The end that is told.
#[derive(Debug)]
pub struct Notebook {
    queue: Sender<Behaviour>,
    losses: Arc<Losses>,
}

/// The files, and the thread that writes them.
#[derive(Debug)]
pub struct BehaviourFiles {
    stop: Sender<()>,
    losses: Arc<Losses>,
    thread: JoinHandle<()>,
}

/// What waits to be written.
const QUEUE: usize = 16_384;
/// How long lines wait in memory.
const FLUSH_EVERY: Duration = Duration::from_millis(500);

impl Witness for Notebook {
    fn saw(&self, behaviour: Behaviour) {
        if self.queue.try_send(behaviour).is_err() {
            self.losses.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl BehaviourFiles {
    /// Writes into `dir`, which is made if it is not there, and keeps there what `retention` allows. `run` is a random number that
    /// tells this start from others.
    ///
    /// # Errors
    /// When the directory or the thread can't be made.
    pub fn start(dir: PathBuf, rolling: Rolling, retention: Retention, run: u64) -> io::Result<(Self, Arc<Notebook>)> {
        fs::create_dir_all(&dir)?;
        let (queue, waiting) = bounded(QUEUE);
        let (stop, stopped) = bounded(0);
        let losses = Arc::new(Losses::default());
        let writer =
            Writer { dir, rolling, retention, run, lines: 0, files: 0, open: None, losses: Arc::clone(&losses) };
        let thread =
            thread::Builder::new().name("behaviour".to_owned()).spawn(move || writer.run(&waiting, &stopped))?;
        let notebook = Arc::new(Notebook { queue, losses: Arc::clone(&losses) });
        Ok((Self { stop, losses, thread }, notebook))
    }

    /// What was written and what was not.
    pub fn losses(&self) -> &Arc<Losses> {
        &self.losses
    }

    /// Writes what waits, and ends.
    pub fn stop(self) {
        drop(self.stop);
        if self.thread.join().is_err() {
            tracing::error!("the thread that writes behaviour ended in a panic");
        }
    }
}

struct Writer {
    dir: PathBuf,
    rolling: Rolling,
    retention: Retention,
    run: u64,
    lines: u64,
    files: u64,
    open: Option<Open>,
    losses: Arc<Losses>,
}

struct Open {
    file: BufWriter<File>,
    since: Time,
    bytes: u64,
}

#[derive(Serialize)]
struct Line<'a> {
    id: String,
    at_ms: Time,
    #[serde(flatten)]
    act: &'a Act,
    room: RoomId,
    user: UserId,
    #[serde(skip_serializing_if = "Pairs::is_empty")]
    arms: Pairs<'a>,
}

/// Experiments and arms, as an object.
struct Pairs<'a>(&'a [(ExperimentId, ArmId)]);

impl Pairs<'_> {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Serialize for Pairs<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(experiment, arm)| (experiment, arm)))
    }
}

impl Writer {
    fn run(mut self, waiting: &Receiver<Behaviour>, stopped: &Receiver<()>) {
        loop {
            match waiting.recv_timeout(FLUSH_EVERY) {
                Ok(behaviour) => self.note(&behaviour),
                Err(RecvTimeoutError::Timeout) => self.flush(),
                Err(RecvTimeoutError::Disconnected) => break,
            }
            if matches!(stopped.try_recv(), Err(crossbeam::channel::TryRecvError::Disconnected)) {
                break;
            }
        }
        while let Ok(behaviour) = waiting.try_recv() {
            self.note(&behaviour);
        }
        self.flush();
    }

    fn note(&mut self, behaviour: &Behaviour) {
        match self.write(behaviour) {
            Ok(()) => self.losses.written.fetch_add(1, Ordering::Relaxed),
            Err(error) => {
                if self.open.take().is_some() {
                    tracing::warn!(%error, "behaviour is not written");
                }
                self.losses.dropped.fetch_add(1, Ordering::Relaxed)
            }
        };
    }

    fn write(&mut self, behaviour: &Behaviour) -> io::Result<()> {
        let Behaviour { at, room, user, arms, act } = behaviour;
        self.lines += 1;
        let id = format!("{:016x}-{}", self.run, self.lines);
        let line = serde_json::to_vec(&Line { id, at_ms: *at, act, room: *room, user: *user, arms: Pairs(arms) })?;
        let full = |open: &Open| {
            open.bytes >= self.rolling.file_bytes_max || *at >= open.since.after_ms(self.rolling.file_span_ms)
        };
        if self.open.as_ref().is_some_and(full) {
            self.flush();
            self.open = None;
        }
        if self.open.is_none() {
            self.make_room(*at);
            self.files += 1;
            let name = format!("{PREFIX}{:013}-{:016x}-{:06}.ndjson", at.ms(), self.run, self.files);
            let file = BufWriter::new(File::create_new(self.dir.join(name))?);
            self.open = Some(Open { file, since: *at, bytes: 0 });
        }
        let open = self.open.as_mut().expect("opened above");
        open.file.write_all(&line)?;
        open.file.write_all(b"\n")?;
        open.bytes += line.len() as u64 + 1;
        Ok(())
    }

    /// Removes old files for the one that begins now.
    fn make_room(&self, now: Time) {
        let Rolling { file_bytes_max, file_span_ms } = self.rolling;
        match self.retention.enforce(&self.dir, now, file_bytes_max, file_span_ms) {
            Ok(removed) => drop(self.losses.files_removed.fetch_add(removed, Ordering::Relaxed)),
            // Tried again with the next file.
            Err(error) => tracing::warn!(%error, "old files of behaviour are not removed"),
        }
    }

    fn flush(&mut self) {
        if let Some(open) = &mut self.open
            && let Err(error) = open.file.flush()
        {
            tracing::warn!(%error, "behaviour is not written");
            self.open = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_seen_is_in_the_files_and_what_was_not_is_counted() {
        let dir = tempfile::tempdir().unwrap();
        let rolling = Rolling { file_bytes_max: 150, file_span_ms: 1_000_000 };
        let (files, notebook) =
            BehaviourFiles::start(dir.path().join("events"), rolling, Retention::default(), 7).unwrap();
        let (room, user) = (RoomId::parse("tea").unwrap(), UserId::parse("amy").unwrap());
        let acts = [
            Act::Commented { text: "好".into() },
            Act::Blocked { text: "傻逼".into(), category: "abuse".into(), term: "傻逼".into() },
            Act::Muted { text: "666".into() },
            Act::Liked { hearts: 3 },
        ];
        for act in acts {
            notebook.saw(Behaviour { at: Time::from_ms(5), room, user, arms: Vec::new(), act });
        }
        let arms = vec![(ExperimentId::parse("button").unwrap(), ArmId::parse("red").unwrap())];
        notebook.saw(Behaviour { at: Time::from_ms(6), room, user, arms, act: Act::Liked { hearts: 1 } });
        let losses = Arc::clone(files.losses());
        files.stop();
        let mut names: Vec<_> = fs::read_dir(dir.path().join("events")).unwrap().map(|e| e.unwrap().path()).collect();
        names.sort();
        assert_eq!(names.len(), 3, "each holds two lines");
        let text: String = names.iter().map(|path| fs::read_to_string(path).unwrap()).collect();
        let want = concat!(
            r#"{"id":"0000000000000007-1","at_ms":5,"kind":"comment","text":"好","room":"tea","user":"amy"}"#,
            "\n",
            r#"{"id":"0000000000000007-2","at_ms":5,"kind":"comment_blocked","text":"傻逼","category":"abuse","term":"傻逼","room":"tea","user":"amy"}"#,
            "\n",
            r#"{"id":"0000000000000007-3","at_ms":5,"kind":"comment_muted","text":"666","room":"tea","user":"amy"}"#,
            "\n",
            r#"{"id":"0000000000000007-4","at_ms":5,"kind":"like","hearts":3,"room":"tea","user":"amy"}"#,
            "\n",
            r#"{"id":"0000000000000007-5","at_ms":6,"kind":"like","hearts":1,"room":"tea","user":"amy","arms":{"button":"red"}}"#,
            "\n",
        );
        assert_eq!(text, want);
        assert_eq!((losses.written(), losses.dropped()), (5, 0));
        // Nobody writes any more.
        notebook.saw(Behaviour { at: Time::from_ms(5), room, user, arms: Vec::new(), act: Act::Liked { hearts: 1 } });
        assert_eq!(losses.dropped(), 1);
    }

    #[test]
    fn files_that_are_too_many_go_and_are_counted() {
        let dir = tempfile::tempdir().unwrap();
        let rolling = Rolling { file_bytes_max: 100, file_span_ms: 1_000_000 };
        let retention = Retention { bytes_max: 450, ..Retention::default() };
        let (files, notebook) = BehaviourFiles::start(dir.path().to_owned(), rolling, retention, 7).unwrap();
        let (room, user) = (RoomId::parse("tea").unwrap(), UserId::parse("amy").unwrap());
        for ms in 0..20 {
            notebook.saw(Behaviour {
                at: Time::from_ms(ms),
                room,
                user,
                arms: Vec::new(),
                act: Act::Liked { hearts: 1 },
            });
        }
        let losses = Arc::clone(files.losses());
        files.stop();
        let mut kept: Vec<_> = fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap()).collect();
        kept.sort_by_key(|entry| entry.file_name());
        let bytes: u64 = kept.iter().map(|entry| entry.metadata().unwrap().len()).sum();
        assert!(bytes <= 450 && kept.len() >= 2, "{bytes} bytes in {} files", kept.len());
        assert_eq!((losses.written(), losses.dropped()), (20, 0));
        // Two lines fill a file.
        assert_eq!(losses.files_removed() as usize, 10 - kept.len());
        let last = fs::read_to_string(kept.last().unwrap().path()).unwrap();
        assert!(last.contains("0000000000000007-20"), "the newest is there: {last}");
    }
}
