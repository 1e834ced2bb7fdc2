//! Experiments: who is in which arm, what is bound to one, and what arms bring. ann falls into `red`, bob into `control`.

use liveroom::events::ndjson::Line;
use liveroom::rules::*;
use liveroom::store::{Ask, Bounds, CouponAsk, Event, ExperimentAsk, PresenceEvent, Query, Reply};

use super::broadcast::START as ON_AIR;
use super::eligibility::report;
use crate::stage::{Stage, Subject, drop_of, plan, rain, room, sale, terms, user};

pub fn id(text: &str) -> ExperimentId {
    ExperimentId::parse(text).unwrap()
}

pub fn create(experiment: &str, arms: &[&str]) -> Ask {
    let arm = |arm: &&str| Arm { arm: ArmId::parse(arm).unwrap(), weight: 1 };
    let plan = ExperimentPlan { title: "Which button".to_owned(), arms: arms.iter().map(arm).collect() };
    Ask::Experiment(ExperimentAsk::Create { experiment: id(experiment), plan: Box::new(plan) })
}

pub fn end(experiment: &str) -> Ask {
    Ask::Experiment(ExperimentAsk::End { experiment: id(experiment) })
}

fn button<K: Subject>(stage: &mut Stage<K>) {
    assert_eq!(stage.ask("host", create("button", &["control", "red"])), "experiment button");
}

fn red() -> Option<InArm> {
    Some(InArm { experiment: id("button"), arm: ArmId::parse("red").unwrap() })
}

fn for_red(of: Plan) -> Plan {
    Plan { conditions: Conditions { arm: red(), ..Conditions::default() }, ..of }
}

/// `users/participants, paid of orders: fen, coins` of each arm.
fn results<K: Subject>(stage: &Stage<K>, experiment: &str) -> Vec<String> {
    let Reply::Experiments(all) = stage.keeper.ask(&Query::Experiments { room: room() }) else { panic!("no room") };
    let found = all.into_iter().find(|one| one.experiment == id(experiment)).unwrap();
    let say = |arm: &ArmResults| {
        let Tally { orders, paid_orders, gmv, coins } = arm.tally;
        format!("{}/{}, {paid_orders} of {orders}: {gmv}, {coins}", arm.users, arm.participants)
    };
    found.results.iter().map(say).collect()
}

pub fn for_an_arm_only<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let mut stage = Stage::new(new(Bounds::default()));
    button(&mut stage);
    let rained = stage.open(for_red(plan(rain(1, 5))));
    let sold = stage.open(for_red(plan(sale(&[(5, 100, 1)]))));
    assert_eq!(stage.tap("bob", rained), "not_in_arm");
    assert_eq!(stage.tap("ann", rained), "slot 1: 5 fen");
    assert_eq!(
        (stage.buy("bob", sold, 1, 1), stage.buy("ann", sold, 1, 1)),
        ("not_in_arm".into(), "order 1: 100 fen".into())
    );
    // Who is in which arm stays so when the experiment is over, and what is bound to one stays bound.
    assert_eq!(stage.ask("host", end("button")), "experiment button ended");
    let claim = stage.claim(rained);
    assert_eq!(stage.ask_as("bob", 7, claim.clone()), "not_in_arm");
    assert_eq!(stage.ask_as("cyd", 7, claim), "sold_out", "cyd is in red, too");
    stage.audit();
}

