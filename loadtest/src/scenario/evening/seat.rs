//! A viewer at its seat: hears the room, asks, and has everything written down that it is told.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use liveroom_protocol::client::{Client, Event, Events, Outcome, RoomView};
use liveroom_protocol::wire::{
    ActivityState, AskFanClub, GiftRun, Phase, ProveTicket, WatchProgress, client_frame::Body, room_event,
};
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::super::acks::Voices;
use super::super::lines::is_banned;
use super::told::{Told, essence};
use crate::board::{Desk, Flight, Verdict};

/// One request in so many is asked once more when it is decided, and must be answered as before.
const ASKED_TWICE: u64 = 16;

/// A viewer's place in the room.
pub(super) struct Seat {
    pub(super) number: usize,
    pub(super) user: String,
    client: Client,
    desk: Desk,
    voice: Option<Voices>,
    heard: Mutex<Heard>,
    pub(super) told: Mutex<Told>,
    /// Something has happened in the room.
    stirred: Notify,
}

/// What a viewer knows of the room.
#[derive(Default)]
pub(super) struct Heard {
    pub(super) view: RoomView,
    pub(super) watched: WatchProgress,
    /// The phase of each activity, and how often it was amended.
    stages: BTreeMap<u64, (Phase, u32)>,
    /// Whether the state is that of another server than before: it may be a little behind.
    elsewhere: bool,
}

impl Seat {
    /// Takes a seat, and listens from now on.
    pub(super) fn take(
        number: usize, user: String, client: Client, events: Events, desk: Desk, voice: Option<Voices>,
    ) -> Arc<Self> {
        let seat = Arc::new(Self {
            number,
            user,
            client,
            desk,
            voice,
            heard: Mutex::default(),
            told: Mutex::default(),
            stirred: Notify::new(),
        });
        tokio::spawn(Arc::clone(&seat).listen(events));
        seat
    }

    /// Looks at what was heard so far.
    pub(super) fn heard<T>(&self, look: impl FnOnce(&Heard) -> T) -> T {
        look(&self.heard.lock())
    }

    /// Waits until something happens in the room.
    pub(super) async fn stirred(&self) {
        self.stirred.notified().await;
    }

    /// Asks for something of that kind, in an activity if it is about one. `None`: there was no answer.
    pub(super) async fn ask(&self, kind: &'static str, activity: u64, body: Body) -> Option<Outcome> {
        let id = self.client.fresh_request_id();
        let sent = Instant::now();
        let flight = Flight { key: id, intended: sent, sent };
        self.desk.tally().sent(&flight);
        let Ok(outcome) = self.client.request_with_id(id, body.clone()).await else {
            self.desk.tally().unanswered(&flight, false);
            self.told.lock().unanswered += 1;
            return None;
        };
        self.desk.tally().answered(&flight, verdict(&outcome), Instant::now());
        if let Some(voice) = &self.voice {
            voice.say(kind, id, activity, &outcome);
        }
        self.told.lock().answered(kind, activity, &outcome);
        if id.is_multiple_of(ASKED_TWICE) {
            self.ask_again(id, body, &outcome).await;
        }
        Some(outcome)
    }

    /// Has all that came before told: own results come in order with answers. Whoever has lost the line asks for tickets of these
    /// draws that a comment may have made meanwhile, too: they are told once they are drawn only to those who ask.
    pub(super) async fn catch_up(&self, draws: &[u64]) {
        let missing: Vec<_> = {
            let told = self.told.lock();
            let missing = draws.iter().filter(|draw| told.disconnects > 0 && !told.tickets.contains_key(draw));
            missing.copied().collect()
        };
        for activity in missing {
            self.ask("look", activity, Body::ProveTicket(ProveTicket { activity })).await;
        }
        self.ask("look", 0, Body::AskFanClub(AskFanClub {})).await;
    }

