//! What one seed plays with: sizes, limits and how often things go wrong. Each seed draws its own, so that narrow limits
//! meet many faults in some and none in others.

use std::time::Duration;

use liveroom::engine::EngineLimits;
use liveroom::fanout::ChannelLimits;
use liveroom::gateway::{Rate, Rates, SessionLimits};
use liveroom::store::Bounds;
use liveroom::store::journal::Options;

use crate::chance::Chance;

pub(crate) struct Setup {
    pub(crate) steps: u64,
    pub(crate) rooms: u64,
    pub(crate) viewers: u64,
    pub(crate) engine: EngineLimits,
    pub(crate) session: SessionLimits,
    pub(crate) journal: Options,
    pub(crate) bounds: Bounds,
    /// How busy viewers and hosts are, percent of steps.
    pub(crate) viewer_busy: u64,
    pub(crate) host_busy: u64,
    /// Percent of requests that nobody honest sends.
    pub(crate) mischief: u64,
    /// In ten thousand steps.
    pub(crate) crashes: u64,
    pub(crate) disk_faults: u64,
    pub(crate) disk_fills: u64,
    pub(crate) disk_frees: u64,
    pub(crate) cuts: u64,
    pub(crate) stalls: u64,
    pub(crate) delay_ms_max: u64,
    /// How often the sink takes something, percent of steps.
    pub(crate) sink_busy: u64,
}

impl Setup {
    pub(crate) fn draw(chance: &mut Chance) -> Self {
        let channel = ChannelLimits {
            history_frames: chance.one_of(&[2, 16, 256]),
            history_bytes: 64 * 1024,
            talk_per_tick: chance.one_of(&[1, 256]),
        };
        let engine = EngineLimits {
            queue_ops: chance.one_of(&[4, 64, 4096]),
            batch_ops: chance.one_of(&[1, 1, 2, 4, 16]),
            counts_every: Duration::from_millis(200),
            channel,
            ..EngineLimits::default()
        };
        let in_flight_max = chance.one_of(&[2, 8, 32]);
        let rate = Rate { per_second: chance.one_of(&[20, 1_000]), burst: chance.one_of(&[4, 60, 1_000]) };
        let session = SessionLimits {
            in_flight_max,
            rates: Rates::all(rate),
            mailbox_bytes_max: chance.one_of(&[600, 2 * 1024, 256 * 1024]),
            posts_max: in_flight_max + 64,
            frame_bytes_max: 8 * 1024,
            hello_timeout_ms: 10_000,
            pending_after_ms: 1_000,
        };
        let journal = Options {
            // Small, so that logs have many segments; but a commit has to fit into one: 64 timers, of which each room's
            // recurrence may have two with large events, and a full batch of the operations with the largest. A keeper
            // that has no room for a batch takes nothing of it.
            segment_bytes: (48 + 7 * engine.batch_ops as u64) * 1024,
            record_bytes_max: 8 * 1024,
            epoch: chance.id(),
            background: false,
        };
        // An activity must outlive the holds of its orders; and a day, where wins of a day are counted.
        let kept_long = chance.percent(30);
        let retention_ms = if kept_long { 86_400_000 } else { chance.between(8_000, 60_000) };
        let activities_per_room_max = if kept_long { 60 } else { chance.one_of(&[4, 12]) };
        let bounds = Bounds {
            rooms_max: chance.one_of(&[2, 3, 3, 3]),
            activities_per_room_max,
            retention_ms,
            ..Bounds::default()
        };
        Self {
            // Some runs are long: their logs are cut off at the front.
            steps: chance.between(250, 700) * chance.one_of(&[1, 1, 1, 1, 1, 1, 1, 5]),
            rooms: chance.between(1, 3),
            viewers: chance.between(4, 14),
            engine,
            session,
            journal,
            bounds,
            viewer_busy: chance.between(10, 60),
            host_busy: chance.between(10, 50),
            mischief: chance.one_of(&[0, 10, 40]),
            crashes: chance.one_of(&[0, 40, 200]),
            disk_faults: chance.one_of(&[0, 50, 200]),
            disk_fills: chance.one_of(&[0, 20, 100]),
            disk_frees: chance.one_of(&[5, 50, 200]),
            cuts: chance.one_of(&[0, 50, 300]),
            stalls: chance.one_of(&[0, 50, 200]),
            delay_ms_max: chance.one_of(&[1, 40, 400]),
            sink_busy: chance.one_of(&[1, 10, 30]),
        }
    }
}
