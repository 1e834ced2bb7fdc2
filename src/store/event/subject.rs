//! What an event is about.

use super::{CouponEvent, DrawEvent, Event, GiftEvent, PresenceEvent, RiskEvent, TalkEvent};
use crate::rules::{ActivityId, Brought, PaymentOutcome, RoomId, UserId};

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
            | Self::Experiment { room, .. }
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
            Self::Forgotten { room, .. } | Self::Risk { room, .. } => room.as_ref(),
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

    /// Visits the users whom it is about, in the order in which it names them. Hosts and operators who act on a room are none.
    pub fn each_user(&self, visit: &mut dyn FnMut(&UserId)) {
        match self {
            Self::Granted { user, .. }
            | Self::Reserved { user, .. }
            | Self::Released { user, .. }
            | Self::Paid { user, .. }
            | Self::Coupon { what: CouponEvent::Issued { user, .. } | CouponEvent::Ordered { user, .. }, .. }
            | Self::Talk {
                what:
                    TalkEvent::Voted { user, .. }
                    | TalkEvent::SignedUp { user, .. }
                    | TalkEvent::Imposed { user, .. }
                    | TalkEvent::Lifted { user, .. },
                ..
            }
            | Self::Gift {
                what:
                    GiftEvent::Sent { user, .. }
                    | GiftEvent::ComboClosed { user, .. }
                    | GiftEvent::FanJoined { user, .. }
                    | GiftEvent::FanLeft { user, .. },
                ..
            }
            | Self::Draw { what: DrawEvent::Entered { user, .. } | DrawEvent::Kept { user, .. }, .. } => visit(user),
            Self::Refused { cause, .. } => cause.by.iter().for_each(visit),
            Self::Draw { what: DrawEvent::Drawn { winners, .. }, .. } => {
                winners.iter().for_each(|winner| visit(&winner.user));
            }
            Self::Draw { what: DrawEvent::Passed { user, next, .. }, .. } => {
                visit(user);
                next.iter().for_each(|winner| visit(&winner.user));
            }
            Self::Presence { what, .. } => match what {
                PresenceEvent::Watched { stays, .. } => stays.iter().for_each(|stay| visit(&stay.user)),
                PresenceEvent::Talked { talked, .. } => talked.iter().for_each(|one| visit(&one.user)),
                PresenceEvent::Introduced { user, .. }
                | PresenceEvent::StepReached { user, .. }
                | PresenceEvent::CheckedIn { user, .. }
                | PresenceEvent::TierChanged { user, .. }
                | PresenceEvent::KeywordPosted { user, .. } => visit(user),
                PresenceEvent::BroadcastStarted { .. } | PresenceEvent::BroadcastEnded { .. } => {}
            },
            Self::Risk { what: RiskEvent::HoldEnded { user, .. }, .. } => visit(user),
            Self::Risk { what: RiskEvent::Caught { cause, .. }, .. } => cause.by.iter().for_each(visit),
            Self::RoomCreated { .. }
            // What is of no room has no arms.
            | Self::Risk { what: RiskEvent::Judged { .. } | RiskEvent::Acquitted { .. } | RiskEvent::PolicySet { .. }, .. }
            | Self::Drafted { .. }
            | Self::Rejected { .. }
            | Self::Stepped { .. }
            | Self::WaveReleased { .. }
            | Self::OpenedToAll { .. }
            | Self::Amended { .. }
            | Self::ToppedUp { .. }
            | Self::Archived { .. }
            | Self::Forgotten { .. }
            | Self::CatalogueSet { .. }
            | Self::Campaign { .. }
            | Self::Template { .. }
            | Self::Experiment { .. }
            | Self::Gift { what: GiftEvent::FanClubSet { .. }, .. }
            | Self::Coupon {
                what:
                    CouponEvent::TemplateAdded { .. }
                    | CouponEvent::ReductionAdded { .. }
                    | CouponEvent::Expired { .. }
                    | CouponEvent::Archived { .. },
                ..
            } => {}
        }
    }

    /// Visits what it brings to a campaign or an arm, and who does.
    pub fn each_brought(&self, visit: &mut dyn FnMut(&UserId, Brought)) {
        match self {
            Self::Granted { user, .. }
            | Self::Presence {
                what: PresenceEvent::StepReached { user, .. } | PresenceEvent::CheckedIn { user, reward: Some(_), .. },
                ..
            } => visit(user, Brought::Given),
            Self::Draw { what: DrawEvent::Drawn { winners, .. }, .. } => {
                winners.iter().for_each(|winner| visit(&winner.user, Brought::Given));
            }
            Self::Draw { what: DrawEvent::Passed { next: Some(next), .. }, .. } => visit(&next.user, Brought::Given),
            Self::Reserved { user, .. } | Self::Coupon { what: CouponEvent::Ordered { user, .. }, .. } => {
                visit(user, Brought::Ordered);
            }
            Self::Paid { user, amount, outcome: PaymentOutcome::Sold | PaymentOutcome::SoldLate, .. } => {
                visit(user, Brought::Sold(*amount));
            }
            Self::Gift { what: GiftEvent::Sent { user, coins, .. }, .. } => visit(user, Brought::Gifts(*coins)),
            _ => {}
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
            Self::Risk { what, .. } => what.activity(),
            Self::RoomCreated { .. }
            | Self::ToppedUp { .. }
            | Self::Forgotten { .. }
            | Self::CatalogueSet { .. }
            | Self::Gift { .. }
            | Self::Experiment { .. }
            | Self::Coupon { .. } => None,
        }
    }
}
