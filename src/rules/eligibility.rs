//! Who may take part: all of the stated conditions, each judged from facts that the server holds.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::activity::PlanError;
use super::{
    AccountFacts, ActivityId, Experiment, ExperimentId, Facts, GiftId, InArm, Limits, Refusal, RefusalCode, Tier, Time,
    UserId, WinCap,
};

/// What an activity asks of those who take part. What is not stated is not asked.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Conditions {
    /// At least this tier.
    pub tier: Option<Tier>,
    /// In the room's fan club.
    pub fan_club: bool,
    /// Has watched this broadcast for so long, s.
    pub watched_s: Option<u32>,
    /// Has checked in today.
    pub checked_in: bool,
    /// Has posted this in the room, during this broadcast and since the activity was announced: 1 to 60 bytes.
    pub keyword: Option<String>,
    /// Has sent a gift.
    pub gift: Option<GiftSent>,
    /// Was noticed in the room for the first time at most so many days ago.
    pub newcomer_days: Option<u32>,
    /// Has not won more than so many times in a window.
    pub wins: Option<WinCap>,
    /// The account is at least so many days old.
    pub account_age_days: Option<u32>,
    /// The account's risk is below, 1 to 100: the higher of what its token says and what it is judged to be.
    pub risk_below: Option<u8>,
    /// Is in this arm of an experiment of the room.
    pub arm: Option<InArm>,
}

/// A gift, and how many of it, in this broadcast.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct GiftSent {
    /// Which gift.
    pub gift: GiftId,
    /// At least so many.
    pub count: u32,
}

/// What is known about one who wants to take part.
#[derive(Debug, Clone, Copy)]
pub struct Known<'a> {
    /// Who.
    pub user: &'a UserId,
    /// The room's experiments.
    pub experiments: Option<&'a BTreeMap<ExperimentId, Experiment>>,
    /// The facts, if the user was ever noticed in the room.
    pub facts: Option<&'a Facts>,
    /// In which activity.
    pub activity: ActivityId,
    /// The room's latest broadcast; 0 before the first.
    pub broadcast: u32,
    /// Whether the user is in the room's fan club.
    pub is_fan: bool,
    /// The account's risk, if somebody has judged it beside its token.
    pub judged: Option<u8>,
    /// When.
    pub now: Time,
    /// The room's time zone, minutes east of Greenwich.
    pub utc_offset_min: i32,
}

const DAY_MS: u64 = 86_400_000;

impl Conditions {
    /// The longest keyword, bytes.
    pub const KEYWORD_BYTES_MAX: usize = 60;

