//! What is asked about campaigns.

use serde::{Deserialize, Serialize};

use super::fingerprint::encoded;
use crate::rules::{ActivityId, CampaignId, CampaignPlan, Fingerprint};

/// Operations on campaigns. Variants and fields are part of a log's format: new ones go at the end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum CampaignAsk {
    /// A new campaign of the room.
    Create {
        /// What.
        plan: Box<CampaignPlan>,
    },
    /// An activity of the room joins a campaign.
    Include {
        /// Which campaign.
        campaign: CampaignId,
        /// Which activity.
        activity: ActivityId,
    },
    /// Time has come for the campaign's next phase, or for it to leave.
    Due {
        /// Which campaign.
        campaign: CampaignId,
    },
}

/// Answers to them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CampaignAnswer {
    /// The campaign exists now.
    Created(CampaignId),
    /// The activity belongs to the campaign now.
    Included(CampaignId, ActivityId),
}

impl CampaignAsk {
    pub(super) fn fingerprint(&self) -> Fingerprint {
        match self {
            Self::Create { plan } => Fingerprint::of(70).bytes(&encoded(plan.as_ref())),
            Self::Include { campaign, activity } => Fingerprint::of(71).word(campaign.0).word(activity.0),
            Self::Due { campaign } => Fingerprint::of(72).word(campaign.0),
        }
    }

    /// At most so many bytes does the plan take in an event.
    pub(super) fn event_bytes_max(&self) -> usize {
        match self {
            Self::Create { plan } => encoded(plan.as_ref()).len(),
            Self::Include { .. } | Self::Due { .. } => 0,
        }
    }
}
