//! The live part: time, chance, the gate in front of the store, the batches into it, and what follows from a commit.
//!
//! One arbiter thread owns the keeper. Sessions hand it operations and find the answers in their mailboxes; the
//! gate answers the hopeless without it.

mod arbiter;
mod audience;
mod clock;
mod counters;
mod decoys;
mod draw;
mod entropy;
mod experiments;
mod follow;
mod gate;
mod gifts;
mod keywords;
mod needs;
mod order;
mod presence;
mod recurrences;
mod review;
mod room;
mod stepper;
mod talk;
mod talkers;
mod ticker;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use crossbeam::channel;
use tokio::sync::{oneshot, watch};

use crate::events::{Act, Witness};
use crate::fanout::{Broker, Channel, ChannelLimits, Encode, Heard, Joined, Leave, Mailbox, Position, RoomMessage};
use crate::filter::Lexicon;
use crate::rules::{AccountFacts, NotDone, NotDoneCode, Plan, RequestId, RoomId, Sanction, Seed, UserId};
use crate::store::{Answer, Ask, Keeper, Op, Partition, PresenceAsk, Query, Reply};

use arbiter::{Arbiter, Command, Posts, ReplyTo};
use room::Rooms;
use talk::{Comment, Hearing, Talk, Words};

pub use clock::Clock;
pub use counters::Counters;
pub use gate::{Gate, Gates};
pub use room::LiveRoom;
pub use stepper::Stepper;
pub use talk::TalkLimits;

/// What bounds the engine.
#[derive(Debug, Clone, Copy)]
pub struct EngineLimits {
    /// Operations that may wait for the arbiter; more are refused as `overloaded`.
    pub queue_ops: usize,
    /// Operations of one batch.
    pub batch_ops: usize,
    /// How often a room's news go out.
    pub tick: Duration,
    /// How often what is left of a pool goes out; openings and phases go with the next tick.
    pub counts_every: Duration,
    /// How often the number of viewers goes out, if it has changed.
    pub online_every: Duration,
    /// How often those who watch a broadcast are reported to the store.
    pub presence_every: Duration,
    /// What bounds each room's channel.
    pub channel: ChannelLimits,
    /// What keeps one voice from filling a room.
    pub talk: TalkLimits,
}

impl Default for EngineLimits {
    fn default() -> Self {
        Self {
            queue_ops: 65_536,
            batch_ops: 1_024,
            tick: Duration::from_millis(50),
            counts_every: Duration::from_millis(500),
            online_every: Duration::from_secs(1),
            presence_every: Duration::from_secs(5),
            channel: ChannelLimits { history_frames: 256, history_bytes: 256 * 1024, talk_per_tick: 256 },
            talk: TalkLimits::default(),
        }
    }
}

/// The engine's handle: cheap to clone, for every session and every API call.
#[derive(Clone)]
pub struct Engine {
    shared: Arc<Shared>,
}

struct Shared {
    commands: channel::Sender<Command>,
    rooms: Rooms,
    talk: Talk,
    clock: Clock,
    encode: Arc<dyn Encode>,
    /// The way to other nodes, where there are others.
    broker: OnceLock<Arc<dyn Broker>>,
    limits: EngineLimits,
    counters: Counters,
    /// Whether the arbiter has been told already to look at what others have decided.
    woken: AtomicBool,
    /// Set when the store can't go on; the process must end then.
    failed: watch::Sender<Option<String>>,
}

/// What must be ended in order: the arbiter's thread and the ticker.
#[derive(Debug)]
pub struct Running {
    arbiter: std::thread::JoinHandle<()>,
    delivery: tokio::task::JoinHandle<()>,
    ticker: tokio::task::JoinHandle<()>,
    stop: channel::Sender<Command>,
}

/// What was said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Said {
    /// Words, and that is all.
    Talk,
    /// A keyword: the answer comes when what follows from it is decided.
    Keyword,
}

