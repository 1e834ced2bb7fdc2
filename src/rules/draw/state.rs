//! A draw under way: who entered, who won, and who has passed a prize on.

use std::collections::HashMap;

use foldhash::quality::FixedState;
use serde::{Deserialize, Serialize};

use super::tree::Tree;
use super::{Beacon, Digest, DrawLevel, DrawPlan, Keys};
use crate::rules::{Fen, Time, UserId};

/// A draw that was opened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Draw {
    entries: Entries,
    /// The hash of the published rules.
    pub rules: Digest,
    /// Set when the entries are frozen.
    pub root: Option<Digest>,
    /// Set when the winners are drawn.
    pub drawn: Option<Drawn>,
    /// Cash given so far.
    pub paid: Fen,
}

/// What was drawn.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drawn {
    /// When.
    pub at: Time,
    /// The beacon, at that level.
    pub beacon: Option<Beacon>,
    /// Leaves by their keys, the lowest first: all of them, for who is next.
    ranking: Vec<u32>,
    /// Who was given what: the place in this list is the place in the ranking.
    pub awards: Vec<Award>,
}

/// A prize given to an entrant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Award {
    /// The winner's leaf.
    pub leaf: u32,
    /// Which kind of prize.
    pub prize: u16,
    /// When it was given.
    pub at: Time,
    /// What became of it.
    pub state: AwardState,
}

/// What became of a prize.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AwardState {
    /// It waits for the winner's word.
    Offered,
    /// It is the winner's.
    Kept,
    /// The winner declined, or did not answer in time.
    Passed,
}

/// A winner, as an event tells of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DrawWinner {
    /// The place in the ranking, from 0.
    pub rank: u32,
    /// The winner's leaf.
    pub leaf: u32,
    /// Who.
    pub user: UserId,
    /// Which kind of prize.
    pub prize: u16,
    /// The cash in it.
    pub cash: Fen,
    /// Until when that is held, if it is: no part of what the draw itself says.
    pub held_until: Option<Time>,
}

/// A prize that is passed on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pass {
    /// Who had it.
    pub rank: u32,
    /// That user.
    pub user: UserId,
    /// Who is next, if anybody is left.
    pub next: Option<DrawWinner>,
}

/// Why somebody can't enter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EnterRefused {
    /// Named among the excluded.
    Excluded,
    /// The entries are frozen.
    Closed,
    /// No more fit.
    Full,
}

/// Users in the order in which they entered, found by name, with the tree over them.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(from = "Vec<UserId>", into = "Vec<UserId>")]
struct Entries {
    users: Vec<UserId>,
    leaves: HashMap<UserId, u32, FixedState>,
    tree: Tree,
}

impl Entries {
    fn push(&mut self, user: UserId) {
        self.leaves.insert(user, self.users.len() as u32);
        self.tree.push(user.as_str().as_bytes());
        self.users.push(user);
    }
}

impl From<Vec<UserId>> for Entries {
    fn from(users: Vec<UserId>) -> Self {
        let mut entries = Self::default();
        users.into_iter().for_each(|user| entries.push(user));
        entries
    }
}

impl From<Entries> for Vec<UserId> {
    fn from(entries: Entries) -> Self {
        entries.users
    }
}

impl Draw {
    /// A draw that takes entries. `rules` is the hash of its published rules.
    pub fn open(rules: Digest) -> Self {
        Self { entries: Entries::default(), rules, root: None, drawn: None, paid: Fen::ZERO }
    }

    /// Everybody who entered, in order.
    pub fn entries(&self) -> &[UserId] {
        &self.entries.users
    }

    /// A user's leaf.
    pub fn leaf_of(&self, user: &UserId) -> Option<u32> {
        self.entries.leaves.get(user).copied()
    }

    /// What leads from a leaf to the root.
    pub fn path(&self, leaf: u32) -> Option<Vec<Digest>> {
        self.entries.tree.path(leaf as usize)
    }

    /// The leaf that `user` would get, or has already.
    pub fn may_enter(&self, plan: &DrawPlan, user: &UserId) -> Result<u32, EnterRefused> {
        if let Some(leaf) = self.leaf_of(user) {
            return Ok(leaf);
        }
        // Both last for ever, so neither refusal needs a record.
        if plan.excluded.contains(user) {
            return Err(EnterRefused::Excluded);
        }
        if self.root.is_some() {
            return Err(EnterRefused::Closed);
        }
        if self.entries.users.len() >= DrawPlan::ENTRIES_MAX {
            return Err(EnterRefused::Full);
        }
        Ok(self.entries.users.len() as u32)
    }

    /// Enters a user who has not entered before.
    pub fn enter(&mut self, user: UserId) {
        self.entries.push(user);
    }

    /// Nobody enters any more.
    pub fn freeze(&mut self) {
        self.root = Some(self.entries.tree.root());
    }