    /// The same request must be answered in the same way.
    async fn ask_again(&self, id: u64, body: Body, before: &Outcome) {
        let Some(before) = essence(before) else { return };
        let Ok(again) = self.client.request_with_id(id, body).await else { return };
        let mut told = self.told.lock();
        match essence(&again) {
            // Only shed: the decision stands.
            None => {}
            Some(again) => {
                told.repeats += 1;
                if again != before {
                    told.complain("same_answer_on_retry", || format!("request {id}: {before}, then {again}"));
                }
            }
        }
    }

    async fn listen(self: Arc<Self>, mut events: Events) {
        while let Some(event) = events.next().await {
            self.hear(&event);
            let stirs = match &event {
                Event::Tick(tick) => {
                    tick.events.iter().any(|event| matches!(event.body, Some(room_event::Body::Activity(_))))
                }
                Event::Snapshot(_) | Event::WatchProgress(_) | Event::Own(_) => true,
                _ => false,
            };
            if stirs {
                self.stirred.notify_one();
            }
        }
    }

    fn hear(&self, event: &Event) {
        let mut heard = self.heard.lock();
        heard.view.apply(event);
        match event {
            Event::Tick(tick) => {
                for event in &tick.events {
                    match &event.body {
                        Some(room_event::Body::Activity(state)) => self.stage(&mut heard, state),
                        Some(room_event::Body::Said(said)) if is_banned(&said.text) => {
                            self.complain("nothing_banned_is_seen", || said.text.clone());
                        }
                        Some(room_event::Body::GiftRun(GiftRun { combo, count, total, .. })) if count > total => {
                            self.complain("combos_count_up", || format!("combo {combo}: {count} of {total}"));
                        }
                        _ => {}
                    }
                }
            }
            Event::Snapshot(snapshot) => {
                snapshot.activities.iter().for_each(|state| self.stage(&mut heard, state));
                heard.elsewhere = false;
            }
            Event::WatchProgress(progress) => {
                let before = heard.watched;
                if progress.broadcast == before.broadcast && progress.watched_s < before.watched_s && !heard.elsewhere {
                    self.complain("watched_time_never_goes_back", || format!("{before:?}, then {progress:?}"));
                }
                heard.watched = *progress;
            }
            Event::Own(own) => {
                if let Some(voice) = &self.voice {
                    voice.own(own);
                }
                self.told.lock().own(own);
            }
            Event::TierChanged(changed) => self.told.lock().tier = Some(changed.tier()),
            Event::Disconnected { .. } => {
                heard.elsewhere = true;
                self.told.lock().disconnects += 1;
            }
            _ => {}
        }
    }

    /// Phases and amendments never go back.
    fn stage(&self, heard: &mut Heard, state: &ActivityState) {
        let now = (state.phase(), state.amendment);
        let before = heard.stages.insert(state.activity, now);
        if let Some(before) = before
            && (now.0 < before.0 || now.1 < before.1)
            && !heard.elsewhere
        {
            self.complain("phases_never_go_back", || format!("{before:?}, then {now:?} of {}", state.title));
        }
    }

    fn complain(&self, invariant: &'static str, words: impl FnOnce() -> String) {
        self.told.lock().complain(invariant, words);
    }
}

fn verdict(outcome: &Outcome) -> Verdict {
    match outcome {
        Outcome::Granted(_) | Outcome::Ordered(_) | Outcome::CheckedIn(_) | Outcome::GiftSent(_) => Verdict::Granted,
        Outcome::Entered(_) | Outcome::Prize(_) => Verdict::Granted,
        Outcome::Refused { code, .. } => Verdict::Refused(code.word()),
        Outcome::NotDone { code, .. } => Verdict::Refused(code.word()),
        Outcome::Done
        | Outcome::Priced(_)
        | Outcome::Board(_)
        | Outcome::Catalogue(_)
        | Outcome::FanClub(_)
        | Outcome::Proof(_) => Verdict::Done,
    }
}
