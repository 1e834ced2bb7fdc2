//! Rain and sale: every viewer asks, and asks again.

use std::sync::Arc;
use std::time::Instant;

use serde_json::Value;

use super::acks::Acks;
use super::books::with_books;
use super::learned::Learned;
use super::link::Dial;
use super::party::{Party, Tempo};
use super::stage::{Stage, Weather, drop_plan, rain_plan, sale_plan};
use crate::board::Board;
use crate::cli::{ClaimArgs, LoadArgs};
use crate::gauge::Gauge;
use crate::machine;
use crate::outcome::{Outcome, publish};
use crate::progress::Progress;
use crate::report::Report;
use crate::schedule::Window;
use crate::watch::watch;

/// The stock of a sale that is not to run out.
pub(super) const STOCK: u32 = 10_000_000;

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Shares.
    Rain,
    /// Orders; with `sold_out` there is one to be had.
    Sale { sold_out: bool },
    /// Coupons of a drop, then orders with them.
    Coupons,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Rain => "rain",
            Self::Sale { sold_out: false } => "sale",
            Self::Sale { sold_out: true } => "sold_out",
            Self::Coupons => "coupons",
        }
    }

    /// What requests for it are called in acknowledgements.
    pub(super) fn ask(self) -> &'static str {
        match self {
            Self::Rain | Self::Coupons => "claim",
            Self::Sale { .. } => "reserve",
        }
    }

    fn plan(self, viewers_in_room: usize) -> Value {
        match self {
            Self::Rain => rain_plan(viewers_in_room),
            Self::Sale { sold_out } => sale_plan(if sold_out { 1 } else { STOCK }),
            Self::Coupons => drop_plan(viewers_in_room),
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
    if kind == Kind::Coupons {
        stage.use_coupons();
    }
    stage.create_rooms(kind.name(), args.rooms as usize, used)?;
    stage.open(activities, &plan)?;
    if kind == Kind::Coupons {
        stage.open(1, &sale_plan(STOCK))?;
    }
    let stage = Arc::new(stage);
    let weather = match kind {
        Kind::Rain => Some(Weather::start(Arc::clone(&stage), plan)?),
        Kind::Sale { .. } | Kind::Coupons => None,
    };
    let acks = load.acks.as_deref().map(Acks::create).transpose()?;

    let running = runtime.spawn(storm(load.clone(), kind, Arc::clone(&stage), acks, progress.clone()));
    let stormed = runtime.block_on(running);
    if let Some(weather) = weather {
        weather.stop();
    }
    let (mut outcome, learned) = stormed??;
    progress.stage("counting", 0);
    outcome.report = with_books(outcome.report, &learned, &stage).judged();
    stage.close();
    progress.done();
    publish(&outcome, &load.common)
}

/// Lets the viewers in, has them ask for as long as the window lasts, and gives what was measured and learned.
async fn storm(
    load: LoadArgs, kind: Kind, stage: Arc<Stage>, acks: Option<Acks>, progress: Progress,
) -> anyhow::Result<(Outcome, Learned)> {
    let common = &load.common;
    let gauge = Gauge::on_all(&load.server_pids)?;
    let empty = gauge.as_ref().map(Gauge::read).transpose()?;
    let dial = Dial::new(&load, load.viewers as usize)?;
    let party = Party::join(&dial, &stage, load.viewers as usize, kind.ask(), &progress).await?;
    let full = gauge.as_ref().and_then(|gauge| gauge.read().ok());

    let window = Window::after(Instant::now(), common.warmup, common.duration);
    let board = Board::new(window, common.rate.is_some(), machine::workers());
    let talking = party.talk(&board, Tempo::of(&load), acks.as_ref())?;
    let offered = talking.offered(&board);
    // Nothing ends early: there is always one more to ask for.
    let watched = watch(&board, gauge.as_ref(), &progress, std::future::pending()).await?;
    let learned = talking.learned().await?;
    dial.leave().await;
    acks.map(Acks::finish).transpose()?;

    let total = board.total();
    let mut report = Report::of(u64::from(load.viewers), offered, &total, &watched);
    if let Some((empty, full)) = empty.zip(full) {
        report = report.with_memory(empty, full);
    }
    Ok((Outcome::new(kind.name(), report, total.latency_us, watched.steps), learned))
}