/// A viewer in a room. Dropping it takes the viewer out.
#[derive(Debug)]
pub struct Seat {
    /// The room.
    pub room: Arc<LiveRoom>,
    /// The viewer.
    pub user: UserId,
    /// What waits for the viewer.
    pub mailbox: Arc<Mailbox>,
    /// What the viewer's token says of the account.
    account: AccountFacts,
    /// Whether the store was told of it.
    introduced: AtomicBool,
}

impl Engine {
    /// Starts the engine over a keeper that has recovered. Needs a tokio runtime for its ticker.
    ///
    /// # Errors
    /// When the arbiter's thread can't be started.
    pub fn start(
        keeper: Box<dyn Keeper>, clock: Clock, encode: Arc<dyn Encode>, limits: EngineLimits,
    ) -> std::io::Result<(Self, Running)> {
        let (posts, answers) = Posts::gathered();
        let (engine, arbiter) = Self::assemble(keeper, clock, encode, limits, posts);
        let delivery = tokio::spawn(arbiter::deliver(answers));
        let stop = engine.shared.commands.clone();
        let arbiter = std::thread::Builder::new().name("arbiter".to_owned()).spawn(move || arbiter.run())?;
        let ticker = tokio::spawn(ticker::run(Arc::clone(&engine.shared)));
        Ok((engine, Running { arbiter, delivery, ticker, stop }))
    }

    /// An engine that moves only when it is told to: for simulations. See [`Stepper`].
    pub fn stepped(
        keeper: Box<dyn Keeper>, clock: Clock, encode: Arc<dyn Encode>, limits: EngineLimits,
    ) -> (Self, Stepper) {
        let (engine, arbiter) = Self::assemble(keeper, clock, encode, limits, Posts::Direct);
        let stepper = Stepper::new(Arc::clone(&engine.shared), arbiter);
        (engine, stepper)
    }

    fn assemble(
        keeper: Box<dyn Keeper>, clock: Clock, encode: Arc<dyn Encode>, limits: EngineLimits, posts: Posts,
    ) -> (Self, Arbiter) {
        clock.not_before(keeper.latest());
        let (commands, queue) = channel::bounded(limits.queue_ops);
        let shared = Arc::new(Shared {
            commands,
            rooms: Rooms::default(),
            talk: Talk::new(limits.talk),
            clock,
            encode,
            broker: OnceLock::new(),
            limits,
            counters: Counters::default(),
            woken: AtomicBool::new(false),
            failed: watch::Sender::new(None),
        });
        follow::restore(&shared, keeper.as_ref());
        let arbiter = Arbiter::new(Arc::clone(&shared), keeper, queue, posts);
        (Self { shared }, arbiter)
    }

    /// The server's time.
    pub fn clock(&self) -> &Clock {
        &self.shared.clock
    }

    /// What the engine counts.
    pub fn counters(&self) -> &Counters {
        &self.shared.counters
    }

    /// Becomes `Some(reason)` when the store can't go on: the process must end then.
    pub fn failed(&self) -> watch::Receiver<Option<String>> {
        self.shared.failed.subscribe()
    }

    /// A new secret, for an activity.
    pub fn seed(&self) -> Seed {
        entropy::seed()
    }

    /// A room that exists.
    pub fn room(&self, id: &RoomId) -> Option<Arc<LiveRoom>> {
        self.shared.rooms.get(id)
    }

    /// How many operations wait for the arbiter.
    pub fn queued(&self) -> usize {
        self.shared.commands.len()
    }

    /// Lets a viewer into a room and brings it up to date. `mailbox` receives everything from here on.
    pub fn join(
        &self, room: &RoomId, user: UserId, account: AccountFacts, mailbox: Arc<Mailbox>, resume: Option<Position>,
    ) -> Result<(Seat, Joined), NotDone> {
        let room = self.room(room).ok_or_else(|| NotDoneCode::UnknownRoom.because("no such room"))?;
        if room.order.until(user, Sanction::Ban, self.shared.clock.now()).is_some() {
            return Err(NotDoneCode::Banned.because("the host has banned you from this room"));
        }
        room.audience.lock().enter(user, &mailbox, self.shared.clock.now());
        // A ban that was decided meanwhile has not found the mailbox.
        if room.order.until(user, Sanction::Ban, self.shared.clock.now()).is_some() {
            mailbox.leave(Leave::Banned);
        }
        let joined = room.channel.join(&mailbox, resume, self.shared.encode.as_ref());
        self.shared.rooms.crowd_changed(&room);
        if let Some(broker) = self.shared.broker.get()
            && room.channel.online_here() == 1
        {
            // Whoever comes first hears the other nodes from the start; the number itself can wait.
            broker.online(room.id, 1);
        }
        let introduced = AtomicBool::new(account == AccountFacts::default());
        Ok((Seat { room, user, mailbox, account, introduced }, joined))
    }

