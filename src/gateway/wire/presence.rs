//! Broadcasts, and what a viewer is told about being in one.

use liveroom_protocol::wire::{self, goal, server_frame};

use super::frame;
use crate::fanout::Progress;
use crate::rules::{ArmId, Broadcast, Conditions, ExperimentId, Prize, Tier, Time};
use crate::store::{ActivityView, KindView};

pub(super) fn broadcast(broadcast: &Broadcast) -> wire::Broadcast {
    wire::Broadcast {
        broadcast: broadcast.number,
        started_ms: broadcast.started.ms(),
        ended_ms: broadcast.ended.map_or(0, Time::ms),
    }
}

/// What an activity asks; `None` if it asks nothing.
pub(super) fn conditions(of: &Conditions) -> Option<wire::Conditions> {
    (!of.is_none()).then(|| wire::Conditions {
        tier: tier(of.tier.unwrap_or_default()).into(),
        fan_club: of.fan_club,
        watched_s: of.watched_s.unwrap_or(0),
        checked_in: of.checked_in,
        keyword: of.keyword.clone().unwrap_or_default(),
        gift: of.gift.map_or(0, |sent| sent.gift.0),
        gift_count: of.gift.map_or(0, |sent| sent.count),
        newcomer_days: of.newcomer_days.unwrap_or(0),
        wins: of.wins.map_or(0, |cap| cap.wins),
        wins_window_ms: of.wins.map_or(0, |cap| cap.window_ms),
        account_age_days: of.account_age_days.unwrap_or(0),
        risk_below: of.risk_below.unwrap_or(0).into(),
        arm: of.arm.map(|of| in_arm(of.experiment, Some(of.arm))),
    })
}

/// An arm of an experiment.
pub(super) fn in_arm(experiment: ExperimentId, arm: Option<ArmId>) -> wire::InArm {
    wire::InArm { experiment: experiment.to_string(), arm: arm.map_or_else(String::new, |arm| arm.to_string()) }
}

/// Who may take part before the others; `None` if nobody may.
pub(super) fn early(view: &ActivityView) -> Option<wire::EarlyEntry> {
    let early = view.plan.schedule.early?;
    let opens_at_ms = view.early_at.map_or(0, Time::ms);
    Some(wire::EarlyEntry { tier: tier(early.tier).into(), seconds: early.seconds, opens_at_ms })
}

/// The goals of a watch task or a check-in, and what is left for each.
pub(super) fn goals(view: &ActivityView) -> wire::GoalsState {
    let pools = match &view.kind {
        Some(KindView::Goals { pools }) => pools.as_slice(),
        _ => &[],
    };
    let goals = view.plan.kind.goals().iter().enumerate().map(|(place, plan)| {
        let (count, left) = pools.get(place).map_or((plan.count, plan.count), |pool| (pool.stock, pool.free));
        let prize = match &plan.prize {
            Prize::Cash(amount) => goal::Prize::AmountFen(amount.get()),
            Prize::Coupon(coupon) => goal::Prize::Coupon(coupon.clone()),
            Prize::Item(item) => goal::Prize::Item(item.clone()),
            // No plan with such a goal passes its check.
            Prize::Code(_) => goal::Prize::Item(String::new()),
        };
        wire::Goal { at: plan.at, prize: Some(prize), count, left }
    });
    wire::GoalsState { goals: goals.collect() }
}

fn tier(tier: Tier) -> wire::Tier {
    match tier {
        Tier::PasserBy => wire::Tier::PasserBy,
        Tier::Active => wire::Tier::Active,
        Tier::Core => wire::Tier::Core,
    }
}

/// How far a viewer has come.
pub(in crate::gateway) fn progress(progress: Progress) -> wire::ServerFrame {
    let watched_s = u32::try_from(progress.watched_ms / 1_000).unwrap_or(u32::MAX);
    frame(server_frame::Body::WatchProgress(wire::WatchProgress { broadcast: progress.broadcast, watched_s }))
}

/// A viewer's tier is another now.
pub(in crate::gateway) fn tier_changed(to: Tier) -> wire::ServerFrame {
    frame(server_frame::Body::TierChanged(wire::TierChanged { tier: tier(to).into() }))
}
