//! What a host can do with an activity, whatever its kind: created, scheduled, opened, amended, closed, cancelled, repeated from
//! a template; each action on record with who and when, and each told beforehand by a dry run.

use liveroom::rules::*;
use liveroom::store::{Action, Answer, Ask, Bounds, CouponAsk, Op, Partition, Query, Reply, TemplateAsk, Weighed};

use super::talk::{enrolment, poll};
use crate::stage::{START, Stage, Subject, bag, drop_of, fen, plan, rain, request, room, sale, terms, user};

fn goal(at: u32, prize: Prize) -> GoalPlan {
    GoalPlan { at, prize, count: 2 }
}

fn name(text: &str) -> TemplateId {
    TemplateId::parse(text).unwrap()
}

fn template(text: &str) -> ActivityTemplateId {
    ActivityTemplateId::parse(text).unwrap()
}

fn stock(units: i32) -> Amendment {
    Amendment { stock: vec![(SkuId(1), units)], ..Amendment::default() }
}

/// Every kind: its plan, an amendment that adds to what it gives (where there is anything to add to), whether its end may be
/// extended, and the phase that it is in after it was closed and time has settled what it could.
fn kinds() -> Vec<(&'static str, Plan, Option<Amendment>, bool)> {
    let task = WatchTaskPlan { steps: vec![goal(180, Prize::Cash(fen(5)))], duration_ms: 60_000 };
    let check_in = CheckInPlan { streaks: vec![goal(1, Prize::Coupon("ten".to_owned()))], duration_ms: 60_000 };
    let keyword = DrawPlan { occasion: Occasion::Keyword("tea".to_owned()), ..bag(&[("tea", 1, 5)]) };
    let seats = DrawPlan { occasion: Occasion::MicLink, answer_ms: 5_000, ..bag(&[("seat", 1, 0)]) };
    let shares = |budget, shares| Some(Amendment { budget: fen(budget), shares, ..Amendment::default() });
    vec![
        ("rain", plan(rain(2, 5)), shares(10, 2), true),
        ("sale", plan(sale(&[(5, 100, 1)])), Some(stock(2)), true),
        ("drop", plan(drop_of("ten", 1)), shares(0, 1), true),
        ("watch-task", plan(task), Some(Amendment { budget: fen(5), ..stock(1) }), true),
        ("check-in", plan(check_in), Some(stock(1)), true),
        // A draw's rules are published before entries open: nothing of it is amended.
        ("lucky-bag", plan(bag(&[("tea", 1, 5)])), None, false),
        ("keyword-draw", plan(keyword), None, false),
        ("mic-draw", plan(seats), None, false),
        ("poll", plan(poll(1, true)), None, true),
        ("enrolment", plan(enrolment(2)), None, true),
    ]
}

fn furnished<K: Subject>(new: &dyn Fn(Bounds) -> K) -> Stage<K> {
    let mut stage = Stage::new(new(Bounds::default()));
    let add = CouponAsk::AddTemplate { template: name("ten"), terms: Box::new(terms(10)) };
    assert_eq!(stage.ask("host", Ask::Coupon(add)), "template added");
    stage
}

fn like(name: &str) -> Ask {
    let draft = TemplateAsk::Draft { template: template(name), opens_at: None, seed: Seed([5; 32]), plan_bytes: 4_096 };
    Ask::Template(draft)
}

fn drafted(said: &str) -> ActivityId {
    ActivityId(said.trim_start_matches("drafted ").parse().unwrap_or_else(|_| panic!("{said}")))
}

fn trail<K: Subject>(stage: &Stage<K>) -> Vec<(UserId, Time, Action, Option<ActivityId>)> {
    match stage.keeper.ask(&Query::Trail { room: room() }) {
        Reply::Trail(actions) => actions.iter().map(|one| (one.by, one.at, one.action, one.activity)).collect(),
        other => panic!("{other:?}"),
    }
}

pub fn of_every_kind<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    for (kind, plan, more, extends) in kinds() {
        let mut stage = furnished(new);
        let before = trail(&stage).len();
        let host = user("host");
        let first = stage.draft(plan.clone());
        let mut want = vec![(Action::Draft, Some(first))];
        for (step, phase) in [(Step::Schedule, "scheduled"), (Step::WarmUp, "warm_up"), (Step::Open, "open")] {
            assert_eq!(stage.step(first, step), phase, "{kind}");
            want.push((Action::Step(step), Some(first)));
        }
        let mut amendments = 0;
        for (what, amendment) in [
            ("added to", more.clone()),
            ("extended", extends.then(|| Amendment { extend_ms: 5_000, ..Amendment::default() })),
        ] {
            let Some(amendment) = amendment else { continue };
            let closes_at = stage.view(first).closes_at.unwrap();
            amendments += 1;
            let extend_ms = amendment.extend_ms;
            assert_eq!(stage.amend(first, amendment), format!("amendment {amendments}"), "{kind} is {what}");
            assert_eq!(stage.view(first).closes_at, Some(closes_at.after_ms(extend_ms)), "{kind}");
            want.push((Action::Amend(amendments), Some(first)));
        }
        if !extends {
            let longer = Amendment { extend_ms: 5_000, ..Amendment::default() };
            assert_eq!(stage.amend(first, longer), "not done: invalid", "{kind}");
        }
        assert_eq!(stage.step(first, Step::Close), "closed", "{kind}");
        want.push((Action::Step(Step::Close), Some(first)));
        stage.wait_ms(0);
        assert_eq!(stage.phase(first), "settled", "{kind}: nobody took part");
        assert_eq!(stage.wallet("host"), 1_000_000, "{kind}: all that was paid in came back");
        // Again from a template, and called off.
        let saved = stage.view(first).plan;
        let save = TemplateAsk::Save { template: template(kind), plan: Box::new(saved) };
        assert_eq!(stage.ask("host", Ask::Template(save)), "template saved", "{kind}");
        want.push((Action::SaveTemplate(template(kind)), None));
        for steps in [&[][..], &[Step::Schedule], &[Step::Schedule, Step::Open]] {
            let again = drafted(&stage.ask("host", like(kind)));
            assert_eq!(stage.view(again).plan, plan, "{kind} is the same again");
            want.push((Action::DraftLike(template(kind)), Some(again)));
            for step in steps.iter().copied().chain([Step::Cancel]) {
                stage.step(again, step);
                want.push((Action::Step(step), Some(again)));
            }
            assert_eq!(stage.phase(again), "cancelled", "{kind} after {steps:?}");
        }
        assert_eq!(stage.wallet("host"), 1_000_000, "{kind}");
        let want: Vec<_> = want.into_iter().map(|(action, activity)| (host, START, action, activity)).collect();
        assert_eq!(trail(&stage)[before..], want, "{kind}: who, when and what, of every action");
        stage.audit();
    }
}

