//! The way of a room's talk to viewers on other nodes, and of theirs to here.

use bytes::Bytes;

use crate::rules::RoomId;

/// Carries talk between the nodes that have viewers of a room. Whatever it is given it takes at once or loses: nothing
/// waits for it. State never goes this way; it follows from the log that all nodes read.
pub trait Broker: Send + Sync + std::fmt::Debug {
    /// What was said here within one tick, for the viewers elsewhere.
    fn publish(&self, room: RoomId, talk: Talk);

    /// So many viewers of the room are here: from the first on the room is heard from elsewhere, until there is none.
    fn online(&self, room: RoomId, viewers: u32);
}

/// What was said in a room within one tick, encoded once by the node where it was said ([`super::Encode::talk`]).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Talk {
    /// How many messages.
    pub messages: u32,
    /// The messages, for [`super::Encode::tick`] to take in as they are.
    pub events: Bytes,
}

/// What comes from other nodes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// Something was said there.
    Talk(Talk),
    /// So many viewers of the room are on other nodes now.
    Online(u32),
}
