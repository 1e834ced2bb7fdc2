//! Coupon templates, coupons, full reductions, quotes.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::experiment::InArmShape;
use super::{Problem, fen, one_u32, user_id};
use crate::rules::{
    Audience, CartLine, CouponChoice, CouponCounts, CouponDropPlan, CouponId, CouponTemplate, Discount, Fen,
    FullReduction, OfferSource, Price, Scope, SkuId, StackGroup, StepOutcome, TemplateId, Tier, Time, UserId,
};
use crate::store::{CouponsView, ItemView};

/// A coupon drop 万券齐发.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct NewDrop {
    /// Coupons of which template of the room.
    pub template: String,
    /// 1 to 10,000,000. They are set apart when the drop is scheduled.
    pub coupons: u32,
    /// 1,000 to 86,400,000.
    pub duration_ms: u64,
    /// 1 to 99.
    #[serde(default = "one_u32")]
    pub grants_per_user: u32,
}

/// A coupon template: exactly one of `off_fen` and `off_basis_points`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct NewCouponTemplate {
    /// Its name within the room, 1 to 39 of `A-Z a-z 0-9 _ . -`.
    pub template: String,
    /// 1 to 200 bytes.
    pub title: String,
    /// What it is good for must come to this at least.
    #[serde(default)]
    pub threshold_fen: i64,
    /// An amount off.
    pub off_fen: Option<i64>,
    /// A part off, of ten thousand: 1,500 is 15%. Rounded down to the fen.
    pub off_basis_points: Option<u32>,
    /// The most that a part may come to.
    pub at_most_fen: Option<i64>,
    /// What it is good for.
    #[serde(default)]
    pub scope: ScopeShape,
    /// The items of scope `items`, by their numbers in the room's sales: 1 to 20.
    #[serde(default)]
    pub items: Vec<u32>,
    /// Stackable group: of the coupons of one group one counts in an order. The scope's word if not named.
    pub group: Option<String>,
    /// How many there will ever be, 1 to 1,000,000.
    pub quantity: u32,
    /// From then on none is worth anything: within 366 days.
    pub valid_until_ms: i64,
    /// How long one is good after it was issued, if not until the end.
    pub valid_for_ms: Option<u64>,
    /// For whom they are.
    #[serde(default)]
    pub audience: NewAudience,
}

/// What a coupon is good for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::api) enum ScopeShape {
    /// Named items.
    Items,
    /// Everything in the room's shop.
    #[default]
    Shop,
    /// Everything, and the platform pays: for operators only.
    Platform,
}

/// For whom coupons are: all that is stated has to hold.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct NewAudience {
    /// Noticed in the room for the first time at most so many days ago, 1 to 365.
    pub newcomer_days: Option<u32>,
    /// In the room's fan club.
    #[serde(default)]
    pub fan_club: bool,
    /// At least this tier: `passer_by`, `active` or `core`.
    pub tier: Option<String>,
    /// In this arm of an experiment that runs in the room.
    pub arm: Option<InArmShape>,
}

/// A coupon template and where its coupons stand: issued = held + reserved + used + expired.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct CouponTemplateShape {
    /// Its name within the room.
    pub template: String,
    /// Its name for people.
    pub title: String,
    /// What it is good for must come to this at least.
    pub threshold_fen: i64,
    /// An amount off.
    pub off_fen: Option<i64>,
    /// A part off, of ten thousand.
    pub off_basis_points: Option<u32>,
    /// The most that a part may come to.
    pub at_most_fen: Option<i64>,
    /// What it is good for.
    pub scope: ScopeShape,
    /// The items of scope `items`.
    pub items: Vec<u32>,
    /// Stackable group.
    pub group: String,
    /// How many there will ever be.
    pub quantity: u32,
    /// From then on none is worth anything.
    pub valid_until_ms: i64,
    /// How long one is good after it was issued.
    pub valid_for_ms: Option<u64>,
    /// Neither issued nor set apart.
    pub free: u32,
    /// Set apart for activities.
    pub allotted: u32,
    /// Issued so far.
    pub issued: u32,
    /// Of those: their holders may use them.
    pub held: u32,
    /// In orders that are not paid yet.
    pub reserved: u32,
    /// In orders that were paid.
    pub used: u32,
    /// Their time is over.
    pub expired: u32,
}

/// A coupon for one user.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct NewCoupon {
    /// For whom.
    pub user: String,
}

/// The number of a coupon.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct CouponIssuedShape {
    /// Unique on this server.
    pub coupon: u64,
}

/// A full reduction 满减.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct ReductionShape {
    /// Its name within the room, 1 to 39 of `A-Z a-z 0-9 _ . -`.
    pub name: String,
    /// 1 to 200 bytes.
    pub title: String,
    /// How much an order must come to, after all coupons.
    pub threshold_fen: i64,
    /// How much less it then costs; less than the threshold.
    pub off_fen: i64,
    /// How often that counts at most: once for each time that the threshold is reached.
    #[serde(default = "one_u32")]
    pub times_max: u32,
    /// When it begins; at once if not named.
    #[serde(default)]
    pub from_ms: i64,
    /// When it ends: within 366 days.
    pub until_ms: i64,
}

