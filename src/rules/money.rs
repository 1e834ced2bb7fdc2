//! Money: integers in minor units, checked at every step. No float ever touches it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Why an amount is not possible.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// Zero where something must move.
    #[error("must be more than zero")]
    NotPositive,
    /// Beyond [`Fen::MAX`].
    #[error("is larger than any amount this server handles")]
    TooLarge,
}

macro_rules! money {
    ($(#[$doc:meta])* $unit:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
        #[serde(try_from = "i64", into = "i64")]
        pub struct $unit(i64);

        impl TryFrom<i64> for $unit {
            type Error = MoneyError;

            fn try_from(amount: i64) -> Result<Self, MoneyError> {
                Self::new(amount)
            }
        }

        impl From<$unit> for i64 {
            fn from(amount: $unit) -> Self {
                amount.0
            }
        }

        impl $unit {
            /// Nothing.
            pub const ZERO: Self = Self(0);
            /// The largest amount of one parameter: 10^13. A million of them still add up without overflow.
            pub const MAX: Self = Self(10_000_000_000_000);

            /// An amount of zero or more.
            pub const fn new(amount: i64) -> Result<Self, MoneyError> {
                if amount < 0 {
                    Err(MoneyError::NotPositive)
                } else if amount > Self::MAX.0 {
                    Err(MoneyError::TooLarge)
                } else {
                    Ok(Self(amount))
                }
            }

            /// An amount of one or more.
            pub const fn positive(amount: i64) -> Result<Self, MoneyError> {
                if amount == 0 { Err(MoneyError::NotPositive) } else { Self::new(amount) }
            }

            /// The number of minor units.
            pub const fn get(self) -> i64 {
                self.0
            }

            /// The sum, unless it leaves the range.
            pub const fn plus(self, other: Self) -> Result<Self, MoneyError> {
                Self::new(self.0 + other.0)
            }

            /// The difference; `None` below zero.
            pub const fn minus(self, other: Self) -> Option<Self> {
                if other.0 > self.0 { None } else { Some(Self(self.0 - other.0)) }
            }

            /// `n` times as much, unless it leaves the range.
            pub const fn times(self, n: u32) -> Result<Self, MoneyError> {
                match self.0.checked_mul(n as i64) {
                    Some(amount) => Self::new(amount),
                    None => Err(MoneyError::TooLarge),
                }
            }
        }

        impl fmt::Display for $unit {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

money!(
    /// 1/100 yuan: cash, prices, packets.
    Fen
);
money!(
    /// What gifts cost.
    Coins
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_stay_in_range() {
        use MoneyError::*;
        for (amount, want) in [
            (0, Err(NotPositive)),
            (-1, Err(NotPositive)),
            (i64::MIN, Err(NotPositive)),
            (1, Ok(1)),
            (10_000_000_000_000, Ok(10_000_000_000_000)),
            ((1 << 53) + 1, Err(TooLarge)),
            (i64::MAX, Err(TooLarge)),
        ] {
            assert_eq!(Fen::positive(amount).map(Fen::get), want, "{amount}");
        }
        assert_eq!(Fen::MAX.times(u32::MAX), Err(TooLarge));
        assert_eq!(Fen::MAX.plus(Fen(1)), Err(TooLarge));
        assert_eq!(Fen(1).minus(Fen(2)), None);
    }

    #[test]
    fn nothing_read_is_out_of_range() {
        for (text, want) in [("5", Some(Fen(5))), ("0", Some(Fen::ZERO)), ("-1", None), ("10000000000001", None)] {
            assert_eq!(serde_json::from_str(text).ok(), want, "{text}");
        }
        let bytes = postcard::to_stdvec(&Fen(-5)).unwrap();
        assert!(postcard::from_bytes::<Fen>(&bytes).is_err());
    }
}
