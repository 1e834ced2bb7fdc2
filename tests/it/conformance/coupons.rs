//! Coupons, coupon drops 万券齐发, and the price of an order.

use liveroom::rules::*;
use liveroom::store::{Ask, Bounds, CouponAsk, Query, Reply};

use crate::stage::{Stage, Subject, drop_of, fen, plan, rain, room, sale, terms, user};

fn name(text: &str) -> TemplateId {
    TemplateId::parse(text).unwrap()
}

fn add<K: Subject>(stage: &mut Stage<K>, template: &str, terms: CouponTemplate) -> String {
    let terms = Box::new(terms);
    stage.ask("host", Ask::Coupon(CouponAsk::AddTemplate { template: name(template), terms }))
}

fn give<K: Subject>(stage: &mut Stage<K>, template: &str, who: &str) -> CouponId {
    let issue = CouponAsk::Issue { template: name(template), user: user(who) };
    assert_eq!(stage.ask("host", Ask::Coupon(issue)), "coupon issued");
    CouponId(stage.events.last().unwrap().no)
}

/// `held/reserved/used/expired, allotted, free`.
fn counts<K: Subject>(stage: &Stage<K>, template: &str) -> String {
    let Reply::Coupons(view) = stage.keeper.ask(&Query::Coupons { room: room() }) else { panic!("no room") };
    let (.., pool, counts) = view.templates.into_iter().find(|(id, ..)| *id == name(template)).unwrap();
    let CouponCounts { held, reserved, used, expired } = counts;
    format!("{held}/{reserved}/{used}/{expired}, {}, {}", pool.reserved, pool.free)
}

/// Somebody wants two of item 1 with coupons.
fn buy_with<K: Subject>(stage: &mut Stage<K>, who: &str, shop: ActivityId, coupons: CouponChoice) -> String {
    let Ask::Reserve { activity, token, cart, .. } = stage.cart(shop, &[(1, 2)]) else { unreachable!() };
    stage.ask(who, Ask::Reserve { activity, token, cart, coupons })
}

fn these(ids: &[CouponId]) -> CouponChoice {
    CouponChoice::These(ids.to_vec())
}

pub fn reserved_with_an_order_then_used<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let mut stage = Stage::new(new(Bounds::default()));
    assert_eq!(add(&mut stage, "ten", terms(10)), "template added");
    let shop = stage.open(plan(sale(&[(9, 100, 9)])));
    let first = give(&mut stage, "ten", "ann");
    let second = give(&mut stage, "ten", "ann");
    assert_eq!(counts(&stage, "ten"), "2/0/0/0, 0, 3");
    assert_eq!(buy_with(&mut stage, "ann", shop, CouponChoice::None), "order 1: 200 fen", "none was chosen");
    assert_eq!(buy_with(&mut stage, "ann", shop, CouponChoice::Best), "order 2: 190 fen");
    assert_eq!(counts(&stage, "ten"), "1/1/0/0, 0, 3");
    assert_eq!(buy_with(&mut stage, "ann", shop, these(&[first])), "coupon_unusable", "it is in order 2");
    assert_eq!(buy_with(&mut stage, "bob", shop, these(&[second])), "coupon_unusable", "it is ann's");
    assert_eq!(stage.pay(2, 200), "not done: invalid", "the price is frozen");
    assert_eq!(stage.pay(2, 190), "sold");
    assert_eq!(counts(&stage, "ten"), "1/0/1/0, 0, 3");
    assert_eq!(buy_with(&mut stage, "ann", shop, these(&[first])), "coupon_unusable", "it is used");
    assert_eq!(buy_with(&mut stage, "ann", shop, these(&[second])), "order 3: 190 fen");
    assert_eq!(stage.balance(Account::Proceeds(room())), 190);
    stage.audit();
}

