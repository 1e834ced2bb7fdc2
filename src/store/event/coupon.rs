//! What happened around coupons.

use serde::{Deserialize, Serialize};

use super::{Cause, Event};
use crate::rules::{
    ActivityId, CouponTemplate, Fen, FullReduction, OrderId, OrderLine, Price, RoomId, TemplateId, Time, UserId,
};

/// Events around coupons. Variants and fields are part of the log's format: new ones go at the end.
///
/// A coupon's number is that of the event that issued it: [`CouponEvent::Issued`], or [`Event::Granted`] where the prize
/// is a coupon that its activity was funded with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CouponEvent {
    /// A template exists.
    TemplateAdded {
        /// Its name.
        template: TemplateId,
        /// What its coupons promise.
        terms: Box<CouponTemplate>,
        /// Who caused it.
        cause: Cause,
    },
    /// A full reduction exists.
    ReductionAdded {
        /// Its name.
        name: TemplateId,
        /// What it is.
        reduction: Box<FullReduction>,
        /// Who caused it.
        cause: Cause,
    },
    /// A user was given a coupon by hand.
    Issued {
        /// Of which template.
        template: TemplateId,
        /// To whom.
        user: UserId,
        /// Who caused it.
        cause: Cause,
    },
    /// Stock is held, at a price in which offers had a part. Its coupons are reserved with it.
    Ordered {
        /// Of this sale.
        activity: ActivityId,
        /// The order.
        order: OrderId,
        /// For whom.
        user: UserId,
        /// What, and at which price.
        lines: Box<[OrderLine]>,
        /// How the total comes about.
        price: Box<Price>,
        /// Until when.
        hold_until: Time,
        /// The claim.
        cause: Cause,
    },
    /// The oldest coupons of a template that were still held have expired.
    Expired {
        /// Of which template.
        template: TemplateId,
        /// How many.
        count: u32,
    },
    /// A template that was over left the tables, with its coupons.
    Archived {
        /// Which.
        template: TemplateId,
    },
}

/// An order as it was reserved, whichever event says so.
#[derive(Debug, Clone, Copy)]
pub struct Reservation<'a> {
    /// In this room.
    pub room: &'a RoomId,
    /// Of this sale.
    pub activity: ActivityId,
    /// The order.
    pub order: OrderId,
    /// For whom.
    pub user: UserId,
    /// What, and at which price.
    pub lines: &'a [OrderLine],
    /// What it all costs.
    pub total: Fen,
    /// How that comes about, where offers had a part in it.
    pub price: Option<&'a Price>,
    /// Until when.
    pub hold_until: Time,
}

impl Event {
    /// The reservation that the event is, if it is one.
    pub fn reservation(&self) -> Option<Reservation<'_>> {
        match self {
            Self::Reserved { room, activity, order, user, lines, total, hold_until, .. } => Some(Reservation {
                room,
                activity: *activity,
                order: *order,
                user: *user,
                lines,
                total: *total,
                price: None,
                hold_until: *hold_until,
            }),
            Self::Coupon {
                room,
                what: CouponEvent::Ordered { activity, order, user, lines, price, hold_until, .. },
            } => Some(Reservation {
                room,
                activity: *activity,
                order: *order,
                user: *user,
                lines,
                total: price.total,
                price: Some(price),
                hold_until: *hold_until,
            }),
            _ => None,
        }
    }
}

impl CouponEvent {
    /// Who caused it; `None` for what time brings.
    pub fn cause(&self) -> Option<&Cause> {
        match self {
            Self::TemplateAdded { cause, .. }
            | Self::ReductionAdded { cause, .. }
            | Self::Issued { cause, .. }
            | Self::Ordered { cause, .. } => Some(cause),
            Self::Expired { .. } | Self::Archived { .. } => None,
        }
    }
}
