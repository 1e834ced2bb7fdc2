//! Files: their names, their lines, and what a failure leaves.

use std::path::Path;

use super::*;
use crate::rules::*;
use crate::store::audit::{Auditor, Check, Invariant};
use crate::store::{Bounds, Cause, Event, Tables};

fn room() -> RoomId {
    RoomId::parse("r").unwrap()
}

fn user(n: u64) -> UserId {
    UserId::parse(&format!("u{n}")).unwrap()
}

fn recorded(no: u64, event: Event) -> Recorded {
    Recorded::new(no, Time::from_ms(1_000 + no as i64), event)
}

/// A room that is created, and as many top-ups as make `count` events.
fn events(count: u64) -> Vec<Recorded> {
    let cause = Cause { by: Some(user(0)), request: None };
    let first = recorded(1, Event::RoomCreated { room: room(), host: user(0), utc_offset_min: 0, cause });
    let top_up = |no: u64| {
        let (from, to) = (Account::Outside, Account::Wallet(user(1)));
        let posting = Posting { from, to, currency: Currency::Fen, amount: 1 };
        recorded(no, Event::ToppedUp { posting, balance: no as i64 - 1, cause })
    };
    std::iter::once(first).chain((2..=count).map(top_up)).collect()
}

fn names(dir: &Path) -> Vec<String> {
    let name = |path: &PathBuf| path.file_name().unwrap().to_str().unwrap().to_owned();
    files(dir).unwrap().iter().map(name).collect()
}

/// What an audit says of the files, after a log of these events.
fn compare(dir: &Path, log: &[Recorded], expect: Expect) -> Result<(), String> {
    let mut auditor = Auditor::new(Tables::new(Bounds::default()));
    let mut tables = Tables::new(Bounds::default());
    let check = SinkEqualsLog::read(dir, expect).unwrap();
    assert_eq!(check.invariant(), Invariant::SinkEqualsLog);
    auditor.add(Box::new(check));
    for event in log {
        auditor.see(event);
        tables.evolve(event).unwrap();
    }
    let report = auditor.report(&tables);
    let finding = report.findings.into_iter().find(|finding| finding.name == Invariant::SinkEqualsLog).unwrap();
    if finding.ok { Ok(()) } else { Err(finding.detail) }
}