pub fn given_back_with_its_order<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let mut stage = Stage::new(new(Bounds::default()));
    add(&mut stage, "ten", terms(10));
    let shop = stage.open(plan(sale(&[(9, 100, 9)])));
    let coupon = give(&mut stage, "ten", "ann");
    assert_eq!(buy_with(&mut stage, "ann", shop, these(&[coupon])), "order 1: 190 fen");
    assert_eq!(stage.release("ann", 1), "order 1 released");
    assert_eq!(counts(&stage, "ten"), "1/0/0/0, 0, 4");
    assert_eq!(buy_with(&mut stage, "ann", shop, these(&[coupon])), "order 2: 190 fen");
    stage.wait_ms(10_000);
    assert_eq!(stage.order_phase(2), OrderPhase::Released);
    assert_eq!(counts(&stage, "ten"), "1/0/0/0, 0, 4", "its hold ended");
    stage.audit();
}

/// A late payment takes the coupons again if they are still there, as with the stock. A coupon is never used twice.
pub fn late_payments_and_coupons<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let mut stage = Stage::new(new(Bounds::default()));
    add(&mut stage, "ten", terms(10));
    let shop = stage.open(plan(sale(&[(9, 100, 9)])));
    let coupon = give(&mut stage, "ten", "ann");
    assert_eq!(buy_with(&mut stage, "ann", shop, these(&[coupon])), "order 1: 190 fen");
    stage.release("ann", 1);
    assert_eq!(buy_with(&mut stage, "ann", shop, these(&[coupon])), "order 2: 190 fen");
    assert_eq!(stage.pay(1, 190), "refund due", "its coupon is in order 2");
    stage.release("ann", 2);
    assert_eq!(stage.pay(1, 190), "sold late", "its coupon is free again");
    assert_eq!(counts(&stage, "ten"), "0/0/1/0, 0, 4");
    assert_eq!(stage.pay(2, 190), "refund due", "its coupon is used");
    assert_eq!(counts(&stage, "ten"), "0/0/1/0, 0, 4");
    stage.audit();
}

pub fn time_ends_coupons<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let mut stage = Stage::new(new(Bounds { retention_ms: 100_000, ..Bounds::default() }));
    add(&mut stage, "ten", CouponTemplate { valid_for_ms: Some(5_000), ..terms(10) });
    let shop = stage.open(plan(sale(&[(9, 100, 9)])));
    let first = give(&mut stage, "ten", "ann");
    stage.wait_ms(1_000);
    let second = give(&mut stage, "ten", "ann");
    assert_eq!(buy_with(&mut stage, "ann", shop, these(&[first])), "order 1: 190 fen");
    stage.wait_ms(4_999);
    assert_eq!(counts(&stage, "ten"), "1/1/0/0, 0, 3", "what is reserved waits for its order");
    stage.wait_ms(1);
    assert_eq!(counts(&stage, "ten"), "0/1/0/1, 0, 3");
    assert_eq!(buy_with(&mut stage, "ann", shop, these(&[second])), "coupon_unusable");
    assert_eq!(stage.release("ann", 1), "order 1 released");
    assert_eq!(counts(&stage, "ten"), "0/0/0/2, 0, 3", "given back too late");
    assert_eq!(stage.pay(1, 190), "refund due", "its coupon is worth nothing any more");
    // The template ends, and leaves when everything in it is old.
    stage.wait_ms(200_000);
    let Reply::Coupons(view) = stage.keeper.ask(&Query::Coupons { room: room() }) else { panic!("no room") };
    assert!(view.templates.is_empty());
    stage.audit();
}

pub fn chosen_coupons_have_to_count<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let mut stage = Stage::new(new(Bounds::default()));
    add(&mut stage, "ten", terms(10));
    add(&mut stage, "twenty", terms(20));
    let other = StackGroup::parse("other").unwrap();
    add(&mut stage, "big", CouponTemplate { threshold: fen(500), group: other, ..terms(50) });
    let shop = stage.open(plan(sale(&[(9, 100, 9)])));
    let [ten, twenty, big] = ["ten", "twenty", "big"].map(|template| give(&mut stage, template, "ann"));
    for (coupons, want) in [
        (these(&[ten, twenty]), "coupon_not_applicable"),
        (these(&[big]), "coupon_not_applicable 200/500"),
        (these(&[ten, ten]), "not done: invalid"),
        (CouponChoice::These(Vec::new()), "not done: invalid"),
        (CouponChoice::These((1..=13).map(CouponId).collect()), "not done: invalid"),
        (these(&[CouponId(999)]), "coupon_unusable"),
        (CouponChoice::Best, "order 1: 180 fen"),
        (these(&[ten]), "order 2: 190 fen"),
    ] {
        assert_eq!(buy_with(&mut stage, "ann", shop, coupons.clone()), want, "{coupons:?}");
    }
    stage.audit();
}

