//! A keeper for several nodes: one ordered log of operations in Redis, and the same tables on every node.
//!
//! A batch is appended to the log by one function call, without any condition on its content: its place in the log *is*
//! the decision. Every node reads the log in order and runs the same pure rules over each batch, so all of them come to the
//! same answers, the same state and the same events, numbered alike. There is no leader, nothing is guessed ahead and
//! nothing rolled back. Timers of every node append what is due; the later one comes to [`Answer::Idle`].
//!
//! What a lost answer means is in [`fault`]: what may have been written is asked for again, under the same number, until
//! Redis says where it stands.

mod address;
mod bell;
pub mod fault;
mod link;
mod locate;
mod read;
mod remote;
mod settings;
mod slots;
mod snapshot;
mod steward;
mod survey;

use std::time::Duration;

use ::redis::ConnectionInfo;
use serde::Serialize;

use super::{Answer, Bounds, CommitError, GateFacts, Keeper, Op, Query, Recorded, Reply, Tables};
use crate::rules::{ActivityId, RoomId, Time, UserId};
use fault::{Failure, Fault, Verdict};
use remote::{Entry, Place, RemoteLog, hex};
use snapshot::Replica;

pub use address::{InvalidUrl, RedisUrl};
pub use bell::Bell;
pub use read::Reading;
pub use settings::{Durability, Settings};
pub use steward::{Checkpoint, LogEvents, Steward};
pub use survey::{Primary, primaries};

/// Where the log is, and how it is spoken to.
#[derive(Debug, Clone)]
pub struct RedisOptions {
    /// The server.
    pub url: RedisUrl,
    /// What its keys begin with: one name for each log.
    pub prefix: String,
    /// How long an answer may take before the connection is given up.
    pub timeout: Duration,
    /// What must have happened before a batch is answered.
    pub durability: Durability,
}

impl RedisOptions {
    /// The usual ones.
    pub fn new(url: RedisUrl) -> Self {
        Self { url, prefix: "liveroom".to_owned(), timeout: Duration::from_secs(1), durability: Durability::default() }
    }

    /// How the primary that has the slot of `tag` is spoken to, the password included; elsewhere than in a cluster, the
    /// primary. Whoever keeps a connection asks again when that breaks. It blocks.
    ///
    /// # Errors
    /// When nobody can say.
    pub fn primary(&self, tag: &str) -> Result<ConnectionInfo, Failure> {
        let mut locator = locate::Locator::new(self.url.clone(), tag, self.timeout);
        let host = locator.primary()?;
        Ok(locator.server(&host))
    }

    /// Head, log, nodes, bell, lease, notes: as `log.lua` wants them. The braces keep them together in a cluster.
    fn keys(&self) -> [String; 6] {
        ["head", "log", "nodes", "bell", "steward", "notes"].map(|part| format!("{{{}}}:{part}", self.prefix))
    }

    /// Where the snapshot of that place is.
    fn snapshot_key(&self, position: u64) -> String {
        format!("{{{}}}:snapshot:{position}", self.prefix)
    }
}

/// Tables that follow the log in Redis.
pub struct RedisKeeper {
    tables: Tables,
    at: Place,
    log: RemoteLog,
    replicas: u32,
    /// Why nothing is granted any more.
    stopped: Option<String>,
}

/// What stands in the log before each batch.
const FORMAT: u8 = 1;

impl RedisKeeper {
    /// Joins the log, or begins it, and applies everything that is in it since the newest snapshot.
    ///
    /// # Errors
    /// What kept it from joining or reading.
    pub fn open(options: &RedisOptions, bounds: Bounds) -> Result<Self, Failure> {
        let mut chance = [0; 24];
        aws_lc_rs::rand::fill(&mut chance)
            .map_err(|_| Failure::new(Fault::Unreachable, "the system gives no randomness"))?;
        let (node, stamp) = chance.split_at(8);
        let mut link = link::Link::new(options, &options.prefix);
        let mut log = RemoteLog::new(options, bounds, hex(node));
        log.join(&hex(stamp))?;
        let Replica { tables, at } = Replica::newest(&mut link, options, bounds)?;
        let mut keeper = Self { tables, at, log, replicas: options.durability.replicas(), stopped: None };
        keeper.catch_up(&mut Vec::new())?;
        Ok(keeper)
    }

    /// What it keeps.
    pub fn tables(&self) -> &Tables {
        &self.tables
    }

    /// How many batches of the log are in the tables.
    pub fn position(&self) -> u64 {
        self.at.position
    }

    /// What this node is called in the log.
    pub fn node(&self) -> &str {
        self.log.node()
    }

    /// Appends a batch and waits until it is as safe as asked for. Whatever is unknown is asked for until it is known.
    fn append(&mut self, batch: &[u8]) -> Result<remote::Appended, CommitError> {
        let (mut unknown, mut attempt) = (false, 0);
        loop {
            let appended = self.log.append(&self.at, batch);
            // It is in the log: whatever goes wrong from here on, it has been decided.
            unknown |= appended.is_ok();
            let safe = appended.and_then(|appended| self.log.replicated(self.replicas).map(|()| appended));
            let failure = match safe {
                Ok(appended) => return Ok(appended),
                Err(failure) => failure,
            };
            match failure.fault.verdict() {
                // An earlier attempt may still be on its way: only an answer to the batch itself says what became of it.
                Verdict::NotDone if !unknown => return Err(CommitError::Unavailable(failure.to_string())),
                Verdict::NotDone => {}
                Verdict::Unknown => unknown = true,
                // If an attempt was written, then into the history that is lost: in the log that is there, it is not done.
                Verdict::Stop => return Err(self.stop(&failure)),
                Verdict::Fatal => return Err(CommitError::Fatal(failure.to_string())),
            }
            pause(&mut attempt, &failure);
        }
    }

