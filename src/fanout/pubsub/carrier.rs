//! The task that owns the connection: subscribes where there are viewers, sends what is said here, hears what is said there.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use foldhash::fast::RandomState;
use futures_util::future::BoxFuture;
use futures_util::stream::{FuturesUnordered, StreamExt};
use redis::{PushInfo, RedisError, RedisResult};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Interval, MissedTickBehavior, interval, sleep, timeout};

use super::census::Census;
use super::envelope::{self, Envelope, Word};
use super::line::{Line, Pushed};
use super::{FAREWELL, Shared, Traffic};
use crate::fanout::{Heard, Talk};
use crate::rules::RoomId;
use crate::store::redis::RedisOptions;

/// How often a node says how many viewers it has.
const BEAT: Duration = Duration::from_secs(2);

/// Calls of Redis under way at once; what comes meanwhile waits, in bounded room.
const CALLS_MAX: usize = 64;

/// Ticks of one room that wait for the one before them to be sent; more are dropped.
const ROOM_WAITING_MAX: usize = 16;

/// The first pause before a connection is made anew, and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));

/// What takes what is heard.
pub(super) type Hear = Box<dyn Fn(&RoomId, Heard) + Send>;

/// The task's state.
pub(super) struct Carrier {
    options: RedisOptions,
    node: String,
    shared: Arc<Shared>,
    talk: mpsc::Receiver<(RoomId, Talk)>,
    hear: Hear,
    census: Census,
    /// Rooms that are heard over the present connection.
    rooms: BTreeSet<RoomId>,
    /// Rooms of which a tick is being sent, and the ticks behind it: a room's talk keeps its order.
    sending: HashMap<RoomId, VecDeque<Talk>, RandomState>,
    /// Rooms about which there is something to tell.
    due: BTreeSet<RoomId>,
    beats: Interval,
}

type Calls = FuturesUnordered<BoxFuture<'static, Called>>;

struct Called {
    result: RedisResult<()>,
    /// The room whose talk was sent, and the messages that are lost if it failed.
    sent: Option<(RoomId, u64)>,
    /// The room that was to be heard.
    subscribed: Option<RoomId>,
}

impl Carrier {
    pub(super) fn new(
        options: RedisOptions, node: String, shared: Arc<Shared>, talk: mpsc::Receiver<(RoomId, Talk)>, hear: Hear,
    ) -> Self {
        let mut beats = interval(BEAT);
        beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (census, rooms, due) = (Census::default(), BTreeSet::new(), BTreeSet::new());
        let sending = HashMap::default();
        Self { options, node, shared, talk, hear, census, rooms, sending, due, beats }
    }

    /// Runs until `stop`.
    pub(super) async fn run(mut self, mut stop: oneshot::Receiver<()>) {
        let (mut pause, mut failures) = (Duration::ZERO, 0_u32);
        loop {
            let connecting = connect(pause, self.options.clone(), Arc::clone(&self.shared.traffic));
            tokio::pin!(connecting);
            let connected = loop {
                tokio::select! {
                    connected = &mut connecting => break connected,
                    () = self.alone() => {}
                    _ = &mut stop => return,
                }
            };
            let why = match connected {
                Ok((line, pushes)) => {
                    Traffic::add(&self.shared.traffic.connections, 1);
                    (pause, failures) = (Duration::ZERO, 0);
                    match self.serve(line, pushes, &mut stop).await {
                        Ok(()) => return,
                        Err(why) => why,
                    }
                }
                Err(why) => why,
            };
            failures += 1;
            if failures.is_power_of_two() {
                tracing::warn!(%why, failures, "talk does not reach other nodes now");
            }
            pause = (pause * 2).clamp(PAUSES.0, PAUSES.1);
        }
    }

    /// While there is no connection: what is said is lost, and the other nodes fall silent.
    async fn alone(&mut self) {
        tokio::select! {
            Some((_, talk)) = self.talk.recv() => Traffic::add(&self.shared.traffic.dropped, talk.messages.into()),
            _ = self.beats.tick() => self.count_silent(),
        }
    }

