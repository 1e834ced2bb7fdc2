//! The single writer: takes operations as they come, commits them in batches, hands out the answers.
//!
//! While one batch is being made durable the next one gathers: the busier the server, the larger the batches.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crossbeam::channel::{Receiver, RecvTimeoutError};
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::sync::oneshot;

use super::Shared;
use super::decoys::Catches;
use super::follow::Follower;
use super::review;
use crate::fanout::{Mailbox, Post};
use crate::rules::{ActivityId, NotDoneCode, RequestId, RoomId, Time, UserId};
use crate::store::{Answer, CommitError, Keeper, Op, Query, Recorded, Reply};

/// What the arbiter is asked for.
pub(super) enum Command {
    /// Decide.
    Commit(Op, ReplyTo),
    /// Answer a question about what is committed.
    Ask(Query, oneshot::Sender<Reply>),
    /// Put a user's own into a mailbox.
    AskOwn(Query, Arc<Mailbox>),
    /// Put the answer to a viewer's question into a mailbox.
    Look(Query, Arc<Mailbox>, RequestId),
    /// Somebody has fired at a decoy: to be recorded later.
    Caught(RoomId, ActivityId, UserId),
    /// Look at what others have decided.
    Follow,
    /// Finish what came before, and end.
    Stop,
}

/// Who waits for an answer.
pub(super) enum ReplyTo {
    /// A viewer's session.
    Mailbox(Arc<Mailbox>, RequestId),
    /// A viewer's session, which has said something: what it has entered comes as the viewer's own.
    Speaker(Arc<Mailbox>, RequestId),
    /// A caller of the API.
    Caller(oneshot::Sender<Answer>),
    /// Nobody: a timer asked.
    Nobody,
    /// A report of who is there: it is made again if the store does not take it.
    Reports,
}

/// A batch's answers, each with the mailbox it goes to.
pub(super) type PostBatch = Vec<(Arc<Mailbox>, Post)>;

/// The way of a batch's answers into the viewers' mailboxes.
pub(super) enum Posts {
    /// In one piece to a task of the runtime: it wakes the sessions from within, where the arbiter would have to interrupt
    /// the runtime for each of them.
    Gathered(PostBatch, UnboundedSender<PostBatch>),
    /// At once, where there is no runtime.
    Direct,
}

impl Posts {
    /// Gathers for the task that [`deliver`] is.
    pub(super) fn gathered() -> (Self, UnboundedReceiver<PostBatch>) {
        let (sender, receiver) = mpsc::unbounded_channel();
        (Self::Gathered(Vec::new(), sender), receiver)
    }

    fn add(&mut self, mailbox: Arc<Mailbox>, post: Post) {
        match self {
            Self::Gathered(batch, _) => batch.push((mailbox, post)),
            Self::Direct => mailbox.post(post),
        }
    }

    fn send(&mut self) {
        if let Self::Gathered(batch, sender) = self
            && !batch.is_empty()
        {
            // Without the runtime there is nobody left to tell.
            let _ = sender.send(std::mem::take(batch));
        }
    }
}

/// Puts the answers into the mailboxes; ends after the arbiter. What waits here is bounded by the arbiter's queue.
pub(super) async fn deliver(mut batches: UnboundedReceiver<PostBatch>) {
    while let Some(batch) = batches.recv().await {
        for (mailbox, post) in batch {
            mailbox.post(post);
        }
    }
}

/// How long the store is left alone after it could not take a batch.
const RETRY_AFTER_MS: u32 = 500;

/// The single writer's state.
pub(super) struct Arbiter {
    shared: Arc<Shared>,
    keeper: Box<dyn Keeper>,
    queue: Receiver<Command>,
    ops: Vec<Op>,
    replies: Vec<ReplyTo>,
    answers: Vec<Answer>,
    events: Vec<Recorded>,
    questions: Vec<Question>,
    follower: Follower,
    catches: Catches,
    posts: Posts,
    timers_rest_until: Option<Time>,
    following: bool,
    stopping: bool,
}

