//! What a room hears.

use std::sync::Arc;

use bytes::Bytes;

use super::{Position, Talk};
use crate::rules::{ActivityId, Amendment, Broadcast, RainSummary, Time, UserId};
use crate::store::ActivityView;

/// One thing that a room hears.
#[derive(Debug, Clone)]
pub enum RoomMessage {
    /// An activity as it stands; a later one of the same tick takes its place.
    Activity(Arc<ActivityView>),
    /// An open activity was amended.
    Amendment {
        /// Which activity.
        activity: ActivityId,
        /// The amendment's number, from 1.
        number: u32,
        /// What changed.
        amendment: Arc<Amendment>,
        /// When claims end now.
        closes_at: Option<Time>,
    },
    /// A rain is over.
    RainResult {
        /// Which.
        activity: ActivityId,
        /// Who got what.
        summary: Arc<RainSummary>,
    },
    /// A host's words.
    Announcement {
        /// Who speaks.
        from: UserId,
        /// What.
        text: Arc<str>,
        /// When.
        at: Time,
    },
    /// A viewer's words.
    Said {
        /// Who speaks.
        from: UserId,
        /// What.
        text: Arc<str>,
        /// When.
        at: Time,
    },
    /// Hearts that came here since the last of these.
    Likes(u64),
    /// How many viewers there are.
    Online(u32),
    /// What was said on another node.
    Relayed(Talk),
    /// The room went on air, or off.
    Broadcast(Broadcast),
}

/// Turns what a room hears into the bytes of a wire frame. The gateway does; the inside knows no wire.
pub trait Encode: Send + Sync {
    /// All that was heard in one tick.
    fn tick(&self, position: Position, now: Time, messages: &[RoomMessage]) -> Bytes;

    /// What was said here in one tick, for other nodes to put into their ticks.
    fn talk(&self, messages: &[RoomMessage]) -> Bytes;

    /// The state of the room at `position`.
    fn snapshot(
        &self, position: Position, activities: &[Arc<ActivityView>], online: u32, broadcast: Option<Broadcast>,
    ) -> Bytes;
}
