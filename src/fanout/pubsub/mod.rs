//! A broker over Redis' sharded pub/sub: a channel for each room, which a node hears while it has viewers there.
//!
//! What is sent is in `envelope`, who else has viewers is counted in `census`, and `carrier` is the task that owns the
//! connection. Only talk and counts go this way, so all of it may be lost: what does not fit is dropped and counted, and a
//! connection that breaks is made anew.

mod carrier;
mod census;
mod envelope;
mod line;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use foldhash::fast::RandomState;
use parking_lot::Mutex;
use tokio::sync::{Notify, mpsc, oneshot};

use super::{Broker, Heard, Talk};
use crate::rules::RoomId;
use crate::store::redis::RedisOptions;

use carrier::Carrier;

/// Ticks of talk that may wait to be sent; more are dropped.
const WAITING_MAX: usize = 1_024;

/// How long a goodbye to the other nodes may take.
const FAREWELL: Duration = Duration::from_millis(500);

/// Carries rooms' talk over Redis.
#[derive(Debug)]
pub struct PubSub {
    shared: Arc<Shared>,
    talk: mpsc::Sender<(RoomId, Talk)>,
}

/// Ends what [`PubSub::start`] began.
#[derive(Debug)]
pub struct Running {
    stop: oneshot::Sender<()>,
    ended: oneshot::Receiver<()>,
}

/// What goes between nodes, counted.
#[derive(Debug, Default)]
pub struct Traffic {
    /// Messages sent to other nodes.
    pub sent: AtomicU64,
    /// Messages heard from other nodes.
    pub heard: AtomicU64,
    /// Messages that were lost on their way out, for there were too many or nobody to take them.
    pub dropped: AtomicU64,
    /// Envelopes that were lost on their way in.
    pub missed: AtomicU64,
    /// Other nodes that have viewers in a room with viewers here, now.
    pub nodes: AtomicU64,
    /// Connections made.
    pub connections: AtomicU64,
}

impl Traffic {
    fn add(counter: &AtomicU64, n: u64) {
        counter.fetch_add(n, Ordering::Relaxed);
    }
}

#[derive(Debug, Default)]
struct Shared {
    here: Mutex<Here>,
    /// There are rooms in [`Here::changed`].
    news: Notify,
    traffic: Arc<Traffic>,
}

/// The rooms with viewers here. It is state and no queue: a change is never lost, and no room waits twice, however long
/// nobody looks.
#[derive(Debug, Default)]
struct Here {
    viewers: HashMap<RoomId, u32, RandomState>,
    changed: BTreeSet<RoomId>,
}

impl PubSub {
    /// Starts the task, which hands what it hears to `hear`. `node` tells this node from the others.
    pub fn start(
        options: RedisOptions, node: String, hear: impl Fn(&RoomId, Heard) + Send + 'static,
    ) -> (Arc<Self>, Running) {
        let shared = Arc::<Shared>::default();
        let (talk, waiting) = mpsc::channel(WAITING_MAX);
        let (stop, stopped) = oneshot::channel();
        let (end, ended) = oneshot::channel();
        let carrier = Carrier::new(options, node, Arc::clone(&shared), waiting, Box::new(hear));
        tokio::spawn(async move {
            carrier.run(stopped).await;
            // Nobody may be waiting for it.
            let _ = end.send(());
        });
        (Arc::new(Self { shared, talk }), Running { stop, ended })
    }

    /// What goes between the nodes, counted.
    pub fn traffic(&self) -> &Arc<Traffic> {
        &self.shared.traffic
    }
}

impl Running {
    /// Tells the other nodes that nobody is here any more, and ends the task. Blocks.
    pub fn stop(self) {
        // A task that has ended already has nothing to say.
        let _ = self.stop.send(());
        let _ = self.ended.blocking_recv();
    }
}

impl Broker for PubSub {
    fn publish(&self, room: RoomId, talk: Talk) {
        let messages = u64::from(talk.messages);
        if self.talk.try_send((room, talk)).is_err() {
            Traffic::add(&self.shared.traffic.dropped, messages);
        }
    }

    fn online(&self, room: RoomId, viewers: u32) {
        let mut here = self.shared.here.lock();
        let before = match viewers {
            0 => here.viewers.remove(&room).unwrap_or(0),
            _ => here.viewers.insert(room, viewers).unwrap_or(0),
        };
        if before == viewers {
            return;
        }
        here.changed.insert(room);
        drop(here);
        self.shared.news.notify_one();
    }
}
