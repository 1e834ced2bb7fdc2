//! The keeper: tables that follow the log in Redis.

use std::time::Duration;

use super::RedisOptions;
use super::batch::{self, Chunk};
use super::fault::{Failure, Fault, Verdict};
use super::merge::{Entry, Merge};
use super::remote::{Appended, Convened, RemoteLog, hex};
use super::snapshot::Replica;
use crate::rules::{ActivityId, RoomId, Time, UserId};
use crate::store::{Answer, Bounds, CommitError, GateFacts, Keeper, Op, Query, Recorded, Reply, Tables};

/// Tables that follow the log in Redis.
pub struct RedisKeeper {
    tables: Tables,
    merge: Merge,
    /// One for each stripe.
    logs: Vec<RemoteLog>,
    node: String,
    /// The number of the next batch.
    seq: u64,
    replicas: u32,
    /// Why nothing is granted any more.
    stopped: Option<String>,
}

/// A batch of this node, and the answers to its operations.
struct Own<'a> {
    now: Time,
    chunks: Vec<Chunk<'a>>,
    answers: Vec<Vec<Answer>>,
}

/// How long a node that joins waits before it asks again whether all have gathered.
const PAUSE_MS: u128 = 50;

/// So many entries are put back at once.
const RESTORED_MAX: usize = 64;