    /// Asks the store, or answers at once where the answer is known; otherwise it comes into the mailbox.
    pub fn submit(&self, seat: &Seat, request: RequestId, ask: Ask) -> Option<Answer> {
        if let Some(decoy) = seat.room.decoys.catch(&ask) {
            // Of one who gets away the next shot will do.
            let _ = self.shared.commands.try_send(Command::Caught(seat.room.id, decoy, seat.user));
        }
        if let Some(refusal) = seat.room.gates.refuses(&seat.user, &ask) {
            self.shared.counters.gate_refusals.inc();
            return Some(Answer::Refused(refusal));
        }
        if seat.room.needs.concern(&seat.account)
            && let Err(reason) = self.introduce(seat)
        {
            return Some(Answer::NotDone(reason));
        }
        let op = Op { partition: Partition::Room(seat.room.id), by: Some(seat.user), request: Some(request), ask };
        let reply = ReplyTo::Mailbox(Arc::clone(&seat.mailbox), request);
        self.send(Command::Commit(op, reply)).err().map(Answer::NotDone)
    }

    /// Tells the store what the viewer's token says, before the first request for which it may matter.
    fn introduce(&self, seat: &Seat) -> Result<(), NotDone> {
        if !seat.introduced.load(Ordering::Acquire) {
            let ask = Ask::Presence(PresenceAsk::Introduce { account: seat.account });
            let op = Op { partition: Partition::Room(seat.room.id), by: Some(seat.user), request: None, ask };
            self.send(Command::Commit(op, ReplyTo::Nobody))?;
            seat.introduced.store(true, Ordering::Release);
        }
        Ok(())
    }

    /// Asks the store on behalf of the API.
    pub async fn commit(&self, op: Op) -> Answer {
        let (reply, answer) = oneshot::channel();
        if let Err(reason) = self.send(Command::Commit(op, ReplyTo::Caller(reply))) {
            return Answer::NotDone(reason);
        }
        // The arbiter drops a reply only when it does not know the outcome.
        answer.await.unwrap_or_else(|_| Answer::NotDone(NotDoneCode::Unavailable.because("the outcome is not known")))
    }

    /// Others have decided something in a store that is shared: gates and rooms follow soon.
    pub fn wake(&self) {
        // Once is enough until the arbiter has looked. Where no more fits into its queue, it looks with the next batch.
        if !self.shared.woken.swap(true, Ordering::AcqRel) && self.send(Command::Follow).is_err() {
            self.shared.woken.store(false, Ordering::Release);
        }
    }

    /// Rooms have viewers on other nodes, too, whom this reaches. Once, before there are viewers here.
    pub fn relay_through(&self, broker: Arc<dyn Broker>) {
        if self.shared.broker.set(broker).is_err() {
            tracing::error!("a server has one way to other nodes; another one is not used");
        }
    }

    /// Takes over what came from another node. What does not fit into a tick is dropped and counted.
    pub fn hear(&self, room: &RoomId, heard: Heard) {
        let Some(room) = self.room(room) else { return };
        match heard {
            Heard::Talk(talk) => {
                let messages = u64::from(talk.messages);
                if room.channel.publish_relayed(talk) {
                    self.shared.rooms.has_news(&room);
                } else {
                    self.shared.counters.talk_unheard.add(messages);
                }
            }
            Heard::Online(viewers) => {
                room.channel.set_elsewhere(viewers);
                self.shared.rooms.crowd_changed(&room);
            }
        }
    }

