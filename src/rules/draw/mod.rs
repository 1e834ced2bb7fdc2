//! Draws that anyone can check: entries, a frozen list of them, and winners that follow from values which nobody could
//! choose. Lucky bags 福袋, keyword draws 口令抽奖 and mic-link draws 连麦抽奖 are occasions for one.
//!
//! The server publishes the [rules](DrawRules) and a commitment to its seed; [`Draw`] takes entries and gives prizes;
//! [`DrawRecord`] is what it publishes afterwards, and [`check_record`] finds out whether all that is true.

mod chain;
mod check;
mod hash;
mod plan;
mod receipt;
mod record;
mod state;
#[cfg(test)]
mod tests;
mod tree;

pub use chain::{Beacon, BeaconError, Chain, Scheme};
pub use check::{Checked, RecordFault, check_record};
pub use hash::{Digest, HexBytes};
pub use plan::{DrawLevel, DrawPlan, Occasion, PrizePlan};
pub use receipt::{DrawReceipt, ReceiptFault};
pub use record::{DrawProof, DrawRecord, DrawRules, RecordedWinner};
pub use state::{Award, AwardState, Draw, DrawWinner, Drawn, EnterRefused, Pass};

use std::collections::HashSet;

use foldhash::quality::FixedState;

use crate::rules::{ActivityId, RoomId, UserId};
use hash::Parts;

/// The name of a draw in everything that is hashed, signed or published: `room/activity`.
pub fn draw_name(room: &RoomId, activity: ActivityId) -> String {
    format!("{room}/{activity}")
}

/// Gives every ticket its key. Winners are the lowest, those first whom the rules prefer.
///
/// `key(ticket) = SHA-256("liveroom-draw-v1" ‖ draw ‖ root ‖ count ‖ rules ‖ seed ‖ beacon ‖ ticket)`, each part behind its
/// length (four bytes, the highest first); `count` in eight bytes, the highest first; `rules` the rules' hash; `beacon` empty
/// at level `sealed`; the ticket is the user's id.
pub(super) struct Keys(Parts);

impl Keys {
    fn new(draw: &str, root: &Digest, count: u64, rules: &Digest, seed: &Digest, beacon: Option<&Digest>) -> Self {
        let beacon = beacon.map_or(&[][..], |value| &value.0);
        Self(
            Parts::of("liveroom-draw-v1")
                .with(draw.as_bytes())
                .with(&root.0)
                .with(&count.to_be_bytes())
                .with(&rules.0)
                .with(&seed.0)
                .with(beacon),
        )
    }

    fn of(&self, ticket: &UserId) -> Digest {
        self.0.clone().with(ticket.as_str().as_bytes()).hash()
    }

    /// All leaves: those that the rules prefer before the others, then the lowest key first; of equal ones, the lower leaf.
    fn ranking(&self, entries: &[UserId], preferred: &[UserId]) -> Vec<(Digest, u32)> {
        let preferred: HashSet<&UserId, FixedState> = preferred.iter().collect();
        let place = |(leaf, user): (u32, &UserId)| (!preferred.contains(user), self.of(user), leaf);
        let mut keys: Vec<(bool, Digest, u32)> = (0u32..).zip(entries).map(place).collect();
        keys.sort_unstable();
        keys.into_iter().map(|(_, key, leaf)| (key, leaf)).collect()
    }
}
