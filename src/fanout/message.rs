//! What a room hears.

use std::sync::Arc;

use bytes::Bytes;

use super::{ClosedCombo, GiftRun, Position, Talk};
use crate::rules::{ActivityId, Amendment, Broadcast, RainSummary, Time, UserId};
use crate::store::{ActivityView, BoardView};

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
    /// Gifts of one combo.
    GiftRun(GiftRun),
    /// A combo has ended.
    ComboClosed(ClosedCombo),
    /// The first places of the broadcast's board.
    Board(Arc<BoardView>),
}

/// Turns what a room hears into the bytes of a wire frame. The gateway does; the inside knows no wire.
pub trait Encode: Send + Sync {
    /// All that was heard in one tick.
    fn tick(&self, position: Position, now: Time, messages: &[RoomMessage]) -> Bytes;

    /// What was said here in one tick, for other nodes to put into their ticks.
    fn talk(&self, messages: &[RoomMessage]) -> Bytes;

    /// The state of the room at `position`.
    fn snapshot(&self, position: Position, room: &RoomState<'_>) -> Bytes;
}

/// What there is to know about a room for one who comes in.
#[derive(Debug)]
pub struct RoomState<'a> {
    /// Its activities.
    pub activities: &'a [Arc<ActivityView>],
    /// How many viewers there are.
    pub online: u32,
    /// The latest broadcast.
    pub broadcast: Option<Broadcast>,
    /// The first places of its board.
    pub board: Option<&'a BoardView>,
}
