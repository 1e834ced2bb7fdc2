//! Viewers who talk: comments that pass and comments that must not, hearts, and ballots in a poll.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context;
use liveroom_protocol::client::{Client, Event, Events, Outcome, RetryPolicy, RoomView};
use liveroom_protocol::wire::{NotDoneCode, Phase, room_event::Body};
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::entrance::admit;
use super::lines::{BANNED, innocent, is_banned};
use super::random;
use super::stage::Stage;
use crate::board::{Board, Desk, Flight, Verdict};
use crate::cli::LoadArgs;
use crate::drive::DRAIN;
use crate::gauge::Gauge;
use crate::machine;
use crate::outcome::{Outcome as RunOutcome, publish};
use crate::progress::Progress;
use crate::report::Report;
use crate::schedule::Window;
use crate::watch::watch;

/// Options of the poll.
const OPTIONS: u32 = 4;

/// What all viewers know together.
#[derive(Default)]
struct Heard {
    hearts_sent: AtomicU64,
    /// Somebody saw what nobody may see.
    banned_seen: AtomicU64,
    /// Something banned was not answered as blocked.
    not_blocked: AtomicU64,
    /// A request had no answer: what is counted then may differ by it.
    unresolved: AtomicBool,
    /// The latest ballot of each viewer that counts.
    ballots: Mutex<HashMap<usize, u32>>,
}

/// Runs it, and says whether all went well.
pub(super) fn run(load: &LoadArgs) -> anyhow::Result<bool> {
    machine::raise_descriptor_limit();
    let runtime = machine::runtime(load.common.tester_core)?;
    let progress = Progress::new("talk");
    progress.stage("setting the stage", 0);
    let mut stage = Stage::new(load)?;
    stage.create_rooms("talk", 1, 1)?;
    stage.open(1, &poll_plan())?;
    let stage = Arc::new(stage);
    let heard = Arc::new(Heard::default());
    let running = runtime.spawn(talk(load.clone(), Arc::clone(&stage), Arc::clone(&heard), progress.clone()));
    let outcome = runtime.block_on(running);
    progress.stage("counting", 0);
    let mut outcome = outcome??;
    stage.close();
    let tally_equals_votes = heard.unresolved.load(Ordering::Relaxed) || stage.votes()? == votes(&heard);
    outcome.report =
        std::mem::take(&mut outcome.report).with_invariant("tally_equals_votes", tally_equals_votes).judged();
    progress.done();
    publish(&outcome, &load.common)
}

fn poll_plan() -> Value {
    let options: Vec<_> = (1..=OPTIONS).map(|option| format!("选项{option}")).collect();
    json!({ "title": "load", "poll": { "options": options, "changeable": true, "duration_ms": 86_400_000 } })
}

/// Votes for each option, as the viewers know them.
fn votes(heard: &Heard) -> Vec<u64> {
    let mut votes = vec![0; OPTIONS as usize];
    heard.ballots.lock().values().for_each(|option| votes[*option as usize - 1] += 1);
    votes
}

async fn talk(load: LoadArgs, stage: Arc<Stage>, heard: Arc<Heard>, progress: Progress) -> anyhow::Result<RunOutcome> {
    let common = &load.common;
    let gauge = Gauge::on_all(&load.server_pids)?;
    let viewers = load.viewers as usize;
    let mut talkers = connect(&load, &stage, &heard, &progress).await?;

    let window = Window::after(Instant::now(), common.warmup, common.duration);
    let board = Board::new(window, false, machine::workers());
    let mut talking = JoinSet::new();
    for talker in talkers.drain(..) {
        talking.spawn(talker.talk(board.desk(talking.len()), window.until));
    }
    let watched = watch(&board, gauge.as_ref(), &progress, std::future::pending()).await?;
    let mut ears = Vec::with_capacity(viewers);
    while let Some(ear) = talking.join_next().await {
        ears.push(ear?);
    }
    let sent = heard.hearts_sent.load(Ordering::Relaxed);
    // Hearts of several servers reach each other's viewers as talk does: they may be lost.
    let mut hearts_add_up = true;
    for ear in ears.iter().filter(|ear| !ear.missed.load(Ordering::Relaxed) && load.targets.len() == 1) {
        let all = async {
            while ear.hearts.load(Ordering::Relaxed) < sent {
                sleep(Duration::from_millis(5)).await;
            }
        };
        let all = timeout(DRAIN, all).await.is_ok() && ear.hearts.load(Ordering::Relaxed) == sent;
        hearts_add_up &= all || ear.missed.load(Ordering::Relaxed) || heard.unresolved.load(Ordering::Relaxed);
    }
    drop(ears);
    let report = Report::of(viewers as u64, None, &board.total(), &watched)
        .with_invariant("nothing_banned_is_seen", heard.banned_seen.load(Ordering::Relaxed) == 0)
        .with_invariant("what_is_banned_is_blocked", heard.not_blocked.load(Ordering::Relaxed) == 0)
        .with_invariant("hearts_add_up", hearts_add_up);
    Ok(RunOutcome::new("talk", report, board.total().latency_us, watched.steps))
}

