//! What hosts plan ahead, by chance: templates, what comes of them by itself, and campaigns.

use liveroom::rules::{
    ActivityTemplateId, CampaignId, CampaignPlan, CampaignTimes, Fen, Goals, Plan, Recurrence, RecurrenceId, RoomId,
    Seed, Time, Weekday, Zone,
};
use liveroom::store::{Ask, CampaignAsk, Tables, TemplateAsk, plan_bytes};

use crate::chance::Chance;

const MINUTE_MS: u64 = 60_000;

/// A template, an activity like one, or a recurrence. A room has one recurrence at a time: what timers bring at once has to fit into
/// one segment of the journal.
pub(crate) fn template(
    room: RoomId, plan: impl FnOnce(&mut Chance) -> Plan, now: Time, tables: &Tables, chance: &mut Chance,
) -> Option<Ask> {
    let template = ActivityTemplateId::parse(chance.one_of(&["one", "two"])).ok()?;
    let recurring = tables.recurrences_of(&room).next();
    let ask = match (chance.below(100), recurring) {
        (0..35, _) => TemplateAsk::Save { template, plan: Box::new(plan(chance)) },
        (35..50, _) => {
            let saved = tables.templates_of(&room).find(|(id, _)| *id == template);
            let plan_bytes = saved.map_or(0, |(_, plan)| plan_bytes(plan));
            let opens_at = chance.percent(50).then(|| now.after_ms(chance.below(3_000)));
            TemplateAsk::Draft { template, opens_at, seed: Seed(chance.bytes()), plan_bytes }
        }
        (50..55, _) => TemplateAsk::Delete { template },
        (_, None) => {
            let (rule, seed) = (rule(now, chance), Seed(chance.bytes()));
            TemplateAsk::Recur { template, first: rule.first_after(now)?, rule: Box::new(rule), seed }
        }
        (55..70, Some((recurrence, _))) => TemplateAsk::Pause { recurrence },
        (70..85, Some((recurrence, one))) => TemplateAsk::Resume { recurrence, next: one.rule.first_after(now)? },
        (_, Some((recurrence, _))) => {
            // Now and then one that never was.
            TemplateAsk::End { recurrence: RecurrenceId(recurrence.0 + u64::from(chance.percent(10)) * 100) }
        }
    };
    Some(Ask::Template(ask))
}

/// Most open within two minutes: soon enough to be seen, and to be missed by a server that is down.
fn rule(now: Time, chance: &mut Chance) -> Recurrence {
    let mut days = Weekday::ALL.to_vec();
    if chance.percent(30) {
        days.retain(|_| chance.percent(60));
    }
    let soon = now.after_ms(chance.below(2) * MINUTE_MS + MINUTE_MS);
    let minute = soon.ms().rem_euclid(86_400_000) as u64 / MINUTE_MS;
    let (zone, offset_min) = match chance.below(3) {
        0 => (Zone::Named("Asia/Shanghai".to_owned()), 480),
        _ => (Zone::Offset(0), 0),
    };
    Recurrence {
        days,
        at_min: ((minute + offset_min) % 1_440) as u16,
        zone,
        ahead_ms: chance.one_of(&[MINUTE_MS, 2 * MINUTE_MS, 30 * 60 * MINUTE_MS]),
        hand_in: chance.percent(80),
    }
}

/// A campaign whose phases pass quickly, or an activity that joins one.
pub(crate) fn campaign(room: RoomId, now: Time, tables: &Tables, chance: &mut Chance) -> Option<Ask> {
    let mut activities: Vec<_> = tables.activities().filter(|activity| activity.room == room).collect();
    activities.sort_unstable_by_key(|activity| activity.id);
    let campaigns: Vec<_> = tables.campaigns_of(&room).map(|(id, _)| id).collect();
    let ask = match (chance.pick(&campaigns), chance.pick(&activities)) {
        (Some(campaign), Some(activity)) if chance.percent(85) => {
            let campaign = CampaignId(campaign.0 + u64::from(chance.percent(2)) * 100);
            CampaignAsk::Include { campaign, activity: activity.id }
        }
        _ => {
            let warm_up = now.after_ms(chance.below(1_000));
            let burst = warm_up.after_ms(chance.between(0, 5_000));
            let extension = burst.after_ms(chance.between(1, 20_000));
            let end = extension.after_ms(chance.between(1, 20_000));
            let goals = Goals {
                gmv: chance.percent(50).then(|| Fen::new(chance.below(2_000) as i64).expect("a small goal")),
                new_users: chance.percent(50).then(|| chance.between(1, 5) as u32),
            };
            let times = CampaignTimes { warm_up, burst, extension, end };
            CampaignAsk::Create { plan: Box::new(CampaignPlan { title: "spring".to_owned(), goals, times }) }
        }
    };
    Some(Ask::Campaign(ask))
}
