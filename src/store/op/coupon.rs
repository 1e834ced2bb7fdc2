//! What is asked about coupons and what is in force without one.

use serde::{Deserialize, Serialize};

use super::fingerprint::encoded;
use crate::rules::{CouponChoice, CouponId, CouponTemplate, Fingerprint, FullReduction, TemplateId, UserId};

/// Operations around coupons. Variants and fields are part of a log's format: new ones go at the end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum CouponAsk {
    /// A new template.
    AddTemplate {
        /// Its name in the room.
        template: TemplateId,
        /// What its coupons promise.
        terms: Box<CouponTemplate>,
    },
    /// A full reduction for everybody.
    AddReduction {
        /// Its name in the room.
        name: TemplateId,
        /// What it is.
        reduction: Box<FullReduction>,
    },
    /// A coupon for one user, out of what is free.
    Issue {
        /// Of which template.
        template: TemplateId,
        /// For whom.
        user: UserId,
    },
    /// Time has come for coupons of a template to expire, or for the template to leave.
    Due {
        /// Which template.
        template: TemplateId,
    },
}

/// Answers to them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CouponAnswer {
    /// The template exists now.
    TemplateAdded,
    /// The reduction exists now.
    ReductionAdded,
    /// The user has this coupon now.
    Issued(CouponId),
}

impl CouponAsk {
    pub(super) fn fingerprint(&self) -> Fingerprint {
        match self {
            Self::AddTemplate { template, terms } => {
                Fingerprint::of(40).bytes(template.as_str().as_bytes()).bytes(&encoded(terms.as_ref()))
            }
            Self::AddReduction { name, reduction } => {
                Fingerprint::of(41).bytes(name.as_str().as_bytes()).bytes(&encoded(reduction.as_ref()))
            }
            Self::Issue { template, user } => {
                Fingerprint::of(42).bytes(template.as_str().as_bytes()).bytes(user.as_str().as_bytes())
            }
            Self::Due { template } => Fingerprint::of(43).bytes(template.as_str().as_bytes()),
        }
    }

    pub(super) fn event_bytes_max(&self) -> usize {
        match self {
            Self::AddTemplate { terms, .. } => encoded(terms.as_ref()).len(),
            Self::AddReduction { reduction, .. } => encoded(reduction.as_ref()).len(),
            Self::Issue { .. } | Self::Due { .. } => 0,
        }
    }
}

/// The choice of coupons, added to a reservation's fingerprint. Without one it stays what it was before there were any.
pub(super) fn with_choice(sum: Fingerprint, choice: &CouponChoice) -> Fingerprint {
    match choice {
        CouponChoice::None => sum,
        CouponChoice::Best => sum.word(44),
        CouponChoice::These(coupons) => coupons.iter().fold(sum.word(45), |sum, coupon| sum.word(coupon.0)),
    }
}
