//! Pools and shares: nothing from nowhere, nothing twice.

use std::collections::HashMap;

use super::{Check, Invariant, Verdict};
use crate::rules::{Activity, ActivityId, Kind, KindPlan, Prize, Rain, RainPlan, Step, UnitPool, UserId};
use crate::store::{Event, Recorded, Tables};

/// Granted, reserved, free and written off add up to what there ever was, per pool: after every event.
pub(super) struct PoolsBalance;

fn pools(activity: &Activity) -> Vec<&UnitPool> {
    let pools = activity.kind.as_ref().map_or_else(Vec::new, Kind::pools);
    pools.into_iter().map(|(_, pool)| pool).collect()
}

fn pools_balance(activity: &Activity) -> Verdict<usize> {
    let pools = pools(activity);
    match pools.iter().find(|pool| !pool.is_balanced()) {
        Some(pool) => Err(format!("activity {}: {pool:?} does not add up", activity.id)),
        None => Ok(pools.len()),
    }
}

impl Check for PoolsBalance {
    fn invariant(&self) -> Invariant {
        Invariant::PoolsBalance
    }

    fn after(&mut self, recorded: &Recorded, tables: &Tables) -> Verdict<()> {
        let touched = recorded.event.activity().and_then(|id| tables.activity(id));
        let Some(activity) = touched else { return Ok(()) };
        pools_balance(activity).map(drop).map_err(|wrong| format!("after event {}, {wrong}", recorded.no))
    }

    fn judge(&self, tables: &Tables) -> Verdict {
        let mut count = 0;
        for activity in tables.activities() {
            count += pools_balance(activity)?;
            let planned: Vec<u32> = match &activity.plan.kind {
                KindPlan::Rain(plan) => vec![plan.shares()],
                KindPlan::Sale(plan) => plan.skus.iter().map(|sku| sku.stock).collect(),
                KindPlan::WatchTask(_) | KindPlan::CheckIn(_) => {
                    activity.plan.kind.goals().iter().map(|goal| goal.count).collect()
                }
                KindPlan::Draw(_) => Vec::new(),
                KindPlan::Poll(_) | KindPlan::Enrolment(_) => Vec::new(),
                KindPlan::Drop(plan) => vec![plan.coupons],
                KindPlan::Bag(plan) => vec![plan.count()],
            };
            let pools = pools(activity);
            if !pools.is_empty() && !pools.iter().map(|pool| pool.initial).eq(planned) {
                return Err(format!("activity {} did not begin with what was planned", activity.id));
            }
        }
        Ok(format!("{count} pools"))
    }
}

/// The shares of a rain add up to its budget, each within its bounds.
pub(super) struct SharesAddUp {
    budgets: HashMap<ActivityId, i64>,
}

impl SharesAddUp {
    pub(super) fn over(base: &Tables) -> Self {
        // What an ended rain gave back is not among its facts: there its shares are taken at their word.
        let budget = |activity: &Activity| match &activity.kind {
            Some(Kind::Rain(rain)) if activity.phase.is_final() => rain.cash_in_shares(),
            _ => activity.funded.get(),
        };
        Self { budgets: base.activities().map(|activity| (activity.id, budget(activity))).collect() }
    }

    fn check(&self, activity: &Activity, plan: &RainPlan, rain: &Rain) -> Verdict<()> {
        let id = activity.id;
        let budget = self.budgets.get(&id).copied().unwrap_or(0);
        if rain.cash_in_shares() != budget {
            return Err(format!("the shares of rain {id} hold {} fen of {budget}", rain.cash_in_shares()));
        }
        if let Some((low, high)) = rain.cash_bounds()
            && (low < plan.share_min.get() || high > plan.share_max.get())
        {
            return Err(format!("a share of rain {id} holds {low} or {high} fen, beyond its bounds"));
        }
        let cash = |(share, ..): (u32, UserId, u32)| match rain.prize(plan, share) {
            Some(Prize::Cash(amount)) => amount.get(),
            Some(Prize::Coupon(_) | Prize::Item(_) | Prize::Code(_)) | None => 0,
        };
        let given: i64 = rain.giveaway.all().map(cash).sum();
        let kept = if activity.phase.is_final() { given } else { budget };
        if rain.paid.get() != given || activity.funded.get() != kept {
            let (paid, funded) = (rain.paid, activity.funded);
            return Err(format!("rain {id} gave {given} fen of {budget}, and says {paid} of {funded}"));
        }
        Ok(())
    }
}

