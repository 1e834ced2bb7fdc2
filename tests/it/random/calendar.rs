//! What comes again, and what goes on for weeks: templates, recurrences, campaigns.

use liveroom::rules::*;
use liveroom::store::{Answer, Ask, CampaignAsk, TemplateAsk};

use super::Run;
use crate::conformance::talk::poll;
use crate::stage::{plan, rain, room};

impl Run {
    /// Templates, what is drafted like them, and what comes of them by itself: every day, a minute ahead.
    pub(super) fn template(&mut self, a: u16, b: u16) {
        let template = ActivityTemplateId::parse(["one", "two"][a as usize % 2]).unwrap();
        let now = self.memory.now;
        let seed = Seed([b as u8; 32]);
        // One of the first few that there are, or none that ever was.
        let known: Vec<_> = self.memory.keeper.tables().recurrences_of(&room()).map(|(id, _)| id).take(4).collect();
        let recurrence = known.get(usize::from(a / 2 % 4)).copied().unwrap_or(RecurrenceId(99));
        let rule = Recurrence {
            days: Weekday::ALL.to_vec(),
            at_min: (now.ms() / 60_000 % 1_440 + 3) as u16 % 1_440,
            zone: Zone::Offset(0),
            ahead_ms: 60_000 * (1 + u64::from(a / 2 % 3)),
            hand_in: !b.is_multiple_of(4),
        };
        let coming = rule.first_after(now).unwrap();
        let ask = match b % 16 {
            0..4 => {
                let kind = if b & 16 == 0 { plan(poll(1, true)) } else { plan(rain(1 + u32::from(a % 3), 5)) };
                TemplateAsk::Save { template, plan: Box::new(kind) }
            }
            4 => TemplateAsk::Delete { template },
            5..10 => {
                let opens_at = (b & 16 == 0).then(|| now.after_ms(u64::from(a)));
                TemplateAsk::Draft { template, opens_at, seed, plan_bytes: 4_096 }
            }
            10..13 => TemplateAsk::Recur { template, rule: Box::new(rule), first: coming, seed },
            13 => TemplateAsk::Pause { recurrence },
            14 => TemplateAsk::Resume { recurrence, next: coming },
            _ => TemplateAsk::End { recurrence },
        };
        if let Some(Answer::Drafted(activity)) = self.request("host", Ask::Template(ask)) {
            self.activities.push(activity);
        }
    }

    pub(super) fn campaign(&mut self, a: u16, b: u16) {
        let at = |phase: u64| self.memory.now.after_ms(phase * 10_007);
        let times = CampaignTimes { warm_up: at(0), burst: at(1), extension: at(2), end: at(3) };
        let plan = CampaignPlan { title: "spring".to_owned(), goals: Goals::default(), times };
        let ask = match self.recent(a) {
            Some(activity) if !b.is_multiple_of(4) => {
                CampaignAsk::Include { campaign: CampaignId(1 + u64::from(b / 4 % 4)), activity }
            }
            _ => CampaignAsk::Create { plan: Box::new(plan) },
        };
        self.ask("host", Ask::Campaign(ask));
    }
}