    /// Applies what is missing up to `position`, which is in the log.
    fn catch_up_to(
        &mut self, position: u64, mut entries: Vec<Entry>, events: &mut Vec<Recorded>,
    ) -> Result<(), CommitError> {
        let mut attempt = 0;
        loop {
            for entry in entries.into_iter().take_while(|entry| entry.position() <= position) {
                self.apply(&entry, events).map_err(|failure| self.stop_or_end(&failure))?;
            }
            if self.at.position >= position {
                return Ok(());
            }
            entries = loop {
                let failure = match self.log.look(&self.at) {
                    Ok(entries) => break entries,
                    Err(failure) => failure,
                };
                match failure.fault.verdict() {
                    Verdict::Stop | Verdict::Fatal => return Err(self.stop_or_end(&failure)),
                    Verdict::NotDone | Verdict::Unknown => {}
                }
                pause(&mut attempt, &failure);
            };
        }
    }

    /// Applies all that the log has.
    fn catch_up(&mut self, events: &mut Vec<Recorded>) -> Result<(), Failure> {
        loop {
            let entries = self.log.look(&self.at)?;
            if entries.is_empty() {
                return Ok(());
            }
            for entry in entries {
                self.apply(&entry, events)?;
            }
        }
    }

    fn apply(&mut self, entry: &Entry, events: &mut Vec<Recorded>) -> Result<(), Failure> {
        apply(&mut self.tables, &mut self.at, entry, events)
    }

    /// Nothing is granted from here on.
    fn stop(&mut self, failure: &Failure) -> CommitError {
        let why = failure.to_string();
        tracing::error!(%why, applied = self.at.position, "Redis has lost decisions that were acknowledged: no more are taken");
        self.stopped = Some(why.clone());
        CommitError::Unavailable(why)
    }

    fn stop_or_end(&mut self, failure: &Failure) -> CommitError {
        match failure.fault.verdict() {
            Verdict::Stop => self.stop(failure),
            _ => CommitError::Fatal(failure.to_string()),
        }
    }
}

/// Decides somebody's batch as everybody does.
fn apply(tables: &mut Tables, at: &mut Place, entry: &Entry, events: &mut Vec<Recorded>) -> Result<(), Failure> {
    let next = RemoteLog::follow(at, entry)?;
    let unread = |why: String| Failure::new(Fault::Inconsistent, format!("batch {}: {why}", next.position));
    let (format, now, ops): (u8, Time, Vec<Op>) =
        postcard::from_bytes(&entry.batch).map_err(|error| unread(error.to_string()))?;
    if format != FORMAT {
        return Err(unread(format!("is of format {format}, this node reads {FORMAT}")));
    }
    // Their answers are for others.
    tables.commit(now, &ops, &mut Vec::new(), events).map_err(|error| unread(error.to_string()))?;
    *at = next;
    Ok(())
}

/// Waits longer from time to time, and says why.
fn pause(attempt: &mut u32, failure: &Failure) {
    if attempt.is_power_of_two() {
        tracing::warn!(why = %failure, attempt, "a batch's outcome is not known yet");
    }
    std::thread::sleep(Duration::from_millis(2 << (*attempt).min(6)));
    *attempt = attempt.saturating_add(1);
}

impl Keeper for RedisKeeper {
    fn commit(
        &mut self, now: Time, ops: &[Op], answers: &mut Vec<Answer>, events: &mut Vec<Recorded>,
    ) -> Result<(), CommitError> {
        if let Some(why) = &self.stopped {
            return Err(CommitError::Unavailable(why.clone()));
        }
        let batch = encode(now, ops);
        let remote::Appended { position, missing } = self.append(&batch)?;
        self.catch_up_to(position - 1, missing, events)?;
        let entry = self.log.settled(&self.at, position, batch);
        self.at = RemoteLog::follow(&self.at, &entry).map_err(|failure| self.stop_or_end(&failure))?;
        self.tables.commit(now, ops, answers, events)
    }

    fn follow(&mut self, events: &mut Vec<Recorded>) -> Result<(), CommitError> {
        if self.stopped.is_some() {
            return Ok(());
        }
        match self.catch_up(events) {
            Ok(()) => Ok(()),
            Err(failure) => match failure.fault.verdict() {
                Verdict::Stop => {
                    self.stop(&failure);
                    Ok(())
                }
                Verdict::Fatal => Err(CommitError::Fatal(failure.to_string())),
                // Whoever comes next, a batch or the bell, catches up.
                Verdict::NotDone | Verdict::Unknown => Ok(()),
            },
        }
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

fn encode(now: Time, ops: &[Op]) -> Vec<u8> {
    /// A slice encodes as the list that it is read back as.
    #[derive(Serialize)]
    struct Batch<'a>(u8, Time, &'a [Op]);
    postcard::to_stdvec(&Batch(FORMAT, now, ops)).expect("operations always encode")
}

impl std::fmt::Debug for RedisKeeper {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RedisKeeper").field("position", &self.at.position).finish_non_exhaustive()
    }
}
