//! Random operations into every keeper side by side: the same answers, the same state, and after every step
//! everything that must hold, holds. What was once decided is asked again and again.

use std::iter;

use liveroom::rules::*;
use liveroom::store::{
    Answer, Ask, Bounds, CampaignAsk, CouponAsk, CouponEvent, DECISIONS, DrawAsk, EnterBy, Event, GiftAsk, Keeper,
    MemoryKeeper, Op, Partition, Query, Reply, RiskAsk, Tables, TalkAsk, TemplateAsk, Weighed,
};
use proptest::prelude::*;
use sha2::{Digest as _, Sha256};

use crate::conformance::talk::{enrolment, poll};
use crate::redis::OnRedis;
use crate::stage::{Durable, Stage, Subject, bag, codes, drop_of, fen, plan, rain, request, room, sale, terms, user};

/// One step: what, and two numbers whose meaning depends on it.
type Act = (u8, u16, u16);

/// A request that was decided, and how.
struct Decided {
    op: Op,
    answer: Answer,
    /// Whether there is a record of it: then another use of its id is a conflict.
    recorded: bool,
}

struct Run {
    memory: Stage<MemoryKeeper>,
    durable: Stage<Durable>,
    redis: Stage<OnRedis>,
    striped: Stage<OnRedis>,
    activities: Vec<ActivityId>,
    /// Draws and bags of codes.
    draws: Vec<ActivityId>,
    decided: Vec<Decided>,
    orders: u64,
    requests: u64,
    has_templates: bool,
}

const USERS: [&str; 4] = ["ann", "bob", "cyd", "dan"];

/// Three seconds of a draw of any occasion, in which winners have some time to answer.
fn a_draw(b: u16) -> DrawPlan {
    let listed = |on: bool, who: &str| if on { vec![user(who)] } else { Vec::new() };
    let plan = DrawPlan {
        duration_ms: 3_000,
        excluded: listed(b.is_multiple_of(3), "cyd"),
        preferred: listed(b.is_multiple_of(5), "dan"),
        ..bag(&[("tea", 1, 0), ("cash", 1, 5)])
    };
    match b % 4 {
        0 => DrawPlan { occasion: Occasion::MicLink, answer_ms: 5_000, prizes: bag(&[("seat", 2, 0)]).prizes, ..plan },
        1 => DrawPlan { occasion: Occasion::Keyword("tea".to_owned()), ..plan },
        _ => DrawPlan { answer_ms: u64::from(b % 4 - 2) * 4_000, ..plan },
    }
}

fn pick<T: Copy>(from: &[T], by: u16) -> Option<T> {
    (!from.is_empty()).then(|| from[by as usize % from.len()])
}

impl Run {
    fn new() -> Self {
        let bounds = Bounds::default();
        let (memory, durable) = (Stage::new(MemoryKeeper::new(bounds)), Stage::new(Durable::new(bounds)));
        let (redis, striped) = (Stage::new(OnRedis::new(bounds)), Stage::new(OnRedis::striped(bounds)));
        let mut run = Self {
            memory,
            durable,
            redis,
            striped,
            activities: Vec::new(),
            draws: Vec::new(),
            decided: Vec::new(),
            orders: 0,
            requests: 0,
            has_templates: false,
        };
        run.enrich();
        run
    }

    /// Two gifts that there are, and coins to send them.
    fn enrich(&mut self) {
        let gift = |id, joins_fan_club| Gift {
            id: GiftId(id),
            title: "gift".to_owned(),
            price: Coins::new(i64::from(id) * 10).unwrap(),
            effect: 0,
            joins_fan_club,
        };
        let gifts = vec![gift(1, false), gift(2, true)];
        let op = |partition, id, ask| Op { partition, by: Some(user("op")), request: Some(request(id)), ask };
        self.all(&op(Partition::Platform, 1, Ask::Gift(GiftAsk::SetCatalogue { based_on: 0, gifts })));
        for who in ["ann", "bob"] {
            let ask = Ask::TopUp { currency: Currency::Coins, amount: 10_000 };
            self.all(&op(Partition::Wallet(user(who)), 1, ask));
        }
    }

