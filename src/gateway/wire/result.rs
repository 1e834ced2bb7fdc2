//! A viewer's own: grants, orders, tickets, prizes and coupons.

use liveroom_protocol::wire::{self, grant, server_frame};

use super::coupon::{coupon, price};
use super::draw::{prize, ticket};
use super::frame;
use super::presence::in_arm;
use crate::rules::{DrawReceipt, Grant, HoldState, Order, OrderPhase, Prize, Time};
use crate::store::{DrawEntry, Own};

/// What is a viewer's own; `receipt` signs its tickets.
pub(in crate::gateway) fn own(own: &Own, receipt: impl Fn(&DrawEntry) -> DrawReceipt) -> wire::ServerFrame {
    frame(server_frame::Body::Own(wire::Own {
        grants: own.grants.iter().map(grant).collect(),
        orders: own.orders.iter().map(order).collect(),
        prizes: own.prizes.iter().map(prize).collect(),
        coupons: own.coupons.iter().map(coupon).collect(),
        arms: own.arms.iter().map(|(experiment, arm)| in_arm(*experiment, *arm)).collect(),
        tickets: own.tickets.iter().map(|entry| ticket(entry.activity.0, &receipt(entry))).collect(),
    }))
}

pub(super) fn grant(grant: &Grant) -> wire::Grant {
    let prize = match &grant.prize {
        Prize::Cash(amount) => grant::Prize::AmountFen(amount.get()),
        Prize::Coupon(coupon) => grant::Prize::Coupon(coupon.clone()),
        Prize::Item(item) => grant::Prize::Item(item.clone()),
        Prize::Code(code) => grant::Prize::Code(code.reveal().to_owned()),
    };
    wire::Grant {
        activity: grant.activity.0,
        slot: grant.slot,
        prize: Some(prize),
        at_ms: grant.at.ms(),
        coupon_id: grant.coupon.map_or(0, |coupon| coupon.0),
        hold: grant.hold.map(hold),
    }
}

/// Cash that is held until then, or was.
pub(super) fn hold((until, state): (Time, HoldState)) -> wire::Hold {
    let state = match state {
        HoldState::Held => wire::HoldState::Held,
        HoldState::Credited => wire::HoldState::Credited,
        HoldState::Forfeited => wire::HoldState::Forfeited,
    };
    wire::Hold { until_ms: until.ms(), state: state.into() }
}

pub(super) fn order(order: &Order) -> wire::Order {
    let phase = match order.phase {
        OrderPhase::Reserved => wire::OrderPhase::Reserved,
        OrderPhase::Paid => wire::OrderPhase::Paid,
        OrderPhase::Released => wire::OrderPhase::Released,
    };
    let lines = order.lines.iter().map(|line| wire::OrderLine {
        sku: line.sku.0,
        quantity: line.quantity,
        unit_price_fen: line.unit_price.get(),
    });
    wire::Order {
        order: order.id.0,
        activity: order.activity.0,
        phase: phase.into(),
        lines: lines.collect(),
        total_fen: order.total.get(),
        hold_until_ms: order.hold_until.ms(),
        price: order.price.as_deref().map(price),
        refund_due_fen: order.refund_due.get(),
    }
}
