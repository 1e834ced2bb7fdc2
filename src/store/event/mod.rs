//! What has happened: the log's content, and what everything downstream receives.

mod arms;
mod campaign;
mod coupon;
mod credit;
mod draw;
mod experiment;
mod gift;
mod presence;
mod risk;
mod subject;
mod talk;
mod template;

use serde::{Deserialize, Serialize};

use crate::rules::{
    ActivityId, Amendment, Fen, Fingerprint, Gift, OrderId, OrderLine, PaymentOutcome, Phase, Plan, Posting, Prize,
    Refusal, RequestId, RoomId, Seed, Step, Time, UserId,
};

pub use arms::{Arms, ArmsOfUser};
pub use campaign::CampaignEvent;
pub use coupon::{CouponEvent, Reservation};
pub use credit::Credit;
pub use draw::DrawEvent;
pub use experiment::ExperimentEvent;
pub use gift::GiftEvent;
pub use presence::{PresenceEvent, Reward};
pub use risk::RiskEvent;
pub use talk::TalkEvent;
pub use template::{CameOf, TemplateEvent};

/// An event with its place in the log. Its number is its id: a consumer that has seen it drops it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recorded {
    /// Numbered without gaps from 1.
    pub no: u64,
    /// When it was decided.
    pub at: Time,
    /// What.
    pub event: Event,
    /// The arms of its users in the room's running experiments.
    pub arms: Arms,
}

impl Recorded {
    /// An event in a room without experiments.
    pub fn new(no: u64, at: Time, event: Event) -> Self {
        Self { no, at, event, arms: Arms::default() }
    }
}

/// Who caused an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cause {
    /// Who asked; nobody if a timer fired.
    pub by: Option<UserId>,
    /// The request and its parameters' fingerprint: with it, the event is the receipt.
    pub request: Option<(RequestId, Fingerprint)>,
}