    fn act(&mut self, (what, a, b): Act) {
        match what {
            0 => self.draft(a, b),
            1..=5 => self.claim(a, b),
            6..=9 => self.reserve(a, b),
            10 => self.ask(USERS[a as usize % 4], Ask::Release { order: self.an_order(b) }),
            11 => self.pay(a, b),
            12 => self.amend(a, b),
            13 => self.step(a, b),
            14 => self.wait(u64::from(a) % 6_000),
            15 => self.again(a),
            16 => self.otherwise(a, b),
            17 => self.crash(a),
            20 | 21 => self.talk(a, b),
            22 => self.issue(a, b),
            23 => self.template(a, b),
            24 => self.campaign(a, b),
            25..=27 => self.draw(a, b),
            28 => self.risk(a, b),
            _ if a.is_multiple_of(4) => self.fan(a / 4, b),
            _ => self.give(a / 4, b),
        }
    }

    fn draft(&mut self, a: u16, b: u16) {
        let kind = if a % 8 == 7 {
            plan(poll(1 + u32::from(b % 3), b.is_multiple_of(2)))
        } else if a % 8 == 5 {
            plan(enrolment(1 + u32::from(b % 3)))
        } else if a % 16 == 1 {
            plan(CouponDropPlan { coupons: 1 + u32::from(b % 3), ..drop_of("ten", 1) })
        } else if a.is_multiple_of(2) {
            let shares = 1 + u32::from(b % 5);
            let waves = vec![WavePlan { after_ms: 0, shares }, WavePlan { after_ms: 2_000, shares: 2 }];
            let bonus = vec![BonusPlan { coupon: "tea".to_owned(), shares: 1 }];
            let budget = fen(7 * i64::from(shares + 1));
            let cap = WinCap { wins: 1, window_ms: 20_000 };
            let limits = if b.is_multiple_of(3) {
                Limits { per_room_day: Some(8), win_cap: Some(cap) }
            } else {
                Limits::default()
            };
            let grants_per_user = 1 + u32::from(a % 3);
            let kind = RainPlan { waves, bonus, budget, split: Split::Random, grants_per_user, ..rain(1, 7) };
            match b % 11 {
                0 => Plan {
                    decoy: Some(DecoyPlan { score: 1 + (b % 100) as u8, for_ms: 5_000 }),
                    ..plan(RainPlan { bonus: Vec::new(), ..kind })
                },
                _ => Plan { limits, ..plan(kind) },
            }
        } else {
            let stock = 1 + u32::from(b % 4);
            plan(SalePlan { hold_ms: 1_000 + u64::from(b % 8_000), ..sale(&[(stock, 100, 2), (3, 55, 3)]) })
        };
        if let Some(activity) = self.hand_in(kind, b) {
            self.activities.push(activity);
        }
    }

    fn hand_in(&mut self, plan: Plan, b: u16) -> Option<ActivityId> {
        let (plan, seed) = (Box::new(plan), Seed([b as u8; 32]));
        let drafted = self.request("host", Ask::Draft { plan, seed });
        drafted.and_then(|drafted| {
            let Answer::Drafted(activity) = drafted else { return None };
            // Most are wanted open; some are left where they are.
            for step in [Step::Schedule, Step::Open].into_iter().take(2 - usize::from(b.is_multiple_of(7))) {
                self.ask("host", Ask::Step { activity, step });
            }
            Some(activity)
        })
    }

    /// One of the latest activities, which may be open; now and then an older one.
    fn recent(&self, by: u16) -> Option<ActivityId> {
        let from = if by.is_multiple_of(8) { 0 } else { self.activities.len().saturating_sub(4) };
        pick(&self.activities[from..], by / 8)
    }

    /// What a viewer knows: the token once it is public, and any opening up to the latest.
    fn seen(&self, activity: ActivityId, back: u16) -> (u64, impl Fn(u32) -> u32 + use<>) {
        let facts = self.memory.keeper.gate(activity).unwrap();
        let opening = move |sku: u32| {
            let pool = facts.pools.iter().find(|(id, ..)| id.0 == sku);
            pool.map_or(1, |(_, latest, _)| latest.saturating_sub(u32::from(back % 4 == 3)))
        };
        (self.memory.view(activity).token.unwrap_or(1), opening)
    }

