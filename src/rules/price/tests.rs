//! Each rule of a price a row; and the best combination against one that tries them all.

use proptest::prelude::*;

use super::*;
use crate::rules::{CouponId, Fen, SkuId, StackGroup, TemplateId};

fn fen(amount: i64) -> Fen {
    Fen::new(amount).unwrap()
}

/// Items 1, 2, … at these prices, one of each.
fn lines(prices: &[i64]) -> Vec<PriceLine> {
    let line = |(place, price): (usize, &i64)| PriceLine {
        sku: SkuId(place as u32 + 1),
        quantity: 1,
        list_price: fen(price * 2),
        unit_price: fen(*price),
    };
    prices.iter().enumerate().map(line).collect()
}

fn coupon(id: u64, group: &str, scope: Scope, threshold: i64, discount: Discount) -> Offer {
    Offer {
        source: OfferSource::Coupon(TemplateId::parse(&format!("c{id}")).unwrap(), CouponId(id)),
        scope,
        group: StackGroup::parse(group).unwrap(),
        threshold: fen(threshold),
        discount,
    }
}

fn reduction(name: &str, threshold: i64, off: i64, times_max: u32) -> Offer {
    Offer {
        source: OfferSource::Reduction(TemplateId::parse(name).unwrap()),
        scope: Scope::Platform,
        group: StackGroup::parse("full-reduction").unwrap(),
        threshold: fen(threshold),
        discount: Discount::Repeating { off: fen(off), times_max },
    }
}

fn amount(off: i64) -> Discount {
    Discount::Amount(fen(off))
}

fn percent(basis_points: u32) -> Discount {
    Discount::Percent { basis_points, at_most: None }
}

fn items(ids: &[u32]) -> Scope {
    Scope::Items(ids.iter().copied().map(SkuId).collect())
}

/// The total, what each line costs, and what came of each offer, in words.
fn told(price: &Price) -> String {
    let lines: Vec<String> = price.lines.iter().map(|line| line.to_string()).collect();
    let mut words = format!("{} = {}", price.total, lines.join("+"));
    for step in &price.steps {
        let name = match step.offer.source {
            OfferSource::Coupon(template, _) | OfferSource::Reduction(template) => template,
        };
        let what = match step.outcome {
            StepOutcome::Applied { base, off } => format!("-{off} of {base}"),
            StepOutcome::BelowThreshold { base } => format!("{base} < {}", step.offer.threshold),
            StepOutcome::GroupTaken => "group taken".to_owned(),
            StepOutcome::NothingOff => "nothing off".to_owned(),
            StepOutcome::Worse => "worse".to_owned(),
        };
        words += &format!("; {name} {what}");
    }
    words
}

#[test]
fn the_rules() {
    use Scope::{Platform, Shop};
    let at_most = |basis_points, most| Discount::Percent { basis_points, at_most: Some(fen(most)) };
    let rows: [(&str, &[i64], Vec<Offer>, &str); 17] = [
        ("no offers", &[300, 200], vec![], "500 = 300+200"),
        (
            "a coupon on an item is of that item only",
            &[300, 200],
            vec![coupon(1, "a", items(&[2]), 0, amount(50))],
            "450 = 300+150; c1 -50 of 200",
        ),
        (
            "a coupon of the shop is split over all lines, largest remainder first",
            &[100, 100, 100],
            vec![coupon(1, "a", Shop, 0, amount(100))],
            "200 = 66+67+67; c1 -100 of 300",
        ),
        (
            "a percentage is rounded down",
            &[333],
            vec![coupon(1, "a", Shop, 0, percent(1_000))],
            "300 = 300; c1 -33 of 333",
        ),
        (
            "a percentage has a cap",
            &[1_000],
            vec![coupon(1, "a", Shop, 0, at_most(5_000, 120))],
            "880 = 880; c1 -120 of 1000",
        ),
        ("at the threshold is enough", &[200], vec![coupon(1, "a", Shop, 200, amount(20))], "180 = 180; c1 -20 of 200"),
        ("below the threshold is not", &[199], vec![coupon(1, "a", Shop, 200, amount(20))], "199 = 199; c1 199 < 200"),
        (
            "a threshold is of what is left by the stage before",
            &[210],
            vec![coupon(1, "a", items(&[1]), 0, amount(15)), coupon(2, "b", Shop, 200, amount(10))],
            "195 = 195; c1 -15 of 210; c2 195 < 200",
        ),
        (
            "so a smaller coupon may be left for a larger one to count",
            &[210],
            vec![coupon(1, "a", items(&[1]), 0, amount(15)), coupon(2, "b", Shop, 200, amount(50))],
            "160 = 160; c1 worse; c2 -50 of 210",
        ),
        (
            "percentages come before amounts, whatever their names",
            &[1_000],
            vec![coupon(1, "a", Shop, 0, amount(100)), coupon(2, "b", Shop, 0, percent(1_000))],
            "800 = 800; c2 -100 of 1000; c1 -100 of 900",
        ),
        (
            "one of a group: the better",
            &[1_000],
            vec![coupon(1, "a", Shop, 0, amount(90)), coupon(2, "a", Shop, 0, percent(1_000))],
            "900 = 900; c2 -100 of 1000; c1 group taken",
        ),
        (
            "a group reaches over stages",
            &[1_000],
            vec![coupon(1, "a", items(&[1]), 0, amount(90)), coupon(2, "a", Platform, 0, amount(80))],
            "910 = 910; c1 -90 of 1000; c2 group taken",
        ),
        ("a full reduction repeats", &[700], vec![reduction("r200", 200, 20, 10)], "640 = 640; r200 -60 of 700"),
        ("as often as it may", &[700], vec![reduction("r200", 200, 20, 2)], "660 = 660; r200 -40 of 700"),
        (
            "of several reductions the best",
            &[700],
            vec![reduction("r200", 200, 20, 1), reduction("r600", 600, 100, 1)],
            "600 = 600; r200 group taken; r600 -100 of 700",
        ),
        (
            "never below one fen",
            &[40, 60],
            vec![coupon(1, "a", items(&[1]), 0, amount(50)), coupon(2, "b", Shop, 0, amount(500))],
            "1 = 0+1; c1 worse; c2 -99 of 100",
        ),
        (
            "item, shop, platform, full reduction",
            &[10_000, 5_000],
            vec![
                reduction("r3000", 3_000, 300, 5),
                coupon(3, "c", Platform, 10_000, amount(500)),
                coupon(2, "b", Shop, 5_000, percent(500)),
                coupon(1, "a", items(&[1]), 8_000, amount(1_000)),
            ],
            "11600 = 7458+4142; c1 -1000 of 10000; c2 -700 of 14000; c3 -500 of 13300; r3000 -1200 of 12800",
        ),
    ];
    for (rule, prices, offers, want) in rows {
        let lines = lines(prices);
        let price = Price::best(&lines, offers, false).unwrap();
        assert_eq!(told(&price), want, "{rule}");
        assert!(price.follows_from(&lines), "{rule}");
    }
}

