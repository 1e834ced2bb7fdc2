//! Shares given.

use super::Fits;
use crate::rules::{Account, ActivityId, Currency, Kind, Posting, Prize, UserId};
use crate::store::Recorded;
use crate::store::tables::Tables;

impl Tables {
    pub(super) fn grant(
        &mut self, recorded: &Recorded, id: ActivityId, user: UserId, share: u32, prize: &Prize,
    ) -> Fits {
        let activity = self.activities.get_mut(&id).ok_or("no such activity")?;
        let Some(Kind::Rain(rain)) = &mut activity.kind else { return Err("only an open rain gives shares") };
        if share != rain.pool.granted || rain.pool.free == 0 {
            return Err("not the next share");
        }
        let cash = rain.give(user, recorded.at, recorded.no);
        match prize {
            Prize::Cash(amount) if *amount != cash => Err("the share holds another amount"),
            Prize::Cash(amount) => self.post(Posting {
                from: Account::Escrow(id),
                to: Account::Wallet(user),
                currency: Currency::Fen,
                amount: amount.get(),
            }),
            Prize::Coupon(_) | Prize::Item(_) => Ok(()),
        }
    }
}
