//! The live side of a room: its channel, its gates, and who is in it.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crossbeam::queue::SegQueue;
use foldhash::fast::RandomState;
use parking_lot::{Mutex, RwLock};
use tokio::sync::Notify;

use super::audience::Audience;
use super::decoys::LiveDecoys;
use super::experiments::LiveExperiments;
use super::gate::Gates;
use super::keywords::LiveKeywords;
use super::needs::LiveNeeds;
use super::order::Order;
use super::talkers::Talkers;
use crate::fanout::{Channel, Post, RoomMessage};
use crate::rules::{RoomId, Time, UserId};
use crate::store::Own;

/// A room that exists.
#[derive(Debug)]
pub struct LiveRoom {
    /// Its id.
    pub id: RoomId,
    /// Whose it is.
    pub host: UserId,
    /// What all its viewers hear.
    pub channel: Channel,
    /// What answers the hopeless.
    pub gates: Gates,
    /// Who is here.
    pub(super) audience: Mutex<Audience>,
    /// Whether it is on air: talk counts for tiers then.
    pub(super) on_air: AtomicBool,
    /// Whose talk is not reported yet.
    pub(super) talkers: Mutex<Talkers>,
    /// What its activities have to know of viewers.
    pub(super) needs: LiveNeeds,
    /// Which of its activities catch scripts.
    pub(super) decoys: LiveDecoys,
    /// Which experiments run in it.
    pub(super) experiments: LiveExperiments,
    /// Which words count in it.
    pub(super) keywords: LiveKeywords,
    /// Who is muted or banned.
    pub(super) order: Order,
    /// Hearts that came since the last tick.
    hearts: AtomicU64,
    has_news: AtomicBool,
    crowd_changed: AtomicBool,
}

impl LiveRoom {
    pub(super) fn new(id: RoomId, host: UserId, channel: Channel) -> Self {
        Self {
            id,
            host,
            channel,
            gates: Gates::default(),
            audience: Mutex::default(),
            on_air: AtomicBool::new(false),
            talkers: Mutex::default(),
            needs: LiveNeeds::default(),
            decoys: LiveDecoys::default(),
            experiments: LiveExperiments::default(),
            keywords: LiveKeywords::default(),
            order: Order::default(),
            hearts: AtomicU64::new(0),
            has_news: AtomicBool::new(false),
            crowd_changed: AtomicBool::new(false),
        }
    }

    /// A comment passed, or a like came.
    pub(super) fn note_talk(&self, user: UserId, at: Time) {
        if self.on_air.load(Ordering::Relaxed) {
            self.talkers.lock().note(user, at);
        }
    }

    /// Hearts for the next tick.
    pub(super) fn add_hearts(&self, hearts: u32) {
        self.hearts.fetch_add(u64::from(hearts), Ordering::Relaxed);
    }

    /// The sum of hearts, for this tick; `false` when that is full, and the sum waits for the next.
    pub(super) fn publish_hearts(&self) -> bool {
        let hearts = self.hearts.swap(0, Ordering::Relaxed);
        let published = hearts == 0 || self.channel.publish_talk(RoomMessage::Likes(hearts));
        if !published {
            self.hearts.fetch_add(hearts, Ordering::Relaxed);
        }
        published
    }

    /// Puts something into every mailbox of a user.
    pub(super) fn post(&self, user: &UserId, post: &Post) {
        self.audience.lock().post(user, post);
    }

    /// Tells a user of something that is the user's own.
    pub(super) fn post_own(&self, user: &UserId, own: Own) {
        self.post(user, &Post::Own(Box::new(own)));
    }
}

type Shard = HashMap<RoomId, Arc<LiveRoom>, RandomState>;

/// All rooms. Sharded, so that rooms do not wait for each other.
#[derive(Debug)]
pub(super) struct Rooms {
    shards: Box<[RwLock<Shard>]>,
    hasher: RandomState,
    /// Rooms that have something for their next tick.
    pub(super) news: SegQueue<Arc<LiveRoom>>,
    pub(super) news_came: Notify,
    /// Rooms whose number of viewers has changed.
    pub(super) crowds: SegQueue<Arc<LiveRoom>>,
}

impl Default for Rooms {
    fn default() -> Self {
        Self {
            shards: (0..64).map(|_| RwLock::default()).collect(),
            hasher: RandomState::default(),
            news: SegQueue::new(),
            news_came: Notify::new(),
            crowds: SegQueue::new(),
        }
    }
}

impl Rooms {
    pub(super) fn get(&self, id: &RoomId) -> Option<Arc<LiveRoom>> {
        self.shard(id).read().get(id).cloned()
    }

    pub(super) fn insert(&self, room: Arc<LiveRoom>) {
        self.shard(&room.id).write().insert(room.id, room);
    }

    pub(super) fn for_each(&self, mut visit: impl FnMut(&Arc<LiveRoom>)) {
        self.shards.iter().for_each(|shard| shard.read().values().for_each(&mut visit));
    }

    /// The room's channel has something for the next tick.
    pub(super) fn has_news(&self, room: &Arc<LiveRoom>) {
        if !room.has_news.swap(true, Ordering::AcqRel) {
            self.news.push(Arc::clone(room));
            self.news_came.notify_one();
        }
    }

    /// The next rooms with news; what comes from now on is news again.
    pub(super) fn take_news(&self) -> impl Iterator<Item = Arc<LiveRoom>> {
        // As many as there are now: rooms that get news meanwhile wait for the next tick.
        (0..self.news.len())
            .map_while(|_| self.news.pop())
            .inspect(|room| room.has_news.store(false, Ordering::Release))
    }

    pub(super) fn crowd_changed(&self, room: &Arc<LiveRoom>) {
        if !room.crowd_changed.swap(true, Ordering::AcqRel) {
            self.crowds.push(Arc::clone(room));
            self.news_came.notify_one();
        }
    }

    pub(super) fn take_crowds(&self) -> impl Iterator<Item = Arc<LiveRoom>> {
        let rooms = (0..self.crowds.len()).map_while(|_| self.crowds.pop());
        rooms.inspect(|room| room.crowd_changed.store(false, Ordering::Release))
    }

    fn shard(&self, id: &RoomId) -> &RwLock<Shard> {
        use std::hash::BuildHasher;
        &self.shards[self.hasher.hash_one(id) as usize % self.shards.len()]
    }
}
