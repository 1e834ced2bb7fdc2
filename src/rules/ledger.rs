//! Double entry: every posting takes from one account what it gives to another.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use foldhash::quality::FixedState;
use serde::{Deserialize, Serialize};

use super::{ActivityId, RoomId, UserId};

/// Whose money.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Account {
    /// Everything beyond this server: banks, payment providers. The only account that may be below zero: it shows
    /// how much of the outside's money is here.
    Outside,
    /// A user's own.
    Wallet(UserId),
    /// What an activity was funded with and has not given yet.
    Escrow(ActivityId),
    /// What a room's paid orders brought.
    Proceeds(RoomId),
    /// Payments that bought nothing and go back.
    RefundsDue(RoomId),
    /// What gifts brought a room.
    Earnings(RoomId),
    /// What a user has won and does not have yet.
    Held(UserId),
}

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Currency {
    /// 1/100 yuan.
    Fen,
    /// Gift coins.
    Coins,
}

/// One movement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Posting {
    /// Where it comes from.
    pub from: Account,
    /// Where it goes.
    pub to: Account,
    /// In what.
    pub currency: Currency,
    /// How much: more than zero.
    pub amount: i64,
}

/// The account holds less than would leave it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the account holds {balance}, {amount} would leave it")]
pub struct Overdraft {
    /// What there is.
    pub balance: i64,
    /// What was to leave.
    pub amount: i64,
}

/// All accounts. The sum of the balances is zero in each currency, always.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Ledger {
    accounts: HashMap<(Account, Currency), i64, FixedState>,
}

impl Ledger {
    /// The most that one account may hold: twice that still fits the type.
    pub const BALANCE_MAX: i64 = i64::MAX / 4;

    /// What an account holds.
    pub fn balance(&self, account: Account, currency: Currency) -> i64 {
        self.accounts.get(&(account, currency)).copied().unwrap_or(0)
    }

    /// Whether `posting` may be made.
    pub fn may_post(&self, posting: &Posting) -> Result<(), Overdraft> {
        left(posting.from, self.balance(posting.from, posting.currency), posting.amount).map(|_| ())
    }

    /// Makes a posting, and says what the account that it comes from holds now.
    ///
    /// # Errors
    /// [`Overdraft`], and then nothing has moved.
    pub fn post(&mut self, posting: &Posting) -> Result<i64, Overdraft> {
        let Posting { from, to, currency, amount } = *posting;
        // Both accounts are looked up once: gifts come by the hundred thousand.
        let left = match self.accounts.entry((from, currency)) {
            Entry::Occupied(mut account) => {
                let left = left(from, *account.get(), amount)?;
                *account.get_mut() = left;
                if left == 0 {
                    account.remove();
                }
                left
            }
            Entry::Vacant(none) => match left(from, 0, amount)? {
                0 => 0,
                left => *none.insert(left),
            },
        };
        self.add(to, currency, amount);
        Ok(left)
    }

    /// Every account that was ever touched and is not empty.
    pub fn balances(&self) -> impl Iterator<Item = (Account, Currency, i64)> {
        self.accounts.iter().map(|((account, currency), balance)| (*account, *currency, *balance))
    }

    // An account at zero is no account: an escrow leaves nothing behind.
    fn add(&mut self, account: Account, currency: Currency, amount: i64) {
        let balance = self.accounts.entry((account, currency)).or_insert(0);
        *balance += amount;
        if *balance == 0 {
            self.accounts.remove(&(account, currency));
        }
    }
}

/// What is left in an account that holds `balance`.
fn left(account: Account, balance: i64, amount: i64) -> Result<i64, Overdraft> {
    let floor = if account == Account::Outside { -Ledger::BALANCE_MAX } else { 0 };
    balance.checked_sub(amount).filter(|left| *left >= floor).ok_or(Overdraft { balance, amount })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn account(n: u8) -> Account {
        match n {
            0 => Account::Outside,
            n if n < 4 => Account::Escrow(ActivityId(u64::from(n))),
            n => Account::Wallet(UserId::parse(&format!("u{n}")).unwrap()),
        }
    }

    proptest! {
        #[test]
        fn the_books_balance(steps in prop::collection::vec((0..8u8, 0..8u8, 1..1000i64), 0..100)) {
            let mut ledger = Ledger::default();
            for (from, to, amount) in steps {
                let posting =
                    Posting { from: account(from), to: account(to), currency: Currency::Fen, amount };
                let before = ledger.clone();
                if ledger.post(&posting).is_err() {
                    prop_assert_eq!(&before, &ledger);
                }
                prop_assert_eq!(ledger.balances().map(|(_, _, balance)| balance).sum::<i64>(), 0);
                prop_assert!(ledger.balances().all(|(of, _, balance)| balance > 0 || of == Account::Outside));
            }
        }
    }
}