    fn claim(&mut self, a: u16, b: u16) {
        let Some(activity) = self.recent(a) else { return };
        let (token, opening) = self.seen(activity, b);
        self.ask(USERS[b as usize / 4 % 4], Ask::Claim { activity, token, opening: opening(0) });
    }

    fn reserve(&mut self, a: u16, b: u16) {
        let Some(activity) = self.recent(a) else { return };
        let (token, opening) = self.seen(activity, b);
        let line = |sku| CartLine { sku: SkuId(sku), quantity: 1 + u32::from(b / 16 % 3), opening: opening(sku) };
        let cart = if b.is_multiple_of(5) { vec![line(1), line(2)] } else { vec![line(1 + u32::from(b % 2))] };
        let coupons = match b % 3 {
            0 => CouponChoice::None,
            1 => CouponChoice::Best,
            // One that ann or bob or somebody was given, or that never was.
            _ => {
                let issued = |recorded: &&liveroom::store::Recorded| {
                    matches!(recorded.event, Event::Coupon { what: CouponEvent::Issued { .. }, .. })
                };
                let coupons: Vec<_> = self.memory.events.iter().filter(issued).map(|event| event.no).collect();
                CouponChoice::These(vec![CouponId(pick(&coupons, a / 8).unwrap_or(1))])
            }
        };
        self.ask(USERS[b as usize / 4 % 4], Ask::Reserve { activity, token, cart, coupons });
    }

    /// A coupon by hand; the templates come first.
    fn issue(&mut self, a: u16, b: u16) {
        if !self.has_templates {
            self.has_templates = true;
            let valid_until = crate::stage::START.after_ms(1_200_000);
            for (template, off, valid_for_ms) in [("ten", 10, Some(40_000)), ("tea", 20, None), ("all", 5, None)] {
                let scope = if template == "all" { Scope::Platform } else { Scope::Shop };
                let group = StackGroup::parse(if template == "all" { "all" } else { "shop" }).unwrap();
                let template = TemplateId::parse(template).unwrap();
                let terms = CouponTemplate { quantity: 200, valid_until, valid_for_ms, scope, group, ..terms(off) };
                let terms = Box::new(terms);
                self.ask("host", Ask::Coupon(CouponAsk::AddTemplate { template, terms }));
            }
        }
        let template = TemplateId::parse(["ten", "tea", "all"][a as usize % 3]).unwrap();
        self.ask("host", Ask::Coupon(CouponAsk::Issue { template, user: user(USERS[b as usize % 4]) }));
    }

    /// Templates, what is drafted like them, and what comes of them by itself: every day, a minute ahead.
    fn template(&mut self, a: u16, b: u16) {
        let template = ActivityTemplateId::parse(["one", "two"][a as usize % 2]).unwrap();
        let now = self.memory.now;
        let seed = Seed([b as u8; 32]);
        let recurrence = RecurrenceId(1 + u64::from(a / 2 % 4));
        let rule = Recurrence {
            days: Weekday::ALL.to_vec(),
            at_min: (now.ms() / 60_000 % 1_440 + 3) as u16 % 1_440,
            zone: Zone::Offset(0),
            ahead_ms: 60_000 * (1 + u64::from(a / 2 % 3)),
            hand_in: !b.is_multiple_of(4),
        };
        let coming = rule.first_after(now).unwrap();
        let ask = match b % 16 {
            0..4 => {
                let kind = if b & 16 == 0 { plan(poll(1, true)) } else { plan(rain(1 + u32::from(a % 3), 5)) };
                TemplateAsk::Save { template, plan: Box::new(kind) }
            }
            4 => TemplateAsk::Delete { template },
            5..10 => {
                let opens_at = (b & 16 == 0).then(|| now.after_ms(u64::from(a)));
                TemplateAsk::Draft { template, opens_at, seed, plan_bytes: 4_096 }
            }
            10..13 => TemplateAsk::Recur { template, rule: Box::new(rule), first: coming, seed },
            13 => TemplateAsk::Pause { recurrence },
            14 => TemplateAsk::Resume { recurrence, next: coming },
            _ => TemplateAsk::End { recurrence },
        };
        if let Some(Answer::Drafted(activity)) = self.request("host", Ask::Template(ask)) {
            self.activities.push(activity);
        }
    }

