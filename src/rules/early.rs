//! Early entry 提前入场: those from a tier on may take part some seconds before everybody else.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{PlanError, Refusal, RefusalCode, Schedule, Tier, Time};

/// Who may take part before the others, and by how much.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EarlyEntry {
    /// From this tier on.
    pub tier: Tier,
    /// So many seconds earlier.
    pub seconds: u32,
}

impl EarlyEntry {
    /// The longest head start, s.
    pub const SECONDS_MAX: u32 = 3_600;

    /// The head start, ms.
    pub fn ms(&self) -> u64 {
        u64::from(self.seconds) * 1_000
    }

    /// Checks everything that the types can't.
    pub(super) fn check(&self) -> Result<(), PlanError> {
        let refuse = |field, why: &'static str| Err(PlanError { field, why: why.into() });
        if self.tier == Tier::PasserBy {
            return refuse("early.tier", "must be active or core: everybody is a passer-by");
        }
        if !(1..=Self::SECONDS_MAX).contains(&self.seconds) {
            return refuse("early.seconds", "must be 1 to 3,600");
        }
        Ok(())
    }

    /// What those of lower tiers hear who have so long to wait.
    pub(super) fn refusal(&self, left: Duration) -> Refusal {
        let have = u32::try_from(left.as_millis().div_ceil(1_000)).unwrap_or(u32::MAX);
        Refusal { code: RefusalCode::EarlyEntryOnly, have, limit: self.tier as u32 }
    }
}

impl Schedule {
    /// How long before everybody else some may take part, ms.
    pub fn head_start_ms(&self) -> u64 {
        self.early.map_or(0, |early| early.ms())
    }

    /// When some may take part before the others, if that is known.
    pub fn early_at(&self) -> Option<Time> {
        self.early.and(self.opens_at).map(|at| at.before_ms(self.head_start_ms()))
    }
}
