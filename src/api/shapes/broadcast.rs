//! Broadcasts.

use serde::Serialize;
use utoipa::ToSchema;

/// A broadcast of a room.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct BroadcastShape {
    /// The room's n-th, from 1.
    pub broadcast: u32,
    /// Whether it is on; otherwise it is over.
    pub on: bool,
}
