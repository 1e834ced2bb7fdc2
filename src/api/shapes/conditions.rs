//! Who may take part.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Problem;
use super::draw::comparable;
use super::experiment::InArmShape;
use crate::rules::{Conditions, EarlyEntry, GiftId, GiftSent, Tier, WinCap};

/// What an activity asks of those who take part: all that is named. What is not named is not asked.
#[derive(Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(in crate::api) struct ConditionsShape {
    /// At least this tier: `passer_by`, `active` or `core`.
    pub tier: Option<TierShape>,
    /// In the room's fan club.
    pub fan_club: bool,
    /// Has watched this broadcast for so many seconds, 1 to 86,400.
    pub watched_s: Option<u32>,
    /// Has checked in today.
    pub checked_in: bool,
    /// Has posted this in the room, 1 to 60 bytes, during this broadcast and since the activity was announced. It is compared without
    /// regard to width, case, spaces and traditional forms.
    pub keyword: Option<String>,
    /// Has sent a gift in this broadcast.
    pub gift: Option<GiftSentShape>,
    /// Was noticed in the room for the first time at most so many days ago, 1 to 365.
    pub newcomer_days: Option<u32>,
    /// Has not won more than so often.
    pub wins: Option<WinsShape>,
    /// The account is at least so many days old, 1 to 3,650. The access token says since when there is one (`account_created`).
    pub account_age_days: Option<u32>,
    /// The account's risk is below this, 1 to 100: the higher of what the access token says (`risk`) and what it is judged to be
    /// (`/v1/users/{user}/risk`); if neither says anything, it is the highest.
    pub risk_below: Option<u8>,
    /// Is in this arm of an experiment that runs in the room when the activity is scheduled.
    pub arm: Option<InArmShape>,
}

/// A tier of fans.
#[derive(Debug, Clone, Copy, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::api) enum TierShape {
    /// 路人粉.
    PasserBy,
    /// 活跃粉.
    Active,
    /// 核心粉.
    Core,
}

/// Early entry 提前入场: those from a tier on take part some seconds before everybody else.
#[derive(Debug, Clone, Copy, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct EarlyEntryShape {
    /// From this tier on: `active` or `core`.
    pub tier: TierShape,
    /// So many seconds earlier, 1 to 3,600.
    pub seconds: u32,
}

/// A gift, and how many of it.
#[derive(Debug, Clone, Copy, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct GiftSentShape {
    /// Which gift.
    pub gift: u32,
    /// At least so many.
    pub count: u32,
}

/// At most so many wins in a moving window.
#[derive(Debug, Clone, Copy, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct WinsShape {
    /// At most so many, 0 to 1,000.
    pub wins: u32,
    /// Window, 1 ms to 31 days.
    pub window_ms: u64,
}

impl ConditionsShape {
    /// The conditions; they are checked with their plan.
    pub(in crate::api) fn conditions(self) -> Result<Conditions, Problem> {
        self.keyword.as_deref().map_or(Ok(()), comparable)?;
        Ok(Conditions {
            tier: self.tier.map(Into::into),
            fan_club: self.fan_club,
            watched_s: self.watched_s,
            checked_in: self.checked_in,
            keyword: self.keyword,
            gift: self.gift.map(|GiftSentShape { gift, count }| GiftSent { gift: GiftId(gift), count }),
            newcomer_days: self.newcomer_days,
            wins: self.wins.map(|WinsShape { wins, window_ms }| WinCap { wins, window_ms }),
            account_age_days: self.account_age_days,
            risk_below: self.risk_below,
            arm: self.arm.map(InArmShape::in_arm).transpose()?,
        })
    }
}

impl From<&Conditions> for ConditionsShape {
    fn from(of: &Conditions) -> Self {
        Self {
            tier: of.tier.map(Into::into),
            fan_club: of.fan_club,
            watched_s: of.watched_s,
            checked_in: of.checked_in,
            keyword: of.keyword.clone(),
            gift: of.gift.map(|sent| GiftSentShape { gift: sent.gift.0, count: sent.count }),
            newcomer_days: of.newcomer_days,
            wins: of.wins.map(|cap| WinsShape { wins: cap.wins, window_ms: cap.window_ms }),
            account_age_days: of.account_age_days,
            risk_below: of.risk_below,
            arm: of.arm.map(Into::into),
        }
    }
}

impl From<EarlyEntryShape> for EarlyEntry {
    fn from(early: EarlyEntryShape) -> Self {
        Self { tier: early.tier.into(), seconds: early.seconds }
    }
}

impl From<EarlyEntry> for EarlyEntryShape {
    fn from(early: EarlyEntry) -> Self {
        Self { tier: early.tier.into(), seconds: early.seconds }
    }
}

impl From<TierShape> for Tier {
    fn from(tier: TierShape) -> Self {
        match tier {
            TierShape::PasserBy => Self::PasserBy,
            TierShape::Active => Self::Active,
            TierShape::Core => Self::Core,
        }
    }
}

impl From<Tier> for TierShape {
    fn from(tier: Tier) -> Self {
        match tier {
            Tier::PasserBy => Self::PasserBy,
            Tier::Active => Self::Active,
            Tier::Core => Self::Core,
        }
    }
}
