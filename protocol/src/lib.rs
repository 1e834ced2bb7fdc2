//! The wire protocol of liveroom: the schema's types, the frames they travel in, what the transports must agree on and,
//! with feature `client`, a client. `PROTOCOL.md` beside this crate says what the exchanges mean.

pub mod codes;
pub mod frame;
pub mod transport;
pub mod wire;

#[cfg(feature = "client")]
pub mod client;

#[cfg(test)]
mod samples;
