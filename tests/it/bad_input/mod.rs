//! What nobody should send, over every way in: each row says what must be answered. Nobody is met with silence, no
//! session is lost for a request that was merely wrong, and the server serves strangers afterwards.

mod api;
mod frames;
mod gifts;
mod limits;
mod payments;
mod quic;
mod requests;
mod tokens;
mod ws;
