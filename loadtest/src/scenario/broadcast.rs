//! A host who speaks, and viewers who only listen.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use bytes::BytesMut;
use liveroom_protocol::frame::encode_frame;
use liveroom_protocol::wire::{Announce, ClientFrame, client_frame};
use tokio::sync::mpsc::unbounded_channel;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{timeout, timeout_at};

use super::fields::{Fields, next_message};
use super::frames::{Heard, Outcome};
use super::link::{Dial, In, Kept, Line, Out};
use super::random;
use super::stage::Stage;
use crate::board::Board;
use crate::cli::BroadcastArgs;
use crate::drive::{DRAIN, NotUnderstood};
use crate::gauge::Gauge;
use crate::line::{LineBroke, LineIn, LineOut};
use crate::listen::{Hearing, Rounds, listen};
use crate::machine;
use crate::outcome::{Outcome as RunOutcome, publish};
use crate::pacer::pace;
use crate::progress::Progress;
use crate::report::Report;
use crate::schedule::{Schedule, Window};
use crate::watch::watch;

/// Runs it, and says whether all went well.
pub(super) fn run(args: &BroadcastArgs) -> anyhow::Result<bool> {
    machine::raise_descriptor_limit();
    let runtime = machine::runtime(args.load.common.tester_core)?;
    let progress = Progress::new("broadcast");
    progress.stage("setting the stage", 0);
    let mut stage = Stage::new(&args.load)?;
    stage.create_rooms("broadcast", 1, 1)?;
    let running = runtime.spawn(speak(args.clone(), Arc::new(stage), progress.clone()));
    let outcome = runtime.block_on(running);
    progress.done();
    publish(&outcome??, &args.load.common)
}

async fn speak(args: BroadcastArgs, stage: Arc<Stage>, progress: Progress) -> anyhow::Result<RunOutcome> {
    let (load, common) = (&args.load, &args.load.common);
    let viewers = load.viewers as usize;
    let gauge = Gauge::on_all(&load.server_pids)?;
    let empty = gauge.as_ref().map(Gauge::read).transpose()?;
    let dial = Dial::new(load, viewers)?;
    let host = dial.connect(&stage.host_guest()?).await?;
    let lines = dial.connect_all(&stage.guests(viewers)?, &progress).await?;
    let (mut ears, mut kept) = (Vec::new(), Vec::new());
    for line in lines {
        let listening = line.listen().await?;
        ears.push(listening.room);
        kept.push(listening.kept);
    }

    let window = Window::after(Instant::now(), common.warmup, common.duration);
    let board = Board::new(window, common.rate.is_some(), machine::workers());
    let rounds = Rounds::new(viewers);
    let mut listening = JoinSet::new();
    for (n, ear) in ears.into_iter().enumerate() {
        listening.spawn(listen(Announced::default(), ear, Arc::clone(&rounds), board.desk(n)));
    }
    let messages = Messages { per_round: args.messages_per_tick, bytes: args.message_bytes as usize };
    let host = Host::new(host, messages, Arc::clone(&rounds), Arc::clone(&board), viewers as u64);
    let not_taken = Arc::clone(&host.not_taken);
    // An operation is a delivery: a round is one to each viewer.
    let schedule = common.rate.map(|rate| Schedule::new(Instant::now(), rate / viewers as f64));
    let calling = tokio::spawn(async move {
        match schedule {
            Some(schedule) => host.on_schedule(schedule).await,
            None => host.one_by_one().await,
        }
    });
    let watched = watch(&board, gauge.as_ref(), &progress, std::future::pending()).await?;
    let called = calling.await??;
    let all_heard = timeout(DRAIN, rounds.heard_by_all(called)).await.is_ok();
    let full = gauge.as_ref().and_then(|gauge| gauge.read().ok());
    listening.shutdown().await;
    drop(kept);
    dial.leave().await;

    let offered = schedule.map(|schedule| schedule.within(window) * viewers as u64);
    let mut report = Report::of(viewers as u64, offered, &board.total(), &watched);
    if let Some((empty, full)) = empty.zip(full) {
        report = report.with_memory(empty, full);
    }
    // A delivery has no request of its own: it is out if it did not come.
    report.pending = report.sent.saturating_sub(report.completed);
    let report = report
        .with_invariant("every_round_heard_by_all_in_order", all_heard)
        .with_invariant("every_message_taken", not_taken.load(Ordering::Relaxed) == 0)
        .judged();
    Ok(RunOutcome::new("broadcast", report, board.total().latency_us, watched.steps))
}