pub fn what_arms_bring<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let mut stage = Stage::new(new(Bounds::default()));
    let gift = Gift {
        id: GiftId(1),
        title: "rose".to_owned(),
        price: Coins::new(10).unwrap(),
        effect: 0,
        joins_fan_club: false,
    };
    stage.set_catalogue(0, &[gift]);
    stage.top_up_coins("bob", 100);
    let (rained, sold) = (stage.open(plan(rain(5, 5))), stage.open(plan(sale(&[(5, 100, 5)]))));
    assert_eq!(stage.buy("ann", sold, 1, 1), "order 1: 100 fen", "before the experiment nothing counts");
    button(&mut stage);
    assert_eq!(results(&stage, "button"), ["0/0, 0 of 0: 0, 0", "0/0, 0 of 0: 0, 0"]);
    stage.ask("host", ON_AIR);
    stage.wait_ms(5_000);
    let (from, until) = (stage.now.before_ms(2_000), stage.now);
    report(&mut stage, &["ann", "bob", "cyd"], 1, from, until);
    assert_eq!(results(&stage, "button"), ["1/0, 0 of 0: 0, 0", "2/0, 0 of 0: 0, 0"], "seen is whoever is there");
    assert_eq!(stage.tap("ann", rained), "slot 1: 5 fen");
    assert_eq!(stage.tap("ann", rained), "limit_reached 1/1");
    stage.send("bob", 1, 3);
    assert_eq!(results(&stage, "button"), ["1/0, 0 of 0: 0, 30", "2/1, 0 of 0: 0, 0"]);
    stage.buy("ann", sold, 1, 2);
    stage.buy("bob", sold, 1, 1);
    assert_eq!(stage.pay(2, 200), "sold");
    assert_eq!(stage.release("bob", 3), "order 3 released");
    assert_eq!(results(&stage, "button"), ["1/1, 0 of 1: 0, 30", "2/1, 1 of 1: 200, 0"]);
    // A second one counts by itself, from its own beginning.
    stage.ask("host", create("price", &["low", "high"]));
    stage.ask("host", end("button"));
    assert_eq!(stage.pay(1, 100), "sold");
    assert_eq!(results(&stage, "button"), ["1/1, 0 of 1: 0, 30", "2/1, 1 of 1: 200, 0"], "nothing counts any more");
    let price = results(&stage, "price");
    assert!(price.contains(&"1/0, 1 of 0: 100, 0".to_owned()), "{price:?}");
    stage.audit();
}

pub fn every_event_names_the_arms<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let mut stage = Stage::new(new(Bounds::default()));
    let rained = stage.open(plan(rain(5, 5)));
    let line = |stage: &Stage<K>| serde_json::to_value(Line(stage.events.last().unwrap())).unwrap();
    stage.tap("cyd", rained);
    assert_eq!(line(&stage).get("arms"), None, "none runs");
    button(&mut stage);
    assert_eq!(line(&stage)["arms"][1], serde_json::json!({"arm": "red", "weight": 1}));
    stage.tap("ann", rained);
    assert_eq!(line(&stage)["arms"], serde_json::json!({"button": "red"}));
    stage.ask("host", create("price", &["low", "high"]));
    stage.tap("bob", rained);
    assert_eq!(line(&stage)["arms"]["button"], "control");
    assert_eq!(line(&stage)["arms"].as_object().unwrap().len(), 2);
    stage.ask("host", end("price"));
    // Each of many has the own.
    stage.ask("host", ON_AIR);
    stage.wait_ms(5_000);
    let (from, until) = (stage.now.before_ms(2_000), stage.now);
    report(&mut stage, &["ann", "bob"], 1, from, until);
    assert!(matches!(stage.events.last().unwrap().event, Event::Presence { what: PresenceEvent::Watched { .. }, .. }));
    let watched = line(&stage);
    assert_eq!(watched.get("arms"), None);
    let arms: Vec<_> = watched["stays"].as_array().unwrap().iter().map(|stay| stay["arms"]["button"].clone()).collect();
    assert_eq!(arms, ["red", "control"]);
    // Hosts act on a room; what they do has no arms.
    stage.step(rained, Step::Close);
    assert_eq!(line(&stage).get("arms"), None);
    stage.audit();
}

pub fn coupons_of_an_arm<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let mut stage = Stage::new(new(Bounds::default()));
    button(&mut stage);
    let audience = Audience { arm: red(), ..Audience::default() };
    let add = |template: &str, audience| {
        let terms = Box::new(CouponTemplate { audience, ..terms(10) });
        Ask::Coupon(CouponAsk::AddTemplate { template: TemplateId::parse(template).unwrap(), terms })
    };
    assert_eq!(stage.ask("host", add("ten", audience)), "template added");
    let dropped = stage.open(plan(drop_of("ten", 3)));
    assert_eq!((stage.tap("ann", dropped), stage.tap("bob", dropped)), ("slot 1: ten".into(), "not_in_arm".into()));
    // Given by hand to anybody, it counts only for those of the arm.
    let template = TemplateId::parse("ten").unwrap();
    stage.ask("host", Ask::Coupon(CouponAsk::Issue { template, user: user("bob") }));
    let shop = stage.open(plan(sale(&[(9, 100, 9)])));
    for (who, want) in [("ann", "order 1: 90 fen"), ("bob", "order 2: 100 fen")] {
        let Ask::Reserve { activity, token, cart, .. } = stage.cart(shop, &[(1, 1)]) else { unreachable!() };
        assert_eq!(stage.ask(who, Ask::Reserve { activity, token, cart, coupons: CouponChoice::Best }), want);
    }
    let blue = Some(InArm { arm: ArmId::parse("blue").unwrap(), ..red().unwrap() });
    for (case, arm, want) in [("no such arm", blue, "not done: unknown_experiment"), ("fine", red(), "template added")]
    {
        let audience = Audience { arm, ..Audience::default() };
        assert_eq!(stage.ask("host", add("more", audience)), want, "{case}");
    }
    stage.audit();
}

