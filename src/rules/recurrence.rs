//! Recurrence: "every Wednesday 20:00", by the clocks of a time zone.
//!
//! A rule names days of the week and a time of day there. What moment that is depends on the zone's own rules, daylight
//! saving included: they are the IANA database's, which is part of the binary. Two servers may have different editions of it, so no decision
//! asks it: whoever brings an operation works out the occurrence that it names.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time as Clock};
use jiff::tz::{Offset, TimeZone};
use serde::{Deserialize, Serialize};

use super::Time;
use super::activity::PlanError;

/// When a template becomes an activity, again and again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recurrence {
    /// On these days: each once, in the week's order.
    pub days: Vec<Weekday>,
    /// At this time of the local day, minutes from midnight. Where clocks are put forward over it, it is as much later; where they
    /// are put back over it, the first of the two counts.
    pub at_min: u16,
    /// By whose clocks.
    pub zone: Zone,
    /// So long before its opening the activity is created, ms. An occurrence for which no server was there before its opening
    /// is missed.
    pub ahead_ms: u64,
    /// Whether it is then handed in at once: reviewed, funded, scheduled. Otherwise it waits as a draft.
    pub hand_in: bool,
}

const DAY_MS: i64 = 86_400_000;

/// So far may the same time of a day be apart in two zones, and a bit.
const APART_MS: u64 = 2 * DAY_MS as u64;

/// A day of the week.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "the names say it")]
pub enum Weekday {
    Monday,
    Tuesday,
    Wednesday,
    Thursday,
    Friday,
    Saturday,
    Sunday,
}

/// By whose clocks times of the day are read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Zone {
    /// So many minutes east of Greenwich, all the year.
    Offset(i32),
    /// The zone of that name in the IANA database: `Europe/Berlin`.
    Named(String),
}

/// One time that a recurrence comes round.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Occurrence {
    /// Its name among the rule's occurrences: the local day, in days since 1970.
    pub day: i64,
    /// When the activity opens.
    pub opens_at: Time,
}

impl Weekday {
    /// All of them, in the week's order.
    pub const ALL: [Self; 7] =
        [Self::Monday, Self::Tuesday, Self::Wednesday, Self::Thursday, Self::Friday, Self::Saturday, Self::Sunday];

    /// Of a local day, in days since 1970: that began with a Thursday.
    fn of(day: i64) -> Self {
        Self::ALL[(day + 3).rem_euclid(7) as usize]
    }
}

impl Recurrence {
    /// How long ahead an activity may be created: a minute to a week.
    pub const AHEAD_MS: std::ops::RangeInclusive<u64> = 60_000..=7 * 86_400_000;

    /// Checks everything that the types can't.
    pub fn check(&self) -> Result<(), PlanError> {
        self.check_form()?;
        if !self.zone.is_known() {
            return Err(PlanError {
                field: "zone",
                why: "must be a zone of the IANA database, as Asia/Shanghai".into(),
            });
        }
        Ok(())
    }

    /// Checks as much of it as needs no calendar, so that every server comes to the same.
    pub fn check_form(&self) -> Result<(), PlanError> {
        let refuse = |field, why: &'static str| Err(PlanError { field, why: why.into() });
        if self.days.is_empty() || !self.days.is_sorted_by(|one, next| one < next) {
            return refuse("days", "must be 1 to 7 days of the week, each once, in order");
        }
        if self.at_min >= 24 * 60 {
            return refuse("at", "must be a time of the day");
        }
        if !Self::AHEAD_MS.contains(&self.ahead_ms) {
            return refuse("ahead_ms", "must be 60,000 to 604,800,000");
        }
        match &self.zone {
            Zone::Offset(minutes) if !(-14 * 60..=14 * 60).contains(minutes) => {
                refuse("zone", "must be -840 to 840 minutes")
            }
            Zone::Named(name) if !(1..=64).contains(&name.len()) => refuse("zone", "has a name of 1 to 64 bytes"),
            Zone::Offset(_) | Zone::Named(_) => Ok(()),
        }
    }

