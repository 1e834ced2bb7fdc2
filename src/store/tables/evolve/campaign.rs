//! Campaigns, and what their activities bring them.

use super::{Fits, Kept};
use crate::rules::{Campaign, CampaignId, CampaignPhase, RoomId, Time};
use crate::store::tables::{Due, Tables};
use crate::store::{Answer, CampaignEvent, Event};

impl Tables {
    pub(super) fn apply_campaign(&mut self, room: &RoomId, at: Time, what: &CampaignEvent) -> Fits<Answer> {
        match what {
            CampaignEvent::Created { campaign, plan, cause } => {
                self.campaigns.latest = campaign.0;
                self.campaigns.all.insert(*campaign, (*room, Campaign::new(plan.as_ref().clone(), at)));
                self.arm_campaign(*campaign);
                self.keep(room, cause, Kept::CampaignCreated(*campaign))
            }
            CampaignEvent::Included { campaign, activity, cause } => {
                self.campaign_mut(*campaign)?.activities.push(*activity);
                if self.campaigns.of.insert(*activity, *campaign).is_some() {
                    return Err("the activity belongs to a campaign");
                }
                self.keep(room, cause, Kept::Included(*campaign, *activity))
            }
            CampaignEvent::PhaseBegan { campaign, phase } => {
                self.disarm_campaign(*campaign);
                let begins = self.campaign_mut(*campaign)?;
                if *phase <= begins.phase {
                    return Err("a campaign never goes back");
                }
                begins.phase = *phase;
                self.arm_campaign(*campaign);
                Ok(Answer::Idle)
            }
            CampaignEvent::Archived { campaign } => {
                self.disarm_campaign(*campaign);
                let (_, gone) = self.campaigns.all.remove(campaign).ok_or("no such campaign")?;
                if gone.phase != CampaignPhase::Over {
                    return Err("only what is over is archived");
                }
                self.campaigns.of.retain(|_, of| of != campaign);
                let receipts = &mut self.rooms.get_mut(room).ok_or("no such room")?.receipts;
                receipts.archive(|kept| kept.campaign() == Some(*campaign));
                Ok(Answer::Idle)
            }
        }
    }

    /// Counts for the campaign what an activity of it has brought.
    pub(super) fn count_for_campaign(&mut self, event: &Event) {
        let Some(activity) = event.activity().filter(|_| !self.campaigns.of.is_empty()) else { return };
        let Some(id) = self.campaigns.of.get(&activity) else { return };
        let Some((room, campaign)) = self.campaigns.all.get_mut(id).filter(|(_, campaign)| campaign.counts()) else {
            return;
        };
        let room = self.rooms.get(room);
        event.each_brought(&mut |user, brought| {
            let first_seen = room.and_then(|room| room.facts(user)).map(|facts| facts.first_seen);
            campaign.count(*user, brought, first_seen);
        });
    }

    /// When a campaign's next phase begins; after the last one, when it leaves.
    pub(in crate::store::tables) fn campaign_deadline(&self, campaign: &Campaign) -> Time {
        let times = &campaign.plan.times;
        times.end_of(campaign.phase).unwrap_or_else(|| times.end.after_ms(self.bounds.retention_ms))
    }

    fn campaign_mut(&mut self, id: CampaignId) -> Fits<&mut Campaign> {
        self.campaigns.all.get_mut(&id).map(|(_, campaign)| campaign).ok_or("no such campaign")
    }

    fn arm_campaign(&mut self, id: CampaignId) {
        if let Some((_, campaign)) = self.campaigns.all.get(&id) {
            self.due.insert((self.campaign_deadline(campaign), Due::Campaign(id)));
        }
    }

    fn disarm_campaign(&mut self, id: CampaignId) {
        if let Some((_, campaign)) = self.campaigns.all.get(&id) {
            let at = self.campaign_deadline(campaign);
            self.due.remove(&(at, Due::Campaign(id)));
        }
    }
}
