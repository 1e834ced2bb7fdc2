//! Rain and sale: every viewer asks, and asks again.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use serde_json::Value;
use tokio::sync::mpsc::unbounded_channel;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::acks::Acks;
use super::ask::Asking;
use super::learned::Learned;
use super::link::{Dial, Line};
use super::random;
use super::stage::{Counted, Stage, Weather, rain_plan, sale_plan};
use super::viewer::Viewer;
use crate::board::Board;
use crate::cli::{ClaimArgs, LoadArgs};
use crate::drive::{Conversation, Pace};
use crate::gauge::Gauge;
use crate::machine;
use crate::outcome::{Outcome, publish};
use crate::pacer::{in_turn, pace};
use crate::progress::Progress;
use crate::report::Report;
use crate::schedule::{Schedule, Window};
use crate::watch::watch;

/// Requests that one viewer has under way at most in the open loop, if the server allows it.
const IN_FLIGHT_MAX: usize = 64;

/// How long viewers wait to hear what is open.
const OPENING: Duration = Duration::from_secs(20);

/// The stock of a sale that is not to run out.
const STOCK: u32 = 10_000_000;

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Shares.
    Rain,
    /// Orders; with `sold_out` there is one to be had.
    Sale { sold_out: bool },
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Rain => "rain",
            Self::Sale { sold_out: false } => "sale",
            Self::Sale { sold_out: true } => "sold_out",
        }
    }

    /// What requests for it are called in acknowledgements.
    fn ask(self) -> &'static str {
        match self {
            Self::Rain => "claim",
            Self::Sale { .. } => "reserve",
        }
    }

    fn plan(self, viewers_in_room: usize) -> Value {
        match self {
            Self::Rain => rain_plan(viewers_in_room),
            Self::Sale { sold_out } => sale_plan(if sold_out { 1 } else { STOCK }),
        }
    }
}

/// Runs it, and says whether all went well.
pub(super) fn run(args: &ClaimArgs, kind: Kind) -> anyhow::Result<bool> {
    machine::raise_descriptor_limit();
    let load = &args.load;
    let runtime = machine::runtime(load.common.tester_core)?;
    let progress = Progress::new(kind.name());
    progress.stage("setting the stage", 0);
    let (viewers, activities) = (load.viewers as usize, args.activities as usize);
    let used = (args.rooms as usize).min(activities);
    let plan = kind.plan(viewers.div_ceil(used));
    let mut stage = Stage::new(load)?;
    stage.create_rooms(kind.name(), args.rooms as usize, used)?;
    stage.open(activities, &|_| plan.clone())?;
    let stage = Arc::new(stage);
    let weather = match kind {
        Kind::Rain => Some(Weather::start(Arc::clone(&stage), plan)?),
        Kind::Sale { .. } => None,
    };
    let acks = load.acks.as_deref().map(Acks::create).transpose()?;

    let running = runtime.spawn(storm(load.clone(), kind, Arc::clone(&stage), acks, progress.clone()));
    let stormed = runtime.block_on(running);
    if let Some(weather) = weather {
        weather.stop();
    }
    let (mut outcome, learned) = stormed??;
    progress.stage("counting", 0);
    outcome.report = with_books(outcome.report, kind, &learned, &stage)?.judged();
    stage.close();
    progress.done();
    publish(&outcome, &load.common)
}