pub fn a_refusal_for_a_coupon_stays<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let mut stage = Stage::new(new(Bounds::default()));
    add(&mut stage, "ten", terms(10));
    let shop = stage.open(plan(sale(&[(9, 100, 9)])));
    let coupon = give(&mut stage, "ten", "ann");
    assert_eq!(buy_with(&mut stage, "ann", shop, these(&[coupon])), "order 1: 190 fen");
    let Ask::Reserve { activity, token, cart, .. } = stage.cart(shop, &[(1, 1)]) else { unreachable!() };
    let ask = |coupons| Ask::Reserve { activity, token, cart: cart.clone(), coupons };
    assert_eq!(stage.ask_as("ann", 7, ask(these(&[coupon]))), "coupon_unusable");
    stage.release("ann", 1);
    assert_eq!(stage.ask_as("ann", 7, ask(these(&[coupon]))), "coupon_unusable", "decided is decided");
    assert_eq!(stage.ask_as("ann", 7, ask(CouponChoice::None)), "not done: conflict", "the choice is a parameter");
    assert_eq!(stage.ask_as("ann", 8, ask(these(&[coupon]))), "order 2: 90 fen");
    stage.audit();
}

pub fn full_reductions<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let mut stage = Stage::new(new(Bounds::default()));
    let now = stage.now;
    let reduction = |from: u64, until: u64| FullReduction {
        title: "200-20".to_owned(),
        threshold: fen(200),
        off: fen(20),
        times_max: 2,
        from: now.after_ms(from),
        until: now.after_ms(until),
    };
    let announce = |stage: &mut Stage<K>, text: &str, reduction| {
        stage.ask("op", Ask::Coupon(CouponAsk::AddReduction { name: name(text), reduction: Box::new(reduction) }))
    };
    assert_eq!(announce(&mut stage, "r", reduction(5_000, 20_000)), "reduction added");
    assert_eq!(announce(&mut stage, "r", reduction(0, 20_000)), "not done: conflict");
    assert_eq!(announce(&mut stage, "s", FullReduction { off: fen(200), ..reduction(0, 1) }), "not done: invalid");
    let shop = stage.open(plan(sale(&[(99, 100, 99)])));
    assert_eq!(stage.buy("ann", shop, 1, 2), "order 1: 200 fen", "it has not begun");
    stage.wait_ms(5_000);
    assert_eq!(stage.buy("ann", shop, 1, 1), "order 2: 100 fen", "below the threshold");
    assert_eq!(stage.buy("ann", shop, 1, 2), "order 3: 180 fen", "for everybody, without being asked");
    assert_eq!(stage.buy("ann", shop, 1, 9), "order 4: 860 fen", "twice at most");
    stage.wait_ms(15_000);
    assert_eq!(stage.buy("ann", shop, 1, 2), "order 5: 200 fen", "it is over");
    for n in 0..Price::REDUCTIONS_MAX {
        assert_eq!(announce(&mut stage, &format!("r{n}"), reduction(50_000, 90_000)), "reduction added");
    }
    assert_eq!(announce(&mut stage, "more", reduction(50_000, 90_000)), "not done: too_many");
    stage.audit();
}

