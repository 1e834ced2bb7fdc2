//! The cast of an evening: how many there were of each kind, what they did, and what became of them.

use std::collections::BTreeMap;
use std::time::Duration;

use liveroom::rules::TierRules;
use liveroom_protocol::wire::Tier;
use serde::Serialize;

use super::persona::Persona;
use super::reckoning::Leaving;
use super::told::Told;
use crate::html::evening::Row;
use crate::table::count;

/// What all viewers of one kind did.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Part {
    viewers: u64,
    answers: u64,
    granted: u64,
    coins: i64,
    /// Those who became 活跃粉 or more, and those of them whom it took what they said and liked, by the rules that servers come with.
    fans: u64,
    fans_by_talk: u64,
}

/// What each kind did in a broadcast of that length.
pub(super) fn cast(viewers: &[Leaving], broadcast: Duration) -> BTreeMap<Persona, Part> {
    let mut cast = BTreeMap::<_, Part>::new();
    for Leaving { persona, told, .. } in viewers {
        cast.entry(*persona).or_default().add(told, broadcast.as_secs().div_ceil(60));
    }
    cast
}

impl Part {
    fn add(&mut self, told: &Told, minutes: u64) {
        self.viewers += 1;
        self.answers += told.answers.values().map(|of| of.all).sum::<u64>();
        self.granted += told.answers.values().map(|of| of.granted).sum::<u64>();
        self.coins += told.coins_sent;
        let is_fan = told.tier.is_some_and(|tier| tier >= Tier::Active);
        self.fans += u64::from(is_fan);
        self.fans_by_talk += u64::from(is_fan && is_silent_stranger(told, minutes));
    }

    /// As a table shows it.
    pub(super) fn row(&self, persona: Persona) -> Row {
        let mut did = format!("{} answers, {} granted", count(self.answers), count(self.granted));
        if self.coins > 0 {
            did += &format!(", {} coins", count(self.coins as u64));
        }
        match (self.fans, self.fans_by_talk) {
            (0, _) => {}
            (fans, 0) => did += &format!("; {} became 活跃粉", count(fans)),
            (fans, by_talk) => did += &format!("; {} became 活跃粉, {} by what they said", count(fans), count(by_talk)),
        }
        Row::of([&format!("{}s", persona.word()), &count(self.viewers), &did])
    }
}

/// Whether a viewer would have stayed 路人粉 without a word, however long it watched.
fn is_silent_stranger(told: &Told, minutes: u64) -> bool {
    let rules = TierRules::default();
    let check_ins = told.answers.get("check_in").map_or(0, |of| of.granted);
    let points = told.coins_sent as u64 * u64::from(rules.coin_points)
        + check_ins * u64::from(rules.interaction_points)
        + minutes * u64::from(rules.minute_points);
    points < u64::from(rules.active_points)
}

#[cfg(test)]
mod tests {
    use super::super::programme::A_FEW_COINS;
    use super::super::told::Answers;
    use super::*;

    #[test]
    fn a_few_coins_and_some_words_make_a_fan() {
        let rules = TierRules::default();
        for (case, coins, check_ins, minutes, silent) in [
            ("a few coins", A_FEW_COINS, 0, 1, true),
            ("and a check-in", A_FEW_COINS, 1, 1, true),
            ("and half an hour", A_FEW_COINS, 1, 30, false),
            ("a gifter", 5_000, 0, 1, false),
        ] {
            let mut told = Told { coins_sent: coins, ..Told::default() };
            told.answers.insert("check_in", Answers { all: check_ins, granted: check_ins });
            assert_eq!(is_silent_stranger(&told, minutes), silent, "{case}");
        }
        let by_talk = i64::from(rules.talk_points * rules.talk_per_day_max);
        assert!(A_FEW_COINS + by_talk >= i64::from(rules.active_points), "words are enough");
    }

    #[test]
    fn each_kind_is_counted_by_itself() {
        let leaving = |persona, tier| {
            let told = Told { coins_sent: A_FEW_COINS, tier, ..Told::default() };
            Leaving { user: "ann".to_owned(), persona, known_risk: false, told, heard_the_end: true }
        };
        let viewers = [
            leaving(Persona::Chatter, Some(Tier::Active)),
            leaving(Persona::Chatter, None),
            leaving(Persona::Watcher, Some(Tier::PasserBy)),
        ];
        let cast = cast(&viewers, Duration::from_secs(60));
        let chatters = Part { viewers: 2, coins: 2 * A_FEW_COINS, fans: 1, fans_by_talk: 1, ..Part::default() };
        assert_eq!(cast[&Persona::Chatter], chatters);
        assert_eq!(cast[&Persona::Watcher], Part { viewers: 1, coins: A_FEW_COINS, ..Part::default() });
    }
}
