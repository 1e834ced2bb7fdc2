//! An audit that finds nothing proves nothing unless it finds what is there: each kind of damage, by its name.

mod acks;

use super::*;
use crate::rules::tests::plan;
use crate::rules::*;
use crate::store::{
    Answer, Ask, Bounds, CameOf, CampaignAsk, DrawAsk, DrawEvent, EnterBy, ExperimentAsk, GiftAsk, GiftEvent, Keeper,
    MemoryKeeper, Op, Partition, RiskAsk, RiskEvent, TalkAsk, TemplateAsk, TemplateEvent,
};

/// A room, a rain and a sale, and what viewers were told there.
struct Story {
    keeper: MemoryKeeper,
    events: Vec<Recorded>,
    acks: Vec<Ack>,
    notices: Vec<Notice>,
    requests: u64,
}

/// When all of it happens: sixteen minutes and forty seconds into a day.
const NOW: Time = Time::from_ms(1_000_000);

fn user(name: &str) -> UserId {
    UserId::parse(name).unwrap()
}

fn room() -> RoomId {
    RoomId::parse("r").unwrap()
}

fn fen(amount: i64) -> Fen {
    Fen::new(amount).unwrap()
}

impl Story {
    fn ask(&mut self, partition: Partition, by: &str, ask: Ask) -> Answer {
        self.requests += 1;
        let request = RequestId::new(self.requests).unwrap();
        let mut answers = Vec::new();
        let op = Op { partition, by: Some(user(by)), request: Some(request), ask };
        self.keeper.commit(NOW, std::slice::from_ref(&op), &mut answers, &mut self.events).unwrap();
        let answer = answers.remove(0);
        self.acks.extend(Ack::of(room(), user(by), request, &op.ask, &answer));
        answer
    }

    /// Lets all that time brings happen.
    fn wait_for_archive(&mut self) {
        while let Some(now) = self.keeper.next_due() {
            let mut due = Vec::new();
            self.keeper.due(now, 100, &mut due);
            self.keeper.commit(now, &due, &mut Vec::new(), &mut self.events).unwrap();
        }
    }

    fn open(&mut self, kind: KindPlan) -> ActivityId {
        let ask = Ask::Draft { plan: Box::new(plan(kind)), seed: Seed([1; 32]) };
        let Answer::Drafted(activity) = self.ask(Partition::Room(room()), "host", ask) else { panic!("not drafted") };
        for step in [Step::Schedule, Step::Open] {
            self.ask(Partition::Room(room()), "host", Ask::Step { activity, step });
        }
        activity
    }

    fn claim(&mut self, by: &str, activity: ActivityId) {
        let token = self.keeper.gate(activity).unwrap().token;
        self.ask(Partition::Room(room()), by, Ask::Claim { activity, token, opening: 1 });
    }

    fn told() -> Self {
        let keeper = MemoryKeeper::new(Bounds::default());
        let mut story = Self { keeper, events: Vec::new(), acks: Vec::new(), notices: Vec::new(), requests: 0 };
        let here = Partition::Room(room());
        story.ask(here, "host", Ask::CreateRoom { host: user("host"), utc_offset_min: 0 });
        let top_up = Ask::TopUp { currency: Currency::Fen, amount: 1_000 };
        story.ask(Partition::Wallet(user("host")), "op", top_up);
        let rain = story.open(a_rain());
        let sale = story.open(KindPlan::Sale(SalePlan {
            skus: vec![SkuPlan {
                sku: SkuId(1),
                title: "s".to_owned(),
                list_price: fen(100),
                sale_price: fen(90),
                stock: 9,
                per_user_limit: 9,
                quality_report: Some("q".to_owned()),
                trace_certificate: Some("t".to_owned()),
            }],
            duration_ms: 60_000,
            hold_ms: 10_000,
        }));
        story.campaign(sale);
        for who in ["ann", "bob", "ann"] {
            story.claim(who, rain);
        }
        let token = story.keeper.gate(sale).unwrap().token;
        for who in ["ann", "bob"] {
            let cart = vec![CartLine { sku: SkuId(1), quantity: 2, opening: 1 }];
            story.ask(here, who, Ask::Reserve { activity: sale, token, cart, coupons: CouponChoice::None });
        }
        story.ask(here, "pay", Ask::Pay { order: OrderId(1), payment: "p".to_owned(), amount: fen(180) });
        story.ask(here, "bob", Ask::Release { order: OrderId(2) });
        story.ask(here, "host", Ask::Step { activity: rain, step: Step::Close });
        story.give();
        story.recur();
        story.hold();
        story
    }