#[test]
fn lines_are_flat_and_tell_no_secret() {
    let request = RequestId::new((1 << 53) + 1).unwrap();
    let fingerprint = Fingerprint(7);
    let activity = ActivityId(3);
    let cause = Cause { by: Some(user(9)), request: Some((request, fingerprint)) };
    let prize = Prize::Cash(Fen::new(88).unwrap());
    let granted = Event::Granted {
        room: room(),
        activity,
        user: user(1),
        request,
        fingerprint,
        unit: 4,
        prize,
        held_until: None,
    };
    let refusal = Refusal { code: RefusalCode::WinCap, have: 1, limit: 1 };
    let line = OrderLine { sku: SkuId(1), quantity: 2, unit_price: Fen::new(50).unwrap() };
    let reserved = Event::Reserved {
        room: room(),
        activity,
        order: OrderId(6),
        user: user(1),
        lines: Box::new([line]),
        total: Fen::new(100).unwrap(),
        hold_until: Time::from_ms(99),
        request,
        fingerprint,
    };
    for (event, want) in [
        (
            granted,
            r#"{"id":5,"at_ms":1005,"kind":"granted","room":"r","activity":3,"user":"u1","request_id":"9007199254740993","unit":4,"amount_fen":88}"#,
        ),
        (
            Event::Refused { room: room(), activity, cause, refusal },
            r#"{"id":5,"at_ms":1005,"kind":"refused","room":"r","activity":3,"user":"u9","request_id":"9007199254740993","code":"win_cap","have":1,"limit":1}"#,
        ),
        (
            reserved,
            r#"{"id":5,"at_ms":1005,"kind":"reserved","room":"r","activity":3,"user":"u1","request_id":"9007199254740993","order":6,"lines":[{"sku":1,"quantity":2,"unit_price_fen":50}],"total_fen":100,"hold_until_ms":99}"#,
        ),
        (
            Event::WaveReleased { room: room(), activity, wave: 2 },
            r#"{"id":5,"at_ms":1005,"kind":"wave_released","room":"r","activity":3,"wave":2}"#,
        ),
    ] {
        assert_eq!(serde_json::to_string(&Line(&recorded(5, event))).unwrap(), want);
    }
    let plan = Plan {
        title: "t".to_owned(),
        sponsor: user(1),
        schedule: Schedule::default(),
        limits: Limits::default(),
        kind: KindPlan::Sale(SalePlan { skus: vec![], duration_ms: 1, hold_ms: 1 }),
        conditions: Conditions::default(),
        decoy: None,
    };
    let seed = Seed([0xAB; 32]);
    let drafted = Event::Drafted { room: room(), activity, plan: Box::new(plan), seed, cause };
    let line = serde_json::to_string(&Line(&recorded(5, drafted))).unwrap();
    assert!(line.contains(r#""plan":{"title":"t""#) && !line.contains("seed") && !line.contains("171"), "{line}");
}

#[test]
fn files_roll_by_size_and_by_time() {
    let dir = tempfile::tempdir().unwrap();
    let log = events(100);
    let line = serde_json::to_vec(&Line(&log[50])).unwrap().len() as u64;
    let mut sink =
        NdjsonFiles::open(dir.path(), Rolling { file_bytes_max: line * 30, file_span_ms: 1_000_000 }).unwrap();
    log.chunks(7).for_each(|batch| sink.deliver(batch).unwrap());
    sink.secure().unwrap();
    let by_size = names(dir.path());
    assert!((3..=5).contains(&by_size.len()), "{by_size:?}");
    assert_eq!(by_size[0], "events-00000000000000000001-000.ndjson");
    assert_eq!(compare(dir.path(), &log, Expect::All), Ok(()));

    let dir = tempfile::tempdir().unwrap();
    let mut sink = NdjsonFiles::open(dir.path(), Rolling { file_bytes_max: 1 << 30, file_span_ms: 40 }).unwrap();
    sink.deliver(&log).unwrap();
    sink.secure().unwrap();
    let number = |first: u64| format!("events-{first:020}-000.ndjson");
    assert_eq!(names(dir.path()), [1, 41, 81].map(number));
    assert_eq!(compare(dir.path(), &log, Expect::All), Ok(()));
}

#[test]
fn a_restart_repeats_and_never_skips() {
    let dir = tempfile::tempdir().unwrap();
    let log = events(30);
    let open = || NdjsonFiles::open(dir.path(), Rolling::default()).unwrap();
    let mut sink = open();
    sink.deliver(&log[..20]).unwrap();
    sink.secure().unwrap();
    // The crash cut the last line, and the cursor had not moved since event 10.
    let first = dir.path().join(&names(dir.path())[0]);
    let bytes = fs::read(&first).unwrap();
    fs::write(&first, &bytes[..bytes.len() - 9]).unwrap();
    assert_eq!(compare(dir.path(), &log, Expect::Prefix), Ok(()));
    for _ in 0..2 {
        let mut sink = open();
        sink.deliver(&log[10..]).unwrap();
        sink.secure().unwrap();
    }
    let number = |first: u64, attempt: u32| format!("events-{first:020}-{attempt:03}.ndjson");
    assert_eq!(names(dir.path()), [number(1, 0), number(11, 0), number(11, 1)]);
    assert_eq!(compare(dir.path(), &log, Expect::All), Ok(()));
}

#[test]
fn what_differs_from_the_log_is_found() {
    let log = events(9);
    let written = |change: &dyn Fn(&mut Vec<String>)| {
        let dir = tempfile::tempdir().unwrap();
        let mut lines: Vec<_> = log.iter().map(|event| serde_json::to_string(&Line(event)).unwrap()).collect();
        change(&mut lines);
        let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
        fs::write(dir.path().join("events-1-000.ndjson"), text).unwrap();
        compare(dir.path(), &log, Expect::All)
    };
    assert_eq!(written(&|_| {}), Ok(()));
    assert_eq!(written(&|lines| lines.push(lines[4].clone())), Ok(()), "repeats are allowed");
    type Change<'a> = &'a dyn Fn(&mut Vec<String>);
    let rows: [(Change<'_>, &str); 6] = [
        (&|lines| drop(lines.remove(4)), "event 6 follows 4"),
        (&|lines| drop(lines.remove(0)), "the sink misses event 1"),
        (&|lines| drop(lines.pop()), "the sink ends with event 8"),
        (&|lines| lines[4] = lines[4].replace("\"amount\":1", "\"amount\":2"), "event 5 with other content"),
        (&|lines| lines.push(lines[8].replace("\"id\":9", "\"id\":10")), "the sink has event 10"),
        (&|lines| lines[4] = "{".to_owned(), "is no event"),
    ];
    for (change, want) in rows {
        let found = written(change).unwrap_err();
        assert!(found.contains(want), "{found}, not {want}");
    }
}

#[test]
fn a_line_is_cheap() {
    // Not a benchmark: it keeps the allocations out of the hot path, by seeing that the buffer does not grow.
    let dir = tempfile::tempdir().unwrap();
    let mut sink = NdjsonFiles::open(dir.path(), Rolling::default()).unwrap();
    let room = sink.lines.capacity();
    sink.deliver(&events(5_000)).unwrap();
    assert_eq!(sink.lines.capacity(), room);
}
