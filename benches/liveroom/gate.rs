//! The gate's refusal: under 100 ns.

use std::hint::black_box;

use criterion::Criterion;
use liveroom::engine::{Gate, Gates};
use liveroom::rules::{ActivityId, Phase, SkuId};
use liveroom::store::{Ask, GateFacts, Needs};

use crate::stage::{room, user};

pub(crate) fn bench(criterion: &mut Criterion) {
    let mut facts = GateFacts {
        room: room(1),
        phase: Phase::Open,
        token: 7,
        has_conditions: false,
        catches: false,
        keywords: Vec::new(),
        needs: Needs::default(),
        is_claimed: true,
        pools: vec![(SkuId(0), 1, 500)],
    };
    let gate = Gate::new(&facts).expect("it is open");
    facts.pools[0].2 = 0;
    gate.update(&facts);
    let gates = Gates::default();
    (0..500).for_each(|n| gates.remember(&user(n)));
    gates.grow(|visit| (0..500).for_each(|n| visit(&user(n))));
    gates.insert(ActivityId(1), gate);
    let loser = user(1_000_003);
    let ask = Ask::Claim { activity: ActivityId(1), token: 7, opening: 1 };
    assert!(gates.refuses(&loser, &ask).is_some());
    criterion.bench_function("gate/sold_out", |bench| {
        bench.iter(|| gates.refuses(black_box(&loser), black_box(&ask)));
    });
}