    /// An activity serves a campaign.
    fn campaign(&mut self, activity: ActivityId) {
        let here = Partition::Room(room());
        let at = |phase: u64| NOW.after_ms(phase * 1_000_000);
        let times = CampaignTimes { warm_up: NOW, burst: at(1), extension: at(2), end: at(3) };
        let plan = Box::new(CampaignPlan { title: "spring".to_owned(), goals: Goals::default(), times });
        self.ask(here, "host", Ask::Campaign(CampaignAsk::Create { plan }));
        self.ask(here, "host", Ask::Campaign(CampaignAsk::Include { campaign: CampaignId(1), activity }));
    }

    /// A draft every day, until there has been one.
    fn recur(&mut self) {
        let here = Partition::Room(room());
        let template = ActivityTemplateId::parse("daily").unwrap();
        let plan = Box::new(plan(KindPlan::Poll(PollPlan {
            options: vec!["red".to_owned(), "green".to_owned()],
            duration_ms: 10_000,
            votes_per_user: 1,
            changeable: false,
        })));
        self.ask(here, "host", Ask::Template(TemplateAsk::Save { template, plan }));
        let rule = Box::new(Recurrence {
            days: Weekday::ALL.to_vec(),
            at_min: 20,
            zone: Zone::Offset(0),
            ahead_ms: 600_000,
            hand_in: false,
        });
        let first = rule.first_after(NOW).unwrap();
        self.ask(here, "host", Ask::Template(TemplateAsk::Recur { template, rule, first, seed: Seed([2; 32]) }));
        self.time_comes();
        self.ask(here, "host", Ask::Template(TemplateAsk::End { recurrence: RecurrenceId(1) }));
    }

    /// A bot wins twice in a rain, and is drawn; one of it is forfeited.
    fn hold(&mut self) {
        let here = Partition::Room(room());
        let risk = Risk { score: 90, reason: RiskReason::parse("test").unwrap(), until: NOW.after_ms(1_000) };
        self.ask(Partition::Platform, "op", Ask::Risk(RiskAsk::Judge { accounts: vec![(user("bot"), risk)] }));
        let policy = Some(HoldPolicy { hold_from: 60, hold_ms: 5_000 });
        self.ask(Partition::Platform, "op", Ask::Risk(RiskAsk::SetPolicy { policy }));
        let rain = self.open(KindPlan::Rain(RainPlan {
            budget: fen(20),
            split: Split::Equal,
            share_min: fen(1),
            share_max: fen(10),
            duration_ms: 10_000,
            grants_per_user: 2,
            waves: vec![WavePlan { after_ms: 0, shares: 4 }],
            bonus: Vec::new(),
        }));
        self.claim("bot", rain);
        self.claim("bot", rain);
        let how = HoldState::Forfeited;
        self.ask(here, "op", Ask::Risk(RiskAsk::EndHold { activity: rain, unit: 0, how }));
        let draw = self.open(KindPlan::Draw(Box::new(DrawPlan {
            occasion: Occasion::LuckyBag,
            prizes: vec![PrizePlan { title: "cash".to_owned(), count: 1, cash_fen: fen(5) }],
            duration_ms: 10_000,
            answer_ms: 0,
            level: DrawLevel::Sealed,
            excluded: Vec::new(),
            receipt_key: Digest([9; 32]),
            preferred: Vec::new(),
        })));
        let token = self.keeper.gate(draw).unwrap().token;
        self.ask(here, "bot", Ask::Draw(DrawAsk::Enter { activity: draw, token, by: EnterBy::Tap }));
        self.ask(here, "host", Ask::Step { activity: draw, step: Step::Close });
        self.time_comes();
    }

    /// What is due by now happens.
    fn time_comes(&mut self) {
        let mut due = Vec::new();
        self.keeper.due(NOW, 100, &mut due);
        self.keeper.commit(NOW, &due, &mut Vec::new(), &mut self.events).unwrap();
    }

