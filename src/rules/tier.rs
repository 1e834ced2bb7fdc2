//! Tiers of fans 路人粉 → 活跃粉 → 核心粉: what somebody did for a room within a rolling window, in points.

use serde::{Deserialize, Serialize};

/// How close a viewer is to a room. Ordered: who is closer has all that those have who are less.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tier {
    /// 路人粉: comes by.
    #[default]
    PasserBy,
    /// 活跃粉: comes often, and takes part.
    Active,
    /// 核心粉: carries the room.
    Core,
}

/// How tiers are reached. Nodes that share decisions must have the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TierRules {
    /// So many days count, today among them.
    pub window_days: u32,
    /// Points for a minute watched.
    pub minute_points: u32,
    /// Points for a coin sent.
    pub coin_points: u32,
    /// Points for a check-in.
    pub interaction_points: u32,
    /// Points for a comment that everybody saw, and for a like, however many hearts it has.
    pub talk_points: u32,
    /// So many comments and likes of a day count: nobody likes themselves into 核心粉.
    pub talk_per_day_max: u32,
    /// From so many points on a viewer is 活跃粉.
    pub active_points: u32,
    /// From so many points on a viewer is 核心粉.
    pub core_points: u32,
}

/// What somebody did on one day of the room's time zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Day {
    day: i64,
    watched_ms: u64,
    coins: u64,
    interactions: u32,
    talk: u32,
}

/// What somebody did within the window, and the tier that it makes.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Closeness {
    /// The tier, as of the latest change.
    pub tier: Tier,
    /// The day of that change.
    since: i64,
    /// The days of the window, the latest last.
    days: Vec<Day>,
}

impl Tier {
    /// Every tier, the lowest first.
    pub const ALL: [Self; 3] = [Self::PasserBy, Self::Active, Self::Core];

    /// The word that every interface uses.
    pub const fn word(self) -> &'static str {
        match self {
            Self::PasserBy => "passer_by",
            Self::Active => "active",
            Self::Core => "core",
        }
    }

    /// The tier with a number from 0; the highest for all beyond.
    pub fn from_number(number: u32) -> Self {
        Self::ALL.get(number as usize).copied().unwrap_or(Self::Core)
    }
}

impl Default for TierRules {
    fn default() -> Self {
        Self {
            window_days: 30,
            minute_points: 1,
            coin_points: 1,
            interaction_points: 5,
            talk_points: 1,
            talk_per_day_max: 20,
            active_points: 120,
            core_points: 1_500,
        }
    }
}

impl TierRules {
    /// The longest window.
    pub const WINDOW_DAYS_MAX: u32 = 90;

    /// The points that talk alone can bring within the window.
    pub fn talk_points_max(&self) -> u64 {
        u64::from(self.talk_points) * u64::from(self.talk_per_day_max) * u64::from(self.window_days)
    }

    fn points(&self, day: &Day) -> u64 {
        let minutes = (day.watched_ms / 60_000).saturating_mul(self.minute_points.into());
        let coins = day.coins.saturating_mul(self.coin_points.into());
        let interactions = u64::from(day.interactions) * u64::from(self.interaction_points);
        let talk = u64::from(day.talk) * u64::from(self.talk_points);
        [coins, interactions, talk].into_iter().fold(minutes, u64::saturating_add)
    }

    fn tier(&self, points: u64) -> Tier {
        match points {
            points if points >= self.core_points.into() => Tier::Core,
            points if points >= self.active_points.into() => Tier::Active,
            _ => Tier::PasserBy,
        }
    }
}

impl Closeness {
    /// Time was watched.
    pub fn watch(&mut self, rules: &TierRules, day: i64, ms: u64) {
        let today = self.on(rules, day);
        today.watched_ms = today.watched_ms.saturating_add(ms);
    }

    /// Coins were sent.
    pub fn spend(&mut self, rules: &TierRules, day: i64, coins: u64) {
        let today = self.on(rules, day);
        today.coins = today.coins.saturating_add(coins);
    }

    /// Somebody took part.
    pub fn interact(&mut self, rules: &TierRules, day: i64) {
        let today = self.on(rules, day);
        today.interactions = today.interactions.saturating_add(1);
    }

    /// Comments were passed, and likes sent: so many of them as [`Self::talk_left`] leaves.
    pub fn talk(&mut self, rules: &TierRules, day: i64, times: u32) {
        let today = self.on(rules, day);
        today.talk = today.talk.saturating_add(times);
    }

