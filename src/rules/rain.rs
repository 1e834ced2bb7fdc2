//! Red-packet rain 红包雨: a budget, split beforehand, given to whoever presses first.

use serde::{Deserialize, Serialize};

use super::activity::PlanError;
use super::split::split;
use super::{Fen, Giveaway, Prize, Seed, Time, UnitPool, UserId};

pub use super::split::Split;

/// What a host asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RainPlan {
    /// All the cash, fen.
    pub budget: Fen,
    /// How it is split.
    pub split: Split,
    /// The smallest cash share, at least 1 fen.
    pub share_min: Fen,
    /// The largest cash share.
    pub share_max: Fen,
    /// How long it rains, ms.
    pub duration_ms: u64,
    /// How many shares one user may take.
    pub grants_per_user: u32,
    /// When how many shares come; what one wave leaves over joins the next.
    pub waves: Vec<WavePlan>,
    /// Shares that are coupons instead of cash.
    pub bonus: Vec<BonusPlan>,
}

/// One wave of a rain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct WavePlan {
    /// How long after the opening, ms.
    pub after_ms: u64,
    /// How many shares.
    pub shares: u32,
}

/// Coupons among the shares.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BonusPlan {
    /// The coupon template's name.
    pub coupon: String,
    /// How many.
    pub shares: u32,
}

impl RainPlan {
    /// How long it may rain.
    pub const DURATION_MS: std::ops::RangeInclusive<u64> = 5_000..=120_000;
    /// How many shares one user may take.
    pub const GRANTS_PER_USER: std::ops::RangeInclusive<u32> = 1..=99;
    /// Most waves.
    pub const WAVES_MAX: usize = 20;

    /// All shares, coupons included.
    pub fn shares(&self) -> u32 {
        self.waves.iter().map(|wave| wave.shares).sum()
    }

    fn bonus_shares(&self) -> u32 {
        self.bonus.iter().map(|bonus| bonus.shares).sum()
    }

    /// Checks everything that the type can't.
    pub(super) fn check(&self) -> Result<(), PlanError> {
        let refuse = |field, why: &'static str| Err(PlanError { field, why: why.into() });
        if !Self::DURATION_MS.contains(&self.duration_ms) {
            return refuse("duration_ms", "must be 5,000 to 120,000");
        }
        if !Self::GRANTS_PER_USER.contains(&self.grants_per_user) {
            return refuse("grants_per_user", "must be 1 to 99");
        }
        if self.waves.is_empty() || self.waves.len() > Self::WAVES_MAX {
            return refuse("waves", "must be 1 to 20");
        }
        if self.waves.iter().any(|wave| wave.shares == 0) {
            return refuse("waves", "each needs at least one share");
        }
        if self.waves.windows(2).any(|pair| pair[0].after_ms >= pair[1].after_ms) {
            return refuse("waves", "must be in order of time, each at its own");
        }
        if self.waves.last().is_some_and(|wave| wave.after_ms >= self.duration_ms) {
            return refuse("waves", "must come before the rain ends");
        }
        if self.bonus.iter().any(|b| b.shares == 0 || b.coupon.is_empty() || b.coupon.len() > 64) {
            return refuse("bonus", "each names a coupon (1 to 64 bytes) and at least one share");
        }
        if self.bonus.len() > 20 {
            return refuse("bonus", "at most 20 kinds");
        }
        let total: u64 = self.waves.iter().map(|wave| u64::from(wave.shares)).sum();
        if total > u64::from(UnitPool::UNITS_MAX) {
            return refuse("waves", "at most 10,000,000 shares");
        }
        let bonus: u64 = self.bonus.iter().map(|bonus| u64::from(bonus.shares)).sum();
        let Some(cash) = total.checked_sub(bonus) else {
            return refuse("bonus", "more coupons than shares");
        };
        self.check_cash(self.budget, cash)
    }

    /// Whether `budget` can be split into `shares` within the plan's bounds.
    pub(super) fn check_cash(&self, budget: Fen, shares: u64) -> Result<(), PlanError> {
        let refuse = |field, why: &'static str| Err(PlanError { field, why: why.into() });
        let (min, max) = (self.share_min.get(), self.share_max.get());
        if min < 1 {
            return refuse("share_min_fen", "must be at least 1");
        }
        if max < min {
            return refuse("share_max_fen", "must not be below share_min_fen");
        }
        let (shares, budget) = (i128::from(shares), i128::from(budget.get()));
        if budget < shares * i128::from(min) {
            return refuse("budget_fen", "less than the smallest shares add up to");
        }
        if budget > shares * i128::from(max) {
            return refuse("budget_fen", "more than the largest shares add up to");
        }
        Ok(())
    }
}