    /// What the draft came of.
    fn came_of(&mut self) -> &mut CameOf {
        let came = self.events.iter_mut().find_map(|recorded| match &mut recorded.event {
            Event::Template { what: TemplateEvent::Drafted { came_of, .. }, .. } => came_of.as_mut(),
            _ => None,
        });
        came.unwrap()
    }

    /// Gifts, of which one makes a fan; and one who was a fan for a moment.
    fn give(&mut self) {
        let here = Partition::Room(room());
        let badge = Gift {
            id: GiftId(1),
            title: "badge".to_owned(),
            price: Coins::new(10).unwrap(),
            effect: 0,
            joins_fan_club: true,
        };
        self.ask(Partition::Platform, "op", Ask::Gift(GiftAsk::SetCatalogue { based_on: 0, gifts: vec![badge] }));
        self.ask(Partition::Wallet(user("ann")), "op", Ask::TopUp { currency: Currency::Coins, amount: 100 });
        for count in [1, 2] {
            self.ask(here, "ann", Ask::Gift(GiftAsk::Send { gift: GiftId(1), count }));
        }
        let settings = Box::new(FanClubSettings { free: true, ..FanClubSettings::default() });
        self.ask(here, "host", Ask::Gift(GiftAsk::SetFanClub { settings }));
        self.ask(here, "bob", Ask::Gift(GiftAsk::JoinFanClub));
        self.ask(here, "bob", Ask::Gift(GiftAsk::LeaveFanClub));
    }

    fn hold_ended(&mut self) -> &mut RiskEvent {
        let ended = |event: &Event| matches!(event, Event::Risk { what: RiskEvent::HoldEnded { .. }, .. });
        let Event::Risk { what, .. } = self.event(ended) else { unreachable!() };
        what
    }

    /// Who was drawn.
    fn drawn(&mut self) -> &mut Box<[DrawWinner]> {
        let drawn = |event: &Event| matches!(event, Event::Draw { what: DrawEvent::Drawn { .. }, .. });
        let Event::Draw { what: DrawEvent::Drawn { winners, .. }, .. } = self.event(drawn) else { unreachable!() };
        winners
    }

    /// The n-th sending of gifts.
    fn sent(&mut self, n: usize) -> &mut GiftEvent {
        let sent = self.events.iter_mut().filter_map(|recorded| match &mut recorded.event {
            Event::Gift { what: what @ GiftEvent::Sent { .. }, .. } => Some(what),
            _ => None,
        });
        sent.into_iter().nth(n).unwrap()
    }

    fn report(&self) -> Report {
        let mut auditor = Auditor::new(Tables::new(Bounds::default()));
        self.acks.iter().for_each(|ack| auditor.acknowledged(ack.clone()));
        self.notices.iter().for_each(|notice| auditor.acknowledged(Told::Notice(notice.clone())));
        self.events.iter().for_each(|event| auditor.see(event));
        auditor.report(self.keeper.tables())
    }

    /// The names of what does not hold.
    fn broken(&self) -> Vec<&'static str> {
        self.report().findings.iter().filter(|finding| !finding.ok).map(|finding| finding.name.word()).collect()
    }

    fn event(&mut self, which: impl Fn(&Event) -> bool) -> &mut Event {
        &mut self.events.iter_mut().find(|recorded| which(&recorded.event)).unwrap().event
    }
}

/// Four shares of five fen, one for each.
fn a_rain() -> KindPlan {
    KindPlan::Rain(RainPlan {
        budget: fen(20),
        split: Split::Equal,
        share_min: fen(1),
        share_max: fen(10),
        duration_ms: 10_000,
        grants_per_user: 1,
        waves: vec![WavePlan { after_ms: 0, shares: 4 }],
        bonus: Vec::new(),
    })
}

#[test]
fn what_happened_holds() {
    let report = Story::told().report();
    assert!(report.ok, "{report:#?}");
    assert_eq!(report.findings.len(), 27, "all but the sink, which has its own files");
    let json = report.to_json();
    assert_eq!((&json["ok"], &json["invariants"]["books_balance"]), (&true.into(), &true.into()));
}

fn granted(event: &Event) -> bool {
    matches!(event, Event::Granted { .. })
}

