//! The simulation: one process, no threads, no real time, no real network; everything follows from a seed.
//!
//! The engine, the keeper, the journal, the gate, the sessions and the client are the real ones. The disk, the clock, the
//! network, the people and their luck are simulated. `referee` says what must hold, at every step and after every recovery.
//!
//! `LIVEROOM_SIM_SEEDS=N` runs N seeds (100 if not set; 30 in debug builds), from `LIVEROOM_SIM_FROM` (0) on; `LIVEROOM_SIM_SEED=S` runs one.
//! `LIVEROOM_SIM_VERBOSE` prints every count.
//!
//! | file | subject |
//! |---|---|
//! | `world`, `ending` | the loop and what goes wrong; healing and the last checks |
//! | `setup` | what a seed plays with |
//! | `server`, `door` | the server of one life; one session of it, observed |
//! | `network`, `traffic` | connections that delay, cut and stall; moving bytes over them |
//! | `viewer`, `presses` | the client and its memory; what is pressed, honestly and not |
//! | `caller`, `hosts`, `calendar` | those who come through the API; what they ask for; what they plan ahead |
//! | `referee` | what must hold |
//! | `chance`, `tally` | chance; counting and the trace |

mod calendar;
mod caller;
mod chance;
mod door;
mod ending;
mod hosts;
mod network;
mod operator;
mod presses;
mod referee;
mod server;
mod setup;
mod tally;
mod traffic;
mod viewer;
mod world;

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use tally::Tally;
use world::World;

/// What has to happen at least once in many seeds, or the simulation looks away from it.
const MUST_HAPPEN: &[&str] = &[
    "event.room_created",
    "event.drafted",
    "event.rejected",
    "event.stepped_schedule",
    "event.stepped_warm_up",
    "event.stepped_open",
    "event.stepped_close",
    "event.stepped_settle",
    "event.stepped_cancel",
    "event.wave_released",
    "event.amended",
    "event.granted",
    "event.refused",
    "event.reserved",
    "event.released",
    "event.expired",
    "event.paid",
    "event.paid_late",
    "event.paid_refund_due",
    "event.topped_up",
    "event.archived",
    "event.template_saved",
    "event.template_deleted",
    "event.drafted_like_template",
    "event.recurs",
    "event.recurrence_paused",
    "event.recurrence_resumed",
    "event.recurrence_ended",
    "event.occurrence_created",
    "event.occurrence_missed",
    "event.campaign_created",
    "event.campaign_joined",
    "event.campaign_phase",
    "event.campaign_archived",
    "event.forgotten",
    "event.entered",
    "event.drawn",
    "event.drawn_held",
    "event.granted_held",
    "event.hold_ended",
    "event.hold_ran_out",
    "event.risk",
    "refused.not_open",
    "refused.closed",
    "refused.sold_out",
    "refused.limit_reached",
    "refused.insufficient_stock",
    "refused.order_paid",
    "refused.order_released",
    "refused.room_day_limit",
    "refused.win_cap",
    "told.invalid",
    "told.conflict",
    "told.unknown_activity",
    "told.wrong_kind",
    "told.unknown_sku",
    "told.unknown_order",
    "told.forbidden",
    "told.rate_limited",
    "told.too_many_in_flight",
    "told.overloaded",
    "told.unavailable",
    "fault.power_loss",
    "fault.kill",
    "fault.short_write",
    "fault.write_full",
    "fault.write_fails",
    "fault.sync_fails",
    "fault.store_failed",
    "fault.disk_full",
    "fault.clock_forward",
    "fault.clock_back",
    "fault.connection_lost",
    "fault.slow_reader",
    "recovered.from_snapshot",
    "recovered.torn_tail",
    "recovered.unsaid",
    "journal.trimmed",
    "gate.refused",
    "answered.pending",
    "repeated.same_answer",
    "viewer.same_answer",
    "viewer.hold_heard",
    "mailbox.lagged",
    "mailbox.talk_dropped",
    "resume.recovered",
    "resume.snapshot",
    "sink.delivered",
    "views.compared",
];

/// With fewer seeds than this, something may not have happened.
const SEEDS_FOR_COVERAGE: u64 = 100;

/// Runs without optimization take ten times as long.
const SEEDS: u64 = if cfg!(debug_assertions) { 30 } else { 100 };

#[test]
fn whatever_happens_the_invariants_hold() {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().expect("a number"));
    if let Some(seed) = number("LIVEROOM_SIM_SEED") {
        let (tally, hash) = simulate(seed);
        summarize(1, &tally);
        println!("trace {hash:016x}");
        return;
    }
    let seeds = number("LIVEROOM_SIM_SEEDS").unwrap_or(SEEDS);
    let mut all = Tally::default();
    let first = number("LIVEROOM_SIM_FROM").unwrap_or(0);
    for seed in first..first + seeds {
        all.merge(simulate(seed).0);
    }
    summarize(seeds, &all);
    if seeds >= SEEDS_FOR_COVERAGE {
        let missing: Vec<_> = MUST_HAPPEN.iter().filter(|what| all.of(what) == 0).collect();
        assert!(missing.is_empty(), "never happened: {missing:?}");
    }
}

#[test]
fn a_seed_repeats_itself() {
    for seed in 1_000_000..1_000_003 {
        assert_eq!(simulate(seed).1, simulate(seed).1, "seed {seed} went two ways");
    }
}

fn simulate(seed: u64) -> (Tally, u64) {
    let run = || {
        let mut world = World::new(seed);
        world.run();
        (std::mem::take(&mut world.tally), world.trace.hash())
    };
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|panic| {
        eprintln!("seed {seed} failed; replay it with");
        eprintln!("  LIVEROOM_SIM_SEED={seed} cargo test -p liveroom --test sim whatever -- --nocapture");
        resume_unwind(panic)
    })
}

fn summarize(seeds: u64, tally: &Tally) {
    println!(
        "{seeds} seeds, {} steps, {} crashes, {} events, {} grants, {} orders, {} gate refusals; refused: {}",
        tally.of("steps"),
        tally.of("fault.power_loss") + tally.of("fault.kill"),
        tally.sum("event."),
        tally.of("event.granted"),
        tally.of("event.reserved"),
        tally.of("gate.refused"),
        tally.all("refused."),
    );
    if std::env::var_os("LIVEROOM_SIM_VERBOSE").is_some() {
        println!("{}", tally.all(""));
    }
}
