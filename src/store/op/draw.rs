//! What is asked about draws.

use serde::{Deserialize, Serialize};

use crate::rules::{
    ActivityId, AwardState, Beacon, Digest, DrawProof, DrawReceipt, Fen, Fingerprint, HexBytes, HoldState, Time, UserId,
};

/// Operations around draws. Variants and fields are part of a log's format: new ones go at the end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum DrawAsk {
    /// A ticket for the asker.
    Enter {
        /// Which draw.
        activity: ActivityId,
        /// The claim token, revealed at the opening.
        token: u64,
        /// How the asker comes to enter.
        by: EnterBy,
    },
    /// Time has come to draw, at level `sealed`.
    Draw {
        /// Which draw.
        activity: ActivityId,
        /// At most so many win.
        winners: u32,
    },
    /// The beacon has come, and was found genuine: draw.
    Beacon {
        /// Which draw.
        activity: ActivityId,
        /// The beacon: whoever asks has verified it.
        beacon: Box<Beacon>,
        /// At most so many win.
        winners: u32,
    },
    /// A winner takes the prize, or passes it on.
    Reply {
        /// Of which draw.
        activity: ActivityId,
        /// Whether the prize is taken.
        accept: bool,
    },
    /// An entrant wants to see that the ticket is among the frozen entries. It changes nothing.
    Prove {
        /// Of which draw.
        activity: ActivityId,
    },
}

/// How one enters a draw.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum EnterBy {
    /// By a tap.
    Tap,
    /// By a comment that was found to be the keyword.
    Comment,
}

/// Answers to them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DrawAnswer {
    /// The ticket is in.
    Entered(Box<DrawEntry>),
    /// The winners are drawn.
    Drawn(ActivityId),
    /// What became of the asker's prize.
    Prize(Box<DrawPrize>),
    /// The ticket is among the entries.
    Proof(Box<DrawProof>),
}

/// A ticket, and everything that a receipt for it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DrawEntry {
    /// Which draw.
    pub activity: ActivityId,
    /// Its full name.
    pub draw: String,
    /// The hash of its rules.
    pub rules: Digest,
    /// The commitment to its seed.
    pub commitment: Digest,
    /// Whose ticket.
    pub user: UserId,
    /// Its place among the entries, from 0.
    pub leaf: u32,
    /// The key that the rules promise receipts to be signed with.
    pub receipt_key: Digest,
}

/// A prize that somebody won.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DrawPrize {
    /// In which draw.
    pub activity: ActivityId,
    /// The winner's place in the ranking, from 0.
    pub rank: u32,
    /// Which kind of prize, by its place in the plan.
    pub prize: u16,
    /// What it is.
    pub title: String,
    /// The cash in it, credited already, or held.
    pub cash: Fen,
    /// That cash, if it is or was held: until when, and what became of it. Nobody but the winner is told.
    pub hold: Option<(Time, HoldState)>,
    /// What became of it.
    pub state: AwardState,
    /// Until when the winner may answer.
    pub answer_by: Time,
}

impl DrawAsk {
    /// Which draw it is about.
    pub fn activity(&self) -> ActivityId {
        match self {
            Self::Enter { activity, .. }
            | Self::Draw { activity, .. }
            | Self::Beacon { activity, .. }
            | Self::Reply { activity, .. }
            | Self::Prove { activity } => *activity,
        }
    }

    /// At most so many bytes does its event take in the log, beyond names.
    pub(super) fn event_bytes_max(&self) -> usize {
        // A winner is a name and five numbers; a beacon two signatures.
        const WINNER: usize = 80;
        match self {
            Self::Enter { .. } | Self::Prove { .. } => 0,
            Self::Draw { winners, .. } => *winners as usize * WINNER,
            Self::Beacon { winners, beacon, .. } => {
                *winners as usize * WINNER + beacon.signature.0.len() + beacon.previous_signature.0.len()
            }
            Self::Reply { .. } => 2 * WINNER,
        }
    }

    pub(super) fn fingerprint(&self) -> Fingerprint {
        match self {
            Self::Enter { activity, token, by } => Fingerprint::of(30).word(activity.0).word(*token).word(*by as u64),
            Self::Draw { activity, .. } => Fingerprint::of(31).word(activity.0),
            Self::Beacon { activity, beacon, .. } => {
                Fingerprint::of(32).word(activity.0).word(beacon.round).bytes(&beacon.signature.0)
            }
            Self::Prove { activity } => Fingerprint::of(34).word(activity.0),
            Self::Reply { activity, accept } => Fingerprint::of(33).word(activity.0).word(u64::from(*accept)),
        }
    }
}

impl DrawEntry {
    /// The receipt for it, without its signature.
    pub fn receipt(&self) -> DrawReceipt {
        DrawReceipt {
            draw: self.draw.clone(),
            rules_hash: self.rules,
            commitment: self.commitment,
            ticket: self.user,
            leaf: u64::from(self.leaf),
            key: self.receipt_key,
            signature: HexBytes::default(),
        }
    }
}
