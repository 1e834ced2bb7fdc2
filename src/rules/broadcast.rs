//! Broadcasts: what a room's viewers come for. Numbered per room; facts and boards belong to one.

use serde::{Deserialize, Serialize};

use super::Time;

/// One broadcast of a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Broadcast {
    /// The room's n-th, from 1.
    pub number: u32,
    /// When it began.
    pub started: Time,
    /// When it ended; not yet while it is on.
    pub ended: Option<Time>,
}

impl Broadcast {
    /// The one after `latest`, which is not on any more.
    pub fn after(latest: Option<&Self>, now: Time) -> Self {
        Self { number: latest.map_or(0, |latest| latest.number) + 1, started: now, ended: None }
    }

    /// Whether it is on.
    pub const fn is_on(&self) -> bool {
        self.ended.is_none()
    }
}
