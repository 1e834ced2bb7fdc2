//! Draws of 100,000 entries: the verification of a record (under 2 s), the drawing, one entry, one proof.

use std::hint::black_box;

use criterion::Criterion;
use liveroom::rules::{
    Activity, ActivityId, Conditions, Digest, Draw, DrawLevel, DrawPlan, DrawProof, DrawRecord, Fen, Kind, KindPlan,
    Limits, Occasion, Plan, PrizePlan, Schedule, Seed, Time, check_record,
};

use crate::stage::{room, user};

const ENTRIES: u32 = 100_000;

/// A closed draw, and its ranking.
fn closed() -> (Activity, DrawPlan, Draw) {
    let plan = DrawPlan {
        occasion: Occasion::LuckyBag,
        prizes: vec![PrizePlan { title: "tea".to_owned(), count: 1_000, cash_fen: Fen::ZERO }],
        duration_ms: 60_000,
        answer_ms: 0,
        level: DrawLevel::Sealed,
        excluded: Vec::new(),
        receipt_key: Digest([9; 32]),
        preferred: Vec::new(),
    };
    let activity = Plan {
        title: "draw".to_owned(),
        sponsor: user(0),
        schedule: Schedule::default(),
        limits: Limits::default(),
        kind: KindPlan::Draw(Box::new(plan.clone())),
        conditions: Conditions::default(),
        decoy: None,
    };
    let activity = Activity::draft(ActivityId(1), room(1), activity, Seed([7; 32]));
    let mut draw = Draw::open(activity.draw_rules().expect("it is a draw").hash());
    (0..ENTRIES).for_each(|n| draw.enter(user(n.into())));
    draw.freeze();
    (activity, plan, draw)
}

pub(crate) fn bench(criterion: &mut Criterion) {
    let (mut activity, plan, mut draw) = closed();
    let (name, seed) = (activity.draw_rules().expect("it is a draw").draw, activity.draw_seed());
    let mut group = criterion.benchmark_group("draws");
    group.sample_size(10);
    group.bench_function("draw_100k", |bench| bench.iter(|| black_box(&draw).ranking(&plan, &name, &seed, None)));
    let ranking = draw.ranking(&plan, &name, &seed, None);
    draw.draw(&plan, Time::from_ms(1), None, ranking);
    activity.kind = Some(Kind::Draw(Box::new(draw)));
    let json = DrawRecord::of(&activity).expect("it is drawn").to_json();
    group.bench_function("verify_100k", |bench| {
        bench.iter(|| check_record(black_box(&json)).expect("it holds"));
    });
    let entrant = user(77_777);
    let proof = DrawProof::of(&activity, &entrant).expect("it entered");
    group.bench_function("prove", |bench| bench.iter(|| DrawProof::of(black_box(&activity), &entrant)));
    group.bench_function("check_proof", |bench| bench.iter(|| black_box(&proof).holds()));
    group.finish();
}
