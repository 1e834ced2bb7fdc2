//! Judgements of accounts: what the log says is what counts, and for as long.

use std::collections::BTreeMap;

use super::{Check, Invariant, Verdict};
use crate::rules::{Risk, UserId};
use crate::store::{Event, Recorded, RiskEvent, Tables};

/// An account is judged as the latest judgement says, until its end and no longer.
pub(super) struct RisksLapse {
    judged: BTreeMap<UserId, Risk>,
}

impl RisksLapse {
    pub(super) fn over(base: &Tables) -> Self {
        Self { judged: base.judged().map(|(user, risk)| (*user, *risk)).collect() }
    }
}

impl Check for RisksLapse {
    fn invariant(&self) -> Invariant {
        Invariant::RisksLapse
    }

    fn before(&mut self, recorded: &Recorded, _: &Tables) -> Verdict<()> {
        let no = recorded.no;
        match &recorded.event {
            Event::Risk { what: RiskEvent::Judged { accounts, .. }, .. } => {
                for (user, risk) in accounts {
                    risk.check(recorded.at).map_err(|why| format!("event {no} judges {user}: {why}"))?;
                    self.judged.insert(*user, *risk);
                }
            }
            Event::Risk { what: RiskEvent::Caught { risk: Some(risk), cause, .. }, .. } => {
                let user = cause.by.ok_or_else(|| format!("event {no} catches nobody"))?;
                self.judged.insert(user, *risk);
            }
            Event::Risk { what: RiskEvent::Acquitted { user, cause }, .. } => match self.judged.remove(user) {
                None => return Err(format!("event {no} acquits {user}, who is not judged")),
                Some(risk) if cause.by.is_none() && recorded.at < risk.until => {
                    return Err(format!("event {no} ends the judgement of {user} before its time"));
                }
                Some(_) => {}
            },
            _ => {}
        }
        Ok(())
    }

    fn judge(&self, tables: &Tables) -> Verdict {
        let counted: BTreeMap<_, _> = tables.judged().map(|(user, risk)| (*user, *risk)).collect();
        if counted == self.judged {
            return Ok(format!("{} accounts are judged", counted.len()));
        }
        let differs = |user: &&UserId| counted.get(user) != self.judged.get(user);
        let user = counted.keys().chain(self.judged.keys()).find(differs);
        Err(format!("the judgement of {user:?} is not what the log says"))
    }
}
