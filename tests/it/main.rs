//! Integration tests: a module per subject.
#![allow(clippy::unwrap_used, reason = "a test that fails here fails as it should")]
#![allow(unreachable_pub, reason = "nothing is reached from outside")]

mod architecture;
mod audit;
mod bad_input;
mod conformance;
mod draws;
mod experiments;
mod faults;
mod gifts;
mod holds;
mod presence;
mod random;
mod redis;
mod risk;
mod served;
mod stage;
mod talk;
mod templates;
