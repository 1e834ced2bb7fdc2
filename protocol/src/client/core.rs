//! The client's behaviour, without I/O and without a clock.
//!
//! Whoever drives a [`Core`] does, whenever anything happened: first `handle_*` for what happened, then everything that
//! [`poll`](Core::poll) asks for, then writes what is in [`outgoing`](Core::outgoing), then waits until
//! [`deadline`](Core::deadline) at most and calls [`handle_deadline`](Core::handle_deadline). `now` never goes back.
//!
//! A connection goes `Away → Connecting → Greeting → Live → (Parting) → Away`; it ends when none of the servers will have the
//! client.

mod requests;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use bytes::BytesMut;

use super::options::RetryPolicy;
use super::outcome::{Disconnect, Event, Outcome, RequestError};
use super::random::Jitter;
use crate::codes::Reconnect;
use crate::frame::encode_frame;
use crate::transport::VERSION;
use crate::wire::{
    ClientFrame, Goodbye, Hello, Ping, Position, ServerFrame, Tick, Welcome, client_frame, server_frame,
};
use requests::Requests;

/// How long a server that said goodbye may still send answers before the client hangs up.
const PARTING: Duration = Duration::from_secs(2);

/// A connection that lived this long was a good one: the next pause is a short one again.
const GOOD_AFTER: Duration = Duration::from_secs(5);

/// How a core is set up.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The room to enter.
    pub room: String,
    /// What the client calls itself.
    pub agent: String,
    /// How many servers there are to go to, at least one.
    pub targets: usize,
    /// How patient it is.
    pub retry: RetryPolicy,
    /// Where the transport does not keep the connection alive by itself: how often to ping, and how long silence may last.
    pub heartbeat: Option<(Duration, Duration)>,
}

/// What a core asks of its driver, or tells it.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// Connect to that one of the servers, counted from 0, then call [`Core::handle_connected`] or
    /// [`Core::handle_disconnected`].
    Connect(usize),
    /// Drop the connection; nothing needs to be reported about it.
    HangUp,
    /// Something for the program.
    Event(Event),
    /// A request has come to its end.
    Settled {
        /// Which.
        request_id: u64,
        /// How.
        outcome: Result<Outcome, RequestError>,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Not connected; the next attempt is at this time.
    Away(Instant),
    Connecting,
    /// The hello is sent; its answer is due at this time.
    Greeting(Instant),
    /// Welcomed, at this time.
    Live(Instant),
    /// The server said goodbye; at this time the client hangs up.
    Parting(Instant),
    Ended,
}

/// Whether a server will have the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    /// For all that is known.
    Open,
    /// It did not take the token: once more, with a fresh one.
    Doubted,
    /// It would turn the client away again.
    Shut,
}

/// The client's behaviour.
#[derive(Debug)]
pub struct Core {
    settings: Settings,
    stage: Stage,
    requests: Requests,
    /// What a resume would start from; `None` until the room's state is known.
    position: Option<Position>,
    goodbye: Option<Goodbye>,
    /// Which of the servers it is with, or will try next.
    target: usize,
    /// Connections in a row that were not good ones.
    failures: u32,
    /// What each server has said of letting the client in, since one last did.
    standings: Vec<Standing>,
    heard_at: Instant,
    said_at: Instant,
    /// Since when the server owes an answer and has said nothing at all.
    unheard_since: Option<Instant>,
    jitter: Jitter,
    outgoing: BytesMut,
    outputs: VecDeque<Output>,
}

impl Core {
    /// A core that wants to connect at once. `seed` spreads its pauses, and clients over the servers.
    pub fn new(settings: Settings, now: Instant, seed: u64) -> Self {
        let mut jitter = Jitter::seeded(seed);
        Self {
            target: jitter.below(settings.targets as u64) as usize,
            requests: Requests::new(settings.retry.clone()),
            standings: vec![Standing::Open; settings.targets.max(1)],
            settings,
            stage: Stage::Away(now),
            position: None,
            goodbye: None,
            failures: 0,
            heard_at: now,
            said_at: now,
            unheard_since: None,
            jitter,
            outgoing: BytesMut::new(),
            outputs: VecDeque::new(),
        }
    }