    /// The first occurrence that opens after `now`; `None` if there is none that this server can name.
    pub fn first_after(&self, now: Time) -> Option<Occurrence> {
        let zone = self.zone.rules()?;
        let today = zone.to_datetime(Timestamp::from_millisecond(now.ms()).ok()?).date();
        let yesterday = days_since_1970(today) - 1;
        let mut found = self.next_in(&zone, yesterday - 1)?;
        while found.opens_at <= now {
            found = self.next_in(&zone, found.day)?;
        }
        Some(found)
    }

    /// The occurrence after the one of a local day, whether it is past or to come; `None` beyond the year 2200.
    pub fn next_after(&self, day: i64) -> Option<Occurrence> {
        self.next_in(&self.zone.rules()?, day)
    }

    /// Whether an occurrence may be one of the rule's, as far as that needs no calendar: it is on one of the rule's days, and opens
    /// about when these have the rule's time in Greenwich. Zones differ from there by 14 hours at most, and clocks were put forward by
    /// a whole day once.
    pub fn may_have(&self, occurrence: &Occurrence) -> bool {
        let Some(greenwich) = self.in_greenwich(occurrence.day) else { return false };
        let apart = occurrence.opens_at.ms().abs_diff(greenwich.ms());
        self.days.contains(&Weekday::of(occurrence.day)) && apart <= APART_MS
    }

    /// Whether `next` may come after an occurrence, as far as that needs no calendar: it is on the next of the rule's days. Nothing does only
    /// where time itself ends.
    pub fn may_follow(&self, occurrence: &Occurrence, next: Option<&Occurrence>) -> bool {
        let day = self.day_after(occurrence.day);
        match next {
            Some(next) => day == Some(next.day) && self.may_have(next) && next.opens_at >= occurrence.opens_at,
            None => day.and_then(|day| self.in_greenwich(day)).is_none_or(|at| at > Time::MAX.before_ms(APART_MS)),
        }
    }

    /// When a local day has the rule's time in Greenwich.
    fn in_greenwich(&self, day: i64) -> Option<Time> {
        Some(Time::from_ms(day.checked_mul(DAY_MS)?.saturating_add(i64::from(self.at_min) * 60_000)))
    }

    /// The next of its days.
    fn day_after(&self, day: i64) -> Option<i64> {
        (1..=7).filter_map(|days| day.checked_add(days)).find(|day| self.days.contains(&Weekday::of(*day)))
    }

    fn next_in(&self, zone: &TimeZone, day: i64) -> Option<Occurrence> {
        let day = self.day_after(day)?;
        let clock = Clock::new((self.at_min / 60) as i8, (self.at_min % 60) as i8, 0, 0).ok()?;
        let local = DateTime::from_parts(date(day)?, clock);
        let opens_at = Time::from_ms(zone.to_ambiguous_timestamp(local).compatible().ok()?.as_millisecond());
        (opens_at <= Time::MAX).then_some(Occurrence { day, opens_at })
    }
}

impl Zone {
    /// Reads the name of a zone.
    pub fn named(text: &str) -> Option<Self> {
        let zone = Self::Named(text.to_owned());
        zone.rules().map(|_| zone)
    }

    /// Whether this server knows its rules.
    pub fn is_known(&self) -> bool {
        self.rules().is_some()
    }

    fn rules(&self) -> Option<TimeZone> {
        match self {
            Self::Offset(minutes) => Some(TimeZone::fixed(Offset::from_seconds(minutes.checked_mul(60)?).ok()?)),
            Self::Named(name) => jiff::tz::TimeZoneDatabase::bundled().get(name).ok(),
        }
    }
}

impl std::fmt::Display for Zone {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Named(name) => f.write_str(name),
            Self::Offset(minutes) => {
                let (sign, minutes) = (if *minutes < 0 { '-' } else { '+' }, minutes.unsigned_abs());
                write!(f, "{sign}{:02}:{:02}", minutes / 60, minutes % 60)
            }
        }
    }
}

impl Occurrence {
    /// When a rule's activity for it is created.
    pub fn created_at(&self, rule: &Recurrence) -> Time {
        self.opens_at.before_ms(rule.ahead_ms)
    }
}

fn days_since_1970(date: Date) -> i64 {
    let since = TimeZone::UTC.to_timestamp(date.to_datetime(Clock::midnight()));
    since.map_or(0, |at| at.as_millisecond().div_euclid(DAY_MS))
}

