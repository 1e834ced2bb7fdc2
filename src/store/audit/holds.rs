//! Cash that is held: each hold ends once, not before its time but by word, and the accounts hold what is held.

use std::collections::BTreeMap;

use super::{Check, Invariant, Verdict};
use crate::rules::{Account, AccountFacts, Currency, Fen, Hold, HoldId, HoldState, Prize, UserId};
use crate::store::{Event, Recorded, RiskEvent, Tables};

/// Cash is held only where the policy and the winner's risk say so; each hold ends exactly once, and Σ held = Σ open holds.
pub(super) struct HoldsEndOnce {
    holds: BTreeMap<HoldId, Hold>,
    ended: u64,
}

impl HoldsEndOnce {
    pub(super) fn over(base: &Tables) -> Self {
        Self { holds: base.holds().map(|(id, hold)| (id, *hold)).collect(), ended: 0 }
    }

    fn granted(&mut self, recorded: &Recorded, tables: &Tables) -> Verdict<()> {
        let Event::Granted { room, activity, user, share, prize, held_until, .. } = &recorded.event else {
            return Ok(());
        };
        let no = recorded.no;
        let room = tables.room(room);
        let facts = room.and_then(|room| room.facts(user));
        let judged = tables.judgement(user).and_then(|risk| risk.at(recorded.at));
        let risk = facts.and_then(|facts| facts.account.risk).max(judged);
        let until = |risk| tables.hold_policy().and_then(|policy| policy.until(prize, risk, recorded.at));
        let want = until(risk);
        // Of a stranger a full room fears the worst.
        let is_stranger = facts.is_none() && room.is_some_and(|room| tables.may_be_full(room));
        let is_feared = is_stranger && *held_until == until(Some(AccountFacts::RISK_MAX));
        if *held_until != want && !is_feared {
            return Err(format!("event {no} holds until {held_until:?}; by policy and risk {risk:?}, until {want:?}"));
        }
        if let (Some(until), Prize::Cash(amount)) = (*held_until, prize) {
            let hold = Hold { user: *user, amount: *amount, until, state: HoldState::Held };
            self.holds.insert((*activity, *share), hold);
        }
        Ok(())
    }

    fn end(&mut self, recorded: &Recorded, what: &RiskEvent) -> Verdict<()> {
        let RiskEvent::HoldEnded { activity, unit, user, amount, how, cause } = what else { return Ok(()) };
        let (no, id) = (recorded.no, (*activity, *unit));
        let hold = self.holds.get_mut(&id).ok_or_else(|| format!("event {no} ends a hold that never was"))?;
        if hold.state != HoldState::Held || *how == HoldState::Held {
            return Err(format!("event {no} ends unit {unit} of activity {activity}, which was {}", hold.state.word()));
        }
        if (hold.user, hold.amount) != (*user, *amount) {
            return Err(format!("event {no} moves {amount} fen of {user}, held were {} of {}", hold.amount, hold.user));
        }
        if cause.by.is_none() && (*how != HoldState::Credited || recorded.at < hold.until) {
            return Err(format!("event {no} ends a hold of {user} by time, before its time or by a forfeit"));
        }
        hold.state = *how;
        self.ended += 1;
        Ok(())
    }
}

impl Check for HoldsEndOnce {
    fn invariant(&self) -> Invariant {
        Invariant::HoldsEndOnce
    }

    fn before(&mut self, recorded: &Recorded, tables: &Tables) -> Verdict<()> {
        match &recorded.event {
            Event::Granted { .. } => self.granted(recorded, tables),
            Event::Risk { what, .. } => self.end(recorded, what),
            Event::Archived { activity, .. } => {
                let of = (*activity, 0)..=(*activity, u32::MAX);
                if let Some((_, hold)) = self.holds.range(of).find(|(_, hold)| hold.state == HoldState::Held) {
                    return Err(format!("activity {activity} is archived with cash of {} held", hold.user));
                }
                self.holds.retain(|(of, _), _| of != activity);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn judge(&self, tables: &Tables) -> Verdict {
        if !tables.holds().map(|(id, hold)| (id, *hold)).eq(self.holds.iter().map(|(id, hold)| (*id, *hold))) {
            return Err("what is held is not what the log says".to_owned());
        }
        let mut open: BTreeMap<UserId, i64> = BTreeMap::new();
        for hold in self.holds.values().filter(|hold| hold.state == HoldState::Held) {
            *open.entry(hold.user).or_insert(0) += Fen::get(hold.amount);
        }
        for (account, currency, held) in tables.ledger().balances() {
            if let (Account::Held(user), Currency::Fen) = (account, currency)
                && held != open.remove(&user).unwrap_or(0)
            {
                return Err(format!("the account of what {user} has not got yet holds {held}, not what is held"));
            }
        }
        match open.into_iter().next() {
            Some((user, amount)) => Err(format!("{amount} fen of {user} are held, in no account")),
            None => Ok(format!("{} holds, {} ended", self.holds.len(), self.ended)),
        }
    }
}
