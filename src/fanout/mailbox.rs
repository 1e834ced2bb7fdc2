//! What waits for one viewer, in bounded room.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::task::AtomicWaker;
use parking_lot::Mutex;

use crate::rules::{RequestId, Tier};
use crate::store::{Answer, FanView, Own, Reply};

/// How dear a frame is when a viewer can't follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Activity states: the latest matters. When they don't fit, a snapshot takes their place.
    State,
    /// Talk: dropped first, and counted.
    Talk,
}

/// A viewer's own: never dropped while the viewer stays. The limit on requests in flight bounds it, and a number for all.
#[derive(Debug, Clone)]
pub enum Post {
    /// The answer to a request.
    Answer(RequestId, Answer),
    /// What one has: after a welcome, or when something of it changed unasked.
    Own(Box<Own>),
    /// The answer to a question.
    Reply(RequestId, Box<Reply>),
    /// How a fan stands, who has joined or risen.
    Fan(FanView),
    /// The viewer's tier is another now.
    Tier(Tier),
}

/// How long a viewer has watched. The latest is all that matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Which broadcast.
    pub broadcast: u32,
    /// For so long, ms.
    pub watched_ms: u64,
}

/// What a session takes out.
#[derive(Debug, Clone)]
pub enum Delivery {
    /// The viewer's own.
    Post(Post),
    /// How far the viewer has come.
    Progress(Progress),
    /// A room frame, shared with everybody.
    Frame(Bytes),
    /// So many talk frames were dropped here.
    Dropped(u64),
    /// State was dropped: fetch a snapshot.
    Lagged,
    /// Say goodbye and go.
    Leave(Leave),
}

/// Why a session has to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leave {
    /// The server is stopping.
    Draining,
    /// The viewer does not read.
    TooSlow,
    /// The host has banned the viewer.
    Banned,
}

/// What waits for one viewer. Filled by the arbiter and the room's ticker, emptied by the viewer's session.
#[derive(Debug)]
pub struct Mailbox {
    held: Mutex<Held>,
    /// Whether there may be something: spares an idle look the lock.
    filled: AtomicBool,
    waker: AtomicWaker,
    frame_bytes_max: usize,
    posts_max: usize,
}

#[derive(Debug, Default)]
struct Held {
    posts: VecDeque<Post>,
    progress: Option<Progress>,
    frames: VecDeque<(Class, Bytes)>,
    frame_bytes: usize,
    dropped: u64,
    lagged: bool,
    leave: Option<Leave>,
    /// Where the channel keeps this mailbox.
    seat: usize,
}

impl Mailbox {
    /// Empty; holds at most so many bytes of room frames, and so many of the viewer's own.
    pub fn new(frame_bytes_max: usize, posts_max: usize) -> Self {
        Self {
            held: Mutex::default(),
            filled: AtomicBool::new(false),
            waker: AtomicWaker::new(),
            frame_bytes_max,
            posts_max,
        }
    }

    /// Puts in the viewer's own. A viewer who has let so much gather has to go, and is told the rest when it comes back.
    pub fn post(&self, post: Post) {
        let mut held = self.held.lock();
        if held.posts.len() < self.posts_max {
            held.posts.push_back(post);
        } else {
            held.leave = Some(Leave::TooSlow);
        }
        drop(held);
        self.announce();
    }

    /// Puts in how far the viewer has come, in the place of what was not read yet.
    pub fn progress(&self, progress: Progress) {
        self.held.lock().progress = Some(progress);
        self.announce();
    }

    /// Puts in a room frame, or drops what is least dear.
    pub fn frame(&self, class: Class, frame: &Bytes) {
        let mut held = self.held.lock();
        if held.frame_bytes + frame.len() > self.frame_bytes_max && !held.make_room(class, frame, self.frame_bytes_max)
        {
            return;
        }
        // After a gap in the state only a snapshot makes sense; talk goes on.
        if held.lagged && class == Class::State {
            return;
        }
        held.frame_bytes += frame.len();
        held.frames.push_back((class, frame.clone()));
        drop(held);
        self.announce();
    }

    /// Ends the session once it has been told what is here.
    pub fn leave(&self, why: Leave) {
        self.held.lock().leave.get_or_insert(why);
        self.announce();
    }

    /// Takes everything out: the viewer's own first. Pending until there is something.
    pub fn poll_drain(&self, context: &mut Context<'_>, into: &mut Vec<Delivery>) -> Poll<()> {
        if self.filled.load(Ordering::Acquire) && self.drain(into) {
            return Poll::Ready(());
        }
        self.waker.register(context.waker());
        // Something may have come between looking and registering.
        if self.filled.load(Ordering::Acquire) && self.drain(into) { Poll::Ready(()) } else { Poll::Pending }
    }