/// The events. Variants and fields are part of the log's format: new ones go at the end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// A room exists.
    RoomCreated {
        /// Its id.
        room: RoomId,
        /// Whose it is.
        host: UserId,
        /// Its time zone, minutes east of Greenwich.
        utc_offset_min: i32,
        /// Who caused it.
        cause: Cause,
    },
    /// An activity exists, as a draft.
    Drafted {
        /// In this room.
        room: RoomId,
        /// Its number.
        activity: ActivityId,
        /// What was asked for.
        plan: Box<Plan>,
        /// What chance follows from.
        seed: Seed,
        /// Who caused it.
        cause: Cause,
    },
    /// An activity did not pass the review.
    Rejected {
        /// In this room.
        room: RoomId,
        /// Which.
        activity: ActivityId,
        /// What was found wanting.
        reasons: Vec<String>,
        /// Who caused it.
        cause: Cause,
    },
    /// An activity took a step.
    Stepped {
        /// In this room.
        room: RoomId,
        /// Which.
        activity: ActivityId,
        /// The step.
        step: Step,
        /// Where it stands now.
        to: Phase,
        /// Cash that moved with it: the funding from the sponsor, or what went back.
        moved: Fen,
        /// Who caused it.
        cause: Cause,
    },
    /// A wave of a rain came.
    WaveReleased {
        /// In this room.
        room: RoomId,
        /// Which rain.
        activity: ActivityId,
        /// Which wave, from 1.
        wave: u32,
    },
    /// An open activity was changed.
    Amended {
        /// In this room.
        room: RoomId,
        /// Which.
        activity: ActivityId,
        /// The amendment's number, from 1.
        number: u32,
        /// What changed.
        amendment: Box<Amendment>,
        /// Who caused it.
        cause: Cause,
    },
    /// A unit of a giveaway was given, and cash credited.
    Granted {
        /// In this room.
        room: RoomId,
        /// Of this rain, drop or bag.
        activity: ActivityId,
        /// To whom.
        user: UserId,
        /// The claim.
        request: RequestId,
        /// The claim's parameters.
        fingerprint: Fingerprint,
        /// Which unit.
        unit: u32,
        /// What it holds.
        prize: Prize,
        /// Until when the cash is held, if it is.
        held_until: Option<Time>,
    },
    /// A refusal that had to be kept, because its reason may pass.
    Refused {
        /// In this room.
        room: RoomId,
        /// In this activity.
        activity: ActivityId,
        /// Who caused it.
        cause: Cause,
        /// The refusal.
        refusal: Refusal,
    },
    /// Stock is held.
    Reserved {
        /// In this room.
        room: RoomId,
        /// Of this sale.
        activity: ActivityId,
        /// The order.
        order: OrderId,
        /// For whom.
        user: UserId,
        /// What, and at which price.
        lines: Box<[OrderLine]>,
        /// What it all costs.
        total: Fen,
        /// Until when.
        hold_until: Time,
        /// The claim.
        request: RequestId,
        /// The claim's parameters.
        fingerprint: Fingerprint,
    },
    /// An order gave its stock back: its hold ended, or its buyer gave it up.
    Released {
        /// In this room.
        room: RoomId,
        /// Of this sale.
        activity: ActivityId,
        /// The order.
        order: OrderId,
        /// Whose.
        user: UserId,
        /// Who caused it; nobody if the hold ended.
        cause: Cause,
    },
    /// A payment for an order arrived.
    Paid {
        /// In this room.
        room: RoomId,
        /// Of this sale.
        activity: ActivityId,
        /// The order.
        order: OrderId,
        /// Whose.
        user: UserId,
        /// The provider's name for it.
        payment: String,
        /// How much.
        amount: Fen,
        /// What became of it.
        outcome: PaymentOutcome,
        /// Who caused it.
        cause: Cause,
    },
    /// Money came into a wallet from outside.
    ToppedUp {
        /// The movement.
        posting: Posting,
        /// What the wallet holds now.
        balance: i64,
        /// Who caused it.
        cause: Cause,
    },
    /// An activity that ended long ago left the tables, with its receipts and orders.
    Archived {
        /// In this room.
        room: RoomId,
        /// Which.
        activity: ActivityId,
    },
    /// A broadcast, or presence in it.
    Presence {
        /// In this room.
        room: RoomId,
        /// What.
        what: PresenceEvent,
    },
    /// A campaign.
    Campaign {
        /// In this room.
        room: RoomId,
        /// What.
        what: CampaignEvent,
    },
    /// What belongs to no activity and was decided long ago left the tables: receipts, boards.
    Forgotten {
        /// In this room; outside rooms if none is named.
        room: Option<RoomId>,
        /// All that was decided, and all boards that were last touched, before this time.
        before: Time,
    },
    /// Other gifts may be sent than before, in all rooms.
    CatalogueSet {
        /// The catalogue's version, from 1.
        version: u32,
        /// All gifts.
        gifts: Vec<Gift>,
        /// Who caused it.
        cause: Cause,
    },
    /// About gifts.
    Gift {
        /// In this room.
        room: RoomId,
        /// What.
        what: GiftEvent,
    },
    /// Something in a draw.
    Draw {
        /// In this room.
        room: RoomId,
        /// Which draw.
        activity: ActivityId,
        /// What.
        what: DrawEvent,
    },
    /// Around talk.
    Talk {
        /// In this room.
        room: RoomId,
        /// What.
        what: TalkEvent,
    },
    /// Coupons, or what is in force without one.
    Coupon {
        /// In this room.
        room: RoomId,
        /// What.
        what: CouponEvent,
    },
    /// Templates of activities, or their recurrences.
    Template {
        /// In this room.
        room: RoomId,
        /// What.
        what: TemplateEvent,
    },
    /// The risk of accounts.
    Risk {
        /// In this room; outside rooms if none is named.
        room: Option<RoomId>,
        /// What.
        what: RiskEvent,
    },
    /// What was open to those alone who enter early is open to everybody.
    OpenedToAll {
        /// In this room.
        room: RoomId,
        /// Which activity.
        activity: ActivityId,
    },
    /// Experiments.
    Experiment {
        /// In this room.
        room: RoomId,
        /// What.
        what: ExperimentEvent,
    },
}