pub fn refused<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let mut stage = Stage::new(new(Bounds::default()));
    let early = stage.draft(for_red(plan(rain(1, 5))));
    assert_eq!(stage.step(early, Step::Schedule), "not done: unknown_experiment", "there is none yet");
    for (case, ask, want) in [
        ("one arm", create("button", &["red"]), "not done: invalid"),
        ("none to end", end("button"), "not done: unknown_experiment"),
        ("fine", create("button", &["control", "blue"]), "experiment button"),
        ("of the same name", create("button", &["control", "red"]), "not done: conflict"),
    ] {
        assert_eq!(stage.ask("host", ask), want, "{case}");
    }
    assert_eq!(stage.step(early, Step::Schedule), "not done: unknown_experiment", "there is no such arm");
    assert_eq!(stage.phase(early), "draft");
    assert_eq!(stage.ask("host", end("button")), "experiment button ended");
    assert_eq!(stage.ask("host", end("button")), "not done: wrong_phase");
    let blue = Some(InArm { arm: ArmId::parse("blue").unwrap(), ..red().unwrap() });
    let late = stage.draft(Plan { conditions: Conditions { arm: blue, ..Conditions::default() }, ..plan(rain(1, 5)) });
    assert_eq!(stage.step(late, Step::Schedule), "not done: wrong_phase", "it is over");
    stage.audit();
}

pub fn asked_again<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let mut stage = Stage::new(new(Bounds::default()));
    for _ in 0..2 {
        assert_eq!(stage.ask_as("host", 1, create("button", &["control", "red"])), "experiment button");
        assert_eq!(stage.ask_as("host", 1, create("button", &["red", "control"])), "not done: conflict");
    }
    for _ in 0..2 {
        assert_eq!(stage.ask_as("host", 2, end("button")), "experiment button ended");
    }
    let Reply::Trail(trail) = stage.keeper.ask(&Query::Trail { room: room() }) else { panic!("no room") };
    let actions: Vec<_> = trail.iter().map(|action| format!("{:?}", action.action)).collect();
    assert_eq!(actions, ["CreateRoom", "CreateExperiment(button)", "EndExperiment(button)"]);
    stage.audit();
}

pub fn bounded<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let mut stage = Stage::new(new(Bounds { audience_per_room_max: 2, ..Bounds::default() }));
    for n in 0..Experiment::PER_ROOM_MAX {
        let name = format!("e{n}");
        assert_eq!(stage.ask("host", create(&name, &["a", "b"])), format!("experiment {name}"));
        if n + 1 >= Experiment::RUNNING_MAX {
            assert_eq!(stage.ask("host", create("more", &["a", "b"])), "not done: too_many");
            assert_eq!(stage.ask("host", end(&name)), format!("experiment {name} ended"));
        }
    }
    assert_eq!(stage.ask("host", create("more", &["a", "b"])), "not done: too_many", "ended ones count for a while");
    let rained = stage.open(plan(rain(9, 5)));
    ["ann", "bob", "cyd", "dan"].iter().for_each(|who| assert_eq!(stage.tap(who, rained), "slot 1: 5 fen"));
    let users: u32 = match stage.keeper.ask(&Query::Experiments { room: room() }) {
        Reply::Experiments(all) => all[0].results.iter().map(|arm| arm.users).sum(),
        other => panic!("{other:?}"),
    };
    assert_eq!(users, 2, "no more than the room knows");
    stage.audit();
}

pub fn what_is_over_leaves<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let mut stage = Stage::new(new(Bounds { retention_ms: 60_000, ..Bounds::default() }));
    button(&mut stage);
    let rained = stage.draft(for_red(plan(rain(9, 5))));
    stage.step(rained, Step::Schedule);
    stage.ask("host", end("button"));
    stage.wait_ms(59_999);
    assert_eq!(results(&stage, "button").len(), 2);
    stage.wait_ms(1);
    assert_eq!(stage.ask("host", end("button")), "not done: unknown_experiment");
    stage.step(rained, Step::Open);
    assert_eq!(stage.tap("ann", rained), "not_in_arm", "nobody is in an arm of what is gone");
    assert_eq!(stage.ask("host", create("button", &["a", "b"])), "experiment button", "the name is free again");
    stage.audit();
}