    /// Takes everything out that is there; says whether there was anything.
    pub fn drain(&self, into: &mut Vec<Delivery>) -> bool {
        let before = into.len();
        let mut held = self.held.lock();
        self.filled.store(false, Ordering::Release);
        into.extend(held.posts.drain(..).map(Delivery::Post));
        into.extend(held.progress.take().map(Delivery::Progress));
        if held.lagged {
            held.lagged = false;
            into.push(Delivery::Lagged);
        }
        if held.dropped > 0 {
            into.push(Delivery::Dropped(std::mem::take(&mut held.dropped)));
        }
        into.extend(held.frames.drain(..).map(|(_, frame)| Delivery::Frame(frame)));
        held.frame_bytes = 0;
        into.extend(held.leave.take().map(Delivery::Leave));
        into.len() > before
    }

    fn announce(&self) {
        self.filled.store(true, Ordering::Release);
        self.waker.wake();
    }

    /// Where the channel keeps this mailbox: the channel's own note.
    pub(super) fn seat(&self) -> usize {
        self.held.lock().seat
    }

    pub(super) fn set_seat(&self, seat: usize) {
        self.held.lock().seat = seat;
    }
}

impl Held {
    /// Drops what is least dear until `frame` fits; says whether it shall be put in.
    fn make_room(&mut self, class: Class, frame: &Bytes, bytes_max: usize) -> bool {
        if class == Class::Talk {
            self.dropped += 1;
            return false;
        }
        let before = self.frames.len();
        self.frames.retain(|(class, _)| *class == Class::State);
        self.dropped += (before - self.frames.len()) as u64;
        self.frame_bytes = self.frames.iter().map(|(_, frame)| frame.len()).sum();
        if self.frame_bytes + frame.len() <= bytes_max {
            return true;
        }
        self.frames.clear();
        self.frame_bytes = 0;
        self.lagged = true;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drained(mailbox: &Mailbox) -> String {
        let mut out = Vec::new();
        mailbox.drain(&mut out);
        let word = |delivery: &Delivery| match delivery {
            Delivery::Post(_) => "own".to_owned(),
            Delivery::Progress(progress) => format!("watched{}", progress.watched_ms),
            Delivery::Frame(frame) => format!("frame{}", frame[0]),
            Delivery::Dropped(n) => format!("dropped{n}"),
            Delivery::Lagged => "lagged".to_owned(),
            Delivery::Leave(why) => format!("{why:?}"),
        };
        out.iter().map(word).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn what_is_dropped_first() {
        use Class::{State, Talk};
        type Row<'a> = (&'a str, &'a [(Class, u8, usize)], &'a str);
        let rows: [Row<'_>; 5] = [
            ("all fits", &[(State, 1, 40), (Talk, 2, 40)], "frame1 frame2"),
            ("talk that does not fit is dropped", &[(State, 1, 80), (Talk, 2, 40)], "dropped1 frame1"),
            ("talk gives way to state", &[(Talk, 1, 40), (State, 2, 40), (State, 3, 40)], "dropped1 frame2 frame3"),
            ("state that does not fit asks for a snapshot", &[(State, 1, 80), (State, 2, 80)], "lagged"),
            ("talk goes on after a gap", &[(State, 1, 80), (State, 2, 80), (Talk, 3, 10)], "lagged frame3"),
        ];
        for (case, frames, want) in rows {
            let mailbox = Mailbox::new(100, 8);
            for (class, tag, len) in frames {
                mailbox.frame(*class, &Bytes::from(vec![*tag; *len]));
            }
            assert_eq!(drained(&mailbox), want, "{case}");
        }
    }

    #[test]
    fn own_results_come_first_and_their_number_is_bounded() {
        let mailbox = Mailbox::new(100, 2);
        mailbox.frame(Class::Talk, &Bytes::from_static(&[7]));
        // However long its session can't write.
        for id in 1..=1_000 {
            mailbox.post(Post::Answer(RequestId::new(id).unwrap(), Answer::Idle));
        }
        assert_eq!(drained(&mailbox), "own own frame7 TooSlow");
    }

    #[test]
    fn of_progress_only_the_latest_waits() {
        let mailbox = Mailbox::new(100, 1);
        for watched_ms in [5, 10, 15] {
            mailbox.progress(Progress { broadcast: 1, watched_ms });
        }
        assert_eq!(drained(&mailbox), "watched15");
        assert_eq!(drained(&mailbox), "");
    }
}
