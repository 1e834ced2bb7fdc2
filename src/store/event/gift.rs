//! What happens with gifts and in the fan club.

use serde::{Deserialize, Serialize};

use super::Cause;
use crate::rules::{Coins, ComboId, FanClubSettings, FanGain, Fingerprint, GiftId, RequestId, Time, UserId};

/// What happened in a room. New variants and fields go at the end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GiftEvent {
    /// Gifts were sent: coins went from their sender's wallet to the room's earnings.
    Sent {
        /// By whom.
        user: UserId,
        /// The request.
        request: RequestId,
        /// Its parameters' fingerprint.
        fingerprint: Fingerprint,
        /// Which gift.
        gift: GiftId,
        /// How many.
        count: u32,
        /// What they cost.
        coins: Coins,
        /// The combo they belong to.
        combo: ComboId,
        /// How many gifts it has with these.
        total: u32,
        /// When it ends, unless more follow.
        until: Time,
        /// During which broadcast: the room's n-th; 0 before the first.
        broadcast: u32,
        /// What it came to in the fan club; nothing for one who is no fan.
        fan: Option<FanGain>,
    },
    /// A combo has ended.
    ComboClosed {
        /// Which.
        combo: ComboId,
        /// Whose.
        user: UserId,
        /// Of which gift.
        gift: GiftId,
        /// How many gifts in all.
        total: u32,
        /// What they cost in all.
        coins: i64,
    },
    /// The fan club is run in another way.
    FanClubSet {
        /// How.
        settings: Box<FanClubSettings>,
        /// Who caused it.
        cause: Cause,
    },
    /// A user joined the fan club by asking.
    FanJoined {
        /// Who.
        user: UserId,
        /// Who caused it.
        cause: Cause,
    },
    /// A fan left.
    FanLeft {
        /// Who.
        user: UserId,
        /// Who caused it.
        cause: Cause,
    },
}

impl GiftEvent {
    /// The request that it decides, and who made it.
    pub fn request(&self) -> Option<(UserId, RequestId)> {
        match self {
            Self::Sent { user, request, .. } => Some((*user, *request)),
            Self::FanClubSet { cause, .. } | Self::FanJoined { cause, .. } | Self::FanLeft { cause, .. } => {
                cause.by.zip(cause.request.map(|(id, _)| id))
            }
            Self::ComboClosed { .. } => None,
        }
    }
}
