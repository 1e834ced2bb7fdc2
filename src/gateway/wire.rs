//! The inside's types as wire messages. The only place that knows both.

use std::sync::Arc;

use bytes::Bytes;
use liveroom_protocol::frame::frame_bytes;
use liveroom_protocol::wire::{self, answer, grant, room_event, server_frame};

use crate::fanout::{Encode, Leave, Position, RoomMessage};
use crate::rules::{
    Grant, KindPlan, NotDone, NotDoneCode, Order, OrderPhase, Phase, Prize, Refusal, RefusalCode, RequestId, Time,
};
use crate::store::{ActivityView, Answer, ItemView, KindView};

/// Encodes room frames for the wire.
#[derive(Debug, Clone, Copy, Default)]
pub struct WireEncoder;

impl Encode for WireEncoder {
    fn tick(&self, position: Position, now: Time, messages: &[RoomMessage]) -> Bytes {
        let events = messages.iter().map(room_event).collect();
        frame_bytes(&frame(server_frame::Body::Tick(wire::Tick {
            epoch: position.epoch,
            offset: position.offset,
            server_time_ms: now.ms(),
            events,
        })))
    }

    fn snapshot(&self, position: Position, activities: &[Arc<ActivityView>], online: u32) -> Bytes {
        frame_bytes(&frame(server_frame::Body::Snapshot(wire::Snapshot {
            epoch: position.epoch,
            offset: position.offset,
            activities: activities.iter().map(|view| activity_state(view)).collect(),
            online,
        })))
    }
}

/// A server frame around a body.
pub(super) fn frame(body: server_frame::Body) -> wire::ServerFrame {
    wire::ServerFrame { body: Some(body) }
}

/// An answer to a viewer's request.
pub(super) fn answer(request: RequestId, answer: &Answer) -> wire::ServerFrame {
    let outcome = match answer {
        Answer::Granted(grant) => answer::Outcome::Grant(self::grant(grant)),
        Answer::Reserved(order) => answer::Outcome::Order(self::order(order)),
        Answer::Released(_) | Answer::Idle => answer::Outcome::Done(wire::Done {}),
        Answer::Refused(refusal) => answer::Outcome::Refused(refused(refusal)),
        Answer::NotDone(reason) => answer::Outcome::NotDone(not_done(reason)),
        // A viewer's session sends none of the operations that these answer.
        Answer::Paid { .. }
        | Answer::RoomCreated
        | Answer::Drafted(_)
        | Answer::Stepped { .. }
        | Answer::Amended { .. }
        | Answer::ToppedUp { .. } => answer::Outcome::Done(wire::Done {}),
    };
    answered(request, outcome)
}

/// The answer for the time being to a request that takes long.
pub(super) fn pending(request: RequestId) -> wire::ServerFrame {
    answered(request, answer::Outcome::Pending(wire::Pending {}))
}

/// A request that was done, and there is nothing to say about it.
pub(super) fn done(request: RequestId) -> wire::ServerFrame {
    answered(request, answer::Outcome::Done(wire::Done {}))
}

fn answered(request: RequestId, outcome: answer::Outcome) -> wire::ServerFrame {
    let answer = wire::Answer { request_id: request.get(), outcome: Some(outcome) };
    frame(server_frame::Body::Answer(answer))
}

/// A viewer's own grants and orders.
pub(super) fn own(grants: &[Grant], orders: &[Order]) -> wire::ServerFrame {
    frame(server_frame::Body::Own(wire::Own {
        grants: grants.iter().map(grant).collect(),
        orders: orders.iter().map(order).collect(),
    }))
}

/// A goodbye that the engine asked for.
pub(super) fn leave_code(why: Leave) -> wire::GoodbyeCode {
    match why {
        Leave::Draining => wire::GoodbyeCode::Draining,
        Leave::TooSlow => wire::GoodbyeCode::TooSlow,
    }
}

fn refused(refusal: &Refusal) -> wire::Refused {
    let code = match refusal.code {
        RefusalCode::NotOpen => wire::RefusalCode::NotOpen,
        RefusalCode::Closed => wire::RefusalCode::Closed,
        RefusalCode::SoldOut => wire::RefusalCode::SoldOut,
        RefusalCode::LimitReached => wire::RefusalCode::LimitReached,
        RefusalCode::InsufficientStock => wire::RefusalCode::InsufficientStock,
        RefusalCode::OrderPaid => wire::RefusalCode::OrderPaid,
        RefusalCode::OrderReleased => wire::RefusalCode::OrderReleased,
        RefusalCode::RoomDayLimit => wire::RefusalCode::RoomDayLimit,
        RefusalCode::WinCap => wire::RefusalCode::WinCap,
    };
    // The commonest refusals speak for themselves: no words, no allocation.
    let detail = match refusal.code {
        RefusalCode::SoldOut | RefusalCode::Closed | RefusalCode::NotOpen => String::new(),
        _ => refusal.to_string(),
    };
    wire::Refused { code: code.into(), detail }
}

