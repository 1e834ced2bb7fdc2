//! Campaigns.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Problem, fen};
use crate::rules::{Campaign, CampaignId, CampaignPlan, CampaignTimes, Fen, Goals, Time};

/// A new campaign 预热 → 爆发 → 延续.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct NewCampaign {
    /// 1 to 200 bytes.
    pub title: String,
    /// When 预热 begins; each time is later than the one before.
    pub warm_up_ms: i64,
    /// When 爆发 begins.
    pub burst_ms: i64,
    /// When 延续 begins.
    pub extension_ms: i64,
    /// When nothing counts any more.
    pub end_ms: i64,
    /// What the paid orders of its sales shall add up to.
    pub goal_gmv_fen: Option<i64>,
    /// How many shall take part whom the room had not seen before.
    pub goal_new_users: Option<u32>,
}

/// An activity that joins.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct Joining {
    /// Which activity of the room.
    pub activity: u64,
}

/// A campaign as it stands: progress is live.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct CampaignShape {
    /// Its number.
    pub campaign: u64,
    /// Its name.
    pub title: String,
    /// planned, warm_up, burst, extension, over.
    pub phase: &'static str,
    /// When 预热 begins.
    pub warm_up_ms: i64,
    /// When 爆发 begins.
    pub burst_ms: i64,
    /// When 延续 begins.
    pub extension_ms: i64,
    /// When it is over.
    pub end_ms: i64,
    /// Its activities.
    pub activities: Vec<u64>,
    /// Paid orders.
    pub orders: u32,
    /// What they cost.
    pub gmv_fen: i64,
    /// What they shall.
    pub goal_gmv_fen: Option<i64>,
    /// Who was given something or reserved something.
    pub participants: u32,
    /// Those of them whom the room had not seen before the campaign.
    pub new_users: u32,
    /// How many there shall be.
    pub goal_new_users: Option<u32>,
    /// Whether every goal that is set has been reached.
    pub reached: bool,
}

impl NewCampaign {
    pub(in crate::api) fn plan(self) -> Result<CampaignPlan, Problem> {
        let gmv = self.goal_gmv_fen.map(|goal| fen("goal_gmv_fen", goal)).transpose()?;
        let times = CampaignTimes {
            warm_up: Time::from_ms(self.warm_up_ms),
            burst: Time::from_ms(self.burst_ms),
            extension: Time::from_ms(self.extension_ms),
            end: Time::from_ms(self.end_ms),
        };
        Ok(CampaignPlan { title: self.title, goals: Goals { gmv, new_users: self.goal_new_users }, times })
    }
}

impl CampaignShape {
    pub(in crate::api) fn of(id: CampaignId, campaign: &Campaign) -> Self {
        let CampaignPlan { title, goals, times } = &campaign.plan;
        Self {
            campaign: id.0,
            title: title.clone(),
            phase: campaign.phase.word(),
            warm_up_ms: times.warm_up.ms(),
            burst_ms: times.burst.ms(),
            extension_ms: times.extension.ms(),
            end_ms: times.end.ms(),
            activities: campaign.activities.iter().map(|activity| activity.0).collect(),
            orders: campaign.tally.paid_orders,
            gmv_fen: campaign.tally.gmv.get(),
            goal_gmv_fen: goals.gmv.map(Fen::get),
            participants: campaign.participants(),
            new_users: campaign.new_users,
            goal_new_users: goals.new_users,
            reached: campaign.reached(),
        }
    }
}