enum Question {
    Caller(Query, oneshot::Sender<Reply>),
    Own(Query, Arc<Mailbox>),
    Viewer(Query, Arc<Mailbox>, RequestId),
}

impl Arbiter {
    pub(super) fn new(shared: Arc<Shared>, keeper: Box<dyn Keeper>, queue: Receiver<Command>, posts: Posts) -> Self {
        Self {
            keeper,
            queue,
            ops: Vec::new(),
            replies: Vec::new(),
            answers: Vec::new(),
            events: Vec::new(),
            questions: Vec::new(),
            follower: Follower::new(&shared),
            catches: Catches::default(),
            shared,
            posts,
            timers_rest_until: None,
            following: false,
            stopping: false,
        }
    }

    /// Runs until it is told to stop, or the store fails.
    pub(super) fn run(mut self) {
        while !self.stopping {
            let first = self.wait();
            if let Err(why) = self.turn(first) {
                tracing::error!(%why, "the store can't go on");
                self.shared.failed.send_replace(Some(why));
                return;
            }
        }
        self.close();
    }

    /// The last reports of who is there, as long as the store takes them.
    fn close(&mut self) {
        self.follower.rounds().close(self.shared.clock.now());
        loop {
            self.report(false);
            if self.ops.is_empty() {
                return;
            }
            if let Err(why) = self.commit() {
                tracing::error!(%why, "the store can't go on");
                return;
            }
        }
    }

    /// Takes what is there, commits it, and hands out what came of it.
    pub(super) fn turn(&mut self, first: Option<Command>) -> Result<(), String> {
        self.gather(first);
        self.commit()
    }

    /// Whether nothing waits.
    pub(super) fn is_idle(&self) -> bool {
        self.queue.is_empty()
    }

    pub(super) fn keeper(&self) -> &dyn Keeper {
        self.keeper.as_ref()
    }

    /// Waits for something to do.
    fn wait(&self) -> Option<Command> {
        match self.rest() {
            Some(rest) => match self.queue.recv_timeout(rest) {
                Ok(command) => Some(command),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => Some(Command::Stop),
            },
            None => Some(self.queue.recv().unwrap_or(Command::Stop)),
        }
    }

    fn gather(&mut self, first: Option<Command>) {
        // What time has ended comes first: nothing that waits behind it may still be granted by it.
        if self.timers_rest_until.is_none_or(|until| until <= self.shared.clock.now()) {
            self.timers_rest_until = None;
            let half = self.shared.limits.batch_ops.div_ceil(2);
            self.keeper.due(self.shared.clock.now(), half, &mut self.ops);
            review::complete(&mut self.ops, &self.shared.talk.lexicon(), self.keeper.as_ref());
            let room = half.saturating_sub(self.ops.len());
            self.ops.extend(self.catches.due(self.shared.clock.now(), room));
            self.replies.resize_with(self.ops.len(), || ReplyTo::Nobody);
            self.report(true);
        }
        let queue = self.queue.clone();
        let more = std::iter::from_fn(|| queue.try_recv().ok());
        for command in first.into_iter().chain(more) {
            match command {
                Command::Commit(op, reply) => {
                    self.ops.push(op);
                    self.replies.push(reply);
                }
                Command::Ask(query, reply) => self.questions.push(Question::Caller(query, reply)),
                Command::AskOwn(query, mailbox) => self.questions.push(Question::Own(query, mailbox)),
                Command::Look(query, mailbox, request) => {
                    self.questions.push(Question::Viewer(query, mailbox, request));
                }
                Command::Caught(room, decoy, user) => {
                    self.catches.add((room, decoy, user), self.shared.clock.now());
                }
                Command::Follow => {
                    self.shared.woken.store(false, Ordering::Release);
                    self.following = true;
                }
                Command::Stop => self.stopping = true,
            }
            if self.stopping || self.ops.len() >= self.shared.limits.batch_ops {
                break;
            }
        }
        if self.ops.len() < self.shared.limits.batch_ops / 2 {
            self.report(false);
        }
    }

