//! The price of an order: the best legal combination of coupons for a cart (under 50 µs for 20 lines and 10 coupons).

use std::hint::black_box;

use criterion::Criterion;
use liveroom::rules::{
    CouponId, Discount, Fen, Offer, OfferSource, Price, PriceLine, Scope, Seed, SkuId, StackGroup, Stream, TemplateId,
};

const LINES: u64 = 20;

fn fen(amount: u64) -> Fen {
    Fen::new(amount as i64).expect("a small amount")
}

/// A cart of 20 items.
fn cart(chance: &mut Stream) -> Vec<PriceLine> {
    let mut line = |sku| {
        let unit_price = fen(100 + chance.below(30_000));
        let quantity = 1 + chance.below(3) as u32;
        PriceLine { sku: SkuId(sku as u32), quantity, list_price: unit_price, unit_price }
    };
    (1..=LINES).map(&mut line).collect()
}

fn coupon(id: u64, group: &str, scope: Scope, threshold: Fen, discount: Discount) -> Offer {
    Offer {
        source: OfferSource::Coupon(TemplateId::parse(&format!("coupon-{id}")).expect("a plain word"), CouponId(id)),
        scope,
        group: StackGroup::parse(group).expect("a plain word"),
        threshold,
        discount,
    }
}

fn discount(chance: &mut Stream) -> Discount {
    match chance.below(2) {
        0 => Discount::Amount(fen(100 + chance.below(4_000))),
        _ => {
            let at_most = (chance.below(2) == 0).then(|| fen(500 + chance.below(5_000)));
            Discount::Percent { basis_points: 300 + chance.below(2_500) as u32, at_most }
        }
    }
}

fn some_items(chance: &mut Stream) -> Scope {
    let count = 1 + chance.below(6);
    let mut items: Vec<_> = (0..count).map(|_| SkuId(1 + chance.below(LINES) as u32)).collect();
    items.sort();
    items.dedup();
    Scope::Items(items)
}

/// Ten coupons as users hold them: on items, of the shop, of the platform, in some groups of which one counts.
fn mixed(chance: &mut Stream) -> Vec<Offer> {
    let mut one = |id| {
        let scope = match chance.below(6) {
            0..3 => some_items(chance),
            3 | 4 => Scope::Shop,
            _ => Scope::Platform,
        };
        let group = format!("group-{}", chance.below(7));
        let threshold = fen(chance.below(60_000));
        coupon(id, &group, scope, threshold, discount(chance))
    };
    (1..=10).map(&mut one).collect()
}

/// The hardest ten: all on items that overlap, each in a group of its own, so that all 1,024 combinations are legal and
/// each split is over other lines.
fn entangled(chance: &mut Stream) -> Vec<Offer> {
    let mut one = |id| {
        let (scope, threshold) = (some_items(chance), fen(chance.below(20_000)));
        coupon(id, &format!("group-{id}"), scope, threshold, discount(chance))
    };
    (1..=10).map(&mut one).collect()
}

type Coupons = fn(&mut Stream) -> Vec<Offer>;

pub(crate) fn bench(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("price");
    for (name, coupons) in [("mixed", mixed as Coupons), ("entangled", entangled)] {
        // Each iteration prices another of these carts: the figure is their mean.
        let mut chance = Seed([7; 32]).stream(name);
        let carts: Vec<_> = (0..256).map(|_| (cart(&mut chance), coupons(&mut chance))).collect();
        let mut next = carts.iter().cycle();
        group.bench_function(format!("{name}_20_lines_10_coupons"), |bench| {
            bench.iter_batched(
                || next.next().expect("a cycle has no end").clone(),
                |(lines, offers)| Price::best(black_box(&lines), offers, false).expect("the cart has a price"),
                criterion::BatchSize::SmallInput,
            );
        });
        let slowest = carts.iter().max_by_key(|(lines, offers)| {
            let began = std::time::Instant::now();
            (0..50).for_each(|_| drop(black_box(Price::best(lines, offers.clone(), false))));
            began.elapsed()
        });
        let (lines, offers) = slowest.expect("there are carts");
        group.bench_function(format!("{name}_slowest_of_256"), |bench| {
            bench.iter_batched(
                || offers.clone(),
                |offers| Price::best(black_box(lines), offers, false).expect("the cart has a price"),
                criterion::BatchSize::SmallInput,
            );
        });
    }
    group.finish();
}
