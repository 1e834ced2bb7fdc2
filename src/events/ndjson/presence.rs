//! Lines about broadcasts and those who watch them.

use serde::ser::SerializeMap;

use super::line::{asked, caused, each_armed, given};
use crate::store::{Arms, PresenceEvent, Reward};

pub(super) const fn kind(what: &PresenceEvent) -> &'static str {
    match what {
        PresenceEvent::BroadcastStarted { .. } => "broadcast_started",
        PresenceEvent::BroadcastEnded { .. } => "broadcast_ended",
        PresenceEvent::Watched { .. } => "watched",
        PresenceEvent::Talked { .. } => "talked",
        PresenceEvent::Introduced { .. } => "introduced",
        PresenceEvent::StepReached { .. } => "step_reached",
        PresenceEvent::CheckedIn { .. } => "checked_in",
        PresenceEvent::TierChanged { .. } => "tier_changed",
        PresenceEvent::KeywordPosted { .. } => "keyword_posted",
    }
}

pub(super) fn rest<M: SerializeMap>(line: &mut M, what: &PresenceEvent, arms: &Arms) -> Result<(), M::Error> {
    match what {
        PresenceEvent::BroadcastStarted { broadcast, cause } | PresenceEvent::BroadcastEnded { broadcast, cause } => {
            caused(line, cause)?;
            line.serialize_entry("broadcast", broadcast)
        }
        PresenceEvent::Watched { broadcast, from, until, stays } => {
            line.serialize_entry("broadcast", broadcast)?;
            line.serialize_entry("from_ms", from)?;
            line.serialize_entry("until_ms", until)?;
            each_armed(line, "stays", stays, arms)
        }
        PresenceEvent::Talked { broadcast, from, until, talked } => {
            line.serialize_entry("broadcast", broadcast)?;
            line.serialize_entry("from_ms", from)?;
            line.serialize_entry("until_ms", until)?;
            each_armed(line, "talked", talked, arms)
        }
        PresenceEvent::StepReached { user, request, reward: Reward { goal, unit, prize, held_until }, .. } => {
            asked(line, user, *request)?;
            line.serialize_entry("step", &(goal + 1))?;
            given(line, *unit, prize, *held_until)
        }
        PresenceEvent::CheckedIn { user, request, day, streak, reward, .. } => {
            asked(line, user, *request)?;
            line.serialize_entry("day", day)?;
            line.serialize_entry("streak", streak)?;
            match reward {
                Some(Reward { goal, unit, prize, held_until }) => {
                    line.serialize_entry("goal", &(goal + 1))?;
                    given(line, *unit, prize, *held_until)
                }
                None => Ok(()),
            }
        }
        PresenceEvent::TierChanged { user, from, to, day } => {
            line.serialize_entry("user", user)?;
            line.serialize_entry("from", from)?;
            line.serialize_entry("to", to)?;
            line.serialize_entry("day", day)
        }
        PresenceEvent::KeywordPosted { user, .. } => line.serialize_entry("user", user),
        PresenceEvent::Introduced { user, account } => {
            line.serialize_entry("user", user)?;
            line.serialize_entry("account_created_ms", &account.created)?;
            line.serialize_entry("risk", &account.risk)
        }
    }
}
