//! What the server knows of a user in a room: every condition is judged by these facts, none by what a client says.

use std::hint::black_box;

use serde::{Deserialize, Serialize};

use super::{ActivityId, Broadcast, Closeness, GiftId, Refusal, RefusalCode, Seats, TierRules, Time, UserId};

/// The facts about one user in one room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// When the user was noticed here first.
    pub first_seen: Time,
    /// When the user was noticed here last.
    pub last_seen: Time,
    /// What the access token said, when it said anything.
    pub account: AccountFacts,
    /// How close the user is to the room.
    pub closeness: Closeness,
    /// The latest check-in.
    pub check_in: Option<CheckIn>,
    /// What belongs to one broadcast.
    here: Here,
    /// On the boards.
    #[serde(skip)]
    pub seats: Seats,
}

/// What an access token says about its user's account. The issuer signs it, so it is a fact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct AccountFacts {
    /// When the account was made.
    pub created: Option<Time>,
    /// How likely it is a bot's, 0 to 100.
    pub risk: Option<u8>,
}

/// A check-in 打卡.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckIn {
    /// On which day of the room's time zone.
    pub day: i64,
    /// How many broadcast days in a row.
    pub streak: u32,
}

/// How long somebody was there, within an interval that is reported for many at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stay {
    /// Who.
    pub user: UserId,
    /// How long after its beginning they came, ms; 0 for those who were there.
    pub after_ms: u32,
    /// How long before its end they went, ms; 0 for those who stayed.
    pub before_ms: u32,
}

/// What somebody said and liked, within an interval that is reported for many at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Talked {
    /// Who.
    pub user: UserId,
    /// How long after its beginning the first of it was, ms.
    pub after_ms: u32,
    /// How long before its end the last of it was, ms.
    pub before_ms: u32,
    /// How many comments that passed, and likes.
    pub times: u32,
}

/// Facts of one broadcast; those of another are none.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
struct Here {
    broadcast: u32,
    watched_ms: u64,
    /// Up to here every interval is counted: what lies before it is never counted again.
    watched_until: Option<Time>,
    /// Up to here talk is counted: a report that begins before it is known.
    talked_until: Option<Time>,
    /// How many of each gift.
    gifts: Vec<(GiftId, u32)>,
    /// Activities whose keyword was posted.
    keywords: Vec<ActivityId>,
}

impl CheckIn {
    /// The check-in of `today`, after the latest; `None` if that was today. A streak goes on if no broadcast day was left out:
    /// `before` is the latest broadcast day before today.
    pub fn after(latest: Option<Self>, today: i64, before: Option<i64>) -> Option<Self> {
        let streak = match latest {
            Some(latest) if latest.day >= today => return None,
            Some(latest) if before.is_none_or(|before| latest.day >= before) => latest.streak.saturating_add(1),
            _ => 1,
        };
        Some(Self { day: today, streak })
    }
}

impl Stay {
    /// Stays of one report, at most.
    pub const REPORTED_MAX: usize = 1_024;

    /// The part of `from`..`until` that it was.
    pub fn within(&self, from: Time, until: Time) -> (Time, Time) {
        (from.after_ms(self.after_ms.into()), until.before_ms(self.before_ms.into()))
    }
}

impl Talked {
    /// The part of `from`..`until` in which it was.
    pub fn within(&self, from: Time, until: Time) -> (Time, Time) {
        (from.after_ms(self.after_ms.into()), until.before_ms(self.before_ms.into()))
    }
}

impl AccountFacts {
    /// The highest risk.
    pub const RISK_MAX: u8 = 100;

    /// What is known after `told`: what a token does not say stays as it was.
    #[must_use]
    pub fn updated(self, told: Self) -> Self {
        Self { created: told.created.or(self.created), risk: told.risk.or(self.risk) }
    }
}

impl Facts {
    /// Keywords of one broadcast that are kept for a user.
    pub const KEYWORDS_MAX: usize = 64;

    /// Somebody who is noticed for the first time.
    pub fn new(now: Time) -> Self {
        Self {
            first_seen: now,
            last_seen: now,
            account: AccountFacts::default(),
            closeness: Closeness::default(),
            check_in: None,
            here: Here::default(),
            seats: Seats::default(),
        }
    }

    /// Counts the part of `from`..`until` that lies in the broadcast and was not counted before, and says how long that is, ms.
    ///
    /// Intervals that overlap (two sessions, two nodes, a repeated report) count once, and nothing is ever taken back.
    pub fn watch(&mut self, broadcast: &Broadcast, from: Time, until: Time) -> u64 {
        let Some((from, until)) = self.would_watch(broadcast, from, until) else { return 0 };
        self.last_seen = self.last_seen.max(until);
        let here = self.here(broadcast.number);
        let added = until.since(from).as_millis() as u64;
        here.watched_ms += added;
        here.watched_until = Some(until);
        added
    }

