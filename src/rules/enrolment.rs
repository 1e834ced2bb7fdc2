//! Enrolment 优先报名: viewers sign up for a few places, and at the close the dearest of them have one.

use std::collections::HashMap;

use foldhash::quality::FixedState;
use serde::{Deserialize, Serialize};

use super::activity::PlanError;
use super::{Refusal, RefusalCode, Tier, UserId};

/// What a host offers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnrolmentPlan {
    /// How many places there are: 1 to [`EnrolmentPlan::PLACES_MAX`].
    pub places: u32,
    /// How long it stays open, ms.
    pub duration_ms: u64,
}

/// An enrolment that has opened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Enrolment {
    sign_ups: HashMap<UserId, SignUp, FixedState>,
}

/// When somebody signed up, and as what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignUp {
    /// The tier that the user had then.
    pub tier: Tier,
    /// The n-th to sign up, from 1.
    pub place: u32,
}

impl EnrolmentPlan {
    /// Most places: all of their names go out with the result.
    pub const PLACES_MAX: u32 = 1_000;

    pub(super) fn check(&self) -> Result<(), PlanError> {
        let refuse = |field, why: &'static str| Err(PlanError { field, why: why.into() });
        if !(1..=Self::PLACES_MAX).contains(&self.places) {
            return refuse("places", "must be 1 to 1,000");
        }
        if !(1_000..=7 * 86_400_000).contains(&self.duration_ms) {
            return refuse("duration_ms", "must be 1 s to 7 days");
        }
        Ok(())
    }
}

impl Enrolment {
    /// Nobody has signed up.
    pub fn open() -> Self {
        Self { sign_ups: HashMap::default() }
    }

    /// Whether a user may sign up: once, which lasts for ever.
    pub fn may_sign_up(&self, user: &UserId) -> Result<(), Refusal> {
        match self.sign_ups.get(user) {
            Some(_) => Err(Refusal { code: RefusalCode::LimitReached, have: 1, limit: 1 }),
            None => Ok(()),
        }
    }

    /// Signs a user up whom [`Self::may_sign_up`] allowed.
    pub fn sign_up(&mut self, user: UserId, tier: Tier) {
        let place = self.sign_ups.len() as u32 + 1;
        self.sign_ups.insert(user, SignUp { tier, place });
    }

    /// How many have signed up.
    pub fn signed_up(&self) -> u32 {
        self.sign_ups.len() as u32
    }

    /// Who has signed up, in no order.
    pub fn sign_ups(&self) -> impl Iterator<Item = (&UserId, &SignUp)> {
        self.sign_ups.iter()
    }

    /// Who has a place: the higher tier first, then the earlier sign-up.
    pub fn admitted(&self, plan: &EnrolmentPlan) -> Vec<UserId> {
        let mut all: Vec<_> = self.sign_ups.iter().collect();
        all.sort_unstable_by_key(|(_, sign_up)| (std::cmp::Reverse(sign_up.tier), sign_up.place));
        all.into_iter().take(plan.places as usize).map(|(user, _)| *user).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_higher_tier_comes_first_then_the_earlier() {
        let user = |name: &str| UserId::parse(name).unwrap();
        let plan = EnrolmentPlan { places: 3, duration_ms: 60_000 };
        let mut enrolment = Enrolment::open();
        for (name, tier) in
            [("a", Tier::PasserBy), ("b", Tier::Core), ("c", Tier::Active), ("d", Tier::Core), ("e", Tier::Active)]
        {
            assert_eq!(enrolment.may_sign_up(&user(name)), Ok(()));
            enrolment.sign_up(user(name), tier);
            let refusal = Refusal { code: RefusalCode::LimitReached, have: 1, limit: 1 };
            assert_eq!(enrolment.may_sign_up(&user(name)), Err(refusal));
        }
        assert_eq!(enrolment.admitted(&plan), ["b", "d", "c"].map(user));
        assert_eq!(enrolment.admitted(&EnrolmentPlan { places: 9, ..plan }).len(), 5);
    }

    #[test]
    fn plans_are_checked() {
        for (places, duration_ms, want) in [
            (1, 1_000, Ok(())),
            (1_000, 604_800_000, Ok(())),
            (0, 1_000, Err("places must be 1 to 1,000")),
            (1_001, 1_000, Err("places must be 1 to 1,000")),
            (1, 999, Err("duration_ms must be 1 s to 7 days")),
            (1, 604_800_001, Err("duration_ms must be 1 s to 7 days")),
        ] {
            let checked = EnrolmentPlan { places, duration_ms }.check().map_err(|error| error.to_string());
            assert_eq!(checked, want.map_err(str::to_owned));
        }
    }
}
