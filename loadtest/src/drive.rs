//! One viewer's conversation: ask, hear the answer, ask again.
//!
//! The loop here is all that a viewer costs beside the transport, and the bare echo is driven by the very same, so that a
//! server is compared with its transport by one and the same tester. Per operation: one write, one read, one clock
//! reading, one uncontended lock, no allocation. What a request or an answer looks like is the [`Script`]'s.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use liveroom_protocol::transport::KEEP_ALIVE;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::{MissedTickBehavior, interval_at, timeout_at};

use crate::board::{Desk, Flight, Verdict};
use crate::line::{LineBroke, LineIn, LineOut};

/// How long after the window answers are still awaited.
pub const DRAIN: Duration = Duration::from_secs(5);

/// The server said something that can't be understood.
#[derive(Debug, thiserror::Error)]
#[error("not understood: {0}")]
pub struct NotUnderstood(pub &'static str);

/// What was understood: the answer to the operation named by `key`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reply {
    /// The name of the operation.
    pub key: u64,
    /// What the answer said.
    pub verdict: Verdict,
}

/// What a viewer says, and how it understands what it hears. Frames should be encoded beforehand, and only be patched here.
pub trait Script: Send + 'static {
    /// Appends the next request and names it, or has nothing more to ask.
    fn request(&mut self, out: &mut Vec<u8>) -> Option<u64>;

    /// Appends the request named `key` once more: its line broke before the answer came.
    fn repeat(&mut self, key: u64, out: &mut Vec<u8>);

    /// Appends requests that an answer told to send once more. They are under way already.
    fn again(&mut self, _out: &mut Vec<u8>) {}

    /// Reads the whole messages at the front of `input`, appends the answers among them to `replies`, and says how many
    /// bytes were whole messages.
    fn replies(&mut self, input: &[u8], replies: &mut Vec<Reply>) -> Result<usize, NotUnderstood>;
}

/// When a viewer asks.
#[derive(Debug)]
pub enum Pace {
    /// As soon as fewer than this many operations are under way.
    Closed {
        /// At least one.
        in_flight: usize,
    },
    /// When told so by the pacer, unless this many are under way: then later, and counted from when it was due.
    Open {
        /// From [`crate::pacer::pace`].
        due: UnboundedReceiver<Instant>,
        /// At least one.
        in_flight_max: usize,
    },
}

/// Why a conversation ended.
#[derive(Debug)]
pub enum End {
    /// The window is over, or the script has no more to ask, and every answer has come.
    Settled,
    /// The window is over and answers are still out.
    TimeUp,
    /// The line broke; the conversation may go on over another.
    LineBroke(LineBroke),
    /// The server can't be understood.
    NotUnderstood(NotUnderstood),
}

/// A viewer in conversation. What is under way survives a broken line.
#[derive(Debug)]
pub struct Conversation<S> {
    script: S,
    pace: Pace,
    desk: Desk,
    flights: VecDeque<Flight>,
    /// Intended, and not yet sent.
    waiting: VecDeque<Instant>,
    /// No more will be intended.
    silent: bool,
    input: Vec<u8>,
    out: Vec<u8>,
    replies: Vec<Reply>,
}

impl<S: Script> Conversation<S> {
    /// A conversation that has not begun.
    pub fn new(script: S, pace: Pace, desk: Desk) -> Self {
        Self {
            script,
            pace,
            desk,
            flights: VecDeque::new(),
            waiting: VecDeque::new(),
            silent: false,
            input: Vec::new(),
            out: Vec::new(),
            replies: Vec::new(),
        }
    }

    /// What is said, for what it learned.
    pub fn script(&self) -> &S {
        &self.script
    }

    /// The same, to go on with.
    pub fn script_mut(&mut self) -> &mut S {
        &mut self.script
    }

    /// Talks over this line until the end. To go on after a broken line, call it again with another: what is unanswered is
    /// asked again first, by the same name.
    pub async fn over(&mut self, out: &mut impl LineOut, input: &mut impl LineIn) -> End {
        self.input.clear();
        self.out.clear();
        for flight in &self.flights {
            self.script.repeat(flight.key, &mut self.out);
        }
        let give_up = self.desk.window().until + DRAIN;
        match timeout_at(give_up.into(), self.talk(out, input)).await {
            Ok(end) => end,
            Err(_) => End::TimeUp,
        }
    }

    /// Posts what will never be answered, and whether the viewer came to grief.
    pub fn conclude(self, end: &End) -> S {
        let mut tally = self.desk.tally();
        let grief = matches!(end, End::LineBroke(_) | End::NotUnderstood(_));
        for flight in &self.flights {
            tally.unanswered(flight, grief);
        }
        if grief && self.flights.is_empty() {
            tally.wrong();
        }
        drop(tally);
        self.script
    }

