//! A fingerprint of the whole state, whatever order the maps keep.

use serde::Serialize;
use sha2::{Digest, Sha256};

use super::Tables;

impl Tables {
    /// The same for equal tables: replaying the log must give the live state's digest.
    pub fn digest(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        let counters = (self.latest_no, self.latest_at, self.latest_activity, self.latest_order, self.combos.latest);
        hash.update(encoded(&counters));
        hash.update(sum(self.rooms.iter().map(|(id, room)| {
            let of_room = (id, room.host, room.utc_offset_min, &room.broadcast, &room.broadcast_days, &room.activities);
            let receipts = (sum(room.receipts.iter()), room.receipts.since());
            let (running, fans) = (sum(room.running.iter()), sum(room.fan_club.fans()));
            let audience = sum(room.audience.iter());
            let trail = (&room.trail, &room.sanctions);
            encoded(&(
                (of_room, receipts, audience, trail),
                running,
                &room.boards,
                &room.fan_club.settings,
                fans,
                room.coupons.canonical(),
            ))
        })));
        hash.update(sum(self.activities.values().map(|activity| {
            // The maps within an activity are summed apart: the rest encodes in one order.
            let mut bytes = encoded(&(
                (activity.id, activity.room, &activity.plan, activity.seed, activity.phase, &activity.reasons),
                (activity.opens_at, activity.closes_at, activity.ended, activity.final_at),
                (activity.early_at, activity.only_early),
                (activity.amendment, activity.funded),
            ));
            match &activity.kind {
                Some(crate::rules::Kind::Rain(rain)) => {
                    let pool = &rain.giveaway.pool;
                    bytes.extend(encoded(&(pool, rain.waves_released, rain.paid, rain.cash_in_shares())));
                    bytes.extend(sum(rain.giveaway.all()));
                }
                Some(crate::rules::Kind::Sale(sale)) => {
                    bytes.extend(encoded(&(&sale.skus, sale.reserved_orders)));
                    bytes.extend(sum(sale.bought()));
                }
                Some(crate::rules::Kind::WatchTask(goals) | crate::rules::Kind::CheckIn(goals)) => {
                    bytes.extend(encoded(&(goals.pools(), goals.reached(), goals.paid)));
                }
                Some(crate::rules::Kind::Draw(draw)) => {
                    bytes.extend(encoded(&(draw.entries(), draw.rules, draw.root, &draw.drawn, draw.paid)));
                }
                Some(crate::rules::Kind::Poll(poll)) => {
                    bytes.extend(encoded(&poll.tally()));
                    bytes.extend(sum(poll.ballots()));
                }
                Some(crate::rules::Kind::Enrolment(enrolment)) => bytes.extend(sum(enrolment.sign_ups())),
                Some(crate::rules::Kind::Drop(drop)) => {
                    bytes.extend(encoded(&drop.giveaway.pool));
                    bytes.extend(sum(drop.giveaway.all()));
                }
                Some(crate::rules::Kind::Bag(bag)) => {
                    bytes.extend(encoded(&(&bag.giveaway.pool, bag.added(), bag.paid)));
                    bytes.extend(sum(bag.giveaway.all()));
                }
                None => {}
            }
            bytes
        })));
        hash.update(sum(self.orders.iter()));
        hash.update(sum(self.ledger.balances()));
        hash.update(sum(self.wallet_receipts.iter()));
        hash.update(encoded(&self.campaigns));
        hash.update(sum(self.platform_receipts.iter()));
        hash.update(encoded(&(self.platform_receipts.since(), &self.catalogue)));
        hash.update(sum(self.combos.iter()));
        hash.update(encoded(&self.templates));
        hash.update(encoded(&self.experiments));
        hash.update(encoded(&(&self.platform_coupons.homes, self.platform_coupons.book.canonical())));
        hash.update(sum(self.risks.judged.iter()));
        hash.update(encoded(&(&self.risks.caught, &self.holds)));
        hash.finalize().into()
    }
}

/// The sum of the entries' hashes: it does not depend on their order.
fn sum<T: Serialize>(entries: impl Iterator<Item = T>) -> [u8; 32] {
    let mut sums = [0u64; 4];
    for entry in entries {
        let hash = Sha256::digest(encoded(&entry));
        for (sum, word) in sums.iter_mut().zip(hash.chunks_exact(8)) {
            *sum = sum.wrapping_add(u64::from_le_bytes(word.try_into().expect("chunks of eight")));
        }
    }
    let mut bytes = [0; 32];
    for (chunk, sum) in bytes.chunks_exact_mut(8).zip(sums) {
        chunk.copy_from_slice(&sum.to_le_bytes());
    }
    bytes
}

fn encoded(value: &impl Serialize) -> Vec<u8> {
    postcard::to_stdvec(value).expect("plain values always encode")
}
