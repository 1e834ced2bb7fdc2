//! A viewer, as the server knows one.

use serde::Serialize;
use utoipa::ToSchema;

use super::conditions::TierShape;
use crate::rules::Facts;

/// What is known of a viewer in a room.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct ViewerShape {
    /// Who.
    pub user: String,
    /// When the viewer was noticed here first.
    pub first_seen_ms: i64,
    /// When the viewer was noticed here last.
    pub last_seen_ms: i64,
    /// The tier.
    pub tier: TierShape,
    /// The room's latest broadcast; 0 before the first.
    pub broadcast: u32,
    /// How long the viewer has watched it.
    pub watched_s: u64,
    /// Since when there is the account, if the access token said so.
    pub account_created_ms: Option<i64>,
    /// The account's risk, 0 to 100, if the access token said so.
    pub risk: Option<u8>,
}

impl ViewerShape {
    pub(in crate::api) fn new(user: String, facts: &Facts, broadcast: u32) -> Self {
        Self {
            user,
            first_seen_ms: facts.first_seen.ms(),
            last_seen_ms: facts.last_seen.ms(),
            tier: facts.closeness.tier.into(),
            broadcast,
            watched_s: facts.watched_ms(broadcast) / 1_000,
            account_created_ms: facts.account.created.map(crate::rules::Time::ms),
            risk: facts.account.risk,
        }
    }
}
