//! A keeper for several nodes: one ordered log of operations in Redis, and the same tables on every node.
//!
//! A batch is appended to the log without any condition on its content: its place in the log *is* the decision. Every node
//! reads the log in order and runs the same pure rules over each batch, so all of them come to the same answers, the same
//! state and the same events, numbered alike. There is no leader, nothing is guessed ahead and nothing rolled back. Timers of
//! every node append what is due; the later one comes to [`Answer::Idle`](super::Answer::Idle).
//!
//! In a cluster the log may be striped over several slots, so that several primaries share the work: a batch is cut into as many
//! chunks, every stripe gets one entry of every batch, and `merge` says in which order they count.
//!
//! What a lost answer means is in [`fault`]: what may have been written is asked for again, under the same number, until
//! Redis says where it stands.

mod address;
mod batch;
mod bell;
pub mod fault;
mod keeper;
mod link;
mod locate;
mod merge;
mod options;
mod read;
mod remote;
mod settings;
mod slots;
mod snapshot;
mod steward;
mod survey;

pub use address::{InvalidUrl, RedisUrl};
pub use bell::Bell;
pub use keeper::RedisKeeper;
pub use options::{RedisOptions, STRIPES_MAX};
pub use read::Reading;
pub use settings::{Durability, Settings};
pub use steward::{Checkpoint, LogEvents, Steward};
pub use survey::{Primary, primaries};