    // ---- queries ------------------------------------------------------------------------------

    /// Whether the server has welcomed this connection. Room frames are to be read from then on.
    pub fn is_live(&self) -> bool {
        matches!(self.stage, Stage::Live(_) | Stage::Parting(_))
    }

    /// Whether the client will not connect any more.
    pub fn is_ended(&self) -> bool {
        self.stage == Stage::Ended
    }

    /// Whether another request may be submitted.
    pub fn has_capacity(&self) -> bool {
        self.requests.has_capacity()
    }

    /// Where a resume would start.
    pub fn position(&self) -> Option<Position> {
        self.position
    }

    /// When [`handle_deadline`](Self::handle_deadline) is next due.
    pub fn deadline(&self) -> Option<Instant> {
        let stage = match self.stage {
            Stage::Away(at) | Stage::Greeting(at) | Stage::Parting(at) => Some(at),
            Stage::Live(_) => {
                let heartbeat = self.settings.heartbeat;
                let heartbeat = heartbeat.map(|(every, silence)| (self.said_at + every).min(self.heard_at + silence));
                [heartbeat, self.unheard_at()].into_iter().flatten().min()
            }
            Stage::Connecting | Stage::Ended => None,
        };
        [stage, self.requests.deadline()].into_iter().flatten().min()
    }

    // ---- what happened ------------------------------------------------------------------------

    /// Asks. `request_id` is not zero and not being asked at the moment.
    pub fn submit(&mut self, now: Instant, request_id: u64, body: client_frame::Body) {
        if self.is_ended() {
            self.settle(request_id, Err(RequestError::Ended));
        } else if !self.requests.add(now, request_id, body) {
            self.settle(request_id, Err(RequestError::IdUnusable { request_id }));
        }
        self.send_requests(now);
    }

    /// The transport is up.
    pub fn handle_connected(&mut self, now: Instant, token: String) {
        debug_assert_eq!(self.stage, Stage::Connecting);
        self.stage = Stage::Greeting(now + self.settings.retry.hello_deadline);
        self.goodbye = None;
        let hello = Hello {
            version: VERSION,
            token,
            room: self.settings.room.clone(),
            resume: self.position,
            agent: self.settings.agent.clone(),
        };
        self.send(now, &ClientFrame { request_id: 0, body: Some(client_frame::Body::Hello(hello)) });
    }

    /// A frame came.
    pub fn handle_frame(&mut self, now: Instant, frame: ServerFrame) {
        self.heard_at = now;
        self.unheard_since = self.unheard_since.map(|_| now);
        // A later server may say things that this client does not know; they are not for it.
        let Some(body) = frame.body else { return };
        match body {
            server_frame::Body::Welcome(welcome) => self.handle_welcome(now, welcome),
            server_frame::Body::Answer(answer) => {
                if let Some((request_id, outcome)) = self.requests.handle_answer(now, answer, &mut self.jitter) {
                    self.settle(request_id, outcome);
                }
                if !self.requests.is_any_in_flight() {
                    self.unheard_since = None;
                }
                self.send_requests(now);
            }
            server_frame::Body::Tick(tick) => self.handle_tick(tick),
            server_frame::Body::Snapshot(snapshot) => {
                self.position = Some(Position { epoch: snapshot.epoch, offset: snapshot.offset });
                self.tell(Event::Snapshot(snapshot));
            }
            server_frame::Body::Own(own) => self.tell(Event::Own(own)),
            server_frame::Body::TierChanged(changed) => self.tell(Event::TierChanged(changed)),
            server_frame::Body::WatchProgress(progress) => self.tell(Event::WatchProgress(progress)),
            server_frame::Body::Fan(fan) => self.tell(Event::Fan(fan)),
            server_frame::Body::Dropped(dropped) => self.tell(Event::Dropped { frames: dropped.frames }),
            server_frame::Body::Goodbye(goodbye) => {
                self.stage = Stage::Parting(now + PARTING);
                self.goodbye = Some(goodbye.clone());
                self.tell(Event::Goodbye(goodbye));
            }
            server_frame::Body::Pong(_) => {}
        }
    }