/// What a dry run says is what then happens, and it leaves no trace.
fn told<K: Subject>(stage: &mut Stage<K>, id: u64, ask: Ask) -> Answer {
    let op = Op { partition: Partition::Room(room()), by: Some(user("host")), request: Some(request(id)), ask };
    let (digest, at) = (stage.keeper.tables().digest(), stage.now);
    let weigh = Query::Weigh { op: Box::new(op.clone()), at };
    let Reply::Weighed(weighed) = stage.keeper.ask(&weigh) else { panic!("{op:?}") };
    assert_eq!(stage.keeper.ask(&weigh), Reply::Weighed(weighed.clone()), "however often it is asked");
    assert_eq!(stage.keeper.tables().digest(), digest, "nothing has changed");
    let events = stage.events.len();
    let answer = stage.decide(op.clone());
    match weighed {
        Weighed::Event(event) => assert_eq!(
            stage.events[events..],
            [liveroom::store::Recorded::new(stage.keeper.tables().latest_no(), at, *event)]
        ),
        Weighed::Answer(told) => assert_eq!((told, stage.events.len()), (answer.clone(), events)),
    }
    // What was decided is told as it was.
    if stage.events.len() > events {
        assert_eq!(stage.keeper.ask(&weigh), Reply::Weighed(Weighed::Answer(answer.clone())));
    }
    answer
}

pub fn a_dry_run_tells_and_changes_nothing<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    for (kind, plan, more, _) in kinds() {
        let mut stage = furnished(new);
        let mut id = 10;
        let mut host = |stage: &mut Stage<K>, ask: Ask| {
            id += 1;
            crate::stage::say(&told(stage, id, ask))
        };
        let save = TemplateAsk::Save { template: template(kind), plan: Box::new(plan.clone()) };
        assert_eq!(host(&mut stage, Ask::Template(save)), "template saved");
        let draft = Ask::Draft { plan: Box::new(plan), seed: Seed([1; 32]) };
        let activity = drafted(&host(&mut stage, draft));
        for (step, want) in [
            (Step::Open, "not done: wrong_phase"),
            (Step::Schedule, "scheduled"),
            (Step::WarmUp, "warm_up"),
            (Step::Open, "open"),
        ] {
            assert_eq!(host(&mut stage, Ask::Step { activity, step }), want, "{kind}");
        }
        let amendment = Box::new(more.unwrap_or_default());
        host(&mut stage, Ask::Amend { activity, amendment });
        assert_eq!(host(&mut stage, Ask::Step { activity, step: Step::Close }), "closed");
        let again = drafted(&host(&mut stage, like(kind)));
        assert_eq!(host(&mut stage, Ask::Step { activity: again, step: Step::Cancel }), "cancelled");
        stage.audit();
    }
    let mut stage = furnished(new);
    let (mut bare, coupon) = (sale(&[(1, 100, 1)]), name("ten"));
    bare.skus[0].quality_report = None;
    let dear = RainPlan { budget: fen(2_000_000), share_max: fen(2_000_000), ..rain(1, 1) };
    let (bare, dear) = (stage.draft(plan(bare)), stage.draft(plan(dear)));
    let times = CampaignTimes {
        warm_up: START.after_ms(1),
        burst: START.after_ms(2),
        extension: START.after_ms(3),
        end: START.after_ms(4),
    };
    let campaign = CampaignPlan { title: "Spring".to_owned(), goals: Goals::default(), times };
    for (id, ask, want) in [
        (1_001, Ask::Step { activity: bare, step: Step::Schedule }, "review"),
        (1_002, Ask::Step { activity: dear, step: Step::Schedule }, "not done: insufficient_funds"),
        (1_003, Ask::Coupon(CouponAsk::Issue { template: coupon, user: user("ann") }), "coupon issued"),
        (
            1_004,
            Ask::Coupon(CouponAsk::AddTemplate { template: name("five"), terms: Box::new(terms(5)) }),
            "template added",
        ),
        (1_005, Ask::Campaign(liveroom::store::CampaignAsk::Create { plan: Box::new(campaign) }), "campaign 1"),
        (
            1_006,
            Ask::Campaign(liveroom::store::CampaignAsk::Include { campaign: CampaignId(1), activity: dear }),
            "campaign 1 with activity 2",
        ),
    ] {
        assert_eq!(crate::stage::say(&told(&mut stage, id, ask)), want, "request {id}");
    }
    stage.audit();
}
