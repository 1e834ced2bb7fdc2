//! The world: one server, its disk, viewers, hosts, the network between them, and what goes wrong.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use liveroom::rules::{RoomId, Time, UserId};
use liveroom::store::journal::{Fault, SimDisk};

use crate::caller::Caller;
use crate::chance::Chance;
use crate::network::Link;
use crate::referee::Referee;
use crate::server::Server;
use crate::setup::Setup;
use crate::tally::{Tally, Trace};
use crate::viewer::Viewer;
use crate::{hosts, operator, presses};

/// Steps between two full audits.
const AUDIT_EVERY: u64 = 20;

pub(crate) struct World {
    pub(crate) chance: Chance,
    pub(crate) setup: Setup,
    pub(crate) tally: Tally,
    pub(crate) trace: Trace,
    pub(crate) referee: Referee,
    pub(crate) server: Option<Server>,
    pub(crate) links: BTreeMap<u64, Link>,
    pub(crate) viewers: Vec<Viewer>,
    pub(crate) hosts: Vec<(Caller, RoomId)>,
    pub(crate) provider: Caller,
    pub(crate) operator: Caller,
    /// Milliseconds since the beginning, for everybody but the server.
    pub(crate) now: u64,
    started: Instant,
    /// What the server's machine thinks the time is.
    wall: i64,
    /// What a start finds, while the server is down.
    disk_left: Option<SimDisk>,
    restart_at: u64,
    pub(crate) next_link: u64,
    /// How far the sink has come, and how far for good.
    delivered: u64,
    secured: Arc<AtomicU64>,
    /// Whether something may still go wrong.
    pub(crate) troubled: bool,
    disk_is_full: bool,
}

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        let mut chance = Chance::new(seed);
        let setup = Setup::draw(&mut chance);
        let started = Instant::now();
        let room = |n| RoomId::parse(&format!("room-{n}")).expect("a plain word");
        let user = |word: &str, n| UserId::parse(&format!("{word}-{n}")).expect("a plain word");
        let hosts: Vec<_> = (0..setup.rooms).map(|n| (Caller::new(user("host", n)), room(n))).collect();
        let mut viewers = Vec::new();
        for n in 0..setup.viewers {
            let at = room(chance.below(setup.rooms));
            // Some people watch on two devices, some hosts watch themselves.
            let (user, is_host) = match n {
                0 => (user("host", 0), true),
                1 | 2 => (user("viewer", 1), false),
                n => (user("viewer", n), false),
            };
            viewers.push(Viewer::new(user, at, is_host, started, chance.id()));
        }
        let mut world = Self {
            referee: Referee::new(setup.bounds),
            server: None,
            links: BTreeMap::new(),
            viewers,
            hosts,
            provider: Caller::new(user("payments", 0)),
            operator: Caller::new(user("operator", 0)),
            now: 0,
            started,
            wall: 1_800_000_000_000 + chance.below(86_400_000) as i64,
            disk_left: Some(SimDisk::default()),
            restart_at: 0,
            next_link: 0,
            delivered: 0,
            secured: Arc::default(),
            troubled: true,
            disk_is_full: false,
            tally: Tally::default(),
            trace: Trace::default(),
            chance,
            setup,
        };
        world.start();
        world.create_rooms();
        world
    }

    /// Everything between the beginning and the end.
    pub(crate) fn run(&mut self) {
        for step in 0..self.setup.steps {
            let pace = self.chance.one_of(&[1, 5, 20, 20, 50, 50, 300]);
            self.pass(pace);
            self.step();
            if step % AUDIT_EVERY == 0
                && let Some(server) = &self.server
            {
                self.referee.check(server);
            }
        }
        self.settle();
        self.tally.add("steps", self.setup.steps);
        self.tally.add("clock_ms", self.now);
    }

    /// Time passes for everybody.
    pub(crate) fn pass(&mut self, ms: u64) {
        self.now += ms;
        self.wall += ms as i64;
        if let Some(server) = &self.server {
            server.engine.clock().advance(ms);
        }
    }

    /// Everybody gets a turn; who acts at all is chance.
    pub(crate) fn step(&mut self) {
        if self.server.is_none() && self.restart_at <= self.now {
            self.start();
        }
        if self.troubled {
            self.trouble();
            self.press();
            self.call();
        }
        self.carry();
        self.listen();
        if self.chance.percent(70) || !self.troubled {
            self.commit();
        }
        if let Some(server) = &self.server
            && self.chance.percent(50)
        {
            server.stepper.tick();
            if self.chance.percent(20) {
                self.compare_openings();
            }
        }
        self.relay();
    }

    pub(crate) fn instant(&self) -> Instant {
        self.started + Duration::from_millis(self.now)
    }

    // ---- the server ----

    fn start(&mut self) {
        let Some(disk) = self.disk_left.take() else { return };
        if self.disk_is_full {
            disk.set_capacity_bytes(0);
        }
        let mut server = Server::start(disk, &self.setup, Time::from_ms(self.wall), &self.secured)
            .expect("a crash leaves nothing that a start can't go on from");
        if server.recovered.snapshot > 0 {
            self.tally.count("recovered.from_snapshot");
        }
        if server.recovered.journal.torn.is_some() {
            self.tally.count("recovered.torn_tail");
        }
        self.referee.see_recovery(&mut server, &mut self.tally, &mut self.trace);
        self.server = Some(server);
    }

    /// The server is gone between one step and the next.
    pub(crate) fn crash(&mut self, power_loss: bool) {
        let Some(server) = self.server.take() else { return };
        self.tally.count(if power_loss { "fault.power_loss" } else { "fault.kill" });
        self.trace.note("crash", self.now);
        let disk = if power_loss { server.disk.crash(self.chance.source()) } else { server.disk.kill() };
        self.disk_left = Some(disk);
        self.restart_at = self.now + self.chance.below(600);
        for link in self.links.values_mut().filter(|link| link.door.is_some()) {
            link.door = None;
            link.break_off(self.now, &mut self.chance);
        }
        drop(server);
        // What the sink had not made safe comes again.
        self.delivered = self.secured.load(Ordering::Relaxed);
        match self.chance.below(if self.troubled { 6 } else { 1 }) {
            1 => {
                self.tally.count("fault.clock_forward");
                self.wall += self.chance.below(3_600_000) as i64;
            }
            2 => {
                self.tally.count("fault.clock_back");
                self.wall -= self.chance.below(3_600_000) as i64;
            }
            _ => {}
        }
    }

    /// A few turns of the arbiter. A store that can't go on ends the server.
    fn commit(&mut self) {
        let Some(server) = &mut self.server else { return };
        let mut turns = if self.troubled { 1 + self.chance.below(12) } else { 100 };
        let mut done = server.stepper.turn();
        while done.is_ok() && turns > 0 && !server.stepper.is_idle() {
            turns -= 1;
            done = server.stepper.turn();
        }
        for batch in server.batches() {
            self.referee.see(&batch, &mut self.tally, &mut self.trace);
        }
        if done.is_err() {
            self.tally.count("fault.store_failed");
            let power_loss = self.chance.percent(50);
            self.crash(power_loss);
        }
    }

    /// The sink takes events, and the checkpointer makes snapshots.
    fn relay(&mut self) {
        let Some(server) = &mut self.server else { return };
        if self.chance.percent(self.setup.sink_busy) {
            let mut events = Vec::new();
            let most = 1 + self.chance.below(50) as usize;
            server.reader.read(self.delivered, most, &mut events).expect("what is not delivered is kept");
            for recorded in &events {
                assert_eq!(recorded.no, self.delivered + 1, "the sink misses nothing");
                assert_eq!(Some(recorded), self.referee.event(recorded.no), "the sink gets what the log holds");
                self.delivered = recorded.no;
            }
            self.tally.add("sink.delivered", events.len() as u64);
            if self.chance.percent(50) {
                self.secured.store(self.delivered, Ordering::Relaxed);
            }
        }
        if self.chance.percent(6) {
            let first = server.log.first_seq();
            match server.checkpointer.run(1) {
                Ok(made) => self.tally.add("snapshots", u64::from(made)),
                Err(error) => assert!(self.disk_is_full, "a checkpoint failed: {error}"),
            }
            self.tally.add("journal.trimmed", u64::from(server.log.first_seq() > first));
        }
    }

    // ---- what goes wrong ----

    fn trouble(&mut self) {
        if self.chance.rarely(self.setup.crashes) {
            let power_loss = self.chance.percent(50);
            self.crash(power_loss);
        }
        if self.chance.rarely(self.setup.disk_faults)
            && let Some(server) = &self.server
        {
            let faults = [
                (Fault::ShortWrite, "fault.short_write"),
                (Fault::WriteFull, "fault.write_full"),
                (Fault::WriteFails, "fault.write_fails"),
                (Fault::SyncFails, "fault.sync_fails"),
            ];
            let (fault, name) = self.chance.one_of(&faults);
            self.tally.count(name);
            server.disk.inject(fault, self.chance.between(1, 4));
        }
        let changes = if self.disk_is_full { self.setup.disk_frees } else { self.setup.disk_fills };
        if self.chance.rarely(changes) {
            self.tally.count(if self.disk_is_full { "fault.disk_has_room" } else { "fault.disk_full" });
            self.fill_disk(!self.disk_is_full);
        }
        let mut links: Vec<_> = self.links.values_mut().filter(|link| link.held).collect();
        let one = self.chance.below(links.len() as u64) as usize;
        let Some(link) = links.get_mut(one) else { return };
        if self.chance.rarely(self.setup.cuts) {
            self.tally.count("fault.connection_lost");
            link.break_off(self.now, &mut self.chance);
        }
        if self.chance.rarely(self.setup.stalls) {
            self.tally.count("fault.slow_reader");
            link.stalled_until = self.now + self.chance.below(3_000);
        }
    }

    /// Nothing goes wrong any more.
    pub(crate) fn heal(&mut self) {
        self.troubled = false;
        self.setup.delay_ms_max = 1;
        self.links.values_mut().for_each(|link| link.stalled_until = 0);
        self.disk_is_full = false;
        self.fill_disk(false);
    }

    fn fill_disk(&mut self, full: bool) {
        // Before the first start there is nothing that could be full.
        let Some(server) = &self.server else { return };
        self.disk_is_full = full;
        server.disk.set_capacity_bytes(if full { 0 } else { u64::MAX });
    }

    // ---- who asks ----

    fn create_rooms(&mut self) {
        let server = self.server.as_ref().expect("it was just started");
        for (host, room) in &mut self.hosts {
            host.ask(&server.stepper, hosts::create_room(host.user, *room, &mut self.chance));
        }
    }

    fn press(&mut self) {
        let instant = self.instant();
        let others: Vec<u64> = self.viewers.iter().flat_map(|viewer| viewer.orders.keys().copied()).collect();
        for n in 0..self.viewers.len() {
            let viewer = &mut self.viewers[n];
            if !self.chance.percent(self.setup.viewer_busy) || viewer.is_waiting() {
                continue;
            }
            let chance = &mut self.chance;
            if chance.percent(15) {
                let known: Vec<u64> = viewer.asked.keys().copied().collect();
                if let Some(id) = chance.pick(&known) {
                    viewer.repeat(instant, *id);
                }
            } else if chance.percent(self.setup.mischief) {
                let others = if others.is_empty() { &[1][..] } else { &others[..] };
                if let Some(body) = presses::crooked(viewer, others, chance) {
                    viewer.ask(instant, chance.id(), body, true);
                }
                if chance.percent(25) && viewer.is_live() {
                    let bytes = presses::mischief(viewer, chance);
                    let at = self.now + chance.below(self.setup.delay_ms_max);
                    if let Some(link) = viewer.link.and_then(|link| self.links.get_mut(&link)) {
                        // Between two frames of the client's own.
                        link.up.push(self.now, viewer.outgoing());
                        link.up.push(at, bytes);
                    }
                }
            } else if let Some(body) = presses::honest(viewer, chance) {
                viewer.ask(instant, chance.id(), body, true);
            }
            if viewer.is_host && chance.percent(30) && viewer.is_live() {
                let text = "welcome, everybody".to_owned();
                let announce =
                    liveroom_protocol::wire::client_frame::Body::Announce(liveroom_protocol::wire::Announce { text });
                viewer.ask(instant, chance.id(), announce, true);
            }
        }
    }

    fn call(&mut self) {
        let Some(server) = &self.server else { return };
        let chance = &mut self.chance;
        for (host, room) in &mut self.hosts {
            if !chance.percent(self.setup.host_busy) {
                continue;
            }
            let op = if chance.percent(10) {
                let before = chance.pick(&host.done).cloned();
                if chance.percent(30) { before.and_then(hosts::changed) } else { before }
            } else {
                let now = server.engine.clock().now();
                server.look(|tables| hosts::host(host.user, *room, now, tables, chance))
            };
            if let Some(op) = op {
                host.ask(&server.stepper, op);
            }
        }
        if chance.percent(15) {
            let op = if chance.percent(20) {
                chance.pick(&self.provider.done).cloned()
            } else {
                server.look(|tables| hosts::payment(self.provider.user, tables, chance))
            };
            if let Some(op) = op {
                self.provider.ask(&server.stepper, op);
            }
        }
        if chance.percent(15) {
            let viewers: Vec<_> = self.viewers.iter().map(|viewer| viewer.user).collect();
            let (by, now) = (self.operator.user, server.engine.clock().now());
            if let Some(op) = server.look(|tables| operator::operator(by, &viewers, now, tables, chance)) {
                self.operator.ask(&server.stepper, op);
            }
        }
    }

    fn listen(&mut self) {
        let others = [&mut self.provider, &mut self.operator];
        let callers = self.hosts.iter_mut().map(|(host, _)| host).chain(others);
        for caller in callers {
            caller.listen(&mut self.tally);
            if let Some(server) = &self.server {
                caller.ask_again(&server.stepper, &mut self.chance);
            }
        }
    }
}
