//! Experiments, and what is bound to their arms.

use liveroom::rules::*;
use liveroom::store::{Ask, CouponAsk, ExperimentAsk};

use super::Run;
use crate::conformance::talk::poll;
use crate::stage::{START, drop_of, plan, rain, sale, terms};

/// The n-th experiment of the room.
fn named(n: u16) -> ExperimentId {
    ExperimentId::parse(&format!("e{n}")).unwrap()
}

impl Run {
    /// Experiments of two arms, the same two at other weights; activities and coupons for one arm of a late one.
    pub(super) fn experiment(&mut self, a: u16, b: u16) {
        let arms = ["red", "blue"].map(|arm| ArmId::parse(arm).unwrap());
        let late = named(self.experiments.saturating_sub(a / 8 % 2));
        let ask = match b % 8 {
            0 | 1 => {
                // Now and then there is one of that name.
                self.experiments += u16::from(!a.is_multiple_of(8));
                let weights = [1 + u32::from(a % 5), 1 + u32::from(b / 8 % 3)];
                let arms = arms.into_iter().zip(weights).map(|(arm, weight)| Arm { arm, weight }).collect();
                let plan = Box::new(ExperimentPlan { title: "which".to_owned(), arms });
                ExperimentAsk::Create { experiment: named(self.experiments), plan }
            }
            2 => ExperimentAsk::End { experiment: late },
            _ => return self.bind(InArm { experiment: late, arm: arms[a as usize % 2] }, b / 8),
        };
        self.ask("host", Ask::Experiment(ask));
    }

    /// Something for one arm only.
    fn bind(&mut self, arm: InArm, b: u16) {
        let kind = match b % 5 {
            0 => plan(rain(1 + u32::from(b / 5 % 3), 5)),
            1 => plan(sale(&[(1 + u32::from(b / 5 % 3), 100, 2)])),
            2 => plan(poll(1, true)),
            template => {
                let template = TemplateId::parse(&format!("arm{template}")).unwrap();
                let audience = Audience { arm: Some(arm), ..Audience::default() };
                let valid_until = START.after_ms(30 * 86_400_000);
                let terms = Box::new(CouponTemplate { quantity: 50, valid_until, audience, ..terms(10) });
                self.ask("host", Ask::Coupon(CouponAsk::AddTemplate { template, terms }));
                plan(CouponDropPlan { template, ..drop_of("ten", 2) })
            }
        };
        let conditions = Conditions { arm: Some(arm), ..Conditions::default() };
        // The coupons themselves are for the arm, whoever takes part in the drop.
        let bound = if b % 5 > 2 { kind } else { Plan { conditions, ..kind } };
        let handed_in = self.hand_in(bound, b);
        self.activities.extend(handed_in);
    }
}
