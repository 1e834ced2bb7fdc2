//! A room goes on air, and off again.

use super::{Context, Outcome};
use crate::rules::{Broadcast, NotDoneCode};
use crate::store::tables::{Decision, Tables};
use crate::store::{Event, PresenceEvent};

impl Tables {
    pub(super) fn start_broadcast(&self, context: &Context<'_>) -> Outcome {
        let latest = context.room.broadcast.as_ref();
        if let Some(on) = latest.filter(|latest| latest.is_on()) {
            return Err(NotDoneCode::WrongPhase.because(format!("broadcast {} is on", on.number)));
        }
        let broadcast = Broadcast::after(latest, context.now).number;
        let what = PresenceEvent::BroadcastStarted { broadcast, cause: context.cause };
        Ok(Decision::Event(Event::Presence { room: context.room_id, what }))
    }

    pub(super) fn end_broadcast(&self, context: &Context<'_>, broadcast: u32) -> Outcome {
        match &context.room.broadcast {
            Some(latest) if latest.is_on() && latest.number == broadcast => {
                let what = PresenceEvent::BroadcastEnded { broadcast, cause: context.cause };
                Ok(Decision::Event(Event::Presence { room: context.room_id, what }))
            }
            _ => Err(NotDoneCode::WrongPhase.because(format!("broadcast {broadcast} is not on"))),
        }
    }
}
