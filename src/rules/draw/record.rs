//! What is published: the rules before, the record afterwards, and a proof for each entrant.

use serde::ser::{SerializeMap, Serializer};
use serde::{Deserialize, Serialize};

use super::tree::leads_to;
use super::{AwardState, Beacon, Digest, DrawLevel, DrawPlan, Keys, Occasion, PrizePlan, draw_name};
use crate::rules::{Activity, Conditions, EarlyEntry, Kind, KindPlan, Limits, UserId};

/// The rules of a draw, as they are published before entries open. Their hash is that of their JSON, without spaces and in
/// this order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DrawRules {
    /// Which draw.
    pub draw: String,
    /// Its name for people.
    pub title: String,
    /// How one enters.
    pub occasion: Occasion,
    /// What there is to win, in order.
    pub prizes: Vec<PrizePlan>,
    /// How long entries are taken, ms.
    pub duration_ms: u64,
    /// How long a winner may decline or a seat is offered, ms.
    pub answer_ms: u64,
    /// What is asked of those who enter. An arm of an experiment is absent if none is asked.
    #[serde(serialize_with = "stated")]
    pub conditions: Conditions,
    /// How often one may have won before.
    pub limits: Limits,
    /// Who may enter before the others. Absent if nobody may.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub early: Option<EarlyEntry>,
    /// Who can't enter.
    pub excluded: Vec<UserId>,
    /// Who ranks before all others. Absent if nobody does.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub preferred: Vec<UserId>,
    /// What the winners follow from.
    pub level: DrawLevel,
    /// What receipts are signed with.
    pub receipt_key: Digest,
}

/// Conditions as the rules of draws have stated them from the first: what came later only where it is asked.
fn stated<S: Serializer>(of: &Conditions, serializer: S) -> Result<S::Ok, S::Error> {
    let Conditions { tier, fan_club, watched_s, checked_in, keyword, gift, newcomer_days, wins, .. } = of;
    let Conditions { account_age_days, risk_below, arm, .. } = of;
    let mut all = serializer.serialize_map(None)?;
    all.serialize_entry("tier", tier)?;
    all.serialize_entry("fan_club", fan_club)?;
    all.serialize_entry("watched_s", watched_s)?;
    all.serialize_entry("checked_in", checked_in)?;
    all.serialize_entry("keyword", keyword)?;
    all.serialize_entry("gift", gift)?;
    all.serialize_entry("newcomer_days", newcomer_days)?;
    all.serialize_entry("wins", wins)?;
    all.serialize_entry("account_age_days", account_age_days)?;
    all.serialize_entry("risk_below", risk_below)?;
    if let Some(arm) = arm {
        all.serialize_entry("arm", arm)?;
    }
    all.end()
}

/// All that is needed to check a draw. It is published as JSON without spaces, fields in this order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DrawRecord {
    /// [`DrawRecord::FORMAT`].
    pub format: String,
    /// Which draw.
    pub draw: String,
    /// `sealed` or `beacon`.
    pub level: String,
    /// How far the check reaches, in words.
    pub reach: String,
    /// The rules, as they were published.
    pub rules: DrawRules,
    /// Their hash.
    pub rules_hash: Digest,
    /// The hash of the seed, as it was published.
    pub commitment: Digest,
    /// The seed.
    pub seed: Digest,
    /// The root of the tree over the entries, as the room heard it.
    pub root: Digest,
    /// How many entries.
    pub count: u64,
    /// The beacon, at that level.
    pub beacon: Option<Beacon>,
    /// Everybody who won, by rank.
    pub winners: Vec<RecordedWinner>,
    /// Of each kind of prize, how many nobody has.
    pub returned: Vec<u32>,
    /// Everybody's ticket (their user id), in the order in which they entered.
    pub entries: Vec<UserId>,
}

/// A winner, as the record names one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordedWinner {
    /// The place among all keys, from 0.
    pub rank: u32,
    /// The place among the entries, from 0.
    pub leaf: u32,
    /// Who.
    pub user: UserId,
    /// The key.
    pub key: Digest,
    /// Which prize of the rules, from 0.
    pub prize: u16,
    /// Whether the winner passed, and somebody later got it.
    pub passed: bool,
}

/// Proof that a ticket is among the entries: nothing but SHA-256 is needed to check it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DrawProof {
    /// Which draw.
    pub draw: String,
    /// The root that the room heard.
    pub root: Digest,
    /// How many entries.
    pub count: u64,
    /// Whose.
    pub ticket: UserId,
    /// The ticket's place.
    pub leaf: u64,
    /// The hashes beside the way to the root, from the leaf up.
    pub path: Vec<Digest>,
}

