//! Lines about coupons, and orders in whose price offers had a part.

use serde::Serialize;
use serde::ser::SerializeMap;

use super::line::{Lines, caused};
use crate::rules::{CouponId, Discount, Fen, FullReduction, OfferSource, Price, Scope, SkuId, StepOutcome, TemplateId};
use crate::store::CouponEvent;

pub(super) const fn kind(what: &CouponEvent) -> &'static str {
    match what {
        CouponEvent::TemplateAdded { .. } => "coupon_template_added",
        CouponEvent::ReductionAdded { .. } => "full_reduction_added",
        CouponEvent::Issued { .. } => "coupon_issued",
        // An order is an order, whatever it costs.
        CouponEvent::Ordered { .. } => "reserved",
        CouponEvent::Expired { .. } => "coupons_expired",
        CouponEvent::Archived { .. } => "coupons_archived",
    }
}

pub(super) fn rest<M: SerializeMap>(line: &mut M, what: &CouponEvent) -> Result<(), M::Error> {
    match what {
        CouponEvent::TemplateAdded { template, terms, cause } => {
            caused(line, cause)?;
            line.serialize_entry("template", template)?;
            line.serialize_entry("title", &terms.title)?;
            line.serialize_entry("threshold_fen", &terms.threshold)?;
            discount(line, &terms.discount)?;
            let (scope, items): (_, &[SkuId]) = match &terms.scope {
                Scope::Items(items) => ("items", items),
                Scope::Shop => ("shop", &[]),
                Scope::Platform => ("platform", &[]),
            };
            line.serialize_entry("scope", scope)?;
            line.serialize_entry("items", items)?;
            line.serialize_entry("group", &terms.group)?;
            line.serialize_entry("quantity", &terms.quantity)?;
            line.serialize_entry("valid_until_ms", &terms.valid_until)
        }
        CouponEvent::ReductionAdded { name, reduction, cause } => {
            let FullReduction { title, threshold, off, times_max, from, until } = reduction.as_ref();
            caused(line, cause)?;
            line.serialize_entry("name", name)?;
            line.serialize_entry("title", title)?;
            line.serialize_entry("threshold_fen", threshold)?;
            line.serialize_entry("off_fen", off)?;
            line.serialize_entry("times_max", times_max)?;
            line.serialize_entry("from_ms", from)?;
            line.serialize_entry("until_ms", until)
        }
        CouponEvent::Issued { template, user, cause } => {
            line.serialize_entry("user", user)?;
            caused(line, cause)?;
            line.serialize_entry("template", template)
        }
        CouponEvent::Ordered { order, user, lines, price, hold_until, cause, .. } => {
            line.serialize_entry("user", user)?;
            caused(line, cause)?;
            line.serialize_entry("order", order)?;
            line.serialize_entry("lines", &Lines(lines))?;
            line.serialize_entry("total_fen", &price.total)?;
            line.serialize_entry("hold_until_ms", hold_until)?;
            line.serialize_entry("goods_fen", &price.goods)?;
            line.serialize_entry("lines_fen", &price.lines)?;
            line.serialize_entry("offers", &applied(price))
        }
        CouponEvent::Expired { template, count } => {
            line.serialize_entry("template", template)?;
            line.serialize_entry("count", count)
        }
        CouponEvent::Archived { template } => line.serialize_entry("template", template),
    }
}

fn discount<M: SerializeMap>(line: &mut M, discount: &Discount) -> Result<(), M::Error> {
    match discount {
        Discount::Amount(off) | Discount::Repeating { off, .. } => line.serialize_entry("off_fen", off),
        Discount::Percent { basis_points, at_most } => {
            line.serialize_entry("off_basis_points", basis_points)?;
            line.serialize_entry("at_most_fen", at_most)
        }
    }
}

/// An offer that counts in an order.
#[derive(Serialize)]
struct Applied {
    name: TemplateId,
    #[serde(skip_serializing_if = "Option::is_none")]
    coupon: Option<CouponId>,
    off_fen: Fen,
}

fn applied(price: &Price) -> Vec<Applied> {
    let counts = price.steps.iter().filter_map(|step| match step.outcome {
        StepOutcome::Applied { off, .. } => Some((step.offer.source, off)),
        _ => None,
    });
    counts
        .map(|(source, off_fen)| match source {
            OfferSource::Coupon(name, coupon) => Applied { name, coupon: Some(coupon), off_fen },
            OfferSource::Reduction(name) => Applied { name, coupon: None, off_fen },
        })
        .collect()
}
