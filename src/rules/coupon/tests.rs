//! Templates: each bound a row. Coupons: each step of their life a row.

use super::*;
use crate::rules::{
    ActivityId, Discount, Fen, Offer, OfferSource, PriceLine, Refusal, RefusalCode, Scope, SkuId, StackGroup,
};

fn fen(amount: i64) -> Fen {
    Fen::new(amount).unwrap()
}

fn at(ms: i64) -> Time {
    Time::from_ms(ms)
}

fn user(name: &str) -> UserId {
    UserId::parse(name).unwrap()
}

fn name(text: &str) -> TemplateId {
    TemplateId::parse(text).unwrap()
}

fn template() -> CouponTemplate {
    CouponTemplate {
        title: "ten off".to_owned(),
        threshold: fen(100),
        discount: Discount::Amount(fen(10)),
        scope: Scope::Shop,
        group: StackGroup::parse("shop").unwrap(),
        quantity: 5,
        valid_until: at(10_000),
        valid_for_ms: None,
        audience: Audience::default(),
    }
}

fn reduction() -> FullReduction {
    FullReduction {
        title: "200-20".to_owned(),
        threshold: fen(200),
        off: fen(20),
        times_max: 3,
        from: at(0),
        until: at(10_000),
    }
}

#[test]
fn templates_have_bounds() {
    type Change = fn(&mut CouponTemplate);
    let rows: [(Change, &str); 24] = [
        (|_| {}, "fine"),
        (|t| t.title.clear(), "title"),
        (|t| t.title = "x".repeat(201), "title"),
        (|t| t.threshold = Fen::ZERO, "fine"),
        (|t| t.discount = Discount::Amount(Fen::ZERO), "off_fen"),
        (|t| t.discount = Discount::Percent { basis_points: 0, at_most: None }, "off_basis_points"),
        (|t| t.discount = Discount::Percent { basis_points: 10_001, at_most: None }, "off_basis_points"),
        (|t| t.discount = Discount::Percent { basis_points: 10_000, at_most: None }, "fine"),
        (|t| t.discount = Discount::Percent { basis_points: 1, at_most: Some(Fen::ZERO) }, "at_most_fen"),
        (|t| t.discount = Discount::Repeating { off: Fen::MAX, times_max: 1 }, "discount"),
        (|t| t.scope = Scope::Items(Vec::new()), "items"),
        (|t| t.scope = Scope::Items((0..21).map(SkuId).collect()), "items"),
        (|t| t.scope = Scope::Items((0..20).map(SkuId).collect()), "fine"),
        (|t| t.scope = Scope::Items(vec![SkuId(1), SkuId(1)]), "items"),
        (|t| t.group = FullReduction::group(), "group"),
        (|t| t.quantity = 0, "quantity"),
        (|t| t.quantity = 1_000_001, "quantity"),
        (|t| t.valid_until = at(1_000), "valid_until_ms"),
        (|t| t.valid_until = at(1_000).after_ms(CouponTemplate::VALID_MS_MAX + 1), "valid_until_ms"),
        (|t| t.valid_until = at(1_000).after_ms(CouponTemplate::VALID_MS_MAX), "fine"),
        (|t| t.valid_for_ms = Some(999), "valid_for_ms"),
        (|t| t.valid_for_ms = Some(1_000), "fine"),
        (|t| t.audience.newcomer_days = Some(0), "audience.newcomer_days"),
        (|t| t.audience.newcomer_days = Some(365), "fine"),
    ];
    for (row, (change, want)) in rows.into_iter().enumerate() {
        let mut template = template();
        change(&mut template);
        assert_eq!(template.check(at(1_000)).err().map_or("fine", |error| error.field), want, "row {row}");
    }
}

#[test]
fn reductions_have_bounds() {
    type Change = fn(&mut FullReduction);
    let rows: [(Change, &str); 9] = [
        (|_| {}, "fine"),
        (|r| r.title.clear(), "title"),
        (|r| r.off = Fen::ZERO, "off_fen"),
        (|r| r.off = r.threshold, "off_fen"),
        (|r| r.times_max = 0, "times_max"),
        (|r| r.times_max = 1_001, "times_max"),
        (|r| r.until = at(1_000), "until_ms"),
        (|r| r.from = r.until, "until_ms"),
        (|r| r.until = at(1_000).after_ms(CouponTemplate::VALID_MS_MAX + 1), "until_ms"),
    ];
    for (row, (change, want)) in rows.into_iter().enumerate() {
        let mut reduction = reduction();
        change(&mut reduction);
        assert_eq!(reduction.check(at(1_000)).err().map_or("fine", |error| error.field), want, "row {row}");
    }
}

