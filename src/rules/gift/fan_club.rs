//! Fan club 粉丝团: who belongs to it, and how close they are.
//!
//! Intimacy 亲密度 comes from watching and from gifts, each up to so many points a day. It is counted in what was done (time,
//! coins) and turned into points by the day's sum, so that many small
//! things are worth as much as one large one.

use std::collections::HashMap;

use foldhash::quality::FixedState;
use serde::{Deserialize, Serialize};

use crate::rules::{Time, UserId};

/// Where intimacy comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FanSource {
    /// Time watched, counted in ms.
    Watching,
    /// Coins sent.
    Gifts,
}

/// How a source earns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct DailyCap {
    /// So many seconds or coins make a point.
    pub units_per_point: u32,
    /// Points of one day at most; none: the source does not count.
    pub points_max: u32,
}

/// How a room's fan club is run. Its host sets it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FanClubSettings {
    /// What it is called: up to 30 bytes.
    pub title: String,
    /// Whether anybody may join by asking. A gift that the catalogue says so joins in any case.
    pub free: bool,
    /// Seconds watched.
    pub watching: DailyCap,
    /// Coins sent.
    pub gifts: DailyCap,
    /// Points at which levels 2, 3, … begin: rising, at most 50 of them.
    pub levels: Vec<u64>,
}

/// Why settings are not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FanClubError {
    /// Too long.
    #[error("title must have at most {} bytes", FanClubSettings::TITLE_BYTES_MAX)]
    Title,
    /// Points for nothing.
    #[error("units_per_point must be 1 at least")]
    Units,
    /// More than a day's sum may be.
    #[error("points_max must be at most {}", FanClubSettings::POINTS_MAX)]
    Points,
    /// Too many, or not rising.
    #[error(
        "levels must be at most {} points that rise, from 1 to {}",
        FanClubSettings::LEVELS_MAX,
        FanClubSettings::LEVEL_POINTS_MAX
    )]
    Levels,
}

/// One fan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fan {
    /// Since when.
    pub since: Time,
    /// Intimacy so far.
    pub points: u64,
    /// The latest day, of the room's time zone, on which something was done.
    day: i64,
    /// What was done on it, by source.
    done: [u64; 2],
}

/// What something comes to for a fan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FanGain {
    /// Points gained.
    pub points: u32,
    /// The level afterwards.
    pub level: u32,
    /// Whether it is a new one.
    pub rises: bool,
    /// Whether it made its doer a fan.
    pub joins: bool,
}

/// A room's fan club.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct FanClub {
    /// How it is run.
    pub settings: FanClubSettings,
    fans: HashMap<UserId, Fan, FixedState>,
}

impl Default for FanClubSettings {
    fn default() -> Self {
        Self {
            title: String::new(),
            free: false,
            watching: DailyCap { units_per_point: 60, points_max: 60 },
            gifts: DailyCap { units_per_point: 10, points_max: 5_000 },
            levels: vec![100, 300, 800, 2_000, 5_000, 12_000, 30_000, 80_000, 200_000],
        }
    }
}

impl FanClubSettings {
    /// The longest title, bytes.
    pub const TITLE_BYTES_MAX: usize = 30;
    /// The most points of one source and day.
    pub const POINTS_MAX: u32 = 1_000_000;
    /// The most levels beyond the first.
    pub const LEVELS_MAX: usize = 50;
    /// The most points that a level may ask for.
    pub const LEVEL_POINTS_MAX: u64 = 1_000_000_000_000;

    /// Whether they may be set.
    ///
    /// # Errors
    /// [`FanClubError`]: the first thing that is wrong.
    pub fn check(&self) -> Result<(), FanClubError> {
        if self.title.len() > Self::TITLE_BYTES_MAX {
            return Err(FanClubError::Title);
        }
        let caps = [self.watching, self.gifts];
        if caps.iter().any(|cap| cap.units_per_point == 0) {
            return Err(FanClubError::Units);
        }
        if caps.iter().any(|cap| cap.points_max > Self::POINTS_MAX) {
            return Err(FanClubError::Points);
        }
        let rise = self.levels.first().is_none_or(|first| *first > 0) && self.levels.is_sorted_by(|a, b| a < b);
        let within = self.levels.last().is_none_or(|last| *last <= Self::LEVEL_POINTS_MAX);
        if !rise || !within || self.levels.len() > Self::LEVELS_MAX { Err(FanClubError::Levels) } else { Ok(()) }
    }