/// A question what a cart would cost.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct NewQuote {
    /// The sale.
    pub activity: u64,
    /// For whom; the caller if not named.
    pub user: Option<String>,
    /// 1 to 50 lines.
    pub lines: Vec<NewQuoteLine>,
    /// Whether the cheapest legal combination of the user's coupons should count.
    #[serde(default)]
    pub best: bool,
    /// Or which of them: all have to.
    #[serde(default)]
    pub coupons: Vec<u64>,
}

/// One line of a cart.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct NewQuoteLine {
    /// Which item.
    pub sku: u32,
    /// How many units.
    #[serde(default = "one_u32")]
    pub quantity: u32,
}

/// What an order costs, and why.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct PriceShape {
    /// The lines at their list prices.
    pub listed_fen: i64,
    /// At the prices of the sale.
    pub goods_fen: i64,
    /// Every offer that was looked at, in the order in which offers count.
    pub steps: Vec<PriceStepShape>,
    /// What each line costs after its part of every discount. They add up to the total.
    pub lines_fen: Vec<i64>,
    /// What it all costs.
    pub total_fen: i64,
}

/// An offer, and what came of it.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct PriceStepShape {
    /// Its template's name, or the full reduction's.
    pub name: String,
    /// The coupon; absent for a full reduction.
    pub coupon: Option<u64>,
    /// `applied`, `below_threshold`, `group_taken`, `nothing_off`, `worse`.
    pub outcome: &'static str,
    /// What it is good for came to, if it was looked at.
    pub base_fen: Option<i64>,
    /// What it takes off.
    pub off_fen: i64,
    /// What it is good for must come to.
    pub threshold_fen: i64,
}

/// Reads the name of a template or a full reduction.
pub(in crate::api) fn template_id(text: &str) -> Result<TemplateId, Problem> {
    TemplateId::parse(text).map_err(|why| Problem::invalid(format!("the name {why}")))
}

impl NewDrop {
    pub(super) fn plan(self) -> Result<CouponDropPlan, Problem> {
        let Self { template, coupons, duration_ms, grants_per_user } = self;
        Ok(CouponDropPlan { template: template_id(&template)?, coupons, duration_ms, grants_per_user })
    }
}

impl NewCouponTemplate {
    /// The template's name and what its coupons promise.
    pub(in crate::api) fn terms(self) -> Result<(TemplateId, CouponTemplate), Problem> {
        let discount = match (self.off_fen, self.off_basis_points) {
            (Some(off), None) => Discount::Amount(fen("off_fen", off)?),
            (None, Some(basis_points)) => {
                let at_most = self.at_most_fen.map(|most| fen("at_most_fen", most)).transpose()?;
                Discount::Percent { basis_points, at_most }
            }
            _ => return Err(Problem::invalid("a template has exactly one of off_fen and off_basis_points")),
        };
        let (scope, word) = match self.scope {
            ScopeShape::Items => (Scope::Items(self.items.iter().copied().map(SkuId).collect()), "items"),
            ScopeShape::Shop => (Scope::Shop, "shop"),
            ScopeShape::Platform => (Scope::Platform, "platform"),
        };
        if self.scope != ScopeShape::Items && !self.items.is_empty() {
            return Err(Problem::invalid("items are named with scope items"));
        }
        let group = self.group.as_deref().unwrap_or(word);
        let terms = CouponTemplate {
            title: self.title,
            threshold: fen("threshold_fen", self.threshold_fen)?,
            discount,
            scope,
            group: StackGroup::parse(group).map_err(|why| Problem::invalid(format!("a group {why}")))?,
            quantity: self.quantity,
            valid_until: Time::from_ms(self.valid_until_ms),
            valid_for_ms: self.valid_for_ms,
            audience: self.audience.audience()?,
        };
        Ok((template_id(&self.template)?, terms))
    }
}

impl NewAudience {
    fn audience(self) -> Result<Audience, Problem> {
        let Self { newcomer_days, fan_club, tier, arm } = self;
        let word = |word: String| {
            let unknown = || Problem::invalid("audience.tier must be passer_by, active or core");
            Tier::ALL.into_iter().find(|tier| tier.word() == word).ok_or_else(unknown)
        };
        let arm = arm.map(InArmShape::in_arm).transpose()?;
        Ok(Audience { newcomer_days, fan_club, tier: tier.map(word).transpose()?, arm })
    }
}

