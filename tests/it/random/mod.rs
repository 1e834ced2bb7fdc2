//! Random operations into every keeper side by side: the same answers, the same state, and after every step
//! everything that must hold, holds. What was once decided is asked again and again. What is asked is here by family.

mod activities;
mod audience;
mod calendar;
mod claims;
mod draws;
mod experiments;
mod gifts;
mod risk;
mod talk;

use std::collections::BTreeSet;
use std::iter;

use liveroom::events::ndjson;
use liveroom::rules::*;
use liveroom::store::{
    Answer, Ask, Bounds, DECISIONS, Keeper, MemoryKeeper, Op, Partition, Query, Reply, Tables, Weighed,
};
use proptest::prelude::*;
use sha2::{Digest as _, Sha256};

use crate::redis::OnRedis;
use crate::stage::{Durable, Stage, Subject, plan, rain, request, room, say, user};

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
    /// Watch tasks and check-ins.
    goals: Vec<ActivityId>,
    /// So many experiments were named.
    experiments: u16,
    decided: Vec<Decided>,
    orders: u64,
    requests: u64,
    has_templates: bool,
}

const USERS: [&str; 4] = ["ann", "bob", "cyd", "dan"];

/// The kinds of acts: see [`Run::act`].
const ACTS: u8 = 34;

/// A few comments make an active fan of one who has no coins.
fn bounds() -> Bounds {
    let tiers = TierRules { active_points: 3, core_points: 60, ..TierRules::default() };
    Bounds { tiers, ..Bounds::default() }
}

fn pick<T: Copy>(from: &[T], by: u16) -> Option<T> {
    (!from.is_empty()).then(|| from[by as usize % from.len()])
}

impl Run {
    fn new() -> Self {
        let bounds = bounds();
        let (memory, durable) = (Stage::new(MemoryKeeper::new(bounds)), Stage::new(Durable::new(bounds)));
        let (redis, striped) = (Stage::new(OnRedis::new(bounds)), Stage::new(OnRedis::striped(bounds)));
        let mut run = Self {
            memory,
            durable,
            redis,
            striped,
            activities: Vec::new(),
            draws: Vec::new(),
            goals: Vec::new(),
            experiments: 0,
            decided: Vec::new(),
            orders: 0,
            requests: 0,
            has_templates: false,
        };
        run.enrich();
        run
    }

    fn act(&mut self, (what, a, b): Act) {
        // A room has no more at a time, and what is asked of it should come to something.
        if matches!(what, 0 | 23 | 29 | 33) && self.activities.len() >= 800 {
            return;
        }
        match what {
            0 => self.draft(a, b),
            1..=5 => self.claim(a, b),
            6..=9 => self.reserve(a, b),
            10 => self.ask(USERS[a as usize % 4], Ask::Release { order: self.an_order(b) }),
            11 => self.pay(a, b),
            12 => self.amend(a, b),
            13 => self.step(a, b),
            // Some seconds; now and then until tomorrow.
            14 => self.wait(u64::from(a) % 6_000 + if b.is_multiple_of(64) { 86_400_000 } else { 0 }),
            15 => self.again(a),
            16 => self.otherwise(a, b),
            17 => self.crash(a),
            20 | 21 => self.talk(a, b),
            22 => self.issue(a, b),
            23 => self.template(a, b),
            24 => self.campaign(a, b),
            25..=27 => self.draw(a, b),
            28 => self.risk(a, b),
            29 => self.experiment(a, b),
            30..=32 => self.presence(a, b),
            33 => self.early(a, b),
            _ if a.is_multiple_of(4) => self.fan(a / 4, b),
            _ => self.give(a / 4, b),
        }
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

    fn crash(&mut self, a: u16) {
        let bounds = bounds();
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

    /// What the server asks by itself, or for somebody who did not ask for it.
    fn unnamed(&mut self, by: Option<&str>, ask: Ask) {
        self.all(&Op { partition: Partition::Room(room()), by: by.map(user), request: None, ask });
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
        for &activity in self.activities.iter().chain(&self.draws).chain(&self.goals) {
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
        acts in prop::collection::vec((0..ACTS, any::<u16>(), any::<u16>()), 1..120),
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

/// The kinds that come at steps of their own: every so many, at which, and what.
const REGULARLY: [(u16, u16, u8); 10] = [
    (8, 0, 18),
    (16, 2, 23),
    (32, 6, 24),
    (8, 4, 22),
    (4, 2, 25),
    (4, 1, 20),
    (8, 1, 28),
    (4, 3, 30),
    (32, 10, 29),
    (64, 14, 33),
];

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
        run.act(((next() % 18) as u8, next(), next()));
        for (every, at, what) in REGULARLY {
            if step % every == at {
                run.act((what, next(), next()));
            }
        }
        // Always something to claim.
        if next() % 16 == 0 {
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
    let words = |one: &Decided| say(&one.answer).replace(|c: char| c.is_ascii_digit(), "");
    let said: BTreeSet<_> = run.decided.iter().map(words).collect();
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
        "experiment e",
        "experiment e ended",
        "not_in_arm",
        "slot : arm",
        "broadcast  on",
        "broadcast  over",
        "watched_too_little /",
        "slot : mug",
        "streak , slot :  fen",
        "streak , slot : tea",
        "checked_in_already /",
        "not_on_air",
        "early_entry_only /",
    ] {
        assert!(said.contains(want), "never {want}: {said:?}");
    }
    let happened: BTreeSet<_> = run.memory.events.iter().map(|one| ndjson::kind(&one.event)).collect();
    for want in ["watched", "talked", "tier_changed", "introduced", "step_reached", "opened_to_all"] {
        assert!(happened.contains(want), "never {want}: {happened:?}");
    }
    let tables = run.memory.keeper.tables();
    let of = |((activity, _), _): (UnitId, &Hold)| tables.activity(activity).unwrap().plan.kind.clone();
    let held: Vec<_> = tables.holds().map(of).collect();
    assert!(held.iter().any(|kind| matches!(kind, KindPlan::Rain(_))), "cash of a rain is never held");
    assert!(held.iter().any(|kind| !kind.goals().is_empty()), "cash of goals is never held");
    assert!(held.iter().any(|kind| matches!(kind, KindPlan::Draw(_))), "cash of a draw is never held");
    // Nodes of different versions may share one log only if they come to the same: see `DECISIONS`.
    let mut sum = Sha256::new();
    run.memory.events.iter().for_each(|event| sum.update(serde_json::to_vec(event).unwrap()));
    sum.update(run.memory.keeper.tables().digest());
    let sum: String = sum.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    assert_eq!((DECISIONS, sum.as_str()), (7, "a4f333a471bfc6ab"), "decisions have changed: count DECISIONS up");
    run.end();
}
