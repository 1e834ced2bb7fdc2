//! The shape of the report and what it concludes.

use std::time::{Duration, Instant};

use super::*;
use crate::board::{Board, Flight, Verdict};
use crate::schedule::Window;

fn keys(value: &serde_json::Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

fn run(open_loop: bool, behind: Duration, operations: u64) -> (Tally, Watched) {
    let window = Window::after(Instant::now(), Duration::ZERO, Duration::from_secs(1));
    let board = Board::new(window, open_loop, 1);
    for key in 0..operations {
        let intended = window.from + Duration::from_millis(key);
        let flight = Flight { key, intended, sent: intended + behind };
        board.desk(0).tally().sent(&flight);
        let answer = flight.sent + Duration::from_millis(3);
        board.desk(0).tally().answered(&flight, Verdict::Granted, answer);
    }
    let reading = |cpu, rss_bytes| Reading { cpu, rss_bytes };
    let watched = Watched {
        answers: operations,
        seconds: 0.5,
        server: Some((reading(Duration::ZERO, 1_000), reading(Duration::from_millis(50), 2_000))),
        tester_cpu: Duration::from_millis(40),
        steps: Vec::new(),
    };
    (board.total(), watched)
}

#[test]
fn the_json_has_the_documented_keys() {
    let (tally, watched) = run(true, Duration::ZERO, 100);
    let report = Report::of(10, Some(100), &tally, &watched)
        .with_memory(Reading::default(), Reading { cpu: Duration::ZERO, rss_bytes: 320_000 })
        .with_invariant("books_balance", true)
        .judged();
    let json = serde_json::to_value(&report).unwrap();
    for key in "offered sent completed granted refused errors pending latency_us service_us ops_per_s \
                server_cpu_us_per_op server_rss_bytes server_rss_bytes_per_conn invariants ok schedule_kept behind_us_max"
        .split_whitespace()
    {
        assert!(keys(&json).contains(&key), "{key}");
    }
    assert_eq!(keys(&json["latency_us"]), ["max", "p50", "p90", "p99", "p999"]);
    assert_eq!(json["ops_per_s"], 200.0);
    assert_eq!(json["server_cpu_us_per_op"], 500.0);
    assert_eq!(json["server_rss_bytes_per_conn"], 32_000);
    assert_eq!(json["ok"], true);
}

#[test]
fn what_does_not_apply_is_left_out() {
    let json = serde_json::to_value(Report::default()).unwrap();
    assert!(!keys(&json).contains(&"latency_us"));
    assert!(!keys(&json).contains(&"schedule_kept"));
}

#[test]
fn a_schedule_that_was_not_kept_is_said() {
    let (tally, watched) = run(true, Duration::from_millis(40), 100);
    let report = Report::of(10, Some(100), &tally, &watched);
    assert_eq!(report.schedule_kept, Some(false));
    assert!(report.behind_us_max.unwrap() >= 40_000);
    assert!(report.latency_us.unwrap().p50 >= 43_000);
    assert!(report.service_us.unwrap().p50 < 4_000);

    let (tally, watched) = run(true, Duration::ZERO, 100);
    let kept = |offered| Report::of(10, Some(offered), &tally, &watched).schedule_kept;
    assert_eq!(kept(100), Some(true));
    assert_eq!(kept(101), Some(false), "one was never sent");
}

#[test]
fn the_closed_loop_offers_what_it_sends() {
    let (tally, watched) = run(false, Duration::ZERO, 100);
    let report = Report::of(10, None, &tally, &watched);
    assert_eq!((report.offered, report.sent), (100, 100));
    assert_eq!(report.latency_us, report.service_us);
    assert_eq!(report.schedule_kept, None);
}

#[test]
fn errors_pending_and_broken_invariants_are_not_ok() {
    let sound = Report::default;
    assert!(sound().judged().ok);
    assert!(!sound().with_invariant("books_balance", false).judged().ok);
    assert!(!Report { errors: 1, ..sound() }.judged().ok);
    assert!(!Report { pending: 1, ..sound() }.judged().ok);
}
