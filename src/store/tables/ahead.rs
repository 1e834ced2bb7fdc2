//! Looking ahead.
//!
//! A gift looks into a dozen tables, one after another, and in a large room most looks wait for memory. Those of different gifts do not
//! depend on each other: made together, before the first of them is decided, they wait together (group prefetching). That
//! is worth a third of what a gift costs. Claims have little to find: most are somebody's first, and looking ahead for them costs
//! more than it brings.

use std::hint::black_box;

use super::Tables;
use crate::rules::{Account, Currency, Time};
use crate::store::{Ask, GiftAsk, Op, Partition};

impl Tables {
    /// So many operations are looked ahead for: enough that they wait together, few enough that what was found is still at hand when
    /// the last of them is decided.
    pub(in crate::store) const AHEAD: usize = 16;

    /// Looks at what deciding `op` at `now` will look at. Nothing follows from what it finds.
    pub(in crate::store) fn look_ahead(&self, now: Time, op: &Op) {
        let Ask::Gift(GiftAsk::Send { gift, .. }) = &op.ask else { return };
        let (Partition::Room(room), Some(user)) = (&op.partition, op.by) else { return };
        let Some(room) = self.rooms.get(room) else { return };
        let receipt = op.request.and_then(|request| room.receipts.get(&(user, request)));
        let balance = self.ledger.balance(Account::Wallet(user), Currency::Coins);
        let running = room.running.get(&(user, *gift)).and_then(|combo| self.combos.get(*combo));
        let fan = room.fan_club.fan(&user);
        black_box((
            receipt.is_some(),
            balance,
            running.map(|combo| (combo.until, combo.count)),
            fan.map(|fan| fan.points),
        ));
        if let Some(facts) = room.audience.get(&user) {
            facts.look_ahead();
            room.boards.look_ahead(facts.seats, now, room.utc_offset_min, room.broadcast_number());
        }
    }
}
