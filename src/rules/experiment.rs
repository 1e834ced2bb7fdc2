//! Experiments: users fall into arms, and what each arm brings is compared.
//!
//! Nobody's arm is stored anywhere: it follows from the names of the experiment and of the user, so it is the same on every node, in
//! every room and after every restart, and another program can compute it from the experiment's arms:
//!
//! ```text
//! digest = SHA-256("liveroom-experiment-v1" ‖ 0x00 ‖ experiment ‖ 0x00 ‖ user)
//! n      = the first 8 bytes of digest, big-endian
//! place  = ⌊n × (sum of all weights) / 2⁶⁴⌋
//! ```
//!
//! The arm is the first of the list up to which the weights, added up, are more than `place`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{ArmId, Brought, ExperimentId, PlanError, Tally, Time, UserId};

/// What a host asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExperimentPlan {
    /// What it is about, for people: 1 to 200 bytes.
    pub title: String,
    /// Its arms. Their order is part of how users fall into them.
    pub arms: Vec<Arm>,
}

/// An arm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Arm {
    /// Its name, within the experiment.
    pub arm: ArmId,
    /// How many fall into it, in proportion to the others.
    pub weight: u32,
}

/// An arm of an experiment that something is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InArm {
    /// The experiment, of the room.
    pub experiment: ExperimentId,
    /// The arm.
    pub arm: ArmId,
}

/// An experiment as it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Experiment {
    /// What was asked for.
    pub plan: ExperimentPlan,
    /// When it began.
    pub started: Time,
    /// When it ended: nothing counts any more.
    pub ended: Option<Time>,
    /// What each arm has brought, in the plan's order.
    pub results: Vec<ArmResults>,
    /// Users who were seen while it ran, and whether they took part. Empty once it has ended.
    users: BTreeMap<UserId, bool>,
}

/// What an arm has brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ArmResults {
    /// Users of the arm who were seen in the room.
    pub users: u32,
    /// Those of them who were given something or reserved something.
    pub participants: u32,
    /// What they brought.
    pub tally: Tally,
}

impl ExperimentPlan {
    /// Most arms.
    pub const ARMS_MAX: usize = 8;
    /// The largest weight.
    pub const WEIGHT_MAX: u32 = 1_000_000;

    /// Checks everything that the types can't.
    pub fn check(&self) -> Result<(), PlanError> {
        let refuse = |field, why: &'static str| Err(PlanError { field, why: why.into() });
        if self.title.is_empty() || self.title.len() > 200 {
            return refuse("title", "must be 1 to 200 bytes");
        }
        if !(2..=Self::ARMS_MAX).contains(&self.arms.len()) {
            return refuse("arms", "must be 2 to 8");
        }
        if self.arms.iter().any(|arm| !(1..=Self::WEIGHT_MAX).contains(&arm.weight)) {
            return refuse("arms", "each has a weight of 1 to 1,000,000");
        }
        if self.arms.iter().enumerate().any(|(place, arm)| self.arms[..place].iter().any(|other| other.arm == arm.arm))
        {
            return refuse("arms", "each has a name of its own");
        }
        Ok(())
    }

    /// The place among the arms of the one that a user falls into.
    pub fn place_of(&self, experiment: ExperimentId, user: &UserId) -> usize {
        let mut hash = Sha256::new();
        hash.update(b"liveroom-experiment-v1\0");
        hash.update(experiment.as_str());
        hash.update([0]);
        hash.update(user.as_str());
        let digest = hash.finalize();
        let number = u64::from_be_bytes(*digest.first_chunk().expect("a digest has 32 bytes"));
        let sum: u64 = self.arms.iter().map(|arm| u64::from(arm.weight)).sum();
        let place = ((u128::from(number) * u128::from(sum)) >> 64) as u64;
        let mut before = 0;
        let falls = self.arms.iter().position(|arm| {
            before += u64::from(arm.weight);
            place < before
        });
        falls.expect("the place is below the sum of the weights")
    }