    /// How many more comments and likes of a day count.
    pub fn talk_left(&self, rules: &TierRules, day: i64) -> u32 {
        let counted = self.days.iter().rev().find(|one| one.day <= day).filter(|one| one.day == day);
        rules.talk_per_day_max.saturating_sub(counted.map_or(0, |today| today.talk))
    }

    /// The latest day on which something was done.
    pub(super) fn latest_day(&self) -> Option<i64> {
        self.days.last().map(|latest| latest.day)
    }

    /// The next change of the tier, if nothing else is done: on which day, and to what. A day that is not later than the
    /// latest one says that it is due.
    pub fn next_change(&self, rules: &TierRules) -> Option<(i64, Tier)> {
        let latest = self.latest_day()?.max(self.since);
        let leaves = self.days.iter().map(|day| day.day + i64::from(rules.window_days)).filter(|day| *day > latest);
        std::iter::once(latest).chain(leaves).find_map(|day| {
            let tier = rules.tier(self.points(rules, day));
            (tier != self.tier).then_some((day, tier))
        })
    }

    /// The tier changes, as [`Self::next_change`] said.
    pub fn change(&mut self, day: i64, tier: Tier) {
        self.tier = tier;
        self.since = day;
    }

    fn points(&self, rules: &TierRules, day: i64) -> u64 {
        let first = day - i64::from(rules.window_days) + 1;
        let counted = self.days.iter().filter(|one| one.day >= first);
        counted.map(|one| rules.points(one)).fold(0, u64::saturating_add)
    }

    fn on(&mut self, rules: &TierRules, day: i64) -> &mut Day {
        let first = day - i64::from(rules.window_days) + 1;
        self.days.retain(|one| one.day >= first);
        // Time does not go back; should it seem to, the latest day takes it.
        if self.days.last().is_none_or(|latest| latest.day < day) {
            self.days.push(Day { day, watched_ms: 0, coins: 0, interactions: 0, talk: 0 });
        }
        self.days.last_mut().expect("there is one now")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: TierRules = TierRules {
        window_days: 3,
        minute_points: 1,
        coin_points: 2,
        interaction_points: 5,
        talk_points: 1,
        talk_per_day_max: 4,
        active_points: 10,
        core_points: 30,
    };

    /// Day by day: what is done, and the change that is due then.
    #[test]
    fn up_and_down_with_the_window() {
        type Done<'a> = &'a dyn Fn(&mut Closeness, i64);
        let nothing: Done<'_> = &|_, _| {};
        let minutes = |n: u64| move |it: &mut Closeness, day| it.watch(&RULES, day, n * 60_000);
        let rows: [(&str, i64, Done<'_>, Option<(i64, Tier)>); 8] = [
            ("nine minutes are not ten points", 1, &minutes(9), None),
            ("one more", 1, &minutes(1), Some((1, Tier::Active))),
            ("it falls when the day leaves the window", 1, nothing, Some((4, Tier::PasserBy))),
            ("a coin is two points", 2, &|it, day| it.spend(&RULES, day, 8), Some((5, Tier::PasserBy))),
            ("taking part is five", 3, &|it, day| it.interact(&RULES, day), Some((3, Tier::Core))),
            ("the first day leaves", 4, nothing, Some((4, Tier::Active))),
            ("then the second", 5, nothing, Some((5, Tier::PasserBy))),
            ("and nothing more follows", 5, nothing, None),
        ];
        let mut ann = Closeness::default();
        for (case, day, done, want) in rows {
            done(&mut ann, day);
            let mut next = ann.next_change(&RULES);
            assert_eq!(next, want, "{case}");
            while let Some((at, tier)) = next.filter(|(at, _)| *at <= day) {
                ann.change(at, tier);
                next = ann.next_change(&RULES);
            }
        }
        assert_eq!(ann.tier, Tier::PasserBy);
    }

    #[test]
    fn talk_counts_so_often_a_day() {
        let mut ann = Closeness::default();
        for (case, day, times, left) in [
            ("none yet", 1, 0, 4),
            ("some", 1, 3, 1),
            ("the last", 1, 1, 0),
            ("more than there was room for", 1, 9, 0),
            ("another day", 2, 0, 4),
            ("the day before", 1, 0, 0),
        ] {
            if times > 0 {
                ann.talk(&RULES, day, times);
            }
            assert_eq!(ann.talk_left(&RULES, day), left, "{case}");
        }
        assert_eq!(TierRules::default().talk_points_max(), 600);
    }

    #[test]
    fn no_more_days_than_the_window_has_are_kept() {
        let mut ann = Closeness::default();
        (0..1_000).for_each(|day| ann.watch(&RULES, day, 1));
        assert_eq!(ann.days.len(), 3);
    }
}