    fn campaign(&mut self, a: u16, b: u16) {
        let at = |phase: u64| self.memory.now.after_ms(phase * 10_007);
        let times = CampaignTimes { warm_up: at(0), burst: at(1), extension: at(2), end: at(3) };
        let plan = CampaignPlan { title: "spring".to_owned(), goals: Goals::default(), times };
        let ask = match self.recent(a) {
            Some(activity) if !b.is_multiple_of(4) => {
                CampaignAsk::Include { campaign: CampaignId(1 + u64::from(b / 4 % 4)), activity }
            }
            _ => CampaignAsk::Create { plan: Box::new(plan) },
        };
        self.ask("host", Ask::Campaign(ask));
    }

    fn talk(&mut self, a: u16, b: u16) {
        let who = USERS[b as usize / 4 % 4];
        let (user, sanction) = (user(who), Sanction::ALL[usize::from(a % 2)]);
        let (by, ask) = match b % 8 {
            6 => ("host", TalkAsk::Impose { user, sanction, for_ms: 1_000 + u64::from(a) }),
            7 => ("host", TalkAsk::Lift { user, sanction }),
            _ => {
                let Some(activity) = self.recent(a) else { return };
                let (token, _) = self.seen(activity, 0);
                let options = (0..3).filter(|bit| b >> (4 + bit) & 1 == 1).map(|bit| bit + 1).collect();
                let vote = TalkAsk::Vote { activity, token, options };
                (who, if b % 8 < 4 { vote } else { TalkAsk::SignUp { activity, token } })
            }
        };
        self.ask(by, Ask::Talk(ask));
    }

    /// Tickets by a tap or a comment, what winners say, and proofs; codes out of bags.
    fn draw(&mut self, a: u16, b: u16) {
        let which = self.draws.len() as u16;
        if self.draws.is_empty() || b.is_multiple_of(8) && which < 80 {
            let kind = if which % 4 == 3 {
                let list = ["A", "B", "C"].map(|code| format!("{code}{which}"));
                plan(codes(&list.each_ref().map(String::as_str)[..1 + usize::from(b / 8 % 3)]))
            } else {
                // Whoever is not judged to be harmless enters no draw of these by a comment.
                let risk_below = (which % 8 == 5).then_some(80);
                Plan { conditions: Conditions { risk_below, ..Conditions::default() }, ..plan(a_draw(which)) }
            };
            let drawn = self.hand_in(kind, b / 8);
            self.draws.extend(drawn);
            return;
        }
        let latest = self.draws.len().saturating_sub(3);
        let Some(activity) = pick(&self.draws[latest..], a) else { return };
        let (token, opening) = self.seen(activity, 0);
        let who = USERS[b as usize / 8 % 4];
        let ask = match b % 8 {
            _ if matches!(self.memory.view(activity).plan.kind, KindPlan::Bag(_)) => {
                return self.ask(who, Ask::Claim { activity, token, opening: opening(0) });
            }
            0..=2 => DrawAsk::Enter { activity, token, by: EnterBy::Tap },
            3 | 4 => {
                let ask = Ask::Draw(DrawAsk::Enter { activity, token, by: EnterBy::Comment });
                self.all(&Op { partition: Partition::Room(room()), by: Some(user(who)), request: None, ask });
                return;
            }
            5 | 6 => DrawAsk::Reply { activity, accept: (b / 32).is_multiple_of(2) },
            _ => DrawAsk::Prove { activity },
        };
        self.ask(who, Ask::Draw(ask));
    }

