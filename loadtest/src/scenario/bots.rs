//! People and bots in one room. Bots fire before the opening, guess numbers of activities, flood from one account over many
//! connections, or have accounts that are known to be risky; people press once in each rain.
//!
//! What must hold: nobody is given anything before the opening, no account is served beyond its budget, every person gets what there
//! is for a person, the cash of risky accounts is held and the books say how much, and the decoy has caught whoever guessed and
//! nobody else.

mod cast;
mod known;
mod reckoning;
mod rounds;

use std::sync::Arc;
use std::time::{Duration, Instant};

use liveroom_protocol::client::RetryPolicy;
use tokio::task::JoinSet;

use super::acks::Acks;
use super::entrance::admit;
use super::link::Guest;
use super::stage::Stage;
use crate::board::Board;
use crate::cli::{BotsArgs, LoadArgs};
use crate::gauge::Gauge;
use crate::machine;
use crate::outcome::{Outcome, publish};
use crate::progress::Progress;
use crate::report::Report;
use crate::schedule::Window;
use crate::watch::watch;
use cast::Role;
use known::Known;
use rounds::Rounds;

/// Connections of the account that floods.
const FLOOD_LINES: usize = 8;

/// For how long cash is held.
const HOLD: Duration = Duration::from_secs(3);

/// Who comes.
struct Cast {
    /// Everybody, with what they do. The account that floods is there several times.
    guests: Vec<(Role, Guest)>,
}

impl Cast {
    /// One bot of each kind for every eight people.
    fn of(stage: &Stage, people: usize) -> anyhow::Result<Self> {
        let bots = people.div_ceil(8);
        let roles = [(Role::Person, people), (Role::Early, bots), (Role::Guesser, bots), (Role::Risky, bots)];
        let roles = roles.into_iter().flat_map(|(role, count)| std::iter::repeat_n(role, count)).chain([Role::Flooder]);
        let roles: Vec<_> = roles.collect();
        let mut guests: Vec<_> = roles.iter().copied().zip(stage.guests(roles.len())?).collect();
        let flooder = guests.last().cloned();
        guests.extend(flooder.into_iter().cycle().take(FLOOD_LINES - 1));
        guests.iter_mut().enumerate().for_each(|(number, (_, guest))| guest.number = number);
        Ok(Self { guests })
    }

    /// The accounts with this role.
    fn users(&self, role: Role) -> Vec<String> {
        let of_role = self.guests.iter().filter(|(of, _)| *of == role);
        let mut users: Vec<_> = of_role.map(|(_, guest)| guest.user.clone()).collect();
        users.dedup();
        users
    }
}

/// Runs it, and says whether all went well.
pub(super) fn run(args: &BotsArgs) -> anyhow::Result<bool> {
    machine::raise_descriptor_limit();
    let load = &args.load;
    let runtime = machine::runtime(load.common.tester_core)?;
    let progress = Progress::new("bots");
    progress.stage("setting the stage", 0);
    let mut stage = Stage::new(load)?;
    stage.create_rooms("bots", 1, 1)?;
    let cast = Arc::new(Cast::of(&stage, load.viewers as usize)?);
    stage.judge(&cast.users(Role::Risky))?;
    stage.hold_cash(HOLD)?;
    let decoy = rounds::open_decoy(&stage)?;
    let (stage, known) = (Arc::new(stage), Arc::new(Known::new(decoy)));
    let shares = cast.users(Role::Person).len() + cast.users(Role::Risky).len() + 1;
    let rounds = Rounds::start(Arc::clone(&stage), shares)?;
    let acks = load.acks.as_deref().map(Acks::create).transpose()?;
    let playing = play(load.clone(), Arc::clone(&cast), Arc::clone(&known), acks, progress.clone());
    let played = runtime.block_on(runtime.spawn(playing));
    rounds.stop();
    let mut outcome = played??;
    progress.stage("counting", 0);
    let reckoned = reckoning::reckon(args, &stage, &cast, &known);
    stage.hold_no_more()?;
    let mut report = std::mem::take(&mut outcome.report);
    for (name, verdict) in reckoned? {
        if let Err(wrong) = &verdict {
            eprintln!("{name}: {wrong}");
        }
        report = report.with_invariant(name, verdict.is_ok());
    }
    outcome.report = report.judged();
    progress.done();
    publish(&outcome, &load.common)
}

/// Lets everybody in, and gives what was measured of people.
async fn play(
    load: LoadArgs, cast: Arc<Cast>, known: Arc<Known>, acks: Option<Acks>, progress: Progress,
) -> anyhow::Result<Outcome> {
    let gauge = Gauge::on_all(&load.server_pids)?;
    let (people, bots): (Vec<_>, Vec<_>) = cast.guests.iter().cloned().partition(|(role, _)| *role == Role::Person);
    let names = |guests: &[(Role, Guest)]| guests.iter().map(|(_, guest)| guest.clone()).collect::<Vec<_>>();
    let patient = admit(&load, &names(&people), &RetryPolicy::default(), &progress).await?;
    // A bot wants to know at once, and asks again by itself.
    let hasty = RetryPolicy { repeat_not_done: false, ..RetryPolicy::default() };
    let eager = admit(&load, &names(&bots), &hasty, &progress).await?;
    let window = Window::after(Instant::now(), load.common.warmup, load.common.duration);
    let board = Board::new(window, false, machine::workers());
    let mut playing = JoinSet::new();
    let everybody = people.into_iter().zip(patient).chain(bots.into_iter().zip(eager));
    for ((role, guest), client) in everybody {
        let voice = acks.as_ref().map(|acks| acks.voices(&guest.room, &guest.user));
        let player = cast::Player::new(role, guest.user, client, Arc::clone(&known), voice);
        playing.spawn(player.play(board.desk(playing.len()), window.until));
    }
    let watched = watch(&board, gauge.as_ref(), &progress, std::future::pending()).await?;
    while let Some(played) = playing.join_next().await {
        played?;
    }
    acks.map(Acks::finish).transpose()?;
    let total = board.total();
    let report = Report::of(u64::from(load.viewers), None, &total, &watched);
    Ok(Outcome::new("bots", report, total.latency_us, watched.steps))
}