fn date(day: i64) -> Option<Date> {
    let at = Timestamp::from_millisecond(day.checked_mul(DAY_MS)?).ok()?;
    Some(TimeZone::UTC.to_datetime(at).date())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(days: &[Weekday], at: &str, zone: &str) -> Recurrence {
        let (hour, minute) = at.split_once(':').unwrap();
        Recurrence {
            days: days.to_vec(),
            at_min: hour.parse::<u16>().unwrap() * 60 + minute.parse::<u16>().unwrap(),
            zone: zone.parse().map_or_else(|_| Zone::named(zone).unwrap(), Zone::Offset),
            ahead_ms: 3_600_000,
            hand_in: true,
        }
    }

    fn at(text: &str) -> Time {
        Time::from_ms(text.parse::<Timestamp>().unwrap().as_millisecond())
    }

    fn said(found: Option<Occurrence>) -> String {
        let found = found.unwrap();
        let opens_at = Timestamp::from_millisecond(found.opens_at.ms()).unwrap();
        format!("{} {opens_at}", date(found.day).unwrap())
    }

    /// Days, time and zone; after which moment; the next three occurrences: local day, and when it is.
    #[test]
    fn the_calendar() {
        use Weekday::*;
        let rows: [(&str, &[Weekday], &str, &str, &str, [&str; 3]); 9] = [
            (
                "every Wednesday 20:00 in Shanghai, which has no daylight saving",
                &[Wednesday],
                "20:00",
                "Asia/Shanghai",
                "2026-11-25T11:59:59Z",
                [
                    "2026-11-25 2026-11-25T12:00:00Z",
                    "2026-12-02 2026-12-02T12:00:00Z",
                    "2026-12-09 2026-12-09T12:00:00Z",
                ],
            ),
            (
                "at the very moment it is the next week's",
                &[Wednesday],
                "20:00",
                "Asia/Shanghai",
                "2026-11-25T12:00:00Z",
                [
                    "2026-12-02 2026-12-02T12:00:00Z",
                    "2026-12-09 2026-12-09T12:00:00Z",
                    "2026-12-16 2026-12-16T12:00:00Z",
                ],
            ),
            (
                "by an offset: the local day is another than Greenwich's",
                &[Monday, Thursday],
                "00:30",
                "480",
                "2026-01-01T00:00:00Z",
                [
                    "2026-01-05 2026-01-04T16:30:00Z",
                    "2026-01-08 2026-01-07T16:30:00Z",
                    "2026-01-12 2026-01-11T16:30:00Z",
                ],
            ),
            (
                "clocks are put forward between two Wednesdays: an hour earlier by Greenwich, the same by the wall",
                &[Wednesday],
                "20:00",
                "Europe/Berlin",
                "2026-03-20T00:00:00Z",
                [
                    "2026-03-25 2026-03-25T19:00:00Z",
                    "2026-04-01 2026-04-01T18:00:00Z",
                    "2026-04-08 2026-04-08T18:00:00Z",
                ],
            ),
            (
                "they are put back",
                &[Wednesday],
                "20:00",
                "Europe/Berlin",
                "2026-10-20T00:00:00Z",
                [
                    "2026-10-21 2026-10-21T18:00:00Z",
                    "2026-10-28 2026-10-28T19:00:00Z",
                    "2026-11-04 2026-11-04T19:00:00Z",
                ],
            ),
            (
                "a time that the clocks are put forward over is as much later that day: 03:30",
                &[Sunday],
                "02:30",
                "Europe/Berlin",
                "2026-03-28T00:00:00Z",
                [
                    "2026-03-29 2026-03-29T01:30:00Z",
                    "2026-04-05 2026-04-05T00:30:00Z",
                    "2026-04-12 2026-04-12T00:30:00Z",
                ],
            ),
            (
                "a time that there is twice counts once, the first time",
                &[Sunday],
                "02:30",
                "Europe/Berlin",
                "2026-10-24T00:00:00Z",
                [
                    "2026-10-25 2026-10-25T00:30:00Z",
                    "2026-11-01 2026-11-01T01:30:00Z",
                    "2026-11-08 2026-11-08T01:30:00Z",
                ],
            ),
            (
                "half an hour of daylight saving",
                &[Saturday, Sunday],
                "09:00",
                "Australia/Lord_Howe",
                "2026-04-03T23:00:00Z",
                [
                    "2026-04-05 2026-04-04T22:30:00Z",
                    "2026-04-11 2026-04-10T22:30:00Z",
                    "2026-04-12 2026-04-11T22:30:00Z",
                ],
            ),
            (
                "a leap day",
                &Weekday::ALL,
                "12:00",
                "0",
                "2028-02-27T12:00:00Z",
                [
                    "2028-02-28 2028-02-28T12:00:00Z",
                    "2028-02-29 2028-02-29T12:00:00Z",
                    "2028-03-01 2028-03-01T12:00:00Z",
                ],
            ),
        ];
        for (case, days, time, zone, after, want) in rows {
            let rule = rule(days, time, zone);
            assert_eq!(rule.check(), Ok(()), "{case}");
            let first = rule.first_after(at(after)).unwrap();
            let second = rule.next_after(first.day).unwrap();
            let third = rule.next_after(second.day);
            assert_eq!([said(Some(first)), said(Some(second)), said(third)], want, "{case}");
            assert_eq!(first.created_at(&rule), first.opens_at.before_ms(3_600_000));
        }
    }

    /// What needs no calendar: which day comes next, and about when.
    #[test]
    fn what_may_follow() {
        use Weekday::*;
        let on = |day: i64| Occurrence { day, opens_at: Time::from_ms(day * DAY_MS + 20 * 3_600_000) };
        let later =
            |days: u64, of: Occurrence| Occurrence { opens_at: of.opens_at.after_ms(days * DAY_MS as u64), ..of };
        let (every, weekly) = (rule(&Weekday::ALL, "20:00", "0"), rule(&[Wednesday], "20:00", "Asia/Shanghai"));
        let last = Time::MAX.ms() / DAY_MS;
        // Day 20,614 is a Wednesday.
        for (what, rule, day, next, may) in [
            ("the next day", &every, 20_614, Some(on(20_615)), true),
            ("the same", &every, 20_614, Some(on(20_614)), false),
            ("the day before", &every, 20_614, Some(on(20_613)), false),
            ("a day is left out", &every, 20_614, Some(on(20_616)), false),
            ("much later than its day", &every, 20_614, Some(later(3, on(20_615))), false),
            ("nothing", &every, 20_614, None, false),
            ("the next Wednesday", &weekly, 20_614, Some(on(20_621)), true),
            ("a Thursday", &weekly, 20_614, Some(on(20_615)), false),
            ("the Wednesday after", &weekly, 20_614, Some(on(20_628)), false),
            ("nothing, some days before time ends", &every, last - 5, None, false),
            ("nothing, where time ends", &every, last - 1, None, true),
        ] {
            assert_eq!(rule.may_follow(&on(day), next.as_ref()), may, "{what}");
        }
    }

    #[test]
    fn what_is_refused() {
        use Weekday::*;
        let fine = rule(&[Monday, Friday], "20:00", "0");
        for (case, rule, field) in [
            ("no day", Recurrence { days: vec![], ..fine.clone() }, "days"),
            ("a day twice", Recurrence { days: vec![Monday, Monday], ..fine.clone() }, "days"),
            ("days in disorder", Recurrence { days: vec![Friday, Monday], ..fine.clone() }, "days"),
            ("past midnight", Recurrence { at_min: 1_440, ..fine.clone() }, "at"),
            ("less than a minute ahead", Recurrence { ahead_ms: 59_999, ..fine.clone() }, "ahead_ms"),
            ("more than a week ahead", Recurrence { ahead_ms: 604_800_001, ..fine.clone() }, "ahead_ms"),
            ("an offset of no zone", Recurrence { zone: Zone::Offset(i32::MAX), ..fine.clone() }, "zone"),
            (
                "a zone that never was",
                Recurrence { zone: Zone::Named("Mars/Olympus".to_owned()), ..fine.clone() },
                "zone",
            ),
        ] {
            assert_eq!(rule.check().map_err(|error| error.field), Err(field), "{case}");
        }
        assert_eq!(Zone::named("Europe/Nowhere"), None);
        assert_eq!(fine.first_after(Time::MAX), None, "beyond all that this server handles");
    }
}
