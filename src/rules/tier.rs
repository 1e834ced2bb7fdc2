//! Tiers of fans: 路人粉 → 活跃粉 → 核心粉.

use serde::{Deserialize, Serialize};

/// How close a viewer is to a room. Ordered: who is closer has all that those have who are less.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tier {
    /// 路人粉: comes by.
    #[default]
    PasserBy,
    /// 活跃粉: comes often, and takes part.
    Active,
    /// 核心粉: carries the room.
    Core,
}

impl Tier {
    /// Every tier, the lowest first.
    pub const ALL: [Self; 3] = [Self::PasserBy, Self::Active, Self::Core];

    /// The word that every interface uses.
    pub const fn word(self) -> &'static str {
        match self {
            Self::PasserBy => "passer_by",
            Self::Active => "active",
            Self::Core => "core",
        }
    }

    /// The tier with a number from 0; the highest for all beyond.
    pub fn from_number(number: u32) -> Self {
        Self::ALL.get(number as usize).copied().unwrap_or(Self::Core)
    }
}
