//! The keywords that count in a room at present, as its sessions see them: a copy of what the tables hold that needs no question.

use std::sync::Arc;

use arc_swap::ArcSwap;

use crate::filter::normalise;
use crate::rules::ActivityId;
use crate::store::{Ask, DrawAsk, EnterBy, GateFacts, KeywordUse, PresenceAsk};

/// The keywords of a room's activities. Read with every comment, written by the arbiter when an activity comes or goes.
#[derive(Debug, Default)]
pub(super) struct LiveKeywords(ArcSwap<Vec<Keyword>>);

/// What meets a condition comes before what enters a draw.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Keyword {
    does: KeywordUse,
    activity: ActivityId,
    token: u64,
    /// As it is written in the plan.
    word: String,
    /// As it is compared.
    form: String,
}

impl LiveKeywords {
    /// An activity has these keywords now.
    pub(super) fn set(&self, activity: ActivityId, facts: &GateFacts) {
        let of = self.0.load();
        let known = of.iter().filter(|known| known.activity == activity);
        let known = known.map(|known| (known.does, known.word.as_str()));
        if known.eq(facts.keywords.iter().map(|(does, word)| (*does, word.as_str()))) {
            return;
        }
        let keyword = |(does, word): &(KeywordUse, String)| Keyword {
            does: *does,
            activity,
            token: facts.token,
            word: word.clone(),
            form: normalise(word),
        };
        let others = of.iter().filter(|known| known.activity != activity).cloned();
        let mut all: Vec<_> = others.chain(facts.keywords.iter().map(keyword)).collect();
        all.sort_unstable();
        self.0.store(Arc::new(all));
    }

    /// An activity has none any more.
    pub(super) fn forget(&self, activity: ActivityId) {
        let of = self.0.load();
        if of.iter().any(|known| known.activity == activity) {
            self.0.store(Arc::new(of.iter().filter(|known| known.activity != activity).cloned().collect()));
        }
    }

    /// What follows from a comment: nothing, mostly. What enters a draw comes last.
    pub(super) fn said(&self, text: &str) -> Vec<Ask> {
        let of = self.0.load();
        if of.is_empty() {
            return Vec::new();
        }
        let form = normalise(text);
        let ask = |keyword: &Keyword| {
            let (activity, token) = (keyword.activity, keyword.token);
            match keyword.does {
                KeywordUse::Meets => Ask::Presence(PresenceAsk::PostKeyword { activity }),
                KeywordUse::Enters => Ask::Draw(DrawAsk::Enter { activity, token, by: EnterBy::Comment }),
            }
        };
        of.iter().filter(|keyword| keyword.form == form).map(ask).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::{Phase, RoomId};
    use crate::store::Needs;

    fn facts(keywords: &[(KeywordUse, &str)]) -> GateFacts {
        GateFacts {
            room: RoomId::parse("tea").unwrap(),
            phase: Phase::Open,
            token: 7,
            has_conditions: false,
            catches: false,
            needs: Needs::default(),
            keywords: keywords.iter().map(|(does, word)| (*does, (*word).to_owned())).collect(),
            is_claimed: false,
            pools: Vec::new(),
        }
    }

    fn said(keywords: &LiveKeywords, text: &str) -> Vec<String> {
        let say = |ask: Ask| match ask {
            Ask::Draw(ask) => format!("enters {}", ask.activity()),
            Ask::Presence(PresenceAsk::PostKeyword { activity }) => format!("meets {activity}"),
            other => format!("{other:?}"),
        };
        keywords.said(text).into_iter().map(say).collect()
    }

    #[test]
    fn what_a_comment_does() {
        use KeywordUse::{Enters, Meets};
        let keywords = LiveKeywords::default();
        keywords.set(ActivityId(1), &facts(&[(Enters, "Buy 茶")]));
        keywords.set(ActivityId(2), &facts(&[(Meets, "开門"), (Enters, "ｂｕｙ茶")]));
        let none: &[&str] = &[];
        for (text, want) in [
            ("Buy 茶", &["enters 1", "enters 2"][..]),
            ("buy茶", &["enters 1", "enters 2"]),
            (" ＢＵＹ　茶 ", &["enters 1", "enters 2"]),
            ("开门", &["meets 2"]),
            ("開門", &["meets 2"]),
            ("Buy 茶!", none),
            ("I buy 茶", none),
            ("", none),
        ] {
            assert_eq!(said(&keywords, text), want, "{text:?}");
        }
        keywords.set(ActivityId(1), &facts(&[]));
        keywords.set(ActivityId(2), &facts(&[(Meets, "开門"), (Enters, "ｂｕｙ茶")]));
        assert_eq!(said(&keywords, "buy茶"), ["enters 2"]);
        keywords.forget(ActivityId(2));
        assert_eq!(said(&keywords, "开门"), none);
    }
}