    /// Accounts are judged for a while; cash of some is held; what is held ends by word.
    fn risk(&mut self, a: u16, b: u16) {
        let user = user(USERS[a as usize % 4]);
        let ask = match b % 8 {
            0..=2 => {
                let (score, reason) = ((a / 4 % 101) as u8, RiskReason::parse("random").unwrap());
                let until = self.memory.now.after_ms(1_000 + u64::from(b) * 4);
                RiskAsk::Judge { accounts: vec![(user, Risk { score, reason, until })] }
            }
            3 => RiskAsk::Acquit { user },
            4 => {
                let (hold_from, hold_ms) = (1 + (a / 4 % 60) as u8, 5_000 + u64::from(b) * 4);
                RiskAsk::SetPolicy { policy: Some(HoldPolicy { hold_from, hold_ms }) }
            }
            5 => RiskAsk::SetPolicy { policy: None },
            6 if a.is_multiple_of(3) => {
                let Some(activity) = self.recent(a / 3) else { return };
                let ask = Ask::Risk(RiskAsk::Catch { activity });
                self.all(&Op { partition: Partition::Room(room()), by: Some(user), request: None, ask });
                return;
            }
            _ => {
                let held = |(id, hold): (HoldId, &Hold)| (hold.state == HoldState::Held).then_some(id);
                let holds: Vec<_> = self.memory.keeper.tables().holds().filter_map(held).collect();
                let (activity, unit) = pick(&holds, a / 4).unwrap_or((ActivityId(1), 0));
                let how = if (a / 4).is_multiple_of(2) { HoldState::Forfeited } else { HoldState::Credited };
                self.ask("op", Ask::Risk(RiskAsk::EndHold { activity, unit, how }));
                return;
            }
        };
        let operator = Some(self::user("op"));
        self.all(&Op { partition: Partition::Platform, by: operator, request: None, ask: Ask::Risk(ask) });
    }

    /// One of the latest orders, or one that never was.
    fn an_order(&self, by: u16) -> OrderId {
        OrderId((self.orders + 1).saturating_sub(u64::from(by) % 8))
    }

    fn pay(&mut self, a: u16, b: u16) {
        let order = self.an_order(a);
        let Reply::Order { order, .. } = self.memory.keeper.ask(&Query::Order { order }) else { return };
        let payment = format!("p{b}");
        self.ask("payments", Ask::Pay { order: order.id, payment, amount: order.total });
    }

    fn amend(&mut self, a: u16, b: u16) {
        let Some(activity) = self.recent(a) else { return };
        let stock = vec![(SkuId(1 + u32::from(a % 2)), i32::from(b % 7) - 3)];
        let shares = u32::from(b % 3);
        let budget = fen(i64::from(shares) * i64::from(b % 5));
        let amendment = match b % 4 {
            0 => Amendment { extend_ms: u64::from(b), ..Amendment::default() },
            1 => Amendment { budget, shares, ..Amendment::default() },
            _ => Amendment { stock, ..Amendment::default() },
        };
        self.ask("host", Ask::Amend { activity, amendment: Box::new(amendment) });
    }

    fn step(&mut self, a: u16, b: u16) {
        let Some(activity) = pick(&self.activities, a) else { return };
        let steps = [Step::Schedule, Step::WarmUp, Step::Open, Step::Close, Step::Settle, Step::Cancel, Step::Reject];
        self.ask("host", Ask::Step { activity, step: steps[b as usize % steps.len()] });
    }

    fn wait(&mut self, ms: u64) {
        self.memory.wait_ms(ms);
        self.durable.wait_ms(ms);
        self.redis.wait_ms(ms);
        self.striped.wait_ms(ms);
    }

    /// The same request again: the same answer.
    fn again(&mut self, which: u16) {
        if self.decided.is_empty() {
            return;
        }
        let Decided { op, answer, .. } = &self.decided[which as usize % self.decided.len()];
        let (op, want) = (op.clone(), answer.clone());
        let events = self.memory.events.len();
        assert_eq!(self.all(&op), want, "asked again: {op:?}");
        assert_eq!(self.memory.events.len(), events, "a repeat changes nothing");
    }

    /// Another request under the same id: a conflict.
    fn otherwise(&mut self, which: u16, b: u16) {
        let recorded: Vec<_> = self.decided.iter().filter(|decided| decided.recorded).map(|one| &one.op).collect();
        let Some(first) = pick(&recorded, which) else { return };
        let order = OrderId(1_000_000 + u64::from(b));
        let op = Op { ask: Ask::Release { order }, ..first.clone() };
        let Answer::NotDone(reason) = self.all(&op) else { panic!("{op:?} is another request") };
        assert_eq!(reason.code, NotDoneCode::Conflict);
    }

    /// Gifts: mostly the same few, so that combos come about.
    fn give(&mut self, a: u16, b: u16) {
        let gift = GiftId(1 + u32::from(b % 3));
        self.ask(USERS[a as usize % 4], Ask::Gift(GiftAsk::Send { gift, count: 1 + u32::from(b / 3 % 4) }));
    }