    /// The interval that [`Self::watch`] would count, if any.
    pub fn would_watch(&self, broadcast: &Broadcast, from: Time, until: Time) -> Option<(Time, Time)> {
        let counted = self.of(broadcast.number).and_then(|here| here.watched_until);
        let from = from.max(broadcast.started).max(counted.unwrap_or(from));
        let until = broadcast.ended.map_or(until, |ended| until.min(ended));
        (from < until).then_some((from, until))
    }

    /// How much of what was said and liked within `from`..`until` counts. A report counts as a whole and once: one that reaches into
    /// what was counted says nothing new, or comes from another node at which the user was at the same time.
    pub fn would_talk(
        &self, rules: &TierRules, utc_offset_min: i32, broadcast: &Broadcast, (from, until): (Time, Time), times: u32,
    ) -> u32 {
        let known = self.of(broadcast.number).and_then(|here| here.talked_until);
        let during = from >= broadcast.started && from <= until && broadcast.ended.is_none_or(|ended| until <= ended);
        if !during || known.is_some_and(|known| from <= known) {
            return 0;
        }
        times.min(self.closeness.talk_left(rules, until.day(utc_offset_min)))
    }

    /// Counts what [`Self::would_talk`] said.
    pub fn talk(&mut self, rules: &TierRules, utc_offset_min: i32, broadcast: u32, until: Time, times: u32) {
        self.here(broadcast).talked_until = Some(until);
        self.closeness.talk(rules, until.day(utc_offset_min), times);
    }

    /// When the tier changes next, if nothing else is done.
    pub fn tier_due(&self, rules: &TierRules, utc_offset_min: i32) -> Option<Time> {
        let (day, _) = self.closeness.next_change(rules)?;
        Some(Time::begin_of_day(day, utc_offset_min))
    }

    /// Looks at what a gift changes, and no further.
    pub fn look_ahead(&self) {
        black_box((self.last_seen, self.closeness.latest_day(), self.here.gifts.first().copied()));
    }

    /// Gifts were sent.
    pub fn send(&mut self, broadcast: u32, gift: GiftId, count: u32) {
        let gifts = &mut self.here(broadcast).gifts;
        match gifts.iter_mut().find(|(id, _)| *id == gift) {
            Some((_, sent)) => *sent = sent.saturating_add(count),
            None => gifts.push((gift, count)),
        }
    }

    /// The keyword that an activity asks for was posted. Of very many the earliest is forgotten.
    pub fn post_keyword(&mut self, broadcast: u32, activity: ActivityId) {
        let keywords = &mut self.here(broadcast).keywords;
        if keywords.contains(&activity) {
            return;
        }
        if keywords.len() == Self::KEYWORDS_MAX {
            keywords.remove(0);
        }
        keywords.push(activity);
    }

    /// Whether a user of whom `facts` are known has watched a broadcast for `seconds`.
    ///
    /// # Errors
    /// The refusal that says how long it was.
    pub fn watched(facts: Option<&Self>, broadcast: u32, seconds: u32) -> Result<(), Refusal> {
        let watched_s = facts.map_or(0, |facts| facts.watched_ms(broadcast) / 1_000);
        let have = u32::try_from(watched_s).unwrap_or(u32::MAX);
        if have >= seconds {
            return Ok(());
        }
        Err(Refusal { code: RefusalCode::WatchedTooLittle, have, limit: seconds })
    }

    /// How long the user has watched a broadcast, ms.
    pub fn watched_ms(&self, broadcast: u32) -> u64 {
        self.of(broadcast).map_or(0, |here| here.watched_ms)
    }

    /// How many of a gift the user has sent in a broadcast.
    pub fn gifts_sent(&self, broadcast: u32, gift: GiftId) -> u32 {
        let sent = self.of(broadcast).and_then(|here| here.gifts.iter().find(|(id, _)| *id == gift));
        sent.map_or(0, |(_, count)| *count)
    }

    /// Whether the user has posted an activity's keyword in a broadcast.
    pub fn has_posted_keyword(&self, broadcast: u32, activity: ActivityId) -> bool {
        self.of(broadcast).is_some_and(|here| here.keywords.contains(&activity))
    }

    /// Whether the user has checked in on `day`.
    pub fn has_checked_in(&self, day: i64) -> bool {
        self.check_in.is_some_and(|check_in| check_in.day == day)
    }

    fn of(&self, broadcast: u32) -> Option<&Here> {
        (self.here.broadcast == broadcast).then_some(&self.here)
    }

