//! Campaigns: what their activities bring them, counted a second time from the events alone.

use std::collections::{HashMap, HashSet};

use super::{Check, Invariant, Verdict};
use crate::rules::{ActivityId, Campaign, CampaignId, CampaignPhase, DrawWinner, PaymentOutcome, Time, UserId};
use crate::store::{CampaignEvent, CouponEvent, DrawEvent, Event, PresenceEvent, Recorded, Tables};

/// A campaign's orders, their sum and its participants are those of its activities while it lasted.
#[derive(Default)]
pub(super) struct CampaignsAddUp {
    campaigns: HashMap<CampaignId, Kept>,
    of: HashMap<ActivityId, CampaignId>,
    orders: u64,
}

struct Kept {
    phase: CampaignPhase,
    participants: HashSet<UserId>,
    orders: u32,
    gmv_fen: i64,
}

impl Kept {
    fn over(campaign: &Campaign) -> Self {
        Self {
            phase: campaign.phase,
            participants: campaign.users().copied().collect(),
            orders: campaign.tally.paid_orders,
            gmv_fen: campaign.tally.gmv.get(),
        }
    }
}

impl CampaignsAddUp {
    pub(super) fn over(base: &Tables) -> Self {
        let mut sums = Self::default();
        for (id, campaign) in base.rooms().flat_map(|(room, _)| base.campaigns_of(room)) {
            sums.campaigns.insert(id, Kept::over(campaign));
            sums.of.extend(campaign.activities.iter().map(|activity| (*activity, id)));
        }
        sums
    }

    fn campaign(&mut self, no: u64, at: Time, what: &CampaignEvent) -> Verdict<()> {
        match what {
            CampaignEvent::Created { campaign, plan, .. } => {
                self.campaigns.insert(*campaign, Kept::over(&Campaign::new(plan.as_ref().clone(), at)));
            }
            CampaignEvent::Included { campaign, activity, .. } => {
                if let Some(other) = self.of.insert(*activity, *campaign) {
                    return Err(format!("event {no} has {activity} join a campaign, which belongs to {other}"));
                }
            }
            CampaignEvent::PhaseBegan { campaign, phase } => {
                if let Some(kept) = self.campaigns.get_mut(campaign) {
                    kept.phase = *phase;
                }
            }
            CampaignEvent::Archived { campaign } => {
                self.campaigns.remove(campaign);
                self.of.retain(|_, of| of != campaign);
            }
        }
        Ok(())
    }
}

impl Check for CampaignsAddUp {
    fn invariant(&self) -> Invariant {
        Invariant::CampaignsAddUp
    }

    fn before(&mut self, recorded: &Recorded, _: &Tables) -> Verdict<()> {
        let event = &recorded.event;
        if let Event::Campaign { what, .. } = event {
            return self.campaign(recorded.no, recorded.at, what);
        }
        let of = event.activity().and_then(|activity| self.of.get(&activity));
        let Some(kept) = of.and_then(|id| self.campaigns.get_mut(id)) else { return Ok(()) };
        if matches!(kept.phase, CampaignPhase::Planned | CampaignPhase::Over) {
            return Ok(());
        }
        match event {
            Event::Granted { user, .. }
            | Event::Reserved { user, .. }
            | Event::Coupon { what: CouponEvent::Ordered { user, .. }, .. }
            | Event::Presence {
                what: PresenceEvent::StepReached { user, .. } | PresenceEvent::CheckedIn { user, reward: Some(_), .. },
                ..
            }
            | Event::Draw { what: DrawEvent::Passed { next: Some(DrawWinner { user, .. }), .. }, .. } => {
                kept.participants.insert(*user);
            }
            Event::Draw { what: DrawEvent::Drawn { winners, .. }, .. } => {
                kept.participants.extend(winners.iter().map(|winner| winner.user));
            }
            Event::Paid { amount, outcome: PaymentOutcome::Sold | PaymentOutcome::SoldLate, .. } => {
                self.orders += 1;
                kept.orders += 1;
                kept.gmv_fen += amount.get();
            }
            _ => {}
        }
        Ok(())
    }

    fn judge(&self, tables: &Tables) -> Verdict {
        let mut count = 0;
        for (id, campaign) in tables.rooms().flat_map(|(room, _)| tables.campaigns_of(room)) {
            count += 1;
            let (orders, gmv_fen) = (campaign.tally.paid_orders, campaign.tally.gmv.get());
            let counted = (campaign.phase, orders, gmv_fen, campaign.participants() as usize);
            let by_log = self.campaigns.get(&id);
            let by_log = by_log.map(|kept| (kept.phase, kept.orders, kept.gmv_fen, kept.participants.len()));
            if by_log != Some(counted) {
                return Err(format!("campaign {id} counts {counted:?}, by the log {by_log:?}"));
            }
            if campaign.new_users > campaign.participants() {
                return Err(format!("campaign {id} has more new users than users"));
            }
        }
        if count != self.campaigns.len() {
            return Err(format!("{count} campaigns, by the log {}", self.campaigns.len()));
        }
        Ok(format!("{} orders of campaigns, {count} campaigns", self.orders))
    }
}