pub fn prices_are_explained<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let mut stage = Stage::new(new(Bounds::default()));
    add(&mut stage, "ten", terms(10));
    add(&mut stage, "twenty", terms(20));
    let shop = stage.open(plan(sale(&[(9, 100, 9), (9, 33, 9)])));
    give(&mut stage, "ten", "ann");
    give(&mut stage, "twenty", "ann");
    let cart =
        vec![CartLine { sku: SkuId(1), quantity: 1, opening: 0 }, CartLine { sku: SkuId(2), quantity: 2, opening: 0 }];
    let (room, user, at) = (room(), user("ann"), stage.now);
    let coupons = CouponChoice::Best;
    let quote = Query::Quote { room, user, activity: shop, cart, coupons: coupons.clone(), at };
    let Reply::Quote(Ok(quoted)) = stage.keeper.ask(&quote) else { panic!("no price") };
    assert_eq!((quoted.listed, quoted.goods, quoted.total), (fen(332), fen(166), fen(146)));
    assert_eq!(*quoted.lines, [fen(88), fen(58)], "a discount is split, and adds up");
    let outcomes: Vec<_> = quoted.steps.iter().map(|step| step.outcome).collect();
    let applied = StepOutcome::Applied { base: fen(166), off: fen(20) };
    assert_eq!(outcomes, [StepOutcome::GroupTaken, applied]);
    assert_eq!(counts(&stage, "twenty"), "1/0/0/0, 0, 4", "a question holds nothing");
    let Ask::Reserve { activity, token, cart, .. } = stage.cart(shop, &[(1, 1), (2, 2)]) else { unreachable!() };
    assert_eq!(stage.ask("ann", Ask::Reserve { activity, token, cart, coupons }), "order 1: 146 fen");
    let Reply::Order { order, .. } = stage.keeper.ask(&Query::Order { order: OrderId(1) }) else { panic!("no order") };
    assert_eq!(order.price.as_deref(), Some(quoted.as_ref()), "the order keeps the same");
    stage.audit();
}

pub fn first_come_first_served<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let mut stage = Stage::new(new(Bounds::default()));
    add(&mut stage, "ten", terms(10));
    let drop = stage.open(plan(drop_of("ten", 2)));
    assert_eq!(counts(&stage, "ten"), "0/0/0/0, 2, 3", "set apart");
    for (who, want) in
        [("ann", "slot 1: ten"), ("ann", "limit_reached 1/1"), ("bob", "slot 1: ten"), ("cyd", "sold_out")]
    {
        assert_eq!(stage.tap(who, drop), want, "{who}");
    }
    assert_eq!((counts(&stage, "ten").as_str(), stage.counts(drop, 0).as_str()), ("2/0/0/0, 0, 3", "2/0/0 of 2"));
    assert_eq!(stage.amend(drop, Amendment { shares: 2, ..Amendment::default() }), "amendment 1");
    assert_eq!(stage.amend(drop, Amendment { shares: 2, ..Amendment::default() }), "not done: insufficient_funds");
    assert_eq!(stage.opening(drop, 0), 2);
    assert_eq!(stage.tap("cyd", drop), "slot 1: ten");
    assert_eq!(counts(&stage, "ten"), "3/0/0/0, 1, 1");
    stage.wait_ms(60_000);
    assert_eq!((stage.phase(drop), counts(&stage, "ten").as_str()), ("settled", "3/0/0/0, 0, 2"));
    let shop = stage.open(plan(sale(&[(9, 100, 9)])));
    assert_eq!(buy_with(&mut stage, "cyd", shop, CouponChoice::Best), "order 1: 190 fen");
    stage.audit();
}

pub fn drops_are_funded<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let mut stage = Stage::new(new(Bounds::default()));
    let drop = stage.draft(plan(drop_of("ten", 2)));
    assert_eq!(stage.step(drop, Step::Schedule), "not done: unknown_template");
    add(&mut stage, "ten", terms(10));
    let large = stage.draft(plan(drop_of("ten", 6)));
    assert_eq!(stage.step(large, Step::Schedule), "not done: insufficient_funds");
    assert_eq!(stage.step(drop, Step::Schedule), "scheduled");
    assert_eq!(counts(&stage, "ten"), "0/0/0/0, 2, 3");
    assert_eq!(stage.step(drop, Step::Cancel), "cancelled");
    assert_eq!(counts(&stage, "ten"), "0/0/0/0, 0, 5");
    stage.audit();
}