/// A rain that was opened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rain {
    /// Shares in the order in which they are given. Cash as its fen; a coupon as −1 − its place in the plan.
    shares: Vec<i64>,
    /// Counts of the shares, and who got them.
    pub giveaway: Giveaway,
    /// How many waves have come.
    pub waves_released: u32,
    /// Cash given so far, fen.
    pub paid: Fen,
}

/// What the room hears when it is over.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct RainSummary {
    /// Users who got at least one share.
    pub winners: u32,
    /// Shares given.
    pub grants: u32,
    /// Cash given.
    pub total: Fen,
    /// 手气最佳: who got the largest cash share (the first of equals), and how much.
    pub luckiest: Option<(UserId, Fen)>,
}

impl Rain {
    /// A rain before its first wave. All that chance decides is decided here.
    pub fn open(plan: &RainPlan, seed: &Seed) -> Self {
        let mut stream = seed.stream("shares");
        let cash = plan.shares() - plan.bonus_shares();
        let mut shares = split(plan.split, plan.budget, cash, plan.share_min, plan.share_max, &mut stream);
        for (place, bonus) in plan.bonus.iter().enumerate() {
            shares.extend((0..bonus.shares).map(|_| -1 - place as i64));
        }
        if !plan.bonus.is_empty() {
            stream.shuffle(&mut shares);
        }
        Self { giveaway: Giveaway::holding(shares.len() as u32), shares, waves_released: 0, paid: Fen::ZERO }
    }

    /// A decoy: all of its shares were there, and are gone, with the event that opened it.
    pub fn exhausted(plan: &RainPlan, event: u64) -> Self {
        let mut giveaway = Giveaway::holding(plan.shares());
        giveaway.pool.release(plan.shares());
        giveaway.pool.write_off(plan.shares(), event);
        Self { shares: Vec::new(), giveaway, waves_released: plan.waves.len() as u32, paid: Fen::ZERO }
    }

    /// The next wave comes.
    pub fn release_wave(&mut self, plan: &RainPlan) {
        if let Some(wave) = plan.waves.get(self.waves_released as usize) {
            self.waves_released += 1;
            self.giveaway.pool.release(wave.shares);
        }
    }

    /// Gives the next share to `user`, and says which it is.
    pub fn give(&mut self, user: UserId, at: Time, event: u64) -> u32 {
        let share = self.giveaway.give(user, at, event);
        self.paid = self.paid.plus(self.cash(share)).expect("shares add up to a budget, which is an amount");
        share
    }

    /// Adds `budget` in `count` new shares, which may be given at once.
    pub fn add(&mut self, plan: &RainPlan, seed: &Seed, amendment: u32, budget: Fen, count: u32) {
        let mut stream = seed.stream(&format!("amendment {amendment}"));
        let new = split(plan.split, budget, count, plan.share_min, plan.share_max, &mut stream);
        // The new shares go behind those that may be given now and before those of later waves.
        let at = (self.giveaway.pool.granted + self.giveaway.pool.free) as usize;
        self.shares.splice(at..at, new);
        self.giveaway.pool.add(count);
    }

    /// What share `share` holds; `None` if there is no such share.
    pub fn prize(&self, plan: &RainPlan, share: u32) -> Option<Prize> {
        Some(match *self.shares.get(share as usize)? {
            cash if cash >= 0 => Prize::Cash(Fen::new(cash).expect("a share is an amount")),
            coupon => Prize::Coupon(plan.bonus[(-1 - coupon) as usize].coupon.clone()),
        })
    }

    /// All cash that the shares hold, given or not.
    pub fn cash_in_shares(&self) -> i64 {
        self.shares.iter().filter(|cash| **cash >= 0).sum()
    }

    /// The smallest and the largest cash share.
    pub fn cash_bounds(&self) -> Option<(i64, i64)> {
        let cash = || self.shares.iter().copied().filter(|cash| *cash >= 0);
        cash().min().zip(cash().max())
    }

    /// What the room hears at the end.
    pub fn summary(&self) -> RainSummary {
        let luckiest = self
            .giveaway
            .all()
            .map(|(share, user, _)| (self.cash(share), std::cmp::Reverse(share), user))
            .filter(|(cash, ..)| *cash > Fen::ZERO)
            .max_by_key(|(cash, share, _)| (*cash, *share));
        RainSummary {
            winners: self.giveaway.winners(),
            grants: self.giveaway.pool.granted,
            total: self.paid,
            luckiest: luckiest.map(|(cash, _, user)| (user, cash)),
        }
    }

    fn cash(&self, share: u32) -> Fen {
        Fen::new(self.shares[share as usize].max(0)).expect("a share is an amount")
    }
}
