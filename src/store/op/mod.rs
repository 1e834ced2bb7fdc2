//! What may be asked of a store: a small closed set, in the domain's words.

mod campaign;
mod coupon;
mod draw;
mod experiment;
mod fingerprint;
mod gift;
mod presence;
mod risk;
mod talk;
mod template;

use serde::{Deserialize, Serialize};

use crate::rules::{
    ActivityId, Amendment, CartLine, CouponChoice, Currency, Experiment, ExperimentPlan, Fen, Grant, Name, NotDone,
    Order, OrderId, PaymentOutcome, Phase, Plan, Price, Refusal, RequestId, RoomId, Seed, Step, UserId,
};
use fingerprint::encoded;

pub use campaign::{CampaignAnswer, CampaignAsk};
pub use coupon::{CouponAnswer, CouponAsk};
pub use draw::{DrawAnswer, DrawAsk, DrawEntry, DrawPrize, EnterBy};
pub use experiment::{ExperimentAnswer, ExperimentAsk};
pub use gift::{GiftAnswer, GiftAsk};
pub use presence::{PresenceAnswer, PresenceAsk};
pub use risk::{RiskAnswer, RiskAsk};
pub use talk::{TalkAnswer, TalkAsk};
pub use template::{TemplateAnswer, TemplateAsk};

/// One operation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Op {
    /// Whose state it concerns.
    pub partition: Partition,
    /// Who asks; for timers, nobody.
    pub by: Option<UserId>,
    /// The asker's name for the request. Repeats are recognised by it, within the partition.
    pub request: Option<RequestId>,
    /// What.
    pub ask: Ask,
}

/// What is decided together, in one place. State of different partitions may live on different machines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Partition {
    /// A room with all its activities.
    Room(RoomId),
    /// A user's wallet.
    Wallet(UserId),
    /// What is the same for all rooms.
    Platform,
}

/// The operations. Variants and fields are part of a log's format, as those of events are: new ones go at the end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ask {
    /// One share of a rain.
    Claim {
        /// Which rain.
        activity: ActivityId,
        /// The claim token, revealed at the opening.
        token: u64,
        /// The opening of the pool that the claimant saw.
        opening: u32,
    },
    /// The stock of a whole cart: all lines or none.
    Reserve {
        /// Which sale.
        activity: ActivityId,
        /// The claim token, revealed at the opening.
        token: u64,
        /// What.
        cart: Vec<CartLine>,
        /// Which of the asker's coupons should count.
        coupons: CouponChoice,
    },
    /// Gives up one's own reserved order.
    Release {
        /// Which order.
        order: OrderId,
    },
    /// A payment provider says that an order was paid.
    Pay {
        /// Which order.
        order: OrderId,
        /// The provider's name for the payment: 1 to 128 bytes.
        payment: String,
        /// How much arrived.
        amount: Fen,
    },
    /// A new room, hosted by the asker.
    CreateRoom {
        /// Whose it is.
        host: UserId,
        /// The room's time zone, minutes east of Greenwich.
        utc_offset_min: i32,
    },
    /// A new activity, as a draft.
    Draft {
        /// What.
        plan: Box<Plan>,
        /// Drawn by the engine.
        seed: Seed,
    },
    /// A step in an activity's life, by hand. `Schedule` reviews, and rejects with reasons what does not pass.
    Step {
        /// Which activity.
        activity: ActivityId,
        /// Which step.
        step: Step,
    },
    /// A numbered change to an open activity.
    Amend {
        /// Which activity.
        activity: ActivityId,
        /// What changes.
        amendment: Box<Amendment>,
    },
    /// Money from outside into the partition's wallet.
    TopUp {
        /// In what.
        currency: Currency,
        /// How much: more than zero.
        amount: i64,
    },
    /// Time has come for the activity's next step.
    Due {
        /// Which activity.
        activity: ActivityId,
    },
    /// Time has come for an order's hold to end.
    Expire {
        /// Which order.
        order: OrderId,
    },
    /// Broadcasts, and who watches them.
    Presence(PresenceAsk),
    /// Campaigns.
    Campaign(CampaignAsk),
    /// Time has come to forget what belongs to no activity and was decided long ago: receipts, boards.
    Forget,
    /// About gifts.
    Gift(GiftAsk),
    /// Draws.
    Draw(DrawAsk),
    /// Votes, enrolments, and the order in a room.
    Talk(TalkAsk),
    /// About coupons, or what is in force without one.
    Coupon(CouponAsk),
    /// About templates of activities, and their recurrences.
    Template(TemplateAsk),
    /// About the risk of accounts.
    Risk(RiskAsk),
    /// About experiments.
    Experiment(ExperimentAsk),
}