    /// Everybody by their keys: what the winners are taken from.
    pub fn ranking(&self, plan: &DrawPlan, draw: &str, seed: &Digest, beacon: Option<&Beacon>) -> Vec<u32> {
        let root = self.root.unwrap_or_else(|| self.entries.tree.root());
        let (count, value) = (self.entries.users.len() as u64, beacon.map(Beacon::randomness));
        let keys = Keys::new(draw, &root, count, &self.rules, seed, value.as_ref());
        keys.ranking(&self.entries.users, &plan.preferred).into_iter().map(|(_, leaf)| leaf).collect()
    }

    /// The winners of a ranking: prizes in order, to the lowest keys.
    pub fn winners(&self, plan: &DrawPlan, ranking: &[u32]) -> Vec<DrawWinner> {
        let places = (0..plan.prizes_in_all()).zip(ranking);
        places.filter_map(|(rank, leaf)| self.winner(plan, rank, *leaf, plan.prize_at(rank)?)).collect()
    }

    /// Keeps what was drawn.
    pub fn draw(&mut self, plan: &DrawPlan, at: Time, beacon: Option<Beacon>, ranking: Vec<u32>) {
        let winners = self.winners(plan, &ranking);
        let cash = winners.iter().map(|winner| winner.cash.get()).sum();
        self.paid = Fen::new(cash).expect("prizes add up to what the plan was checked for");
        let awards = winners.iter().map(|winner| Award::new(plan, winner, at)).collect();
        self.drawn = Some(Drawn { at, beacon, ranking, awards });
    }

    /// What happens when the winner at `rank` passes.
    pub fn pass(&self, plan: &DrawPlan, rank: u32) -> Option<Pass> {
        let drawn = self.drawn.as_ref()?;
        let award = drawn.awards.get(rank as usize).filter(|award| award.state != AwardState::Passed)?;
        let user = *self.entries.users.get(award.leaf as usize)?;
        // Whoever won before is before the end of the list, and never comes again.
        let next = drawn.awards.len();
        let next = drawn.ranking.get(next).and_then(|leaf| self.winner(plan, next as u32, *leaf, award.prize));
        Some(Pass { rank, user, next })
    }

    /// Passes a prize on.
    pub fn pass_on(&mut self, plan: &DrawPlan, pass: &Pass, at: Time) {
        if let Some(drawn) = &mut self.drawn {
            drawn.awards[pass.rank as usize].state = AwardState::Passed;
            drawn.awards.extend(pass.next.as_ref().map(|next| Award::new(plan, next, at)));
        }
    }

    /// The winner at `rank` takes the prize.
    pub fn keep(&mut self, rank: u32) {
        if let Some(award) = self.drawn.as_mut().and_then(|drawn| drawn.awards.get_mut(rank as usize)) {
            award.state = AwardState::Kept;
        }
    }

    /// What a user won: the place in the ranking, and the prize.
    pub fn award_of(&self, user: &UserId) -> Option<(u32, &Award)> {
        let leaf = self.leaf_of(user)?;
        let awards = self.drawn.iter().flat_map(|drawn| &drawn.awards);
        (0..).zip(awards).find(|(_, award)| award.leaf == leaf)
    }

    /// When a user won, unless the prize was passed on.
    pub fn won_at(&self, user: &UserId) -> Option<Time> {
        self.award_of(user).filter(|(_, award)| award.state != AwardState::Passed).map(|(_, award)| award.at)
    }

    /// Until when the winner of an award may answer.
    pub fn answer_by(plan: &DrawPlan, award: &Award) -> Time {
        award.at.after_ms(plan.answer_ms)
    }

    /// The offer that runs out next, and when.
    pub fn next_expiry(&self, plan: &DrawPlan) -> Option<(u32, Time)> {
        let awards = (0..).zip(self.drawn.iter().flat_map(|drawn| &drawn.awards));
        let offered = awards.filter(|(_, award)| award.state == AwardState::Offered);
        offered.map(|(rank, award)| (rank, Self::answer_by(plan, award))).min_by_key(|(rank, at)| (*at, *rank))
    }

    /// When a closed draw has something to do: at once until it is drawn (with a beacon: when that comes), then when an
    /// offer runs out, and at last when nobody may decline any more.
    pub fn deadline(&self, plan: &DrawPlan, closed_at: Option<Time>) -> Option<Time> {
        let Some(drawn) = &self.drawn else {
            return closed_at.filter(|_| plan.level == DrawLevel::Sealed);
        };
        if let Some((_, at)) = self.next_expiry(plan) {
            return Some(at);
        }
        if plan.must_accept() {
            return Some(drawn.at);
        }
        let given = drawn.awards.iter().map(|award| Self::answer_by(plan, award)).max();
        Some(given.unwrap_or(drawn.at))
    }

    fn winner(&self, plan: &DrawPlan, rank: u32, leaf: u32, prize: u16) -> Option<DrawWinner> {
        let user = *self.entries.users.get(leaf as usize)?;
        let cash = plan.prizes.get(prize as usize)?.cash_fen;
        Some(DrawWinner { rank, leaf, user, prize, cash, held_until: None })
    }
}

impl Award {
    fn new(plan: &DrawPlan, winner: &DrawWinner, at: Time) -> Self {
        let state = if plan.must_accept() { AwardState::Offered } else { AwardState::Kept };
        Self { leaf: winner.leaf, prize: winner.prize, at, state }
    }
}
