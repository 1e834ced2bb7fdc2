//! A broadcast by programme: a host opens one thing after the other, and viewers do with it what their kind does.
//!
//! `programme` says what is on, and `host` makes it happen. Each viewer has a `seat` that hears the room and asks; a
//! `persona` decides what to ask for, led by what it is after (`pursuit`); `told` is what it was told, and `till` where it
//! pays. When all is over, `reckoning` compares what viewers were told with what the server counts, with what is said of scripts
//! among them (`bots`) and of the arms of an `experiment`, `audit` has the server's own books checked, and `account` tells the evening and
//! what its `cast` did. `show` is the programme with everything; a scenario of one mechanic is
//! a programme of one act.

mod account;
mod audit;
mod bots;
mod cast;
mod experiment;
mod host;
mod persona;
mod programme;
mod pursuit;
mod reckoning;
mod seat;
mod till;
mod told;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use liveroom_protocol::client::RetryPolicy;
use liveroom_protocol::wire::Phase;
use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use self::account::Account;
use self::host::{Crowd, Host, Hosted};
use self::persona::{Evening, Persona};
use self::programme::{GIFTS, Mechanic, Programme};
use self::reckoning::{Leaving, Reckoning, Verdicts};
use self::seat::Seat;
use self::till::{Payment, Till};
use super::acks::Acks;
use super::chance::Chance;
use super::entrance;
use super::random;
use super::stage::Stage;
use crate::board::{Board, Tally};
use crate::cli::{LoadArgs, ShowArgs};
use crate::gauge::Gauge;
use crate::machine;
use crate::outcome::{Outcome as RunOutcome, publish};
use crate::progress::Progress;
use crate::report::Report;
use crate::schedule::Window;
use crate::watch::{Watched, watch};

/// How long viewers may take to hear that everything has ended.
const HEARING: Duration = Duration::from_secs(20);

/// Everything that a host can do, in one evening. Says whether all went well.
pub(super) fn show(args: &ShowArgs) -> anyhow::Result<bool> {
    let seed = args.seed.unwrap_or_else(random);
    let mut played = Played::run(&args.load, Programme::show(), seed)?;
    let progress = Progress::new("show");
    progress.stage("auditing", 0);
    let audit = audit::of(args)?;
    progress.done();
    for (name, holds) in &audit.invariants {
        played.verdicts.judge(&format!("audit/{name}"), if *holds { Ok(()) } else { Err("see the audit".to_owned()) });
    }
    played.verdicts.complaints.extend(audit.complaints.iter().cloned());
    Account::of(&played, &args.load, audit.events).publish(&args.load.common)
}

/// A watch task with three steps, and viewers who stay for all of them.
pub(super) fn watch_task(load: &LoadArgs) -> anyhow::Result<bool> {
    single(load, Programme::of("watch-task", Mechanic::WatchTask))
}

/// A check-in.
pub(super) fn check_in(load: &LoadArgs) -> anyhow::Result<bool> {
    single(load, Programme::of("check-in", Mechanic::CheckIn))
}

/// An enrolment with fewer places than viewers.
pub(super) fn enrolment(load: &LoadArgs) -> anyhow::Result<bool> {
    single(load, Programme::of("enrolment", Mechanic::Enrolment))
}

/// Gifts, as many as one may send.
pub(super) fn gifts(load: &LoadArgs) -> anyhow::Result<bool> {
    single(load, Programme::gifts())
}

/// A campaign with goals, of coupons, a rain and a sale.
pub(super) fn campaign(load: &LoadArgs) -> anyhow::Result<bool> {
    single(load, Programme::campaign())
}

/// Lucky bags of all kinds.
pub(super) fn bags(load: &LoadArgs) -> anyhow::Result<bool> {
    single(load, Programme::bags())
}

/// What comes of templates, by hand and every day.
pub(super) fn template(load: &LoadArgs) -> anyhow::Result<bool> {
    single(load, Programme::template())
}

/// An experiment, and what is for one of its arms.
pub(super) fn experiment(load: &LoadArgs) -> anyhow::Result<bool> {
    single(load, Programme::experiment())
}

fn single(load: &LoadArgs, programme: Programme) -> anyhow::Result<bool> {
    let played = Played::run(load, programme, random())?;
    publish(&played.outcome(), &load.common)
}

/// An evening that is over.
struct Played {
    programme: Programme,
    seed: u64,
    tally: Tally,
    watched: Watched,
    hosted: Hosted,
    viewers: Vec<Leaving>,
    payments: BTreeMap<u64, Payment>,
    won: Vec<reckoning::Won>,
    verdicts: Verdicts,
}

