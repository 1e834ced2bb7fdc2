//! What is remembered of those who speak, for a short time: how often they said the same, and the end of what they said.

use std::collections::HashMap;
use std::hash::BuildHasher;

use foldhash::fast::RandomState;
use parking_lot::Mutex;

use super::{Comment, TalkLimits};
use crate::filter::{Finding, Lexicon, normalise};
use crate::rules::{RequestId, RoomId, Time, UserId};

/// What a comment comes to.
pub(super) enum Verdict {
    Pass,
    /// It was said already.
    Known,
    /// Its author has to be silent for so long.
    Muted {
        for_ms: u32,
    },
    /// It holds what is banned.
    Blocked(Finding),
}

/// Everybody who spoke lately. Sharded, so that rooms do not wait for each other.
pub(super) struct Authors {
    shards: Box<[Mutex<HashMap<(RoomId, UserId), Author, RandomState>>]>,
    hasher: RandomState,
    limits: TalkLimits,
}

struct Author {
    /// The latest that was said: when, as what, under which id.
    said: [Option<(Time, u64, RequestId)>; Author::SAID],
    next: usize,
    /// The end of what was said last, with a space behind each comment.
    tail: String,
    latest: Time,
    muted_until: Time,
}

const SHARDS: usize = 64;
/// Authors of a shard; then those who have been silent for long are forgotten, or else whoever was silent longest.
const AUTHORS_PER_SHARD_MAX: usize = 4_096;
/// What is forgotten of a tail: a contact detail in pieces is not longer.
const TAIL_CHARS: usize = 32;
/// The pieces are not further apart, ms.
const TAIL_KEPT_MS: u64 = 60_000;

impl Authors {
    pub(super) fn new(limits: TalkLimits) -> Self {
        let shards = (0..SHARDS).map(|_| Mutex::default()).collect();
        Self { shards, hasher: RandomState::default(), limits }
    }

    /// Judges a comment that is clean by itself, by what its author said before.
    pub(super) fn judge(&self, comment: &Comment<'_>, lexicon: &Lexicon) -> Verdict {
        let key = (comment.words.room, comment.words.from);
        let hash = self.hasher.hash_one(key);
        let form = self.hasher.hash_one(normalise(comment.words.text));
        let mut authors = self.shards[hash as usize % SHARDS].lock();
        if authors.len() >= AUTHORS_PER_SHARD_MAX && !authors.contains_key(&key) {
            forget(&mut authors, comment.words.at);
        }
        let author = authors.entry(key).or_insert_with(|| Author::new(comment.words.at));
        author.judge(comment, form, lexicon, &self.limits)
    }
}

fn forget(authors: &mut HashMap<(RoomId, UserId), Author, RandomState>, now: Time) {
    authors.retain(|_, author| !author.is_over(now));
    if authors.len() >= AUTHORS_PER_SHARD_MAX
        && let Some(longest) = authors.iter().min_by_key(|(_, author)| author.latest).map(|(key, _)| *key)
    {
        authors.remove(&longest);
    }
}

impl Author {
    /// So much of what was said is remembered, at least as much as may be repeated.
    const SAID: usize = 16;

    fn new(now: Time) -> Self {
        Self { said: [None; Self::SAID], next: 0, tail: String::new(), latest: now, muted_until: Time::from_ms(0) }
    }

    fn is_over(&self, now: Time) -> bool {
        now >= self.latest.after_ms(TAIL_KEPT_MS) && now >= self.muted_until
    }

    fn judge(&mut self, comment: &Comment<'_>, form: u64, lexicon: &Lexicon, limits: &TalkLimits) -> Verdict {
        let now = comment.words.at;
        let said = |same: &&(Time, u64, RequestId)| same.1 == form;
        if self.said.iter().flatten().filter(said).any(|(_, _, request)| *request == comment.request) {
            return Verdict::Known;
        }
        if now < self.muted_until {
            return Verdict::Muted { for_ms: self.muted_until.since(now).as_millis() as u32 };
        }
        let recent = |said: &&(Time, u64, RequestId)| now < said.0.after_ms(limits.repeat_window_ms);
        if self.said.iter().flatten().filter(said).filter(recent).count() >= limits.repeats_max as usize {
            self.muted_until = now.after_ms(limits.repeat_mute_ms);
            return Verdict::Muted { for_ms: limits.repeat_mute_ms as u32 };
        }
        if now >= self.latest.after_ms(TAIL_KEPT_MS) {
            self.tail.clear();
        }
        self.latest = now;
        if let Some(finding) = self.pieces(comment.words.text, lexicon) {
            return Verdict::Blocked(finding);
        }
        self.said[self.next] = Some((now, form, comment.request));
        self.next = (self.next + 1) % Self::SAID;
        self.remember(comment.words.text);
        Verdict::Pass
    }

    /// A contact detail that begins in what was said before and ends in `text`.
    fn pieces(&self, text: &str, lexicon: &Lexicon) -> Option<Finding> {
        if self.tail.is_empty() {
            return None;
        }
        let joined = format!("{}{text}", self.tail);
        let seam = self.tail.len();
        let across = |finding: &Finding| finding.span.start < seam && finding.span.end > seam;
        lexicon.find(&joined).into_iter().find(|finding| Lexicon::is_contact(finding) && across(finding))
    }

    fn remember(&mut self, text: &str) {
        self.tail.push_str(text);
        self.tail.push(' ');
        let chars = self.tail.chars().count();
        if let Some((from, _)) = self.tail.char_indices().nth(chars.saturating_sub(TAIL_CHARS)) {
            self.tail.drain(..from);
        }
    }
}
