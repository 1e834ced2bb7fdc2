//! What must hold in the end, between what was told and what the server's books say.

use std::collections::BTreeMap;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::Context;
use serde_json::{Value, json};

use super::super::stage::Stage;
use super::known::Told;
use super::{Cast, DECOY_SCORE, HOLD, Known, Role};
use crate::cli::BotsArgs;

/// How long what comes by itself may take: catches are recorded at leisure, holds end by their time.
const PATIENCE: Duration = Duration::from_secs(20);

type Verdicts = Vec<(&'static str, Result<(), String>)>;

/// Each invariant, and what is wrong with it.
pub(super) fn reckon(args: &BotsArgs, stage: &Stage, cast: &Cast, known: &Known) -> anyhow::Result<Verdicts> {
    let told = known.told();
    let (held_equals_books, holds_end_once) = holds(stage, cast, &told)?;
    Ok(vec![
        ("nobody_granted_before_opening", before_opening(&told)),
        ("no_bot_served_beyond_its_budget", within_budget(args, &told)),
        ("people_unharmed", people_unharmed(&told)),
        ("decoys_look_real", decoys_look_real(&told)),
        ("decoys_catch_every_guesser", every_guesser(stage, cast, known.decoy)?),
        ("decoys_catch_no_person", no_person(stage, cast)),
        ("held_equals_books", held_equals_books),
        ("holds_end_once", holds_end_once),
    ])
}

fn before_opening(told: &Told) -> Result<(), String> {
    let granted = told.early.iter().find(|(words, _)| words.starts_with("granted"));
    match granted {
        Some((words, count)) => Err(format!("{count} times {words}")),
        None if told.early.is_empty() => Err("nobody has tried".to_owned()),
        None => Ok(()),
    }
}

/// A bucket that is full at the beginning, at each of the servers.
fn within_budget(args: &BotsArgs, told: &Told) -> Result<(), String> {
    let Some((since, until)) = told.flooded else { return Err("nobody has flooded".to_owned()) };
    let refilled = (until - since).as_secs_f64() * f64::from(args.claim_rate);
    let budget = (f64::from(args.claim_burst) + refilled + 1.0) * args.load.targets.len() as f64;
    let (served, turned_away) = (told.flood_served, told.flood_turned_away);
    if served as f64 > budget {
        return Err(format!("{served} served of {budget:.0}"));
    }
    if turned_away == 0 {
        return Err(format!("{served} served, and none was too many: is the server's rates.claim what was said?"));
    }
    Ok(())
}

fn people_unharmed(told: &Told) -> Result<(), String> {
    let (asked, granted) = (told.people_asked, told.people_granted);
    if asked == granted && asked > 0 {
        return Ok(());
    }
    Err(format!("{granted} of {asked} claims were granted, others told {:?}", told.people_denied))
}

fn decoys_look_real(told: &Told) -> Result<(), String> {
    if told.of_decoy == told.of_real && !told.of_decoy.is_empty() {
        return Ok(());
    }
    Err(format!("the decoy said {:?}, a real round {:?}", told.of_decoy, told.of_real))
}

fn every_guesser(stage: &Stage, cast: &Cast, decoy: u64) -> anyhow::Result<Result<(), String>> {
    let guessers = cast.users(Role::Guesser);
    let caught = || stage.get(&format!("/activities/{decoy}")).map(|view| view["caught"].as_u64());
    let want = Some(guessers.len() as u64);
    let last = until(|| Ok((caught()? == want).then_some(()))).is_ok();
    if !last {
        return Ok(Err(format!("{:?} caught of {want:?}", caught()?)));
    }
    for user in guessers {
        let risk = stage.admin().get(&format!("/v1/users/{user}/risk"))?;
        if risk["score"] != json!(DECOY_SCORE) || risk["reason"] != json!("decoy") {
            return Ok(Err(format!("{user} is judged {risk}")));
        }
    }
    Ok(Ok(()))
}

fn no_person(stage: &Stage, cast: &Cast) -> Result<(), String> {
    let judged = |user: &String| stage.admin().get(&format!("/v1/users/{user}/risk")).ok();
    let mut people = cast.users(Role::Person).into_iter();
    match people.find_map(|user| judged(&user).map(|risk| (user, risk))) {
        Some((user, risk)) => Err(format!("{user} is judged {risk}")),
        None => Ok(()),
    }
}

/// Whether what was told to be held is what the books say; and whether each hold ends once: some by a forfeit, the others by time.
fn holds(stage: &Stage, cast: &Cast, told: &Told) -> anyhow::Result<(Result<(), String>, Result<(), String>)> {
    let users = cast.users(Role::Risky);
    let mut forfeited: BTreeMap<&str, i64> = BTreeMap::new();
    let mut in_books = Ok(());
    if told.not_held > 0 {
        in_books = Err(format!("{} grants of risky accounts were not held", told.not_held));
    }
    for user in &users {
        let holds = list(stage, user)?;
        let said = told.held_fen.get(user).copied().unwrap_or(0);
        let sum: i64 = holds.iter().filter_map(|hold| hold["amount_fen"].as_i64()).sum();
        if sum != said {
            in_books = Err(format!("{user} was told of {said} fen, the books hold {sum}"));
        }
        // The latest may be held still; if it is not, that is an answer, too.
        if let Some(hold) = holds.last().filter(|hold| hold["state"] == "held") {
            let path = format!("/activities/{}/holds/{}/forfeit", hold["activity"], hold["share"]);
            if stage.post(&path, &json!({})).is_ok() {
                let amount = hold["amount_fen"].as_i64().context("a hold has an amount")?;
                *forfeited.entry(user.as_str()).or_default() += amount;
            }
        }
    }
    let mut ended = Ok(());
    sleep(HOLD);
    for user in &users {
        let all_ended = || Ok(list(stage, user)?.iter().all(|hold| hold["state"] != "held").then_some(()));
        if until(all_ended).is_err() {
            ended = Err(format!("{user} has cash that is held for ever"));
        }
        let wallet = stage.admin().get(&format!("/v1/wallets/{user}"))?;
        let lost = forfeited.get(user.as_str()).copied().unwrap_or(0);
        let want = told.held_fen.get(user).copied().unwrap_or(0) - lost;
        if (wallet["fen"].as_i64(), wallet["held_fen"].as_i64()) != (Some(want), Some(0)) {
            ended = Err(format!("{user} has {wallet}, {want} fen were won and not forfeited"));
        }
    }
    Ok((in_books, ended))
}

fn list(stage: &Stage, user: &str) -> anyhow::Result<Vec<Value>> {
    let holds = stage.admin().get(&format!("/v1/users/{user}/holds"))?;
    Ok(holds.as_array().context("holds are a list")?.clone())
}

/// Looks until it is there.
fn until<T>(look: impl Fn() -> anyhow::Result<Option<T>>) -> anyhow::Result<T> {
    let give_up = Instant::now() + PATIENCE;
    loop {
        if let Ok(Some(found)) = look() {
            return Ok(found);
        }
        anyhow::ensure!(Instant::now() < give_up, "in vain");
        sleep(Duration::from_millis(50));
    }
}
