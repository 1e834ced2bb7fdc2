//! Gifts: durable postings through the embedded keeper at 500 k/s at least; a board of a million users: an update in less
//! than 2 µs, any rank in less than 10 µs.

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use criterion::{BatchSize, Criterion, Throughput};
use liveroom::engine::EngineLimits;
use liveroom::rules::{Board, Coins, Currency, Gift, GiftId, RequestId, UserId};
use liveroom::store::journal::{Options, RealDisk};
use liveroom::store::{Answer, Ask, Bounds, EmbeddedKeeper, GiftAnswer, GiftAsk, Keeper, MemoryKeeper, Op, Partition};

use crate::stage::{NOW, by_host, commit, room, user};

/// Who sends, in turn: as many as press in a large room.
const SENDERS: u64 = 20_000;
/// Gifts of one run: enough for tables that have grown.
const GIFTS: u64 = 400_000;
/// Users of the board.
const USERS: u64 = 1_000_000;

pub(crate) fn bench(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("gifts");
    group.throughput(Throughput::Elements(1)).sample_size(10).warm_up_time(Duration::from_millis(1));
    group.bench_function("memory", |bench| {
        bench.iter_custom(|gifts| run(Box::new(MemoryKeeper::new(Bounds::default())), gifts));
    });
    group.bench_function("journal", |bench| {
        bench.iter_custom(|gifts| {
            let dir = tempfile::tempdir().expect("a temporary folder");
            let disk = Arc::new(RealDisk::open(dir.path()).expect("a disk"));
            let (keeper, _) = EmbeddedKeeper::open(disk, &Options::default(), Bounds::default()).expect("an empty log");
            run(Box::new(keeper), gifts)
        });
    });
    group.finish();
    let mut board = Board::default();
    let mut chance = Chance(7);
    let users: Vec<UserId> = (0..USERS).map(user).collect();
    for user in &users {
        board.add(*user, coins(1 + chance.below(1_000_000)), NOW);
    }
    let mut group = criterion.benchmark_group("board of 1,000,000");
    group.throughput(Throughput::Elements(1)).sample_size(20);
    group.bench_function("update", |bench| {
        let mut at = NOW;
        bench.iter_batched(
            || (users[chance.below(USERS) as usize], coins(1 + chance.below(1_000))),
            |(user, coins)| {
                at = at.after_ms(1);
                board.add(user, coins, at);
            },
            BatchSize::NumIterations(10_000),
        );
    });
    group.bench_function("any rank", |bench| {
        bench.iter_batched(
            || users[chance.below(USERS) as usize],
            |user| black_box(board.rank(&user)),
            BatchSize::NumIterations(10_000),
        );
    });
    group.bench_function("first hundred", |bench| {
        bench.iter(|| board.places().take(100).map(|place| place.score()).sum::<i64>());
    });
    group.finish();
}

/// The time that `wanted` gifts take: measured on [`GIFTS`] and scaled.
fn run(mut keeper: Box<dyn Keeper>, wanted: u64) -> Duration {
    commit(keeper.as_mut(), by_host(room(0), Ask::CreateRoom { host: user(0), utc_offset_min: 480 }));
    let rose = Gift { id: GiftId(1), title: "rose".to_owned(), price: coins(1), effect: 0, joins_fan_club: true };
    let ask = Ask::Gift(GiftAsk::SetCatalogue { based_on: 0, gifts: vec![rose] });
    let set = Op { partition: Partition::Platform, by: Some(user(0)), request: None, ask };
    assert!(matches!(commit(keeper.as_mut(), set), Answer::Gift(GiftAnswer::CatalogueSet { .. })));
    for sender in 0..SENDERS {
        let ask = Ask::TopUp { currency: Currency::Coins, amount: 1_000_000 };
        let op = Op { partition: Partition::Wallet(user(sender)), by: Some(user(0)), request: None, ask };
        commit(keeper.as_mut(), op);
    }
    let mut chance = Chance(3);
    let mut gifts = (0..GIFTS).map(|n| Op {
        partition: Partition::Room(room(0)),
        by: Some(user(chance.below(SENDERS))),
        request: RequestId::new(n + 1),
        ask: Ask::Gift(GiftAsk::Send { gift: GiftId(1), count: 1 + (n % 3) as u32 }),
    });
    storm(keeper.as_mut(), &mut gifts).mul_f64(wanted as f64 / GIFTS as f64)
}

/// The time that gifts take in batches, one a millisecond: their combos are all still open at the end.
fn storm(keeper: &mut dyn Keeper, gifts: &mut dyn Iterator<Item = Op>) -> Duration {
    // More are sent than can be posted: then as many wait as a batch may hold.
    let batch_ops = EngineLimits::default().batch_ops;
    let (mut answers, mut events, mut batch) = (Vec::new(), Vec::new(), Vec::with_capacity(batch_ops));
    let (mut taken, mut now) = (Duration::ZERO, NOW);
    loop {
        batch.extend(gifts.take(batch_ops));
        if batch.is_empty() {
            return taken;
        }
        let began = Instant::now();
        keeper.commit(now, &batch, &mut answers, &mut events).expect("a bench's store works");
        taken += began.elapsed();
        assert!(answers.iter().all(|answer| matches!(answer, Answer::Gift(_))), "{:?}", answers[0]);
        answers.clear();
        events.clear();
        batch.clear();
        now = now.after_ms(1);
    }
}

fn coins(amount: u64) -> Coins {
    Coins::new(amount as i64).expect("a small amount")
}

/// Numbers without a pattern, the same in every run (the constants of SplitMix64).
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end
    }
}