    /// Asks the store a question.
    pub async fn ask(&self, query: Query) -> Result<Reply, NotDone> {
        let (reply, answer) = oneshot::channel();
        self.send(Command::Ask(query, reply))?;
        answer.await.map_err(|_| NotDoneCode::Unavailable.because("the store has stopped"))
    }

    /// Has a viewer's own grants and orders put into its mailbox.
    pub fn ask_own(&self, seat: &Seat) -> Result<(), NotDone> {
        let query = Query::Own { room: seat.room.id, user: seat.user };
        self.send(Command::AskOwn(query, Arc::clone(&seat.mailbox)))
    }

    /// Has the answer to a viewer's question put into its mailbox.
    pub fn look(&self, seat: &Seat, request: RequestId, query: Query) -> Result<(), NotDone> {
        self.send(Command::Look(query, Arc::clone(&seat.mailbox), request))
    }

    /// A host's words, for the whole room, if they pass the filter.
    pub fn announce(&self, seat: &Seat, text: &str) -> Result<(), NotDone> {
        let at = self.shared.clock.now();
        let arms = seat.room.experiments.arms(&seat.user);
        let words = Words { at, room: seat.room.id, from: seat.user, arms: &arms, text };
        self.shared.talk.review(&words)?;
        let message = RoomMessage::Announcement { from: seat.user, text: text.into(), at };
        if !seat.room.channel.publish_talk(message) {
            let retry_after_ms = self.shared.limits.tick.as_millis() as u32;
            return Err(NotDoneCode::Overloaded.for_now("the room's tick is full", retry_after_ms));
        }
        self.shared.rooms.has_news(&seat.room);
        Ok(())
    }

    /// A viewer's words, for the whole room if they pass. If they are a keyword, what follows from that is asked of the store, and
    /// the answer comes into the mailbox.
    ///
    /// # Errors
    /// Nobody but the viewer is to see them; or they are a keyword, and the store takes no more at present: said again under the
    /// same id, they are heard once.
    pub fn comment(&self, seat: &Seat, request: RequestId, text: &str) -> Result<Said, NotDone> {
        let shared = &self.shared;
        let at = shared.clock.now();
        if let Some(until) = seat.room.order.until(seat.user, Sanction::Mute, at) {
            shared.counters.comments_held.inc();
            let arms = || seat.room.experiments.arms(&seat.user);
            shared.talk.saw(at, seat.room.id, seat.user, arms, Act::Muted { text: text.into() });
            let for_ms = until.since(at).as_millis().try_into().unwrap_or(u32::MAX);
            return Err(NotDoneCode::Muted.for_now("the host has muted you", for_ms));
        }
        let arms = seat.room.experiments.arms(&seat.user);
        let words = Words { at, room: seat.room.id, from: seat.user, arms: &arms, text };
        match shared.talk.hear(&Comment { words, request }) {
            Ok(Hearing::Known) => return self.look_for_keywords(seat, request, text),
            Ok(Hearing::Pass) => {}
            Err(why) => {
                shared.counters.comments_held.inc();
                return Err(why);
            }
        }
        // In a tick that is full nobody would have the time to read it.
        if seat.room.channel.publish_talk(RoomMessage::Said { from: seat.user, text: text.into(), at }) {
            shared.counters.comments.inc();
            shared.rooms.has_news(&seat.room);
        } else {
            shared.counters.comments_crowded_out.inc();
        }
        seat.room.note_talk(seat.user, at);
        self.look_for_keywords(seat, request, text)
    }

    /// A comment that is a keyword counts for whatever waits for it. Of several things the last answers for all: those before it
    /// were in the queue before it, and none is harmed by being asked again.
    fn look_for_keywords(&self, seat: &Seat, request: RequestId, text: &str) -> Result<Said, NotDone> {
        let mut asks = seat.room.keywords.said(text);
        let Some(last) = asks.pop() else { return Ok(Said::Talk) };
        if seat.room.needs.concern(&seat.account) {
            self.introduce(seat)?;
        }
        let op = |ask| Op { partition: Partition::Room(seat.room.id), by: Some(seat.user), request: None, ask };
        for ask in asks {
            self.send(Command::Commit(op(ask), ReplyTo::Nobody))?;
        }
        self.send(Command::Commit(op(last), ReplyTo::Speaker(Arc::clone(&seat.mailbox), request)))?;
        Ok(Said::Keyword)
    }

