//! What happens to campaigns.

use serde::{Deserialize, Serialize};

use super::Cause;
use crate::rules::{ActivityId, CampaignId, CampaignPhase, CampaignPlan};

/// Events around campaigns. Variants and fields are part of the log's format: new ones go at the end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CampaignEvent {
    /// A campaign exists.
    Created {
        /// Its number.
        campaign: CampaignId,
        /// What was asked for.
        plan: Box<CampaignPlan>,
        /// Who caused it.
        cause: Cause,
    },
    /// An activity joined it.
    Included {
        /// Which campaign.
        campaign: CampaignId,
        /// Which activity.
        activity: ActivityId,
        /// Who caused it.
        cause: Cause,
    },
    /// Its next phase has begun.
    PhaseBegan {
        /// Which campaign.
        campaign: CampaignId,
        /// Which phase.
        phase: CampaignPhase,
    },
    /// It ended long ago, and left the tables.
    Archived {
        /// Which campaign.
        campaign: CampaignId,
    },
}

impl CampaignEvent {
    /// Which campaign.
    pub const fn campaign(&self) -> CampaignId {
        match self {
            Self::Created { campaign, .. }
            | Self::Included { campaign, .. }
            | Self::PhaseBegan { campaign, .. }
            | Self::Archived { campaign } => *campaign,
        }
    }

    /// The activity it concerns, too.
    pub const fn activity(&self) -> Option<ActivityId> {
        match self {
            Self::Included { activity, .. } => Some(*activity),
            Self::Created { .. } | Self::PhaseBegan { .. } | Self::Archived { .. } => None,
        }
    }

    /// Who caused it; `None` for what time brings.
    pub const fn cause(&self) -> Option<&Cause> {
        match self {
            Self::Created { cause, .. } | Self::Included { cause, .. } => Some(cause),
            Self::PhaseBegan { .. } | Self::Archived { .. } => None,
        }
    }
}
