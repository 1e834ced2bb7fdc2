//! Campaigns: activities that serve one goal, and what they bring.

use liveroom::rules::*;
use liveroom::store::{Ask, Bounds, CampaignAsk, Query, Reply};

use crate::stage::{START, Stage, Subject, fen, plan, rain, room, sale};

/// 预热 from the first minute on, 爆发 from the second, 延续 from the third; over after the fourth.
fn spring() -> CampaignPlan {
    let minute = |n: u64| START.after_ms(n * 60_000);
    CampaignPlan {
        title: "Spring".to_owned(),
        goals: Goals { gmv: Some(fen(50)), new_users: Some(2) },
        times: CampaignTimes { warm_up: minute(1), burst: minute(2), extension: minute(3), end: minute(4) },
    }
}

fn create(plan: CampaignPlan) -> Ask {
    Ask::Campaign(CampaignAsk::Create { plan: Box::new(plan) })
}

fn include(campaign: u64, activity: ActivityId) -> Ask {
    Ask::Campaign(CampaignAsk::Include { campaign: CampaignId(campaign), activity })
}

fn campaigns<K: Subject>(stage: &Stage<K>) -> Vec<(CampaignId, Campaign)> {
    match stage.keeper.ask(&Query::Campaigns { room: room() }) {
        Reply::Campaigns(campaigns) => campaigns,
        other => panic!("{other:?}"),
    }
}

/// `phase: orders, fen, new of participants`.
fn progress<K: Subject>(stage: &Stage<K>) -> String {
    let (_, campaign) = campaigns(stage).remove(0);
    let Campaign { phase, tally: Tally { paid_orders: orders, gmv, .. }, new_users, .. } = &campaign;
    format!("{}: {orders}, {gmv}, {new_users} of {}", phase.word(), campaign.participants())
}

pub fn phases_and_progress<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let mut stage = Stage::new(new(Bounds::default()));
    let sold = stage.open(plan(SalePlan { duration_ms: 600_000, hold_ms: 300_000, ..sale(&[(100, 30, 10)]) }));
    assert_eq!(stage.ask("host", create(spring())), "campaign 1");
    assert_eq!(stage.ask("host", include(1, sold)), "campaign 1 with activity 1");
    assert_eq!(progress(&stage), "planned: 0, 0, 0 of 0");
    // What happens before it begins does not count.
    assert_eq!(stage.buy("ann", sold, 1, 1), "order 1: 30 fen");
    stage.wait_ms(60_000);
    assert_eq!(progress(&stage), "warm_up: 0, 0, 0 of 0");
    assert_eq!(stage.buy("bob", sold, 1, 1), "order 2: 30 fen");
    assert_eq!(stage.buy("bob", sold, 1, 1), "order 3: 30 fen");
    assert_eq!(progress(&stage), "warm_up: 0, 0, 1 of 1");
    stage.wait_ms(60_000);
    assert_eq!(stage.pay(2, 30), "sold");
    assert_eq!(progress(&stage), "burst: 1, 30, 1 of 1");
    assert_eq!(stage.pay(2, 30), "refund due", "paid twice");
    stage.wait_ms(60_000);
    assert_eq!(stage.pay(3, 30), "sold");
    let rained = stage.open(plan(rain(5, 5)));
    assert_eq!(stage.ask("host", include(1, rained)), "campaign 1 with activity 2");
    assert_eq!(stage.tap("cyd", rained), "slot 1: 5 fen");
    assert_eq!(progress(&stage), "extension: 2, 60, 2 of 2");
    assert!(campaigns(&stage)[0].1.reached());
    stage.wait_ms(60_000);
    assert_eq!(stage.buy("dan", sold, 1, 1), "order 4: 30 fen");
    assert_eq!(progress(&stage), "over: 2, 60, 2 of 2", "nothing counts any more");
    stage.audit();
}

pub fn refused<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let mut stage = Stage::new(new(Bounds::default()));
    let activity = stage.draft(plan(rain(2, 5)));
    let called_off = stage.draft(plan(rain(2, 5)));
    assert_eq!(stage.step(called_off, Step::Cancel), "cancelled");
    for (case, ask, want) in [
        ("no title", create(CampaignPlan { title: String::new(), ..spring() }), "not done: invalid"),
        ("no such campaign", include(1, activity), "not done: unknown_campaign"),
        ("one that is fine", create(spring()), "campaign 1"),
        ("no such activity", include(1, ActivityId(99)), "not done: unknown_activity"),
        ("an activity that is over", include(1, called_off), "not done: wrong_phase"),
        ("an activity that joins", include(1, activity), "campaign 1 with activity 1"),
        ("and joins again", include(1, activity), "not done: conflict"),
        ("a second campaign", create(spring()), "campaign 2"),
        ("which wants the same activity", include(2, activity), "not done: conflict"),
    ] {
        assert_eq!(stage.ask("host", ask), want, "{case}");
    }
    stage.wait_ms(300_000);
    let late = stage.draft(plan(rain(2, 5)));
    assert_eq!(stage.ask("host", include(1, late)), "not done: wrong_phase", "a campaign that is over");
    assert_eq!(stage.ask("host", create(spring())), "not done: invalid", "one that would be over already");
    stage.audit();
}

pub fn repeats_and_old_ones<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let bounds = Bounds { retention_ms: 60_000, ..Bounds::default() };
    let mut stage = Stage::new(new(bounds));
    let activity = stage.draft(plan(rain(2, 5)));
    for _ in 0..2 {
        assert_eq!(stage.ask_as("host", 1, create(spring())), "campaign 1");
        assert_eq!(stage.ask_as("host", 2, include(1, activity)), "campaign 1 with activity 1");
        assert_eq!(stage.ask_as("host", 2, create(spring())), "not done: conflict");
    }
    stage.wait_ms(240_000);
    assert_eq!(progress(&stage), "over: 0, 0, 0 of 0");
    stage.wait_ms(60_000);
    assert!(campaigns(&stage).is_empty(), "it left with its receipts");
    assert_eq!(stage.ask_as("host", 2, include(1, activity)), "not done: unknown_campaign");
    stage.audit();
}
