//! Gifts, their catalogue, and the fan club.

use serde::{Deserialize, Serialize};

use super::fingerprint::encoded;
use crate::rules::{ComboId, FanClubSettings, Fingerprint, Gift, GiftId};

/// What is asked about gifts. New variants go at the end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum GiftAsk {
    /// Other gifts than before, for all rooms. The one operation of [`Partition::Platform`](super::Partition::Platform) here.
    SetCatalogue {
        /// The version that is replaced.
        based_on: u32,
        /// All gifts.
        gifts: Vec<Gift>,
    },
    /// Gifts for a room, from the asker's wallet.
    Send {
        /// Which.
        gift: GiftId,
        /// How many: 1 to [`Gift::COUNT_MAX`].
        count: u32,
    },
    /// Time has come for a combo's end.
    CloseCombo {
        /// Which combo.
        combo: ComboId,
    },
    /// How the room's fan club is run from now on.
    SetFanClub {
        /// How.
        settings: Box<FanClubSettings>,
    },
    /// The asker wants to be a fan.
    JoinFanClub,
    /// The asker does not want to be a fan any more.
    LeaveFanClub,
}

/// What is answered. It is kept as the receipt: variants and fields are part of a snapshot's format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum GiftAnswer {
    /// The catalogue is another now.
    CatalogueSet {
        /// Its version.
        version: u32,
    },
    /// The gifts were sent, and paid.
    Sent {
        /// The combo that they belong to.
        combo: ComboId,
        /// How many gifts it has with these.
        total: u32,
        /// The coins that the sender's wallet held afterwards.
        balance: i64,
    },
    /// The fan club is run so now.
    FanClubSet,
    /// A fan now.
    Joined,
    /// No fan any more.
    Left,
}

impl GiftAsk {
    pub(super) fn fingerprint(&self) -> Fingerprint {
        match self {
            Self::SetCatalogue { based_on, gifts } => {
                Fingerprint::of(20).word(u64::from(*based_on)).bytes(&encoded(gifts))
            }
            Self::Send { gift, count } => Fingerprint::of(21).word(u64::from(gift.0) << 32 | u64::from(*count)),
            Self::CloseCombo { combo } => Fingerprint::of(22).word(combo.0),
            Self::SetFanClub { settings } => Fingerprint::of(23).bytes(&encoded(settings.as_ref())),
            Self::JoinFanClub => Fingerprint::of(24),
            Self::LeaveFanClub => Fingerprint::of(25),
        }
    }

    /// At most so many bytes beyond names does its event take in the log.
    pub(super) fn event_bytes_max(&self) -> usize {
        match self {
            Self::SetCatalogue { gifts, .. } => encoded(gifts).len(),
            Self::SetFanClub { settings } => encoded(settings.as_ref()).len(),
            Self::Send { .. } | Self::CloseCombo { .. } | Self::JoinFanClub | Self::LeaveFanClub => 0,
        }
    }
}
