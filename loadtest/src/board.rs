//! Where viewers post what they did and saw. One desk per worker keeps them out of each other's way.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use hdrhistogram::Histogram;
use parking_lot::{Mutex, MutexGuard};

use crate::schedule::Window;

/// The slowest that is told apart: a minute.
const LATENCY_US_MAX: u64 = 60_000_000;

/// What an answer said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Something was given.
    Granted,
    /// It was done, and nothing is given by it.
    Done,
    /// Nothing was given, for the reason with this code, decided or not done.
    Refused(&'static str),
    /// Not known yet.
    Pending,
    /// An answer that should not exist.
    Wrong,
}

/// One operation under way.
#[derive(Debug, Clone, Copy)]
pub struct Flight {
    /// The name that its answer bears.
    pub key: u64,
    /// When it was meant to start.
    pub intended: Instant,
    /// When it was handed to the transport.
    pub sent: Instant,
}

/// The counts of one desk, or of all.
#[derive(Debug, Clone)]
pub struct Tally {
    window: Window,
    open_loop: bool,
    /// Operations sent whose start lies in the window.
    pub sent: u64,
    /// Those of them that were answered.
    pub completed: u64,
    /// Those of them that were given something.
    pub granted: u64,
    /// Those of them that were not, by reason.
    pub refused: BTreeMap<&'static str, u64>,
    /// Wrong answers, and lines and operations lost with them.
    pub errors: u64,
    /// Operations answered with pending, or not at all.
    pub pending: u64,
    /// From the intended start to the answer.
    pub latency_us: Histogram<u64>,
    /// From the actual start to the answer; kept in the open loop, where it differs.
    pub service_us: Histogram<u64>,
    /// From the intended start to the actual one; kept in the open loop.
    pub behind_us: Histogram<u64>,
    /// All answers ever, in the window or not: differences of it over time are the throughput.
    pub answers: u64,
    /// When the latest of them came.
    pub last_answer: Option<Instant>,
}

impl Tally {
    /// An empty tally.
    pub fn new(window: Window, open_loop: bool) -> Self {
        let histogram =
            || Histogram::new_with_bounds(1, LATENCY_US_MAX, 3).expect("bounds in order, three digits are allowed");
        Self {
            window,
            open_loop,
            sent: 0,
            completed: 0,
            granted: 0,
            refused: BTreeMap::new(),
            errors: 0,
            pending: 0,
            latency_us: histogram(),
            service_us: histogram(),
            behind_us: histogram(),
            answers: 0,
            last_answer: None,
        }
    }

    /// An operation started.
    pub fn sent(&mut self, flight: &Flight) {
        if self.window.counts(flight.intended) {
            self.sent += 1;
            if self.open_loop {
                record(&mut self.behind_us, flight.sent - flight.intended);
            }
        }
    }

    /// One operation for each of `viewers` started.
    pub fn sent_to_all(&mut self, intended: Instant, sent: Instant, viewers: u64) {
        if self.window.counts(intended) {
            self.sent += viewers;
            if self.open_loop {
                record(&mut self.behind_us, sent - intended);
            }
        }
    }

    /// An operation was answered.
    pub fn answered(&mut self, flight: &Flight, verdict: Verdict, at: Instant) {
        self.answers += 1;
        self.last_answer = Some(at);
        if !self.window.counts(flight.intended) {
            return;
        }
        self.completed += 1;
        match verdict {
            Verdict::Granted => self.granted += 1,
            Verdict::Done => {}
            Verdict::Refused(reason) => *self.refused.entry(reason).or_default() += 1,
            Verdict::Pending => self.pending += 1,
            Verdict::Wrong => self.errors += 1,
        }
        record(&mut self.latency_us, at - flight.intended);
        if self.open_loop {
            record(&mut self.service_us, at - flight.sent);
        }
    }

    /// An operation will never be answered: its line broke, or the time was up.
    pub fn unanswered(&mut self, flight: &Flight, line_broke: bool) {
        if self.window.counts(flight.intended) {
            self.pending += 1;
            self.errors += u64::from(line_broke);
        }
    }

    /// Something arrived that no operation explains, or a line broke with none under way.
    pub fn wrong(&mut self) {
        self.errors += 1;
    }

    /// Takes in another's counts.
    pub fn add(&mut self, other: &Self) {
        self.sent += other.sent;
        self.completed += other.completed;
        self.granted += other.granted;
        for (reason, count) in &other.refused {
            *self.refused.entry(reason).or_default() += count;
        }
        self.errors += other.errors;
        self.pending += other.pending;
        for (mine, theirs) in [
            (&mut self.latency_us, &other.latency_us),
            (&mut self.service_us, &other.service_us),
            (&mut self.behind_us, &other.behind_us),
        ] {
            mine.add(theirs).expect("the bounds are the same");
        }
        self.answers += other.answers;
        self.last_answer = self.last_answer.max(other.last_answer);
    }
}

