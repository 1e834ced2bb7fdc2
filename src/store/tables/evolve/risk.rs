//! How risky accounts are judged to be, and what follows for their cash.

use super::Fits;
use crate::rules::{Risk, RoomId, UserId};
use crate::store::tables::receipts::Kept;
use crate::store::tables::{Due, Tables};
use crate::store::{Answer, Recorded, RiskAnswer, RiskEvent};

impl Tables {
    pub(super) fn risked(&mut self, recorded: &Recorded, room: Option<&RoomId>, what: &RiskEvent) -> Fits<Answer> {
        match what {
            RiskEvent::Judged { accounts, cause } => {
                accounts.iter().for_each(|(user, risk)| self.judge_so(*user, *risk));
                Ok(self.keep_for_all(cause, Kept::RisksJudged(accounts.len() as u32), recorded.at))
            }
            RiskEvent::Acquitted { user, cause } => {
                let risk = self.risks.judged.remove(user).ok_or("the account is not judged")?;
                self.due.remove(&(risk.until, Due::Risk(Box::new(*user))));
                if cause.by.is_none() {
                    return Ok(Answer::Idle);
                }
                Ok(self.keep_for_all(cause, Kept::Acquitted, recorded.at))
            }
            RiskEvent::PolicySet { policy, cause } => {
                self.holds.policy = *policy;
                Ok(self.keep_for_all(cause, Kept::PolicySet, recorded.at))
            }
            RiskEvent::HoldEnded { activity, unit, user, amount, how, cause } => {
                self.settle_hold((*activity, *unit), *user, *amount, *how)?;
                if cause.by.is_none() {
                    return Ok(Answer::Idle);
                }
                self.keep(room.ok_or("what is held is of a room")?, cause, Kept::HoldEnded(*activity, *how))
            }
            RiskEvent::Caught { activity, risk, cause } => {
                let user = cause.by.ok_or("nobody is caught")?;
                if !self.risks.caught.entry(*activity).or_default().insert(user) && risk.is_none() {
                    return Err("caught before");
                }
                risk.iter().for_each(|risk| self.judge_so(user, *risk));
                Ok(Answer::Risk(RiskAnswer::Caught))
            }
        }
    }

    fn judge_so(&mut self, user: UserId, risk: Risk) {
        if let Some(before) = self.risks.judged.insert(user, risk) {
            self.due.remove(&(before.until, Due::Risk(Box::new(user))));
        }
        self.due.insert((risk.until, Due::Risk(Box::new(user))));
    }
}