    /// The arm that a user falls into.
    pub fn arm_of(&self, experiment: ExperimentId, user: &UserId) -> ArmId {
        self.arms[self.place_of(experiment, user)].arm
    }

    /// Whether there is such an arm.
    pub fn has(&self, arm: ArmId) -> bool {
        self.arms.iter().any(|one| one.arm == arm)
    }
}

impl Experiment {
    /// Most experiments of a room that have not been archived.
    pub const PER_ROOM_MAX: usize = 32;
    /// Most of them that run at a time.
    pub const RUNNING_MAX: usize = 8;

    /// A new one, which runs.
    pub fn new(plan: ExperimentPlan, now: Time) -> Self {
        let results = vec![ArmResults::default(); plan.arms.len()];
        Self { plan, started: now, ended: None, results, users: BTreeMap::new() }
    }

    /// Whether it runs.
    pub fn runs(&self) -> bool {
        self.ended.is_none()
    }

    /// It is over: what was counted stays.
    pub fn end(&mut self, now: Time) {
        self.ended = Some(now);
        self.users = BTreeMap::new();
    }

    /// A user was seen. Of those beyond `most` nothing is kept: they are not counted among the users.
    pub fn see(&mut self, experiment: ExperimentId, user: &UserId, most: usize) {
        if self.users.contains_key(user) || self.users.len() >= most {
            return;
        }
        self.users.insert(*user, false);
        let place = self.plan.place_of(experiment, user);
        self.results[place].users += 1;
    }

    /// A user brought something.
    pub fn count(&mut self, experiment: ExperimentId, user: &UserId, brought: Brought) {
        let results = &mut self.results[self.plan.place_of(experiment, user)];
        results.tally.add(brought);
        if brought.is_part()
            && let Some(took_part) = self.users.get_mut(user)
            && !std::mem::replace(took_part, true)
        {
            results.participants += 1;
        }
    }

