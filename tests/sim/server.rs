//! The server of one life: the real engine, over the real keeper, on a disk that can fail.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use liveroom::engine::{Clock, Engine, Stepper};
use liveroom::gateway::token::{Access, Role, Rooms, TokenError};
use liveroom::gateway::{Authenticate, WireEncoder};
use liveroom::rules::{AccountFacts, ActivityId, RoomId, Time, UserId};
use liveroom::store::embedded::{Checkpointer, EventReader, Recovered};
use liveroom::store::journal::{JournalError, LogView, SimDisk};
use liveroom::store::{Answer, CommitError, EmbeddedKeeper, GateFacts, Keeper, Op, Query, Recorded, Reply, Tables};
use parking_lot::Mutex;

use crate::setup::Setup;

/// One life of the server: from a start to a crash.
pub(crate) struct Server {
    pub(crate) engine: Engine,
    pub(crate) stepper: Stepper,
    pub(crate) checkpointer: Checkpointer,
    pub(crate) reader: EventReader,
    pub(crate) log: LogView,
    pub(crate) recovered: Recovered,
    pub(crate) disk: SimDisk,
    watched: Arc<Mutex<Inside>>,
}

/// A batch that was committed.
pub(crate) struct Batch {
    pub(crate) now: Time,
    pub(crate) ops: Vec<Op>,
    pub(crate) answers: Vec<Answer>,
    pub(crate) events: Vec<Recorded>,
}

impl Server {
    /// `secured` is how far the sink has come for good: the journal keeps what follows.
    pub(crate) fn start(
        disk: SimDisk, setup: &Setup, wall: Time, secured: &Arc<AtomicU64>,
    ) -> Result<Self, JournalError> {
        let (keeper, recovered) = EmbeddedKeeper::open(Arc::new(disk.clone()), &setup.journal, setup.bounds)?;
        let log = keeper.log().clone();
        let delivered = Arc::clone(secured);
        let checkpointer = Checkpointer::new(
            Arc::new(disk.clone()),
            log.clone(),
            setup.bounds,
            Box::new(move || delivered.load(Ordering::Relaxed)),
            &recovered,
        );
        let reader = EventReader::new(log.clone());
        let watched = Arc::new(Mutex::new(Inside { keeper, batches: Vec::new() }));
        let keeper = Box::new(Watched(Arc::clone(&watched)));
        let (engine, stepper) = Engine::stepped(keeper, Clock::manual(wall), Arc::new(WireEncoder), setup.engine);
        Ok(Self { engine, stepper, checkpointer, reader, log, recovered, disk, watched })
    }

    /// The batches committed since the last look.
    pub(crate) fn batches(&self) -> Vec<Batch> {
        std::mem::take(&mut self.watched.lock().batches)
    }

    /// Looks at the live tables.
    pub(crate) fn look<T>(&self, look: impl FnOnce(&Tables) -> T) -> T {
        look(self.watched.lock().keeper.tables())
    }
}

struct Inside {
    keeper: EmbeddedKeeper,
    batches: Vec<Batch>,
}

/// The keeper, with somebody who looks over its shoulder.
struct Watched(Arc<Mutex<Inside>>);

impl Keeper for Watched {
    fn commit(
        &mut self, now: Time, ops: &[Op], answers: &mut Vec<Answer>, events: &mut Vec<Recorded>,
    ) -> Result<(), CommitError> {
        let mut inside = self.0.lock();
        let (first_answer, first_event) = (answers.len(), events.len());
        inside.keeper.commit(now, ops, answers, events)?;
        let (answers, events) = (answers[first_answer..].to_vec(), events[first_event..].to_vec());
        inside.batches.push(Batch { now, ops: ops.to_vec(), answers, events });
        Ok(())
    }

    fn due(&self, now: Time, limit: usize, ops: &mut Vec<Op>) {
        self.0.lock().keeper.due(now, limit, ops);
    }

    fn next_due(&self) -> Option<Time> {
        self.0.lock().keeper.next_due()
    }

    fn gate(&self, activity: ActivityId) -> Option<GateFacts> {
        self.0.lock().keeper.gate(activity)
    }

    fn each_user(&self, room: &RoomId, visit: &mut dyn FnMut(&UserId)) {
        self.0.lock().keeper.each_user(room, visit);
    }

    fn ask(&self, query: &Query) -> Reply {
        self.0.lock().keeper.ask(query)
    }

    fn latest(&self) -> Time {
        self.0.lock().keeper.latest()
    }
}

/// Believes whoever says `user/role`.
pub(crate) struct Credulous;

impl Authenticate for Credulous {
    fn authenticate(&self, _: Time, token: &str, _: RoomId) -> Result<Access, TokenError> {
        let refuse = || TokenError::Malformed("not of the simulation");
        let (user, role) = token.split_once('/').ok_or_else(refuse)?;
        let role = match role {
            "viewer" => Role::Viewer,
            "host" => Role::Host,
            _ => return Err(refuse()),
        };
        let user = UserId::parse(user).map_err(|_| refuse())?;
        Ok(Access { user, role, rooms: Rooms::Any, until: Time::MAX, account: AccountFacts::default() })
    }
}
