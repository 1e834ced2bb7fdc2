//! Everything together, and what a quiet room notices of it: first the quiet room alone, then again while a rain, a sale
//! and a host's messages go down elsewhere.

use std::sync::Arc;
use std::time::Instant;

use tokio::task::JoinSet;
use tokio::time::timeout;

use super::acks::Acks;
use super::books::with_books;
use super::broadcast::{Announced, Host, Messages};
use super::claims::{Kind, STOCK};
use super::learned::Learned;
use super::link::Dial;
use super::party::{Party, Tempo};
use super::stage::{Stage, Weather, rain_plan, sale_plan};
use crate::board::Board;
use crate::cli::{LoadArgs, MixedArgs};
use crate::drive::DRAIN;
use crate::gauge::Gauge;
use crate::listen::{Rounds, listen};
use crate::machine;
use crate::outcome::{Outcome, publish_parts};
use crate::progress::Progress;
use crate::report::{Report, rounded};
use crate::schedule::Window;
use crate::watch::watch;

/// Viewers in the quiet room.
const QUIET: usize = 20;

/// Of the viewers elsewhere, one in so many buys, and one in so many listens to the host; the others are in the rain.
const BUYERS: usize = 4;
const LISTENERS: usize = 4;

/// The stages, each with rooms, wallets and books of its own.
struct Stages {
    quiet: Arc<Stage>,
    rain: Arc<Stage>,
    sale: Arc<Stage>,
    talk: Arc<Stage>,
}

/// What viewers learned on those stages that give something.
struct Lessons {
    quiet: Learned,
    rain: Learned,
    sale: Learned,
}

/// Runs it, and says whether all went well.
pub(super) fn run(args: &MixedArgs) -> anyhow::Result<bool> {
    machine::raise_descriptor_limit();
    let load = &args.load;
    let runtime = machine::runtime(load.common.tester_core)?;
    let progress = Progress::new("mixed");
    progress.stage("setting the stage", 0);
    let stages = Stages::set(load)?;
    let plan = rain_plan(load.viewers as usize);
    let weather = Weather::start(Arc::clone(&stages.rain), plan)?;
    let acks = load.acks.as_deref().map(Acks::create).transpose()?;
    let stages = Arc::new(stages);
    let running = runtime.spawn(both_times(args.clone(), Arc::clone(&stages), acks, progress.clone()));
    let ran = runtime.block_on(running);
    weather.stop();
    let (mut outcomes, lessons) = ran??;
    progress.stage("counting", 0);
    for (stage, learned) in
        [(&stages.quiet, &lessons.quiet), (&stages.rain, &lessons.rain), (&stages.sale, &lessons.sale)]
    {
        let all = &mut outcomes[0].report;
        *all = with_books(std::mem::take(all), learned, stage);
        stage.close();
    }
    progress.done();
    publish_parts(outcomes, &load.common)
}

impl Stages {
    fn set(load: &LoadArgs) -> anyhow::Result<Self> {
        let stage = |prefix: &str, plan| {
            let mut stage = Stage::new(load)?;
            stage.create_rooms(prefix, 1, 1)?;
            if let Some(plan) = plan {
                stage.open(1, &plan)?;
            }
            anyhow::Ok(Arc::new(stage))
        };
        Ok(Self {
            quiet: stage("quiet", Some(sale_plan(STOCK)))?,
            rain: stage("rain", Some(rain_plan(load.viewers as usize)))?,
            sale: stage("sale", Some(sale_plan(STOCK)))?,
            talk: stage("talk", None)?,
        })
    }
}