impl ReductionShape {
    /// The reduction's name and what it is.
    pub(in crate::api) fn reduction(self) -> Result<(TemplateId, FullReduction), Problem> {
        let reduction = FullReduction {
            title: self.title,
            threshold: fen("threshold_fen", self.threshold_fen)?,
            off: fen("off_fen", self.off_fen)?,
            times_max: self.times_max,
            from: Time::from_ms(self.from_ms),
            until: Time::from_ms(self.until_ms),
        };
        Ok((template_id(&self.name)?, reduction))
    }
}

impl NewQuote {
    /// For whom, if somebody is named.
    pub(in crate::api) fn user(&self) -> Result<Option<UserId>, Problem> {
        self.user.as_deref().map(user_id).transpose()
    }

    /// The cart; its openings do not matter.
    pub(in crate::api) fn cart(&self) -> Vec<CartLine> {
        let line = |line: &NewQuoteLine| CartLine { sku: SkuId(line.sku), quantity: line.quantity, opening: 0 };
        self.lines.iter().map(line).collect()
    }

    /// Which coupons should count.
    pub(in crate::api) fn choice(&self) -> Result<CouponChoice, Problem> {
        match (self.best, self.coupons.as_slice()) {
            (false, []) => Ok(CouponChoice::None),
            (true, []) => Ok(CouponChoice::Best),
            (false, coupons) => Ok(CouponChoice::These(coupons.iter().copied().map(CouponId).collect())),
            (true, _) => Err(Problem::invalid("either the best coupons count or those that are named")),
        }
    }
}

impl From<&(TemplateId, CouponTemplate, ItemView, CouponCounts)> for CouponTemplateShape {
    fn from((id, terms, pool, counts): &(TemplateId, CouponTemplate, ItemView, CouponCounts)) -> Self {
        let (off, basis_points, at_most) = match terms.discount {
            Discount::Amount(off) | Discount::Repeating { off, .. } => (Some(off), None, None),
            Discount::Percent { basis_points, at_most } => (None, Some(basis_points), at_most),
        };
        let (scope, items) = match &terms.scope {
            Scope::Items(items) => (ScopeShape::Items, items.iter().map(|item| item.0).collect()),
            Scope::Shop => (ScopeShape::Shop, Vec::new()),
            Scope::Platform => (ScopeShape::Platform, Vec::new()),
        };
        Self {
            template: id.to_string(),
            title: terms.title.clone(),
            threshold_fen: terms.threshold.get(),
            off_fen: off.map(Fen::get),
            off_basis_points: basis_points,
            at_most_fen: at_most.map(Fen::get),
            scope,
            items,
            group: terms.group.to_string(),
            quantity: terms.quantity,
            valid_until_ms: terms.valid_until.ms(),
            valid_for_ms: terms.valid_for_ms,
            free: pool.free,
            allotted: pool.reserved,
            issued: pool.granted,
            held: counts.held,
            reserved: counts.reserved,
            used: counts.used,
            expired: counts.expired,
        }
    }
}

impl CouponTemplateShape {
    /// All templates of a room.
    pub(in crate::api) fn all(view: &CouponsView) -> Vec<Self> {
        view.templates.iter().map(Into::into).collect()
    }
}

impl ReductionShape {
    /// All full reductions of a room.
    pub(in crate::api) fn all(view: &CouponsView) -> Vec<Self> {
        let shape = |(name, reduction): &(TemplateId, FullReduction)| Self {
            name: name.to_string(),
            title: reduction.title.clone(),
            threshold_fen: reduction.threshold.get(),
            off_fen: reduction.off.get(),
            times_max: reduction.times_max,
            from_ms: reduction.from.ms(),
            until_ms: reduction.until.ms(),
        };
        view.reductions.iter().map(shape).collect()
    }
}

impl From<&Price> for PriceShape {
    fn from(price: &Price) -> Self {
        let steps = price.steps.iter().map(|step| {
            let (name, coupon) = match step.offer.source {
                OfferSource::Coupon(name, coupon) => (name, Some(coupon.0)),
                OfferSource::Reduction(name) => (name, None),
            };
            let (outcome, base, off) = match step.outcome {
                StepOutcome::Applied { base, off } => ("applied", Some(base), off),
                StepOutcome::BelowThreshold { base } => ("below_threshold", Some(base), Fen::ZERO),
                StepOutcome::GroupTaken => ("group_taken", None, Fen::ZERO),
                StepOutcome::NothingOff => ("nothing_off", None, Fen::ZERO),
                StepOutcome::Worse => ("worse", None, Fen::ZERO),
            };
            PriceStepShape {
                name: name.to_string(),
                coupon,
                outcome,
                base_fen: base.map(Fen::get),
                off_fen: off.get(),
                threshold_fen: step.offer.threshold.get(),
            }
        });
        Self {
            listed_fen: price.listed.get(),
            goods_fen: price.goods.get(),
            steps: steps.collect(),
            lines_fen: price.lines.iter().map(|line| line.get()).collect(),
            total_fen: price.total.get(),
        }
    }
}