#[test]
fn a_changed_log_is_noticed() {
    type Change = fn(&mut Story);
    let rows: [(&str, Change, &[&str]); 21] = [
        (
            "another amount",
            |story| {
                let Event::Granted { prize, .. } = story.event(granted) else { unreachable!() };
                *prize = Prize::Cash(fen(6));
            },
            &["books_balance", "replay_equals_state"],
        ),
        (
            "another winner",
            |story| {
                let Event::Granted { user: who, .. } = story.event(granted) else { unreachable!() };
                *who = user("eve");
            },
            &["books_balance", "grants_once", "replay_equals_state"],
        ),
        (
            "cash of a bot that is not held",
            |story| {
                let held = |event: &Event| matches!(event, Event::Granted { held_until: Some(_), .. });
                let Event::Granted { held_until, .. } = story.event(held) else { unreachable!() };
                *held_until = None;
            },
            &["books_balance", "holds_end_once", "replay_equals_state"],
        ),
        (
            "cash of a bot that was drawn and is not held",
            |story| story.drawn()[0].held_until = None,
            &["books_balance", "holds_end_once", "replay_equals_state"],
        ),
        (
            "cash that is credited twice",
            |story| {
                let twice = story.drawn()[0].clone();
                let mut winners = story.drawn().to_vec();
                winners.push(twice);
                *story.drawn() = winners.into();
            },
            &["books_balance", "draws_recompute", "holds_end_once", "replay_equals_state"],
        ),
        (
            "a hold that goes elsewhere",
            |story| {
                let RiskEvent::HoldEnded { how, .. } = story.hold_ended() else { unreachable!() };
                *how = HoldState::Credited;
            },
            &["books_balance", "holds_end_once", "replay_equals_state"],
        ),
        (
            "somebody else judged",
            |story| {
                let judged = |event: &Event| matches!(event, Event::Risk { what: RiskEvent::Judged { .. }, .. });
                let Event::Risk { what: RiskEvent::Judged { accounts, .. }, .. } = story.event(judged) else {
                    unreachable!()
                };
                accounts[0].0 = user("eve");
            },
            &["risks_lapse", "holds_end_once", "replay_equals_state"],
        ),
        (
            "the same share again",
            |story| {
                let Event::Granted { unit, .. } = story.event(|e| matches!(e, Event::Granted { unit: 1, .. })) else {
                    unreachable!()
                };
                *unit = 0;
            },
            &["grants_once", "holds_end_once", "replay_equals_state"],
        ),
        ("the last event lost", |story| drop(story.events.pop()), &["replay_equals_state"]),
        ("an event lost in between", |story| drop(story.events.remove(5)), &["replay_equals_state"]),
        (
            "another price",
            |story| {
                let Event::Reserved { total, .. } = story.event(|e| matches!(e, Event::Reserved { .. })) else {
                    unreachable!()
                };
                *total = fen(1);
            },
            &["orders_end_once", "replay_equals_state"],
        ),
        (
            "an order that ends twice",
            |story| {
                let Event::Released { order, .. } = story.event(|e| matches!(e, Event::Released { .. })) else {
                    unreachable!()
                };
                *order = OrderId(1);
            },
            &["orders_end_once", "replay_equals_state"],
        ),
        (
            "gifts that cost something else",
            |story| {
                let GiftEvent::Sent { coins, .. } = story.sent(0) else { unreachable!() };
                *coins = Coins::new(11).unwrap();
            },
            &["books_balance", "gifts_add_up", "boards_add_up", "replay_equals_state"],
        ),
        (
            "gifts that count for another combo",
            |story| {
                let GiftEvent::Sent { combo, .. } = story.sent(1) else { unreachable!() };
                *combo = ComboId(9);
            },
            &["gifts_add_up", "replay_equals_state"],
        ),
        (
            "somebody else's gifts",
            |story| {
                let GiftEvent::Sent { user: who, .. } = story.sent(0) else { unreachable!() };
                *who = user("eve");
            },
            &["books_balance", "boards_add_up", "replay_equals_state"],
        ),
        (
            "more points than were gained",
            |story| {
                let GiftEvent::Sent { fan: Some(gain), .. } = story.sent(1) else { unreachable!() };
                gain.points += 1;
            },
            &["fans_add_up", "replay_equals_state"],
        ),
        (
            "an activity that came of nothing",
            |story| story.came_of().recurrence = RecurrenceId(9),
            &["occurrences_once", "replay_equals_state"],
        ),
        (
            "an activity that came before its time",
            |story| story.came_of().occurrence.opens_at = NOW.after_ms(86_400_000),
            &["occurrences_once"],
        ),
        (
            "an activity that came after its time",
            |story| story.came_of().occurrence.opens_at = NOW,
            &["occurrences_once"],
        ),
        (
            "a campaign's order that cost more",
            |story| {
                let Event::Paid { amount, .. } = story.event(|event| matches!(event, Event::Paid { .. })) else {
                    unreachable!()
                };
                *amount = fen(181);
            },
            &["campaigns_add_up", "replay_equals_state"],
        ),
        ("time that goes back", |story| story.events[5].at = Time::from_ms(1), &["phases_advance"]),
    ];
    for (what, change, want) in rows {
        let mut story = Story::told();
        change(&mut story);
        let broken = story.broken();
        assert!(want.iter().all(|name| broken.contains(name)), "{what}: {broken:?}");
    }
}

