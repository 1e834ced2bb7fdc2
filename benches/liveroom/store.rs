//! Claims through the keepers: in memory at least 1 M/s on one core, durable at least 600 k/s in batches as they form
//! under load; and what 10,000 rooms with 1,000 open activities cost.

use std::sync::Arc;
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput};
use liveroom::rules::{ActivityId, RoomId};
use liveroom::store::journal::{Options, RealDisk};
use liveroom::store::{Answer, Ask, Bounds, EmbeddedKeeper, Keeper, MemoryKeeper, Op, Partition};

use crate::stage::{NOW, claim, commit, open, rain, reserve, room, sale, user};

/// What gathers while a batch of a busy server is being synced.
const BATCH: usize = 512;

pub(crate) fn bench(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("claims");
    group.throughput(Throughput::Elements(1)).sample_size(10).warm_up_time(Duration::from_millis(1));
    group.bench_function("memory", |bench| {
        bench.iter_custom(|claims| run(Box::new(MemoryKeeper::new(Bounds::default())), claims, 1));
    });
    group.bench_function("journal", |bench| {
        bench.iter_custom(|claims| {
            let dir = tempfile::tempdir().expect("a temporary folder");
            let disk = Arc::new(RealDisk::open(dir.path()).expect("a disk"));
            let (keeper, _) = EmbeddedKeeper::open(disk, &Options::default(), Bounds::default()).expect("an empty log");
            run(Box::new(keeper), claims, 1)
        });
    });
    group.bench_function("memory, orders of a sale", |bench| {
        bench.iter_custom(|wanted| {
            let mut keeper = MemoryKeeper::new(Bounds::default());
            let (activity, token) = open(&mut keeper, room(1), sale(CLAIMS as u32));
            let orders = (0..CLAIMS).map(|n| reserve(room(1), activity, token, n));
            storm(&mut keeper, orders).mul_f64(wanted as f64 / CLAIMS as f64)
        });
    });
    group.bench_function("memory, 10000 rooms, 1000 open", |bench| {
        bench.iter_custom(|claims| {
            let mut keeper = MemoryKeeper::new(Bounds::default());
            for n in 1_000..10_000 {
                let ask = Ask::CreateRoom { host: user(0), utc_offset_min: 0 };
                let op = Op { partition: Partition::Room(room(n)), by: Some(user(0)), request: None, ask };
                assert_eq!(commit(&mut keeper, op), Answer::RoomCreated);
            }
            run(Box::new(keeper), claims, 1_000)
        });
    });
    group.finish();
}

/// Claims of one run: enough for full batches, and for tables that have grown.
const CLAIMS: u64 = 200_000;

/// The time that `wanted` claims take, spread over so many open rains: measured on [`CLAIMS`] and scaled.
fn run(mut keeper: Box<dyn Keeper>, wanted: u64, rains: u64) -> Duration {
    let claims = CLAIMS;
    let shares = (claims / rains + 1).min(10_000_000) as u32;
    let places: Vec<(RoomId, ActivityId, u64)> = (0..rains)
        .map(|n| {
            let (activity, token) = open(keeper.as_mut(), room(n), rain(shares));
            (room(n), activity, token)
        })
        .collect();
    let storm_of = (0..claims).map(|n| {
        let (room, activity, token) = places[(n % rains) as usize];
        claim(room, activity, token, n)
    });
    storm(keeper.as_mut(), storm_of).mul_f64(wanted as f64 / claims as f64)
}

/// The time that operations take in batches; each of them gets something.
fn storm(keeper: &mut dyn Keeper, mut ops: impl Iterator<Item = Op>) -> Duration {
    let (mut answers, mut events) = (Vec::new(), Vec::new());
    let mut taken = Duration::ZERO;
    let mut batch = Vec::with_capacity(BATCH);
    loop {
        batch.clear();
        batch.extend(ops.by_ref().take(BATCH));
        if batch.is_empty() {
            return taken;
        }
        let began = Instant::now();
        keeper.commit(NOW, &batch, &mut answers, &mut events).expect("a bench's store works");
        taken += began.elapsed();
        let given = |answer: &Answer| matches!(answer, Answer::Granted(_) | Answer::Reserved(_));
        assert!(answers.iter().all(given), "{:?}", answers[0]);
        answers.clear();
        events.clear();
    }
}
