//! A client for viewers, hosts, tests and load.
//!
//! [`Client::connect`] gives a handle to ask with and [`Events`] to listen to. The client reconnects by itself, resumes where it
//! stood in the room's channel, and asks again, with the same request id, whatever had no answer yet: an answer is then the
//! first one, however often the question was sent. [`RoomView`] keeps the room's present state out of the events.
//!
//! The behaviour is in [`core`], which does no I/O and reads no clock; [`quic`] and [`ws`] move its bytes. Whoever wants the bare
//! transport after the greeting, with frames encoded beforehand, takes [`raw`].

mod driver;
mod handle;
mod link;
mod options;
mod outcome;
mod random;
mod tls;
mod view;

pub mod core;
pub mod quic;
pub mod raw;
pub mod ws;

pub use handle::{Client, Events};
pub use options::{Options, RetryPolicy, Target, TokenSource, Transport};
pub use outcome::{ConnectError, Disconnect, Event, Outcome, RequestError};
pub use quic::Endpoint;
pub use random::RequestIds;
pub use tls::Trust;
pub use view::RoomView;
pub use ws::WsConnector;
