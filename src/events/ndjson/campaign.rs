//! Lines about campaigns.

use serde::ser::SerializeMap;

use super::line::caused;
use crate::store::CampaignEvent;

pub(super) const fn kind(what: &CampaignEvent) -> &'static str {
    match what {
        CampaignEvent::Created { .. } => "campaign_created",
        CampaignEvent::Included { .. } => "campaign_included",
        CampaignEvent::PhaseBegan { .. } => "campaign_phase_began",
        CampaignEvent::Archived { .. } => "campaign_archived",
    }
}

pub(super) fn rest<M: SerializeMap>(line: &mut M, what: &CampaignEvent) -> Result<(), M::Error> {
    if let Some(cause) = what.cause() {
        caused(line, cause)?;
    }
    line.serialize_entry("campaign", &what.campaign())?;
    match what {
        CampaignEvent::Created { plan, .. } => line.serialize_entry("plan", plan),
        CampaignEvent::PhaseBegan { phase, .. } => line.serialize_entry("phase", phase),
        CampaignEvent::Included { .. } | CampaignEvent::Archived { .. } => Ok(()),
    }
}
