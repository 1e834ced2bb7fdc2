//! Recomputes a published record, and says what is wrong with it first.

use std::collections::HashSet;

use foldhash::quality::RandomState;

use super::record::returned;
use super::tree::Tree;
use super::{Beacon, BeaconError, Digest, DrawLevel, DrawPlan, DrawRecord, DrawRules, Keys};
use crate::rules::UserId;

/// What is wrong with a record.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecordFault {
    /// It can't be read.
    #[error("not a draw record: {0}")]
    Unreadable(String),
    /// Another spelling of the same could hide something.
    #[error("the record is not written as records are: no spaces, all fields in their order, nothing else")]
    NotCanonical,
    /// A format that is not known here.
    #[error("the record is of format {0:?}, which this version does not know")]
    Format(String),
    /// What the record says of itself differs from the rules in it.
    #[error("{0} is not what the rules say")]
    NotTheRules(&'static str),
    /// The rules were changed.
    #[error("the rules do not have the hash that was published")]
    RulesHash,
    /// The seed is not the one committed to.
    #[error("the seed does not have the hash that was committed to")]
    Commitment,
    /// The number of entries differs.
    #[error("the record has {found} entries, and counts {count}")]
    Count {
        /// As counted.
        count: u64,
        /// As there are.
        found: u64,
    },
    /// Somebody entered twice.
    #[error("{0} entered more than once")]
    Twice(UserId),
    /// The entries were changed.
    #[error("the entries do not have the root that was announced")]
    Root,
    /// A beacon is missing, or there is one too many.
    #[error("the record has {0} beacon, the rules ask for {1}")]
    BeaconMissing(&'static str, &'static str),
    /// The chain or the beacon is not genuine.
    #[error("beacon: {0}")]
    Beacon(#[from] BeaconError),
    /// The winners do not follow.
    #[error("the winner of rank {0} is not who follows from the keys")]
    Winner(usize),
    /// More or fewer winners than there are prizes to give.
    #[error("{found} winners, where {expected} follow")]
    Winners {
        /// As many follow.
        expected: usize,
        /// As many there are.
        found: usize,
    },
    /// Prizes from nowhere, or lost.
    #[error("what was returned is not what nobody has")]
    Returned,
}

/// A record that holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// What it says.
    pub record: DrawRecord,
    /// The ranks that passed a prize on: the operator's word, which nothing in the record proves.
    pub passed: usize,
}

/// Recomputes a record from its bytes.
///
/// # Errors
/// The first thing that is wrong: any changed byte is.
pub fn check_record(json: &[u8]) -> Result<Checked, RecordFault> {
    let record: DrawRecord = serde_json::from_slice(json).map_err(|why| RecordFault::Unreadable(why.to_string()))?;
    if record.format != DrawRecord::FORMAT {
        return Err(RecordFault::Format(record.format));
    }
    if record.to_json() != json {
        return Err(RecordFault::NotCanonical);
    }
    check_terms(&record)?;
    check_entries(&record)?;
    let value = check_beacon(&record)?;
    let passed = check_winners(&record, value.as_ref())?;
    Ok(Checked { record, passed })
}

fn check_terms(record: &DrawRecord) -> Result<(), RecordFault> {
    let rules = &record.rules;
    if record.draw != rules.draw {
        return Err(RecordFault::NotTheRules("draw"));
    }
    if record.level != rules.level.word() {
        return Err(RecordFault::NotTheRules("level"));
    }
    if record.reach != rules.level.reach() {
        return Err(RecordFault::NotTheRules("reach"));
    }
    if rules.hash() != record.rules_hash {
        return Err(RecordFault::RulesHash);
    }
    if Digest::of(&record.seed.0) != record.commitment {
        return Err(RecordFault::Commitment);
    }
    Ok(())
}

fn check_entries(record: &DrawRecord) -> Result<(), RecordFault> {
    let (count, found) = (record.count, record.entries.len() as u64);
    if count != found {
        return Err(RecordFault::Count { count, found });
    }
    let mut seen: HashSet<&UserId, RandomState> = HashSet::default();
    let mut tree = Tree::default();
    for user in &record.entries {
        if !seen.insert(user) {
            return Err(RecordFault::Twice(*user));
        }
        tree.push(user.as_str().as_bytes());
    }
    if tree.root() != record.root {
        return Err(RecordFault::Root);
    }
    let DrawRules { excluded, preferred, .. } = &record.rules;
    if preferred.iter().any(|user| excluded.contains(user)) {
        return Err(RecordFault::NotTheRules("who is excluded and preferred"));
    }
    match excluded.iter().any(|user| seen.contains(user)) {
        true => Err(RecordFault::NotTheRules("an entry")),
        false => Ok(()),
    }
}

/// The beacon's value, where there is one.
fn check_beacon(record: &DrawRecord) -> Result<Option<Digest>, RecordFault> {
    match (&record.rules.level, &record.beacon) {
        (DrawLevel::Sealed, None) => Ok(None),
        (DrawLevel::Sealed, Some(_)) => Err(RecordFault::BeaconMissing("a", "none")),
        (DrawLevel::Beacon { .. }, None) => Err(RecordFault::BeaconMissing("no", "one")),
        (DrawLevel::Beacon { chain, round }, Some(beacon)) => {
            chain.check()?;
            beacon.verify(chain, *round)?;
            Ok(Some(Beacon::randomness(beacon)))
        }
    }
}

/// How many passed.
fn check_winners(record: &DrawRecord, value: Option<&Digest>) -> Result<usize, RecordFault> {
    let DrawRecord { winners, rules, entries, .. } = record;
    if rules.prizes.iter().map(|prize| u64::from(prize.count)).sum::<u64>() > u64::from(DrawPlan::WINNERS_MAX) {
        return Err(RecordFault::NotTheRules("the number of prizes"));
    }
    let keys = Keys::new(&record.draw, &record.root, record.count, &record.rules_hash, &record.seed, value);
    let ranking = keys.ranking(entries, &rules.preferred);
    let prizes: Vec<usize> =
        rules.prizes.iter().enumerate().flat_map(|(kind, prize)| (0..prize.count).map(move |_| kind)).collect();
    // What was passed on came to the next of the ranking, until nobody was left.
    let passed = winners.iter().filter(|winner| winner.passed).count();
    let expected = (prizes.len() + passed).min(entries.len());
    if winners.len() != expected {
        return Err(RecordFault::Winners { expected, found: winners.len() });
    }
    for (place, winner) in winners.iter().enumerate() {
        let (key, leaf) = ranking[place];
        let first = prizes.get(place).is_none_or(|kind| winner.prize as usize == *kind);
        let follows = winner.rank as usize == place
            && winner.leaf == leaf
            && winner.key == key
            && entries.get(leaf as usize) == Some(&winner.user);
        if !follows || !first {
            return Err(RecordFault::Winner(place));
        }
    }
    for (kind, prize) in rules.prizes.iter().enumerate() {
        let of_kind = |winner: &&super::RecordedWinner| winner.prize as usize == kind;
        // Nobody gets what somebody else still has.
        let held = winners.iter().filter(of_kind).filter(|winner| !winner.passed).count();
        if held > prize.count as usize {
            return Err(RecordFault::Returned);
        }
    }
    if winners.iter().any(|winner| winner.prize as usize >= rules.prizes.len())
        || record.returned != returned(&rules.prizes, winners)
    {
        return Err(RecordFault::Returned);
    }
    Ok(passed)
}
