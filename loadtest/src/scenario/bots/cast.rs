//! What people and bots do, each for itself.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use liveroom_protocol::client::{Client, Event, Events, Outcome, RoomView};
use liveroom_protocol::wire::client_frame::Body;
use liveroom_protocol::wire::{Claim, Phase};
use tokio::time::{sleep, timeout_at};

use super::super::acks::Voices;
use super::super::random;
use super::super::script::Guesses;
use super::known::Known;
use crate::board::{Desk, Flight, Verdict};

/// How long a bot rests between two shots: none is faster than the server's usual rates, but for the one that floods.
const RELOAD: Duration = Duration::from_millis(60);

/// Who does what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// Presses once in each rain that opens.
    Person,
    /// Fires at what is announced and not open, with tokens of its own making.
    Early,
    /// Fires at numbers that nobody has told.
    Guesser,
    /// Presses as a person does, from an account that is known to be risky.
    Risky,
    /// Presses as fast as it can, over many connections of one account.
    Flooder,
}

/// Somebody in the room.
pub(super) struct Player {
    role: Role,
    user: String,
    client: Client,
    events: Events,
    view: RoomView,
    known: Arc<Known>,
    voice: Option<Voices>,
    /// Where this one has pressed.
    pressed: BTreeSet<u64>,
    guesses: Guesses,
}

impl Player {
    /// Somebody who has come in. The voice notes all that it is told.
    pub(super) fn new(
        role: Role, user: String, (client, events): (Client, Events), known: Arc<Known>, voice: Option<Voices>,
    ) -> Self {
        let (view, pressed, guesses) = (RoomView::new(), BTreeSet::new(), Guesses::from(known.decoy));
        Self { role, user, client, events, view, known, voice, pressed, guesses }
    }

    /// Plays its role until then. The desk counts what people do.
    pub(super) async fn play(mut self, desk: Desk, until: Instant) {
        while Instant::now() < until {
            let goes_on = match self.role {
                Role::Person | Role::Risky => self.hear(until).await,
                Role::Early | Role::Guesser => self.hear(Instant::now() + RELOAD).await,
                Role::Flooder => self.hear(Instant::now()).await,
            };
            if !goes_on {
                return;
            }
            match self.role {
                Role::Person | Role::Risky => self.press(&desk).await,
                Role::Early => self.fire_early().await,
                Role::Guesser => self.guess().await,
                Role::Flooder => self.flood().await,
            }
        }
    }

    /// Hears what there is, or waits for something until then; `false` if nothing will come any more.
    async fn hear(&mut self, until: Instant) -> bool {
        let mut until = until;
        loop {
            match timeout_at(until.into(), self.events.next()).await {
                Ok(Some(event)) => self.take_in(&event),
                Ok(None) => return false,
                Err(_) => return true,
            }
            // More of it that is here already, and no longer.
            if matches!(self.role, Role::Person | Role::Risky) {
                until = Instant::now();
            }
        }
    }

    fn take_in(&mut self, event: &Event) {
        self.view.apply(event);
        if let Event::Own(own) = event {
            self.voice.iter().for_each(|voice| voice.own(own));
            self.known.own(&self.user, own);
        }
    }

    /// Asks for a share.
    async fn claim(&self, activity: u64, token: u64, opening: u32) -> Option<Outcome> {
        let id = self.client.fresh_request_id();
        let claim = Body::Claim(Claim { activity, token, opening });
        let outcome = self.client.request_with_id(id, claim).await.ok()?;
        self.voice.iter().for_each(|voice| voice.say("claim", id, activity, &outcome));
        Some(outcome)
    }

    /// What is open, and what it takes to claim of it.
    fn open(&self) -> Vec<(u64, u64, u32)> {
        let ticket = |activity| self.view.rain_ticket(activity).map(|(token, opening)| (activity, token, opening));
        self.view.activities().filter_map(|state| ticket(state.activity)).collect()
    }

    async fn press(&mut self, desk: &Desk) {
        for (activity, token, opening) in self.open() {
            if !self.pressed.insert(activity) {
                continue;
            }
            let sent = Instant::now();
            let flight = Flight { key: activity, intended: sent, sent };
            let is_person = self.role == Role::Person;
            if is_person {
                desk.tally().sent(&flight);
            }
            match self.claim(activity, token, opening).await {
                Some(outcome) if is_person => {
                    self.known.person(&outcome);
                    desk.tally().answered(&flight, verdict(&outcome), Instant::now());
                }
                Some(outcome) => self.known.risky(&self.user, &outcome),
                None if is_person => desk.tally().unanswered(&flight, false),
                None => {}
            }
        }
    }

    async fn fire_early(&self) {
        let announced = self.view.activities().filter(|state| state.phase() < Phase::Open);
        for activity in announced.map(|state| state.activity) {
            if let Some(outcome) = self.claim(activity, random(), 1).await {
                self.known.early(&outcome);
            }
        }
    }

    /// A number that the room has not heard of; and, to compare, a wrong token for one that it has.
    async fn guess(&mut self) {
        if let Some(activity) = self.guesses.next(&self.view)
            && let Some(outcome) = self.claim(activity, random(), 1).await
        {
            self.known.guessed(activity, &outcome);
            sleep(RELOAD).await;
        }
        if let Some((activity, ..)) = self.open().first().copied()
            && let Some(outcome) = self.claim(activity, random(), 1).await
        {
            self.known.missed(&outcome);
        }
    }

    async fn flood(&self) {
        let Some((activity, token, opening)) = self.open().last().copied() else {
            return sleep(RELOAD).await;
        };
        let sent = Instant::now();
        if let Some(outcome) = self.claim(activity, token, opening).await {
            self.known.flood(sent, &outcome);
        }
    }
}

fn verdict(outcome: &Outcome) -> Verdict {
    match outcome {
        Outcome::Granted(_) => Verdict::Granted,
        Outcome::Refused { code, .. } => Verdict::Refused(code.word()),
        Outcome::NotDone { code, .. } => Verdict::Refused(code.word()),
        // Answers to what nobody here asks.
        _ => Verdict::Wrong,
    }
}
