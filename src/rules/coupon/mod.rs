//! Coupons: what a host promises to take off a price, and who holds such a promise.

mod book;
mod drop;
mod template;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use super::{CouponId, OrderId, Price, TemplateId, Time, UserId};

pub use book::{CouponBook, CouponCounts, Series};
pub use drop::{CouponDrop, CouponDropPlan};
pub use template::{Audience, CouponTemplate, FullReduction};

/// A coupon.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Coupon {
    /// Whose it is.
    pub user: UserId,
    /// From then on it is worth nothing.
    pub expires_at: Time,
    /// Where it stands.
    pub state: CouponState,
}

/// Where a coupon stands. `Held → Reserved → Used`, `Reserved → Held` when its order is released, `Held → Expired` by time. A
/// released order that is paid late uses its coupons again if they are still held: `Held → Used`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum CouponState {
    /// Its holder may use it.
    Held,
    /// It counts in an order that is not paid yet.
    Reserved(OrderId),
    /// It counted in an order that was paid.
    Used(OrderId),
    /// Its time is over.
    Expired,
}

impl CouponState {
    /// The state's word, as every interface spells it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Reserved(_) => "reserved",
            Self::Used(_) => "used",
            Self::Expired => "expired",
        }
    }
}

/// Which of one's coupons should count in an order.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum CouponChoice {
    /// None of them. What is in force for everybody counts all the same.
    #[default]
    None,
    /// Those that make the order cheapest.
    Best,
    /// These, all of them: 1 to [`Price::COUPONS_MAX`], each once.
    These(Vec<CouponId>),
}

impl CouponChoice {
    /// Checks what the type can't.
    pub fn check(&self) -> Result<(), &'static str> {
        let Self::These(coupons) = self else { return Ok(()) };
        if coupons.is_empty() || coupons.len() > Price::COUPONS_MAX {
            return Err("an order names 1 to 12 coupons");
        }
        let twice = |(place, id): (usize, &CouponId)| coupons[..place].contains(id);
        if coupons.iter().enumerate().any(twice) { Err("an order names a coupon once") } else { Ok(()) }
    }
}

/// A coupon as its holder sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CouponView {
    /// Its number.
    pub id: CouponId,
    /// Of which template.
    pub template: TemplateId,
    /// Where it stands.
    pub coupon: Coupon,
    /// What it promises.
    pub terms: CouponTemplate,
}
