//! The campaigns of all rooms.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Tables;
use crate::rules::{ActivityId, Campaign, CampaignId, RoomId};

/// Campaigns that have not been archived, and which activity belongs to which.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Campaigns {
    pub(super) latest: u64,
    pub(super) all: BTreeMap<CampaignId, (RoomId, Campaign)>,
    pub(super) of: BTreeMap<ActivityId, CampaignId>,
}

impl Tables {
    /// A room's campaigns, the earliest first.
    pub fn campaigns_of(&self, room: &RoomId) -> impl Iterator<Item = (CampaignId, &Campaign)> {
        let all = self.campaigns.all.iter().filter(move |(_, (of, _))| of == room);
        all.map(|(id, (_, campaign))| (*id, campaign))
    }
}
