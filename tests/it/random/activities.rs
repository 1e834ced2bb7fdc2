//! What hosts plan, hand in, amend and step by hand.

use liveroom::rules::*;
use liveroom::store::{Answer, Ask};

use super::{Run, pick};
use crate::conformance::talk::{enrolment, poll};
use crate::stage::{drop_of, fen, plan, rain, sale};

impl Run {
    pub(super) fn draft(&mut self, a: u16, b: u16) {
        let kind = if a % 8 == 7 {
            plan(poll(1 + u32::from(b % 3), b.is_multiple_of(2)))
        } else if a % 8 == 5 {
            plan(enrolment(1 + u32::from(b % 3)))
        } else if a % 16 == 1 {
            plan(CouponDropPlan { coupons: 1 + u32::from(b % 3), ..drop_of("ten", 1) })
        } else if a.is_multiple_of(2) {
            let shares = 1 + u32::from(b % 5);
            let waves = vec![WavePlan { after_ms: 0, shares }, WavePlan { after_ms: 2_000, shares: 2 }];
            let bonus = vec![BonusPlan { coupon: "tea".to_owned(), shares: 1 }];
            let budget = fen(7 * i64::from(shares + 1));
            let cap = WinCap { wins: 1, window_ms: 20_000 };
            let limits = if b.is_multiple_of(3) {
                Limits { per_room_day: Some(8), win_cap: Some(cap) }
            } else {
                Limits::default()
            };
            let grants_per_user = 1 + u32::from(a % 3);
            let kind = RainPlan { waves, bonus, budget, split: Split::Random, grants_per_user, ..rain(1, 7) };
            match b % 11 {
                0 => Plan {
                    decoy: Some(DecoyPlan { score: 1 + (b % 100) as u8, for_ms: 5_000 }),
                    ..plan(RainPlan { bonus: Vec::new(), ..kind })
                },
                _ => Plan { limits, ..plan(kind) },
            }
        } else {
            let stock = 1 + u32::from(b % 4);
            plan(SalePlan { hold_ms: 1_000 + u64::from(b % 8_000), ..sale(&[(stock, 100, 2), (3, 55, 3)]) })
        };
        if let Some(activity) = self.hand_in(kind, b) {
            self.activities.push(activity);
        }
    }

    pub(super) fn hand_in(&mut self, plan: Plan, b: u16) -> Option<ActivityId> {
        let (plan, seed) = (Box::new(plan), Seed([b as u8; 32]));
        let drafted = self.request("host", Ask::Draft { plan, seed });
        drafted.and_then(|drafted| {
            let Answer::Drafted(activity) = drafted else { return None };
            // Most are wanted open; some are left where they are.
            for step in [Step::Schedule, Step::Open].into_iter().take(2 - usize::from(b.is_multiple_of(7))) {
                self.ask("host", Ask::Step { activity, step });
            }
            Some(activity)
        })
    }

    pub(super) fn amend(&mut self, a: u16, b: u16) {
        let Some(activity) = self.recent(a) else { return };
        let stock = vec![(SkuId(1 + u32::from(a % 2)), i32::from(b % 7) - 3)];
        let shares = u32::from(b % 3);
        let budget = fen(i64::from(shares) * i64::from(b % 5));
        let amendment = match b % 4 {
            0 => Amendment { extend_ms: u64::from(b), ..Amendment::default() },
            1 => Amendment { budget, shares, ..Amendment::default() },
            _ => Amendment { stock, ..Amendment::default() },
        };
        self.ask("host", Ask::Amend { activity, amendment: Box::new(amendment) });
    }

    pub(super) fn step(&mut self, a: u16, b: u16) {
        let Some(activity) = pick(&self.activities, a) else { return };
        let steps = [Step::Schedule, Step::WarmUp, Step::Open, Step::Close, Step::Settle, Step::Cancel, Step::Reject];
        self.ask("host", Ask::Step { activity, step: steps[b as usize % steps.len()] });
    }
}
