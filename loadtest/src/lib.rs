//! The load tester of liveroom: viewers by the thousand, open and closed loops, and the limit that the bare transport sets.
//!
//! From the outside in: [`cli`] says what can be asked for; [`limit`] and [`scenario`] run it; [`drive`] is one viewer's
//! conversation, [`listen`] one viewer's ear; [`crowd`] connects them; [`board`] counts what they saw; [`watch`] samples the
//! server meanwhile; [`outcome`] publishes what came out.
//!
//! Nothing in here knows the messages of liveroom except [`scenario`].

pub mod board;
pub mod cli;
pub mod crowd;
pub mod drive;
pub mod gauge;
pub mod html;
pub mod limit;
pub mod line;
pub mod listen;
pub mod machine;
pub mod outcome;
pub mod pacer;
pub mod progress;
pub mod report;
pub mod scenario;
pub mod schedule;
pub mod table;
pub mod watch;