    async fn talk(&mut self, out: &mut impl LineOut, input: &mut impl LineIn) -> End {
        let talked = match self.pace {
            Pace::Closed { .. } => self.closed_loop(out, input).await,
            Pace::Open { .. } => self.open_loop(out, input).await,
        };
        match talked {
            Ok(()) => End::Settled,
            Err(end) => end,
        }
    }

    async fn closed_loop(&mut self, out: &mut impl LineOut, input: &mut impl LineIn) -> Result<(), End> {
        let until = self.desk.window().until;
        let mut now = Instant::now();
        loop {
            if now < until {
                self.ask_to_the_brim(now);
            }
            self.say(out).await?;
            if self.flights.is_empty() {
                return Ok(());
            }
            receive(input, &mut self.input).await?;
            now = Instant::now();
            self.hear(now)?;
        }
    }

    async fn open_loop(&mut self, out: &mut impl LineOut, input: &mut impl LineIn) -> Result<(), End> {
        let mut batch = Vec::new();
        let mut signs_of_life = interval_at((Instant::now() + KEEP_ALIVE).into(), KEEP_ALIVE);
        signs_of_life.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            self.ask_what_waits();
            self.say(out).await?;
            let over = self.silent && self.waiting.is_empty();
            if over && self.flights.is_empty() {
                return Ok(());
            }
            let Pace::Open { due, .. } = &mut self.pace else {
                return Ok(());
            };
            tokio::select! {
                biased;
                received = receive(input, &mut self.input) => {
                    received?;
                    self.hear(Instant::now())?;
                }
                count = due.recv_many(&mut batch, 64), if !self.silent => {
                    self.silent = count == 0;
                    self.waiting.extend(batch.drain(..));
                }
                _ = signs_of_life.tick() => out.show_life().await.map_err(End::LineBroke)?,
            }
        }
    }

    /// The closed loop: what is asked is meant to be asked now.
    fn ask_to_the_brim(&mut self, now: Instant) {
        let Pace::Closed { in_flight } = self.pace else {
            return;
        };
        while !self.silent && self.flights.len() < in_flight {
            match self.script.request(&mut self.out) {
                Some(key) => self.fly(key, now, now),
                None => self.silent = true,
            }
        }
    }

    /// The open loop: what is due is asked if there is room for it.
    fn ask_what_waits(&mut self) {
        let Pace::Open { in_flight_max, .. } = self.pace else {
            return;
        };
        if self.waiting.is_empty() {
            return;
        }
        let now = Instant::now();
        while self.flights.len() < in_flight_max {
            let Some(intended) = self.waiting.pop_front() else {
                break;
            };
            match self.script.request(&mut self.out) {
                Some(key) => self.fly(key, intended, now),
                None => {
                    self.silent = true;
                    self.waiting.clear();
                }
            }
        }
    }

    fn fly(&mut self, key: u64, intended: Instant, sent: Instant) {
        let flight = Flight { key, intended, sent };
        self.desk.tally().sent(&flight);
        self.flights.push_back(flight);
    }

    async fn say(&mut self, out: &mut impl LineOut) -> Result<(), End> {
        self.script.again(&mut self.out);
        if !self.out.is_empty() {
            out.send(&self.out).await.map_err(End::LineBroke)?;
            self.out.clear();
        }
        Ok(())
    }

    fn hear(&mut self, now: Instant) -> Result<(), End> {
        self.replies.clear();
        let heard = self.script.replies(&self.input, &mut self.replies);
        let mut tally = self.desk.tally();
        for reply in &self.replies {
            // Answers mostly come in order, so the search mostly ends where it begins.
            match self.flights.iter().position(|flight| flight.key == reply.key) {
                Some(at) => {
                    let flight = self.flights.remove(at).expect("it was just found");
                    tally.answered(&flight, reply.verdict, now);
                }
                None => tally.wrong(),
            }
        }
        drop(tally);
        let whole = heard.map_err(End::NotUnderstood)?;
        if whole == self.input.len() {
            self.input.clear();
        } else {
            self.input.drain(..whole);
        }
        Ok(())
    }
}

async fn receive(input: &mut impl LineIn, into: &mut Vec<u8>) -> Result<(), End> {
    let before = into.len();
    input.receive(into).await.map_err(End::LineBroke)?;
    if into.len() == before {
        return Err(End::LineBroke(LineBroke("the server ended the stream".to_owned())));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
