//! A decoy: a round that no client shows, for scripts that guess numbers of activities.

use serde::{Deserialize, Serialize};

use super::activity::PlanError;
use super::{AccountFacts, KindPlan, Plan, Risk, RiskReason, Time};

/// What becomes of whoever fires at it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct DecoyPlan {
    /// How risky the account is judged to be, 1 to 100.
    pub score: u8,
    /// For how long, ms.
    pub for_ms: u64,
}

impl DecoyPlan {
    /// The word that the judgement names as its reason.
    pub const REASON: &str = "decoy";

    /// What an account is judged to be that is caught at `now` and was judged to be `before`; `None` if that is as much already. A
    /// decoy makes nobody less suspicious, nor for a shorter time.
    pub fn judge(&self, before: Option<&Risk>, now: Time) -> Option<Risk> {
        let before = before.filter(|risk| risk.at(now).is_some());
        let until = now.after_ms(self.for_ms);
        if before.is_some_and(|risk| risk.score >= self.score && risk.until >= until) {
            return None;
        }
        let score = before.map_or(self.score, |risk| risk.score.max(self.score));
        let until = before.map_or(until, |risk| risk.until.max(until));
        let reason = RiskReason::parse(Self::REASON).expect("a word");
        Some(Risk { score, reason, until })
    }

    /// Whether `plan` may be one: a rain that asks for nothing, so that it answers like any that has nothing left.
    pub(super) fn check(&self, plan: &Plan) -> Result<(), PlanError> {
        let refuse = |field, why: &'static str| Err(PlanError { field, why: why.into() });
        if !(1..=AccountFacts::RISK_MAX).contains(&self.score) {
            return refuse("decoy.score", "must be 1 to 100");
        }
        if !(1_000..=Risk::MS_MAX).contains(&self.for_ms) {
            return refuse("decoy.for_s", "must be 1 s to 366 days");
        }
        match &plan.kind {
            KindPlan::Rain(rain) if rain.bonus.is_empty() => {}
            _ => return refuse("decoy", "only a rain without coupons can be one"),
        }
        if !plan.conditions.is_none() || !plan.limits.is_none() || plan.schedule.early.is_some() {
            return refuse("decoy", "has neither conditions nor limits nor early entry: nobody wins in it");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_catch_makes_of_an_account() {
        let decoy = DecoyPlan { score: 80, for_ms: 1_000 };
        let risk = |score, until| Risk { score, reason: RiskReason::parse("x").unwrap(), until: Time::from_ms(until) };
        for (case, before, want) in [
            ("never judged", None, Some((80, 1_100))),
            ("judged to be harmless", Some(risk(5, 500)), Some((80, 1_100))),
            ("and for longer", Some(risk(5, 5_000)), Some((80, 5_000))),
            ("worse, but not for so long", Some(risk(90, 500)), Some((90, 1_100))),
            ("as bad, and for as long", Some(risk(80, 1_100)), None),
            ("over by now", Some(risk(100, 100)), Some((80, 1_100))),
        ] {
            let judged = decoy.judge(before.as_ref(), Time::from_ms(100));
            assert_eq!(judged.map(|risk| (risk.score, risk.until.ms())), want, "{case}");
        }
    }
}
