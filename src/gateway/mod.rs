//! Where the outside world comes in: sessions over QUIC and WebSocket, and the tokens that let them in.

pub mod token;

/// What client and server agreed on below the messages; the server needs it to open its endpoints.
pub use liveroom_protocol::transport;
