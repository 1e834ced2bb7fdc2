//! What an event is about.

use super::{CouponEvent, Event};
use crate::rules::{ActivityId, RoomId};

impl Event {
    /// The room it happened in; `None` for wallets.
    pub fn room(&self) -> Option<&RoomId> {
        match self {
            Self::RoomCreated { room, .. }
            | Self::Drafted { room, .. }
            | Self::Rejected { room, .. }
            | Self::Stepped { room, .. }
            | Self::WaveReleased { room, .. }
            | Self::Amended { room, .. }
            | Self::Granted { room, .. }
            | Self::Refused { room, .. }
            | Self::Reserved { room, .. }
            | Self::Released { room, .. }
            | Self::Paid { room, .. }
            | Self::Archived { room, .. }
            | Self::Presence { room, .. }
            | Self::Campaign { room, .. }
            | Self::Coupon { room, .. }
            | Self::Template { room, .. }
            | Self::Gift { room, .. }
            | Self::Draw { room, .. }
            | Self::Talk { room, .. } => Some(room),
            Self::Forgotten { room, .. } => room.as_ref(),
            Self::ToppedUp { .. } | Self::CatalogueSet { .. } => None,
        }
    }

    /// The activity it concerns.
    pub fn activity(&self) -> Option<ActivityId> {
        match self {
            Self::Drafted { activity, .. }
            | Self::Rejected { activity, .. }
            | Self::Stepped { activity, .. }
            | Self::WaveReleased { activity, .. }
            | Self::Amended { activity, .. }
            | Self::Granted { activity, .. }
            | Self::Refused { activity, .. }
            | Self::Reserved { activity, .. }
            | Self::Released { activity, .. }
            | Self::Paid { activity, .. }
            | Self::Archived { activity, .. }
            | Self::Draw { activity, .. }
            | Self::Coupon { what: CouponEvent::Ordered { activity, .. }, .. } => Some(*activity),
            Self::Campaign { what, .. } => what.activity(),
            Self::Talk { what, .. } => what.activity(),
            Self::Template { what, .. } => what.activity(),
            Self::Presence { what, .. } => what.activity(),
            Self::RoomCreated { .. }
            | Self::ToppedUp { .. }
            | Self::Forgotten { .. }
            | Self::CatalogueSet { .. }
            | Self::Gift { .. }
            | Self::Coupon { .. } => None,
        }
    }
}
