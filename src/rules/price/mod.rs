//! What an order costs, and why (mechanics: price of an order).
//!
//! Item price → coupons on items → coupons of the shop → coupons of the platform → full reduction 满减 → total. Each stage
//! works on what the one before has left; within a stage percentages come before amounts (so that a percentage is of
//! the larger sum), then offers follow their names. At most one offer of a stackable group counts. The total is never
//! below 1 fen.
//!
//! Everything is in whole fen: a percentage is rounded down to the fen, and a discount over several lines is split by
//! largest remainder, so that its parts add up to it exactly.

mod apply;
mod offer;
mod portion;
mod search;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use super::{CouponId, Fen, SkuId, TemplateId};
use apply::Slip;

pub use offer::{Discount, Offer, OfferSource, Scope};

/// One line of what is to be priced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PriceLine {
    /// Which item.
    pub sku: SkuId,
    /// How many units.
    pub quantity: u32,
    /// What one costs otherwise.
    pub list_price: Fen,
    /// What one costs here: the sale's price, if a sale holds the item.
    pub unit_price: Fen,
}

/// What an order costs, and why. Frozen in the order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Price {
    /// The lines at their list prices.
    pub listed: Fen,
    /// The lines at the prices of the sale: what offers take something off.
    pub goods: Fen,
    /// Every offer that was looked at, in the order in which offers count, and what came of it.
    pub steps: Box<[PriceStep]>,
    /// What each line costs after its part of every discount, in the cart's order. They add up to the total.
    pub lines: Box<[Fen]>,
    /// What it all costs: at least 1 fen.
    pub total: Fen,
}

/// An offer, and what came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PriceStep {
    /// The offer, with all that its discount follows from.
    pub offer: Offer,
    /// What came of it.
    pub outcome: StepOutcome,
}

/// What came of an offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum StepOutcome {
    /// It takes `off` from the `base` of what it is good for.
    Applied {
        /// What the lines in its scope came to before.
        base: Fen,
        /// How much less they cost.
        off: Fen,
    },
    /// What it is good for comes to less than its threshold.
    BelowThreshold {
        /// What the lines in its scope come to.
        base: Fen,
    },
    /// Another offer of its stackable group counts: one does.
    GroupTaken,
    /// It would take nothing off.
    NothingOff,
    /// It could count, but what counts instead makes the order cheaper (or as cheap, with fewer coupons).
    Worse,
}

/// Why lines can't be priced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PriceError {
    /// Beyond any amount that this server handles.
    TooLarge,
    /// An offer that has to count can't: what stands in its way.
    NotApplicable(Box<PriceStep>),
}

impl Price {
    /// Most lines of one order.
    pub const LINES_MAX: usize = 50;
    /// Most coupons that are looked at for one order.
    pub const COUPONS_MAX: usize = 12;
    /// Most full reductions that are in force in a room.
    pub const REDUCTIONS_MAX: usize = 8;

    /// The cheapest that the lines get by a legal combination of `offers`; of equally cheap ones that with the fewest
    /// offers. With `all_coupons` every coupon among them has to count, and only reductions are chosen.
    ///
    /// # Errors
    /// [`PriceError`].
    ///
    /// # Panics
    /// With more than [`Self::LINES_MAX`] lines, or more offers than the bounds allow.
    pub fn best(lines: &[PriceLine], offers: Vec<Offer>, all_coupons: bool) -> Result<Self, PriceError> {
        assert!(lines.len() <= Self::LINES_MAX, "a cart is bounded");
        assert!(offers.len() <= Self::COUPONS_MAX + Self::REDUCTIONS_MAX, "offers are bounded");
        let listed = sum(lines, |line| line.list_price)?;
        let mut slip = Slip::of(lines).ok_or(PriceError::TooLarge)?;
        let goods = slip.total();
        let mut offers = offers;
        offers.sort_by(Offer::in_order);
        let must = |offer: &Offer| all_coupons && offer.is_coupon();
        let chosen = search::best(&slip, lines, &offers, must);
        let mut steps = Vec::with_capacity(offers.len());
        for (place, offer) in offers.iter().enumerate() {
            let counts = chosen.is_none_or(|chosen| chosen & 1 << place != 0);
            let outcome = slip.weigh(lines, offer, |group| {
                let taken = |(other, at): (&Offer, usize)| {
                    at != place && other.group == *group && chosen.is_some_and(|chosen| chosen & 1 << at != 0)
                };
                offers.iter().zip(0..).any(taken)
            });
            let outcome = match outcome {
                StepOutcome::Applied { off, .. } if counts => {
                    slip.take(lines, offer, off);
                    outcome
                }
                StepOutcome::Applied { .. } => StepOutcome::Worse,
                other => other,
            };
            steps.push(PriceStep { offer: offer.clone(), outcome });
        }
        let Some(_) = chosen else { return Err(in_the_way(steps, must)) };
        let amount = |amount: i64| Fen::new(amount).expect("discounts only make less of what was an amount");
        Ok(Self {
            listed: amount(listed),
            goods: amount(goods),
            steps: steps.into(),
            lines: slip.lines().iter().copied().map(amount).collect(),
            total: amount(slip.total()),
        })
    }