    /// Adds a report of who is there, if one is due; late ones come first, others only where there is room.
    fn report(&mut self, only_late: bool) {
        let (now, every) = (self.shared.clock.now(), self.shared.limits.presence_every);
        if self.timers_rest_until.is_none()
            && let Some(op) = self.follower.rounds().report(now, every, only_late)
        {
            self.ops.push(op);
            self.replies.push(ReplyTo::Reports);
        }
    }

    /// How long there is nothing to do unless something is asked; `None` means for ever.
    fn rest(&self) -> Option<Duration> {
        let now = self.shared.clock.now();
        let reports = self.follower.rounds_next();
        let catches = self.catches.next_at();
        let next_due = || self.keeper.next_due().into_iter().chain(reports).chain(catches).min();
        let timers = self.timers_rest_until.or_else(next_due).map(|at| at.since(now));
        let news = self.follower.rest(now);
        timers.into_iter().chain(news).min()
    }

    fn commit(&mut self) -> Result<(), String> {
        if !self.ops.is_empty() {
            let (began, now) = (Instant::now(), self.shared.clock.now());
            match self.keeper.commit(now, &self.ops, &mut self.answers, &mut self.events) {
                // What others did before came with it: whoever called had seen it in the store.
                Ok(()) => self.following = false,
                Err(CommitError::Unavailable(why)) => {
                    tracing::warn!(%why, "a batch was not taken");
                    let reason = NotDoneCode::Unavailable.for_now("no decisions are taken now", RETRY_AFTER_MS);
                    for (op, reply) in self.ops.iter().zip(&self.replies) {
                        if matches!(reply, ReplyTo::Reports) {
                            self.follower.rounds().not_taken(op);
                        }
                    }
                    self.answers.clear();
                    self.answers.resize(self.ops.len(), Answer::NotDone(reason));
                    self.timers_rest_until = Some(now.after_ms(u64::from(RETRY_AFTER_MS)));
                }
                Err(CommitError::Fatal(why)) => return Err(why),
            }
            let counters = &self.shared.counters;
            counters.batches.inc();
            counters.ops.add(self.ops.len() as u64);
            counters.batch_ops_max.raise(self.ops.len() as u64);
            counters.events.add(self.events.len() as u64);
            counters.commit_us.add(began.elapsed().as_micros() as u64);
        }
        if std::mem::take(&mut self.following) {
            self.keeper.follow(&mut self.events).map_err(|error| error.to_string())?;
        }
        if let Some(latest) = self.events.last() {
            self.shared.counters.latest_event.raise(latest.no);
        }
        // Gates first: who was granted something must be known there before anything reads as sold out.
        self.follower.follow(&self.shared, &self.events, self.keeper.as_ref());
        self.events.clear();
        self.ops.clear();
        for (reply, answer) in self.replies.drain(..).zip(self.answers.drain(..)) {
            if matches!(answer, Answer::NotDone(_)) {
                self.shared.counters.not_done.inc();
            }
            match reply {
                ReplyTo::Mailbox(mailbox, request) => self.posts.add(mailbox, Post::Answer(request, answer)),
                ReplyTo::Speaker(mailbox, request) => {
                    let answer = match answer {
                        Answer::Refused(_) | Answer::NotDone(_) => answer,
                        _ => Answer::Idle,
                    };
                    self.posts.add(mailbox, Post::Answer(request, answer));
                }
                // A caller that has gone away can ask again with the same id.
                ReplyTo::Caller(caller) => drop(caller.send(answer)),
                ReplyTo::Nobody | ReplyTo::Reports => {}
            }
        }
        for question in self.questions.drain(..) {
            match question {
                Question::Caller(query, caller) => drop(caller.send(self.keeper.ask(&query))),
                Question::Viewer(query, mailbox, request) => {
                    self.posts.add(mailbox, Post::Reply(request, Box::new(self.keeper.ask(&query))));
                }
                Question::Own(query, mailbox) => {
                    if let Reply::Own(own) = self.keeper.ask(&query)
                        && !own.is_empty()
                    {
                        self.posts.add(mailbox, Post::Own(own));
                    }
                }
            }
        }
        self.posts.send();
        self.follower.publish(&self.shared, self.keeper.as_ref());
        Ok(())
    }
}
