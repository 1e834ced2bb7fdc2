//! Prizes for goals that are reached: the steps of a watch task 观看N分钟解锁, the streaks of a check-in 直播打卡.

use std::collections::HashMap;

use foldhash::quality::FixedState;
use serde::{Deserialize, Serialize};

use super::activity::{AmendError, PlanError};
use super::{ActivityId, Amendment, CouponId, Fen, Grant, Prize, Refusal, RefusalCode, SkuId, Time, UnitPool, UserId};

/// A goal, and what there is for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GoalPlan {
    /// Where it is: seconds watched, days in a row.
    pub at: u32,
    /// What everybody gets who reaches it…
    pub prize: Prize,
    /// …as long as there is any.
    pub count: u32,
}

/// A watch task, as planned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WatchTaskPlan {
    /// Steps, by seconds watched of the broadcast.
    pub steps: Vec<GoalPlan>,
    /// How long it stays open, ms.
    pub duration_ms: u64,
}

/// A check-in, as planned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckInPlan {
    /// Prizes at streaks, by broadcast days in a row; none is fine.
    pub streaks: Vec<GoalPlan>,
    /// How long it stays open, ms.
    pub duration_ms: u64,
}

/// Goals that were opened: a pool for each, and who has reached which.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct GoalPools {
    pools: Vec<UnitPool>,
    reached: Vec<Reached>,
    by_user: HashMap<UserId, Vec<u32>, FixedState>,
    /// Cash given so far.
    pub paid: Fen,
}

/// A goal that was reached, and its prize given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reached {
    /// By whom.
    pub user: UserId,
    /// Which, from 0.
    pub goal: u16,
    /// When.
    pub at: Time,
    /// The number of the event that gave it.
    pub event: u64,
}

impl GoalPlan {
    /// Most goals.
    pub const GOALS_MAX: usize = 20;

    /// All cash among `goals`.
    pub fn cash(goals: &[Self]) -> Option<Fen> {
        goals.iter().try_fold(Fen::ZERO, |sum, goal| sum.plus(goal.cash_for(goal.count)?).ok())
    }

    fn cash_for(&self, units: u32) -> Option<Fen> {
        match self.prize {
            Prize::Cash(amount) => amount.times(units).ok(),
            _ => Some(Fen::ZERO),
        }
    }

    fn check(goals: &[Self], at: std::ops::RangeInclusive<u32>, field: &'static str) -> Result<(), PlanError> {
        let refuse = |why: &'static str| Err(PlanError { field, why: why.into() });
        if goals.len() > Self::GOALS_MAX {
            return refuse("at most 20");
        }
        if goals.iter().any(|goal| !at.contains(&goal.at)) || goals.windows(2).any(|pair| pair[0].at >= pair[1].at) {
            return refuse("must rise, from 1 s to 24 h or from 1 to 365 days");
        }
        if goals.iter().any(|goal| !(1..=UnitPool::UNITS_MAX).contains(&goal.count)) {
            return refuse("each needs 1 to 10,000,000 prizes");
        }
        let named = |prize: &Prize| match prize {
            Prize::Cash(amount) => *amount > Fen::ZERO,
            Prize::Coupon(name) | Prize::Item(name) => (1..=64).contains(&name.len()),
            // A goal gives the same to everybody.
            Prize::Code(_) => false,
        };
        if !goals.iter().all(|goal| named(&goal.prize)) {
            return refuse("each gives some cash, or names a coupon or an item in 1 to 64 bytes");
        }
        match Self::cash(goals) {
            Some(_) => Ok(()),
            None => refuse("must not cost more than 10^13 fen"),
        }
    }
}

impl WatchTaskPlan {
    pub(super) fn check(&self) -> Result<(), PlanError> {
        if self.steps.is_empty() {
            return Err(PlanError { field: "steps", why: "there is at least one".into() });
        }
        if !(1_000..=86_400_000).contains(&self.duration_ms) {
            return Err(PlanError { field: "duration_ms", why: "must be 1,000 to 86,400,000".into() });
        }
        GoalPlan::check(&self.steps, 1..=86_400, "steps")
    }
}

impl CheckInPlan {
    pub(super) fn check(&self) -> Result<(), PlanError> {
        if !(1_000..=31 * 86_400_000).contains(&self.duration_ms) {
            return Err(PlanError { field: "duration_ms", why: "must be 1 s to 31 days".into() });
        }
        GoalPlan::check(&self.streaks, 1..=365, "streaks")
    }
}