    /// Users who were seen, and whether they took part.
    pub fn users(&self) -> impl Iterator<Item = (&UserId, bool)> {
        self.users.iter().map(|(user, took_part)| (user, *took_part))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::Fen;

    fn name(text: &str) -> ExperimentId {
        ExperimentId::parse(text).unwrap()
    }

    fn user(text: &str) -> UserId {
        UserId::parse(text).unwrap()
    }

    fn plan(arms: &[(&str, u32)]) -> ExperimentPlan {
        let arm = |&(arm, weight): &(&str, u32)| Arm { arm: ArmId::parse(arm).unwrap(), weight };
        ExperimentPlan { title: "Which button".to_owned(), arms: arms.iter().map(arm).collect() }
    }

    /// Computed by another program. PROTOCOL.md has the same table: changing it moves users between arms.
    #[test]
    fn arms_are_the_same_for_ever() {
        let button = plan(&[("control", 1), ("red", 1)]);
        let price = plan(&[("control", 90), ("five-off", 5), ("ten-off", 5)]);
        let document = include_str!("../../protocol/PROTOCOL.md");
        for (experiment, plan, who, arm) in [
            ("button", &button, "ann", "red"),
            ("button", &button, "bob", "control"),
            ("button", &button, "cyd", "red"),
            ("button", &button, "550e8400-e29b-41d4-a716-446655440000", "red"),
            ("price", &price, "ann", "control"),
            ("price", &price, "bob", "control"),
            ("price", &price, "cyd", "five-off"),
            ("price", &price, "550e8400-e29b-41d4-a716-446655440000", "control"),
        ] {
            assert_eq!(plan.arm_of(name(experiment), &user(who)).as_str(), arm, "{who} in {experiment}");
            let row = format!("| `{experiment}` | `{who}` | `{arm}` |");
            assert!(document.contains(&row), "PROTOCOL.md lacks {row}");
        }
    }

    /// Within five standard deviations of what the weights say, for each arm, and each experiment by itself.
    #[test]
    fn arms_fill_by_their_weights() {
        const USERS: u32 = 100_000;
        let weights = [1, 2, 3, 94];
        let arms = plan(&[("a", 1), ("b", 2), ("c", 3), ("d", 94)]);
        let fall = |experiment: &str, n: u32| arms.place_of(name(experiment), &user(&format!("user-{n}")));
        let (mut counts, mut both) = ([0u32; 4], 0u32);
        for n in 0..USERS {
            counts[fall("one", n)] += 1;
            both += u32::from(fall("one", n) != 3 && fall("two", n) != 3);
        }
        let within = |found: u32, of: u64, parts: u64| {
            let (found, users) = (u64::from(found), u64::from(USERS));
            let expected = users * of / parts;
            let variance = users * of * (parts - of) / (parts * parts);
            found.abs_diff(expected).pow(2) <= 25 * variance
        };
        for (count, weight) in counts.into_iter().zip(weights) {
            assert!(within(count, weight, 100), "{counts:?}");
        }
        assert!(within(both, 36, 10_000), "arms of different experiments are unrelated: {both}");
    }

    #[test]
    fn plans_that_make_no_sense() {
        let nine: Vec<_> = ["a", "b", "c", "d", "e", "f", "g", "h", "i"].map(|arm| (arm, 1)).into();
        for (case, plan, field) in [
            ("two arms", plan(&[("a", 1), ("b", 1_000_000)]), None),
            ("eight", plan(&nine[..8]), None),
            ("nine", plan(&nine), Some("arms")),
            ("one", plan(&nine[..1]), Some("arms")),
            ("no weight", plan(&[("a", 0), ("b", 1)]), Some("arms")),
            ("too much", plan(&[("a", 1_000_001), ("b", 1)]), Some("arms")),
            ("the same twice", plan(&[("a", 1), ("a", 1)]), Some("arms")),
            ("no title", ExperimentPlan { title: String::new(), ..plan(&nine[..2]) }, Some("title")),
            ("a long one", ExperimentPlan { title: "x".repeat(201), ..plan(&nine[..2]) }, Some("title")),
        ] {
            assert_eq!(plan.check().err().map(|error| error.field), field, "{case}");
        }
    }

    #[test]
    fn what_an_arm_brings() {
        let id = name("button");
        let mut button = Experiment::new(plan(&[("control", 1), ("red", 1)]), Time::from_ms(1));
        let sold = Brought::Sold(Fen::new(30).unwrap());
        // Who does what; users and participants of both arms, paid orders of both afterwards. At most three are known.
        for (who, brought, users, participants, paid) in [
            ("ann", None, [0, 1], [0, 0], [0, 0]),
            ("bob", Some(Brought::Given), [1, 1], [1, 0], [0, 0]),
            ("bob", Some(Brought::Ordered), [1, 1], [1, 0], [0, 0]),
            ("bob", Some(sold), [1, 1], [1, 0], [1, 0]),
            ("ann", Some(sold), [1, 1], [1, 0], [1, 1]),
            ("cyd", Some(Brought::Given), [1, 2], [1, 1], [1, 1]),
            ("u1", Some(Brought::Given), [1, 2], [1, 1], [1, 1]),
            ("u1", Some(sold), [1, 2], [1, 1], [2, 1]),
        ] {
            button.see(id, &user(who), 3);
            brought.into_iter().for_each(|brought| button.count(id, &user(who), brought));
            let of = |number: fn(&ArmResults) -> u32| [number(&button.results[0]), number(&button.results[1])];
            assert_eq!((of(|arm| arm.users), of(|arm| arm.participants)), (users, participants), "{who} {brought:?}");
            assert_eq!(of(|arm| arm.tally.paid_orders), paid, "{who} {brought:?}");
        }
        assert_eq!(button.users().count(), 3);
        let results = button.results.clone();
        button.end(Time::from_ms(2));
        assert_eq!((button.runs(), button.users().count(), button.results), (false, 0, results));
    }
}