/// The quiet room alone, then with the storm elsewhere. Everybody is there both times. The first outcome is that of all
/// rain and sale, the others are its parts.
async fn both_times(
    args: MixedArgs, stages: Arc<Stages>, acks: Option<Acks>, progress: Progress,
) -> anyhow::Result<(Vec<Outcome>, Lessons)> {
    let (load, common) = (&args.load, &args.load.common);
    let (acks, workers) = (acks.as_ref(), machine::workers());
    let gauge = Gauge::on_all(&load.server_pids)?;
    let viewers = load.viewers as usize;
    let (buyers, listeners) = ((viewers / BUYERS).max(1), (viewers / LISTENERS).max(1));
    let claimers = viewers.saturating_sub(buyers + listeners).max(1);
    let dial = Dial::new(load, viewers + 2 * QUIET)?;
    let order = Kind::Sale { sold_out: false }.ask();
    let first = Party::join(&dial, &stages.quiet, QUIET, order, &progress).await?;
    let second = Party::join(&dial, &stages.quiet, QUIET, order, &progress).await?;
    let rain = Party::join(&dial, &stages.rain, claimers, Kind::Rain.ask(), &progress).await?;
    let sale = Party::join(&dial, &stages.sale, buyers, order, &progress).await?;
    let host = dial.connect(&stages.talk.host_guest()?).await?;
    let lines = dial.connect_all(&stages.talk.guests(listeners)?, &progress).await?;

    let window = Window::after(Instant::now(), common.warmup, common.duration);
    let alone = Board::new(window, true, workers);
    let talking = first.talk(&alone, Tempo::Open(args.quiet_rate), acks)?;
    let alone_offered = talking.offered(&alone);
    let alone_watched = watch(&alone, gauge.as_ref(), &progress, std::future::pending()).await?;
    let mut quiet_learned = talking.learned().await?;

    let window = Window::after(Instant::now(), common.warmup, common.duration);
    let board = |open_loop| Board::new(window, open_loop, workers);
    let (quiet, sales, talks) = (board(true), board(common.rate.is_some()), board(false));
    let rains = board(common.rate.is_some());
    let rounds = Rounds::new(listeners);
    let (mut listening, mut kept) = (JoinSet::new(), Vec::new());
    for (n, line) in lines.into_iter().enumerate() {
        let ear = line.listen().await?;
        kept.push(ear.kept);
        listening.spawn(listen(Announced::default(), ear.room, Arc::clone(&rounds), talks.desk(n)));
    }
    let host = Host::new(host, Messages::default(), Arc::clone(&rounds), Arc::clone(&talks), listeners as u64);
    let share = |count: usize| Tempo::share_of(load, count, claimers + buyers);
    let talking = second.talk(&quiet, Tempo::Open(args.quiet_rate), acks)?;
    let raining = rain.talk(&rains, share(claimers), acks)?;
    let buying = sale.talk(&sales, share(buyers), acks)?;
    let offered = (talking.offered(&quiet), raining.offered(&rains), buying.offered(&sales));
    let speaking = tokio::spawn(host.one_by_one());
    let aside = Progress::hidden();
    let (watched, quiet_watched, sale_watched, talk_watched) = tokio::try_join!(
        watch(&rains, gauge.as_ref(), &progress, std::future::pending()),
        watch(&quiet, None, &aside, std::future::pending()),
        watch(&sales, None, &aside, std::future::pending()),
        watch(&talks, None, &aside, std::future::pending()),
    )?;
    quiet_learned.add(talking.learned().await?);
    quiet_learned.check_orders();
    let lessons = Lessons { quiet: quiet_learned, rain: raining.learned().await?, sale: buying.learned().await? };
    let called = speaking.await??;
    let all_heard = timeout(DRAIN, rounds.heard_by_all(called)).await.is_ok();
    listening.shutdown().await;
    drop(kept);
    dial.leave().await;

    let part = |name, viewers: usize, offered, board: &Board, watched: &crate::watch::Watched| {
        let total = board.total();
        let report = Report::of(viewers as u64, offered, &total, watched).judged();
        Outcome::new(name, report, total.latency_us, watched.steps.clone())
    };
    let mut all = rains.total();
    all.add(&sales.total());
    let mut together = watched.clone();
    together.answers += sale_watched.answers + quiet_watched.answers + talk_watched.answers;
    let offered_to_all = offered.1.zip(offered.2).map(|(rain, sale)| rain + sale);
    let mut report = Report::of((claimers + buyers) as u64, offered_to_all, &all, &together);
    let p99 = |board: &Board| board.total().latency_us.value_at_quantile(0.99) as f64;
    report.quiet_p99_ratio = Some(rounded(p99(&quiet) / p99(&alone).max(1.0)));
    report = report.with_invariant("every_round_heard_by_all_in_order", all_heard);
    let talk = part("talk", listeners, None, &talks, &talk_watched);
    Ok((
        vec![
            Outcome::new("mixed", report, all.latency_us, watched.steps.clone()),
            part("quiet_alone", QUIET, alone_offered, &alone, &alone_watched),
            part("quiet", QUIET, offered.0, &quiet, &quiet_watched),
            part("rain", claimers, offered.1, &rains, &crate::watch::Watched { server: None, ..watched }),
            part("sale", buyers, offered.2, &sales, &sale_watched),
            talk,
        ],
        lessons,
    ))
}
