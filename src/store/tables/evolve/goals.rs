//! Goals reached, and what was given for them.

use super::Fits;
use crate::rules::{Account, ActivityId, Currency, Kind, Posting, Prize, UserId};
use crate::store::Recorded;
use crate::store::tables::Tables;

impl Tables {
    /// Gives the prize of a goal; says under which number it is kept.
    pub(super) fn reward(
        &mut self, recorded: &Recorded, id: ActivityId, user: UserId, goal: u16, prize: &Prize,
    ) -> Fits<u32> {
        let activity = self.activities.get_mut(&id).ok_or("no such activity")?;
        if activity.goal(goal).is_none_or(|plan| plan.prize != *prize) {
            return Err("the goal has another prize");
        }
        let Some(Kind::WatchTask(goals) | Kind::CheckIn(goals)) = &mut activity.kind else {
            return Err("only open goals are reached");
        };
        if goals.allow(&user, goal).is_err() {
            return Err("the goal has nothing left, or was reached before");
        }
        let number = goals.give(prize, user, goal, recorded.at, recorded.no);
        if let Prize::Cash(amount) = prize {
            self.post(Posting {
                from: Account::Escrow(id),
                to: Account::Wallet(user),
                currency: Currency::Fen,
                amount: amount.get(),
            })?;
        }
        if let Some(coupon) = prize.coupon() {
            let room = self.activities.get(&id).ok_or("no such activity")?.room;
            self.issue_won(recorded, &room, id, user, coupon)?;
        }
        Ok(number)
    }
}