/// A rain's coupons are real where the room had the template when the rain was scheduled; otherwise they are words.
pub fn coupons_among_the_shares<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let mut stage = Stage::new(new(Bounds::default()));
    add(&mut stage, "ten", terms(10));
    let bonus = ["ten", "elsewhere"].map(|coupon| BonusPlan { coupon: coupon.to_owned(), shares: 1 }).to_vec();
    let waves = vec![WavePlan { after_ms: 0, shares: 2 }];
    let shower = stage.open(plan(RainPlan { bonus, waves, budget: Fen::ZERO, ..rain(2, 5) }));
    add(&mut stage, "elsewhere", terms(10));
    assert_eq!(counts(&stage, "ten"), "0/0/0/0, 1, 4");
    let mut said = ["ann", "bob"].map(|who| stage.tap(who, shower));
    said.sort();
    assert_eq!(said, ["slot 1: elsewhere", "slot 1: ten"]);
    assert_eq!(counts(&stage, "ten"), "1/0/0/0, 0, 4");
    assert_eq!(counts(&stage, "elsewhere"), "0/0/0/0, 0, 5", "it was not there in time");
    stage.audit();
}

pub fn only_for_their_audience<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let mut stage = Stage::new(new(Bounds::default()));
    let audience = Audience { tier: Some(Tier::Core), ..Audience::default() };
    add(&mut stage, "core", CouponTemplate { audience, ..terms(10) });
    let drop = stage.open(plan(drop_of("core", 2)));
    assert_eq!(stage.tap("ann", drop), "tier_too_low 0/2");
    assert_eq!(counts(&stage, "core"), "0/0/0/0, 2, 3");
    let shop = stage.open(plan(sale(&[(9, 100, 9)])));
    let given = give(&mut stage, "core", "ann");
    assert_eq!(buy_with(&mut stage, "ann", shop, these(&[given])), "tier_too_low 0/2", "given, but not for her");
    assert_eq!(buy_with(&mut stage, "ann", shop, CouponChoice::Best), "order 1: 200 fen");
    stage.audit();
}

pub fn templates_that_make_no_sense<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let mut stage = Stage::new(new(Bounds::default()));
    for (template, terms, want) in [
        ("a", terms(0), "not done: invalid"),
        ("a", CouponTemplate { quantity: 0, ..terms(10) }, "not done: invalid"),
        ("a", CouponTemplate { valid_until: stage.now, ..terms(10) }, "not done: invalid"),
        ("a", terms(10), "template added"),
        ("a", terms(20), "not done: conflict"),
    ] {
        assert_eq!(add(&mut stage, template, terms.clone()), want, "{terms:?}");
    }
    let issue = |template: &str| Ask::Coupon(CouponAsk::Issue { template: name(template), user: user("ann") });
    assert_eq!(stage.ask("host", issue("b")), "not done: unknown_template");
    for _ in 0..5 {
        assert_eq!(stage.ask("host", issue("a")), "coupon issued");
    }
    assert_eq!(stage.ask("host", issue("a")), "not done: insufficient_funds");
    assert_eq!(stage.ask_as("host", 5, issue("a")), "not done: insufficient_funds");
    for n in 1..CouponBook::TEMPLATES_MAX {
        assert_eq!(add(&mut stage, &format!("t{n}"), terms(10)), "template added");
    }
    assert_eq!(add(&mut stage, "more", terms(10)), "not done: too_many");
    stage.audit();
}

