//! How risky an account is: what a risk service or an operator makes of it, beside what its access token says.

use serde::{Deserialize, Serialize};

use super::{AccountFacts, RiskReason, Time};

/// A judgement, as long as it counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Risk {
    /// How likely the account is a bot's, 0 to 100.
    pub score: u8,
    /// Why, in a word.
    pub reason: RiskReason,
    /// Until when; not then any more.
    pub until: Time,
}

impl Risk {
    /// The longest that a judgement counts, ms: a year.
    pub const MS_MAX: u64 = 366 * 86_400_000;

    /// Whether a judgement makes sense at `now`.
    ///
    /// # Errors
    /// What does not.
    pub fn check(&self, now: Time) -> Result<(), &'static str> {
        if self.score > AccountFacts::RISK_MAX {
            return Err("a score is 0 to 100");
        }
        if self.until <= now || self.until > now.after_ms(Self::MS_MAX) {
            return Err("a judgement ends later than now, within 366 days");
        }
        Ok(())
    }

    /// The score at `now`, if it still counts.
    pub fn at(&self, now: Time) -> Option<u8> {
        (self.until > now).then_some(self.score)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_makes_sense_and_for_how_long() {
        let risk =
            |score, until| Risk { score, reason: RiskReason::parse("test").unwrap(), until: Time::from_ms(until) };
        let now = Time::from_ms(1_000);
        let year = 1_000 + Risk::MS_MAX as i64;
        for (given, makes_sense) in [
            (risk(0, 1_001), true),
            (risk(100, year), true),
            (risk(101, 2_000), false),
            (risk(50, 1_000), false),
            (risk(50, year + 1), false),
        ] {
            assert_eq!(given.check(now).is_ok(), makes_sense, "{given:?}");
        }
        assert_eq!((risk(50, 1_001).at(now), risk(50, 1_000).at(now)), (Some(50), None));
    }
}