    /// The level that so many points are, from 1.
    pub fn level(&self, points: u64) -> u32 {
        1 + self.levels.partition_point(|from| *from <= points) as u32
    }

    /// The points that a day's sum of `done` is.
    fn points(&self, source: FanSource, done: u64) -> u32 {
        match source {
            FanSource::Watching => self.watching.points(done / 1_000),
            FanSource::Gifts => self.gifts.points(done),
        }
    }
}

impl DailyCap {
    fn points(self, units: u64) -> u32 {
        (units / u64::from(self.units_per_point)).min(u64::from(self.points_max)) as u32
    }
}

impl Fan {
    /// Nothing done yet.
    fn new(since: Time) -> Self {
        Self { since, points: 0, day: i64::MIN, done: [0; 2] }
    }

    /// What was done on `day`.
    const fn done_on(&self, day: i64) -> [u64; 2] {
        if self.day == day { self.done } else { [0; 2] }
    }
}

impl FanClub {
    /// As many fans may a room have.
    pub const FANS_MAX: usize = 1_000_000;

    /// A fan.
    pub fn fan(&self, user: &UserId) -> Option<&Fan> {
        self.fans.get(user)
    }

    /// How many fans there are.
    pub fn len(&self) -> usize {
        self.fans.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.fans.is_empty()
    }

    /// Whether nobody else may join.
    pub fn is_full(&self) -> bool {
        self.fans.len() >= Self::FANS_MAX
    }

    /// All fans, in no order.
    pub fn fans(&self) -> impl Iterator<Item = (&UserId, &Fan)> {
        self.fans.iter()
    }

    /// What `units` of something on `day` would come to; `None` for one who is no fan, and does not become one by it.
    pub fn gain(&self, user: &UserId, source: FanSource, units: u64, day: i64, joins: bool) -> Option<FanGain> {
        let (before, done, joins) = match self.fans.get(user) {
            Some(fan) => (fan.points, fan.done_on(day)[source as usize], false),
            None if joins && !self.is_full() => (0, 0, true),
            None => return None,
        };
        let sum = |done| self.settings.points(source, done);
        let points = sum(done.saturating_add(units)).saturating_sub(sum(done));
        let level = self.settings.level(before + u64::from(points));
        Some(FanGain { points, level, rises: level > self.settings.level(before), joins })
    }

    /// Takes in what [`Self::gain`] said.
    pub fn take(&mut self, user: UserId, source: FanSource, units: u64, day: i64, now: Time, gain: FanGain) {
        let fan = self.fans.entry(user).or_insert_with(|| Fan::new(now));
        fan.done = fan.done_on(day);
        fan.day = day;
        let done = &mut fan.done[source as usize];
        *done = done.saturating_add(units);
        fan.points += u64::from(gain.points);
    }

    /// A fan has watched for `watched_ms` more. It says nothing of one who is no fan.
    pub fn watch(&mut self, user: UserId, watched_ms: u64, day: i64, now: Time) {
        if let Some(gain) = self.gain(&user, FanSource::Watching, watched_ms, day, false) {
            self.take(user, FanSource::Watching, watched_ms, day, now, gain);
        }
    }

    /// A user joins; says whether it is new there.
    pub fn join(&mut self, user: UserId, now: Time) -> bool {
        let new = !self.fans.contains_key(&user);
        self.fans.entry(user).or_insert_with(|| Fan::new(now));
        new
    }