/// So often a stripe that others need is looked at before it is filled: longer each time, since its entry is likely to be on its
/// way.
const LOOKS: u32 = 5;

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
        let (node, mut stamp) = (hex(node), hex(stamp));
        let new = |stripe| RemoteLog::new(options, stripe, bounds, node.clone());
        let mut logs: Vec<_> = (0..options.stripes).map(new).collect();
        for (stripe, log) in logs.iter_mut().enumerate() {
            let began = log.join(&stamp)?;
            if stripe > 0 && began != stamp {
                let said = format!("stripe {stripe} belongs to another log than stripe 0");
                return Err(Failure::new(Fault::Inconsistent, said));
            }
            stamp = began;
        }
        let Replica { tables, merge, .. } = Replica::newest(options, bounds)?;
        let merge = merge.remembering(options.remembered_bytes);
        let replicas = options.durability.replicas();
        let mut keeper = Self { tables, merge, logs, node, seq: 1, replicas, stopped: None };
        let mut attempt = 0;
        loop {
            match keeper.read_on() {
                Ok(false) => return Ok(keeper),
                Ok(true) => keeper.decide(None, &mut Vec::new())?,
                // Others may be on their way: twice as long as they are waited for.
                Err(failure)
                    if failure.fault == Fault::Convene && attempt < 2 * options.gather.as_millis() / PAUSE_MS + 20 =>
                {
                    attempt += 1;
                    std::thread::sleep(Duration::from_millis(PAUSE_MS as u64));
                }
                Err(failure) => return Err(failure),
            }
        }
    }

    /// What it keeps.
    pub fn tables(&self) -> &Tables {
        &self.tables
    }

    /// How many entries of the log are in the tables.
    pub fn position(&self) -> u64 {
        self.merge.merged()
    }

    /// What this node is called in the log.
    pub fn node(&self) -> &str {
        &self.node
    }

    /// Appends an entry to every stripe and waits until all are as safe as asked for. Whatever is unknown is asked for until it
    /// is known.
    fn append(&mut self, chunks: &[Vec<u8>]) -> Result<Vec<Appended>, CommitError> {
        let mut safe: Vec<Option<Appended>> = chunks.iter().map(|_| None).collect();
        let (mut unknown, mut attempt) = (false, 0);
        loop {
            let open: Vec<usize> = (0..chunks.len()).filter(|stripe| safe[*stripe].is_none()).collect();
            // All are sent before any answer is awaited.
            let sent: Vec<_> = open
                .iter()
                .map(|&stripe| self.logs[stripe].append(self.seq, self.merge.read(stripe), &chunks[stripe]))
                .collect();
            let answer =
                |(&stripe, call): (&usize, Result<_, _>)| call.and_then(|call| self.logs[stripe].appended(&call));
            let appended: Vec<_> = open.iter().zip(sent).map(answer).collect();
            // What is in the log is decided, whatever goes wrong from here on.
            unknown |= appended.iter().any(Result::is_ok);
            let mut failures = Vec::new();
            for (&stripe, safely) in open.iter().zip(self.replicated(&open, appended)) {
                match safely {
                    Ok(appended) => safe[stripe] = Some(appended),
                    Err(failure) => failures.push(self.convened(stripe, failure)),
                }
            }
            // Only gatherings were in the way, and all have ended well.
            if failures.iter().all(Option::is_none) && !failures.is_empty() {
                continue;
            }
            let failures: Vec<_> = failures.into_iter().flatten().collect();
            let Some(worst) = failures.iter().max_by_key(|failure| failure.fault.verdict()) else {
                return Ok(safe.into_iter().flatten().collect());
            };
            match worst.fault.verdict() {
                // Another stripe has its entry, or an earlier attempt may still be on its way: only answers to the batch itself
                // say what became of it.
                Verdict::NotDone if !unknown => return Err(CommitError::Unavailable(worst.to_string())),
                Verdict::NotDone => {}
                Verdict::Unknown => unknown = true,
                // If an attempt was written, then into the history that is lost: in the log that is there, it is not done.
                Verdict::Stop => return Err(self.stop(worst)),
                Verdict::Fatal => return Err(CommitError::Fatal(worst.to_string())),
            }
            pause(&mut attempt, worst);
        }
    }

    /// Waits until enough replicas have what was appended, on all stripes at once.
    fn replicated(
        &mut self, stripes: &[usize], appended: Vec<Result<Appended, Failure>>,
    ) -> Vec<Result<Appended, Failure>> {
        if self.replicas == 0 {
            return appended;
        }
        let sent: Vec<_> = stripes
            .iter()
            .zip(appended)
            .map(|(&stripe, appended)| Ok((appended?, self.logs[stripe].replicate(self.replicas)?)))
            .collect();
        let answer = |(&stripe, sent): (&usize, Result<(Appended, _), Failure>)| {
            let (appended, call) = sent?;
            self.logs[stripe].replicated(&call, self.replicas).map(|()| appended)
        };
        stripes.iter().zip(sent).map(answer).collect()
    }

    /// Takes in what an append has said: what came before it, and itself.
    fn take_in(&mut self, stripe: usize, appended: Appended, batch: Vec<u8>) -> Result<(), CommitError> {
        let Appended { position, mut missing } = appended;
        loop {
            for entry in missing.into_iter().take_while(|entry| entry.position < position) {
                self.push(stripe, entry)?;
            }
            if self.merge.read(stripe).position + 1 >= position {
                break;
            }
            missing = self.asked(|keeper| keeper.look(stripe))?;
        }
        let before = self.merge.read(stripe).chain.clone();
        self.push(stripe, Entry { position, before, node: self.node.clone(), seq: self.seq, batch: batch.into() })
    }

    fn push(&mut self, stripe: usize, entry: Entry) -> Result<(), CommitError> {
        self.merge.push(stripe, entry).map_err(|failure| self.stop_or_end(&failure))
    }

    /// Applies all entries up to number `last`, which is in the log. A stripe that is behind is waited for a little, for whoever
    /// appended to the others is likely to append to it as well, and then filled.
    fn pass(
        &mut self, last: u64, mut own: Option<&mut Own<'_>>, events: &mut Vec<Recorded>,
    ) -> Result<(), CommitError> {
        let mut looks = 0;
        loop {
            self.decide(own.as_deref_mut(), events).map_err(|failure| self.stop_or_end(&failure))?;
            if self.merge.merged() >= last {
                return Ok(());
            }
            let behind = self.merge.turn();
            let needed = self.merge.turns(last, behind);
            let entries = self.asked(|keeper| {
                if looks < LOOKS {
                    return keeper.look(behind);
                }
                let filled = keeper.logs[behind].fill(keeper.merge.read(behind), needed);
                // Its reason, if it was one, is gone by the next attempt.
                filled.map_err(|failure| keeper.convened(behind, failure).unwrap_or_else(again))
            })?;
            if entries.is_empty() {
                std::thread::sleep(Duration::from_micros(200 << (2 * looks)));
                looks += 1;
            } else {
                looks = 0;
            }
            for entry in entries {
                self.push(behind, entry)?;
            }
        }
    }

    /// Applies what was read, in order.
    fn decide(&mut self, mut own: Option<&mut Own<'_>>, events: &mut Vec<Recorded>) -> Result<(), Failure> {
        loop {
            let stripe = self.merge.turn();
            let Some(entry) = self.merge.next() else { return Ok(()) };
            match &mut own {
                Some(own) if (entry.seq, &entry.node) == (self.seq, &self.node) => {
                    let (chunk, answers) = (&own.chunks[stripe], &mut own.answers[stripe]);
                    chunk.decide(&mut self.tables, own.now, answers, events)
                }
                _ => batch::apply(&mut self.tables, &entry.batch, events),
            }
            .map_err(|why| Failure::new(Fault::Inconsistent, format!("entry {}: {why}", self.merge.merged())))?;
        }
    }

    /// Reads what there is, as far as it comes with one answer; says whether there was anything.
    fn read_on(&mut self) -> Result<bool, Failure> {
        let mut found = false;
        for stripe in 0..self.logs.len() {
            for entry in self.look(stripe)? {
                self.merge.push(stripe, entry)?;
                found = true;
            }
        }
        Ok(found)
    }

    fn look(&mut self, stripe: usize) -> Result<Vec<Entry>, Failure> {
        loop {
            let failure = match self.logs[stripe].look(self.merge.read(stripe)) {
                Ok(entries) => return Ok(entries),
                Err(failure) => failure,
            };
            if let Some(failure) = self.convened(stripe, failure) {
                return Err(failure);
            }
        }
    }

    /// If a failure says that nodes must gather, gathers; `None` once all have, and what failed may be tried again.
    fn convened(&mut self, stripe: usize, failure: Failure) -> Option<Failure> {
        if failure.fault != Fault::Convene {
            return Some(failure);
        }
        match self.gather(stripe) {
            Ok(true) => None,
            Ok(false) => Some(failure),
            Err(failure) => Some(failure),
        }
    }

    /// Says what this node knows of a stripe whose server was restarted or has taken over, and puts back what the log has lost of
    /// it. Whether all have, and the log goes on.
    fn gather(&mut self, stripe: usize) -> Result<bool, Failure> {
        loop {
            let (log, known) = (&mut self.logs[stripe], self.merge.read(stripe));
            let Convened { all, end } = log.convene(known, self.merge.remembers_all(stripe), self.seq - 1)?;
            if all {
                tracing::warn!(stripe, position = end.position, "all nodes have said what they know: the log goes on");
                return Ok(true);
            }
            if end.position >= known.position {
                return Ok(false);
            }
            let Some(lost) = self.merge.following(stripe, &end) else {
                let said = format!(
                    "the log ends after {}, and this node, which knows it up to {}, does not remember what follows",
                    end.position, known.position
                );
                return Err(Failure::new(Fault::Poorer, said));
            };
            log.restore(&end, lost.take(RESTORED_MAX))?;
            tracing::warn!(stripe, after = end.position, known = known.position, "the log has lost entries: put back");
            if self.replicas > 0 {
                let call = log.replicate(self.replicas)?;
                log.replicated(&call, self.replicas)?;
            }
        }
    }

    /// Asks until there is an answer.
    fn asked<T>(&mut self, ask: impl Fn(&mut Self) -> Result<T, Failure>) -> Result<T, CommitError> {
        let mut attempt = 0;
        loop {
            let failure = match ask(self) {
                Ok(answer) => return Ok(answer),
                Err(failure) => failure,
            };
            match failure.fault.verdict() {
                Verdict::Stop | Verdict::Fatal => return Err(self.stop_or_end(&failure)),
                Verdict::NotDone | Verdict::Unknown => pause(&mut attempt, &failure),
            }
        }
    }

    /// Nothing is granted from here on.
    fn stop(&mut self, failure: &Failure) -> CommitError {
        let why = failure.to_string();
        let applied = self.position();
        tracing::error!(%why, applied, "Redis has lost decisions that were acknowledged: no more are taken");
        self.stopped = Some(why.clone());
        self.leave();
        CommitError::Unavailable(why)
    }

    /// Nobody need wait for what this node knows.
    fn leave(&mut self) {
        self.logs.iter_mut().for_each(RemoteLog::leave);
    }

    fn stop_or_end(&mut self, failure: &Failure) -> CommitError {
        match failure.fault.verdict() {
            Verdict::Stop => self.stop(failure),
            _ => CommitError::Fatal(failure.to_string()),
        }
    }

    fn followed(&mut self, events: &mut Vec<Recorded>) -> Result<(), CommitError> {
        loop {
            match self.read_on() {
                Ok(false) => break,
                Ok(true) => self.decide(None, events).map_err(|failure| self.stop_or_end(&failure))?,
                Err(failure) => match failure.fault.verdict() {
                    Verdict::Stop | Verdict::Fatal => return Err(self.stop_or_end(&failure)),
                    // Whoever comes next, a batch or the bell, catches up.
                    Verdict::NotDone | Verdict::Unknown => return Ok(()),
                },
            }
        }
        self.pass(self.merge.last_read(), None, events)
    }
}