#[test]
fn chosen_coupons_all_count_or_it_is_said_which_does_not() {
    use Scope::Shop;
    let lines = lines(&[210]);
    let small = coupon(1, "a", items(&[1]), 0, amount(15));
    let rows = [
        (vec![small.clone()], "195"),
        (vec![small.clone(), coupon(2, "b", Shop, 0, amount(50))], "145"),
        (vec![small.clone(), coupon(2, "b", Shop, 200, amount(50))], "c2 BelowThreshold { base: Fen(195) }"),
        (vec![small.clone(), coupon(2, "a", Shop, 0, amount(50))], "c2 GroupTaken"),
        (vec![coupon(1, "a", items(&[9]), 0, amount(15))], "c1 NothingOff"),
        (vec![small, reduction("r", 200, 100, 1)], "195"),
    ];
    for (offers, want) in rows {
        let said = match Price::best(&lines, offers.clone(), true) {
            Ok(price) => price.total.to_string(),
            Err(PriceError::NotApplicable(step)) => {
                let OfferSource::Coupon(template, _) = step.offer.source else { panic!("{step:?}") };
                format!("{template} {:?}", step.outcome)
            }
            Err(PriceError::TooLarge) => "too large".to_owned(),
        };
        assert_eq!(said, want, "{offers:?}");
    }
}

#[test]
fn what_is_too_large_is_said() {
    let line = PriceLine { sku: SkuId(1), quantity: 2, list_price: Fen::MAX, unit_price: fen(1) };
    assert_eq!(Price::best(&[line], vec![], false), Err(PriceError::TooLarge));
}

#[test]
fn a_changed_price_does_not_follow() {
    let lines = lines(&[300, 200]);
    let price = Price::best(&lines, vec![coupon(1, "a", Scope::Shop, 0, percent(1_000))], false).unwrap();
    assert!(price.follows_from(&lines));
    type Change = fn(&mut Price);
    let changes: [Change; 5] = [
        |price| price.total = fen(1),
        |price| price.lines.swap(0, 1),
        |price| price.goods = fen(501),
        |price| price.steps[0].offer.threshold = fen(600),
        |price| price.steps[0].outcome = StepOutcome::Worse,
    ];
    for change in changes {
        let mut changed = price.clone();
        change(&mut changed);
        assert!(!changed.follows_from(&lines), "{changed:?}");
    }
}