    /// The connection is gone, or could not be made.
    pub fn handle_disconnected(&mut self, now: Instant, cause: Disconnect) {
        if matches!(self.stage, Stage::Away(_) | Stage::Ended) {
            return;
        }
        // The goodbye says more than the way the connection then ended.
        let cause = self.goodbye.take().map_or(cause, Disconnect::Goodbye);
        let good = matches!(self.stage, Stage::Live(since) if now >= since + GOOD_AFTER);
        self.failures = if good { 1 } else { self.failures.saturating_add(1) };
        self.judge(&cause);
        let moves = self.move_on(good, &cause);
        self.outgoing.clear();
        self.unheard_since = None;
        self.requests.handle_disconnected();
        let reconnect_in = self.reconnect_in(&cause, moves);
        match reconnect_in {
            Some(pause) => {
                self.stage = Stage::Away(now + pause);
                self.tell(Event::Disconnected { cause, reconnect_in });
            }
            None => {
                self.tell(Event::Disconnected { cause, reconnect_in });
                self.end();
            }
        }
    }

    /// The time of [`deadline`](Self::deadline) has come.
    pub fn handle_deadline(&mut self, now: Instant) {
        match self.stage {
            Stage::Away(at) if at <= now => {
                self.stage = Stage::Connecting;
                self.outputs.push_back(Output::Connect(self.target));
            }
            Stage::Greeting(at) if at <= now => self.hang_up(now, Disconnect::HelloUnanswered),
            Stage::Parting(at) if at <= now => self.hang_up(now, Disconnect::Lost("parted".into())),
            Stage::Live(_) if self.unheard_at().is_some_and(|at| at <= now) => self.hang_up(now, Disconnect::Silent),
            Stage::Live(_) => self.keep_alive(now),
            Stage::Away(_) | Stage::Greeting(_) | Stage::Parting(_) | Stage::Connecting | Stage::Ended => {}
        }
        for (request_id, outcome) in self.requests.handle_deadline(now) {
            self.settle(request_id, outcome);
        }
        self.send_requests(now);
    }

    /// The program wants no more.
    pub fn close(&mut self) {
        if !self.is_ended() {
            self.outputs.push_back(Output::HangUp);
            self.end();
        }
    }

    // ---- what to do ---------------------------------------------------------------------------

