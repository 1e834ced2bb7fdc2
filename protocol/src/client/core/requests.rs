//! The requests that have no final answer yet, over however many connections.

use std::time::{Duration, Instant};

use bytes::BytesMut;

use super::pause;
use crate::client::options::RetryPolicy;
use crate::client::outcome::{Outcome, RequestError};
use crate::client::random::Jitter;
use crate::codes::Retry;
use crate::frame::encode_frame;
use crate::wire::{Answer, ClientFrame, NotDone, answer, client_frame};

/// As many requests wait at most; above that the program waits.
const REQUESTS_MAX: usize = 256;

/// Until a welcome says more.
const IN_FLIGHT_MIN: usize = 1;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    Unsent,
    /// Sent on this connection; an answer will come.
    InFlight,
    /// Answered, not finally; to be asked again at this time.
    AskAt(Instant),
}

#[derive(Debug)]
struct Request {
    /// Kept whole: it is sent again as it is.
    frame: ClientFrame,
    progress: Progress,
    until: Instant,
    answers: u32,
    /// An earlier sending may have been decided: it was cut off, or is pending. What "not done" then says is only that
    /// the last sending did nothing.
    uncertain: bool,
    not_done: Option<NotDone>,
}

/// In the order they were asked.
#[derive(Debug)]
pub(super) struct Requests {
    policy: RetryPolicy,
    open: Vec<Request>,
    in_flight: usize,
    in_flight_max: usize,
}

type Settled = (u64, Result<Outcome, RequestError>);

impl Requests {
    pub(super) fn new(policy: RetryPolicy) -> Self {
        Self { policy, open: Vec::new(), in_flight: 0, in_flight_max: IN_FLIGHT_MIN }
    }

    pub(super) fn has_capacity(&self) -> bool {
        self.open.len() < REQUESTS_MAX
    }

    pub(super) fn is_any_in_flight(&self) -> bool {
        self.in_flight > 0
    }

    pub(super) fn in_flight_max(&mut self, max: u32) {
        self.in_flight_max = usize::try_from(max).unwrap_or(usize::MAX).max(IN_FLIGHT_MIN);
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        let due = |request: &Request| match request.progress {
            Progress::AskAt(at) => at.min(request.until),
            Progress::Unsent | Progress::InFlight => request.until,
        };
        self.open.iter().map(due).min()
    }

    /// `false`: the id cannot be used.
    pub(super) fn add(&mut self, now: Instant, request_id: u64, body: client_frame::Body) -> bool {
        if request_id == 0 || self.find(request_id).is_some() {
            return false;
        }
        self.open.push(Request {
            frame: ClientFrame { request_id, body: Some(body) },
            progress: Progress::Unsent,
            until: now + self.policy.request_deadline,
            answers: 0,
            uncertain: false,
            not_done: None,
        });
        true
    }

    /// Appends what may be sent; whether that was anything.
    pub(super) fn send(&mut self, outgoing: &mut BytesMut) -> bool {
        let before = self.in_flight;
        for request in &mut self.open {
            if self.in_flight >= self.in_flight_max {
                break;
            }
            if request.progress == Progress::Unsent {
                encode_frame(&request.frame, outgoing);
                request.progress = Progress::InFlight;
                self.in_flight += 1;
            }
        }
        self.in_flight > before
    }

    /// The request's end, if the answer is one. Answers to what was not asked, or was answered, are not for anybody.
    pub(super) fn handle_answer(&mut self, now: Instant, answer: Answer, jitter: &mut Jitter) -> Option<Settled> {
        let request_id = answer.request_id;
        let index = self.find(request_id)?;
        let request = &mut self.open[index];
        let asked = request.progress == Progress::InFlight;
        let retry_after = match answer.outcome {
            // Repeated, or said without being asked: only an end is news.
            Some(answer::Outcome::Pending(_) | answer::Outcome::NotDone(_)) if !asked => {
                return None;
            }
            Some(answer::Outcome::Pending(_)) => {
                request.uncertain = true;
                Duration::ZERO
            }
            Some(answer::Outcome::NotDone(not_done)) if self.policy.asks_again(&not_done, request.uncertain) => {
                let retry_after = Duration::from_millis(not_done.retry_after_ms.into());
                request.not_done = Some(not_done);
                retry_after
            }
            outcome => {
                self.open.remove(index);
                self.in_flight -= usize::from(asked);
                let outcome = outcome.and_then(final_outcome).ok_or(RequestError::NotUnderstood { request_id });
                return Some((request_id, outcome));
            }
        };
        self.in_flight -= 1;
        request.answers += 1;
        let pause = pause(&self.policy, request.answers, retry_after, jitter);
        request.progress = Progress::AskAt(now + pause);
        None
    }

