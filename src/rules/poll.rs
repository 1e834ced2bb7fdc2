//! Polls and the wish list 心愿单: viewers choose among options, everybody sees the tally.

use std::collections::HashMap;

use foldhash::quality::FixedState;
use serde::{Deserialize, Serialize};

use super::activity::PlanError;
use super::{Refusal, RefusalCode, UserId};

/// What a host asks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PollPlan {
    /// What there is to choose from: 2 to [`PollPlan::OPTIONS_MAX`], each of 1 to 60 bytes.
    pub options: Vec<String>,
    /// How many different options one ballot may name.
    pub votes_per_user: u32,
    /// Whether a later ballot takes the place of the one before.
    pub changeable: bool,
    /// How long it stays open, ms.
    pub duration_ms: u64,
}

/// The options that one ballot names: a bit for each, the first option the lowest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Choice(u32);

/// A poll that has opened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Poll {
    /// Votes for each option.
    tally: Vec<u32>,
    ballots: HashMap<UserId, Ballot, FixedState>,
}

/// What a user chose, and how often they chose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ballot {
    /// The latest choice.
    pub choice: Choice,
    /// Ballots so far, the latest included.
    pub cast: u32,
}

impl PollPlan {
    /// Most options.
    pub const OPTIONS_MAX: usize = 30;
    /// As often may one user choose where a choice may be changed: each is remembered.
    pub const BALLOTS_MAX: u32 = 20;

    pub(super) fn check(&self) -> Result<(), PlanError> {
        let refuse = |field, why: &'static str| Err(PlanError { field, why: why.into() });
        if !(2..=Self::OPTIONS_MAX).contains(&self.options.len()) {
            return refuse("options", "must be 2 to 30");
        }
        if self.options.iter().any(|option| option.trim().is_empty() || option.len() > 60) {
            return refuse("options", "must each have 1 to 60 bytes, not only spaces");
        }
        let repeated = |(place, option)| self.options[..place].contains(option);
        if self.options.iter().enumerate().any(repeated) {
            return refuse("options", "must differ from each other");
        }
        if self.votes_per_user == 0 || self.votes_per_user as usize > self.options.len() {
            return refuse("votes_per_user", "must be 1 to the number of options");
        }
        if !(1_000..=7 * 86_400_000).contains(&self.duration_ms) {
            return refuse("duration_ms", "must be 1 s to 7 days");
        }
        Ok(())
    }

    /// Reads a ballot: option numbers from 1, each once, no more than one user may name.
    pub fn choice(&self, options: &[u32]) -> Result<Choice, &'static str> {
        if options.is_empty() || options.len() > self.votes_per_user as usize {
            return Err("a ballot names at least one option, and no more than votes_per_user");
        }
        options.iter().try_fold(Choice(0), |choice, &option| {
            let bit = option.checked_sub(1).filter(|place| (*place as usize) < self.options.len());
            let bit = 1 << bit.ok_or("options are numbered from 1")?;
            if choice.0 & bit == 0 { Ok(Choice(choice.0 | bit)) } else { Err("a ballot names an option once") }
        })
    }

    const fn ballots_max(&self) -> u32 {
        if self.changeable { Self::BALLOTS_MAX } else { 1 }
    }
}

impl Choice {
    /// The options, numbered from 1.
    pub fn options(self) -> impl Iterator<Item = u32> {
        (0..u32::BITS).filter(move |place| self.0 >> place & 1 == 1).map(|place| place + 1)
    }
}

impl Poll {
    /// Nobody has voted.
    pub fn open(plan: &PollPlan) -> Self {
        Self { tally: vec![0; plan.options.len()], ballots: HashMap::default() }
    }

    /// Whether a user may vote. What refuses it here lasts for ever: the latest ballot stands.
    pub fn may_vote(&self, plan: &PollPlan, user: &UserId) -> Result<(), Refusal> {
        let limit = plan.ballots_max();
        match self.ballots.get(user) {
            Some(ballot) if ballot.cast >= limit => {
                Err(Refusal { code: RefusalCode::LimitReached, have: ballot.cast, limit })
            }
            _ => Ok(()),
        }
    }

