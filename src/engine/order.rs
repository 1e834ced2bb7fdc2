//! Who is muted or banned in a room, as its sessions see it: a copy of the tables' list that needs no question.

use parking_lot::RwLock;

use super::room::LiveRoom;
use crate::fanout::Leave;
use crate::rules::{Sanction, Sanctions, Time, UserId};
use crate::store::TalkEvent;

/// The sanctions of a room.
#[derive(Debug, Default)]
pub(super) struct Order(RwLock<Sanctions>);

impl Order {
    /// Until when; `None` if the user may.
    pub(super) fn until(&self, user: UserId, sanction: Sanction, now: Time) -> Option<Time> {
        self.0.read().until(user, sanction, now)
    }

    pub(super) fn impose(&self, user: UserId, sanction: Sanction, until: Time, now: Time) {
        self.0.write().impose(user, sanction, until, now);
    }
}

/// Takes note of what was decided. Whoever is banned has to go at once, on every node.
pub(super) fn follow(room: &LiveRoom, at: Time, what: &TalkEvent) {
    match what {
        TalkEvent::Imposed { user, sanction, until, .. } => {
            room.order.impose(*user, *sanction, *until, at);
            if *sanction == Sanction::Ban {
                room.audience.lock().each_mailbox(user, |mailbox| mailbox.leave(Leave::Banned));
            }
        }
        TalkEvent::Lifted { user, sanction, .. } => drop(room.order.0.write().lift(*user, *sanction)),
        TalkEvent::Voted { .. } | TalkEvent::SignedUp { .. } => {}
    }
}
