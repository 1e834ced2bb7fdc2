//! Rooms and what was done in them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::BroadcastShape;

/// A new room.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct NewRoom {
    /// Whose it is; the caller if not named. Only operators name somebody else.
    pub host: Option<String>,
    /// The room's time zone, minutes east of Greenwich.
    #[serde(default)]
    pub utc_offset_min: i32,
}

/// A room.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct RoomShape {
    /// Its id.
    pub room: String,
    /// Whose it is.
    pub host: String,
    /// Viewers now.
    pub online: u32,
    /// The latest broadcast, whether it is on or over.
    pub broadcast: Option<BroadcastShape>,
}

/// Something that a host or an operator did.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct ActionShape {
    /// The event's number.
    pub event: u64,
    /// When.
    pub at_ms: i64,
    /// Who.
    pub by: String,
    /// What.
    pub action: String,
    /// To which activity.
    pub activity: Option<u64>,
}
