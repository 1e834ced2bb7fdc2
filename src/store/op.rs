//! What may be asked of a store: a small closed set, in the domain's words.

use serde::{Deserialize, Serialize};

use crate::rules::{
    ActivityId, Amendment, CartLine, Currency, Fen, Fingerprint, Grant, NotDone, Order, OrderId, PaymentOutcome, Phase,
    Plan, Refusal, RequestId, RoomId, Seed, Step, UserId,
};

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
}

impl Ask {
    /// The parameters, folded: the same for a repeat, another for a conflict. Tags are part of the log's format.
    pub fn fingerprint(&self) -> Fingerprint {
        match self {
            Self::Claim { activity, token, opening } => {
                Fingerprint::of(1).word(activity.0).word(*token).word(u64::from(*opening))
            }
            Self::Reserve { activity, token, cart } => {
                cart.iter().fold(Fingerprint::of(2).word(activity.0).word(*token), |sum, line| {
                    sum.word(u64::from(line.sku.0) << 32 | u64::from(line.quantity)).word(u64::from(line.opening))
                })
            }
            Self::Release { order } => Fingerprint::of(3).word(order.0),
            Self::Pay { order, payment, amount } => {
                Fingerprint::of(4).word(order.0).word(amount.get() as u64).bytes(payment.as_bytes())
            }
            Self::CreateRoom { host, utc_offset_min } => {
                Fingerprint::of(5).bytes(host.as_str().as_bytes()).word(*utc_offset_min as u64)
            }
            // The seed is not the asker's parameter.
            Self::Draft { plan, .. } => Fingerprint::of(6).bytes(&encoded(plan.as_ref())),
            Self::Step { activity, step } => Fingerprint::of(7).word(activity.0).word(*step as u64),
            Self::Amend { activity, amendment } => {
                Fingerprint::of(8).word(activity.0).bytes(&encoded(amendment.as_ref()))
            }
            Self::TopUp { currency, amount } => Fingerprint::of(9).word(*currency as u64).word(*amount as u64),
            Self::Due { activity } => Fingerprint::of(10).word(activity.0),
            Self::Expire { order } => Fingerprint::of(11).word(order.0),
        }
    }
}

impl Op {
    /// At most so many bytes does the operation's event take in the log.
    pub fn event_bytes_max(&self) -> usize {
        const NAMES: usize = 256;
        NAMES
            + match &self.ask {
                Ask::Reserve { cart, .. } => cart.len() * 24,
                Ask::Draft { plan, .. } => encoded(plan.as_ref()).len(),
                Ask::Amend { amendment, .. } => encoded(amendment.as_ref()).len(),
                // A rejection lists two reasons for each item of a sale.
                Ask::Step { .. } => 100 * 64,
                Ask::Pay { payment, .. } => payment.len(),
                _ => 0,
            }
    }
}

fn encoded(value: &impl serde::Serialize) -> Vec<u8> {
    postcard::to_stdvec(value).expect("plain values always encode")
}
