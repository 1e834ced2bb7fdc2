//! What a draw is to be.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::{Chain, Digest};
use crate::rules::{Fen, PlanError, Time, UserId};

/// A draw as planned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DrawPlan {
    /// How one enters.
    pub occasion: Occasion,
    /// What there is to win, in the order in which it is given.
    pub prizes: Vec<PrizePlan>,
    /// How long entries are taken, ms.
    pub duration_ms: u64,
    /// How long a winner may decline, ms; of a mic-link draw, how long a seat is offered.
    pub answer_ms: u64,
    /// What the winners follow from.
    pub level: DrawLevel,
    /// Users who can't enter. Published with the rules.
    pub excluded: Vec<UserId>,
    /// The public key (Ed25519) that entrants' receipts are signed with.
    pub receipt_key: Digest,
    /// Users who rank before all others, if they enter; among them the keys decide. Published with the rules.
    pub preferred: Vec<UserId>,
}

/// What a draw is for, and how one enters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Occasion {
    /// Lucky bag 福袋: whoever taps enters.
    LuckyBag,
    /// Keyword draw 口令抽奖: whoever posts the keyword enters. As the host wrote it; it is compared normalised.
    Keyword(String),
    /// Mic-link draw 连麦抽奖: winners are offered a seat, which passes on if it is not taken.
    MicLink,
}

/// Identical prizes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PrizePlan {
    /// What it is, for people: 1 to 100 bytes.
    pub title: String,
    /// How many.
    pub count: u32,
    /// Cash in each, credited when it is drawn; zero for things.
    pub cash_fen: Fen,
}

/// What the winners of a draw follow from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DrawLevel {
    /// A secret seed that the server committed itself to.
    Sealed,
    /// The seed, and a value that nobody knows when the entries are frozen.
    Beacon {
        /// Where the value comes from.
        chain: Box<Chain>,
        /// Which round of it.
        round: u64,
    },
}

impl DrawPlan {
    /// Most prizes, of all kinds together.
    pub const WINNERS_MAX: u32 = 1_000;
    /// Most entries.
    pub const ENTRIES_MAX: usize = 1_000_000;
    /// Most users that may be excluded, or preferred.
    pub const LISTED_MAX: usize = 1_000;
    /// So much later than the close must the beacon's round be: the room has the root by then.
    pub const BEACON_MARGIN_MS: u64 = 5_000;

    /// How many prizes there are.
    pub fn prizes_in_all(&self) -> u32 {
        self.prizes.iter().map(|prize| prize.count).sum()
    }

    /// Which kind the `place`-th prize is of, from 0.
    pub fn prize_at(&self, place: u32) -> Option<u16> {
        let mut before = 0;
        let kind = self.prizes.iter().position(|prize| {
            before += prize.count;
            place < before
        });
        kind.map(|kind| kind as u16)
    }

    /// All cash among the prizes.
    pub fn cash(&self) -> Option<Fen> {
        let each = self.prizes.iter().map(|prize| prize.cash_fen.times(prize.count));
        each.into_iter().try_fold(Fen::ZERO, |sum, cash| sum.plus(cash.ok()?).ok())
    }

    /// Whether winners have to take what they won.
    pub fn must_accept(&self) -> bool {
        self.occasion == Occasion::MicLink
    }

    /// When the entries must be frozen at the latest.
    pub fn frozen_by(&self) -> Option<Time> {
        match &self.level {
            DrawLevel::Sealed => None,
            DrawLevel::Beacon { chain, round } => Some(chain.time_of(*round).before_ms(Self::BEACON_MARGIN_MS)),
        }
    }

    /// Whether the round comes after a close at `closes_at`.
    pub fn may_close_at(&self, closes_at: Time) -> Result<(), PlanError> {
        match self.frozen_by() {
            Some(by) if closes_at > by => refuse("round", "must come at least 5 s after the close"),
            _ => Ok(()),
        }
    }

    /// Checks everything that the type can't.
    pub(in crate::rules) fn check(&self) -> Result<(), PlanError> {
        if !(1_000..=7 * 86_400_000).contains(&self.duration_ms) {
            return refuse("duration_ms", "must be 1 s to 7 days");
        }
        if self.prizes.is_empty() || self.prizes.len() > 20 {
            return refuse("prizes", "must be 1 to 20 kinds");
        }
        let named = |prize: &PrizePlan| (1..=100).contains(&prize.title.len());
        if !self.prizes.iter().all(|prize| named(prize) && prize.count > 0) {
            return refuse("prizes", "each has a title (1 to 100 bytes) and a count");
        }
        if self.prizes.iter().map(|prize| u64::from(prize.count)).sum::<u64>() > u64::from(Self::WINNERS_MAX) {
            return refuse("prizes", "at most 1,000 in all");
        }
        if self.cash().is_none() {
            return refuse("prizes", "more cash than this server handles");
        }
        for (field, listed) in [("excluded", &self.excluded), ("preferred", &self.preferred)] {
            if listed.len() > Self::LISTED_MAX {
                return refuse(field, "at most 1,000 users");
            }
        }
        if self.preferred.iter().any(|user| self.excluded.contains(user)) {
            return refuse("preferred", "nobody is excluded and preferred");
        }
        match &self.occasion {
            Occasion::Keyword(word) if !(1..=64).contains(&word.len()) => {
                return refuse("keyword", "must be 1 to 64 bytes");
            }
            Occasion::MicLink if !(5_000..=600_000).contains(&self.answer_ms) => {
                return refuse("answer_ms", "a seat is offered for 5 s to 10 minutes");
            }
            Occasion::MicLink if self.cash() != Some(Fen::ZERO) => {
                return refuse("prizes", "a seat holds no cash");
            }
            Occasion::LuckyBag | Occasion::Keyword(_) if self.answer_ms > 7 * 86_400_000 => {
                return refuse("answer_ms", "must be at most 7 days");
            }
            _ => {}
        }
        match &self.level {
            DrawLevel::Sealed => Ok(()),
            DrawLevel::Beacon { chain, .. } => {
                chain.check().map_err(|why| PlanError { field: "chain", why: why.to_string().into() })
            }
        }
    }
}

fn refuse<T>(field: &'static str, why: &'static str) -> Result<T, PlanError> {
    Err(PlanError { field, why: Cow::Borrowed(why) })
}