    /// Hearts for a room.
    pub fn like(&self, seat: &Seat, hearts: u32) {
        self.shared.counters.hearts.add(u64::from(hearts));
        let at = self.shared.clock.now();
        let arms = || seat.room.experiments.arms(&seat.user);
        self.shared.talk.saw(at, seat.room.id, seat.user, arms, Act::Liked { hearts });
        seat.room.note_talk(seat.user, at);
        seat.room.add_hearts(hearts);
        self.shared.rooms.has_news(&seat.room);
    }

    /// What is banned, at present.
    pub fn lexicon(&self) -> Arc<Lexicon> {
        self.shared.talk.lexicon()
    }

    /// What is banned at present in the copy of an activity: its review lists it.
    pub fn findings(&self, plan: &Plan) -> Vec<String> {
        review::findings(&self.lexicon(), plan)
    }

    /// Another lexicon counts from now on.
    pub fn use_lexicon(&self, lexicon: Arc<Lexicon>) {
        self.shared.talk.use_lexicon(lexicon);
    }

    /// Tells somebody what viewers do that decides nothing. Once.
    pub fn tell(&self, witness: Arc<dyn Witness>) {
        if !self.shared.talk.tell(witness) {
            tracing::error!("a server tells one witness; another one hears nothing");
        }
    }

    /// The state of a room, encoded for one who has missed too much.
    pub fn snapshot(&self, room: &LiveRoom) -> bytes::Bytes {
        room.channel.snapshot(self.shared.encode.as_ref())
    }

    /// Takes a viewer out of its room.
    pub fn leave(&self, seat: &Seat) {
        seat.room.audience.lock().exit(&seat.user, &seat.mailbox, self.shared.clock.now());
        seat.room.channel.leave(&seat.mailbox);
        self.shared.rooms.crowd_changed(&seat.room);
    }

    /// Tells every viewer of every room to go.
    pub fn dismiss(&self, why: Leave) {
        self.shared.rooms.for_each(|room| room.channel.dismiss(why));
    }

    /// How many viewers there are here in all rooms, and how many rooms.
    pub fn census(&self) -> (u64, u64) {
        let (mut viewers, mut rooms) = (0, 0);
        self.shared.rooms.for_each(|room| {
            viewers += u64::from(room.channel.online_here());
            rooms += 1;
        });
        (viewers, rooms)
    }

    fn send(&self, command: Command) -> Result<(), NotDone> {
        self.shared.commands.try_send(command).map_err(|error| match error {
            channel::TrySendError::Full(_) => {
                self.shared.counters.overloaded.inc();
                NotDoneCode::Overloaded.for_now("too many requests are waiting", 100)
            }
            channel::TrySendError::Disconnected(_) => NotDoneCode::Unavailable.because("the server is stopping"),
        })
    }
}

impl Running {
    /// Lets the arbiter finish what waits, then ends it. Every operation sent before is answered.
    pub async fn stop(self) {
        self.ticker.abort();
        let Self { arbiter, delivery, stop, .. } = self;
        let joined = tokio::task::spawn_blocking(move || {
            // If the arbiter is gone already there is nothing to stop.
            let _ = stop.send(Command::Stop);
            arbiter.join()
        });
        if !matches!(joined.await, Ok(Ok(()))) {
            tracing::error!("the arbiter ended in a panic");
        }
        if delivery.await.is_err() {
            tracing::error!("the delivery of answers ended in a panic");
        }
    }
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").field("queued", &self.queued()).finish_non_exhaustive()
    }
}

impl Shared {
    fn new_channel(&self) -> Channel {
        Channel::new(entropy::number(), self.limits.channel)
    }
}