/// A cart of one item of 300 fen.
fn cart() -> Vec<PriceLine> {
    vec![PriceLine { sku: SkuId(1), quantity: 1, list_price: fen(300), unit_price: fen(300) }]
}

/// The states of ann's coupons 1, 2, … of the template "a".
fn states(book: &CouponBook) -> Vec<&'static str> {
    book.get(name("a")).unwrap().coupons().map(|(_, coupon)| coupon.state.word()).collect()
}

fn price(book: &CouponBook, choice: &CouponChoice, now: i64) -> Result<Price, Refusal> {
    let offers = book.offers(&CouponBook::default(), &user("ann"), choice, &cart(), at(now), |_| Ok(()))?;
    Ok(Price::best(&cart(), offers, matches!(choice, CouponChoice::These(_))).unwrap())
}

fn book() -> CouponBook {
    let mut book = CouponBook::default();
    book.add(name("a"), CouponTemplate { valid_for_ms: Some(2_000), ..template() });
    for id in 1..=2 {
        book.issue(name("a"), user("ann"), None, CouponId(id), at(id as i64 * 100));
    }
    book
}

#[test]
fn a_coupon_is_used_once() {
    let mut book = book();
    let best = price(&book, &CouponChoice::Best, 500).unwrap();
    assert_eq!(best.total, fen(290));
    assert!(best.applied().all(|offer| offer.source == OfferSource::Coupon(name("a"), CouponId(1))), "the older first");
    let (first, second) = (OrderId(1), OrderId(2));
    book.reserve(&best, first).unwrap();
    assert_eq!(states(&book), ["reserved", "held"]);
    assert_eq!(
        price(&book, &CouponChoice::These(vec![CouponId(1)]), 500),
        Err(Refusal::plain(RefusalCode::CouponUnusable))
    );
    assert!(book.reserve(&best, second).is_err(), "it is reserved");
    assert!(book.give_back(&best, second, at(600)).is_err(), "with another order");
    book.give_back(&best, first, at(600)).unwrap();
    assert_eq!(states(&book), ["held", "held"]);
    book.reserve(&best, second).unwrap();
    assert!(!book.is_free(name("a"), CouponId(1), at(700)), "the first order's coupon is in another");
    book.use_up(&best, second).unwrap();
    assert_eq!(states(&book), ["used", "held"]);
    assert!(book.use_up(&best, first).is_err(), "never twice");
    assert!(book.get(name("a")).unwrap().is_balanced());
}

#[test]
fn time_ends_what_is_not_used() {
    let mut book = book();
    let series = |book: &CouponBook| book.get(name("a")).unwrap().clone();
    assert_eq!(series(&book).deadline(50), Some(at(2_100)), "the older one's end");
    assert_eq!(series(&book).expiring(at(2_099), 10), 0);
    let best = price(&book, &CouponChoice::Best, 2_000).unwrap();
    book.reserve(&best, OrderId(1)).unwrap();
    assert_eq!(series(&book).deadline(50), Some(at(2_200)), "what is reserved waits for its order");
    book.give_back(&best, OrderId(1), at(2_100)).unwrap();
    assert_eq!(states(&book), ["expired", "held"], "given back too late");
    assert_eq!(price(&book, &CouponChoice::Best, 2_200).unwrap().total, fen(300), "at its end it is worth nothing");
    assert!(book.expire(name("a"), 1, at(2_199)).is_err(), "not before its time");
    book.expire(name("a"), 1, at(2_200)).unwrap();
    assert_eq!((states(&book), book.of(&user("ann")).count()), (vec!["expired", "expired"], 0));
    assert_eq!(series(&book).deadline(50), Some(at(10_050)), "then the template waits for its own end");
}

#[test]
fn activities_are_funded_with_coupons() {
    let mut book = book();
    let free = |book: &CouponBook| book.get(name("a")).unwrap().pool.free;
    book.allot(ActivityId(7), name("a"), 2, 10);
    assert_eq!((free(&book), book.allotted(ActivityId(7), name("a"))), (1, 2));
    book.issue(name("a"), user("bob"), Some(ActivityId(7)), CouponId(11), at(200));
    assert_eq!((free(&book), book.allotted(ActivityId(7), name("a"))), (1, 1));
    assert_eq!(book.allotted_to(ActivityId(7)).collect::<Vec<_>>(), [name("a")]);
    book.take_back(ActivityId(7));
    assert_eq!((free(&book), book.allotted(ActivityId(7), name("a"))), (2, 0));
    assert!(book.get(name("a")).unwrap().is_balanced());
}

