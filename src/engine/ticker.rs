//! Sends each room's news out, at most once a tick.

use std::sync::Arc;

use tokio::time::{Instant, sleep_until};

use super::Shared;
use crate::fanout::Talk;

/// So many viewers get their frames before others have a turn: their sessions then find everything still in the cache, and
/// other rooms do not wait for a crowd.
const VIEWERS_AT_ONCE: usize = 16;

/// Runs until it is aborted. Sleeps while no room has news.
pub(super) async fn run(shared: Arc<Shared>) {
    let limits = &shared.limits;
    let mut next_tick = Instant::now();
    let mut next_crowds = Instant::now();
    loop {
        if shared.rooms.news.is_empty() {
            if shared.rooms.crowds.is_empty() {
                shared.rooms.news_came.notified().await;
            } else if Instant::now() < next_crowds {
                tokio::select! {
                    () = shared.rooms.news_came.notified() => {}
                    () = sleep_until(next_crowds) => {}
                }
            }
        }
        // News of one tick travel in one frame: the cost grows with viewers × ticks, not with viewers × messages.
        sleep_until(next_tick).await;
        let now = Instant::now();
        next_tick = now + limits.tick;
        if now >= next_crowds && !shared.rooms.crowds.is_empty() {
            next_crowds = now + limits.online_every;
            for room in shared.rooms.take_crowds() {
                if let Some(broker) = shared.broker.get() {
                    broker.online(room.id, room.channel.online_here());
                }
                if room.channel.publish_online() {
                    shared.rooms.has_news(&room);
                }
            }
        }
        for room in shared.rooms.take_news() {
            if !room.publish_hearts() {
                shared.rooms.has_news(&room);
            }
            let flushed = room.channel.flush(shared.clock.now(), shared.encode.as_ref());
            if let Some(broker) = shared.broker.get()
                && !flushed.said.is_empty()
            {
                let events = shared.encode.talk(&flushed.said);
                broker.publish(room.id, Talk { messages: flushed.said.len() as u32, events });
            }
            shared.counters.frames.add((flushed.frames.len() * flushed.viewers.len()) as u64);
            for viewers in flushed.viewers.chunks(VIEWERS_AT_ONCE) {
                viewers.iter().for_each(|viewer| flushed.deliver(viewer));
                tokio::task::yield_now().await;
            }
        }
    }
}
