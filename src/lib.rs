//! The live-room interaction server. `src/ARCHITECTURE.md` is the map; imports go one way:
//! `filter ← rules ← store ← {fanout, events} ← engine ← {gateway, api} ← server ← commands`.

pub mod filter;
pub mod rules;
pub mod store;

pub mod events;
pub mod fanout;

pub mod engine;

pub mod gateway;

pub mod api;

pub mod server;

pub mod commands;
