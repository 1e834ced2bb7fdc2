//! Micro-benchmarks of the hot path: `cargo bench`. What crosses a socket is measured by the scripts beside this folder.

mod draws;
mod events;
mod filter;
mod frames;
mod gate;
mod gifts;
mod price;
mod stage;
mod store;

use criterion::{criterion_group, criterion_main};

criterion_group!(
    benches,
    gate::bench,
    store::bench,
    draws::bench,
    gifts::bench,
    price::bench,
    frames::bench,
    events::bench,
    filter::bench
);
criterion_main!(benches);
