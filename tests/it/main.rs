//! Integration tests: a module per subject.

mod conformance;
mod stage;