    /// Serves over one connection: to the end, or until that breaks.
    async fn serve(
        &mut self, line: Line, mut pushes: mpsc::Receiver<PushInfo>, stop: &mut oneshot::Receiver<()>,
    ) -> RedisResult<()> {
        let mut calls = Calls::new();
        self.rooms.clear();
        for talk in self.sending.drain().flat_map(|(_, waiting)| waiting) {
            Traffic::add(&self.shared.traffic.dropped, talk.messages.into());
        }
        self.due = self.shared.here.lock().viewers.keys().copied().collect();
        loop {
            while calls.len() < CALLS_MAX
                && let Some(room) = self.due.pop_first()
            {
                calls.extend(self.tell(&line, room));
            }
            tokio::select! {
                Some(called) = calls.next() => {
                    let sent = called.sent;
                    self.called(called)?;
                    calls.extend(sent.and_then(|(room, _)| self.send_next(&line, room)));
                }
                push = pushes.recv() => self.pushed(push.ok_or_else(gone)?)?,
                Some((room, talk)) = self.talk.recv(), if calls.len() < CALLS_MAX => calls.extend(self.send(&line, room, talk)),
                () = self.shared.news.notified() => self.due.append(&mut self.shared.here.lock().changed),
                _ = self.beats.tick() => {
                    self.count_silent();
                    self.due.extend(self.shared.here.lock().viewers.keys());
                    self.due.extend(&self.rooms);
                }
                _ = &mut *stop => {
                    // Whoever misses it notices the silence.
                    let _ = timeout(FAREWELL, self.farewell(line)).await;
                    return Ok(());
                }
            }
        }
    }

