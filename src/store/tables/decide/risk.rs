//! How risky accounts are judged to be.

use std::collections::BTreeSet;

use super::{Context, Outcome};
use crate::rules::{ActivityId, HoldState, NotDoneCode, Risk, Time, UserId};
use crate::store::tables::risks::Risks;
use crate::store::tables::{Decision, Tables};
use crate::store::{Answer, Cause, Event, RiskAsk, RiskEvent};

impl Tables {
    pub(super) fn risk(&self, now: Time, ask: &RiskAsk, cause: Cause) -> Outcome {
        match ask {
            RiskAsk::Judge { accounts } => self.judge(now, accounts, cause),
            RiskAsk::Acquit { user } => match self.risks.judged.get(user) {
                Some(_) => Ok(happens(RiskEvent::Acquitted { user: *user, cause })),
                None => Err(NotDoneCode::WrongPhase.because("the account is not judged")),
            },
            RiskAsk::Lapse { user } => match self.risks.judged.get(user) {
                Some(risk) if risk.until <= now => Ok(happens(RiskEvent::Acquitted { user: *user, cause })),
                _ => Ok(Decision::Answer(Answer::Idle)),
            },
            RiskAsk::SetPolicy { policy } => {
                policy.iter().try_for_each(|policy| policy.check()).map_err(|why| NotDoneCode::Invalid.because(why))?;
                Ok(happens(RiskEvent::PolicySet { policy: *policy, cause }))
            }
            RiskAsk::EndHold { .. } | RiskAsk::Catch { .. } => {
                Err(NotDoneCode::Invalid.because("what is held and decoys are of a room"))
            }
        }
    }

    /// Cash that is held goes where it belongs, once.
    pub(super) fn risk_in_room(&self, context: &Context<'_>, ask: &RiskAsk) -> Outcome {
        let (id, unit, how) = match *ask {
            RiskAsk::EndHold { activity, unit, how } => (activity, unit, how),
            RiskAsk::Catch { activity } => return self.catch(context, activity),
            _ => return Err(NotDoneCode::Invalid.because("a room judges no account")),
        };
        let unknown = || NotDoneCode::UnknownHold.because("nothing of this unit is or was held");
        self.activity_in(context, id).map_err(|_| unknown())?;
        let hold = self.holds.get((id, unit)).ok_or_else(unknown)?;
        match (hold.state, context.by) {
            (HoldState::Held, None) if hold.until > context.now => Ok(Decision::Answer(Answer::Idle)),
            (HoldState::Held, None) => Ok(self.end_hold(context, id, unit, HoldState::Credited)),
            (HoldState::Held, Some(_)) if how == HoldState::Held => {
                Err(NotDoneCode::Invalid.because("a hold ends by a credit or a forfeit"))
            }
            (HoldState::Held, Some(_)) => Ok(self.end_hold(context, id, unit, how)),
            // A timer on another node, or somebody's word, was there first.
            (_, None) => Ok(Decision::Answer(Answer::Idle)),
            (ended, Some(_)) => Err(NotDoneCode::WrongPhase.because(format!("the cash was {} already", ended.word()))),
        }
    }

    /// Whoever fires at a decoy is a script. Once is enough, as long as the account is judged for it.
    fn catch(&self, context: &Context<'_>, id: ActivityId) -> Outcome {
        let idle = Ok(Decision::Answer(Answer::Idle));
        let (activity, Some(user)) = (self.activity_in(context, id)?, context.by) else { return idle };
        let Some(decoy) = activity.plan.decoy.filter(|_| activity.catches()) else { return idle };
        let caught = self.risks.caught.get(&id);
        let again = caught.is_some_and(|caught| caught.contains(&user));
        if !again && caught.is_some_and(|caught| caught.len() >= Risks::CAUGHT_MAX) {
            return idle;
        }
        let before = self.risks.judged.get(&user);
        let has_room = before.is_some() || self.risks.judged.len() < Risks::JUDGED_MAX;
        let risk = decoy.judge(before, context.now).filter(|_| has_room);
        let is_judged = before.and_then(|risk| risk.at(context.now)) >= Some(decoy.score);
        if again && (is_judged || risk.is_none()) {
            return idle;
        }
        let what = RiskEvent::Caught { activity: id, risk, cause: context.cause };
        Ok(Decision::Event(Event::Risk { room: Some(context.room_id), what }))
    }

    fn end_hold(&self, context: &Context<'_>, activity: ActivityId, unit: u32, how: HoldState) -> Decision {
        let Some(hold) = self.holds.get((activity, unit)) else { return Decision::Answer(Answer::Idle) };
        let (user, amount, cause) = (hold.user, hold.amount, context.cause);
        let what = RiskEvent::HoldEnded { activity, unit, user, amount, how, cause };
        Decision::Event(Event::Risk { room: Some(context.room_id), what })
    }

    fn judge(&self, now: Time, accounts: &[(UserId, Risk)], cause: Cause) -> Outcome {
        if accounts.is_empty() || accounts.len() > RiskAsk::BATCH_MAX {
            return Err(NotDoneCode::Invalid.because("1 to 100 accounts at once"));
        }
        let users: BTreeSet<_> = accounts.iter().map(|(user, _)| user).collect();
        if users.len() < accounts.len() {
            return Err(NotDoneCode::Invalid.because("an account is judged once at a time"));
        }
        accounts.iter().try_for_each(|(user, risk)| {
            risk.check(now).map_err(|why| NotDoneCode::Invalid.because(format!("{user}: {why}")))
        })?;
        let new = users.iter().filter(|user| !self.risks.judged.contains_key(**user)).count();
        if self.risks.judged.len() + new > Risks::JUDGED_MAX {
            return Err(NotDoneCode::TooMany.because("as many accounts are judged as may be"));
        }
        Ok(happens(RiskEvent::Judged { accounts: accounts.to_vec(), cause }))
    }
}

fn happens(what: RiskEvent) -> Decision {
    Decision::Event(Event::Risk { room: None, what })
}