/// Lets the viewers in, has them ask for as long as the window lasts, and gives what was measured and learned.
async fn storm(
    load: LoadArgs, kind: Kind, stage: Arc<Stage>, acks: Option<Acks>, progress: Progress,
) -> anyhow::Result<(Outcome, Learned)> {
    let guests = stage.guests(load.viewers as usize)?;
    let gauge = load.server_pid.map(Gauge::on).transpose()?;
    let dial = Dial::new(&load, guests.len())?;
    let mut lines = dial.connect_all(&guests, &progress).await?;
    let viewers: Vec<_> = guests
        .into_iter()
        .map(|guest| {
            let room = Arc::clone(&stage.rooms[guest.number % stage.rooms.len()]);
            let listens = guest.number < stage.rooms.len();
            Viewer { dial: Arc::clone(&dial), guest, room, listens, until: Instant::now() }
        })
        .collect();
    for (viewer, line) in viewers.iter().zip(&mut lines) {
        line.attend(viewer.ear());
    }
    progress.stage("waiting for the opening", 0);
    let with_ears = stage.rooms.iter().take(viewers.len());
    for room in with_ears {
        timeout(OPENING, room.opened(1)).await.context("nothing opened in a room")?;
    }

    let common = &load.common;
    let window = Window::after(Instant::now(), common.warmup, common.duration);
    let desks = tokio::runtime::Handle::current().metrics().num_workers();
    let board = Board::new(window, common.rate.is_some(), desks);
    let mut talking = JoinSet::new();
    let mut lanes = Vec::new();
    for (mut viewer, line) in viewers.into_iter().zip(lines) {
        viewer.until = window.until;
        let pace = match common.rate {
            Some(_) => {
                let (lane, due) = unbounded_channel();
                lanes.push(lane);
                Pace::Open { due, in_flight_max: in_flight(&line, IN_FLIGHT_MAX) }
            }
            None => Pace::Closed { in_flight: in_flight(&line, load.in_flight as usize) },
        };
        let voice = acks.as_ref().map(|acks| acks.voice(&viewer.guest.room, &viewer.guest.user, kind.ask()));
        let asking = Asking::new(Arc::clone(&viewer.room), random(), voice);
        let conversation = Conversation::new(asking, pace, board.desk(viewer.guest.number));
        talking.spawn(viewer.live(line, conversation));
    }
    let schedule = common.rate.map(|rate| Schedule::new(Instant::now(), rate));
    // The lanes close when the last is told, and that ends the viewers.
    let _pacing = schedule.map(|schedule| pace(schedule, window, in_turn(lanes))).transpose()?;
    // Nothing ends early: there is always one more to ask for.
    let watched = watch(&board, gauge, &progress, std::future::pending()).await?;
    let mut learned = Learned::default();
    while let Some(one) = talking.join_next().await {
        learned.add(one?);
    }
    dial.leave().await;
    acks.map(Acks::finish).transpose()?;
    learned.check_orders();

    let offered = schedule.map(|schedule| schedule.within(window));
    let report = Report::of(u64::from(load.viewers), offered, &board.total(), &watched);
    Ok((Outcome::new(kind.name(), report, board.total().latency_us, watched.steps), learned))
}

fn in_flight(line: &Line, wanted: usize) -> usize {
    wanted.min(line.welcome.in_flight_max as usize).max(1)
}

/// Adds what must hold between what viewers were told and what the server counts.
fn with_books(report: Report, kind: Kind, learned: &Learned, stage: &Stage) -> anyhow::Result<Report> {
    let counted = stage.count()?;
    let complaints = [&learned.duplicate, &learned.unstable];
    for complaint in complaints.into_iter().flatten() {
        eprintln!("{complaint}");
    }
    let disorder = stage.rooms.iter().find_map(|room| room.disorder());
    if let Some(disorder) = disorder {
        eprintln!("{disorder}");
    }
    // What was never answered may have been given or not.
    let (told, unknown) = (learned.given(), learned.unanswered);
    let granted_equals_pool = counted.complete && (told..=told + unknown).contains(&counted.given);
    let money = match kind {
        Kind::Rain => rain_money(learned, &counted),
        Kind::Sale { .. } => learned.orders_fen == learned.orders.len() as i64 * 9_900,
    };
    if !granted_equals_pool || !money {
        eprintln!("{counted:?}; viewers were told of {told} worth {} fen", learned.shares_fen);
    }
    Ok(report
        .with_invariant("granted_equals_pool", granted_equals_pool)
        .with_invariant("pools_add_up", counted.pools_add_up)
        .with_invariant("no_duplicate_grants", learned.duplicate.is_none())
        .with_invariant("same_answer_on_retry", learned.unstable.is_none())
        .with_invariant("money_adds_up", money)
        .with_invariant("order_of_frames", disorder.is_none()))
}

/// What the sponsor paid was given or is still there, and what was given is what viewers were told.
fn rain_money(learned: &Learned, counted: &Counted) -> bool {
    let paid = counted.sponsor_paid_fen == counted.given_fen + counted.unspent_fen;
    let told = match learned.unanswered {
        0 => learned.shares_fen == counted.given_fen,
        _ => learned.shares_fen <= counted.given_fen,
    };
    paid && told
}
