//! Draws: their state, tickets, prizes and proofs.

use bytes::Bytes;
use liveroom_protocol::wire::{self, answer};

use super::result::hold;
use crate::rules::{AwardState, Digest, DrawLevel, DrawPlan, DrawProof, DrawReceipt, Occasion, Time};
use crate::store::{ActivityView, DrawPrize, KindView};

pub(super) fn draw_state(view: &ActivityView, plan: &DrawPlan) -> wire::DrawState {
    let (occasion, keyword) = match &plan.occasion {
        Occasion::LuckyBag => (wire::DrawOccasion::LuckyBag, String::new()),
        Occasion::Keyword(word) => (wire::DrawOccasion::Keyword, word.clone()),
        Occasion::MicLink => (wire::DrawOccasion::MicLink, String::new()),
    };
    let (entries, root, winners) = match &view.kind {
        Some(KindView::Draw { entries, root, winners }) => (*entries, *root, winners.as_deref()),
        _ => (0, None, None),
    };
    let (rules, commitment) = view.draw_terms.unzip();
    let winner = |(user, prize): &(crate::rules::UserId, DrawPrize)| wire::DrawWinner {
        user: user.as_str().to_owned(),
        rank: prize.rank,
        prize: u32::from(prize.prize),
        state: prize_state(prize.state).into(),
    };
    let bytes = |digest: Option<Digest>| digest.map_or_else(Bytes::new, hash);
    wire::DrawState {
        occasion: occasion.into(),
        keyword,
        prizes: plan
            .prizes
            .iter()
            .map(|prize| wire::PrizeKind {
                title: prize.title.clone(),
                count: prize.count,
                cash_fen: prize.cash_fen.get(),
            })
            .collect(),
        round: match &plan.level {
            DrawLevel::Sealed => 0,
            DrawLevel::Beacon { round, .. } => *round,
        },
        round_at_ms: match &plan.level {
            DrawLevel::Sealed => 0,
            DrawLevel::Beacon { chain, round } => chain.time_of(*round).ms(),
        },
        rules_hash: bytes(rules),
        commitment: bytes(commitment),
        entries,
        root: bytes(root),
        drawn: winners.is_some(),
        winners: winners.unwrap_or_default().iter().map(winner).collect(),
    }
}

pub(super) fn prize(prize: &DrawPrize) -> wire::DrawPrize {
    wire::DrawPrize {
        activity: prize.activity.0,
        rank: prize.rank,
        title: prize.title.clone(),
        cash_fen: prize.cash.get(),
        state: prize_state(prize.state).into(),
        answer_by_ms: Time::ms(prize.answer_by),
        hold: prize.hold.map(hold),
    }
}

fn prize_state(state: AwardState) -> wire::PrizeState {
    match state {
        AwardState::Offered => wire::PrizeState::Offered,
        AwardState::Kept => wire::PrizeState::Kept,
        AwardState::Passed => wire::PrizeState::Passed,
    }
}

/// A ticket with its receipt; without a signature where the server has not the key that the rules name.
pub(super) fn ticket(activity: u64, receipt: &DrawReceipt) -> wire::DrawTicket {
    wire::DrawTicket {
        activity,
        draw: receipt.draw.clone(),
        rules_hash: hash(receipt.rules_hash),
        commitment: hash(receipt.commitment),
        ticket: receipt.ticket.as_str().to_owned(),
        leaf: receipt.leaf,
        key: hash(receipt.key),
        signature: receipt.signature.0.clone().into(),
    }
}

pub(super) fn proof(proof: &DrawProof) -> answer::Outcome {
    answer::Outcome::Proof(wire::DrawProof {
        draw: proof.draw.clone(),
        root: hash(proof.root),
        count: proof.count,
        ticket: proof.ticket.as_str().to_owned(),
        leaf: proof.leaf,
        path: proof.path.iter().copied().map(hash).collect(),
    })
}

fn hash(digest: Digest) -> Bytes {
    Bytes::copy_from_slice(&digest.0)
}
