//! A discount over several lines.

/// Splits `off` over `weights` in proportion, by largest remainder: each part is the exact one rounded down, and what is
/// then missing goes, one by one, to the parts that lost most (the first of equals). The parts add up to `off`, and none
/// is more than its weight as long as `off` is not more than all of them.
///
/// # Panics
/// If there is something to split and no weight, or a weight is negative.
pub(super) fn portion(off: i64, weights: &[i64], parts: &mut [i64]) {
    parts.fill(0);
    if off == 0 {
        return;
    }
    let sum: i64 = weights.iter().sum();
    assert!(sum > 0 && off > 0 && off <= sum, "a discount is of something");
    let mut lost = [(0u64, 0usize); super::Price::LINES_MAX];
    let lost = &mut lost[..weights.len()];
    let mut missing = off;
    for (place, (weight, part)) in weights.iter().zip(parts.iter_mut()).enumerate() {
        // Most amounts are small enough for the machine's own division.
        let (whole, rest) = match off.checked_mul(*weight) {
            Some(product) => (product / sum, (product % sum) as u64),
            None => {
                let product = i128::from(off) * i128::from(*weight);
                ((product / i128::from(sum)) as i64, (product % i128::from(sum)) as u64)
            }
        };
        *part = whole;
        missing -= whole;
        lost[place] = (rest, place);
    }
    if missing > 0 {
        lost.sort_unstable_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
        for (_, place) in &lost[..missing as usize] {
            parts[*place] += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn parts_are_the_nearest_that_add_up() {
        for (off, weights, want) in [
            (10, &[10, 10, 10][..], &[4, 3, 3][..]),
            (100, &[1_000, 1_000], &[50, 50]),
            (1, &[5, 5, 5], &[1, 0, 0]),
            (7, &[0, 3, 4], &[0, 3, 4]),
            (99, &[3_333, 3_333, 3_334], &[33, 33, 33]),
            (5, &[10, 1, 1], &[4, 1, 0]),
            (9_999_999_999_999, &[5_000_000_000_000, 5_000_000_000_000], &[5_000_000_000_000, 4_999_999_999_999]),
        ] {
            let mut parts = vec![0; weights.len()];
            portion(off, weights, &mut parts);
            assert_eq!(parts, want, "{off} over {weights:?}");
        }
    }

    proptest! {
        #[test]
        fn parts_add_up_and_none_is_too_large(
            weights in prop::collection::vec(0..1_000_000_000_000i64, 1..50), share in 1..=1_000i64,
        ) {
            let sum: i64 = weights.iter().sum();
            prop_assume!(sum > 0);
            let off = ((i128::from(sum) * i128::from(share) / 1_000) as i64).max(1);
            let mut parts = vec![0; weights.len()];
            portion(off, &weights, &mut parts);
            prop_assert_eq!(parts.iter().sum::<i64>(), off);
            for (part, weight) in parts.iter().zip(&weights) {
                prop_assert!(part <= weight);
                let exact = i128::from(off) * i128::from(*weight);
                prop_assert!((i128::from(*part) * i128::from(sum) - exact).abs() < i128::from(sum));
            }
        }
    }
}