    /// Whether the frozen result follows from the frozen inputs: the order's lines and the offers that counted.
    pub fn follows_from(&self, lines: &[PriceLine]) -> bool {
        let Some(mut slip) = Slip::of(lines).filter(|slip| slip.total() == self.goods.get()) else { return false };
        for (place, step) in self.steps.iter().enumerate() {
            let StepOutcome::Applied { base, off } = step.outcome else { continue };
            let again = |other: &PriceStep| {
                other.offer.group == step.offer.group && matches!(other.outcome, StepOutcome::Applied { .. })
            };
            let found = slip.weigh(lines, &step.offer, |_| self.steps[..place].iter().any(again));
            if found != (StepOutcome::Applied { base, off }) {
                return false;
            }
            slip.take(lines, &step.offer, off.get());
        }
        slip.total() == self.total.get() && slip.lines().iter().copied().eq(self.lines.iter().map(|line| line.get()))
    }

    /// The coupons that count.
    pub fn coupons(&self) -> impl Iterator<Item = (TemplateId, CouponId)> {
        self.applied().filter_map(|offer| match offer.source {
            OfferSource::Coupon(template, id) => Some((template, id)),
            OfferSource::Reduction(_) => None,
        })
    }

    /// At most so many bytes does it take in a log: for a cart of so many lines.
    pub const fn bytes_max(lines: usize, coupons: bool) -> usize {
        // Per offer: two names and an id, a group, four amounts, twenty items. Per line: an amount.
        let offers = if coupons { Self::COUPONS_MAX + Self::REDUCTIONS_MAX } else { Self::REDUCTIONS_MAX };
        let items = if coupons { 20 * 5 } else { 0 };
        64 + offers * (2 * 40 + 10 + 6 * 10 + 16 + items) + lines * 10
    }

    /// The offers that count.
    pub fn applied(&self) -> impl Iterator<Item = &Offer> {
        let applied = |step: &&PriceStep| matches!(step.outcome, StepOutcome::Applied { .. });
        self.steps.iter().filter(applied).map(|step| &step.offer)
    }
}

/// No combination has all that has to count: the first that is in its own way or in another's.
fn in_the_way(steps: Vec<PriceStep>, must: impl Fn(&Offer) -> bool) -> PriceError {
    let mut groups = Vec::new();
    for mut step in steps {
        if !must(&step.offer) {
            continue;
        }
        if groups.contains(&step.offer.group) {
            step.outcome = StepOutcome::GroupTaken;
        }
        if !matches!(step.outcome, StepOutcome::Applied { .. }) {
            return PriceError::NotApplicable(Box::new(step));
        }
        groups.push(step.offer.group);
    }
    unreachable!("coupons that all count are a combination")
}

fn sum(lines: &[PriceLine], price: impl Fn(&PriceLine) -> Fen) -> Result<i64, PriceError> {
    let total = lines.iter().try_fold(Fen::ZERO, |sum, line| sum.plus(price(line).times(line.quantity)?));
    total.map(Fen::get).map_err(|_| PriceError::TooLarge)
}
