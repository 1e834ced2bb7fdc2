//! Polls, enrolments and sanctions.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::rules::{EnrolmentPlan, PollPlan, Sanction, Time, UserId};

/// A poll, or a wish list.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct NewPoll {
    /// 2 to 30 options of 1 to 60 bytes.
    pub options: Vec<String>,
    /// How many different options one ballot may name; 1 if not said.
    #[serde(default = "super::one_u32")]
    pub votes_per_user: u32,
    /// Whether a later ballot takes the place of the one before, up to 20 times.
    #[serde(default)]
    pub changeable: bool,
    /// How long it stays open, 1 s to 7 days.
    pub duration_ms: u64,
}

/// An enrolment: at its close the higher tiers have a place first, then those who signed up earlier.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct NewEnrolment {
    /// How many places there are, 1 to 1,000.
    pub places: u32,
    /// How long it stays open, 1 s to 7 days.
    pub duration_ms: u64,
}

/// How a poll stands.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct TallyShape {
    /// How many users have voted.
    pub voters: u32,
    /// Votes for each option, in their order.
    pub votes: Vec<u32>,
}

/// How an enrolment stands.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct EnrolmentShape {
    /// How many have signed up.
    pub signed_up: u32,
    /// Who has a place, once it has ended.
    pub admitted: Option<Vec<String>>,
}

/// A sanction to impose.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct NewSanction {
    /// For how long: 1 s to 3,650 days.
    pub for_ms: u64,
}

/// Somebody who is muted or banned.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct SanctionShape {
    /// Who.
    pub user: String,
    /// `mute` or `ban`.
    pub sanction: &'static str,
    /// Until when.
    pub until_ms: i64,
}

impl NewPoll {
    pub(in crate::api) fn plan(self) -> PollPlan {
        let Self { options, votes_per_user, changeable, duration_ms } = self;
        PollPlan { options, votes_per_user, changeable, duration_ms }
    }
}

impl NewEnrolment {
    pub(in crate::api) fn plan(self) -> EnrolmentPlan {
        EnrolmentPlan { places: self.places, duration_ms: self.duration_ms }
    }
}

impl SanctionShape {
    pub(in crate::api) fn of(user: UserId, sanction: Sanction, until: Time) -> Self {
        Self { user: user.to_string(), sanction: sanction.word(), until_ms: until.ms() }
    }
}