#[test]
fn of_many_coupons_the_most_valuable_are_looked_at() {
    let mut book = CouponBook::default();
    for n in 1..=20 {
        let group = StackGroup::parse(&format!("g{n}")).unwrap();
        let terms = CouponTemplate { discount: Discount::Amount(fen(n)), group, threshold: Fen::ZERO, ..template() };
        book.add(name(&format!("t{n}")), terms);
        book.issue(name(&format!("t{n}")), user("ann"), None, CouponId(n as u64), at(1));
    }
    let none = CouponBook::default();
    let offers = book.offers(&none, &user("ann"), &CouponChoice::Best, &cart(), at(2), |_| Ok(())).unwrap();
    let off = |offer: &Offer| match offer.discount {
        Discount::Amount(off) => off.get(),
        _ => 0,
    };
    assert_eq!(offers.iter().map(off).collect::<Vec<_>>(), (9..=20).rev().collect::<Vec<_>>());
}

/// The platform's coupons count beside the room's: twelve templates in all, the most valuable.
#[test]
fn coupons_of_two_books() {
    let promising = |off: i64, group: &str, scope| {
        let group = StackGroup::parse(group).unwrap();
        CouponTemplate { discount: Discount::Amount(fen(off)), group, scope, threshold: Fen::ZERO, ..template() }
    };
    let (mut rooms, mut platforms) = (CouponBook::default(), CouponBook::default());
    rooms.add(name("a"), promising(10, "shop", Scope::Shop));
    rooms.issue(name("a"), user("ann"), None, CouponId(1), at(1));
    // Of the same name: it is another's all the same.
    platforms.add(name("a"), promising(20, "platform", Scope::Platform));
    platforms.issue(name("a"), user("ann"), None, CouponId(2), at(1));
    platforms.issue(name("a"), user("bob"), None, CouponId(3), at(1));
    let these = |ids: &[u64]| CouponChoice::These(ids.iter().copied().map(CouponId).collect());
    for (case, who, choice, want) in [
        ("both count, each of its group", "ann", CouponChoice::Best, Ok((270, 2))),
        ("the platform's alone", "bob", CouponChoice::Best, Ok((280, 1))),
        ("chosen from either", "ann", these(&[2]), Ok((280, 1))),
        ("and from both", "ann", these(&[1, 2]), Ok((270, 2))),
        ("another's", "ann", these(&[3]), Err(RefusalCode::CouponUnusable)),
    ] {
        let offers = rooms.offers(&platforms, &user(who), &choice, &cart(), at(2), |_| Ok(()));
        let priced = offers.map(|offers| Price::best(&cart(), offers, false).unwrap());
        let found = priced.as_ref().map(|price| (price.total.get(), price.coupons().count()));
        assert_eq!(found.map_err(|refusal| refusal.code), want, "{case}");
    }
    let offers = rooms.offers(&platforms, &user("ann"), &CouponChoice::Best, &cart(), at(2), |_| Ok(())).unwrap();
    let price = Price::best(&cart(), offers, false).unwrap();
    for book in [&mut rooms, &mut platforms] {
        book.reserve(&price, OrderId(1)).unwrap();
        assert_eq!(book.own(&price).len(), 1, "each has its own part in the order");
        assert_eq!(book.get(name("a")).unwrap().counts.reserved, 1);
        book.give_back(&price, OrderId(1), at(3)).unwrap();
        assert!(book.get(name("a")).unwrap().is_balanced());
    }
}

#[test]
fn only_those_for_whom_a_coupon_is_may_use_it() {
    let book = book();
    let not_a_fan = |_: &Audience| Err(Refusal::plain(RefusalCode::NotInFanClub));
    let none = CouponBook::default();
    let offers = |choice| book.offers(&none, &user("ann"), &choice, &cart(), at(500), not_a_fan);
    assert_eq!(offers(CouponChoice::Best), Ok(Vec::new()), "it is not looked at");
    let these = CouponChoice::These(vec![CouponId(1)]);
    assert_eq!(offers(these).map_err(|refusal| refusal.code), Err(RefusalCode::NotInFanClub), "it is said why not");
}

#[test]
fn choices_have_bounds() {
    let these = |ids: std::ops::Range<u64>| CouponChoice::These(ids.map(CouponId).collect());
    for (choice, fine) in [
        (CouponChoice::None, true),
        (CouponChoice::Best, true),
        (these(0..0), false),
        (these(1..13), true),
        (these(1..14), false),
        (CouponChoice::These(vec![CouponId(1), CouponId(1)]), false),
    ] {
        assert_eq!(choice.check().is_ok(), fine, "{choice:?}");
    }
}