impl Played {
    fn run(load: &LoadArgs, programme: Programme, seed: u64) -> anyhow::Result<Self> {
        machine::raise_descriptor_limit();
        let runtime = machine::runtime(load.common.tester_core)?;
        let progress = Progress::new(programme.name);
        progress.stage("setting the stage", 0);
        let stage = Arc::new(set(load, &programme)?);
        let acks = load.acks.as_deref().map(Acks::create).transpose()?;
        let room = Room { load: load.clone(), programme, seed, stage: Arc::clone(&stage), progress: progress.clone() };
        let mut played = runtime.block_on(runtime.spawn(async move {
            let played = room.play(acks.as_ref()).await;
            acks.map_or(Ok(()), Acks::finish)?;
            played
        }))??;
        progress.stage("counting", 0);
        let (hosted, viewers, payments) = (&played.hosted, &played.viewers, &played.payments);
        let reckoning = Reckoning { stage: &stage, hosted, viewers, payments };
        let verdicts = reckoning.verdicts();
        if played.programme.mixed {
            stage.hold_no_more()?;
        }
        played.verdicts = verdicts?;
        played.won = hosted.acts.iter().map(|act| reckoning.won(act.activity)).collect();
        progress.done();
        Ok(played)
    }

    fn outcome(&self) -> RunOutcome {
        let mut report = Report::of(self.viewers.len() as u64, None, &self.tally, &self.watched);
        for (name, holds) in &self.verdicts.holds {
            report = report.with_invariant(name, *holds);
        }
        report.reconnects = self.viewers.iter().map(|viewer| viewer.told.disconnects).sum();
        report.repeats = self.viewers.iter().map(|viewer| viewer.told.repeats).sum();
        for complaint in &self.verdicts.complaints {
            eprintln!("{complaint}");
        }
        let report = report.judged();
        RunOutcome::new(self.programme.name, report, self.tally.latency_us.clone(), self.watched.steps.clone())
    }
}

/// Makes the room, and what the programme needs beyond it.
fn set(load: &LoadArgs, programme: &Programme) -> anyhow::Result<Stage> {
    let mut stage = Stage::new(load)?;
    stage.use_coupons();
    stage.create_rooms(programme.name, 1, 1)?;
    stage.put("/fan-club", &json!({"title": "茶友会", "free": true}))?;
    bring_gifts(&stage)?;
    if programme.experiment {
        experiment::begin(&stage)?;
    }
    if programme.mixed {
        stage.hold_cash(programme::hold(load.common.duration))?;
    }
    Ok(stage)
}

/// Puts the evening's gifts into the catalogue, beside what is there.
fn bring_gifts(stage: &Stage) -> anyhow::Result<()> {
    let mut catalogue = stage.admin().get("/v1/gifts")?;
    let gifts = catalogue["gifts"].as_array_mut().context("a catalogue has gifts")?;
    let ours = |gift: &serde_json::Value| GIFTS.iter().any(|(number, _)| gift["gift"] == *number);
    gifts.retain(|gift| !ours(gift));
    for (number, price) in GIFTS {
        gifts.push(json!({"gift": number, "title": format!("gift {number}"), "price_coins": price}));
    }
    let new = json!({"based_on": catalogue["version"], "gifts": catalogue["gifts"]});
    stage.admin().put("/v1/gifts", &new).map(drop)
}

/// Where the evening takes place.
struct Room {
    load: LoadArgs,
    programme: Programme,
    seed: u64,
    stage: Arc<Stage>,
    progress: Progress,
}

