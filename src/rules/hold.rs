//! Cash that a risky account has won and that is not in its wallet yet.

use serde::{Deserialize, Serialize};

use super::{AccountFacts, ActivityId, Fen, Time, UserId};

/// From which risk on cash is held, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct HoldPolicy {
    /// The lowest risk whose cash is held, 1 to 100.
    pub hold_from: u8,
    /// For how long, ms.
    pub hold_ms: u64,
}

/// What is held: of which activity, and of which unit. An activity's units are all that it gives, from 0 on in the order in which it does:
/// shares, prizes of goals, prizes of a draw by rank.
pub type UnitId = (ActivityId, u32);

/// Cash of one unit. It is given for good: only when, and whether, it becomes money of the winner's is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// Whose.
    pub user: UserId,
    /// How much.
    pub amount: Fen,
    /// When a timer credits it.
    pub until: Time,
    /// What became of it.
    pub state: HoldState,
}

/// What became of cash that was held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HoldState {
    /// It is.
    Held,
    /// It went to the winner's wallet.
    Credited,
    /// It went back to the activity's sponsor.
    Forfeited,
}

impl HoldPolicy {
    /// The longest hold, ms: thirty days.
    pub const MS_MAX: u64 = 30 * 86_400_000;

    /// Whether it makes sense.
    ///
    /// # Errors
    /// What does not.
    pub fn check(&self) -> Result<(), &'static str> {
        if !(1..=AccountFacts::RISK_MAX).contains(&self.hold_from) {
            return Err("cash is held from a risk of 1 to 100 on");
        }
        if !(1_000..=Self::MS_MAX).contains(&self.hold_ms) {
            return Err("cash is held for 1 s to 30 days");
        }
        Ok(())
    }

    /// Until when cash that is won at `now` is held, if its winner's risk asks for it. Of whom nobody says anything, nothing is held.
    pub fn until(&self, cash: Fen, risk: Option<u8>, now: Time) -> Option<Time> {
        let held = cash > Fen::ZERO && risk.is_some_and(|risk| risk >= self.hold_from);
        held.then(|| now.after_ms(self.hold_ms))
    }
}

impl HoldState {
    /// The state's word, as every interface spells it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Credited => "credited",
            Self::Forfeited => "forfeited",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whose_cash_is_held() {
        let policy = HoldPolicy { hold_from: 60, hold_ms: 1_000 };
        let (now, until) = (Time::from_ms(10), Some(Time::from_ms(1_010)));
        for (fen, risk, want) in [
            (5, Some(59), None),
            (5, Some(60), until),
            (5, Some(100), until),
            (5, None, None),
            // A thing holds no cash.
            (0, Some(100), None),
        ] {
            assert_eq!(policy.until(Fen::new(fen).unwrap(), risk, now), want, "{fen} {risk:?}");
        }
    }

    #[test]
    fn policies_that_make_no_sense() {
        for (hold_from, hold_ms, makes_sense) in [
            (1, 1_000, true),
            (100, HoldPolicy::MS_MAX, true),
            (0, 1_000, false),
            (101, 1_000, false),
            (50, 999, false),
            (50, HoldPolicy::MS_MAX + 1, false),
        ] {
            assert_eq!(HoldPolicy { hold_from, hold_ms }.check().is_ok(), makes_sense, "{hold_from} {hold_ms}");
        }
    }
}
