//! Micro-benchmarks of the hot path: `cargo bench`. What crosses a socket is measured by the scripts beside this folder.

mod events;
mod filter;
mod frames;
mod gate;
mod gifts;
mod stage;
mod store;

use criterion::{criterion_group, criterion_main};

criterion_group!(benches, gate::bench, store::bench, gifts::bench, frames::bench, events::bench, filter::bench);
criterion_main!(benches);