    /// Whether nothing is asked.
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }

    /// How long a win has to be remembered, ms.
    pub fn looks_back_ms(&self) -> u64 {
        self.wins.map_or(0, |cap| cap.window_ms)
    }

    /// Checks everything that the types can't.
    pub(super) fn check(&self) -> Result<(), PlanError> {
        let refuse = |field, why: &'static str| Err(PlanError { field, why: why.into() });
        if self.watched_s.is_some_and(|seconds| !(1..=86_400).contains(&seconds)) {
            return refuse("conditions.watched_s", "must be 1 to 86,400");
        }
        if self.keyword.as_ref().is_some_and(|word| !(1..=Self::KEYWORD_BYTES_MAX).contains(&word.len())) {
            return refuse("conditions.keyword", "must be 1 to 60 bytes");
        }
        if self.gift.is_some_and(|gift| gift.count == 0) {
            return refuse("conditions.gift.count", "must be at least 1");
        }
        if self.newcomer_days.is_some_and(|days| !(1..=365).contains(&days)) {
            return refuse("conditions.newcomer_days", "must be 1 to 365");
        }
        if self.wins.is_some_and(|cap| cap.wins > Limits::WINS_MAX) {
            return refuse("conditions.wins.wins", "must be at most 1,000");
        }
        if self.wins.is_some_and(|cap| cap.window_ms == 0 || cap.window_ms > 31 * DAY_MS) {
            return refuse("conditions.wins.window_ms", "must be 1 ms to 31 days");
        }
        if self.account_age_days.is_some_and(|days| !(1..=3_650).contains(&days)) {
            return refuse("conditions.account_age_days", "must be 1 to 3,650");
        }
        if self.risk_below.is_some_and(|risk| !(1..=AccountFacts::RISK_MAX).contains(&risk)) {
            return refuse("conditions.risk_below", "must be 1 to 100");
        }
        Ok(())
    }

    /// Whether one of whom `known` holds may take part, after wins at `wins`. The first condition that is not met is named, with
    /// what there is and what is asked.
    pub fn allow<I>(&self, known: &Known<'_>, wins: impl Fn() -> I) -> Result<(), Refusal>
    where
        I: Iterator<Item = Time>,
    {
        let Known { facts, broadcast, now, .. } = *known;
        let plain = |code| Err(Refusal::plain(code));
        let missing = |code, have: u64, limit: u32| Err(Refusal { code, have: clamped(have), limit });
        if let Some(tier) = self.tier {
            let have = facts.map_or(Tier::default(), |facts| facts.closeness.tier);
            if have < tier {
                return missing(RefusalCode::TierTooLow, have as u64, tier as u32);
            }
        }
        if self.fan_club && !known.is_fan {
            return plain(RefusalCode::NotInFanClub);
        }
        if let Some(seconds) = self.watched_s {
            Facts::watched(facts, broadcast, seconds)?;
        }
        if self.checked_in && !facts.is_some_and(|facts| facts.has_checked_in(now.day(known.utc_offset_min))) {
            return plain(RefusalCode::NotCheckedIn);
        }
        if self.keyword.is_some() && !facts.is_some_and(|facts| facts.has_posted_keyword(broadcast, known.activity)) {
            return plain(RefusalCode::KeywordNotPosted);
        }
        if let Some(GiftSent { gift, count }) = self.gift {
            let sent = facts.map_or(0, |facts| facts.gifts_sent(broadcast, gift));
            if sent < count {
                return missing(RefusalCode::GiftNotSent, sent.into(), count);
            }
        }
        if let Some(days) = self.newcomer_days {
            let since = facts.map_or(0, |facts| now.since(facts.first_seen).as_millis() as u64);
            if since > u64::from(days) * DAY_MS {
                return missing(RefusalCode::NotNewcomer, since.div_ceil(DAY_MS), days);
            }
        }
        if let Some(WinCap { wins: most, window_ms }) = self.wins {
            let since = now.before_ms(window_ms);
            let won = wins().filter(|at| *at > since).count() as u64;
            if won > u64::from(most) {
                return missing(RefusalCode::WonTooOften, won, most);
            }
        }
        if self.arm.is_some_and(|arm| !known.is_in(arm)) {
            return plain(RefusalCode::NotInArm);
        }
        let account = facts.map_or(AccountFacts::default(), |facts| facts.account);
        if let Some(days) = self.account_age_days {
            // An account of which nothing is known is as good as one made now.
            let age = account.created.map_or(0, |created| now.since(created).as_millis() as u64);
            if age < u64::from(days) * DAY_MS {
                return missing(RefusalCode::AccountTooNew, age / DAY_MS, days);
            }
        }
        if let Some(below) = self.risk_below {
            // Nothing known is no proof of innocence.
            let risk = account.risk.max(known.judged).unwrap_or(AccountFacts::RISK_MAX);
            if risk >= below {
                return missing(RefusalCode::RiskTooHigh, risk.into(), below.into());
            }
        }
        Ok(())
    }
}

impl Known<'_> {
    /// An experiment that has left the room has nobody in its arms.
    fn is_in(&self, InArm { experiment, arm }: InArm) -> bool {
        let found = self.experiments.and_then(|all| all.get(&experiment));
        found.is_some_and(|found| found.plan.arm_of(experiment, self.user) == arm)
    }
}