    /// With a new broadcast everything begins anew.
    fn here(&mut self, broadcast: u32) -> &mut Here {
        if self.here.broadcast != broadcast {
            self.here = Here { broadcast, ..Here::default() };
        }
        &mut self.here
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(ms: i64) -> Time {
        Time::from_ms(ms)
    }

    fn broadcast(number: u32, started: i64, ended: Option<i64>) -> Broadcast {
        Broadcast { number, started: at(started), ended: ended.map(at) }
    }

    #[test]
    fn watched_time() {
        let on = broadcast(1, 1_000, None);
        let over = broadcast(1, 1_000, Some(9_000));
        let next = broadcast(2, 20_000, None);
        let mut facts = Facts::new(at(0));
        for (case, of, from, until, added, sum) in [
            ("before it began", &on, 0, 900, 0, 0),
            ("from its beginning on", &on, 500, 2_000, 1_000, 1_000),
            ("the same again", &on, 500, 2_000, 0, 1_000),
            ("a second session overlaps", &on, 1_500, 3_000, 1_000, 2_000),
            ("away, and back", &on, 5_000, 6_000, 1_000, 3_000),
            ("what comes late is not counted twice", &on, 2_500, 5_500, 0, 3_000),
            ("an interval that ends before it begins", &on, 8_000, 7_000, 0, 3_000),
            ("up to its end", &over, 6_000, 12_000, 3_000, 6_000),
            ("not after it", &over, 12_000, 13_000, 0, 6_000),
            ("the next begins anew", &next, 19_000, 21_000, 1_000, 1_000),
        ] {
            assert_eq!(facts.watch(of, at(from), at(until)), added, "{case}");
            assert_eq!(facts.watched_ms(of.number), sum, "{case}");
        }
        assert_eq!(facts.watched_ms(1), 0, "only the latest is kept");
        assert_eq!(facts.last_seen, at(21_000));
    }

    /// A report counts once, whichever node makes it and however often.
    #[test]
    fn talk_of_one_broadcast() {
        let rules = TierRules { talk_per_day_max: 6, ..TierRules::default() };
        let mut facts = Facts::new(at(0));
        for (case, ended, from, until, times, counts) in [
            ("before the broadcast", None, 9, 12, 1, 0),
            ("one comment", None, 12, 12, 1, 1),
            ("the same again", None, 12, 12, 1, 0),
            ("more", None, 13, 20, 2, 2),
            ("reaching into what is known", None, 20, 25, 2, 0),
            ("as many as a day has room for", None, 21, 25, 9, 3),
            ("and no more", None, 26, 27, 1, 0),
            ("after the end", Some(30), 29, 31, 1, 0),
        ] {
            let on = broadcast(1, 10, ended);
            let found = facts.would_talk(&rules, 0, &on, (at(from), at(until)), times);
            assert_eq!(found, counts, "{case}");
            if found > 0 {
                facts.talk(&rules, 0, 1, at(until), found);
            }
        }
    }

    /// Broadcast days in a row, not days: a room that is on air on Wednesdays has streaks, too.
    #[test]
    fn streaks() {
        let latest = |day, streak| Some(CheckIn { day, streak });
        for (case, latest, today, before, want) in [
            ("the first", None, 10, None, Some(1)),
            ("the day after", latest(9, 3), 10, Some(9), Some(4)),
            ("twice a day", latest(10, 4), 10, Some(9), None),
            ("a week later, and nothing in between", latest(3, 2), 10, Some(3), Some(3)),
            ("a broadcast day was left out", latest(3, 2), 10, Some(8), Some(1)),
            ("after midnight, in a broadcast that began before", latest(9, 1), 10, Some(9), Some(2)),
            ("and then the next day", latest(10, 2), 11, Some(9), Some(3)),
        ] {
            assert_eq!(CheckIn::after(latest, today, before).map(|next| next.streak), want, "{case}");
        }
    }

    #[test]
    fn what_belongs_to_a_broadcast() {
        let mut facts = Facts::new(at(0));
        let (rose, activity) = (GiftId(1), ActivityId(7));
        facts.send(1, rose, 2);
        facts.send(1, rose, 3);
        facts.post_keyword(1, activity);
        assert_eq!((facts.gifts_sent(1, rose), facts.gifts_sent(1, GiftId(2)), facts.gifts_sent(2, rose)), (5, 0, 0));
        assert!(facts.has_posted_keyword(1, activity) && !facts.has_posted_keyword(2, activity));
        facts.send(2, rose, u32::MAX);
        facts.send(2, rose, 1);
        assert_eq!((facts.gifts_sent(1, rose), facts.gifts_sent(2, rose)), (0, u32::MAX));
        assert!(!facts.has_posted_keyword(1, activity));
    }

    proptest! {
        /// Whatever is reported, in whatever order: no more than there was, no more than the union, and never less than before.
        #[test]
        fn never_more_than_was_watched(stays in prop::collection::vec((0..100i64, 0..30i64), 0..40), end in 0..120i64) {
            let on = broadcast(1, 10, Some(10 + end));
            let mut facts = Facts::new(at(0));
            let mut before = 0;
            for (from, length) in &stays {
                facts.watch(&on, at(*from), at(from + length));
                prop_assert!(facts.watched_ms(1) >= before);
                before = facts.watched_ms(1);
            }
            let there = |ms: &i64| stays.iter().any(|(from, length)| (*from..from + length).contains(ms));
            prop_assert!(before <= (10..10 + end).filter(there).count() as u64);
            let mut in_order = stays.clone();
            in_order.sort_unstable();
            let mut facts = Facts::new(at(0));
            for (from, length) in &in_order {
                facts.watch(&on, at(*from), at(from + length));
            }
            prop_assert_eq!(facts.watched_ms(1), (10..10 + end).filter(there).count() as u64, "in order, it is the union");
        }
    }
}
