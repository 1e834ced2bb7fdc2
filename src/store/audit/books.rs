//! The ledger, kept a second time from the events alone.

use std::collections::BTreeMap;

use super::{Check, Invariant, Verdict};
use crate::rules::{Account, ActivityId, Currency, HoldState, PaymentOutcome, Step};
use crate::store::{Credit, Event, GiftEvent, Recorded, RiskEvent, Tables};

/// Every movement leaves the sum of all accounts as it was, none is overdrawn, and the ledger is what the log says.
pub(super) struct BooksBalance {
    accounts: BTreeMap<(Account, Currency), i128>,
    movements: u64,
}

impl BooksBalance {
    pub(super) fn over(base: &Tables) -> Self {
        let accounts = base.ledger().balances().map(|(of, currency, held)| ((of, currency), i128::from(held)));
        Self { accounts: accounts.collect(), movements: 0 }
    }

    fn move_fen(&mut self, no: u64, from: Account, to: Account, amount: i64) -> Verdict<()> {
        self.movement(no, from, to, Currency::Fen, amount)
    }

    /// Whatever users win comes out of its activity's escrow.
    fn credit(&mut self, recorded: &Recorded) -> Verdict<()> {
        let mut verdict = Ok(());
        recorded.event.each_credit(&mut |Credit { of: (activity, _), user, amount, held_until }| {
            let to = if held_until.is_some() { Account::Held(user) } else { Account::Wallet(user) };
            if verdict.is_ok() {
                verdict = self.move_fen(recorded.no, Account::Escrow(activity), to, amount.get());
            }
        });
        verdict
    }

    fn movement(&mut self, no: u64, from: Account, to: Account, currency: Currency, amount: i64) -> Verdict<()> {
        if amount == 0 {
            return Ok(());
        }
        if amount < 0 {
            return Err(format!("event {no} moves {amount}"));
        }
        self.movements += 1;
        let source = self.accounts.entry((from, currency)).or_insert(0);
        *source -= i128::from(amount);
        if *source < 0 && from != Account::Outside {
            return Err(format!("event {no} overdraws {from:?} by {}", -*source));
        }
        *self.accounts.entry((to, currency)).or_insert(0) += i128::from(amount);
        Ok(())
    }
}

fn sponsor(tables: &Tables, activity: ActivityId) -> Verdict<Account> {
    let activity = tables.activity(activity).ok_or_else(|| format!("activity {activity} is not there"))?;
    Ok(Account::Wallet(activity.plan.sponsor))
}

impl Check for BooksBalance {
    fn invariant(&self) -> Invariant {
        Invariant::BooksBalance
    }

    fn before(&mut self, recorded: &Recorded, tables: &Tables) -> Verdict<()> {
        let no = recorded.no;
        self.credit(recorded)?;
        match &recorded.event {
            Event::ToppedUp { posting, .. } => {
                self.movement(no, posting.from, posting.to, posting.currency, posting.amount)
            }
            Event::Stepped { activity, step, moved, .. } => {
                let (wallet, escrow) = (sponsor(tables, *activity)?, Account::Escrow(*activity));
                match step {
                    Step::Schedule => self.move_fen(no, wallet, escrow, moved.get()),
                    Step::Settle | Step::Cancel => self.move_fen(no, escrow, wallet, moved.get()),
                    Step::Reject | Step::WarmUp | Step::Open | Step::Close if moved.get() != 0 => {
                        Err(format!("event {no} moves money with a step that moves none"))
                    }
                    Step::Reject | Step::WarmUp | Step::Open | Step::Close => Ok(()),
                }
            }
            Event::Gift { room, what: GiftEvent::Sent { user, coins, .. } } => {
                self.movement(no, Account::Wallet(*user), Account::Earnings(*room), Currency::Coins, coins.get())
            }
            Event::Amended { activity, amendment, .. } => {
                let wallet = sponsor(tables, *activity)?;
                self.move_fen(no, wallet, Account::Escrow(*activity), amendment.budget.get())
            }
            Event::Risk { what: RiskEvent::HoldEnded { activity, user, amount, how, .. }, .. } => {
                let to = match how {
                    HoldState::Forfeited => sponsor(tables, *activity)?,
                    HoldState::Credited | HoldState::Held => Account::Wallet(*user),
                };
                self.move_fen(no, Account::Held(*user), to, amount.get())
            }
            Event::Paid { room, amount, outcome, .. } => {
                let to = match outcome {
                    PaymentOutcome::Sold | PaymentOutcome::SoldLate => Account::Proceeds(*room),
                    PaymentOutcome::RefundDue => Account::RefundsDue(*room),
                };
                self.move_fen(no, Account::Outside, to, amount.get())
            }
            Event::Archived { activity, .. } => {
                let left = tables.ledger().balance(Account::Escrow(*activity), Currency::Fen);
                if left == 0 { Ok(()) } else { Err(format!("activity {activity} is archived with {left} fen")) }
            }
            _ => Ok(()),
        }
    }

    fn judge(&self, tables: &Tables) -> Verdict {
        let ledger = tables.ledger();
        for ((account, currency), held) in &self.accounts {
            let says = ledger.balance(*account, *currency);
            if i128::from(says) != *held {
                return Err(format!("{account:?} holds {says} {currency:?}, by the log {held}"));
            }
        }
        let mut sums: BTreeMap<Currency, i128> = BTreeMap::new();
        let mut accounts = 0;
        for (account, currency, held) in ledger.balances() {
            accounts += 1;
            if held < 0 && account != Account::Outside {
                return Err(format!("{account:?} is overdrawn: {held} {currency:?}"));
            }
            if !self.accounts.contains_key(&(account, currency)) {
                return Err(format!("{account:?} holds {held} {currency:?}, by the log nothing"));
            }
            *sums.entry(currency).or_insert(0) += i128::from(held);
        }
        if let Some((currency, sum)) = sums.into_iter().find(|(_, sum)| *sum != 0) {
            return Err(format!("all accounts together hold {sum} {currency:?}, not 0"));
        }
        Ok(format!("{} movements, {accounts} accounts", self.movements))
    }
}
