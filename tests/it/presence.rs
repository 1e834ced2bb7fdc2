//! Watched time as the engine reports it: from presence, whatever the viewers' connections do.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use liveroom::engine::{Clock, Engine, EngineLimits, Seat, Stepper};
use liveroom::fanout::{Delivery, Mailbox, Progress};
use liveroom::gateway::WireEncoder;
use liveroom::rules::*;
use liveroom::store::{
    Answer, Ask, Bounds, CommitError, GateFacts, Keeper, MemoryKeeper, Op, Partition, PresenceAsk, Query, Recorded,
    Reply,
};

use crate::stage::{START, plan, rain, room, user};

/// A keeper that takes nothing while it is told so.
struct Moody {
    keeper: MemoryKeeper,
    away: Arc<AtomicBool>,
}

impl Keeper for Moody {
    fn commit(
        &mut self, now: Time, ops: &[Op], answers: &mut Vec<Answer>, events: &mut Vec<Recorded>,
    ) -> Result<(), CommitError> {
        if self.away.load(Ordering::Relaxed) {
            return Err(CommitError::Unavailable("away".to_owned()));
        }
        self.keeper.commit(now, ops, answers, events)
    }

    fn due(&self, now: Time, limit: usize, ops: &mut Vec<Op>) {
        self.keeper.due(now, limit, ops);
    }

    fn next_due(&self) -> Option<Time> {
        self.keeper.next_due()
    }

    fn gate(&self, activity: ActivityId) -> Option<GateFacts> {
        self.keeper.gate(activity)
    }

    fn each_user(&self, room: &liveroom::rules::RoomId, visit: &mut dyn FnMut(&UserId)) {
        self.keeper.each_user(room, visit);
    }

    fn ask(&self, query: &Query) -> Reply {
        self.keeper.ask(query)
    }

    fn latest(&self) -> Time {
        self.keeper.latest()
    }
}

struct World {
    engine: Engine,
    stepper: Stepper,
    clock: Clock,
    away: Arc<AtomicBool>,
    reports: usize,
}

impl World {
    /// A room that is on air.
    fn new() -> Self {
        let (clock, away) = (Clock::manual(START), Arc::new(AtomicBool::new(false)));
        let keeper = Moody { keeper: MemoryKeeper::new(Bounds::default()), away: Arc::clone(&away) };
        let encode = Arc::new(WireEncoder);
        let limits = EngineLimits { batch_ops: 4, ..EngineLimits::default() };
        let (engine, stepper) = Engine::stepped(Box::new(keeper), clock.clone(), encode, limits);
        let mut world = Self { engine, stepper, clock, away, reports: 0 };
        world.host(Ask::CreateRoom { host: user("host"), utc_offset_min: 0 });
        world.host(Ask::Presence(PresenceAsk::StartBroadcast));
        world
    }

    fn host(&mut self, ask: Ask) -> Answer {
        let op = Op { partition: Partition::Room(room()), by: Some(user("host")), request: None, ask };
        let mut answer = self.stepper.submit(op);
        self.stepper.turn().unwrap();
        answer.try_recv().unwrap()
    }

    fn enter(&self, who: &str) -> Seat {
        let mailbox = Arc::new(Mailbox::new(1 << 20, 64));
        self.engine.join(&room(), user(who), AccountFacts::default(), mailbox, None).unwrap().0
    }

    /// Time passes, second by second, and the arbiter takes what is due.
    fn wait_s(&mut self, seconds: u64) {
        for _ in 0..seconds {
            self.clock.advance(1_000);
            for _ in 0..4 {
                self.stepper.turn().unwrap();
                self.reports += 1;
            }
        }
    }