impl Check for SharesAddUp {
    fn invariant(&self) -> Invariant {
        Invariant::SharesAddUp
    }

    fn before(&mut self, recorded: &Recorded, tables: &Tables) -> Verdict<()> {
        match &recorded.event {
            Event::Stepped { activity, step: Step::Schedule, moved, .. } => {
                let planned = tables.activity(*activity).map(|activity| activity.plan.funding());
                if planned != Some(*moved) {
                    return Err(format!("activity {activity} is funded with {moved} fen, planned {planned:?}"));
                }
                self.budgets.insert(*activity, moved.get());
                Ok(())
            }
            Event::Amended { activity, amendment, .. } => {
                *self.budgets.entry(*activity).or_insert(0) += amendment.budget.get();
                Ok(())
            }
            Event::Archived { activity, .. } => {
                if let Some(activity) = tables.activity(*activity)
                    && let (Some(Kind::Rain(rain)), KindPlan::Rain(plan)) = (&activity.kind, &activity.plan.kind)
                {
                    self.check(activity, plan, rain)?;
                }
                self.budgets.remove(activity);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn judge(&self, tables: &Tables) -> Verdict {
        let (mut rains, mut shares) = (0, 0);
        for activity in tables.activities() {
            if let (Some(Kind::Rain(rain)), KindPlan::Rain(plan)) = (&activity.kind, &activity.plan.kind) {
                self.check(activity, plan, rain)?;
                rains += 1;
                shares += rain.giveaway.pool.initial + rain.giveaway.pool.added;
            }
        }
        Ok(format!("{rains} rains, {shares} shares"))
    }
}

/// A share is given once, and nobody gets more than one user may.
pub(super) struct GrantsOnce {
    /// Who got share 0, 1, 2, … of each rain.
    given: HashMap<ActivityId, Vec<UserId>>,
    grants: u64,
}

impl GrantsOnce {
    pub(super) fn over(base: &Tables) -> Self {
        let mut given = HashMap::new();
        for activity in base.activities() {
            if let Some(giveaway) = activity.kind.as_ref().and_then(Kind::giveaway) {
                given.insert(activity.id, giveaway.all().map(|(_, user, _)| user).collect());
            }
        }
        Self { given, grants: 0 }
    }
}

impl Check for GrantsOnce {
    fn invariant(&self) -> Invariant {
        Invariant::GrantsOnce
    }

    fn before(&mut self, recorded: &Recorded, _: &Tables) -> Verdict<()> {
        match &recorded.event {
            Event::Granted { activity, user, unit, .. } => {
                self.grants += 1;
                let given = self.given.entry(*activity).or_default();
                if *unit as usize != given.len() {
                    let (no, next) = (recorded.no, given.len());
                    return Err(format!("event {no} gives unit {unit} of activity {activity}, the next is {next}"));
                }
                given.push(*user);
            }
            Event::Archived { activity, .. } => drop(self.given.remove(activity)),
            _ => {}
        }
        Ok(())
    }

    fn judge(&self, tables: &Tables) -> Verdict {
        for activity in tables.activities() {
            let giveaway = activity.kind.as_ref().and_then(Kind::giveaway);
            let Some((giveaway, per_user)) = giveaway.zip(activity.grants_per_user()) else { continue };
            let id = activity.id;
            let given = self.given.get(&id).map_or(&[][..], Vec::as_slice);
            if !giveaway.all().map(|(_, user, _)| user).eq(given.iter().copied()) {
                return Err(format!("rain {id} gave its shares to others than the log says"));
            }
            if giveaway.pool.granted as usize != given.len() {
                return Err(format!("rain {id} counts {} grants, there are {}", giveaway.pool.granted, given.len()));
            }
            let mut slots: HashMap<UserId, u32> = HashMap::new();
            for (share, user, slot) in giveaway.all() {
                let have = slots.entry(user).or_insert(0);
                *have += 1;
                if slot != *have || slot > per_user {
                    return Err(format!("share {share} of rain {id} is {user}'s {slot}th, counted {have}"));
                }
            }
        }
        Ok(format!("{} grants", self.grants))
    }
}
