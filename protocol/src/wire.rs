//! The messages of `liveroom.proto`, as prost generates them.
//!
//! Their documentation is the schema's comments; a field without one is explained by its message.

// Generated: the schema is where its items are documented and styled.
#![allow(missing_docs, clippy::all)]

include!(concat!(env!("OUT_DIR"), "/liveroom.v1.rs"));