impl GoalPools {
    /// All prizes are there.
    pub fn open(plans: &[GoalPlan]) -> Self {
        let full = |plan: &GoalPlan| {
            let mut pool = UnitPool::holding(plan.count);
            pool.release(plan.count);
            pool
        };
        Self { pools: plans.iter().map(full).collect(), ..Self::default() }
    }

    /// The pools, by goal.
    pub fn pools(&self) -> &[UnitPool] {
        &self.pools
    }

    /// Whether `user` may have the prize of `goal`: once each, as long as there is any.
    pub fn allow(&self, user: &UserId, goal: u16) -> Result<(), Refusal> {
        if self.of(user).any(|(_, reached)| reached.goal == goal) {
            return Err(Refusal { code: RefusalCode::LimitReached, have: 1, limit: 1 });
        }
        match self.pools.get(usize::from(goal)) {
            Some(pool) if pool.free > 0 => Ok(()),
            _ => Err(Refusal::plain(RefusalCode::SoldOut)),
        }
    }

    /// The number under which the next prize is kept, from 0.
    pub fn next_unit(&self) -> u32 {
        self.reached.len() as u32
    }

    /// Gives what [`Self::allow`] allowed, and says under which number it is kept. `event` is the decision's number.
    pub fn give(&mut self, prize: &Prize, user: UserId, goal: u16, at: Time, event: u64) -> u32 {
        self.pools[usize::from(goal)].grant(1, event);
        if let Prize::Cash(amount) = prize {
            self.paid = self.paid.plus(*amount).expect("prizes never exceed the funding");
        }
        let number = self.next_unit();
        self.reached.push(Reached { user, goal, at, event });
        self.by_user.entry(user).or_default().push(number);
        number
    }

    /// A prize that was given, as its winner hears of it.
    pub fn grant(&self, plans: &[GoalPlan], activity: ActivityId, number: u32) -> Option<Grant> {
        let Reached { goal, at, event, .. } = *self.reached.get(number as usize)?;
        let prize = plans.get(usize::from(goal))?.prize.clone();
        let coupon = prize.coupon().map(|_| CouponId(event));
        Some(Grant { activity, slot: u32::from(goal) + 1, prize, at, coupon, hold: None })
    }

    /// The numbers of a user's prizes.
    pub fn grants_of(&self, user: &UserId) -> impl Iterator<Item = u32> {
        self.of(user).map(|(number, _)| number)
    }

    /// Everything that was given, in order.
    pub fn reached(&self) -> &[Reached] {
        &self.reached
    }

    /// Whether prizes may be added. Goals are numbered from 1; added cash comes with its budget, exactly.
    pub(super) fn may_amend(&self, plans: &[GoalPlan], amendment: &Amendment) -> Result<(), AmendError> {
        if amendment.shares > 0 {
            return Err(AmendError::Invalid("goals have no shares"));
        }
        let mut cash = Fen::ZERO;
        for (place, &(id, units)) in amendment.stock.iter().enumerate() {
            let (Some(pool), Some(plan)) = (self.pools.get(place_of(id)), plans.get(place_of(id))) else {
                return Err(AmendError::UnknownSku(id));
            };
            if units <= 0 || amendment.stock[..place].iter().any(|(other, _)| *other == id) {
                return Err(AmendError::Invalid("goals are only given more prizes, each once in an amendment"));
            }
            pool.may_change(units).map_err(|why| AmendError::Stock(id, why))?;
            let more = plan.cash_for(units.unsigned_abs()).and_then(|more| cash.plus(more).ok());
            cash = more.ok_or(AmendError::Invalid("must not cost more than 10^13 fen"))?;
        }
        if amendment.budget == cash {
            Ok(())
        } else {
            Err(AmendError::Invalid("budget_fen is what the added cash adds up to"))
        }
    }

    pub(super) fn amend(&mut self, amendment: &Amendment) {
        for &(id, units) in &amendment.stock {
            self.pools[place_of(id)].add(units.unsigned_abs());
        }
    }

    fn of(&self, user: &UserId) -> impl Iterator<Item = (u32, &Reached)> {
        let numbers = self.by_user.get(user).map_or(&[][..], Vec::as_slice);
        numbers.iter().map(|number| (*number, &self.reached[*number as usize]))
    }
}

