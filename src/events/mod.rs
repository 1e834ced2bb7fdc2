//! What leaves the server: every event of the log, delivered to a sink at least once and in order.
//!
//! The log is the outbox, so there is nothing to lose between a decision and its event. A [`Relay`] follows the log
//! through an [`EventSource`], hands batches to a [`Sink`] and remembers how far it came in a [`CursorFile`], which
//! moves only after the sink has made everything safe. A crash therefore repeats events and never skips one: consumers
//! drop what they have seen by the event's id. A sink that is down costs a backlog, which [`Progress`] shows.
//!
//! What viewers do without anything being decided (talk, likes) goes beside it, to a [`Witness`] that may drop it.

mod behaviour;
mod cursor;
pub mod ndjson;
mod relay;
mod sink;

pub use behaviour::{Act, Behaviour, BehaviourFiles, Losses, Notebook, Retention, Witness};
pub use cursor::{Cursor, CursorError, CursorFile, CursorNote};
pub use relay::{Pace, Progress, Relay, StartError};
pub use sink::{EventSource, Sink, SinkError, SourceError};
