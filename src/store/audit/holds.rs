//! Cash that users win: of each unit once, held where it should be; each hold ends once, not before its time but by word, and the accounts
//! hold what is held.

use std::collections::BTreeMap;

use super::{Check, Invariant, Verdict};
use crate::rules::{
    Account, AccountFacts, Activity, ActivityId, Currency, Fen, Hold, HoldState, Kind, RoomId, UnitId, UserId,
};
use crate::store::{Credit, Event, Recorded, RiskEvent, Tables};

/// Cash is won once, and held only where the policy and the winner's risk say so; each hold ends exactly once, and Σ held = Σ open holds.
pub(super) struct HoldsEndOnce {
    holds: BTreeMap<UnitId, Hold>,
    ended: u64,
    /// The least unit of an activity whose cash nobody has yet: they are given in order.
    next: BTreeMap<ActivityId, u32>,
}

/// How many units an activity has given.
fn given(activity: &Activity) -> u32 {
    match &activity.kind {
        Some(Kind::WatchTask(goals) | Kind::CheckIn(goals)) => goals.next_unit(),
        Some(Kind::Draw(draw)) => draw.drawn.as_ref().map_or(0, |drawn| drawn.awards.len() as u32),
        kind => kind.as_ref().and_then(Kind::giveaway).map_or(0, |giveaway| giveaway.pool.granted),
    }
}

impl HoldsEndOnce {
    pub(super) fn over(base: &Tables) -> Self {
        let holds = base.holds().map(|(id, hold)| (id, *hold)).collect();
        Self { holds, ended: 0, next: base.activities().map(|activity| (activity.id, given(activity))).collect() }
    }

    fn credited(&mut self, recorded: &Recorded, room: &RoomId, credit: Credit, tables: &Tables) -> Verdict<()> {
        let Credit { of: (activity, unit), user, amount, held_until } = credit;
        let no = recorded.no;
        let next = self.next.entry(activity).or_insert(0);
        if unit < *next {
            return Err(format!("event {no} credits unit {unit} of activity {activity} after unit {next} was due"));
        }
        *next = unit + 1;
        let room = tables.room(room);
        let facts = room.and_then(|room| room.facts(&user));
        let judged = tables.judgement(&user).and_then(|risk| risk.at(recorded.at));
        let risk = facts.and_then(|facts| facts.account.risk).max(judged);
        let until = |risk| tables.hold_policy().and_then(|policy| policy.until(amount, risk, recorded.at));
        let want = until(risk);
        // Of a stranger a full room fears the worst.
        let is_stranger = facts.is_none() && room.is_some_and(|room| tables.may_be_full(room));
        let is_feared = is_stranger && held_until == until(Some(AccountFacts::RISK_MAX));
        if held_until != want && !is_feared {
            return Err(format!("event {no} holds until {held_until:?}; by policy and risk {risk:?}, until {want:?}"));
        }
        if let Some(until) = held_until {
            self.holds.insert((activity, unit), Hold { user, amount, until, state: HoldState::Held });
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
        let mut verdict = Ok(());
        if let Some(room) = recorded.event.room() {
            recorded.event.each_credit(&mut |credit| {
                if verdict.is_ok() {
                    verdict = self.credited(recorded, room, credit, tables);
                }
            });
        }
        verdict?;
        match &recorded.event {
            Event::Risk { what, .. } => self.end(recorded, what),
            Event::Archived { activity, .. } => {
                let of = (*activity, 0)..=(*activity, u32::MAX);
                if let Some((_, hold)) = self.holds.range(of).find(|(_, hold)| hold.state == HoldState::Held) {
                    return Err(format!("activity {activity} is archived with cash of {} held", hold.user));
                }
                self.holds.retain(|(of, _), _| of != activity);
                self.next.remove(activity);
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
