//! What one user has in a room.

use crate::rules::{Bag, CouponDrop, Kind, Order, Rain, RoomId, UserId};
use crate::store::tables::Tables;
use crate::store::{DrawEntry, Own, Reply};

/// As many of one's coupons are shown: the latest.
const COUPONS_SHOWN: usize = 200;

impl Tables {
    pub(super) fn own(&self, id: &RoomId, user: &UserId) -> Reply {
        let Some(room) = self.rooms.get(id) else { return Reply::Unknown };
        let Own { mut grants, mut orders, mut prizes, mut tickets, .. } = Own::default();
        for activity in room.activities.iter().filter_map(|id| self.activities.get(id)) {
            match &activity.kind {
                Some(
                    Kind::Rain(Rain { giveaway, .. })
                    | Kind::Drop(CouponDrop { giveaway })
                    | Kind::Bag(Bag { giveaway, .. }),
                ) => {
                    grants.extend(giveaway.given_to(user).filter_map(|unit| self.grant_of(activity, unit, false)));
                }
                Some(Kind::WatchTask(goals) | Kind::CheckIn(goals)) => {
                    grants.extend(goals.grants_of(user).filter_map(|unit| self.grant_of(activity, unit, false)));
                }
                Some(Kind::Sale(sale)) => {
                    let latest = sale.latest_order(user).and_then(|id| self.orders.get(&id));
                    let previous = |order: &&Order| order.previous.and_then(|id| self.orders.get(&id));
                    orders.extend(std::iter::successors(latest, previous).cloned());
                }
                Some(Kind::Draw(draw)) => {
                    let rank = draw.award_of(user).map(|(rank, _)| rank);
                    prizes.extend(rank.and_then(|rank| self.prize_of(activity, rank, false)));
                    let leaf = draw.leaf_of(user).filter(|_| draw.drawn.is_none() && activity.final_at.is_none());
                    tickets.extend(leaf.and_then(|leaf| DrawEntry::at(activity, leaf)));
                }
                Some(Kind::Poll(_) | Kind::Enrolment(_)) | None => {}
            }
        }
        let of_room = room.coupons.of(user).rev().take(COUPONS_SHOWN);
        let mut coupons: Vec<_> =
            of_room.chain(self.platform_coupons.book.of(user).rev().take(COUPONS_SHOWN)).collect();
        coupons.sort_by_key(|coupon| coupon.id);
        coupons.drain(..coupons.len().saturating_sub(COUPONS_SHOWN));
        let arms = self.arms_of(id, user).into_iter().map(|(experiment, arm)| (experiment, Some(arm))).collect();
        Reply::Own(Box::new(Own { grants, orders, prizes, coupons, tickets, arms }))
    }
}