/// What could not be done, and can now.
fn again() -> Failure {
    Failure::new(Fault::Convene, "nodes have gathered")
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
        let chunks = batch::share(ops, self.merge.count());
        let batches: Vec<_> = chunks.iter().map(|chunk| chunk.encode(now)).collect();
        let appended = self.append(&batches)?;
        let number = |(stripe, appended): (usize, &Appended)| self.merge.number(stripe, appended.position);
        let last = appended.iter().enumerate().map(number).max().expect("a log has stripes");
        for (stripe, (appended, batch)) in appended.into_iter().zip(batches).enumerate() {
            self.take_in(stripe, appended, batch)?;
        }
        let mut own = Own { now, answers: chunks.iter().map(|_| Vec::new()).collect(), chunks };
        self.pass(last, Some(&mut own), events)?;
        self.seq += 1;
        answers.extend(own.answers.into_iter().flatten());
        Ok(())
    }

    fn follow(&mut self, events: &mut Vec<Recorded>) -> Result<(), CommitError> {
        if self.stopped.is_some() {
            return Ok(());
        }
        match self.followed(events) {
            // It is said whenever somebody asks.
            Err(CommitError::Unavailable(_)) => Ok(()),
            done => done,
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

impl Drop for RedisKeeper {
    fn drop(&mut self) {
        self.leave();
    }
}

impl std::fmt::Debug for RedisKeeper {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RedisKeeper").field("position", &self.position()).finish_non_exhaustive()
    }
}
