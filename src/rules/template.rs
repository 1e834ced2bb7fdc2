//! Templates: activities saved to be had again, by hand or by a recurrence.

use serde::{Deserialize, Serialize};

use super::activity::PlanError;
use super::{ActivityId, ActivityTemplateId, DrawLevel, DrawPlan, KindPlan, Occurrence, Plan, Recurrence, Seed, Time};

/// A recurrence as it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recurring {
    /// What comes again.
    pub template: ActivityTemplateId,
    /// When.
    pub rule: Recurrence,
    /// What the seeds of its activities follow from.
    pub seed: Seed,
    /// What comes next; `None` if nothing does.
    pub next: Option<Occurrence>,
    /// Whether it rests.
    pub paused: bool,
    /// How often it has become an activity.
    pub created: u32,
    /// How often it has not.
    pub missed: u32,
    /// What became of the latest occurrence.
    pub latest: Option<(Occurrence, Came)>,
}

/// What became of an occurrence. Each has one outcome, once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Came {
    /// This activity.
    As(ActivityId),
    /// Nothing.
    Missed(MissedBecause),
}

/// Why an occurrence did not become an activity. It is not made up for: the rule goes on with the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MissedBecause {
    /// No server was there before its opening.
    TooLate,
    /// The room had as many activities as it may have.
    TooMany,
    /// The template would not have been taken as a plan then.
    Invalid,
}

impl MissedBecause {
    /// The reason's word, as every interface spells it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::TooLate => "too_late",
            Self::TooMany => "too_many",
            Self::Invalid => "invalid",
        }
    }
}

impl Recurring {
    /// Most templates of a room.
    pub const TEMPLATES_MAX: usize = 200;
    /// Most recurrences of a room.
    pub const PER_ROOM_MAX: usize = 100;

    /// A new one, whose first occurrence is named.
    pub fn new(template: ActivityTemplateId, rule: Recurrence, seed: Seed, first: Occurrence) -> Self {
        Self { template, rule, seed, next: Some(first), paused: false, created: 0, missed: 0, latest: None }
    }

    /// When time has something to do here.
    pub fn deadline(&self) -> Option<Time> {
        self.next.filter(|_| !self.paused).map(|next| next.created_at(&self.rule))
    }

    /// What chance follows from in the activity of an occurrence: it tells nothing of any other's.
    pub fn seed_of(&self, occurrence: &Occurrence) -> Seed {
        Seed(self.seed.secret(&format!("occurrence-{}", occurrence.day)))
    }
}

impl Plan {
    /// As a template keeps it: without a time.
    #[must_use]
    pub fn as_template(mut self) -> Self {
        self.schedule.opens_at = None;
        self
    }

    /// The same at another time. A draw that waits for a beacon waits for the first round after its close there.
    ///
    /// # Errors
    /// A beacon's round is published before the opening, so that time must be known.
    pub fn opening_at(&self, opens_at: Option<Time>) -> Result<Self, PlanError> {
        let mut plan = self.clone();
        plan.schedule.opens_at = opens_at;
        if let KindPlan::Draw(draw) = &mut plan.kind
            && let DrawPlan { level: DrawLevel::Beacon { chain, round }, duration_ms, .. } = draw.as_mut()
        {
            let Some(opens_at) = opens_at else {
                return Err(PlanError { field: "opens_at_ms", why: "must be named for a draw with a beacon".into() });
            };
            *round = chain.round_from(opens_at.after_ms(*duration_ms + DrawPlan::BEACON_MARGIN_MS));
        }
        Ok(plan)
    }
}
