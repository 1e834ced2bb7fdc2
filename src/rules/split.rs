//! How a budget becomes shares.

use serde::{Deserialize, Serialize};

use super::{Fen, Stream};

/// How the shares of a packet differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Split {
    /// As equal as whole fen allow.
    Equal,
    /// By chance, between a minimum and a maximum.
    Random,
}

/// Splits `budget` into `count` shares of `min..=max` that add up to it exactly, in an order of which every one is
/// equally likely: whoever comes first expects as much as whoever comes last. (Drawing "twice the mean of what is
/// left" at claim time, as textbooks do, favours early claimers by rounding.)
///
/// # Panics
/// If the budget can't be split so: a plan checks `count × min ≤ budget ≤ count × max` before.
pub(super) fn split(split: Split, budget: Fen, count: u32, min: Fen, max: Fen, stream: &mut Stream) -> Vec<i64> {
    let (budget, min, max) = (budget.get(), min.get(), max.get());
    let n = i64::from(count);
    if count == 0 {
        assert!(budget == 0, "a budget needs shares");
        return Vec::new();
    }
    assert!(n * min <= budget && budget <= n.saturating_mul(max), "the plan was checked");
    let mut shares = vec![min; count as usize];
    let weights: Vec<u64> = match split {
        Split::Equal => vec![1; count as usize],
        Split::Random => (0..count).map(|_| 1 + stream.below(1 << 20)).collect(),
    };
    let mut left = budget - n * min;
    let mut growing: Vec<usize> = (0..count as usize).collect();
    // Each round spreads what is left by weight over the shares that may still grow. A round leaves something
    // only by filling at least one share to the maximum, so the rounds end.
    while left > 0 {
        let weight: u128 = growing.iter().map(|&i| u128::from(weights[i])).sum();
        let pot = left as u128;
        let mut spread = 0;
        for &i in &growing {
            let part = (pot * u128::from(weights[i]) / weight) as i64;
            let part = part.min(max - shares[i]);
            shares[i] += part;
            spread += part;
        }
        left -= spread;
        growing.retain(|&i| shares[i] < max);
        if left < growing.len() as i64 {
            for &i in growing.iter().take(left as usize) {
                shares[i] += 1;
            }
            left = 0;
        }
    }
    stream.shuffle(&mut shares);
    shares
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::rules::Seed;

    fn fen(amount: i64) -> Fen {
        Fen::new(amount).unwrap()
    }

    proptest! {
        #[test]
        fn shares_add_up_and_keep_their_bounds(
            seed: [u8; 32], count in 1..300u32, min in 1..50i64, span in 0..5000i64, fill in 0..=1000i64, equal: bool,
        ) {
            let max = min + span;
            let n = i64::from(count);
            let budget = n * min + (n * span) * fill / 1000;
            let kind = if equal { Split::Equal } else { Split::Random };
            let shares = split(kind, fen(budget), count, fen(min), fen(max), &mut Seed(seed).stream("t"));
            prop_assert_eq!(shares.iter().sum::<i64>(), budget);
            prop_assert!(shares.iter().all(|share| (min..=max).contains(share)));
            if equal {
                let (low, high) = (shares.iter().min().unwrap(), shares.iter().max().unwrap());
                prop_assert!(high - low <= 1);
            }
        }
    }

    /// Every slot has the same expectation: over many seeds no position's mean strays from the budget's n-th part.
    #[test]
    fn nobody_gains_by_coming_early() {
        let (rounds, count, budget) = (4000u32, 10u32, 1000);
        let mut sums = [0i64; 10];
        for round in 0..rounds {
            let mut bytes = [0; 32];
            bytes[..4].copy_from_slice(&round.to_le_bytes());
            let shares = split(Split::Random, fen(budget), count, fen(1), fen(budget), &mut Seed(bytes).stream("t"));
            sums.iter_mut().zip(shares).for_each(|(sum, share)| *sum += share);
        }
        for sum in sums {
            let mean = sum as f64 / f64::from(rounds);
            assert!((mean - 100.0).abs() < 3.0, "{sums:?}");
        }
    }
}
