//! What viewers say: through the filter, past the rules against floods, into the room's next tick.
//!
//! Talk is no decision: nothing here is asked of the store, and nothing waits for it. What was said and what was held
//! back is told to a [`Witness`], which may drop it.

mod authors;

use std::sync::{Arc, OnceLock};

use arc_swap::ArcSwap;

use crate::events::{Act, Behaviour, Witness};
use crate::filter::{Finding, Lexicon, builtin};
use crate::rules::{ArmId, ExperimentId, NotDone, NotDoneCode, RequestId, RoomId, Time, UserId};

use authors::{Authors, Verdict};

/// What keeps one voice from filling a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TalkLimits {
    /// As often may the same be said within the window.
    pub repeats_max: u32,
    /// The window, ms.
    pub repeat_window_ms: u64,
    /// For so long is muted who says it once more, ms.
    pub repeat_mute_ms: u64,
}

impl Default for TalkLimits {
    fn default() -> Self {
        Self { repeats_max: 3, repeat_window_ms: 30_000, repeat_mute_ms: 30_000 }
    }
}

/// The talk of all rooms.
pub(super) struct Talk {
    lexicon: ArcSwap<Lexicon>,
    authors: Authors,
    witness: OnceLock<Arc<dyn Witness>>,
}

/// What somebody wants to say.
#[derive(Clone, Copy)]
pub(super) struct Words<'a> {
    pub(super) at: Time,
    pub(super) room: RoomId,
    pub(super) from: UserId,
    /// The speaker's arms in the experiments that run.
    pub(super) arms: &'a [(ExperimentId, ArmId)],
    pub(super) text: &'a str,
}

/// Something that a viewer wants to say.
pub(super) struct Comment<'a> {
    pub(super) words: Words<'a>,
    /// The request: sent again, it is not said again.
    pub(super) request: RequestId,
}

/// What becomes of it.
pub(super) enum Hearing {
    /// Everybody is to hear it.
    Pass,
    /// Everybody has heard it already.
    Known,
}

impl Talk {
    pub(super) fn new(limits: TalkLimits) -> Self {
        Self { lexicon: ArcSwap::new(builtin()), authors: Authors::new(limits), witness: OnceLock::new() }
    }

    pub(super) fn lexicon(&self) -> Arc<Lexicon> {
        self.lexicon.load_full()
    }

    pub(super) fn use_lexicon(&self, lexicon: Arc<Lexicon>) {
        self.lexicon.store(lexicon);
    }

    /// Once; says whether it was the first.
    pub(super) fn tell(&self, witness: Arc<dyn Witness>) -> bool {
        self.witness.set(witness).is_ok()
    }

    /// Tells the witness, if there is one, what a viewer has done; `arms` says in which arms the viewer is.
    pub(super) fn saw(
        &self, at: Time, room: RoomId, user: UserId, arms: impl FnOnce() -> Vec<(ExperimentId, ArmId)>, act: Act,
    ) {
        if let Some(witness) = self.witness.get() {
            witness.saw(Behaviour { at, room, user, arms: arms(), act });
        }
    }

    /// Judges a host's words by the filter alone.
    pub(super) fn review(&self, words: &Words<'_>) -> Result<(), NotDone> {
        match self.lexicon.load().find(words.text).into_iter().next() {
            Some(finding) => Err(self.blocked(words, finding)),
            None => Ok(()),
        }
    }

    fn blocked(&self, words: &Words<'_>, finding: Finding) -> NotDone {
        let Words { at, room, from, arms, text } = *words;
        let category = finding.category.to_string();
        let act = Act::Blocked { text: text.into(), category: category.clone().into(), term: finding.term };
        self.saw(at, room, from, || arms.to_vec(), act);
        NotDoneCode::Blocked.because(category)
    }

