//! One viewer's ear, and the rounds that many ears hear: every round is one message to everybody.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use crate::board::{Desk, Flight, Verdict};
use crate::drive::NotUnderstood;
use crate::line::{LineBroke, LineIn};

/// Rounds that may be under way at once.
const ROUNDS_MAX: usize = 4096;

/// How a viewer understands what is said to everybody.
pub trait Hearing: Send + 'static {
    /// Reads the whole messages at the front of `input`, appends the number of each round among them to `rounds`, and says
    /// how many bytes were whole messages.
    fn hear(&mut self, input: &[u8], rounds: &mut Vec<u64>) -> Result<usize, NotUnderstood>;
}

/// When each round was meant to be called and was, and how many heard it.
#[derive(Debug)]
pub struct Rounds {
    base: Instant,
    ears: u64,
    intended_ns: Box<[AtomicU64]>,
    called_ns: Box<[AtomicU64]>,
    heard: AtomicU64,
    /// How many rounds somebody has heard.
    reached: AtomicU64,
    news: Notify,
}

impl Rounds {
    /// Rounds for `ears` viewers.
    pub fn new(ears: usize) -> Arc<Self> {
        let slots = || (0..ROUNDS_MAX).map(|_| AtomicU64::new(0)).collect();
        Arc::new(Self {
            base: Instant::now(),
            ears: ears as u64,
            intended_ns: slots(),
            called_ns: slots(),
            heard: AtomicU64::new(0),
            reached: AtomicU64::new(0),
            news: Notify::new(),
        })
    }

    /// Notes when a round was meant to be called, and that it is about to be.
    pub fn begin(&self, round: u64, intended: Instant, called: Instant) {
        let slot = round as usize % ROUNDS_MAX;
        self.intended_ns[slot].store((intended - self.base).as_nanos() as u64, Ordering::Release);
        self.called_ns[slot].store((called - self.base).as_nanos() as u64, Ordering::Release);
    }

    /// Waits until everybody heard the first `rounds` rounds.
    pub async fn heard_by_all(&self, rounds: u64) {
        while self.heard.load(Ordering::Acquire) < rounds * self.ears {
            self.news.notified().await;
        }
    }

    /// Waits until somebody heard the first `rounds` rounds.
    pub async fn heard_by_any(&self, rounds: u64) {
        while self.reached.load(Ordering::Acquire) < rounds {
            self.news.notified().await;
        }
    }

    fn flight(&self, round: u64) -> Flight {
        let slot = round as usize % ROUNDS_MAX;
        let at = |ns: &AtomicU64| self.base + Duration::from_nanos(ns.load(Ordering::Acquire));
        Flight { key: round, intended: at(&self.intended_ns[slot]), sent: at(&self.called_ns[slot]) }
    }

    /// One viewer heard so many rounds, up to but not including `next`.
    fn heard(&self, count: u64, next: u64) {
        if count == 0 {
            return;
        }
        let before = self.heard.fetch_add(count, Ordering::AcqRel);
        let first =
            self.reached.load(Ordering::Relaxed) < next && self.reached.fetch_max(next, Ordering::AcqRel) < next;
        if first || before / self.ears != (before + count) / self.ears {
            self.news.notify_one();
        }
    }
}

/// Listens until the line ends, and posts each round it hears, in order and without a gap, as an answer.
pub async fn listen(mut hearing: impl Hearing, mut input: impl LineIn, rounds: Arc<Rounds>, desk: Desk) -> LineBroke {
    let mut bytes = Vec::new();
    let mut numbers = Vec::new();
    let mut expected = 0;
    loop {
        let before = bytes.len();
        match input.receive(&mut bytes).await {
            Ok(()) if bytes.len() == before => {
                return LineBroke("the server ended the stream".to_owned());
            }
            Ok(()) => {}
            Err(broke) => return broke,
        }
        numbers.clear();
        let heard = hearing.hear(&bytes, &mut numbers);
        let now = Instant::now();
        {
            let mut tally = desk.tally();
            for &round in &numbers {
                let flight = rounds.flight(round);
                let verdict = if round == expected { Verdict::Done } else { Verdict::Wrong };
                expected = round + 1;
                tally.answered(&flight, verdict, now);
            }
            if heard.is_err() {
                tally.wrong();
            }
        }
        rounds.heard(numbers.len() as u64, expected);
        match heard {
            Ok(whole) => drop(bytes.drain(..whole)),
            Err(error) => return LineBroke(error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::board::Board;
    use crate::schedule::Window;
    use std::collections::VecDeque;

    struct Bytes;

    impl Hearing for Bytes {
        fn hear(&mut self, input: &[u8], rounds: &mut Vec<u64>) -> Result<usize, NotUnderstood> {
            rounds.extend(input.iter().map(|&byte| u64::from(byte)));
            Ok(input.len())
        }
    }

    struct Script(VecDeque<Vec<u8>>);

    impl LineIn for Script {
        async fn receive(&mut self, into: &mut Vec<u8>) -> Result<(), LineBroke> {
            into.extend(self.0.pop_front().unwrap_or_default());
            Ok(())
        }
    }

    #[tokio::test]
    async fn rounds_are_heard_by_all_and_a_gap_is_an_error() {
        let now = Instant::now();
        let board = Board::new(Window::after(now, Duration::ZERO, Duration::from_secs(60)), false, 2);
        let rounds = Rounds::new(2);
        for round in 0..3 {
            rounds.begin(round, Instant::now(), Instant::now());
        }
        let whole = Script([vec![0, 1], vec![2]].into());
        let gap = Script([vec![0, 2]].into());
        listen(Bytes, whole, Arc::clone(&rounds), board.desk(0)).await;
        listen(Bytes, gap, Arc::clone(&rounds), board.desk(1)).await;
        rounds.heard_by_all(2).await;
        rounds.heard_by_any(3).await;
        let total = board.total();
        assert_eq!((total.completed, total.errors), (5, 1));
    }
}
