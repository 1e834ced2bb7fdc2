//! What takes something off a price.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};

use super::PriceLine;
use crate::rules::{CouponId, Fen, SkuId, StackGroup, TemplateId};

/// Something that may make an order cheaper, with all that its discount follows from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer {
    /// Where it comes from.
    pub source: OfferSource,
    /// What it is good for.
    pub scope: Scope,
    /// Of the offers of one group one counts.
    pub group: StackGroup,
    /// What it is good for must come to this at least.
    pub threshold: Fen,
    /// What it takes off.
    pub discount: Discount,
}

/// Where an offer comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum OfferSource {
    /// A coupon of the buyer.
    Coupon(TemplateId, CouponId),
    /// A full reduction 满减 that is in force for everybody.
    Reduction(TemplateId),
}

/// What an offer is good for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Scope {
    /// The named items, by their numbers in the room's sales.
    Items(Vec<SkuId>),
    /// Everything in the room's shop.
    Shop,
    /// Everything; the platform pays for it.
    Platform,
}

/// What an offer takes off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Discount {
    /// An amount.
    Amount(Fen),
    /// A part, rounded down to the fen.
    Percent {
        /// Of ten thousand: 1,500 is 15%.
        basis_points: u32,
        /// The most that it takes off.
        at_most: Option<Fen>,
    },
    /// An amount for each time that the threshold is reached.
    Repeating {
        /// Each time.
        off: Fen,
        /// How often it counts at most.
        times_max: u32,
    },
}

impl Offer {
    /// Offers in the order in which they count.
    pub(super) fn in_order(&self, other: &Self) -> Ordering {
        self.place().cmp(&other.place())
    }

    fn place(&self) -> (u8, bool, StackGroup, OfferSource) {
        let amount = !matches!(self.discount, Discount::Percent { .. });
        (self.stage(), amount, self.group, self.source)
    }

    fn stage(&self) -> u8 {
        match (&self.source, &self.scope) {
            (OfferSource::Reduction(_), _) => 3,
            (OfferSource::Coupon(..), Scope::Platform) => 2,
            (OfferSource::Coupon(..), Scope::Shop) => 1,
            (OfferSource::Coupon(..), Scope::Items(_)) => 0,
        }
    }

    /// Whether it is a coupon.
    pub fn is_coupon(&self) -> bool {
        matches!(self.source, OfferSource::Coupon(..))
    }

    /// Whether it is good for an item.
    pub fn covers(&self, sku: SkuId) -> bool {
        match &self.scope {
            Scope::Items(items) => items.contains(&sku),
            Scope::Shop | Scope::Platform => true,
        }
    }

    /// The most that it could take off the lines, if nothing else did.
    pub fn worth_at_most(&self, lines: &[PriceLine]) -> i64 {
        let covered = lines.iter().filter(|line| self.covers(line.sku));
        let prices = covered.map(|line| line.unit_price.get().saturating_mul(i64::from(line.quantity)));
        self.off(prices.fold(0, i64::saturating_add)).unwrap_or(0)
    }

    /// What it takes off `base`, whatever the rest costs; `None` below its threshold.
    pub(super) fn off(&self, base: i64) -> Option<i64> {
        if base < self.threshold.get() {
            return None;
        }
        let off = match self.discount {
            Discount::Amount(amount) => amount.get(),
            Discount::Percent { basis_points, at_most } => {
                let part = (i128::from(base) * i128::from(basis_points) / 10_000) as i64;
                at_most.map_or(part, |at_most| part.min(at_most.get()))
            }
            Discount::Repeating { off, times_max } => {
                let times = base / self.threshold.get().max(1);
                off.get().saturating_mul(times.min(i64::from(times_max)))
            }
        };
        Some(off.min(base))
    }
}