/// What a store answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// A share was given.
    Granted(Grant),
    /// Stock is held; the order as it was reserved.
    Reserved(Order),
    /// The order gave its stock back.
    Released(OrderId),
    /// Decided against the asker, for ever.
    Refused(Refusal),
    /// Nothing was decided and nothing was written.
    NotDone(NotDone),
    /// The payment was taken note of.
    Paid {
        /// Which order.
        order: OrderId,
        /// What became of it.
        outcome: PaymentOutcome,
    },
    /// The room exists now.
    RoomCreated,
    /// The activity exists now.
    Drafted(ActivityId),
    /// The activity stands there now.
    Stepped {
        /// Which activity.
        activity: ActivityId,
        /// Where it stood after the step.
        phase: Phase,
    },
    /// The amendment was made.
    Amended {
        /// Which activity.
        activity: ActivityId,
        /// The amendment's number, from 1.
        number: u32,
    },
    /// The money is there.
    ToppedUp {
        /// What the wallet held afterwards.
        balance: i64,
    },
    /// A timer had nothing to do (any more).
    Idle,
    /// About a broadcast, or presence in it.
    Presence(PresenceAnswer),
    /// About a campaign.
    Campaign(CampaignAnswer),
    /// About gifts.
    Gift(GiftAnswer),
    /// Of a draw.
    Draw(DrawAnswer),
    /// About votes, enrolments, and the order in a room.
    Talk(TalkAnswer),
    /// About coupons.
    Coupon(CouponAnswer),
    /// About a template, or its recurrences.
    Template(TemplateAnswer),
    /// About the risk of accounts.
    Risk(RiskAnswer),
    /// About an experiment.
    Experiment(ExperimentAnswer),
}

impl Op {
    /// What time asks.
    pub(super) const fn timer(partition: Partition, ask: Ask) -> Self {
        Self { partition, by: None, request: None, ask }
    }

    /// At most so many bytes does the operation's event take in the log.
    pub fn event_bytes_max(&self) -> usize {
        const NAMES: usize = 256;
        NAMES
            + match &self.ask {
                Ask::Reserve { cart, coupons, .. } => {
                    cart.len() * 24 + Price::bytes_max(cart.len(), *coupons != CouponChoice::None)
                }
                Ask::Coupon(ask) => ask.event_bytes_max(),
                Ask::Draft { plan, .. } => encoded(plan.as_ref()).len(),
                Ask::Amend { amendment, .. } => encoded(amendment.as_ref()).len(),
                // A rejection lists two reasons for each item of a sale.
                Ask::Step { .. } => 100 * 64,
                Ask::Pay { payment, .. } => payment.len(),
                Ask::Presence(ask) => ask.event_bytes_max(),
                Ask::Campaign(ask) => ask.event_bytes_max(),
                Ask::Gift(ask) => ask.event_bytes_max(),
                Ask::Draw(ask) => ask.event_bytes_max(),
                Ask::Talk(ask) => ask.event_bytes_max(),
                Ask::Template(ask) => ask.event_bytes_max(),
                Ask::Risk(ask) => ask.event_bytes_max(),
                Ask::Experiment(ask) => ask.event_bytes_max(),
                _ => 0,
            }
    }
    /// At most so many bytes do the arms of its event's users take, if as many experiments run as may.
    pub(super) fn arms_bytes_max(&self) -> usize {
        let users = match &self.ask {
            Ask::Presence(PresenceAsk::Present { stays, .. }) => stays.len(),
            Ask::Presence(PresenceAsk::Talked { talked, .. }) => talked.len(),
            Ask::Draw(DrawAsk::Draw { winners, .. } | DrawAsk::Beacon { winners, .. }) => *winners as usize,
            _ => 2,
        };
        let names = (1 + users.min(ExperimentPlan::ARMS_MAX)) * (Name::BYTES_MAX + 1);
        Experiment::RUNNING_MAX * (names + users + 8)
    }
}
