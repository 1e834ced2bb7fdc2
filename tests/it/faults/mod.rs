//! What may break, on the real program: every fault ends with a look at what was acknowledged.

pub mod crowd;
mod damage;
mod drain;
mod gifts;
mod kill;
mod lost;
mod sink;
mod starved;
