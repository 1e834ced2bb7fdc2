//! Campaigns: created, joined by activities, taken further by time.

use super::{Context, Outcome};
use crate::rules::{ActivityId, Campaign, CampaignId, CampaignPhase, CampaignPlan, NotDone, NotDoneCode};
use crate::store::tables::{Decision, Tables};
use crate::store::{Answer, CampaignAsk, CampaignEvent, Event};

impl Tables {
    pub(super) fn campaign(&self, context: &Context<'_>, ask: &CampaignAsk) -> Outcome {
        match ask {
            CampaignAsk::Create { plan } => self.create_campaign(context, plan),
            CampaignAsk::Include { campaign, activity } => self.include(context, *campaign, *activity),
            CampaignAsk::Due { campaign } => Ok(self.campaign_due(context, *campaign)),
        }
    }

    fn create_campaign(&self, context: &Context<'_>, plan: &CampaignPlan) -> Outcome {
        plan.check().map_err(|error| NotDoneCode::Invalid.because(error.to_string()))?;
        if plan.times.phase(context.now) == CampaignPhase::Over {
            return Err(NotDoneCode::Invalid.because("end_ms must be in the future"));
        }
        let max = Campaign::PER_ROOM_MAX;
        if self.campaigns_of(&context.room_id).count() >= max {
            return Err(NotDoneCode::TooMany.because(format!("at most {max} campaigns in a room")));
        }
        let (campaign, plan) = (CampaignId(self.campaigns.latest + 1), Box::new(plan.clone()));
        Ok(happened(context, CampaignEvent::Created { campaign, plan, cause: context.cause }))
    }

    fn include(&self, context: &Context<'_>, id: CampaignId, activity: ActivityId) -> Outcome {
        let campaign = self.campaign_in(context, id)?;
        let joining = self.activity_in(context, activity)?;
        if campaign.phase == CampaignPhase::Over || joining.phase.is_final() {
            return Err(NotDoneCode::WrongPhase.because("what is over can't be joined, and can't join"));
        }
        if let Some(other) = self.campaigns.of.get(&activity) {
            return Err(NotDoneCode::Conflict.because(format!("the activity belongs to campaign {other}")));
        }
        let max = Campaign::ACTIVITIES_MAX;
        if campaign.activities.len() >= max {
            return Err(NotDoneCode::TooMany.because(format!("at most {max} activities in a campaign")));
        }
        Ok(happened(context, CampaignEvent::Included { campaign: id, activity, cause: context.cause }))
    }

    fn campaign_due(&self, context: &Context<'_>, id: CampaignId) -> Decision {
        let idle = Decision::Answer(Answer::Idle);
        let Some((_, campaign)) = self.campaigns.all.get(&id) else { return idle };
        if self.campaign_deadline(campaign) > context.now {
            return idle;
        }
        let event = match campaign.phase {
            CampaignPhase::Over => CampaignEvent::Archived { campaign: id },
            // A phase that passed while nobody was there is passed over.
            _ => CampaignEvent::PhaseBegan { campaign: id, phase: campaign.plan.times.phase(context.now) },
        };
        happened(context, event)
    }

    /// Another room's campaign is as unknown as one that never was.
    fn campaign_in(&self, context: &Context<'_>, id: CampaignId) -> Result<&Campaign, NotDone> {
        let found = self.campaigns.all.get(&id).filter(|(room, _)| *room == context.room_id);
        found.map(|(_, campaign)| campaign).ok_or_else(|| NotDoneCode::UnknownCampaign.because("no such campaign"))
    }
}

fn happened(context: &Context<'_>, what: CampaignEvent) -> Decision {
    Decision::Event(Event::Campaign { room: context.room_id, what })
}