    fn fan(&mut self, a: u16, b: u16) {
        let who = USERS[a as usize / 4 % 4];
        match b % 4 {
            0 | 1 => self.ask(who, Ask::Gift(GiftAsk::JoinFanClub)),
            2 => self.ask(who, Ask::Gift(GiftAsk::LeaveFanClub)),
            _ => {
                let settings = FanClubSettings { free: b % 8 == 3, ..FanClubSettings::default() };
                self.ask("host", Ask::Gift(GiftAsk::SetFanClub { settings: Box::new(settings) }));
            }
        }
    }

    fn crash(&mut self, a: u16) {
        let bounds = Bounds::default();
        let before = std::mem::replace(&mut self.durable.keeper, Durable::new(bounds));
        let digest = before.tables().digest();
        self.durable.keeper = before.restarted();
        assert_eq!(self.durable.keeper.tables().digest(), digest);
        // Reading a whole log takes its time: on three stripes now and then.
        let striped = a.is_multiple_of(8).then_some(&mut self.striped);
        for stage in iter::once(&mut self.redis).chain(striped) {
            let before = std::mem::replace(&mut stage.keeper, OnRedis::new(bounds));
            stage.keeper = before.restarted();
            assert_eq!(stage.keeper.tables().digest(), digest);
        }
    }

    fn ask(&mut self, by: &str, ask: Ask) {
        self.request(by, ask);
    }

    /// A new request; its answer if it was decided.
    fn request(&mut self, by: &str, ask: Ask) -> Option<Answer> {
        self.requests += 1;
        let request = request(self.requests);
        let op = Op { partition: Partition::Room(room()), by: Some(user(by)), request: Some(request), ask };
        let answer = self.all(&op);
        if matches!(answer, Answer::NotDone(_)) {
            return None;
        }
        if let Answer::Reserved(order) = &answer {
            self.orders = order.id.0;
        }
        let recorded = self.memory.keeper.tables().receipt(&room(), user(by), request).is_some();
        self.decided.push(Decided { op, answer: answer.clone(), recorded });
        Some(answer)
    }

    fn all(&mut self, op: &Op) -> Answer {
        // What a dry run says is what then happens.
        let weigh = Query::Weigh { op: Box::new(op.clone()), at: self.memory.now };
        let Reply::Weighed(weighed) = self.memory.keeper.ask(&weigh) else { panic!("{op:?}") };
        let events = self.memory.events.len();
        let answer = self.memory.decide(op.clone());
        match (weighed, self.memory.events.get(events)) {
            (Weighed::Event(told), Some(happened)) => assert_eq!(*told, happened.event),
            (Weighed::Answer(told), None) => assert_eq!(told, answer),
            (told, happened) => panic!("{told:?} was told, and {happened:?} happened"),
        }
        assert_eq!(self.durable.decide(op.clone()), answer, "{op:?}");
        assert_eq!(self.redis.decide(op.clone()), answer, "{op:?}");
        assert_eq!(self.striped.decide(op.clone()), answer, "{op:?}");
        answer
    }

    fn check(&self) {
        self.memory.audit();
        assert_eq!(self.memory.events, self.durable.events);
        assert_eq!(self.memory.events, self.redis.events);
        assert_eq!(self.memory.events, self.striped.events);
        let digest = self.memory.keeper.tables().digest();
        assert_eq!(self.durable.keeper.tables().digest(), digest);
        assert_eq!(self.redis.keeper.tables().digest(), digest);
        assert_eq!(self.striped.keeper.tables().digest(), digest);
        assert_eq!(self.memory.keeper.next_due(), self.durable.keeper.next_due());
    }

