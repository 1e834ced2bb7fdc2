//! Coupons and prices.

use liveroom_protocol::wire::{self, coupon, price_step};

use crate::rules::{CouponState, CouponView, Discount, Fen, OfferSource, Price, PriceStep, Scope, StepOutcome};

pub(super) fn price(price: &Price) -> wire::Price {
    wire::Price {
        listed_fen: price.listed.get(),
        goods_fen: price.goods.get(),
        steps: price.steps.iter().map(step).collect(),
        lines_fen: price.lines.iter().map(|line| line.get()).collect(),
        total_fen: price.total.get(),
    }
}

fn step(step: &PriceStep) -> wire::PriceStep {
    let (name, coupon_id) = match step.offer.source {
        OfferSource::Coupon(template, id) => (template, id.0),
        OfferSource::Reduction(name) => (name, 0),
    };
    let (outcome, base, off) = match step.outcome {
        StepOutcome::Applied { base, off } => (price_step::Outcome::Applied, base, off),
        StepOutcome::BelowThreshold { base } => (price_step::Outcome::BelowThreshold, base, Fen::ZERO),
        StepOutcome::GroupTaken => (price_step::Outcome::GroupTaken, Fen::ZERO, Fen::ZERO),
        StepOutcome::NothingOff => (price_step::Outcome::NothingOff, Fen::ZERO, Fen::ZERO),
        StepOutcome::Worse => (price_step::Outcome::Worse, Fen::ZERO, Fen::ZERO),
    };
    wire::PriceStep {
        name: name.to_string(),
        coupon_id,
        outcome: outcome.into(),
        base_fen: base.get(),
        off_fen: off.get(),
        threshold_fen: step.offer.threshold.get(),
    }
}

pub(super) fn coupon(view: &CouponView) -> wire::Coupon {
    let state = match view.coupon.state {
        CouponState::Held => coupon::State::Held,
        CouponState::Reserved(_) => coupon::State::Reserved,
        CouponState::Used(_) => coupon::State::Used,
        CouponState::Expired => coupon::State::Expired,
    };
    let (off, basis_points, at_most) = match view.terms.discount {
        Discount::Amount(off) | Discount::Repeating { off, .. } => (off.get(), 0, 0),
        Discount::Percent { basis_points, at_most } => (0, basis_points, at_most.map_or(0, Fen::get)),
    };
    wire::Coupon {
        coupon_id: view.id.0,
        template: view.template.to_string(),
        title: view.terms.title.clone(),
        state: state.into(),
        expires_at_ms: view.coupon.expires_at.ms(),
        threshold_fen: view.terms.threshold.get(),
        off_fen: off,
        off_basis_points: basis_points,
        at_most_fen: at_most,
        items: match &view.terms.scope {
            Scope::Items(items) => items.iter().map(|item| item.0).collect(),
            Scope::Shop | Scope::Platform => Vec::new(),
        },
        platform: view.terms.scope == Scope::Platform,
        group: view.terms.group.to_string(),
    }
}
