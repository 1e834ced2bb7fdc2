//! `liveroom audit` over a data directory as a server leaves it: journal, snapshots, the sink's files, and what
//! clients were told.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;
use std::time::Duration;

use liveroom::events::ndjson::{NdjsonFiles, Rolling};
use liveroom::events::{CursorFile, Pace, Relay};
use liveroom::rules::*;
use liveroom::server::JOURNAL;
use liveroom::server::audit::EVENTS_DIR;
use liveroom::store::audit::Ack;
use liveroom::store::embedded::{Checkpointer, EventReader};
use liveroom::store::journal::{Options, RealDisk};
use liveroom::store::*;

use crate::stage::{START, fen, plan, rain, request, room, user};

/// An evening in `dir`: a rain of 400 shares, most of them given; with snapshots, and a log without its beginning.
fn evening(dir: &Path) -> Vec<Ack> {
    let disk = Arc::new(RealDisk::open(&dir.join(JOURNAL)).unwrap());
    let options = Options { segment_bytes: 8 << 10, record_bytes_max: 2 << 10, epoch: 1, background: false };
    let bounds = Bounds::default();
    let (mut keeper, found) = EmbeddedKeeper::open(disk.clone(), &options, bounds).unwrap();
    let log = keeper.log().clone();
    let events = dir.join(EVENTS_DIR);
    let sink = NdjsonFiles::open(&events, Rolling { file_bytes_max: 20_000, file_span_ms: 1_000_000 }).unwrap();
    let cursor = CursorFile::open(events.join("cursor")).unwrap();
    let pace = Pace { secure_every: Duration::ZERO, ..Pace::default() };
    let relay = Relay::start(Box::new(EventReader::new(log.clone())), Box::new(sink), Box::new(cursor), pace).unwrap();
    let progress = Arc::clone(relay.progress());
    let secured = Arc::clone(&progress);
    let mut checkpoints = Checkpointer::new(disk, log.clone(), bounds, Box::new(move || secured.secured()), &found);

    let mut acks = Vec::new();
    let mut ask = |keeper: &mut EmbeddedKeeper, partition, by: &str, id, ask| {
        let op = Op { partition, by: Some(user(by)), request: Some(request(id)), ask };
        let (mut answers, mut events) = (Vec::new(), Vec::new());
        keeper.commit(START, std::slice::from_ref(&op), &mut answers, &mut events).unwrap();
        acks.extend(Ack::of(room(), user(by), request(id), &op.ask, &answers[0]));
        answers.remove(0)
    };
    let here = Partition::Room(room());
    ask(&mut keeper, here, "host", 1, Ask::CreateRoom { host: user("host"), utc_offset_min: 480 });
    let top_up = Ask::TopUp { currency: Currency::Fen, amount: 100_000 };
    ask(&mut keeper, Partition::Wallet(user("host")), "op", 1, top_up);
    let draft = Ask::Draft { plan: Box::new(plan(rain(400, 7))), seed: Seed([3; 32]) };
    ask(&mut keeper, here, "host", 2, draft);
    let activity = ActivityId(1);
    ask(&mut keeper, here, "host", 3, Ask::Step { activity, step: Step::Schedule });
    ask(&mut keeper, here, "host", 4, Ask::Step { activity, step: Step::Open });
    let more = Amendment { budget: fen(70), shares: 10, ..Amendment::default() };
    for n in 0..380 {
        let token = keeper.gate(activity).unwrap().token;
        ask(&mut keeper, here, &format!("u{n}"), 1, Ask::Claim { activity, token, opening: 1 });
        if n == 200 {
            ask(&mut keeper, here, "host", 5, Ask::Amend { activity, amendment: Box::new(more.clone()) });
        }
        if n % 100 == 99 {
            while progress.secured() < log.durable_seq() {
                relay.wake();
                std::thread::yield_now();
            }
            checkpoints.run(1).unwrap();
        }
    }
    relay.stop();
    assert!(log.first_seq() > 1, "the beginning of the log was trimmed");
    acks
}

fn audit(dir: &Path, acks: &[Ack]) -> (Output, serde_json::Value) {
    let (file, json) = (dir.join("acks.ndjson"), dir.join("audit.json"));
    let lines = acks.iter().map(|ack| serde_json::to_string(ack).unwrap() + "\n");
    fs::write(&file, lines.collect::<String>()).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_liveroom"));
    command.arg("audit").arg("--data-dir").arg(dir).arg("--acks").arg(&file).arg("--json").arg(&json);
    let output = command.output().unwrap();
    let report = fs::read(&json).ok().map(|text| serde_json::from_slice(&text).unwrap());
    (output, report.unwrap_or_default())
}

/// What can be checked of a stopped server, by name.
const EVERY_INVARIANT: [&str; 28] = [
    "acknowledgements_kept",
    "answers_stable",
    "boards_add_up",
    "books_balance",
    "campaigns_add_up",
    "codes_given_once",
    "coupons_used_once",
    "decoys_give_nothing",
    "draws_recompute",
    "experiment_results_match",
    "fans_add_up",
    "gifts_add_up",
    "goals_are_reached",
    "grants_once",
    "head_starts_kept",
    "holds_end_once",
    "occurrences_once",
    "orders_end_once",
    "phases_advance",
    "pools_balance",
    "refusals_bounded",
    "replay_equals_state",
    "risks_lapse",
    "shares_add_up",
    "sink_equals_log",
    "talk_counts_once",
    "votes_add_up",
    "watched_is_presence",
];

#[test]
fn a_stopped_server_is_audited() {
    let dir = tempfile::tempdir().unwrap();
    let acks = evening(dir.path());
    let (output, report) = audit(dir.path(), &acks);
    assert!(output.status.success(), "{output:?} {report:#}");
    let invariants = report["invariants"].as_object().unwrap();
    let names: Vec<&str> = invariants.keys().map(String::as_str).collect();
    assert_eq!(names, EVERY_INVARIANT);
    assert!(invariants.values().all(|holds| holds == true));
}

#[test]
fn what_does_not_hold_ends_in_failure_and_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let mut acks = evening(dir.path());
    // Somebody was told of a grant that the server does not know.
    acks[0].request_id = request(77);
    let (output, report) = audit(dir.path(), &acks);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("acknowledgements_kept"), "{output:?}");
    assert_eq!(report["ok"], false);
    acks.remove(0);

    // A line of the sink says something else.
    let files = liveroom::events::ndjson::files(&dir.path().join(EVENTS_DIR)).unwrap();
    assert!(files.len() > 2, "{files:?}");
    let last = files.last().unwrap();
    let text = fs::read_to_string(last).unwrap();
    fs::write(last, text.replacen("\"amount_fen\":7", "\"amount_fen\":8", 1)).unwrap();
    let (output, report) = audit(dir.path(), &acks);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(report["invariants"]["sink_equals_log"], false);
    assert_eq!(report["invariants"]["replay_equals_state"], true);

    // Nothing there at all.
    let elsewhere = tempfile::tempdir().unwrap();
    let (output, report) = audit(elsewhere.path(), &acks[..0]);
    assert_eq!(output.status.code(), Some(2), "no verdict: {report}");
}