    /// A fan leaves, and loses what was gained; says whether it was one.
    pub fn leave(&mut self, user: &UserId) -> bool {
        self.fans.remove(user).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ann() -> UserId {
        UserId::parse("ann").unwrap()
    }

    fn club() -> FanClub {
        let caps = |units_per_point, points_max| DailyCap { units_per_point, points_max };
        let settings = FanClubSettings {
            watching: caps(60, 3),
            gifts: caps(10, 5),
            levels: vec![4, 9],
            ..FanClubSettings::default()
        };
        FanClub { settings, fans: HashMap::default() }
    }

    #[test]
    fn what_a_fan_gains() {
        use FanSource::{Gifts, Watching};
        let mut club = club();
        assert_eq!(club.gain(&ann(), Gifts, 100, 1, false), None, "no fan");
        assert!(club.join(ann(), Time::from_ms(1)) && !club.join(ann(), Time::from_ms(2)));
        // Day by day: what was done, the points that it brought, the level afterwards.
        for (case, day, source, units, points, level) in [
            ("nine coins are not ten", 1, Gifts, 9, 0, 1),
            ("small ones add up", 1, Gifts, 1, 1, 1),
            ("up to the day's most", 1, Gifts, 1_000, 4, 2),
            ("then no more", 1, Gifts, 1_000, 0, 2),
            ("each source by itself", 1, Watching, 90_000, 1, 2),
            ("half a minute was kept", 1, Watching, 30_000, 1, 2),
            ("two more", 1, Watching, 999_000, 1, 2),
            ("the next day begins anew", 2, Gifts, 10, 1, 3),
            ("without what was left over", 2, Watching, 59_999, 0, 3),
            ("as much as there is", 2, Watching, u64::MAX, 3, 3),
            ("and more", 2, Watching, u64::MAX, 0, 3),
        ] {
            let before = club.settings.level(club.fan(&ann()).unwrap().points);
            let gain = club.gain(&ann(), source, units, day, true).unwrap();
            assert_eq!(gain, FanGain { points, level, rises: level > before, joins: false }, "{case}");
            club.take(ann(), source, units, day, Time::from_ms(5), gain);
        }
        assert_eq!(club.fan(&ann()).unwrap().points, 12);
        assert!(club.leave(&ann()) && !club.leave(&ann()));
    }

    #[test]
    fn a_gift_may_join() {
        let mut club = club();
        let gain = club.gain(&ann(), FanSource::Gifts, 50, 1, true).unwrap();
        assert_eq!(gain, FanGain { points: 5, level: 2, rises: true, joins: true });
        club.take(ann(), FanSource::Gifts, 50, 1, Time::from_ms(7), gain);
        let fan = club.fan(&ann()).unwrap();
        assert_eq!((fan.since, fan.points), (Time::from_ms(7), 5));
    }

    #[test]
    fn settings_that_may_not_be() {
        let with = |change: &dyn Fn(&mut FanClubSettings)| {
            let mut settings = FanClubSettings::default();
            change(&mut settings);
            settings.check()
        };
        type Row<'a> = (&'a str, &'a dyn Fn(&mut FanClubSettings), Result<(), FanClubError>);
        let rows: [Row<'_>; 10] = [
            ("as they come", &|_| {}, Ok(())),
            ("one level for all", &|s| s.levels.clear(), Ok(())),
            ("a source that does not count", &|s| s.watching.points_max = 0, Ok(())),
            ("a long title", &|s| s.title = "粉".repeat(11), Err(FanClubError::Title)),
            ("points for nothing", &|s| s.gifts.units_per_point = 0, Err(FanClubError::Units)),
            ("too many points", &|s| s.watching.points_max = 1_000_001, Err(FanClubError::Points)),
            ("a level that all have", &|s| s.levels = vec![0, 5], Err(FanClubError::Levels)),
            ("levels that do not rise", &|s| s.levels = vec![5, 5], Err(FanClubError::Levels)),
            ("too many levels", &|s| s.levels = (1..=51).collect(), Err(FanClubError::Levels)),
            ("a level out of reach", &|s| s.levels = vec![u64::MAX], Err(FanClubError::Levels)),
        ];
        for (case, change, want) in rows {
            assert_eq!(with(change), want, "{case}");
        }
    }
}
