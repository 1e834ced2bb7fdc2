//! The life of an activity, declared once as a table.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Where an activity stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Being written by its host.
    Draft,
    /// Handed in, and found wanting: the reasons are listed.
    Review,
    /// Passed and funded; waits for its time.
    Scheduled,
    /// Announced; counts down.
    WarmUp,
    /// Takes claims.
    Open,
    /// Takes no more claims; what was promised is being paid.
    Closed,
    /// Paid, refunded and published. The end.
    Settled,
    /// Called off before it was settled. The end.
    Cancelled,
}

/// What may happen to an activity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// Handed in, but the review found something.
    Reject,
    /// Handed in, passed and funded.
    Schedule,
    /// The countdown begins.
    WarmUp,
    /// Claims begin.
    Open,
    /// Claims end.
    Close,
    /// Everything is paid and given back.
    Settle,
    /// Called off.
    Cancel,
}

impl Step {
    /// The step's word, as every interface spells it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Reject => "reject",
            Self::Schedule => "schedule",
            Self::WarmUp => "warm_up",
            Self::Open => "open",
            Self::Close => "close",
            Self::Settle => "settle",
            Self::Cancel => "cancel",
        }
    }
}

impl Phase {
    /// Every phase, in order.
    pub const ALL: [Self; 8] = [
        Self::Draft,
        Self::Review,
        Self::Scheduled,
        Self::WarmUp,
        Self::Open,
        Self::Closed,
        Self::Settled,
        Self::Cancelled,
    ];

    /// Where `step` leads from here; `None` if it may not happen now.
    pub const fn after(self, step: Step) -> Option<Self> {
        use Phase::*;
        Some(match (self, step) {
            (Draft | Review, Step::Reject) => Review,
            (Draft | Review, Step::Schedule) => Scheduled,
            (Scheduled, Step::WarmUp) => WarmUp,
            (Scheduled | WarmUp, Step::Open) => Open,
            (Open, Step::Close) => Closed,
            (Closed, Step::Settle) => Settled,
            (Draft | Review | Scheduled | WarmUp | Open | Closed, Step::Cancel) => Cancelled,
            _ => return None,
        })
    }

    /// Whether viewers may know of it.
    pub const fn is_public(self) -> bool {
        !matches!(self, Self::Draft | Self::Review)
    }

    /// Whether nothing can happen to it any more.
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Settled | Self::Cancelled)
    }

    /// The phase's word, as every interface spells it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Review => "review",
            Self::Scheduled => "scheduled",
            Self::WarmUp => "warm_up",
            Self::Open => "open",
            Self::Closed => "closed",
            Self::Settled => "settled",
            Self::Cancelled => "cancelled",
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every phase × every step: reject, schedule, warm up, open, close, settle, cancel.
    #[test]
    fn the_whole_table() {
        let rows: [(Phase, [&str; 7]); 8] = [
            (Phase::Draft, ["review", "scheduled", "-", "-", "-", "-", "cancelled"]),
            (Phase::Review, ["review", "scheduled", "-", "-", "-", "-", "cancelled"]),
            (Phase::Scheduled, ["-", "-", "warm_up", "open", "-", "-", "cancelled"]),
            (Phase::WarmUp, ["-", "-", "-", "open", "-", "-", "cancelled"]),
            (Phase::Open, ["-", "-", "-", "-", "closed", "-", "cancelled"]),
            (Phase::Closed, ["-", "-", "-", "-", "-", "settled", "cancelled"]),
            (Phase::Settled, ["-"; 7]),
            (Phase::Cancelled, ["-"; 7]),
        ];
        let steps = [Step::Reject, Step::Schedule, Step::WarmUp, Step::Open, Step::Close, Step::Settle, Step::Cancel];
        for (from, wants) in rows {
            for (step, want) in steps.into_iter().zip(wants) {
                assert_eq!(from.after(step).map_or("-", Phase::word), want, "{from} {step:?}");
            }
        }
    }

    #[test]
    fn only_a_review_repeats() {
        for from in Phase::ALL {
            for step in [Step::Schedule, Step::WarmUp, Step::Open, Step::Close, Step::Settle, Step::Cancel] {
                assert!(from.after(step).is_none_or(|to| to > from), "{from} never goes back");
            }
        }
    }
}