fn place_of(goal: SkuId) -> usize {
    (goal.0 as usize).wrapping_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn goal(at: u32, prize: Prize, count: u32) -> GoalPlan {
        GoalPlan { at, prize, count }
    }

    fn cash(fen: i64) -> Prize {
        Prize::Cash(Fen::new(fen).unwrap())
    }

    #[test]
    fn goals_that_make_no_sense() {
        let item = |name: &str| Prize::Item(name.to_owned());
        let many = |n: u32| (1..=n).map(|at| goal(at, cash(1), 1)).collect::<Vec<_>>();
        for (steps, ok) in [
            (many(1), true),
            (many(20), true),
            (vec![], false),
            (many(21), false),
            (vec![goal(0, cash(1), 1)], false),
            (vec![goal(86_400, cash(1), 1)], true),
            (vec![goal(86_401, cash(1), 1)], false),
            (vec![goal(60, cash(1), 1), goal(60, cash(2), 1)], false),
            (vec![goal(60, cash(1), 0)], false),
            (vec![goal(60, cash(0), 1)], false),
            (vec![goal(60, item(""), 1)], false),
            (vec![goal(60, item(&"x".repeat(65)), 1)], false),
            (vec![goal(60, Prize::Coupon("tea".to_owned()), 10_000_001)], false),
            (vec![goal(60, cash(Fen::MAX.get()), 1), goal(61, cash(1), 1)], false),
        ] {
            let plan = WatchTaskPlan { steps, duration_ms: 60_000 };
            assert_eq!(plan.check().is_ok(), ok, "{plan:?}");
        }
        for (duration_ms, ok) in [(999, false), (31 * 86_400_000, true), (31 * 86_400_000 + 1, false)] {
            assert_eq!(CheckInPlan { streaks: vec![], duration_ms }.check().is_ok(), ok);
        }
    }

    #[test]
    fn each_goal_once_as_long_as_there_is_any() {
        let (ann, bob) = (UserId::parse("ann").unwrap(), UserId::parse("bob").unwrap());
        let plans = [goal(60, cash(5), 1), goal(120, Prize::Coupon("tea".to_owned()), 2)];
        assert_eq!(GoalPlan::cash(&plans), Fen::new(5).ok());
        let mut goals = GoalPools::open(&plans);
        let words = |goals: &GoalPools, user: &UserId, goal| {
            goals.allow(user, goal).map_or_else(|refusal| refusal.code.word(), |()| "may")
        };
        assert_eq!((words(&goals, &ann, 0), words(&goals, &ann, 2)), ("may", "sold_out"));
        assert_eq!(goals.give(&plans[0].prize, ann, 0, Time::from_ms(1), 10), 0);
        assert_eq!((words(&goals, &ann, 0), words(&goals, &bob, 0)), ("limit_reached", "sold_out"));
        assert_eq!(goals.give(&plans[1].prize, ann, 1, Time::from_ms(2), 11), 1);
        let grant = goals.grant(&plans, ActivityId(7), 1).unwrap();
        assert_eq!((grant.slot, grant.prize), (2, plans[1].prize.clone()));
        assert_eq!((goals.grants_of(&ann).collect::<Vec<_>>(), goals.paid.get()), (vec![0, 1], 5));
        assert!(goals.pools().iter().all(UnitPool::is_balanced));
        let amend = |stock: &[(u32, i32)], budget| {
            let stock = stock.iter().map(|(goal, units)| (SkuId(*goal), *units)).collect();
            let amendment = Amendment { stock, budget: Fen::new(budget).unwrap(), ..Amendment::default() };
            goals.may_amend(&plans, &amendment).is_ok()
        };
        for (stock, budget, ok) in [
            (&[(1, 2)][..], 10, true),
            (&[(1, 2)], 9, false),
            (&[(2, 5)], 0, true),
            (&[(2, 5), (1, 1)], 5, true),
            (&[(3, 1)], 0, false),
            (&[(0, 1)], 0, false),
            (&[(2, -1)], 0, false),
            (&[(2, 1), (2, 1)], 0, false),
        ] {
            assert_eq!(amend(stock, budget), ok, "{stock:?} {budget}");
        }
    }
}
