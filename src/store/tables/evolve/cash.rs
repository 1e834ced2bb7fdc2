//! Cash that activities give: credited to its winner at once, or held before.

use super::Fits;
use crate::rules::{Account, Currency, Fen, Hold, HoldState, Posting, Time, UnitId, UserId};
use crate::store::tables::{Due, Tables};

impl Tables {
    /// Cash of a unit goes to its winner's wallet, or waits until then. There is no other way from an activity to a winner.
    pub(super) fn credit(&mut self, id: UnitId, user: UserId, amount: Fen, held_until: Option<Time>) -> Fits {
        let to = match held_until {
            Some(until) => {
                let hold = Hold { user, amount, until, state: HoldState::Held };
                if amount == Fen::ZERO || !self.holds.insert(id, hold) {
                    return Err("nothing is held of nothing, and nothing twice");
                }
                self.due.insert((until, Due::Hold(id.0, id.1)));
                Account::Held(user)
            }
            None => Account::Wallet(user),
        };
        self.post(Posting { from: Account::Escrow(id.0), to, currency: Currency::Fen, amount: amount.get() })
    }

    /// What was held goes where it belongs.
    pub(super) fn settle_hold(&mut self, id: UnitId, user: UserId, amount: Fen, how: HoldState) -> Fits {
        let sponsor = self.activities.get(&id.0).ok_or("no such activity")?.plan.sponsor;
        let to = match how {
            HoldState::Credited => user,
            HoldState::Forfeited => sponsor,
            HoldState::Held => return Err("a hold ends by a credit or a forfeit"),
        };
        let hold = self.holds.end(id, how).ok_or("nothing is held, or it ended before")?;
        if (hold.user, hold.amount) != (user, amount) {
            return Err("what is held is another's, or another amount");
        }
        self.due.remove(&(hold.until, Due::Hold(id.0, id.1)));
        let (from, to) = (Account::Held(user), Account::Wallet(to));
        self.post(Posting { from, to, currency: Currency::Fen, amount: amount.get() })
    }
}
