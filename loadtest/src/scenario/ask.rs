//! What a viewer asks for, and what it makes of the answers.

use std::collections::VecDeque;
use std::sync::Arc;

use liveroom_protocol::frame::FrameReader;
use liveroom_protocol::transport::SERVER_FRAME_BYTES_MAX;

use super::acks::Voice;
use super::aims::{Aim, RoomAims, RoomEar};
use super::fields::next_message;
use super::frames::{Heard, Outcome, write_request};
use super::learned::{Learned, Told};
use crate::board::Verdict;
use crate::drive::{NotUnderstood, Reply, Script};

/// So many decisions are remembered, to be asked for once more.
const KEPT_MAX: usize = 4;

/// One viewer's requests: always for the furthest activity that has something for it.
#[derive(Debug)]
pub(super) struct Asking {
    room: Arc<RoomAims>,
    aims: Vec<Aim>,
    version: u32,
    /// The aim asked for now, and how often it was.
    place: usize,
    asked: u32,
    ids: Ids,
    /// Asked and not decided.
    open: VecDeque<Open>,
    /// Asked again over a new line: what the first sending came to is not known.
    again: Vec<u64>,
    /// The latest decisions.
    kept: VecDeque<Decided>,
    /// Those of them that were asked for once more.
    probed: Vec<Decided>,
    learned: Learned,
    voice: Option<Voice>,
}

#[derive(Debug)]
struct Open {
    id: u64,
    aim: Aim,
    /// An earlier sending may have been decided.
    repeated: bool,
}

#[derive(Debug)]
struct Decided {
    id: u64,
    aim: Aim,
    told: Told,
}

impl Asking {
    /// Requests for what `room` has, with ids that begin at `first_id`.
    pub(super) fn new(room: Arc<RoomAims>, first_id: u64, voice: Option<Voice>) -> Self {
        Self {
            room,
            aims: Vec::new(),
            version: 0,
            place: 0,
            asked: 0,
            ids: Ids(first_id),
            open: VecDeque::new(),
            again: Vec::new(),
            kept: VecDeque::new(),
            probed: Vec::new(),
            learned: Learned::default(),
            voice,
        }
    }

    /// What came out of it, when all is said.
    pub(super) fn into_learned(mut self) -> Learned {
        self.learned.unanswered = self.open.len() as u64;
        self.learned
    }

    /// Appends the latest decided requests once more, by the same names; says whether there are any.
    pub(super) fn probe(&mut self, out: &mut Vec<u8>) -> bool {
        self.probed.extend(self.kept.drain(..));
        for decided in &self.probed {
            write_request(&decided.aim.frame, decided.id, out);
        }
        !self.probed.is_empty()
    }

    /// Reads answers to the probe, and says how many bytes were whole messages.
    pub(super) fn probe_replies(&mut self, input: &[u8]) -> Result<usize, NotUnderstood> {
        let mut rest = input;
        while let Some(message) = next_message(&mut rest)? {
            match Heard::read(message)? {
                Heard::Answer(id, outcome) => self.compare(id, &outcome),
                Heard::Room | Heard::Goodbye(_) | Heard::Other => {}
            }
        }
        Ok(input.len() - rest.len())
    }

    /// Whether every answer to the probe has come.
    pub(super) fn is_probed(&self) -> bool {
        self.probed.is_empty()
    }

    fn compare(&mut self, id: u64, outcome: &Outcome<'_>) {
        let Some(place) = self.probed.iter().position(|decided| decided.id == id) else { return };
        if !outcome.is_decided() {
            // Pending, or shed: the decision stands, it is only not told now.
            if !matches!(outcome, Outcome::Pending) {
                self.probed.swap_remove(place);
            }
            return;
        }
        let decided = self.probed.swap_remove(place);
        let told = Told::of(outcome);
        self.learned.repeats += 1;
        if told != decided.told {
            let words = format!("{:?}, then {told:?} for request {id} in {}", decided.told, self.room.id);
            self.learned.unstable.get_or_insert(words);
        }
        if let Some(voice) = &self.voice {
            voice.say(id, decided.aim.activity, outcome);
        }
    }

    fn aim(&mut self) -> Option<&Aim> {
        let version = self.room.version();
        if version != self.version {
            self.version = version;
            self.room.copy(&mut self.aims);
        }
        if self.aims.get(self.place).is_some_and(|aim| self.asked >= aim.each) {
            self.turn();
        }
        self.aims.get(self.place)
    }

