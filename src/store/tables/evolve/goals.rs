//! Goals reached, and what was given for them.

use super::Fits;
use crate::rules::{ActivityId, Kind, Prize, UserId};
use crate::store::tables::Tables;
use crate::store::{Recorded, Reward};

impl Tables {
    /// Gives the prize of a goal.
    pub(super) fn reward(&mut self, recorded: &Recorded, id: ActivityId, user: UserId, reward: &Reward) -> Fits {
        let Reward { goal, unit, prize, held_until } = reward;
        let activity = self.activities.get_mut(&id).ok_or("no such activity")?;
        if activity.goal(*goal).is_none_or(|plan| plan.prize != *prize) {
            return Err("the goal has another prize");
        }
        let room = activity.room;
        let Some(Kind::WatchTask(goals) | Kind::CheckIn(goals)) = &mut activity.kind else {
            return Err("only open goals are reached");
        };
        if goals.allow(&user, *goal).is_err() {
            return Err("the goal has nothing left, or was reached before");
        }
        if goals.give(prize, user, *goal, recorded.at, recorded.no) != *unit {
            return Err("not the next prize");
        }
        match prize {
            Prize::Cash(amount) => self.credit((id, *unit), user, *amount, *held_until),
            Prize::Coupon(coupon) => self.issue_won(recorded, &room, id, user, coupon),
            Prize::Item(_) | Prize::Code(_) => Ok(()),
        }
    }
}
