//! What an event is about.

use super::{CouponEvent, DrawEvent, Event, PresenceEvent, TalkEvent};
use crate::rules::{ActivityId, RoomId, UserId};

impl Event {
    /// The room it happened in; `None` for wallets.
    pub fn room(&self) -> Option<&RoomId> {
        match self {
            Self::RoomCreated { room, .. }
            | Self::Drafted { room, .. }
            | Self::Rejected { room, .. }
            | Self::Stepped { room, .. }
            | Self::WaveReleased { room, .. }
            | Self::OpenedToAll { room, .. }
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

    /// Who took part in what: was given something, reserved, entered, voted, signed up or checked in.
    pub fn took_part(&self) -> Option<(ActivityId, UserId)> {
        match self {
            Self::Granted { activity, user, .. }
            | Self::Reserved { activity, user, .. }
            | Self::Coupon { what: CouponEvent::Ordered { activity, user, .. }, .. }
            | Self::Presence {
                what:
                    PresenceEvent::StepReached { activity, user, .. } | PresenceEvent::CheckedIn { activity, user, .. },
                ..
            }
            | Self::Talk {
                what: TalkEvent::Voted { activity, user, .. } | TalkEvent::SignedUp { activity, user, .. },
                ..
            }
            | Self::Draw { activity, what: DrawEvent::Entered { user, .. }, .. } => Some((*activity, *user)),
            _ => None,
        }
    }

    /// The activity it concerns.
    pub fn activity(&self) -> Option<ActivityId> {
        match self {
            Self::Drafted { activity, .. }
            | Self::Rejected { activity, .. }
            | Self::Stepped { activity, .. }
            | Self::WaveReleased { activity, .. }
            | Self::OpenedToAll { activity, .. }
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
