//! Ids. Those that people give are [`Name`]s; those that the store gives are numbers.

use std::fmt;
use std::num::NonZeroU64;

use serde::{Deserialize, Serialize};

use super::{InvalidName, Name};

macro_rules! named {
    ($(#[$doc:meta])* $id:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $id(Name);

        impl $id {
            /// Reads an id, or says what is wrong with it.
            pub fn parse(text: &str) -> Result<Self, InvalidName> {
                Name::parse(text).map(Self)
            }

            /// The id as text.
            pub fn as_str(&self) -> &str {
                self.0.as_str()
            }
        }

        impl fmt::Display for $id {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl fmt::Debug for $id {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

named!(
    /// A live room.
    RoomId
);
named!(
    /// A viewer, host or operator; also the owner of a wallet.
    UserId
);

named!(
    /// A coupon template, or a full reduction: named by whoever made it, within its room.
    TemplateId
);
named!(
    /// A stackable group: of the offers of one group one counts in an order.
    StackGroup
);

named!(
    /// A template of activities: named by its host, within its room.
    ActivityTemplateId
);

named!(
    /// Why an account was judged to be risky, in a word.
    RiskReason
);
named!(
    /// An experiment: named by its host, within its room.
    ExperimentId
);
named!(
    /// An arm of an experiment.
    ArmId
);

impl UserId {
    /// The name under which payments are received. No token is taken for it: its request ids are the payments'.
    pub const PAYMENT_PROVIDER: &str = "payment-provider";

    /// Whether the server keeps the name for itself.
    pub fn is_reserved(&self) -> bool {
        self.as_str() == Self::PAYMENT_PROVIDER
    }
}

macro_rules! numbered {
    ($(#[$doc:meta])* $id:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $id(pub $inner);

        impl fmt::Display for $id {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

numbered!(
    /// An activity, numbered by the store from 1.
    ActivityId(u64)
);
numbered!(
    /// A campaign, numbered by the store from 1.
    CampaignId(u64)
);
numbered!(
    /// A recurrence, numbered by the store from 1.
    RecurrenceId(u64)
);
numbered!(
    /// An order, numbered by the store from 1.
    OrderId(u64)
);
numbered!(
    /// A coupon: the number of the event that issued it.
    CouponId(u64)
);
numbered!(
    /// An item of a sale, numbered by its host within the sale.
    SkuId(u32)
);
numbered!(
    /// A gift, numbered by the operator in the catalogue.
    GiftId(u32)
);
numbered!(
    /// A combo, numbered by the store from 1.
    ComboId(u64)
);
numbered!(
    /// A client's name for one of its requests; unique per room and user. Never zero.
    RequestId(NonZeroU64)
);

impl RequestId {
    /// An id, unless it is zero.
    pub fn new(id: u64) -> Option<Self> {
        NonZeroU64::new(id).map(Self)
    }

    /// The number.
    pub fn get(self) -> u64 {
        self.0.get()
    }
}