    pub(super) fn handle_disconnected(&mut self) {
        for request in &mut self.open {
            if request.progress == Progress::InFlight {
                request.progress = Progress::Unsent;
                request.uncertain = true;
            }
        }
        self.in_flight = 0;
    }

    /// Wakes what is to be asked again, and gives up what took too long.
    pub(super) fn handle_deadline(&mut self, now: Instant) -> Vec<Settled> {
        let mut settled = Vec::new();
        let in_flight = &mut self.in_flight;
        self.open.retain_mut(|request| {
            if request.until <= now {
                *in_flight -= usize::from(request.progress == Progress::InFlight);
                settled.push((request.frame.request_id, request.give_up()));
                return false;
            }
            if matches!(request.progress, Progress::AskAt(at) if at <= now) {
                request.progress = Progress::Unsent;
            }
            true
        });
        settled
    }

    /// Forgets everything; the ids of it.
    pub(super) fn clear(&mut self) -> Vec<u64> {
        self.in_flight = 0;
        self.open.drain(..).map(|request| request.frame.request_id).collect()
    }

    fn find(&self, request_id: u64) -> Option<usize> {
        self.open.iter().position(|request| request.frame.request_id == request_id)
    }
}

impl Request {
    fn give_up(&mut self) -> Result<Outcome, RequestError> {
        let known = self.progress != Progress::InFlight && !self.uncertain;
        match self.not_done.take() {
            Some(not_done) if known => Ok(Outcome::not_done(not_done)),
            _ => Err(RequestError::Unresolved { request_id: self.frame.request_id }),
        }
    }
}

impl RetryPolicy {
    fn asks_again(&self, not_done: &NotDone, uncertain: bool) -> bool {
        match not_done.code().retry() {
            Retry::Never => false,
            Retry::Later => self.repeat_not_done || uncertain,
        }
    }
}

/// `None`: not an end.
fn final_outcome(outcome: answer::Outcome) -> Option<Outcome> {
    match outcome {
        answer::Outcome::Grant(grant) => Some(Outcome::Granted(grant)),
        answer::Outcome::Order(order) => Some(Outcome::Ordered(order)),
        answer::Outcome::CheckedIn(checked_in) => Some(Outcome::CheckedIn(checked_in)),
        answer::Outcome::Price(price) => Some(Outcome::Priced(price)),
        answer::Outcome::Refused(refused) => Some(Outcome::Refused { code: refused.code(), detail: refused.detail }),
        answer::Outcome::NotDone(not_done) => Some(Outcome::not_done(not_done)),
        answer::Outcome::Done(_) => Some(Outcome::Done),
        answer::Outcome::GiftSent(sent) => Some(Outcome::GiftSent(sent)),
        answer::Outcome::Board(board) => Some(Outcome::Board(board)),
        answer::Outcome::Catalogue(catalogue) => Some(Outcome::Catalogue(catalogue)),
        answer::Outcome::FanClub(club) => Some(Outcome::FanClub(club)),
        answer::Outcome::Ticket(ticket) => Some(Outcome::Entered(ticket)),
        answer::Outcome::Prize(prize) => Some(Outcome::Prize(prize)),
        answer::Outcome::Proof(proof) => Some(Outcome::Proof(proof)),
        answer::Outcome::Pending(_) => None,
    }
}

impl Outcome {
    fn not_done(not_done: NotDone) -> Self {
        Self::NotDone { code: not_done.code(), detail: not_done.detail }
    }
}
