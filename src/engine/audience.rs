//! Who is in a room on this node, with their mailboxes, and since when their presence was not reported.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use foldhash::fast::RandomState;

use crate::fanout::{Mailbox, Post};
use crate::rules::{Time, UserId};
use crate::store::Own;

/// The users of a room. One user may watch on several devices, and is one all the same.
#[derive(Debug, Default)]
pub(super) struct Audience {
    places: Vec<Place>,
    by_user: HashMap<UserId, usize, RandomState>,
    /// Those who have left since the latest report, and how long they were there.
    left: VecDeque<Presence>,
    /// Where the present round of reports stands.
    next: usize,
}

#[derive(Debug)]
struct Place {
    user: UserId,
    mailboxes: Vec<Arc<Mailbox>>,
    unreported_since: Time,
}

/// Somebody was there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Presence {
    pub(super) user: UserId,
    pub(super) from: Time,
    pub(super) until: Time,
}

impl Audience {
    /// Those who have left and wait to be reported: beyond that, the earliest goes unreported.
    const LEFT_MAX: usize = 65_536;

    pub(super) fn enter(&mut self, user: UserId, mailbox: &Arc<Mailbox>, now: Time) {
        let places = &mut self.places;
        let place = *self.by_user.entry(user).or_insert_with(|| {
            places.push(Place { user, mailboxes: Vec::with_capacity(1), unreported_since: now });
            places.len() - 1
        });
        self.places[place].mailboxes.push(Arc::clone(mailbox));
    }

    /// Takes a mailbox out; with the last of a user goes the user.
    pub(super) fn exit(&mut self, user: &UserId, mailbox: &Arc<Mailbox>, now: Time) {
        let Some(&place) = self.by_user.get(user) else { return };
        let own = &mut self.places[place].mailboxes;
        own.retain(|other| !Arc::ptr_eq(other, mailbox));
        if !own.is_empty() {
            return;
        }
        self.by_user.remove(user);
        let gone = self.places.swap_remove(place);
        if let Some(moved) = self.places.get(place) {
            self.by_user.insert(moved.user, place);
        }
        if self.left.len() == Self::LEFT_MAX {
            self.left.pop_front();
        }
        self.left.push_back(Presence { user: gone.user, from: gone.unreported_since, until: now });
    }

    pub(super) fn post(&self, user: &UserId, post: &Post) {
        self.each_mailbox(user, |mailbox| mailbox.post(post.clone()));
    }

    /// Tells each user of what is the user's own.
    pub(super) fn post_each(&self, own: impl Fn(&UserId) -> Own) {
        for place in &self.places {
            let post = Post::Own(Box::new(own(&place.user)));
            place.mailboxes.iter().for_each(|mailbox| mailbox.post(post.clone()));
        }
    }

    pub(super) fn is_here(&self, user: &UserId) -> bool {
        self.by_user.contains_key(user)
    }

    pub(super) fn each_mailbox(&self, user: &UserId, visit: impl FnMut(&Arc<Mailbox>)) {
        if let Some(place) = self.by_user.get(user) {
            self.places[*place].mailboxes.iter().for_each(visit);
        }
    }

    /// Forgets what happened up to here: nothing was on air.
    pub(super) fn forget(&mut self) {
        self.left.clear();
    }

    /// Takes the next of this round, at most `max`: first those who have left, then those who are there. Says whether the
    /// round is over. Whom a departure moves past the round's place comes with the next round, for longer.
    pub(super) fn take(&mut self, now: Time, max: usize, into: &mut Vec<Presence>) -> bool {
        into.extend(self.left.drain(..max.min(self.left.len())));
        while into.len() < max
            && let Some(place) = self.places.get_mut(self.next)
        {
            self.next += 1;
            into.push(Presence { user: place.user, from: place.unreported_since, until: now });
            place.unreported_since = now;
        }
        let over = self.next >= self.places.len() && self.left.is_empty();
        if over {
            self.next = 0;
        }
        over
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(n: usize) -> UserId {
        UserId::parse(&format!("u{n}")).unwrap()
    }

    fn at(ms: i64) -> Time {
        Time::from_ms(ms)
    }

    fn mailbox() -> Arc<Mailbox> {
        Arc::new(Mailbox::new(100, 8))
    }

    fn taken(audience: &mut Audience, now: i64, max: usize) -> (String, bool) {
        let mut into = Vec::new();
        let over = audience.take(at(now), max, &mut into);
        let say = |one: &Presence| format!("{} {}-{}", one.user, one.from, one.until);
        (into.iter().map(say).collect::<Vec<_>>().join(", "), over)
    }

    #[test]
    fn everybody_is_reported_once_a_round() {
        let mut audience = Audience::default();
        let boxes: Vec<_> = (0..4).map(|_| mailbox()).collect();
        for (n, mailbox) in boxes.iter().enumerate().take(3) {
            audience.enter(user(n), mailbox, at(n as i64));
        }
        audience.enter(user(0), &boxes[3], at(5));
        assert_eq!(taken(&mut audience, 10, 2), ("u0 0-10, u1 1-10".to_owned(), false));
        assert_eq!(taken(&mut audience, 11, 2), ("u2 2-11".to_owned(), true));
        // One of two devices goes: the user stays.
        audience.exit(&user(0), &boxes[0], at(12));
        audience.exit(&user(1), &boxes[1], at(13));
        audience.exit(&user(1), &boxes[1], at(14));
        assert_eq!(taken(&mut audience, 20, 9), ("u1 10-13, u0 10-20, u2 11-20".to_owned(), true));
        audience.exit(&user(0), &boxes[3], at(21));
        audience.enter(user(0), &boxes[3], at(25));
        assert_eq!(taken(&mut audience, 30, 9), ("u0 20-21, u2 20-30, u0 25-30".to_owned(), true));
    }

    #[test]
    fn who_is_moved_past_the_round_is_not_lost() {
        let mut audience = Audience::default();
        let boxes: Vec<_> = (0..3).map(|_| mailbox()).collect();
        for (n, mailbox) in boxes.iter().enumerate() {
            audience.enter(user(n), mailbox, at(0));
        }
        assert_eq!(taken(&mut audience, 10, 1), ("u0 0-10".to_owned(), false));
        // u2 takes the place of u0, where the round has been.
        audience.exit(&user(0), &boxes[0], at(11));
        assert_eq!(taken(&mut audience, 12, 9), ("u0 10-11, u1 0-12".to_owned(), true));
        assert_eq!(taken(&mut audience, 20, 9), ("u2 0-20, u1 12-20".to_owned(), true));
    }
}