fn record(histogram: &mut Histogram<u64>, span: std::time::Duration) {
    histogram.saturating_record(u64::try_from(span.as_micros()).unwrap_or(LATENCY_US_MAX));
}

/// All desks.
#[derive(Debug)]
pub struct Board {
    window: Window,
    open_loop: bool,
    desks: Box<[Mutex<Tally>]>,
}

impl Board {
    /// A board of `desks` desks.
    pub fn new(window: Window, open_loop: bool, desks: usize) -> Arc<Self> {
        let desk = || Mutex::new(Tally::new(window, open_loop));
        Arc::new(Self { window, open_loop, desks: (0..desks.max(1)).map(|_| desk()).collect() })
    }

    /// What counts.
    pub fn window(&self) -> Window {
        self.window
    }

    /// Whether operations have an intended start of their own.
    pub fn open_loop(&self) -> bool {
        self.open_loop
    }

    /// The desk where the n-th viewer posts.
    pub fn desk(self: &Arc<Self>, viewer: usize) -> Desk {
        Desk { board: Arc::clone(self), index: viewer % self.desks.len() }
    }

    /// All answers so far, and when the latest came.
    pub fn answers(&self) -> (u64, Option<Instant>) {
        self.desks.iter().fold((0, None), |(count, last), desk| {
            let desk = desk.lock();
            (count + desk.answers, last.max(desk.last_answer))
        })
    }

    /// The sum of all desks.
    pub fn total(&self) -> Tally {
        let mut total = Tally::new(self.window, self.open_loop);
        for desk in &self.desks {
            total.add(&desk.lock());
        }
        total
    }
}

/// Where a viewer posts.
#[derive(Debug, Clone)]
pub struct Desk {
    board: Arc<Board>,
    index: usize,
}

impl Desk {
    /// The tally, held for as long as it takes to post; not across an await.
    pub fn tally(&self) -> MutexGuard<'_, Tally> {
        self.board.desks[self.index].lock()
    }

    /// What counts.
    pub fn window(&self) -> Window {
        self.board.window
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    fn board(open_loop: bool) -> Arc<Board> {
        Board::new(Window::after(Instant::now(), ms(100), ms(100)), open_loop, 2)
    }

    #[test]
    fn the_open_loop_counts_from_the_intended_start() {
        let board = board(true);
        let intended = board.window().from;
        let flight = Flight { key: 1, intended, sent: intended + ms(5) };
        let desk = board.desk(0);
        desk.tally().sent(&flight);
        desk.tally().answered(&flight, Verdict::Granted, intended + ms(7));
        let total = board.total();
        assert_eq!((total.sent, total.completed, total.granted), (1, 1, 1));
        assert!((7_000..7_010).contains(&total.latency_us.max()));
        assert!((2_000..2_010).contains(&total.service_us.max()));
        assert!((5_000..5_010).contains(&total.behind_us.max()));
    }

    #[test]
    fn what_starts_outside_the_window_is_an_answer_and_no_more() {
        let board = board(false);
        let window = board.window();
        for (viewer, at) in [(0, window.from - ms(1)), (1, window.until)] {
            let flight = Flight { key: 1, intended: at, sent: at };
            board.desk(viewer).tally().sent(&flight);
            board.desk(viewer).tally().answered(&flight, Verdict::Done, at + ms(2));
            board.desk(viewer).tally().unanswered(&flight, true);
        }
        let total = board.total();
        assert_eq!((total.sent, total.completed, total.pending, total.errors), (0, 0, 0, 0));
        assert_eq!(board.answers(), (2, Some(window.until + ms(2))));
    }

    #[test]
    fn every_verdict_has_its_place() {
        let board = board(false);
        let at = board.window().from;
        let flight = Flight { key: 1, intended: at, sent: at };
        for (viewer, verdict) in [
            Verdict::Granted,
            Verdict::Done,
            Verdict::Refused("sold_out"),
            Verdict::Refused("sold_out"),
            Verdict::Refused("not_open"),
            Verdict::Pending,
            Verdict::Wrong,
        ]
        .into_iter()
        .enumerate()
        {
            board.desk(viewer).tally().answered(&flight, verdict, at);
        }
        board.desk(0).tally().unanswered(&flight, false);
        board.desk(0).tally().unanswered(&flight, true);
        let total = board.total();
        assert_eq!(total.completed, 7);
        assert_eq!(total.granted, 1);
        assert_eq!(total.refused, BTreeMap::from([("not_open", 1), ("sold_out", 2)]));
        assert_eq!(total.pending, 3);
        assert_eq!(total.errors, 2);
    }
}
