//! Events into the sink's files: at most a microsecond each, for every decision pays it.

use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput};
use liveroom::events::Sink as _;
use liveroom::events::ndjson::{NdjsonFiles, Rolling};
use liveroom::rules::{ActivityId, Fen, Fingerprint, Prize, RequestId, Time};
use liveroom::store::{Event, Recorded};

use crate::stage::{room, user};

/// As many as the relay hands over at once.
const BATCH: u64 = 4_096;

pub(crate) fn bench(criterion: &mut Criterion) {
    let granted = |no: u64| {
        let event = Event::Granted {
            room: room(1),
            activity: ActivityId(7),
            user: user(no),
            request: RequestId::new(u64::MAX - no).expect("not zero"),
            fingerprint: Fingerprint(no),
            unit: no as u32,
            prize: Prize::Cash(Fen::MAX),
            held_until: None,
        };
        Recorded::new(no, Time::from_ms(1_767_225_600_000), event)
    };
    let batch: Vec<Recorded> = (1..=BATCH).map(granted).collect();
    let mut group = criterion.benchmark_group("events");
    group.throughput(Throughput::Elements(1)).sample_size(10).warm_up_time(Duration::from_millis(100));
    group.bench_function("ndjson", |bench| {
        bench.iter_custom(|events| {
            let dir = tempfile::tempdir().expect("a temporary folder");
            let mut sink = NdjsonFiles::open(dir.path(), Rolling::default()).expect("an empty folder");
            let batches = events.div_ceil(BATCH).clamp(1, 64);
            let began = Instant::now();
            for _ in 0..batches {
                sink.deliver(&batch).expect("room on the disk");
            }
            began.elapsed().mul_f64(events as f64 / (batches * BATCH) as f64)
        });
    });
    group.finish();
}
