//! Units of a giveaway: the shares of a rain, the coupons of a drop, what is in a bag.

use super::Fits;
use crate::rules::{ActivityId, Prize, RoomId, Time, UserId};
use crate::store::Recorded;
use crate::store::tables::{Due, Tables};

impl Tables {
    /// Gives `unit` to `user`: what it holds, and until when that is held if it is.
    pub(super) fn grant(
        &mut self, recorded: &Recorded, room: &RoomId, id: ActivityId, user: UserId, unit: u32,
        (prize, held_until): (&Prize, Option<Time>),
    ) -> Fits {
        let activity = self.activities.get_mut(&id).ok_or("no such activity")?;
        let giveaway = activity.kind.as_ref().and_then(|kind| kind.giveaway());
        let giveaway = giveaway.ok_or("only an open giveaway is given from")?;
        if unit != giveaway.pool.granted || giveaway.pool.free == 0 {
            return Err("not the next share");
        }
        let held = activity.give(user, recorded.at, recorded.no);
        // What closes with its last unit is due now.
        if let (Some(now), Some(planned)) = (activity.emptied_at(), activity.closes_at) {
            self.due.remove(&(planned, Due::Activity(id)));
            self.due.insert((now, Due::Activity(id)));
        }
        match prize {
            Prize::Cash(amount) if held.as_ref() == Some(prize) => self.credit((id, unit), user, *amount, held_until),
            Prize::Cash(_) => Err("the share holds another amount"),
            Prize::Coupon(coupon) => self.issue_won(recorded, room, id, user, coupon),
            Prize::Code(_) if held.as_ref() != Some(prize) => Err("the code is another"),
            Prize::Item(_) | Prize::Code(_) => Ok(()),
        }
    }
}
