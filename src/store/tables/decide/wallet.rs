//! Money that comes from outside.

use super::Outcome;
use crate::rules::{Account, Currency, Fen, Ledger, NotDoneCode, Posting, UserId};
use crate::store::tables::{Decision, Tables};
use crate::store::{Cause, Event};

impl Tables {
    pub(super) fn top_up(&self, owner: UserId, currency: Currency, amount: i64, cause: Cause) -> Outcome {
        if !(1..=Fen::MAX.get()).contains(&amount) {
            return Err(NotDoneCode::Invalid.because("amount must be 1 to 10^13"));
        }
        let posting = Posting { from: Account::Outside, to: Account::Wallet(owner), currency, amount };
        let balance = self.ledger.balance(posting.to, currency);
        let full = || NotDoneCode::TooMany.because("the account can't hold more");
        self.ledger.may_post(&posting).map_err(|_| full())?;
        let balance = balance.checked_add(amount).filter(|sum| *sum <= Ledger::BALANCE_MAX).ok_or_else(full)?;
        Ok(Decision::Event(Event::ToppedUp { posting, balance, cause }))
    }
}