pub fn requests_about_coupons_are_repeated<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let mut stage = Stage::new(new(Bounds::default()));
    let added = Ask::Coupon(CouponAsk::AddTemplate { template: name("a"), terms: Box::new(terms(10)) });
    let issue = |who: &str| Ask::Coupon(CouponAsk::Issue { template: name("a"), user: user(who) });
    for _ in 0..2 {
        assert_eq!(stage.ask_as("host", 1, added.clone()), "template added");
        assert_eq!(stage.ask_as("host", 2, issue("ann")), "coupon issued");
    }
    assert_eq!(counts(&stage, "a"), "1/0/0/0, 0, 4", "once");
    assert_eq!(stage.ask_as("host", 2, issue("bob")), "not done: conflict");
    stage.audit();
}

/// Another room's host, and an open sale there of item 1 for 100 fen.
fn other_shop<K: Subject>(stage: &mut Stage<K>, other: RoomId) -> ActivityId {
    let create = Ask::CreateRoom { host: user("host"), utc_offset_min: 0 };
    assert_eq!(stage.ask_in(other, "host", 1, create), "room created");
    let draft = Ask::Draft { plan: Box::new(plan(sale(&[(9, 100, 9)]))), seed: Seed([1; 32]) };
    let drafted = stage.ask_in(other, "host", 2, draft);
    let activity = ActivityId(drafted.trim_start_matches("drafted ").parse().unwrap());
    assert_eq!(stage.ask_in(other, "host", 3, Ask::Step { activity, step: Step::Schedule }), "scheduled");
    assert_eq!(stage.ask_in(other, "host", 4, Ask::Step { activity, step: Step::Open }), "open");
    activity
}

/// Two of item 1 in another room.
fn there<K: Subject>(stage: &Stage<K>, shop: ActivityId, coupons: CouponChoice) -> Ask {
    let cart = vec![CartLine { sku: SkuId(1), quantity: 2, opening: 1 }];
    Ask::Reserve { activity: shop, token: stage.token(shop), cart, coupons }
}

/// A coupon of the platform counts wherever its holder buys, in the one decision that holds the stock; a shop's only at home.
pub fn of_the_platform_in_any_room<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let mut stage = Stage::new(new(Bounds::default()));
    let platform = CouponTemplate { scope: Scope::Platform, group: StackGroup::parse("all").unwrap(), ..terms(10) };
    assert_eq!(add(&mut stage, "all", platform.clone()), "template added");
    assert_eq!(add(&mut stage, "shop", terms(20)), "template added");
    let other = RoomId::parse("r2").unwrap();
    let shop = other_shop(&mut stage, other);
    let (all, shops) = (give(&mut stage, "all", "ann"), give(&mut stage, "shop", "ann"));
    for (id, coupons, want) in [
        (10, these(&[shops]), "coupon_unusable"),
        (11, CouponChoice::Best, "order 1: 190 fen"),
        (12, these(&[all]), "coupon_unusable"),
    ] {
        let ask = there(&stage, shop, coupons);
        assert_eq!(stage.ask_in(other, "ann", id, ask), want, "request {id}");
    }
    assert_eq!(counts(&stage, "all"), "0/1/0/0, 0, 4");
    // It is held by the order in the other room, so it does not count at home either.
    let home = stage.open(plan(sale(&[(9, 100, 9)])));
    assert_eq!(buy_with(&mut stage, "ann", home, these(&[all])), "coupon_unusable");
    let release = Ask::Release { order: OrderId(1) };
    assert_eq!(stage.ask_in(other, "ann", 13, release), "order 1 released");
    assert_eq!(counts(&stage, "all"), "1/0/0/0, 0, 4", "given back with its order");
    assert_eq!(buy_with(&mut stage, "ann", home, CouponChoice::Best), "order 2: 170 fen", "beside the shop's");
    assert_eq!(stage.pay(2, 170), "sold");
    assert_eq!(counts(&stage, "all"), "0/0/1/0, 0, 4");
    let late = Ask::Pay { order: OrderId(1), payment: "late".to_owned(), amount: fen(190) };
    assert_eq!(stage.ask_in(other, "payments", 14, late), "refund due", "its coupon was used at home");
    // Names are the platform's: another room's host can't take one, and may have a shop's of the same name.
    let added = |terms: &CouponTemplate| {
        Ask::Coupon(CouponAsk::AddTemplate { template: name("all"), terms: Box::new(terms.clone()) })
    };
    assert_eq!(stage.ask_in(other, "host", 15, added(&platform)), "not done: conflict");
    assert_eq!(stage.ask_in(other, "host", 16, added(&terms(1))), "template added");
    assert_eq!(add(&mut stage, "all", terms(1)), "not done: conflict", "at home it is taken");
    stage.audit();
}

