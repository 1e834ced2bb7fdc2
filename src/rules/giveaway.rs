//! Giving from a pool: whoever presses first gets the next unit, whatever it is.

use std::collections::HashMap;

use foldhash::quality::FixedState;
use serde::{Deserialize, Serialize};

use super::{Refusal, RefusalCode, Time, UnitPool, UserId};

/// A pool whose units are numbered in the order in which they are given, and who got them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Giveaway {
    /// Counts of the units.
    pub pool: UnitPool,
    /// Who got unit 0, 1, 2, …
    taken: Vec<Taken>,
    holders: HashMap<UserId, Held, FixedState>,
}

/// A unit that was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Taken {
    /// To whom.
    pub user: UserId,
    /// When.
    pub at: Time,
    /// The number of the event that gave it.
    pub event: u64,
    /// The user's n-th, from 1.
    pub slot: u32,
    /// The same user's unit before this one.
    previous: Option<u32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Held {
    count: u32,
    latest: u32,
}

impl Giveaway {
    /// So many units, all of which wait for [`UnitPool::release`].
    pub fn holding(units: u32) -> Self {
        Self { pool: UnitPool::holding(units), taken: Vec::new(), holders: HashMap::default() }
    }

    /// Which unit a claim gets.
    ///
    /// The facts that make a claim hopeless (its opening ended, the user has all that one may have, the activity ended)
    /// never cease to hold; the one that came first is named, so that the answer is the same whenever it is asked.
    /// `ended` is the number of the event that ended the activity.
    pub fn claim(&self, per_user: u32, user: &UserId, opening: u32, ended: Option<u64>) -> Result<u32, Refusal> {
        let held = self.holders.get(user);
        let full = held.filter(|held| held.count >= per_user);
        let full_since = full.map(|held| self.taken[held.latest as usize].event);
        let first = [
            full_since.map(|event| (event, RefusalCode::LimitReached)),
            self.pool.ended(opening).map(|event| (event, RefusalCode::SoldOut)),
            ended.map(|event| (event, RefusalCode::Closed)),
        ];
        match first.into_iter().flatten().min() {
            Some((_, code @ RefusalCode::LimitReached)) => Err(Refusal { code, have: per_user, limit: per_user }),
            Some((_, code)) => Err(Refusal::plain(code)),
            None => Ok(self.pool.granted),
        }
    }

    /// Gives the next unit to `user`, and says which it is.
    pub fn give(&mut self, user: UserId, at: Time, event: u64) -> u32 {
        let unit = self.pool.granted;
        self.pool.grant(1, event);
        let held = self.holders.entry(user).or_insert(Held { count: 0, latest: 0 });
        let previous = (held.count > 0).then_some(held.latest);
        *held = Held { count: held.count + 1, latest: unit };
        self.taken.push(Taken { user, at, event, slot: held.count, previous });
        unit
    }

    /// How unit `unit` was given, if it was.
    pub fn taken(&self, unit: u32) -> Option<&Taken> {
        self.taken.get(unit as usize)
    }

    /// Everything that `user` got, the latest first.
    pub fn given_to(&self, user: &UserId) -> impl Iterator<Item = u32> {
        let latest = self.holders.get(user).map(|held| held.latest);
        std::iter::successors(latest, |unit| self.taken[*unit as usize].previous)
    }

    /// Everybody's units: unit, user, slot.
    pub fn all(&self) -> impl Iterator<Item = (u32, UserId, u32)> {
        self.taken.iter().zip(0..).map(|(taken, unit)| (unit, taken.user, taken.slot))
    }

    /// How many users got something.
    pub fn winners(&self) -> u32 {
        self.holders.len() as u32
    }
}
