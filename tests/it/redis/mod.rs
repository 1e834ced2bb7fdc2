//! The keeper that several nodes share, on real servers.

mod acl;
mod cluster;
mod faults;
mod healing;
mod nodes;
mod sentinel;
mod served;
mod server;
mod steward;
mod stripes;
mod talk;
mod three;

use liveroom::rules::{ActivityId, Time, UserId};
use liveroom::store::redis::RedisOptions;
use liveroom::store::*;

use crate::stage::Subject;
pub use server::{RedisCluster, RedisServer, shared, shared_cluster};

/// A node's keeper on the server of all tests, over a log of its own.
pub struct OnRedis {
    options: RedisOptions,
    bounds: Bounds,
    keeper: RedisKeeper,
}

impl OnRedis {
    pub fn new(bounds: Bounds) -> Self {
        Self::join(shared().options(), bounds)
    }

    /// On the cluster of all tests, over a log with a stripe on each primary.
    pub fn striped(bounds: Bounds) -> Self {
        Self::join(RedisOptions { stripes: 3, ..shared_cluster().options() }, bounds)
    }

    /// One more node of the same log.
    pub fn join(options: RedisOptions, bounds: Bounds) -> Self {
        let keeper = RedisKeeper::open(&options, bounds).unwrap();
        Self { options, bounds, keeper }
    }

    /// Why there can be no node with these.
    pub fn refused(options: &RedisOptions) -> String {
        RedisKeeper::open(options, Bounds::default()).unwrap_err().to_string()
    }

    pub fn options(&self) -> &RedisOptions {
        &self.options
    }

    pub fn node(&self) -> &str {
        self.keeper.node()
    }

    pub fn position(&self) -> u64 {
        self.keeper.position()
    }

    /// Whether a batch of nothing is taken.
    pub fn takes_decisions(&mut self) -> bool {
        self.keeper.commit(Time::from_ms(0), &[], &mut Vec::new(), &mut Vec::new()).is_ok()
    }

    /// It is killed: it says nothing any more, not even that.
    pub fn die(self) {
        std::mem::forget(self);
    }

    /// The node is killed, and starts again.
    pub fn restarted(self) -> Self {
        Self::join(self.options, self.bounds)
    }
}

impl Subject for OnRedis {
    fn tables(&self) -> &Tables {
        self.keeper.tables()
    }

    fn recovered(&self) -> Option<Tables> {
        let other = RedisKeeper::open(&self.options, self.bounds).unwrap();
        Some(other.tables().clone())
    }
}

impl Keeper for OnRedis {
    fn commit(
        &mut self, now: Time, ops: &[Op], answers: &mut Vec<Answer>, events: &mut Vec<Recorded>,
    ) -> Result<(), CommitError> {
        self.keeper.commit(now, ops, answers, events)
    }

    fn follow(&mut self, events: &mut Vec<Recorded>) -> Result<(), CommitError> {
        self.keeper.follow(events)
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