    /// Tells the other nodes how many viewers the room has here, and hears the room or hears it no more.
    fn tell(&mut self, line: &Line, room: RoomId) -> Option<BoxFuture<'static, Called>> {
        let viewers = self.shared.here.lock().viewers.get(&room).copied().unwrap_or(0);
        let heard = match viewers {
            0 if self.rooms.remove(&room) => {
                self.census.forget(&room);
                self.count_nodes();
                (self.hear)(&room, Heard::Online(0));
                true
            }
            0 => return None,
            _ => !self.rooms.insert(room),
        };
        let (mut line, channel) = (line.clone(), envelope::channel(&self.options.prefix, &room));
        let online = Word::Online { viewers, asks: !heard };
        let envelope = Envelope::new(&self.node, online).encode();
        Some(Box::pin(async move {
            let told = async {
                if !heard {
                    line.subscribe(&channel).await?;
                }
                line.publish(&channel, &envelope).await?;
                if viewers == 0 { line.unsubscribe(&channel).await } else { Ok(()) }
            };
            Called { result: told.await, sent: None, subscribed: (!heard).then_some(room) }
        }))
    }

    /// Sends a tick of a room's talk, once the one before is sent.
    fn send(&mut self, line: &Line, room: RoomId, talk: Talk) -> Option<BoxFuture<'static, Called>> {
        match self.sending.get_mut(&room) {
            None => {
                self.sending.insert(room, VecDeque::new());
                Some(self.publish(line, room, &talk))
            }
            Some(waiting) if waiting.len() < ROOM_WAITING_MAX => {
                waiting.push_back(talk);
                None
            }
            Some(_) => {
                Traffic::add(&self.shared.traffic.dropped, talk.messages.into());
                None
            }
        }
    }

    /// A tick of the room was sent: the next one's turn.
    fn send_next(&mut self, line: &Line, room: RoomId) -> Option<BoxFuture<'static, Called>> {
        match self.sending.get_mut(&room)?.pop_front() {
            Some(talk) => Some(self.publish(line, room, &talk)),
            None => {
                self.sending.remove(&room);
                None
            }
        }
    }

    fn publish(&self, line: &Line, room: RoomId, talk: &Talk) -> BoxFuture<'static, Called> {
        let (mut line, channel) = (line.clone(), envelope::channel(&self.options.prefix, &room));
        let messages = u64::from(talk.messages);
        let word = Word::Talk { messages: talk.messages, events: &talk.events };
        let envelope = Envelope::new(&self.node, word).encode();
        let traffic = Arc::clone(&self.shared.traffic);
        Box::pin(async move {
            let result = line.publish(&channel, &envelope).await;
            if result.is_ok() {
                Traffic::add(&traffic.sent, messages);
            }
            Called { result, sent: Some((room, messages)), subscribed: None }
        })
    }

    /// An error of the connection ends it; one of the call costs what it was for.
    fn called(&mut self, called: Called) -> RedisResult<()> {
        let Err(why) = called.result else { return Ok(()) };
        Traffic::add(&self.shared.traffic.dropped, called.sent.map_or(0, |(_, messages)| messages));
        if let Some(room) = called.subscribed {
            // The next beat tries again.
            self.rooms.remove(&room);
        }
        if why.is_io_error() || why.is_unrecoverable_error() {
            return Err(why);
        }
        tracing::warn!(%why, "other nodes were not told");
        Ok(())
    }

    fn pushed(&mut self, push: PushInfo) -> RedisResult<()> {
        match Pushed::read(push) {
            Some(Pushed::Said { channel, envelope }) => {
                if let Some(room) = envelope::room(&self.options.prefix, &channel) {
                    self.heard(room, &envelope);
                }
            }
            Some(Pushed::Unheard { channel }) => {
                let room = envelope::room(&self.options.prefix, &channel);
                // Not our wish where it is still among those that are heard.
                self.due.extend(room.filter(|room| self.rooms.remove(room)));
            }
            Some(Pushed::Gone) => return Err(gone()),
            None => {}
        }
        Ok(())
    }

    fn heard(&mut self, room: RoomId, envelope: &[u8]) {
        let Some(envelope) = Envelope::decode(envelope) else {
            return Traffic::add(&self.shared.traffic.missed, 1);
        };
        if envelope.node == self.node || !self.rooms.contains(&room) {
            return;
        }
        match envelope.word {
            Word::Talk { messages, events } => {
                Traffic::add(&self.shared.traffic.heard, messages.into());
                (self.hear)(&room, Heard::Talk(Talk { messages, events: events.to_vec().into() }));
            }
            Word::Online { viewers, asks } => {
                if asks {
                    self.due.insert(room);
                }
                if let Some(sum) = self.census.note(room, envelope.node, viewers) {
                    self.count_nodes();
                    (self.hear)(&room, Heard::Online(sum));
                }
            }
        }
    }

    fn count_silent(&mut self) {
        for (room, sum) in self.census.beat() {
            (self.hear)(&room, Heard::Online(sum));
        }
        self.count_nodes();
    }

    fn count_nodes(&self) {
        self.shared.traffic.nodes.store(self.census.nodes() as u64, Ordering::Relaxed);
    }

    async fn farewell(&mut self, line: Line) {
        let none = Envelope::new(&self.node, Word::Online { viewers: 0, asks: false }).encode();
        for rooms in std::mem::take(&mut self.rooms).into_iter().collect::<Vec<_>>().chunks(CALLS_MAX) {
            let goodbyes = rooms.iter().map(|room| {
                let (mut line, channel) = (line.clone(), envelope::channel(&self.options.prefix, room));
                let none = &none;
                async move { line.publish(&channel, none).await }
            });
            futures_util::future::join_all(goodbyes).await;
        }
    }
}

async fn connect(
    pause: Duration, options: RedisOptions, traffic: Arc<Traffic>,
) -> RedisResult<(Line, mpsc::Receiver<PushInfo>)> {
    sleep(pause).await;
    Line::connect(&options, traffic).await
}

fn gone() -> RedisError {
    RedisError::from((redis::ErrorKind::Io, "the connection to Redis is gone"))
}