/// What a host says in a round.
#[derive(Debug, Clone, Copy)]
pub(super) struct Messages {
    pub(super) per_round: u32,
    pub(super) bytes: usize,
}

impl Default for Messages {
    fn default() -> Self {
        Self { per_round: 1, bytes: 144 }
    }
}

/// Who speaks.
pub(super) struct Host {
    out: Out,
    /// Reads the answers.
    answers: JoinHandle<()>,
    not_taken: Arc<AtomicU64>,
    messages: Messages,
    rounds: Arc<Rounds>,
    board: Arc<Board>,
    viewers: u64,
    called: u64,
    _kept: Kept,
}

impl Host {
    pub(super) fn new(line: Line, messages: Messages, rounds: Arc<Rounds>, board: Arc<Board>, viewers: u64) -> Self {
        let mut line = line;
        line.attend(None);
        let (out, input, kept) = line.split();
        let not_taken = Arc::new(AtomicU64::new(0));
        let answers = tokio::spawn(read_answers(input, Arc::clone(&not_taken)));
        Self { out, answers, not_taken, messages, rounds, board, viewers, called: 0, _kept: kept }
    }

    /// The closed loop: the next round when everybody heard the last but one and somebody the last, so that the server
    /// always has a round to deliver, and never two to join. Says how many there were.
    pub(super) async fn one_by_one(mut self) -> anyhow::Result<u64> {
        let until = self.board.window().until;
        let give_up = (until + DRAIN).into();
        loop {
            let now = Instant::now();
            if now >= until {
                return Ok(self.called);
            }
            self.call(now).await?;
            let heard = async {
                self.rounds.heard_by_all(self.called - 1).await;
                self.rounds.heard_by_any(self.called).await;
            };
            if timeout_at(give_up, heard).await.is_err() {
                return Ok(self.called);
            }
        }
    }

    /// The open loop: each round when it is due.
    async fn on_schedule(mut self, schedule: Schedule) -> anyhow::Result<u64> {
        let (due, mut rounds) = unbounded_channel();
        let _pacing = pace(schedule, self.board.window(), move |_, intended| {
            // A host who is gone shows as rounds that nobody heard.
            let _ = due.send(intended);
        })?;
        while let Some(intended) = rounds.recv().await {
            self.call(intended).await?;
        }
        Ok(self.called)
    }

    async fn call(&mut self, intended: Instant) -> Result<(), LineBroke> {
        let mut said = BytesMut::new();
        let text = format!("{:<width$}", self.called, width = self.messages.bytes);
        for _ in 0..self.messages.per_round {
            let body = client_frame::Body::Announce(Announce { text: text.clone() });
            encode_frame(&ClientFrame { request_id: random().max(1), body: Some(body) }, &mut said);
        }
        let now = Instant::now();
        self.rounds.begin(self.called, intended, now);
        self.called += 1;
        self.board.desk(0).tally().sent_to_all(intended, now, self.viewers);
        self.out.send(&said).await
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        self.answers.abort();
    }
}

/// Counts messages that the server did not take.
async fn read_answers(mut input: In, not_taken: Arc<AtomicU64>) {
    let mut bytes = Vec::new();
    loop {
        let before = bytes.len();
        if input.receive(&mut bytes).await.is_err() || bytes.len() == before {
            return;
        }
        let mut rest = &bytes[..];
        while let Ok(Some(message)) = next_message(&mut rest) {
            if let Ok(Heard::Answer(_, outcome)) = Heard::read(message)
                && outcome != Outcome::Done
            {
                not_taken.fetch_add(1, Ordering::Relaxed);
            }
        }
        let read = bytes.len() - rest.len();
        bytes.drain(..read);
    }
}

