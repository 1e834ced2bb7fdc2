//! At least once, in order, whatever fails.

use std::sync::mpsc::{Receiver, Sender, channel};

use parking_lot::Mutex;

use super::*;
use crate::events::{CursorFile, SinkError, SourceError};
use crate::rules::{Account, Currency, Posting, Time, UserId};
use crate::store::{Cause, Event};

/// A log that tests append to.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<Recorded>>>);

impl Log {
    fn append(&self, count: u64) {
        let mut log = self.0.lock();
        for _ in 0..count {
            let to = Account::Wallet(UserId::parse("u").unwrap());
            let posting = Posting { from: Account::Outside, to, currency: Currency::Fen, amount: 1 };
            let event = Event::ToppedUp { posting, balance: 1, cause: Cause { by: None, request: None } };
            let no = log.len() as u64 + 1;
            log.push(Recorded::new(no, Time::from_ms(0), event));
        }
    }
}

impl EventSource for Log {
    fn next(&mut self, after: u64, max: usize, out: &mut Vec<Recorded>) -> Result<(), SourceError> {
        out.extend(self.0.lock().iter().skip(after as usize).take(max).cloned());
        Ok(())
    }

    fn latest(&self) -> u64 {
        self.0.lock().len() as u64
    }
}

/// What a sink was asked for, in order; and what it answers.
#[derive(Debug, PartialEq, Eq)]
enum Seen {
    Delivered(u64, u64),
    Secured,
    Failed,
}

struct TestSink {
    seen: Sender<Seen>,
    /// Whether the next calls fail; then they succeed.
    fail: Arc<Mutex<Vec<bool>>>,
}

impl TestSink {
    fn call(&self, what: Seen) -> Result<(), SinkError> {
        if self.fail.lock().pop() == Some(true) {
            self.seen.send(Seen::Failed).unwrap();
            return Err(SinkError::Other("down".to_owned()));
        }
        self.seen.send(what).unwrap();
        Ok(())
    }
}

impl Sink for TestSink {
    fn deliver(&mut self, batch: &[Recorded]) -> Result<(), SinkError> {
        self.call(Seen::Delivered(batch[0].no, batch[batch.len() - 1].no))
    }

    fn secure(&mut self) -> Result<(), SinkError> {
        self.call(Seen::Secured)
    }
}

struct Bench {
    dir: tempfile::TempDir,
    log: Log,
    fail: Arc<Mutex<Vec<bool>>>,
}

impl Bench {
    fn new(events: u64) -> Self {
        let bench = Self { dir: tempfile::tempdir().unwrap(), log: Log::default(), fail: Arc::default() };
        bench.log.append(events);
        bench
    }

    fn cursor(&self) -> CursorFile {
        CursorFile::open(self.dir.path().join("cursor")).unwrap()
    }

    fn start(&self, pace: Pace) -> (Relay, Receiver<Seen>) {
        let (seen, received) = channel();
        let sink = TestSink { seen, fail: Arc::clone(&self.fail) };
        (Relay::start(Box::new(self.log.clone()), Box::new(sink), Box::new(self.cursor()), pace).unwrap(), received)
    }
}

/// Nothing is made safe before the end, and failures are tried again at once.
fn pace() -> Pace {
    Pace {
        batch_events: 10,
        rest: Duration::from_secs(3_600),
        secure_every: Duration::from_secs(3_600),
        back_off: (Duration::ZERO, Duration::ZERO),
    }
}

#[test]
fn everything_is_delivered_in_order_and_then_noted() {
    let bench = Bench::new(25);
    let (relay, seen) = bench.start(pace());
    for want in [Seen::Delivered(1, 10), Seen::Delivered(11, 20), Seen::Delivered(21, 25)] {
        assert_eq!(seen.recv().unwrap(), want);
    }
    assert_eq!(bench.cursor().at(), 0, "not before it is safe");
    bench.log.append(3);
    relay.wake();
    assert_eq!(seen.recv().unwrap(), Seen::Delivered(26, 28));
    bench.log.append(2);
    let progress = Arc::clone(relay.progress());
    relay.stop();
    assert_eq!(seen.iter().collect::<Vec<_>>(), [Seen::Delivered(29, 30), Seen::Secured]);
    assert_eq!((progress.backlog(), progress.delivered(), progress.secured(), progress.deliveries()), (0, 30, 30, 30));
    assert_eq!(bench.cursor().at(), 30);
    // The next start goes on from there.
    bench.log.append(1);
    let (relay, seen) = bench.start(pace());
    relay.stop();
    assert_eq!(seen.iter().collect::<Vec<_>>(), [Seen::Delivered(31, 31), Seen::Secured]);
}

#[test]
fn after_a_failure_all_that_is_not_safe_comes_again() {
    let bench = Bench::new(15);
    bench.cursor().store(5).unwrap();
    // The last comes first: delivered, failed, then all goes well.
    *bench.fail.lock() = vec![true, true, false];
    let (relay, seen) = bench.start(pace());
    let want = [
        Seen::Delivered(6, 15),
        Seen::Failed,
        Seen::Failed,
        Seen::Delivered(6, 15),
        Seen::Delivered(16, 18),
        Seen::Secured,
    ];
    assert_eq!(seen.recv().unwrap(), want[0]);
    bench.log.append(3);
    relay.wake();
    let progress = Arc::clone(relay.progress());
    let rest: Vec<_> = (0..4).map(|_| seen.recv().unwrap()).collect();
    relay.stop();
    assert_eq!(
        rest.iter().chain(&seen.iter().collect::<Vec<_>>()).collect::<Vec<_>>(),
        want[1..].iter().collect::<Vec<_>>()
    );
    assert_eq!((progress.failures(), progress.is_failing(), progress.secured()), (2, false, 18));
}

#[test]
fn a_sink_that_stays_down_costs_a_backlog_and_nothing_else() {
    let bench = Bench::new(7);
    *bench.fail.lock() = vec![true; 10_000];
    let (relay, seen) =
        bench.start(Pace { back_off: (Duration::from_secs(3_600), Duration::from_secs(3_600)), ..pace() });
    assert_eq!(seen.recv().unwrap(), Seen::Failed);
    let progress = Arc::clone(relay.progress());
    relay.stop();
    assert!(progress.is_failing());
    assert_eq!((progress.backlog(), progress.secured(), bench.cursor().at()), (7, 0, 0));
}

#[test]
fn a_cursor_of_another_log_is_refused() {
    let bench = Bench::new(7);
    bench.cursor().store(8).unwrap();
    let sink = TestSink { seen: channel().0, fail: Arc::default() };
    let started = Relay::start(Box::new(bench.log.clone()), Box::new(sink), Box::new(bench.cursor()), pace());
    assert!(matches!(started, Err(StartError::Ahead { cursor: 8, latest: 7 })));
}