    /// Counts a ballot that [`Self::may_vote`] allowed, in the place of the one before.
    pub fn vote(&mut self, user: UserId, choice: Choice) {
        let before = self.ballots.get(&user).copied();
        if let Some(before) = before {
            before.choice.options().for_each(|option| self.tally[option as usize - 1] -= 1);
        }
        choice.options().for_each(|option| self.tally[option as usize - 1] += 1);
        self.ballots.insert(user, Ballot { choice, cast: before.map_or(1, |before| before.cast + 1) });
    }

    /// Votes for each option, in the plan's order.
    pub fn tally(&self) -> &[u32] {
        &self.tally
    }

    /// Who chose what, in no order.
    pub fn ballots(&self) -> impl Iterator<Item = (&UserId, &Ballot)> {
        self.ballots.iter()
    }

    /// How many users have voted.
    pub fn voters(&self) -> u32 {
        self.ballots.len() as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(votes_per_user: u32, changeable: bool) -> PollPlan {
        let options = ["red", "green", "blue"].map(str::to_owned).into();
        PollPlan { options, votes_per_user, changeable, duration_ms: 60_000 }
    }

    #[test]
    fn plans_are_checked() {
        let with = |change: fn(&mut PollPlan)| {
            let mut plan = plan(1, false);
            change(&mut plan);
            plan.check().map_err(|error| error.to_string())
        };
        let options = "options must each have 1 to 60 bytes, not only spaces";
        for (change, want) in [
            ((|_| {}) as fn(&mut PollPlan), Ok(())),
            (|plan| plan.votes_per_user = 3, Ok(())),
            (|plan| plan.options.truncate(1), Err("options must be 2 to 30")),
            (|plan| plan.options = (0..31).map(|n| n.to_string()).collect(), Err("options must be 2 to 30")),
            (|plan| plan.options[1] = " \u{3000}".to_owned(), Err(options)),
            (|plan| plan.options[1] = "长".repeat(21), Err(options)),
            (|plan| plan.options[1] = "red".to_owned(), Err("options must differ from each other")),
            (|plan| plan.votes_per_user = 0, Err("votes_per_user must be 1 to the number of options")),
            (|plan| plan.votes_per_user = 4, Err("votes_per_user must be 1 to the number of options")),
            (|plan| plan.duration_ms = 999, Err("duration_ms must be 1 s to 7 days")),
        ] {
            assert_eq!(with(change), want.map_err(str::to_owned));
        }
    }

    #[test]
    fn ballots_name_options_that_there_are_once() {
        let many = "a ballot names at least one option, and no more than votes_per_user";
        for (options, want) in [
            (&[1][..], Ok(vec![1])),
            (&[3, 1], Ok(vec![1, 3])),
            (&[], Err(many)),
            (&[1, 2, 3], Err(many)),
            (&[0], Err("options are numbered from 1")),
            (&[4], Err("options are numbered from 1")),
            (&[u32::MAX], Err("options are numbered from 1")),
            (&[2, 2], Err("a ballot names an option once")),
        ] {
            assert_eq!(plan(2, false).choice(options).map(|choice| choice.options().collect()), want, "{options:?}");
        }
    }

    #[test]
    fn a_ballot_stands_or_is_changed() {
        let users = ["a", "b"].map(|name| UserId::parse(name).unwrap());
        for (changeable, tally, voters) in [(false, [2, 0, 1], 2), (true, [1, 2, 0], 2)] {
            let plan = plan(2, changeable);
            let mut poll = Poll::open(&plan);
            for (user, options) in [(0, &[1, 3][..]), (1, &[1]), (0, &[2]), (1, &[1, 2])] {
                if poll.may_vote(&plan, &users[user]).is_ok() {
                    poll.vote(users[user], plan.choice(options).unwrap());
                }
            }
            assert_eq!((poll.tally(), poll.voters()), (&tally[..], voters), "changeable: {changeable}");
        }
    }

    #[test]
    fn changes_are_bounded() {
        let (plan, user) = (plan(1, true), UserId::parse("a").unwrap());
        let mut poll = Poll::open(&plan);
        for n in 0..PollPlan::BALLOTS_MAX {
            assert_eq!(poll.may_vote(&plan, &user), Ok(()));
            poll.vote(user, plan.choice(&[n % 3 + 1]).unwrap());
        }
        let refusal = Refusal { code: RefusalCode::LimitReached, have: 20, limit: 20 };
        assert_eq!(poll.may_vote(&plan, &user), Err(refusal));
        assert_eq!(poll.tally().iter().sum::<u32>(), 1);
    }
}