impl DrawRules {
    /// The rules of an activity that is a draw.
    pub fn of(activity: &Activity, plan: &DrawPlan) -> Self {
        Self {
            draw: draw_name(&activity.room, activity.id),
            title: activity.plan.title.clone(),
            occasion: plan.occasion.clone(),
            prizes: plan.prizes.clone(),
            duration_ms: plan.duration_ms,
            answer_ms: plan.answer_ms,
            conditions: activity.plan.conditions.clone(),
            limits: activity.plan.limits,
            early: activity.plan.schedule.early,
            excluded: plan.excluded.clone(),
            preferred: plan.preferred.clone(),
            level: plan.level.clone(),
            receipt_key: plan.receipt_key,
        }
    }

    /// The rules as they are published and hashed.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("plain values always encode")
    }

    /// Their hash.
    pub fn hash(&self) -> Digest {
        Digest::of(self.to_json().as_bytes())
    }
}

impl DrawLevel {
    /// Its word.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Sealed => "sealed",
            Self::Beacon { .. } => "beacon",
        }
    }

    /// What a check of the record proves at this level, and what it does not.
    pub fn reach(&self) -> &'static str {
        match self {
            Self::Sealed => {
                "The winners follow from the entries and from a seed that was fixed before entries opened: nobody could change the \
                 outcome after the root was announced. Not proved: that all entries are of real viewers. Whoever knew the seed could have \
                 added entries until one of them won, or chosen the moment of the close. That this is the root which the room heard, \
                 only those know who heard it."
            }
            Self::Beacon { .. } => {
                "The winners follow from the entries, from a seed that was fixed before entries opened, and from a public value that \
                 nobody knew when the root was announced: nobody could choose the outcome. Not proved: that all entries are of real \
                 viewers. That the root was announced before the round, and that it is this one, only those know who heard it."
            }
        }
    }
}

impl DrawRecord {
    /// What `format` says.
    pub const FORMAT: &str = "liveroom-draw-record-v1";

    /// The record of a draw that was drawn.
    pub fn of(activity: &Activity) -> Option<Self> {
        let (KindPlan::Draw(plan), Some(Kind::Draw(draw))) = (&activity.plan.kind, &activity.kind) else { return None };
        let (drawn, root) = (draw.drawn.as_ref()?, draw.root?);
        let rules = DrawRules::of(activity, plan);
        let seed = activity.draw_seed();
        let (count, value) = (draw.entries().len() as u64, drawn.beacon.as_ref().map(Beacon::randomness));
        let keys = Keys::new(&rules.draw, &root, count, &draw.rules, &seed, value.as_ref());
        let winners = (0..).zip(&drawn.awards).filter_map(|(rank, award)| {
            let user = *draw.entries().get(award.leaf as usize)?;
            let passed = award.state == AwardState::Passed;
            Some(RecordedWinner { rank, leaf: award.leaf, user, key: keys.of(&user), prize: award.prize, passed })
        });
        let winners: Vec<_> = winners.collect();
        Some(Self {
            format: Self::FORMAT.to_owned(),
            draw: rules.draw.clone(),
            level: plan.level.word().to_owned(),
            reach: plan.level.reach().to_owned(),
            rules_hash: draw.rules,
            commitment: activity.draw_commitment(),
            seed,
            root,
            count,
            beacon: drawn.beacon.clone(),
            returned: returned(&rules.prizes, &winners),
            winners,
            entries: draw.entries().to_vec(),
            rules,
        })
    }

    /// The record as it is published.
    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("plain values always encode")
    }
}

/// Of each kind of prize, how many nobody has.
pub(super) fn returned(prizes: &[PrizePlan], winners: &[RecordedWinner]) -> Vec<u32> {
    let held = |kind: usize| winners.iter().filter(|winner| !winner.passed && winner.prize as usize == kind).count();
    let kinds = prizes.iter().enumerate();
    kinds.map(|(kind, prize)| prize.count.saturating_sub(held(kind) as u32)).collect()
}

impl DrawProof {
    /// The proof for a user who entered a draw whose entries are frozen.
    pub fn of(activity: &Activity, user: &UserId) -> Option<Self> {
        let Some(Kind::Draw(draw)) = &activity.kind else { return None };
        let (root, leaf) = (draw.root?, draw.leaf_of(user)?);
        Some(Self {
            draw: draw_name(&activity.room, activity.id),
            root,
            count: draw.entries().len() as u64,
            ticket: *user,
            leaf: u64::from(leaf),
            path: draw.path(leaf)?,
        })
    }

    /// Whether it proves what it says.
    pub fn holds(&self) -> bool {
        leads_to(&self.root, self.count, self.leaf, self.ticket.as_str().as_bytes(), &self.path)
    }
}