    /// Judges a comment.
    ///
    /// # Errors
    /// Nobody but its author is to see it, and why.
    pub(super) fn hear(&self, comment: &Comment<'_>) -> Result<Hearing, NotDone> {
        let Words { at, room, from, arms, text } = comment.words;
        let lexicon = self.lexicon.load();
        let finding = lexicon.find(text).into_iter().next();
        let verdict = match finding {
            Some(finding) => Verdict::Blocked(finding),
            None => self.authors.judge(comment, &lexicon),
        };
        match verdict {
            Verdict::Pass => {
                self.saw(at, room, from, || arms.to_vec(), Act::Commented { text: text.into() });
                Ok(Hearing::Pass)
            }
            Verdict::Known => Ok(Hearing::Known),
            Verdict::Muted { for_ms } => {
                self.saw(at, room, from, || arms.to_vec(), Act::Muted { text: text.into() });
                Err(NotDoneCode::Muted.for_now("the same was said too often", for_ms))
            }
            Verdict::Blocked(finding) => Err(self.blocked(&comment.words, finding)),
        }
    }
}

impl std::fmt::Debug for Talk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Talk").field("lexicon", &self.lexicon).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> (RoomId, UserId) {
        (RoomId::parse("tea").unwrap(), UserId::parse(text).unwrap())
    }

    /// What each of a user's comments comes to: a word, or the code and detail.
    fn hear(talk: &Talk, user: &str, at_ms: i64, request: u64, text: &str) -> String {
        let (room, from) = id(user);
        let request = RequestId::new(request).unwrap();
        let words = Words { at: Time::from_ms(at_ms), room, from, arms: &[], text };
        match talk.hear(&Comment { words, request }) {
            Ok(Hearing::Pass) => "said".to_owned(),
            Ok(Hearing::Known) => "known".to_owned(),
            Err(why) => format!("{}: {}", why.code.word(), why.detail),
        }
    }

    #[test]
    fn what_becomes_of_comments() {
        let talk = Talk::new(TalkLimits::default());
        let muted = "muted: the same was said too often";
        for (user, at_s, request, text, want) in [
            ("a", 0, 1, "主播好", "said"),
            ("a", 0, 1, "主播好", "known"),
            ("a", 1, 2, "傻 逼", "blocked: abuse"),
            ("a", 1, 2, "傻 逼", "blocked: abuse"),
            // The same three times, however it is written; others are not concerned.
            ("b", 0, 1, "666", "said"),
            ("b", 1, 2, "６６６", "said"),
            ("b", 2, 3, "6 6 6", "said"),
            ("b", 3, 4, "666", muted),
            ("b", 4, 5, "别的话", muted),
            ("c", 4, 1, "666", "said"),
            ("b", 34, 6, "别的话", "said"),
            ("b", 60, 7, "666", "said"),
            // A number in pieces; after a while the pieces are forgotten.
            ("d", 0, 1, "138", "said"),
            ("d", 1, 2, "0013", "said"),
            ("d", 2, 3, "8000", "blocked: contact"),
            ("d", 3, 4, "好看", "said"),
            ("e", 0, 1, "1380013", "said"),
            ("e", 61, 2, "8000", "said"),
            // Words that only meet at the seam are no evasion of anything but contact details.
            ("f", 0, 1, "真傻", "said"),
            ("f", 1, 2, "逼自己买", "said"),
            ("g", 0, 1, "加我微", "said"),
            ("g", 1, 2, "信", "blocked: contact"),
        ] {
            assert_eq!(hear(&talk, user, at_s * 1_000, request, text), want, "{user} at {at_s} s: {text}");
        }
    }

    #[test]
    fn a_new_lexicon_counts_from_the_next_comment() {
        let talk = Talk::new(TalkLimits::default());
        assert_eq!(hear(&talk, "a", 0, 1, "奥利给"), "said");
        talk.use_lexicon(Arc::new(Lexicon::parse([("memes", "奥利给")]).unwrap()));
        assert_eq!(hear(&talk, "a", 0, 2, "奥利给"), "blocked: memes");
        assert_eq!(hear(&talk, "a", 0, 3, "傻逼"), "said");
    }
}