async fn connect(
    load: &LoadArgs, stage: &Stage, heard: &Arc<Heard>, progress: &Progress,
) -> anyhow::Result<Vec<Talker>> {
    let guests = stage.guests(load.viewers as usize)?;
    let clients = admit(load, &guests, &RetryPolicy::default(), progress).await?;
    let mut talkers = Vec::with_capacity(guests.len());
    for (guest, (client, mut events)) in guests.into_iter().zip(clients) {
        let mut view = RoomView::new();
        // The snapshot comes first, and has the poll.
        let poll = loop {
            view.apply(&events.next().await.context("the client has ended")?);
            if let Some(open) = view.activities().find(|state| state.phase() == Phase::Open) {
                break (open.activity, open.token);
            }
        };
        let ear = Arc::new(Ear::default());
        tokio::spawn(Arc::clone(&ear).listen(events, Arc::clone(heard)));
        talkers.push(Talker { number: guest.number, client, poll, ear, heard: Arc::clone(heard) });
    }
    Ok(talkers)
}

/// What one viewer hears.
#[derive(Default)]
struct Ear {
    hearts: AtomicU64,
    /// Talk was dropped here, or the line broke.
    missed: AtomicBool,
}

impl Ear {
    async fn listen(self: Arc<Self>, mut events: Events, heard: Arc<Heard>) {
        while let Some(event) = events.next().await {
            match event {
                Event::Tick(tick) => tick.events.into_iter().for_each(|event| match event.body {
                    Some(Body::Likes(likes)) => drop(self.hearts.fetch_add(likes.hearts, Ordering::Relaxed)),
                    Some(Body::Said(said)) if is_banned(&said.text) => {
                        heard.banned_seen.fetch_add(1, Ordering::Relaxed);
                    }
                    _ => {}
                }),
                Event::Dropped { .. } | Event::Disconnected { .. } => self.missed.store(true, Ordering::Relaxed),
                _ => {}
            }
        }
    }
}

/// A viewer who talks.
struct Talker {
    number: usize,
    client: Client,
    /// The poll, and its token.
    poll: (u64, u64),
    ear: Arc<Ear>,
    heard: Arc<Heard>,
}

impl Talker {
    /// One thing after the other, until then. Gives back what it heard, and stays to hear more.
    async fn talk(self, desk: Desk, until: Instant) -> Stays {
        let mut turn = random() as usize;
        while Instant::now() < until {
            turn = turn.wrapping_add(1);
            let sent = Instant::now();
            let flight = Flight { key: turn as u64, intended: sent, sent };
            desk.tally().sent(&flight);
            match self.act(turn).await {
                Some(verdict) => desk.tally().answered(&flight, verdict, Instant::now()),
                None => {
                    self.heard.unresolved.store(true, Ordering::Relaxed);
                    desk.tally().unanswered(&flight, false);
                }
            }
        }
        Stays { ear: self.ear, _client: self.client }
    }

    async fn act(&self, turn: usize) -> Option<Verdict> {
        let heard = &self.heard;
        Some(match turn % 10 {
            0 => {
                let outcome = self.client.comment(BANNED[turn / 10 % BANNED.len()]).await.ok()?;
                let blocked = matches!(outcome, Outcome::NotDone { code: NotDoneCode::Blocked, .. });
                let kept_away = matches!(outcome, Outcome::NotDone { code: NotDoneCode::RateLimited, .. });
                if !blocked && !kept_away {
                    heard.not_blocked.fetch_add(1, Ordering::Relaxed);
                }
                verdict(&outcome)
            }
            1 | 2 => {
                let outcome = self.client.like(3).await.ok()?;
                if outcome == Outcome::Done {
                    heard.hearts_sent.fetch_add(3, Ordering::Relaxed);
                }
                verdict(&outcome)
            }
            3 if (turn / 10).is_multiple_of(8) => {
                let (activity, token) = self.poll;
                let option = (turn / 80) as u32 % OPTIONS + 1;
                let outcome = self.client.vote(activity, token, vec![option]).await.ok()?;
                if outcome == Outcome::Done {
                    heard.ballots.lock().insert(self.number, option);
                }
                verdict(&outcome)
            }
            _ => verdict(&self.client.comment(innocent(turn)).await.ok()?),
        })
    }
}

/// A viewer who has said everything.
struct Stays {
    ear: Arc<Ear>,
    _client: Client,
}

impl std::ops::Deref for Stays {
    type Target = Ear;

    fn deref(&self) -> &Ear {
        &self.ear
    }
}

fn verdict(outcome: &Outcome) -> Verdict {
    match outcome {
        Outcome::Done => Verdict::Done,
        Outcome::Refused { code, .. } => Verdict::Refused(code.word()),
        Outcome::NotDone { code, .. } => Verdict::Refused(code.word()),
        // Answers to what nobody here asks.
        _ => Verdict::Wrong,
    }
}
