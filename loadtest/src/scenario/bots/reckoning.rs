//! What must hold in the end, between what was told and what the server's books say.

use std::collections::BTreeMap;

use super::super::held::HeldCash;
use super::super::risk::End;
use super::super::stage::Stage;
use super::known::Told;
use super::{Cast, Known, Role};
use crate::cli::BotsArgs;

type Verdicts = Vec<(&'static str, Result<(), String>)>;

/// Each invariant, and what is wrong with it.
pub(super) fn reckon(args: &BotsArgs, stage: &Stage, cast: &Cast, known: &Known) -> anyhow::Result<Verdicts> {
    stage.catch_up()?;
    let told = known.told();
    let (held_equals_books, holds_end_once) = holds(stage, cast, &told)?;
    Ok(vec![
        ("nobody_granted_before_opening", before_opening(&told)),
        ("no_bot_served_beyond_its_budget", within_budget(args, &told)),
        ("people_unharmed", people_unharmed(&told)),
        ("decoys_look_real", decoys_look_real(&told)),
        ("decoys_catch_every_guesser", stage.caught(known.decoy, &cast.users(Role::Guesser))?),
        ("decoys_catch_no_person", stage.nobody_judged(&cast.users(Role::Person))?),
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

/// Whether what was told to be held is what the books say; and whether each hold ends once: some by a forfeit, the others by time.
fn holds(stage: &Stage, cast: &Cast, told: &Told) -> anyhow::Result<(Result<(), String>, Result<(), String>)> {
    let users = cast.users(Role::Risky);
    let mut in_books = match (told.not_held, &told.hold_unstable) {
        (0, None) => Ok(()),
        (0, Some(wrong)) => Err(wrong.clone()),
        (grants, _) => Err(format!("{grants} grants of risky accounts were not held")),
    };
    let mut forfeited: BTreeMap<&str, i64> = BTreeMap::new();
    for user in &users {
        let holds = stage.holds(user)?;
        if let Err(wrong) = told.held.get(user).unwrap_or(&HeldCash::default()).equals(&holds) {
            in_books = Err(format!("{user}: {wrong}"));
        }
        // The latest may be held still; if it is not, that is an answer, too.
        if let Some(hold) = holds.last().filter(|hold| hold.is_open())
            && stage.end_hold(hold, End::Forfeit).is_ok()
        {
            *forfeited.entry(user).or_default() += hold.amount_fen;
        }
    }
    let mut ended = Ok(());
    for user in &users {
        let verdict = stage.ended_holds(user).map_err(|error| error.to_string()).and_then(|(holds, fen)| {
            let won: i64 = holds.iter().map(|hold| hold.amount_fen).sum();
            let want = won - forfeited.get(user.as_str()).copied().unwrap_or(0);
            if fen == want { Ok(()) } else { Err(format!("{user} has {fen} fen, {want} were won and not forfeited")) }
        });
        ended = ended.and(verdict);
    }
    Ok((in_books, ended))
}
