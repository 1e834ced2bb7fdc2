//! Lines about the risk of accounts.

use serde::Serialize;
use serde::ser::SerializeMap;

use super::line::caused;
use crate::rules::{Risk, RiskReason, Time, UserId};
use crate::store::RiskEvent;

pub(super) const fn kind(what: &RiskEvent) -> &'static str {
    match what {
        RiskEvent::Judged { .. } => "risk_judged",
        RiskEvent::Acquitted { .. } => "risk_acquitted",
        RiskEvent::PolicySet { .. } => "hold_policy_set",
        RiskEvent::HoldEnded { .. } => "hold_ended",
        RiskEvent::Caught { .. } => "bot_caught",
    }
}

pub(super) fn rest<M: SerializeMap>(line: &mut M, what: &RiskEvent) -> Result<(), M::Error> {
    caused(line, what.cause())?;
    match what {
        RiskEvent::Judged { accounts, .. } => {
            #[derive(Serialize)]
            struct One {
                user: UserId,
                score: u8,
                reason: RiskReason,
                until_ms: Time,
            }
            let one = |(user, risk): &(UserId, Risk)| {
                let Risk { score, reason, until } = *risk;
                One { user: *user, score, reason, until_ms: until }
            };
            line.serialize_entry("accounts", &accounts.iter().map(one).collect::<Vec<_>>())
        }
        RiskEvent::Caught { risk, .. } => match risk {
            Some(risk) => {
                line.serialize_entry("score", &risk.score)?;
                line.serialize_entry("until_ms", &risk.until)
            }
            None => Ok(()),
        },
        RiskEvent::Acquitted { user, .. } => line.serialize_entry("user", user),
        RiskEvent::PolicySet { policy, .. } => line.serialize_entry("policy", policy),
        RiskEvent::HoldEnded { unit, user, amount, how, .. } => {
            line.serialize_entry("user", user)?;
            line.serialize_entry("unit", unit)?;
            line.serialize_entry("amount_fen", amount)?;
            line.serialize_entry("how", how)
        }
    }
}
