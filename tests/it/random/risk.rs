//! What is made of accounts, and what follows for their cash.

use liveroom::rules::*;
use liveroom::store::{Ask, Op, Partition, RiskAsk};

use super::{Run, USERS, pick};
use crate::stage::user;

impl Run {
    /// Accounts are judged for a while; cash of some is held; what is held ends by word.
    pub(super) fn risk(&mut self, a: u16, b: u16) {
        let who = USERS[a as usize % 4];
        let user = user(who);
        let ask = match b % 8 {
            0..=2 => {
                let (score, reason) = ((a / 4 % 101) as u8, RiskReason::parse("random").unwrap());
                let until = self.memory.now.after_ms(1_000 + u64::from(b) * 4);
                RiskAsk::Judge { accounts: vec![(user, Risk { score, reason, until })] }
            }
            3 => RiskAsk::Acquit { user },
            4 => {
                let (hold_from, hold_ms) = (1 + (a / 4 % 60) as u8, 5_000 + u64::from(b) * 4);
                RiskAsk::SetPolicy { policy: Some(HoldPolicy { hold_from, hold_ms }) }
            }
            5 => RiskAsk::SetPolicy { policy: None },
            6 if a.is_multiple_of(3) => {
                let Some(activity) = self.recent(a / 3) else { return };
                self.unnamed(Some(who), Ask::Risk(RiskAsk::Catch { activity }));
                return;
            }
            _ => {
                let held = |(id, hold): (UnitId, &Hold)| (hold.state == HoldState::Held).then_some(id);
                let holds: Vec<_> = self.memory.keeper.tables().holds().filter_map(held).collect();
                let (activity, unit) = pick(&holds, a / 4).unwrap_or((ActivityId(1), 0));
                let how = if (a / 4).is_multiple_of(2) { HoldState::Forfeited } else { HoldState::Credited };
                self.ask("op", Ask::Risk(RiskAsk::EndHold { activity, unit, how }));
                return;
            }
        };
        let operator = Some(self::user("op"));
        self.all(&Op { partition: Partition::Platform, by: operator, request: None, ask: Ask::Risk(ask) });
    }
}