/// Which button: of a rain for the arm of one of two users.
fn tested() -> Story {
    let keeper = MemoryKeeper::new(Bounds::default());
    let mut story = Story { keeper, events: Vec::new(), acks: Vec::new(), notices: Vec::new(), requests: 0 };
    let here = Partition::Room(room());
    story.ask(here, "host", Ask::CreateRoom { host: user("host"), utc_offset_min: 0 });
    let experiment = ExperimentId::parse("button").unwrap();
    let arms = ["control", "red"].map(|arm| Arm { arm: ArmId::parse(arm).unwrap(), weight: 1 });
    let plan = Box::new(ExperimentPlan { title: "Which button".to_owned(), arms: arms.into() });
    story.ask(here, "host", Ask::Experiment(ExperimentAsk::Create { experiment, plan }));
    story.ask(Partition::Wallet(user("host")), "op", Ask::TopUp { currency: Currency::Fen, amount: 1_000 });
    let poll = story.open(KindPlan::Poll(PollPlan {
        options: vec!["red".to_owned(), "green".to_owned()],
        duration_ms: 10_000,
        votes_per_user: 1,
        changeable: false,
    }));
    let token = story.keeper.gate(poll).unwrap().token;
    for who in ["ann", "bob"] {
        story.ask(here, who, Ask::Talk(TalkAsk::Vote { activity: poll, token, options: vec![1] }));
    }
    let rain = story.open(a_rain());
    story.claim("ann", rain);
    story
}

#[test]
fn arms_and_results_that_are_wrong_are_noticed() {
    assert_eq!(tested().broken(), [""; 0]);
    let voted = |event: &Event| matches!(event, Event::Talk { .. });
    let mut story = tested();
    let arms: Vec<_> = story.events.iter().filter(|one| voted(&one.event)).map(|one| one.arms.clone()).collect();
    assert_ne!(arms[0], arms[1], "ann and bob are in different arms");
    let first = story.events.iter_mut().find(|one| voted(&one.event)).unwrap();
    first.arms = arms[1].clone();
    assert_eq!(story.broken(), [Invariant::ExperimentResultsMatch.word()], "an arm that is not the user's");
    let mut story = tested();
    story.events.iter_mut().for_each(|one| one.arms = crate::store::Arms::default());
    assert_eq!(story.broken(), [Invariant::ExperimentResultsMatch.word()], "no arms");
    let mut story = tested();
    story.events.pop();
    assert!(story.broken().contains(&Invariant::ExperimentResultsMatch.word()), "a grant that is not counted");
}

#[test]
fn an_audit_may_begin_in_the_middle() {
    let story = Story::told();
    for cut in 0..story.events.len() {
        let mut base = Tables::new(Bounds::default());
        story.events[..cut].iter().for_each(|event| drop(base.evolve(event).unwrap()));
        let mut auditor = Auditor::new(base);
        // The journal may hold more than the snapshot needs.
        story.events[cut.saturating_sub(2)..].iter().for_each(|event| auditor.see(event));
        story.acks.iter().for_each(|ack| auditor.acknowledged(ack.clone()));
        let report = auditor.report(story.keeper.tables());
        assert!(report.ok, "from {cut}: {:?}", report.first_failure());
    }
}
