//! Drives a [`Session`] over whatever carries it: the loop that both transports share.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::task::AtomicWaker;
use liveroom_protocol::wire::GoodbyeCode;
use tokio::time::{Instant, Sleep, sleep, timeout};

use super::{Admitted, Ended, Session};
use crate::fanout::Delivery;
use crate::rules::Time;

/// A session that has nothing to say keeps at most so many bytes for when it has.
pub(super) const KEPT_BYTES_MAX: usize = 1024;

/// What carries a session's bytes.
pub(super) trait Line: Send {
    /// The next thing that happens at the other end.
    fn poll_arrival(&mut self, context: &mut Context<'_>) -> Poll<Arrival>;

    /// Sends what the session has to say. It may be dropped at any point and called again: what was sent is gone from the
    /// outbox, the rest is not.
    fn flush(&mut self, session: &mut Session) -> impl Future<Output = Result<(), Gone>> + Send;
}

/// What happens at the other end.
pub(super) enum Arrival {
    /// Bytes; the next frame may be cut at their end.
    Piece(Bytes),
    /// Bytes that hold whole frames.
    Message(Bytes),
    /// Something to which the line itself has an answer, which waits to be flushed.
    Answered,
    /// The peer has said all it wanted: it leaves, unless inside a frame.
    End,
    /// The peer did what it may not: the word and the words for it.
    Broken(&'static str, &'static str),
    /// There is nobody any more.
    Gone,
}

/// There is nobody at the other end any more.
pub(super) struct Gone;

/// Looks at something only when that has called. A session wakes for several things, and a look at each of them would
/// take the transport's lock in vain.
pub(super) struct Ear {
    waker: Waker,
    called: Arc<Called>,
}

struct Called {
    called: AtomicBool,
    session: AtomicWaker,
}

impl Ear {
    /// Looks once uncalled: nothing calls before it was looked at.
    pub(super) fn new() -> Self {
        let called = Arc::new(Called { called: AtomicBool::new(true), session: AtomicWaker::new() });
        Self { waker: Waker::from(Arc::clone(&called)), called }
    }

    /// Makes the next look a real one.
    fn call(&self) {
        self.called.called.store(true, Ordering::Release);
    }

    /// What `look` finds, if there was a call since it last found nothing.
    pub(super) fn poll<T>(&self, context: &mut Context<'_>, look: impl FnOnce(&mut Context<'_>) -> Poll<T>) -> Poll<T> {
        self.called.session.register(context.waker());
        if !self.called.called.swap(false, Ordering::AcqRel) {
            return Poll::Pending;
        }
        let found = look(&mut Context::from_waker(&self.waker));
        if found.is_ready() {
            self.call();
        }
        found
    }
}

impl Wake for Called {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.called.store(true, Ordering::Release);
        self.session.wake();
    }
}

/// One viewer: a session, its line, and its place.
pub(super) struct Viewer<L> {
    pub(super) session: Session,
    pub(super) line: L,
    ear: Ear,
    /// When the session's next tick is due at the latest, and what wakes us then.
    timer: Option<(Time, Pin<Box<Sleep>>)>,
    write_timeout: Duration,
    _admitted: Admitted,
}

enum Step {
    Arrived(Arrival),
    Delivered,
    Tick,
}

impl<L: Line> Viewer<L> {
    pub(super) fn new(session: Session, line: L, write_timeout: Duration, admitted: Admitted) -> Self {
        Self { session, line, ear: Ear::new(), timer: None, write_timeout, _admitted: admitted }
    }

    /// Serves until either side ends it; says how, if there is still somebody to tell.
    pub(super) async fn serve(&mut self) -> Option<Ended> {
        let mut deliveries = Vec::new();
        loop {
            self.arm();
            let done = match poll_fn(|context| self.poll_next(context, &mut deliveries)).await {
                Step::Arrived(Arrival::Piece(bytes)) => self.session.receive(&bytes),
                Step::Arrived(Arrival::Message(bytes)) => {
                    self.session.receive(&bytes).and_then(|()| self.session.finish())
                }
                Step::Arrived(Arrival::Answered) => Ok(()),
                Step::Arrived(Arrival::End) => match self.session.finish() {
                    Ok(()) => return None,
                    ended => ended,
                },
                Step::Arrived(Arrival::Broken(reason, detail)) => Err(self.session.broken(reason, detail)),
                Step::Arrived(Arrival::Gone) => return None,
                Step::Delivered => self.session.deliver(&mut deliveries),
                Step::Tick => self.session.tick(),
            };
            if let Err(ended) = done {
                return Some(ended);
            }
            // The deadline's timer is only made when the peer does not take everything at once.
            let flushed = match self.line.flush(&mut self.session).now_or_never() {
                Some(flushed) => flushed,
                None => match timeout(self.write_timeout, Box::pin(self.line.flush(&mut self.session))).await {
                    Ok(flushed) => flushed,
                    Err(_) => {
                        let code = GoodbyeCode::TooSlow;
                        return Some(Ended { code, reason: code.word() });
                    }
                },
            };
            if flushed.is_err() {
                return None;
            }
            // A session that has nothing to say keeps nothing.
            if deliveries.capacity() > 16 {
                deliveries = Vec::new();
            }
        }
    }

    /// Sees to it that the session's next tick wakes us. A timer that is set stays set: it may fire early, and then finds
    /// nothing to do, but it costs one timer a second instead of one a request.
    fn arm(&mut self) {
        let at = self.session.tick_at();
        if self.timer.as_ref().is_some_and(|(set_for, _)| *set_for <= at) {
            return;
        }
        let wait = self.session.until(at);
        match &mut self.timer {
            Some((set_for, timer)) => {
                *set_for = at;
                timer.as_mut().reset(Instant::now() + wait);
            }
            None => self.timer = Some((at, Box::pin(sleep(wait)))),
        }
        // It wakes nobody who has not looked at it.
        self.ear.call();
    }

    fn poll_next(&mut self, context: &mut Context<'_>, deliveries: &mut Vec<Delivery>) -> Poll<Step> {
        if let Some(mailbox) = self.session.mailbox()
            && mailbox.poll_drain(context, deliveries).is_ready()
        {
            return Poll::Ready(Step::Delivered);
        }
        let Self { line, timer, ear, .. } = self;
        ear.poll(context, |context| {
            if let Poll::Ready(arrival) = line.poll_arrival(context) {
                return Poll::Ready(Step::Arrived(arrival));
            }
            if let Some((_, sleep)) = timer
                && sleep.as_mut().poll(context).is_ready()
            {
                *timer = None;
                return Poll::Ready(Step::Tick);
            }
            Poll::Pending
        })
    }
}