    /// An hour later everything has ended, and everything decided is what it was.
    fn end(mut self) {
        self.wait(3_600_000);
        for which in 0..self.decided.len() {
            self.again(which as u16);
        }
        for &activity in self.activities.iter().chain(&self.draws) {
            let view = self.memory.view(activity);
            assert!(view.phase < Phase::Open || view.phase.is_final(), "{view:?}");
            if view.phase.is_final() {
                assert_eq!(self.memory.balance(Account::Escrow(activity)), 0);
            }
        }
        self.check();
        self.durable.audit();
        self.redis.audit();
        self.striped.audit();
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_asked_everything_holds(
        acts in prop::collection::vec((0..29u8, any::<u16>(), any::<u16>()), 1..120),
    ) {
        let mut run = Run::new();
        run.act((0, 0, 4));
        run.act((0, 1, 5));
        for act in acts {
            run.act(act);
            run.check();
        }
        run.end();
    }
}

/// The random test reaches what it is for; otherwise it would prove little.
#[test]
fn the_random_acts_reach_every_outcome() {
    let mut run = Run::new();
    let mut number = 1u32;
    let mut next = || {
        number = number.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (number >> 16) as u16
    };
    for step in 0..4_000u16 {
        let act = ((next() % 18) as u8, next(), next());
        if act.0 != 0 || run.activities.len() < 120 {
            run.act(act);
        }
        if step % 8 == 0 {
            run.act((18, step / 8, (step / 8).wrapping_mul(31) / 4));
        }
        if step % 16 == 2 && run.activities.len() < 400 {
            let turn = step / 16;
            run.act((23, turn.wrapping_mul(40_503) >> 3, turn.wrapping_mul(30_011) >> 2));
        }
        if step % 32 == 6 {
            run.act((24, step, step / 32));
        }
        if step % 8 == 4 {
            run.act((22, step / 8, step / 16));
        }
        if step % 4 == 2 {
            let turn = step / 4;
            run.act((25, turn.wrapping_mul(40_503) >> 3, turn.wrapping_mul(30_011) >> 2));
        }
        if step % 4 == 1 {
            let turn = step / 4;
            run.act((20, turn.wrapping_mul(40_503) >> 3, turn.wrapping_mul(30_011) >> 2));
        }
        if step % 8 == 1 {
            run.act((28, step / 8, (step / 8).wrapping_mul(31) / 4));
        }
        // Always something to claim.
        if next() % 40 == 0 && run.activities.len() < 120 {
            run.act((0, next(), next()));
        }
    }
    // Somebody who is refused again and again.
    let conditions = Conditions { risk_below: Some(1), ..Conditions::default() };
    if let Some(activity) = run.hand_in(Plan { conditions, ..plan(rain(1, 7)) }, 1) {
        let (token, opening) = run.seen(activity, 0);
        for _ in 0..Tables::REFUSALS_MAX + 3 {
            run.ask("eve", Ask::Claim { activity, token, opening: opening(0) });
        }
    }
    let refused = run.memory.keeper.tables().refusals().map(|(_, count)| count).max();
    assert_eq!(refused, Some(Tables::REFUSALS_MAX));
    let words = |one: &Decided| crate::stage::say(&one.answer).replace(|c: char| c.is_ascii_digit(), "");
    let said: std::collections::BTreeSet<_> = run.decided.iter().map(words).collect();
    for want in [
        "slot :  fen",
        "slot : tea",
        "order :  fen",
        "order  released",
        "sold",
        "sold late",
        "refund due",
        "sold_out",
        "closed",
        "limit_reached /",
        "insufficient_stock /",
        "order_paid",
        "order_released",
        "win_cap /",
        "slot : ten",
        "coupon issued",
        "coupon_unusable",
        "not_open",
        "amendment ",
        "open",
        "cancelled",
        "combo : ,  left",
        "joined",
        "left",
        "fan club set",
        "voted",
        "signed up ",
        "until ",
        "lifted",
        "template saved",
        "template deleted",
        "recurrence ",
        "recurrence  rests",
        "recurrence  goes on",
        "recurrence  ended",
        "campaign ",
        "campaign  with activity ",
        "ticket ",
        "excluded",
        "prize_passed",
        "proof holds",
        "slot : code A",
        "slot :  fen, held",
        "credited",
        "forfeited",
    ] {
        assert!(said.contains(want), "never {want}: {said:?}");
    }
    // Nodes of different versions may share one log only if they come to the same: see `DECISIONS`.
    let mut sum = Sha256::new();
    run.memory.events.iter().for_each(|event| sum.update(serde_json::to_vec(event).unwrap()));
    sum.update(run.memory.keeper.tables().digest());
    let sum: String = sum.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    assert_eq!((DECISIONS, sum.as_str()), (7, "37bb04d820502bc6"), "decisions have changed: count DECISIONS up");
    run.end();
}