    fn watched_s(&self, who: &str) -> u64 {
        match self.stepper.keeper().ask(&Query::Watched { room: room(), user: user(who) }) {
            Reply::Watched { watched_ms, .. } => watched_ms / 1_000,
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn presence_is_watched_time() {
    let mut world = World::new();
    world.wait_s(3);
    let (ann, bob) = (world.enter("ann"), world.enter("bob"));
    world.wait_s(20);
    assert_eq!((world.watched_s("ann"), world.watched_s("bob")), (17, 17), "a round every five seconds");
    // A second device adds nothing; one of two that goes takes nothing away.
    let also = world.enter("ann");
    world.wait_s(10);
    world.engine.leave(&ann);
    world.wait_s(10);
    assert_eq!(world.watched_s("ann"), world.watched_s("bob"));
    // Gone: the time that is left over counts. Away: nothing does. Back: it goes on.
    world.engine.leave(&also);
    world.wait_s(10);
    assert_eq!(world.watched_s("ann"), 40);
    let back = world.enter("ann");
    world.wait_s(10);
    world.engine.leave(&back);
    world.wait_s(5);
    assert_eq!((world.watched_s("ann"), world.watched_s("bob")), (50, 62));
    // The rest of the broadcast is counted after its end, and nothing more.
    world.wait_s(2);
    world.host(Ask::Presence(PresenceAsk::EndBroadcast { broadcast: 1 }));
    world.wait_s(20);
    assert_eq!((world.watched_s("ann"), world.watched_s("bob")), (50, 67));
    drop(bob);
}

#[test]
fn what_the_store_does_not_take_is_reported_again() {
    let mut world = World::new();
    let seats: Vec<_> = (0..600).map(|n| world.enter(&format!("u{n}"))).collect();
    world.wait_s(4);
    world.away.store(true, Ordering::Relaxed);
    world.wait_s(30);
    assert_eq!(world.watched_s("u0"), 0);
    world.away.store(false, Ordering::Relaxed);
    world.wait_s(6);
    for n in 0..600 {
        assert!(world.watched_s(&format!("u{n}")) >= 34, "u{n}: {}", world.watched_s(&format!("u{n}")));
    }
    drop(seats);
}

#[test]
fn who_waits_for_it_hears_of_progress() {
    let mut world = World::new();
    let ann = world.enter("ann");
    let heard = |seat: &Seat| {
        let mut deliveries = Vec::new();
        seat.mailbox.drain(&mut deliveries);
        deliveries.into_iter().find_map(|delivery| match delivery {
            Delivery::Progress(progress) => Some(progress),
            _ => None,
        })
    };
    world.wait_s(10);
    assert_eq!(heard(&ann), None, "nobody asked");
    let conditions = Conditions { watched_s: Some(30), ..Conditions::default() };
    let topped = Ask::TopUp { currency: Currency::Fen, amount: 100 };
    let op = Op { partition: Partition::Wallet(user("host")), by: Some(user("op")), request: None, ask: topped };
    drop(world.stepper.submit(op));
    let plan = Box::new(Plan { conditions, ..plan(rain(1, 5)) });
    let Answer::Drafted(activity) = world.host(Ask::Draft { plan, seed: Seed([1; 32]) }) else { panic!() };
    for step in [Step::Schedule, Step::Open] {
        world.host(Ask::Step { activity, step });
    }
    world.wait_s(10);
    let Some(Progress { broadcast: 1, watched_ms }) = heard(&ann) else { panic!("not told") };
    assert_eq!(watched_ms / 1_000, world.watched_s("ann"));
}

/// Comments that pass and likes count for the tier, by reports that repeat when the store does not take them.
#[test]
fn talk_is_reported_and_counts() {
    let mut world = World::new();
    let seats: Vec<_> = (0..300).map(|n| world.enter(&format!("u{n}"))).collect();
    let say = |world: &World, seat: &Seat, id: u64, text: &str| {
        drop(world.engine.comment(seat, RequestId::new(id).unwrap(), text));
    };
    world.clock.advance(500);
    for (n, seat) in seats.iter().enumerate() {
        world.engine.like(seat, 20);
        say(&world, seat, 1, &format!("hello {n}"));
        // The same request, and what nobody else sees, count for nothing.
        say(&world, seat, 1, &format!("hello {n}"));
        say(&world, seat, 2, "傻逼");
    }
    world.away.store(true, Ordering::Relaxed);
    world.wait_s(10);
    world.away.store(false, Ordering::Relaxed);
    world.wait_s(10);
    let counted = |world: &World, n: usize| {
        let query = Query::Facts { room: room(), user: user(&format!("u{n}")) };
        let Reply::Facts { facts: Some(facts), .. } = world.stepper.keeper().ask(&query) else { panic!("u{n}") };
        let rules = TierRules::default();
        rules.talk_per_day_max - facts.closeness.talk_left(&rules, START.day(0))
    };
    assert!(
        (0..300).all(|n| counted(&world, n) == 2),
        "{:?}",
        (0..300).map(|n| counted(&world, n)).collect::<Vec<_>>()
    );
    (0..50).for_each(|_| world.engine.like(&seats[0], 1));
    world.host(Ask::Presence(PresenceAsk::EndBroadcast { broadcast: 1 }));
    world.engine.like(&seats[1], 1);
    world.wait_s(10);
    assert_eq!((counted(&world, 0), counted(&world, 1)), (20, 2), "so many a day, and nothing off air");
}