/// It is dropped, won, held, and ends like any other; nobody gives it away in another room.
pub fn of_the_platform_given_at_home<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let mut stage = Stage::new(new(Bounds { retention_ms: 100_000, ..Bounds::default() }));
    let platform = CouponTemplate { scope: Scope::Platform, valid_for_ms: Some(20_000), ..terms(10) };
    add(&mut stage, "all", platform);
    let other = RoomId::parse("r2").unwrap();
    let shop = other_shop(&mut stage, other);
    let issue = Ask::Coupon(CouponAsk::Issue { template: name("all"), user: user("eve") });
    assert_eq!(stage.ask_in(other, "host", 20, issue), "not done: unknown_template");
    let drop = stage.open(plan(drop_of("all", 2)));
    assert_eq!(counts(&stage, "all"), "0/0/0/0, 2, 3", "set apart");
    assert_eq!(stage.tap("ann", drop), "slot 1: all");
    let ask = there(&stage, shop, CouponChoice::Best);
    assert_eq!(stage.ask_in(other, "ann", 21, ask), "order 1: 190 fen");
    // The order's hold ends, then the coupon.
    stage.wait_ms(15_000);
    assert_eq!(counts(&stage, "all"), "1/0/0/0, 1, 3");
    stage.wait_ms(20_000);
    assert_eq!(counts(&stage, "all"), "0/0/0/1, 0, 4", "what the drop did not give is free again");
    let ask = there(&stage, shop, CouponChoice::Best);
    assert_eq!(stage.ask_in(other, "ann", 22, ask), "order 2: 200 fen");
    stage.wait_ms(300_000);
    let Reply::Coupons(view) = stage.keeper.ask(&Query::Coupons { room: room() }) else { panic!("no room") };
    assert!(view.templates.is_empty(), "it left, and its name is free");
    stage.audit();
}

/// For whom a coupon of the platform is, the room of the order judges by what it knows.
pub fn of_the_platform_for_its_audience<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let mut stage = Stage::new(new(Bounds::default()));
    let newcomers = Audience { newcomer_days: Some(1), ..Audience::default() };
    let fans = Audience { fan_club: true, ..Audience::default() };
    for (template, audience) in [("new", newcomers), ("fans", fans)] {
        add(&mut stage, template, CouponTemplate { scope: Scope::Platform, audience, ..terms(10) });
    }
    let settings = FanClubSettings { free: true, ..FanClubSettings::default() };
    let set = liveroom::store::GiftAsk::SetFanClub { settings: Box::new(settings) };
    stage.ask("host", Ask::Gift(set));
    assert_eq!(stage.ask("ann", Ask::Gift(liveroom::store::GiftAsk::JoinFanClub)), "joined");
    let other = RoomId::parse("r2").unwrap();
    let shop = other_shop(&mut stage, other);
    let home = stage.open(plan(sale(&[(9, 100, 9)])));
    let (new, fans) = (give(&mut stage, "new", "ann"), give(&mut stage, "fans", "ann"));
    assert_eq!(buy_with(&mut stage, "ann", home, these(&[fans])), "order 1: 190 fen", "a fan at home");
    stage.release("ann", 1);
    for (case, id, coupon, want) in [
        ("a fan at home is none elsewhere", 30, fans, "not_in_fan_club"),
        ("whoever was never noticed there is a newcomer there", 31, new, "order 2: 190 fen"),
    ] {
        let ask = there(&stage, shop, these(&[coupon]));
        assert_eq!(stage.ask_in(other, "ann", id, ask), want, "{case}");
    }
    stage.audit();
}
