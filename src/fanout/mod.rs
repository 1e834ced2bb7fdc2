//! One room, many viewers: what happened in a tick is encoded once and shared by all.
//!
//! A [`Channel`] numbers its frames with `(epoch, offset)` and keeps a bounded history, so that a viewer who was away
//! can be brought up to date, or be told that this is not possible. Each viewer has a [`Mailbox`] with bounded room.
//! Where a room has viewers on several nodes, a [`Broker`] carries what is said on each to the others.

mod broker;
mod channel;
mod gifts;
mod history;
mod mailbox;
mod message;
pub mod pubsub;

pub use broker::{Broker, Heard, Talk};
pub use channel::{Channel, ChannelLimits, Flushed, Joined};
pub use gifts::{ClosedCombo, GiftRun};
pub use history::{History, Position};
pub use mailbox::{Class, Delivery, Leave, Mailbox, Post, Progress};
pub use message::{Encode, RoomMessage, RoomState};
