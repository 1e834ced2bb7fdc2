//! Cash that an event gives to users: all ways in which they win any.

use super::{DrawEvent, Event, PresenceEvent};
use crate::rules::{ActivityId, Fen, Time, UnitId, UserId};

/// Cash of one unit of an activity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Credit {
    /// Of which unit.
    pub of: UnitId,
    /// Whose it is now.
    pub user: UserId,
    /// How much.
    pub amount: Fen,
    /// Until when it is held, if it is.
    pub held_until: Option<Time>,
}

impl Event {
    /// Visits the cash that it gives to users, and what it holds. Where a hold ends, nothing is given a second time.
    pub fn each_credit(&self, visit: &mut dyn FnMut(Credit)) {
        let mut won = |activity: &ActivityId, unit: u32, user: &UserId, amount: Fen, held_until: Option<Time>| {
            if amount > Fen::ZERO || held_until.is_some() {
                visit(Credit { of: (*activity, unit), user: *user, amount, held_until });
            }
        };
        match self {
            Self::Granted { activity, user, unit, prize, held_until, .. } => {
                won(activity, *unit, user, prize.cash(), *held_until);
            }
            Self::Presence {
                what:
                    PresenceEvent::StepReached { activity, user, reward, .. }
                    | PresenceEvent::CheckedIn { activity, user, reward: Some(reward), .. },
                ..
            } => won(activity, reward.unit, user, reward.prize.cash(), reward.held_until),
            Self::Draw { activity, what: DrawEvent::Drawn { winners, .. }, .. } => {
                winners.iter().for_each(|one| won(activity, one.rank, &one.user, one.cash, one.held_until));
            }
            _ => {}
        }
    }
}