impl Room {
    async fn play(self, acks: Option<&Acks>) -> anyhow::Result<Played> {
        let (load, common) = (&self.load, &self.load.common);
        let gauge = Gauge::on_all(&load.server_pids)?;
        let guests = self.stage.guests(load.viewers as usize)?;
        let personas: Vec<_> = guests.iter().map(|guest| self.persona(guest.number)).collect();
        let givers = guests.iter().zip(&personas).filter(|(_, persona)| persona.coins() > 0);
        let givers: Vec<_> = givers.map(|(guest, persona)| (guest.user.clone(), persona.coins())).collect();
        let bots = guests.iter().zip(&personas).filter(|(_, persona)| **persona == Persona::Bot);
        let suspects: Vec<_> = bots.map(|(guest, _)| guest.user.clone()).collect();
        // A risk service knows every other script beforehand.
        let known: Vec<_> = suspects.iter().step_by(2).cloned().collect();
        let (stage, judged) = (Arc::clone(&self.stage), known.clone());
        let prepared = tokio::task::spawn_blocking(move || {
            stage.give_coins(&givers)?;
            stage.judge(&judged)
        });
        prepared.await??;

        // What is refused for the moment is an answer, too; personas try again when they please.
        let retry = RetryPolicy { repeat_not_done: false, ..RetryPolicy::default() };
        let clients = entrance::admit(&self.load, &guests, &retry, &self.progress).await?;
        let window = Window::after(Instant::now(), common.warmup, common.duration);
        let board = Board::new(window, false, machine::workers());
        let host = Host::begin(
            Arc::clone(&self.stage),
            self.programme.clone(),
            Crowd { viewers: guests.len(), suspects },
            window.from,
            common.duration,
            self.progress.clone(),
        )?;
        let (till, payments) = Till::open(Arc::clone(&self.stage))?;
        let (mut seats, mut evenings) = (Vec::with_capacity(guests.len()), JoinSet::new());
        for ((guest, persona), (client, events)) in guests.into_iter().zip(&personas).zip(clients) {
            let voice = acks.map(|acks| acks.voices(&guest.room, &guest.user));
            let seat = Seat::take(guest.number, guest.user, client, events, board.desk(guest.number), voice);
            let chance = Chance::of(self.seed, seat.number as u64);
            let evening =
                Evening::new(Arc::clone(&seat), *persona, chance, till.clone(), window.until, self.programme.gifts);
            evenings.spawn(evening.spend());
            seats.push(seat);
        }
        drop(till);
        let watched = watch(&board, gauge.as_ref(), &self.progress, std::future::pending()).await?;
        while let Some(spent) = evenings.join_next().await {
            spent?;
        }
        let payments = tokio::task::spawn_blocking(|| payments.close()).await??;
        self.progress.stage("settling", 0);
        let hosted = tokio::task::spawn_blocking(|| host.wait()).await??;
        self.progress.stage("listening to the end", seats.len() as u64);
        let viewers = self.see_off(seats, &personas, &known, &hosted).await?;
        Ok(Played {
            programme: self.programme,
            seed: self.seed,
            tally: board.total(),
            watched,
            hosted,
            viewers,
            payments,
            won: Vec::new(),
            verdicts: Verdicts::default(),
        })
    }

    fn persona(&self, number: usize) -> Persona {
        if self.programme.mixed { Persona::cast(number) } else { Persona::Eager }
    }

    /// Waits until everybody has heard that everything has ended, and takes along what they were told.
    async fn see_off(
        &self, seats: Vec<Arc<Seat>>, personas: &[Persona], known: &[String], hosted: &Hosted,
    ) -> anyhow::Result<Vec<Leaving>> {
        let activities: Vec<_> = hosted.acts.iter().map(|played| played.activity).collect();
        let settled = |seat: &Seat| {
            // One lock after the other: whoever listens takes them the other way round.
            let nothing_open = seat.told.lock().has_nothing_open();
            let phases = seat.heard(|heard| {
                let phase = |activity: &u64| heard.view.activity(*activity).map(|state| state.phase());
                // What a room has forgotten is over, too.
                activities.iter().all(|activity| phase(activity).is_none_or(|phase| phase == Phase::Settled))
            });
            nothing_open && phases
        };
        let mut viewers = Vec::with_capacity(seats.len());
        let give_up = Instant::now() + HEARING;
        for (seat, persona) in seats.iter().zip(personas) {
            let heard = async {
                while !settled(seat) {
                    sleep(Duration::from_millis(5)).await;
                }
            };
            let heard_the_end = timeout(give_up.saturating_duration_since(Instant::now()), heard).await.is_ok();
            self.progress.step();
            let (user, known_risk) = (seat.user.clone(), known.contains(&seat.user));
            let told = Default::default();
            viewers.push(Leaving { user, persona: *persona, known_risk, told, heard_the_end });
        }
        let draws = hosted.acts.iter().filter(|played| played.act.mechanic.is_drawn());
        let draws: Arc<[_]> = draws.map(|played| played.activity).collect();
        let mut catching_up = JoinSet::new();
        for seat in &seats {
            let (seat, draws) = (Arc::clone(seat), Arc::clone(&draws));
            catching_up.spawn(async move { seat.catch_up(&draws).await });
        }
        while let Some(caught_up) = catching_up.join_next().await {
            caught_up?;
        }
        for (seat, viewer) in seats.iter().zip(&mut viewers) {
            viewer.told = std::mem::take(&mut *seat.told.lock());
        }
        Ok(viewers)
    }
}
