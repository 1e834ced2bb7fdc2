//! What people and bots were told, all together.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use liveroom_protocol::client::Outcome;
use liveroom_protocol::wire::{Grant, NotDoneCode, Own};
use parking_lot::Mutex;

use super::super::held::HeldCash;

/// What was told so far.
pub(super) struct Known {
    /// The round that nobody is shown.
    pub(super) decoy: u64,
    told: Mutex<Told>,
}

/// The same, to be looked at.
#[derive(Debug, Default, Clone)]
pub(super) struct Told {
    /// Claims of people, and those of them that were granted at once.
    pub(super) people_asked: u64,
    pub(super) people_granted: u64,
    /// What people were told otherwise.
    pub(super) people_denied: BTreeSet<String>,
    /// Claims before the opening, by what was said.
    pub(super) early: BTreeMap<String, u64>,
    /// What was said of the decoy, and of a real round that was claimed in the same way.
    pub(super) of_decoy: BTreeSet<String>,
    pub(super) of_real: BTreeSet<String>,
    /// Cash of each risky account that it was told is held, and grants that were not.
    pub(super) held: BTreeMap<String, HeldCash>,
    pub(super) not_held: u64,
    /// The first of them that was told in two ways.
    pub(super) hold_unstable: Option<String>,
    /// The account that floods: since when, until when, what was served and what was not.
    pub(super) flooded: Option<(Instant, Instant)>,
    pub(super) flood_served: u64,
    pub(super) flood_turned_away: u64,
}

impl Known {
    pub(super) fn new(decoy: u64) -> Self {
        Self { decoy, told: Mutex::default() }
    }

    pub(super) fn told(&self) -> Told {
        self.told.lock().clone()
    }

    pub(super) fn person(&self, outcome: &Outcome) {
        let mut told = self.told.lock();
        told.people_asked += 1;
        match outcome {
            Outcome::Granted(grant) if grant.hold.is_none() => told.people_granted += 1,
            other => drop(told.people_denied.insert(words(other))),
        }
    }

    pub(super) fn early(&self, outcome: &Outcome) {
        *self.told.lock().early.entry(words(outcome)).or_default() += 1;
    }

    /// A guess at this activity, or a wrong token for one that there is.
    pub(super) fn guessed(&self, activity: u64, outcome: &Outcome) {
        let word = words(outcome);
        // Kept away: it says nothing of the activity.
        if is_turned_away(outcome) {
            return;
        }
        let mut told = self.told.lock();
        if activity == self.decoy {
            told.of_decoy.insert(word);
        }
    }

    /// A wrong token for a round that everybody is shown.
    pub(super) fn missed(&self, outcome: &Outcome) {
        if !is_turned_away(outcome) {
            self.told.lock().of_real.insert(words(outcome));
        }
    }

    pub(super) fn risky(&self, user: &str, outcome: &Outcome) {
        let Outcome::Granted(grant) = outcome else { return };
        let mut told = self.told.lock();
        told.not_held += u64::from(grant.hold.is_none());
        told.held(user, grant);
    }

    /// What came unasked.
    pub(super) fn own(&self, user: &str, own: &Own) {
        let mut told = self.told.lock();
        own.grants.iter().for_each(|grant| told.held(user, grant));
    }

    /// A claim of the account that floods.
    pub(super) fn flood(&self, sent: Instant, outcome: &Outcome) {
        let mut told = self.told.lock();
        let now = Instant::now();
        told.flooded = Some(match told.flooded {
            Some((since, until)) => (since.min(sent), until.max(now)),
            None => (sent, now),
        });
        if is_turned_away(outcome) {
            told.flood_turned_away += 1;
        } else {
            told.flood_served += 1;
        }
    }
}

impl Told {
    fn held(&mut self, user: &str, grant: &Grant) {
        if let Err(wrong) = self.held.entry(user.to_owned()).or_default().told(grant) {
            self.hold_unstable.get_or_insert(format!("{user}: {wrong}"));
        }
    }
}

/// Whether a bound kept the request away from what it asked for.
fn is_turned_away(outcome: &Outcome) -> bool {
    matches!(
        outcome,
        Outcome::NotDone {
            code: NotDoneCode::RateLimited
                | NotDoneCode::AddressBudget
                | NotDoneCode::TooManyInFlight
                | NotDoneCode::Overloaded
                | NotDoneCode::Unavailable,
            ..
        }
    )
}

fn words(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Granted(grant) if grant.hold.is_some() => "granted, held".to_owned(),
        Outcome::Granted(_) => "granted".to_owned(),
        Outcome::Refused { code, detail } => format!("refused {} {detail}", code.word()).trim_end().to_owned(),
        Outcome::NotDone { code, detail } => format!("not done {} {detail}", code.word()),
        other => format!("{other:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use liveroom_protocol::wire::{Hold, HoldState, RefusalCode, grant};

    #[test]
    fn each_is_counted_where_it_belongs() {
        let known = Known::new(7);
        let prize = Some(grant::Prize::AmountFen(5));
        let cash = Grant { activity: 1, slot: 1, prize, ..Grant::default() };
        let hold = Some(Hold { state: HoldState::Held.into(), until_ms: 1 });
        let held = Outcome::Granted(Grant { hold, ..cash.clone() });
        let more = Outcome::Granted(Grant { hold, slot: 2, ..cash.clone() });
        let given = Outcome::Granted(cash);
        let kept_away = Outcome::NotDone { code: NotDoneCode::RateLimited, detail: String::new() };
        let refused = Outcome::Refused { code: RefusalCode::NotOpen, detail: String::new() };
        [&given, &held, &refused].into_iter().for_each(|outcome| known.person(outcome));
        [&held, &more, &given].into_iter().for_each(|outcome| known.risky("bot", outcome));
        known.guessed(7, &refused);
        known.guessed(7, &kept_away);
        known.guessed(8, &given);
        known.missed(&refused);
        let now = Instant::now();
        [&refused, &kept_away, &given].into_iter().for_each(|outcome| known.flood(now, outcome));
        let told = known.told();
        assert_eq!((told.people_asked, told.people_granted, told.people_denied.len()), (3, 1, 2));
        assert_eq!((told.held["bot"].of(1), told.not_held, &told.hold_unstable), (10, 1, &None));
        assert_eq!((&told.of_decoy, told.of_decoy.len()), (&told.of_real, 1));
        assert_eq!((told.flood_served, told.flood_turned_away), (2, 1));
    }
}