    /// The next thing to do or to tell.
    pub fn poll(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// The bytes to send; the driver takes from the front what it has written.
    pub fn outgoing(&mut self) -> &mut BytesMut {
        &mut self.outgoing
    }

    // ---- inside -------------------------------------------------------------------------------

    fn handle_welcome(&mut self, now: Instant, welcome: Welcome) {
        if !matches!(self.stage, Stage::Greeting(_)) {
            return;
        }
        self.stage = Stage::Live(now);
        self.standings.fill(Standing::Open);
        if !welcome.recovered {
            // What is known is out of date; until the snapshot is here, there is nothing to resume from.
            self.position = None;
        }
        self.requests.in_flight_max(welcome.in_flight_max);
        self.tell(Event::Welcome(welcome));
        self.send_requests(now);
    }

    fn handle_tick(&mut self, tick: Tick) {
        let behind = self.position.is_some_and(|at| at.epoch == tick.epoch && tick.offset < at.offset);
        if behind {
            return;
        }
        self.position = Some(Position { epoch: tick.epoch, offset: tick.offset });
        self.tell(Event::Tick(tick));
    }

    fn keep_alive(&mut self, now: Instant) {
        let Some((every, silence)) = self.settings.heartbeat else {
            return;
        };
        if self.heard_at + silence <= now {
            self.hang_up(now, Disconnect::Silent);
        } else if self.said_at + every <= now {
            let ping = client_frame::Body::Ping(Ping { nonce: self.jitter.below(u64::MAX) });
            self.send(now, &ClientFrame { request_id: 0, body: Some(ping) });
        }
    }

    fn send_requests(&mut self, now: Instant) {
        if matches!(self.stage, Stage::Live(_)) && self.requests.send(&mut self.outgoing) {
            self.said_at = now;
            self.unheard_since.get_or_insert(now);
        }
    }

    /// When the server has owed an answer for too long, if there is another to ask.
    fn unheard_at(&self) -> Option<Instant> {
        let since = self.unheard_since.filter(|_| self.settings.targets > 1)?;
        Some(since + self.settings.retry.unheard_max)
    }

    fn send(&mut self, now: Instant, frame: &ClientFrame) {
        encode_frame(frame, &mut self.outgoing);
        self.said_at = now;
    }

    fn hang_up(&mut self, now: Instant, cause: Disconnect) {
        self.outputs.push_back(Output::HangUp);
        self.handle_disconnected(now, cause);
    }

    /// Remembers what the present server's refusal means for the next attempt there.
    fn judge(&mut self, cause: &Disconnect) {
        let standing = &mut self.standings[self.target];
        *standing = match (cause.reconnect(), *standing) {
            (Reconnect::Later, standing) => standing,
            (Reconnect::FreshToken, Standing::Open) => Standing::Doubted,
            (Reconnect::FreshToken, _) | (Reconnect::Never, _) => Standing::Shut,
        };
    }

    /// Turns to the next server that may have the client, unless the present one is to be tried again first: one that was good
    /// still has what the room said meanwhile. Says whether it is another.
    fn move_on(&mut self, good: bool, cause: &Disconnect) -> bool {
        let unwilling = matches!(cause, Disconnect::Goodbye(_) | Disconnect::Silent);
        if good && !unwilling && self.standings[self.target] != Standing::Shut {
            return false;
        }
        let (before, targets) = (self.target, self.standings.len());
        let mut others = (1..=targets).map(|step| (before + step) % targets);
        if let Some(next) = others.find(|target| self.standings[*target] != Standing::Shut) {
            self.target = next;
        }
        self.target != before
    }

    /// When to try again; `None` once every server would turn the client away.
    fn reconnect_in(&mut self, cause: &Disconnect, moves: bool) -> Option<Duration> {
        if self.standings.iter().all(|standing| *standing == Standing::Shut) {
            return None;
        }
        let asked = match cause {
            // What one server asks for does not concern another.
            Disconnect::Goodbye(goodbye) if !moves => Duration::from_millis(goodbye.retry_after_ms.into()),
            _ => Duration::ZERO,
        };
        // Patience grows with each round, not with each server of it.
        let rounds = self.failures.saturating_sub(1) / self.settings.targets.max(1) as u32 + 1;
        Some(pause(&self.settings.retry, rounds, asked, &mut self.jitter))
    }

    fn end(&mut self) {
        self.stage = Stage::Ended;
        self.outgoing.clear();
        for request_id in self.requests.clear() {
            self.settle(request_id, Err(RequestError::Ended));
        }
    }

    fn settle(&mut self, request_id: u64, outcome: Result<Outcome, RequestError>) {
        self.outputs.push_back(Output::Settled { request_id, outcome });
    }

    fn tell(&mut self, event: Event) {
        self.outputs.push_back(Output::Event(event));
    }
}

/// The pause before attempt `attempt` (from 1): doubling, at least `asked`, the upper half of it by chance, so that those who
/// were thrown out together do not come back together.
fn pause(policy: &RetryPolicy, attempt: u32, asked: Duration, jitter: &mut Jitter) -> Duration {
    let doublings = attempt.saturating_sub(1).min(16);
    let backoff = policy.pause_min.saturating_mul(1 << doublings).min(policy.pause_max);
    let base = asked.max(backoff / 2);
    let spread = (base / 2).max(backoff / 2);
    base + Duration::from_micros(jitter.below(u64::try_from(spread.as_micros()).unwrap_or(u64::MAX)))
}