/// Tries every combination, one after the other, over plain lists: what [`Price::best`] has to find.
fn oracle(lines: &[PriceLine], offers: &[Offer]) -> i64 {
    let mut offers: Vec<&Offer> = offers.iter().collect();
    let stage = |offer: &Offer| match (&offer.source, &offer.scope) {
        (OfferSource::Reduction(_), _) => 4,
        (_, Scope::Items(_)) => 1,
        (_, Scope::Shop) => 2,
        (_, Scope::Platform) => 3,
    };
    let percentage = |offer: &Offer| matches!(offer.discount, Discount::Percent { .. });
    offers.sort_by_key(|offer| (stage(offer), !percentage(offer), offer.group, offer.source));
    let goods: Vec<i64> = lines.iter().map(|l| l.unit_price.get() * i64::from(l.quantity)).collect();
    let mut best: i64 = goods.iter().sum();
    'combinations: for set in 0..1u32 << offers.len() {
        let picked: Vec<&Offer> = (0..offers.len()).filter(|at| set >> at & 1 == 1).map(|at| offers[at]).collect();
        let mut groups: Vec<_> = picked.iter().map(|offer| offer.group).collect();
        groups.sort();
        if groups.windows(2).any(|pair| pair[0] == pair[1]) {
            continue;
        }
        let mut amounts = goods.clone();
        for offer in picked {
            let covered: Vec<usize> = (0..lines.len())
                .filter(|at| match &offer.scope {
                    Scope::Items(items) => items.contains(&lines[*at].sku),
                    _ => true,
                })
                .collect();
            let base: i64 = covered.iter().map(|at| amounts[*at]).sum();
            let total: i64 = amounts.iter().sum();
            let off = match offer.discount {
                Discount::Amount(off) => off.get(),
                Discount::Percent { basis_points, at_most } => {
                    (base * i64::from(basis_points) / 10_000).min(at_most.map_or(i64::MAX, Fen::get))
                }
                Discount::Repeating { off, times_max } => {
                    off.get() * (base / offer.threshold.get()).min(i64::from(times_max))
                }
            };
            let off = off.min(base).min(total - 1);
            if base < offer.threshold.get() || off <= 0 {
                continue 'combinations;
            }
            // Largest remainder, the slow way: fen by fen to whoever has lost most.
            let exact = |at: usize| i128::from(off) * i128::from(amounts[at]);
            let mut parts: Vec<i128> = covered.iter().map(|at| exact(*at) / i128::from(base)).collect();
            let mut given = vec![false; covered.len()];
            while parts.iter().sum::<i128>() < i128::from(off) {
                let lost = |n: usize| exact(covered[n]) % i128::from(base);
                let next = (0..covered.len()).filter(|n| !given[*n]).rev().max_by_key(|n| lost(*n)).unwrap();
                given[next] = true;
                parts[next] += 1;
            }
            for (at, part) in covered.into_iter().zip(parts) {
                amounts[at] -= part as i64;
            }
        }
        best = best.min(amounts.iter().sum());
    }
    best
}

fn any_offer() -> impl Strategy<Value = Offer> {
    let scope = prop_oneof![
        3 => prop::collection::btree_set(1..=20u32, 1..=6)
            .prop_map(|ids| Scope::Items(ids.into_iter().map(SkuId).collect())),
        2 => Just(Scope::Shop),
        1 => Just(Scope::Platform),
    ];
    let discount = prop_oneof![
        (1..5_000i64).prop_map(amount),
        (1..=9_500u32, prop::option::of(1..8_000i64))
            .prop_map(|(basis_points, most)| Discount::Percent { basis_points, at_most: most.map(fen) }),
    ];
    (1..1_000u64, 0..7u8, scope, 0..40_000i64, discount).prop_map(|(id, group, scope, threshold, discount)| {
        coupon(id, &format!("g{group}"), scope, threshold, discount)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 10_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_best_is_found_every_time(
        carts in prop::collection::vec((1..9_000i64, 1..4u32), 1..=20),
        coupons in prop::collection::vec(any_offer(), 0..=8),
        reductions in prop::collection::vec((1..20_000i64, 1..2_000i64, 1..4u32), 0..=2),
    ) {
        let mut lines = lines(&carts.iter().map(|(price, _)| *price).collect::<Vec<_>>());
        lines.iter_mut().zip(&carts).for_each(|(line, (_, quantity))| line.quantity = *quantity);
        let mut offers = coupons;
        for (at, offer) in offers.iter_mut().enumerate() {
            let OfferSource::Coupon(template, id) = &mut offer.source else { unreachable!() };
            *id = CouponId(at as u64);
            *template = TemplateId::parse(&format!("t{at}")).unwrap();
        }
        let reductions = reductions.into_iter().enumerate();
        offers.extend(reductions.map(|(at, (threshold, off, times))| reduction(&format!("r{at}"), threshold, off, times)));
        let price = Price::best(&lines, offers.clone(), false).unwrap();
        prop_assert_eq!(price.total.get(), oracle(&lines, &offers));
        prop_assert_eq!(price.lines.iter().map(|line| line.get()).sum::<i64>(), price.total.get());
        prop_assert!(price.total.get() >= 1);
        prop_assert!(price.follows_from(&lines));
    }
}
