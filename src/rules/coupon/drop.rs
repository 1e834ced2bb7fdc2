//! Coupon drop 万券齐发: coupons of a template, given to whoever presses first.

use serde::{Deserialize, Serialize};

use crate::rules::{Giveaway, PlanError, TemplateId, UnitPool};

/// What a host asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CouponDropPlan {
    /// Coupons of which template of the room.
    pub template: TemplateId,
    /// How many.
    pub coupons: u32,
    /// How long it lasts, ms.
    pub duration_ms: u64,
    /// How many one user may take.
    pub grants_per_user: u32,
}

impl CouponDropPlan {
    /// Checks everything that the type can't.
    pub(in crate::rules) fn check(&self) -> Result<(), PlanError> {
        let refuse = |field, why: &'static str| Err(PlanError { field, why: why.into() });
        if self.coupons == 0 || self.coupons > UnitPool::UNITS_MAX {
            return refuse("coupons", "must be 1 to 10,000,000");
        }
        if !(1_000..=86_400_000).contains(&self.duration_ms) {
            return refuse("duration_ms", "must be 1,000 to 86,400,000");
        }
        if !(1..=99).contains(&self.grants_per_user) {
            return refuse("grants_per_user", "must be 1 to 99");
        }
        Ok(())
    }
}

/// A drop that was opened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CouponDrop {
    /// The coupons, and who got them.
    pub giveaway: Giveaway,
}

impl CouponDrop {
    /// A drop with all its coupons free.
    pub fn open(plan: &CouponDropPlan) -> Self {
        let mut giveaway = Giveaway::holding(plan.coupons);
        giveaway.pool.release(plan.coupons);
        Self { giveaway }
    }
}
