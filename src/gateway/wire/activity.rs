//! An activity as it stands.

use liveroom_protocol::wire;

use super::draw::draw_state;
use super::{presence, talk};
use crate::rules::{BagContents, BagPlan, KindPlan, Phase, Prize, Time};
use crate::store::{ActivityView, ItemView, KindView};

pub(super) fn activity_state(view: &ActivityView) -> wire::ActivityState {
    let phase = match view.phase {
        Phase::Draft | Phase::Review => wire::Phase::Unspecified,
        Phase::Scheduled => wire::Phase::Scheduled,
        Phase::WarmUp => wire::Phase::WarmUp,
        Phase::Open => wire::Phase::Open,
        Phase::Closed => wire::Phase::Closed,
        Phase::Settled => wire::Phase::Settled,
        Phase::Cancelled => wire::Phase::Cancelled,
    };
    wire::ActivityState {
        activity: view.id.0,
        phase: phase.into(),
        title: view.plan.title.clone(),
        amendment: view.amendment,
        opens_at_ms: view.opens_at.map_or(0, Time::ms),
        closes_at_ms: view.closes_at.map_or(0, Time::ms),
        token: view.token.unwrap_or(0),
        kind: Some(kind_state(view)),
        conditions: presence::conditions(&view.plan.conditions),
        early: presence::early(view),
    }
}

fn kind_state(view: &ActivityView) -> wire::activity_state::Kind {
    match &view.plan.kind {
        KindPlan::Rain(plan) => {
            let pool = match &view.kind {
                Some(KindView::Rain { pool, .. }) => *pool,
                _ => not_open_yet(plan.shares()),
            };
            wire::activity_state::Kind::Rain(wire::RainState {
                budget_fen: if view.kind.is_some() { view.funded.get() } else { plan.budget.get() },
                shares: pool.stock,
                shares_left: pool.stock - pool.granted,
                opening: pool.opening,
                grants_per_user: plan.grants_per_user,
                animation_seed: view.animation_seed,
            })
        }
        KindPlan::Draw(plan) => wire::activity_state::Kind::Draw(draw_state(view, plan)),
        KindPlan::Drop(plan) => {
            let pool = match &view.kind {
                Some(KindView::Drop { pool, .. }) => *pool,
                _ => not_open_yet(plan.coupons),
            };
            wire::activity_state::Kind::Drop(wire::DropState {
                template: plan.template.to_string(),
                coupons: pool.stock,
                coupons_left: pool.stock - pool.granted,
                opening: pool.opening,
                grants_per_user: plan.grants_per_user,
            })
        }
        KindPlan::Bag(plan) => wire::activity_state::Kind::Bag(bag_state(plan, view)),
        KindPlan::Sale(plan) => {
            let items = match &view.kind {
                Some(KindView::Sale { items, .. }) => items.as_slice(),
                _ => &[],
            };
            let skus = plan.skus.iter().map(|sku| {
                let pool = items.iter().find(|(id, _)| *id == sku.sku).map(|(_, pool)| *pool);
                let pool = pool.unwrap_or(not_open_yet(sku.stock));
                wire::SkuState {
                    sku: sku.sku.0,
                    title: sku.title.clone(),
                    list_price_fen: sku.list_price.get(),
                    sale_price_fen: sku.sale_price.get(),
                    stock: pool.stock,
                    free: pool.free,
                    opening: pool.opening,
                    per_user_limit: sku.per_user_limit,
                }
            });
            wire::activity_state::Kind::Sale(wire::SaleState { skus: skus.collect() })
        }
        KindPlan::WatchTask(_) => wire::activity_state::Kind::WatchTask(presence::goals(view)),
        KindPlan::CheckIn(_) => wire::activity_state::Kind::CheckIn(presence::goals(view)),
        KindPlan::Poll(plan) => wire::activity_state::Kind::Poll(talk::poll_state(plan, view)),
        KindPlan::Enrolment(plan) => wire::activity_state::Kind::Enrolment(talk::enrolment_state(plan, view)),
    }
}

fn bag_state(plan: &BagPlan, view: &ActivityView) -> wire::BagState {
    let pool = match &view.kind {
        Some(KindView::Bag { pool }) => *pool,
        _ => not_open_yet(plan.count()),
    };
    let (kind, prize) = match &plan.contents {
        BagContents::Newcomer { prize, .. } => (wire::BagKind::Newcomer, bag_prize(prize)),
        BagContents::Codes(_) => (wire::BagKind::Codes, None),
    };
    let left = pool.stock - pool.granted;
    wire::BagState { kind: kind.into(), prize, count: pool.stock, left, opening: pool.opening }
}

fn bag_prize(prize: &Prize) -> Option<wire::bag_state::Prize> {
    match prize {
        Prize::Cash(amount) => Some(wire::bag_state::Prize::AmountFen(amount.get())),
        Prize::Coupon(coupon) => Some(wire::bag_state::Prize::Coupon(coupon.clone())),
        Prize::Item(item) => Some(wire::bag_state::Prize::Item(item.clone())),
        Prize::Code(_) => None,
    }
}

fn not_open_yet(stock: u32) -> ItemView {
    ItemView { stock, free: stock, reserved: 0, granted: 0, opening: 0 }
}