    /// Goes on to the next aim, if there is one yet; otherwise the server gets to say no.
    fn turn(&mut self) {
        if self.place + 1 < self.aims.len() {
            self.place += 1;
            self.asked = 0;
            self.room.reached(self.place);
        }
    }

    /// The answer to `id`, if it ends the question.
    fn hear(&mut self, id: u64, outcome: &Outcome<'_>) -> Option<Verdict> {
        // Answers mostly come in order, so the search mostly ends where it begins.
        let Some(place) = self.open.iter().position(|open| open.id == id) else {
            return Some(Verdict::Wrong);
        };
        if matches!(outcome, Outcome::Pending) {
            // The decision follows by itself over this line, and is asked for over another.
            self.learned.pendings += 1;
            return None;
        }
        if outcome.may_pass() && self.open[place].repeated {
            self.again.push(id);
            return None;
        }
        let Open { id, aim, .. } = self.open.remove(place)?;
        let verdict = match outcome {
            Outcome::Grant(grant) => {
                self.learned.grant(grant);
                Verdict::Granted
            }
            Outcome::Order(order) => {
                self.learned.order(order);
                Verdict::Granted
            }
            Outcome::Refused(code) => Verdict::Refused(code.word()),
            Outcome::NotDone(code) => Verdict::Refused(code.word()),
            Outcome::Done | Outcome::Pending => Verdict::Wrong,
        };
        if matches!(outcome, Outcome::Refused(_))
            && self.aims.get(self.place).is_some_and(|now| now.activity == aim.activity)
        {
            self.turn();
        }
        if outcome.is_decided() {
            if let Some(voice) = &self.voice {
                voice.say(id, aim.activity, outcome);
            }
            if self.kept.len() == KEPT_MAX {
                self.kept.pop_front();
            }
            self.kept.push_back(Decided { id, aim, told: Told::of(outcome) });
        }
        Some(verdict)
    }
}

/// Decodes a room frame for its ear.
pub(super) fn hear_message(ear: &mut RoomEar, message: &[u8]) {
    // The reader wants the length in front; what is cut off here is put back.
    let mut framed = Vec::with_capacity(message.len() + 5);
    let mut length = message.len();
    while length > 0x7f {
        framed.push(length as u8 | 0x80);
        length >>= 7;
    }
    framed.push(length as u8);
    framed.extend_from_slice(message);
    let frame = FrameReader::new(SERVER_FRAME_BYTES_MAX).next(&mut &framed[..]);
    if let Ok(Some(frame)) = frame {
        ear.hear(frame);
    }
}

impl Script for Asking {
    fn request(&mut self, out: &mut Vec<u8>) -> Option<u64> {
        let aim = self.aim()?.clone();
        let id = self.ids.next();
        write_request(&aim.frame, id, out);
        self.asked += 1;
        self.open.push_back(Open { id, aim, repeated: false });
        Some(id)
    }

    fn repeat(&mut self, key: u64, out: &mut Vec<u8>) {
        if let Some(open) = self.open.iter_mut().find(|open| open.id == key) {
            open.repeated = true;
            write_request(&open.aim.frame, key, out);
        }
    }

    fn again(&mut self, out: &mut Vec<u8>) {
        for id in std::mem::take(&mut self.again) {
            self.repeat(id, out);
        }
    }

    fn replies(&mut self, input: &[u8], replies: &mut Vec<Reply>) -> Result<usize, NotUnderstood> {
        let mut rest = input;
        while let Some(message) = next_message(&mut rest)? {
            match Heard::read(message)? {
                Heard::Answer(key, outcome) => {
                    replies.extend(self.hear(key, &outcome).map(|verdict| Reply { key, verdict }));
                }
                Heard::Goodbye(word) => self.learned.goodbye = Some(word.to_owned()),
                Heard::Room | Heard::Other => {}
            }
        }
        Ok(input.len() - rest.len())
    }
}

/// Request ids: an odd multiple of a counter, so that they look random and never repeat.
#[derive(Debug)]
struct Ids(u64);

impl Ids {
    fn next(&mut self) -> u64 {
        loop {
            self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut id = self.0;
            id = (id ^ (id >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            id = (id ^ (id >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            id ^= id >> 31;
            if id != 0 {
                return id;
            }
        }
    }
}

#[cfg(test)]
mod tests;
