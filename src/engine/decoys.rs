//! The decoys of a room, as its sessions see them, and who has fired at one.
//!
//! Whoever does must not notice: the claim goes the way of any other and is answered as any that does not bring the claim token,
//! which of a decoy nobody knows. What is recorded of it comes later, in a batch of another moment, so that no answer ever waits
//! for it.

use std::collections::BTreeSet;
use std::sync::Arc;

use arc_swap::ArcSwap;

use crate::rules::{ActivityId, RoomId, Time, UserId};
use crate::store::{Ask, Op, Partition, PresenceAsk, RiskAsk, TalkAsk};

/// The decoys of a room. Asked with every claim, written when an activity comes or goes.
#[derive(Debug, Default)]
pub(super) struct LiveDecoys(ArcSwap<BTreeSet<ActivityId>>);

impl LiveDecoys {
    /// Whether an activity catches now.
    pub(super) fn set(&self, activity: ActivityId, catches: bool) {
        let of = self.0.load();
        if of.contains(&activity) == catches {
            return;
        }
        let others = of.iter().copied().filter(|other| *other != activity);
        self.0.store(Arc::new(others.chain(catches.then_some(activity)).collect()));
    }

    /// Whether whoever asks for this is caught.
    pub(super) fn catch(&self, ask: &Ask) -> Option<ActivityId> {
        let of = self.0.load();
        if of.is_empty() {
            return None;
        }
        let activity = match ask {
            Ask::Claim { activity, .. } | Ask::Reserve { activity, .. } => *activity,
            Ask::Presence(PresenceAsk::ClaimStep { activity, .. } | PresenceAsk::CheckIn { activity, .. }) => *activity,
            Ask::Talk(TalkAsk::Vote { activity, .. } | TalkAsk::SignUp { activity, .. }) => *activity,
            Ask::Draw(ask) => ask.activity(),
            _ => return None,
        };
        of.contains(&activity).then_some(activity)
    }
}

/// Who was caught and is not recorded yet.
#[derive(Debug, Default)]
pub(super) struct Catches {
    waiting: BTreeSet<(RoomId, ActivityId, UserId)>,
    next: Option<Time>,
}

impl Catches {
    /// As many wait at most: of a script that fires on, the next shot will do.
    const WAITING_MAX: usize = 1_024;
    /// For so long, ms.
    const LATER_MS: u64 = 500;

    /// Somebody has fired at a decoy.
    pub(super) fn add(&mut self, caught: (RoomId, ActivityId, UserId), now: Time) {
        if self.waiting.len() < Self::WAITING_MAX && self.waiting.insert(caught) {
            self.next.get_or_insert(now.after_ms(Self::LATER_MS));
        }
    }

    /// When there is something to record.
    pub(super) fn next_at(&self) -> Option<Time> {
        self.next
    }

    /// What there is to record at `now`, at most `limit` operations.
    pub(super) fn due(&mut self, now: Time, limit: usize) -> impl Iterator<Item = Op> {
        let due = self.next.is_some_and(|next| next <= now);
        let count = if due { limit } else { 0 };
        if due && self.waiting.len() <= limit {
            self.next = None;
        }
        let op = |(room, activity, user)| Op {
            partition: Partition::Room(room),
            by: Some(user),
            request: None,
            ask: Ask::Risk(RiskAsk::Catch { activity }),
        };
        std::iter::from_fn(|| self.waiting.pop_first()).take(count).map(op)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn caught_once_and_recorded_later() {
        let (room, user) = (RoomId::parse("r").unwrap(), UserId::parse("bot").unwrap());
        let mut catches = Catches::default();
        let at = Time::from_ms;
        catches.add((room, ActivityId(1), user), at(0));
        catches.add((room, ActivityId(1), user), at(1));
        catches.add((room, ActivityId(2), user), at(499));
        assert_eq!((catches.due(at(499), 9).count(), catches.next_at()), (0, Some(at(500))));
        assert_eq!((catches.due(at(500), 1).count(), catches.next_at()), (1, Some(at(500))), "the rest comes at once");
        assert_eq!((catches.due(at(500), 1).count(), catches.next_at()), (1, None));
        catches.add((room, ActivityId(1), user), at(600));
        assert_eq!(catches.next_at(), Some(at(1_100)), "the store knows what it knows");
    }

    #[test]
    fn whoever_names_it_is_caught() {
        let decoys = LiveDecoys::default();
        let claim = |activity| Ask::Claim { activity: ActivityId(activity), token: 0, opening: 1 };
        assert_eq!(decoys.catch(&claim(1)), None);
        decoys.set(ActivityId(1), true);
        assert_eq!((decoys.catch(&claim(1)), decoys.catch(&claim(2))), (Some(ActivityId(1)), None));
        let sign_up = |activity| Ask::Talk(TalkAsk::SignUp { activity: ActivityId(activity), token: 0 });
        assert_eq!((decoys.catch(&sign_up(1)), decoys.catch(&sign_up(2))), (Some(ActivityId(1)), None));
        assert_eq!(decoys.catch(&Ask::Forget), None);
        decoys.set(ActivityId(1), false);
        assert_eq!(decoys.catch(&claim(1)), None);
    }
}