fn clamped(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::{Arm, ArmId, Broadcast, CheckIn, ExperimentPlan};

    const DAY: i64 = DAY_MS as i64;
    const NOW: Time = Time::from_ms(100 * DAY);

    fn ago(days: i64) -> Time {
        Time::from_ms(NOW.ms() - days * DAY)
    }

    /// Watched 140 s, sent two of gift 1, posted the keyword of activity 1, checked in today, active, a month old, risk 40.
    fn ann() -> Facts {
        let mut facts = Facts::new(ago(5));
        let broadcast = Broadcast { number: 3, started: ago(1), ended: None };
        facts.watch(&broadcast, NOW.before_ms(200_000), NOW.before_ms(60_000));
        facts.send(3, GiftId(1), 2);
        facts.post_keyword(3, ActivityId(1));
        facts.check_in = Some(CheckIn { day: 100, streak: 4 });
        facts.closeness.change(0, Tier::Active);
        facts.account = AccountFacts { created: Some(ago(30)), risk: Some(40) };
        facts
    }

    fn button(arm: &str) -> InArm {
        InArm { experiment: ExperimentId::parse("button").unwrap(), arm: ArmId::parse(arm).unwrap() }
    }

    fn say(conditions: &Conditions, facts: Option<&Facts>, is_fan: bool) -> String {
        say_judged(conditions, facts, is_fan, None)
    }

    fn say_judged(conditions: &Conditions, facts: Option<&Facts>, is_fan: bool, judged: Option<u8>) -> String {
        let arms = ["control", "red"].map(|arm| Arm { arm: ArmId::parse(arm).unwrap(), weight: 1 });
        let plan = ExperimentPlan { title: "Which button".to_owned(), arms: arms.into() };
        let experiments = BTreeMap::from([(button("red").experiment, Experiment::new(plan, NOW))]);
        let known = Known {
            user: &UserId::parse("ann").unwrap(),
            experiments: Some(&experiments),
            facts,
            activity: ActivityId(1),
            broadcast: 3,
            is_fan,
            judged,
            now: NOW,
            utc_offset_min: 0,
        };
        let wins = || [ago(2), ago(1), ago(0)].into_iter();
        let said = |refusal: Refusal| match refusal {
            Refusal { code: RefusalCode::RiskTooHigh, have, limit } => format!("risk {have}, not below {limit}"),
            refusal => refusal.to_string(),
        };
        conditions.allow(&known, wins).map_or_else(said, |()| "may".to_owned())
    }

    /// Each condition: met, and just not met.
    #[test]
    fn each_condition_by_itself() {
        let none = Conditions::default;
        let gift = |gift, count| Conditions { gift: Some(GiftSent { gift: GiftId(gift), count }), ..none() };
        let wins = |wins, days: u64| Conditions { wins: Some(WinCap { wins, window_ms: days * DAY_MS }), ..none() };
        let age = |days| Conditions { account_age_days: Some(days), ..none() };
        let risk = |below| Conditions { risk_below: Some(below), ..none() };
        let rows = [
            (none(), "may"),
            (Conditions { tier: Some(Tier::Active), ..none() }, "may"),
            (Conditions { tier: Some(Tier::Core), ..none() }, "tier is active, at least core is asked for"),
            (Conditions { watched_s: Some(140), ..none() }, "may"),
            (Conditions { watched_s: Some(300), ..none() }, "watched 140 of 300 s"),
            (Conditions { checked_in: true, ..none() }, "may"),
            (Conditions { keyword: Some("买".to_owned()), ..none() }, "may"),
            (gift(1, 2), "may"),
            (gift(1, 3), "sent 2 of 3 gifts"),
            (gift(2, 1), "sent 0 of 1 gifts"),
            (Conditions { newcomer_days: Some(5), ..none() }, "may"),
            (Conditions { newcomer_days: Some(4), ..none() }, "first seen 5 days ago, at most 4 are allowed"),
            (wins(3, 3), "may"),
            (wins(2, 3), "won 3 times in the window, at most 2 are allowed"),
            (wins(2, 2), "may"),
            (age(30), "may"),
            (age(31), "the account is 30 of 31 days old"),
            (risk(41), "may"),
            (risk(40), "risk 40, not below 40"),
            (Conditions { arm: Some(button("red")), ..none() }, "may"),
            (Conditions { arm: Some(button("control")), ..none() }, "not in the arm of the experiment"),
            (
                Conditions {
                    arm: Some(InArm { experiment: ExperimentId::parse("gone").unwrap(), ..button("red") }),
                    ..none()
                },
                "not in the arm of the experiment",
            ),
        ];
        for (conditions, want) in rows {
            assert_eq!(say(&conditions, Some(&ann()), false), want, "{conditions:?}");
            assert!(conditions.check().is_ok());
        }
        let fans = Conditions { fan_club: true, ..none() };
        assert_eq!((say(&fans, None, true).as_str(), say(&fans, None, false).as_str()), ("may", "not in the fan club"));
    }

    /// The higher of what the token says and what somebody has judged counts.
    #[test]
    fn risks() {
        let (ann, below) = (ann(), Conditions { risk_below: Some(50), ..Conditions::default() });
        for (facts, judged, want) in [
            (Some(&ann), None, "may"),
            (Some(&ann), Some(10), "may"),
            (Some(&ann), Some(60), "risk 60, not below 50"),
            (None, None, "risk 100, not below 50"),
            (None, Some(10), "may"),
            (None, Some(50), "risk 50, not below 50"),
        ] {
            assert_eq!(say_judged(&below, facts, false, judged), want, "{judged:?}");
        }
    }

    /// Of one who was never noticed nothing is known, and nothing is assumed.
    #[test]
    fn strangers() {
        let none = Conditions::default;
        for (conditions, want) in [
            (none(), "may"),
            (Conditions { tier: Some(Tier::PasserBy), ..none() }, "may"),
            (Conditions { tier: Some(Tier::Active), ..none() }, "tier is passer_by, at least active is asked for"),
            (Conditions { watched_s: Some(1), ..none() }, "watched 0 of 1 s"),
            (Conditions { checked_in: true, ..none() }, "not checked in today"),
            (Conditions { keyword: Some("买".to_owned()), ..none() }, "the keyword was not posted"),
            (Conditions { newcomer_days: Some(1), ..none() }, "may"),
            (Conditions { account_age_days: Some(1), ..none() }, "the account is 0 of 1 days old"),
            (Conditions { risk_below: Some(100), ..none() }, "risk 100, not below 100"),
        ] {
            assert_eq!(say(&conditions, None, false), want, "{conditions:?}");
        }
    }

    /// All have to hold; the first that does not is named.
    #[test]
    fn all_together() {
        let all = Conditions {
            tier: Some(Tier::Active),
            fan_club: true,
            watched_s: Some(100),
            checked_in: true,
            keyword: Some("买".to_owned()),
            gift: Some(GiftSent { gift: GiftId(1), count: 1 }),
            newcomer_days: Some(7),
            wins: Some(WinCap { wins: 5, window_ms: DAY_MS }),
            account_age_days: Some(7),
            risk_below: Some(50),
            arm: Some(button("red")),
        };
        assert_eq!(say(&all, Some(&ann()), true), "may");
        let (mut low, mut new) = (ann(), ann());
        low.closeness.change(0, Tier::PasserBy);
        new.account.created = Some(NOW);
        assert_eq!(say(&all, Some(&low), false), "tier is passer_by, at least active is asked for");
        assert_eq!(say(&all, Some(&new), true), "the account is 0 of 7 days old");
        assert_eq!(say(&all, Some(&ann()), false), "not in the fan club");
    }

    #[test]
    fn conditions_that_make_no_sense() {
        let none = Conditions::default;
        for (conditions, field) in [
            (Conditions { watched_s: Some(0), ..none() }, "conditions.watched_s"),
            (Conditions { watched_s: Some(86_401), ..none() }, "conditions.watched_s"),
            (Conditions { keyword: Some(String::new()), ..none() }, "conditions.keyword"),
            (Conditions { keyword: Some("x".repeat(61)), ..none() }, "conditions.keyword"),
            (Conditions { gift: Some(GiftSent { gift: GiftId(1), count: 0 }), ..none() }, "conditions.gift.count"),
            (Conditions { newcomer_days: Some(0), ..none() }, "conditions.newcomer_days"),
            (Conditions { newcomer_days: Some(366), ..none() }, "conditions.newcomer_days"),
            (Conditions { wins: Some(WinCap { wins: 1_001, window_ms: 1 }), ..none() }, "conditions.wins.wins"),
            (Conditions { wins: Some(WinCap { wins: 0, window_ms: 0 }), ..none() }, "conditions.wins.window_ms"),
            (Conditions { account_age_days: Some(0), ..none() }, "conditions.account_age_days"),
            (Conditions { risk_below: Some(0), ..none() }, "conditions.risk_below"),
            (Conditions { risk_below: Some(101), ..none() }, "conditions.risk_below"),
        ] {
            assert_eq!(conditions.check().map_err(|error| error.field), Err(field), "{conditions:?}");
        }
    }
}