/// Hears rounds in ticks: each message begins with the number of its round.
#[derive(Debug, Default)]
pub(super) struct Announced {
    /// Rounds before this one were heard.
    next: u64,
}

impl Hearing for Announced {
    fn hear(&mut self, input: &[u8], rounds: &mut Vec<u64>) -> Result<usize, NotUnderstood> {
        let mut rest = input;
        while let Some(message) = next_message(&mut rest)? {
            // A round whose messages came in two frames is heard with the first; a frame may also hold several rounds.
            if let Some((first, last)) = rounds_of(message)?
                && last >= self.next
            {
                rounds.extend(first.max(self.next)..=last);
                self.next = last + 1;
            }
        }
        Ok(input.len() - rest.len())
    }
}

/// The numbers of the first and the last message, if this is a tick that has any.
fn rounds_of(message: &[u8]) -> Result<Option<(u64, u64)>, NotUnderstood> {
    let Some((3, tick)) = Fields(message).next().transpose()? else { return Ok(None) };
    let (mut first, mut last) = (None, None);
    for field in Fields(tick.bytes()) {
        let (4, event) = field? else { continue };
        if let Some((2, announcement)) = Fields(event.bytes()).next().transpose()? {
            for field in Fields(announcement.bytes()) {
                if let (2, text) = field? {
                    first.get_or_insert(text.bytes());
                    last = Some(text.bytes());
                }
            }
        }
    }
    let (Some(first), Some(last)) = (first, last) else { return Ok(None) };
    Ok(Some((round_of(first)?, round_of(last)?)))
}

fn round_of(text: &[u8]) -> Result<u64, NotUnderstood> {
    let digits = text.split(|byte| *byte == b' ').next().unwrap_or_default();
    let number = std::str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok());
    number.ok_or(NotUnderstood("a message without the number of its round"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use liveroom_protocol::wire::{Announcement, Online, RoomEvent, ServerFrame, Tick, room_event, server_frame};

    fn tick(texts: &[&str]) -> Vec<u8> {
        let announcement = |texts: &[&str]| {
            let texts = texts.iter().map(|text| (*text).to_owned()).collect();
            let words = Announcement { from: "host".to_owned(), texts, at_ms: 1 };
            RoomEvent { body: Some(room_event::Body::Announcement(words)) }
        };
        let mut events: Vec<_> = texts.chunks(2).map(announcement).collect();
        events.push(RoomEvent { body: Some(room_event::Body::Online(Online { viewers: 3 })) });
        let tick = Tick { epoch: 1, offset: 2, events, ..Tick::default() };
        let mut bytes = BytesMut::new();
        encode_frame(&ServerFrame { body: Some(server_frame::Body::Tick(tick)) }, &mut bytes);
        bytes.to_vec()
    }

    #[test]
    fn a_round_is_heard_once_however_it_comes() {
        let frames =
            [tick(&["0  ", "0  "]), tick(&[]), tick(&["0  ", "1  ", "1  ", "2  "]), tick(&["2  "]), tick(&["3  "])];
        let bytes = frames.concat();
        let mut rounds = Vec::new();
        let mut hearing = Announced::default();
        let whole = hearing.hear(&bytes[..bytes.len() - 1], &mut rounds).unwrap();
        assert_eq!((whole, &rounds[..]), (bytes.len() - frames[4].len(), &[0, 1, 2][..]));
        hearing.hear(&frames[4], &mut rounds).unwrap();
        assert_eq!(rounds, [0, 1, 2, 3]);
        assert!(hearing.hear(&tick(&["x"]), &mut rounds).is_err());
    }
}