/// Why nothing was done.
pub(super) fn not_done(reason: &NotDone) -> wire::NotDone {
    let code = match reason.code {
        NotDoneCode::Conflict => wire::NotDoneCode::Conflict,
        NotDoneCode::UnknownActivity => wire::NotDoneCode::UnknownActivity,
        NotDoneCode::WrongKind => wire::NotDoneCode::WrongKind,
        NotDoneCode::UnknownSku => wire::NotDoneCode::UnknownSku,
        NotDoneCode::UnknownOrder => wire::NotDoneCode::UnknownOrder,
        NotDoneCode::Forbidden => wire::NotDoneCode::Forbidden,
        NotDoneCode::RateLimited => wire::NotDoneCode::RateLimited,
        NotDoneCode::TooManyInFlight => wire::NotDoneCode::TooManyInFlight,
        NotDoneCode::Overloaded => wire::NotDoneCode::Overloaded,
        NotDoneCode::Unavailable => wire::NotDoneCode::Unavailable,
        // The rest can't come of what a viewer may ask; a wrong parameter is the nearest truth.
        NotDoneCode::Invalid
        | NotDoneCode::UnknownRoom
        | NotDoneCode::WrongPhase
        | NotDoneCode::InsufficientFunds
        | NotDoneCode::TooMany => wire::NotDoneCode::Invalid,
    };
    wire::NotDone { code: code.into(), detail: reason.detail.to_string(), retry_after_ms: reason.retry_after_ms }
}

fn grant(grant: &Grant) -> wire::Grant {
    let prize = match &grant.prize {
        Prize::Cash(amount) => grant::Prize::AmountFen(amount.get()),
        Prize::Coupon(coupon) => grant::Prize::Coupon(coupon.clone()),
    };
    wire::Grant { activity: grant.activity.0, slot: grant.slot, prize: Some(prize), at_ms: grant.at.ms() }
}

fn order(order: &Order) -> wire::Order {
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
    }
}

fn room_event(message: &RoomMessage) -> wire::RoomEvent {
    let body = match message {
        RoomMessage::Activity(view) => room_event::Body::Activity(activity_state(view)),
        RoomMessage::Announcement { from, text, at } => room_event::Body::Announcement(wire::Announcement {
            from: from.as_str().to_owned(),
            text: text.to_string(),
            at_ms: at.ms(),
        }),
        RoomMessage::Online(viewers) => room_event::Body::Online(wire::Online { viewers: *viewers }),
        RoomMessage::Amendment { activity, number, amendment, closes_at } => {
            let stock = amendment.stock.iter().map(|(sku, units)| wire::StockChange { sku: sku.0, units: *units });
            room_event::Body::Amendment(wire::Amendment {
                activity: activity.0,
                number: *number,
                stock: stock.collect(),
                budget_added_fen: amendment.budget.get(),
                shares_added: amendment.shares,
                closes_at_ms: closes_at.map_or(0, Time::ms),
            })
        }
        RoomMessage::RainResult { activity, summary } => {
            let luckiest = summary.luckiest.as_ref();
            room_event::Body::RainResult(wire::RainResult {
                activity: activity.0,
                winners: summary.winners,
                grants: summary.grants,
                total_fen: summary.total.get(),
                luckiest: luckiest.map_or(String::new(), |(user, _)| user.as_str().to_owned()),
                luckiest_fen: luckiest.map_or(0, |(_, cash)| cash.get()),
            })
        }
    };
    wire::RoomEvent { body: Some(body) }
}

fn activity_state(view: &ActivityView) -> wire::ActivityState {
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
    }
}

fn not_open_yet(stock: u32) -> ItemView {
    ItemView { stock, free: stock, reserved: 0, granted: 0, opening: 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The inside and the wire spell the same things, each for itself; they must not drift apart.
    #[test]
    fn codes_are_the_same_words_inside_and_on_the_wire() {
        for code in RefusalCode::ALL {
            let wire = refused(&Refusal::plain(code)).code();
            assert_eq!(wire.word(), code.word());
        }
        for code in NotDoneCode::ALL {
            let wire = not_done(&code.because("")).code();
            assert!(wire.word() == code.word() || wire == wire::NotDoneCode::Invalid, "{code:?}");
        }
    }
}
