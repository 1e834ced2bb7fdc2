//! What coupons of one kind promise, and what is in force without a coupon.

use serde::{Deserialize, Serialize};

use crate::rules::{
    Conditions, Discount, Fen, InArm, Offer, OfferSource, PlanError, Scope, StackGroup, TemplateId, Tier, Time,
};

/// What all coupons of a kind promise. It never changes once there is one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CouponTemplate {
    /// Its name for people: 1 to 200 bytes.
    pub title: String,
    /// What it is good for must come to this at least.
    pub threshold: Fen,
    /// What it takes off: an amount or a percentage.
    pub discount: Discount,
    /// What it is good for.
    pub scope: Scope,
    /// Of the coupons of one group one counts in an order.
    pub group: StackGroup,
    /// How many there will ever be.
    pub quantity: u32,
    /// From then on none is worth anything.
    pub valid_until: Time,
    /// How long one is good after it was issued, ms, if not until the end.
    pub valid_for_ms: Option<u64>,
    /// For whom they are: who may press for one, and whose order it counts in.
    pub audience: Audience,
}

/// For whom coupons are: all that is stated has to hold. A host may give one to anybody; it counts only for these.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Audience {
    /// Noticed in the room for the first time at most so many days ago.
    pub newcomer_days: Option<u32>,
    /// In the room's fan club (粉丝团券).
    pub fan_club: bool,
    /// At least this tier.
    pub tier: Option<Tier>,
    /// In this arm of an experiment of the room in which one presses or orders.
    pub arm: Option<InArm>,
}

impl Audience {
    /// Whether they are for everybody.
    pub fn is_everybody(&self) -> bool {
        *self == Self::default()
    }

    /// The same as conditions.
    pub fn conditions(&self) -> Conditions {
        let Self { newcomer_days, fan_club, tier, arm } = *self;
        Conditions { newcomer_days, fan_club, tier, arm, ..Conditions::default() }
    }
}

/// A full reduction 满减: takes `off` from every order for each time that it reaches `threshold`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FullReduction {
    /// Its name for people: 1 to 200 bytes.
    pub title: String,
    /// How much an order must come to, after all coupons.
    pub threshold: Fen,
    /// How much less it then costs.
    pub off: Fen,
    /// How often that counts at most.
    pub times_max: u32,
    /// When it begins.
    pub from: Time,
    /// When it ends.
    pub until: Time,
}

impl CouponTemplate {
    /// Most coupons of one template.
    pub const QUANTITY_MAX: u32 = 1_000_000;
    /// Most items that a template names.
    pub const ITEMS_MAX: usize = 20;
    /// How far in the future its end may be, ms: 366 days.
    pub const VALID_MS_MAX: u64 = 366 * 86_400_000;

    /// Checks everything that the types can't, at `now`.
    pub fn check(&self, now: Time) -> Result<(), PlanError> {
        let refuse = |field, why: &'static str| Err(PlanError { field, why: why.into() });
        if self.title.is_empty() || self.title.len() > 200 {
            return refuse("title", "must be 1 to 200 bytes");
        }
        match self.discount {
            Discount::Amount(off) if off == Fen::ZERO => return refuse("off_fen", "must be at least 1"),
            Discount::Percent { basis_points, .. } if !(1..=10_000).contains(&basis_points) => {
                return refuse("off_basis_points", "must be 1 to 10,000");
            }
            Discount::Percent { at_most: Some(Fen::ZERO), .. } => return refuse("at_most_fen", "must be at least 1"),
            Discount::Repeating { .. } => return refuse("discount", "only full reductions repeat"),
            Discount::Amount(_) | Discount::Percent { .. } => {}
        }
        if let Scope::Items(items) = &self.scope {
            if items.is_empty() || items.len() > Self::ITEMS_MAX {
                return refuse("items", "must be 1 to 20");
            }
            if items.iter().enumerate().any(|(place, item)| items[..place].contains(item)) {
                return refuse("items", "must differ from each other");
            }
        }
        if self.group == FullReduction::group() {
            return refuse("group", "full-reduction is the group of full reductions");
        }
        if self.quantity == 0 || self.quantity > Self::QUANTITY_MAX {
            return refuse("quantity", "must be 1 to 1,000,000");
        }
        if self.valid_until <= now || self.valid_until > now.after_ms(Self::VALID_MS_MAX) {
            return refuse("valid_until_ms", "must be in the future, within 366 days");
        }
        if self.valid_for_ms.is_some_and(|ms| !(1_000..=Self::VALID_MS_MAX).contains(&ms)) {
            return refuse("valid_for_ms", "must be 1 s to 366 days");
        }
        if self.audience.newcomer_days.is_some_and(|days| !(1..=365).contains(&days)) {
            return refuse("audience.newcomer_days", "must be 1 to 365");
        }
        Ok(())
    }

    /// When a coupon that is issued at `now` is worth nothing any more.
    pub fn expiry(&self, now: Time) -> Time {
        self.valid_for_ms.map_or(self.valid_until, |ms| now.after_ms(ms).min(self.valid_until))
    }

    /// What one of its coupons offers.
    pub fn offer(&self, source: OfferSource) -> Offer {
        let Self { threshold, discount, group, .. } = *self;
        Offer { source, scope: self.scope.clone(), group, threshold, discount }
    }
}

impl FullReduction {
    /// Of several reductions the best counts: they are one group.
    pub fn group() -> StackGroup {
        StackGroup::parse("full-reduction").expect("a plain word")
    }

    /// Checks everything that the types can't, at `now`.
    pub fn check(&self, now: Time) -> Result<(), PlanError> {
        let refuse = |field, why: &'static str| Err(PlanError { field, why: why.into() });
        if self.title.is_empty() || self.title.len() > 200 {
            return refuse("title", "must be 1 to 200 bytes");
        }
        if self.off == Fen::ZERO || self.off >= self.threshold {
            return refuse("off_fen", "must be at least 1 and less than the threshold");
        }
        if !(1..=1_000).contains(&self.times_max) {
            return refuse("times_max", "must be 1 to 1,000");
        }
        if self.until <= now || self.until <= self.from {
            return refuse("until_ms", "must be in the future, and after the beginning");
        }
        if self.until > now.after_ms(CouponTemplate::VALID_MS_MAX) {
            return refuse("until_ms", "must be within 366 days");
        }
        Ok(())
    }

    /// Whether it counts at `now`.
    pub fn is_in_force(&self, now: Time) -> bool {
        self.from <= now && now < self.until
    }

    /// What it offers.
    pub fn offer(&self, name: TemplateId) -> Offer {
        Offer {
            source: OfferSource::Reduction(name),
            scope: Scope::Platform,
            group: Self::group(),
            threshold: self.threshold,
            discount: Discount::Repeating { off: self.off, times_max: self.times_max },
        }
    }
}
