//! What a client asks for, in the words of the inside.

use liveroom_protocol::transport::{ANNOUNCE_BYTES_MAX, COMMENT_BYTES_MAX, HEARTS_MAX};
use liveroom_protocol::wire::client_frame;

use crate::rules::{ActivityId, CartLine, NotDone, NotDoneCode, OrderId, SalePlan, SkuId};
use crate::store::{Ask, PresenceAsk};

/// Where a request goes.
pub(super) enum Wish {
    /// To the store.
    Ask(Ask),
    /// To the room, at once.
    Announce(String),
    /// To the room, if it passes.
    Comment(String),
    /// Hearts.
    Like(u32),
}

/// Reads a request.
pub(super) fn wish(body: client_frame::Body) -> Result<Wish, NotDone> {
    let invalid = |why: &'static str| NotDoneCode::Invalid.because(why);
    Ok(Wish::Ask(match body {
        client_frame::Body::Claim(claim) => {
            Ask::Claim { activity: ActivityId(claim.activity), token: claim.token, opening: claim.opening }
        }
        client_frame::Body::Reserve(reserve) => {
            if reserve.lines.len() > SalePlan::SKUS_MAX {
                return Err(invalid("a cart has 1 to 50 lines"));
            }
            let cart = reserve.lines.iter().map(|line| CartLine {
                sku: SkuId(line.sku),
                quantity: line.quantity,
                opening: line.opening,
            });
            Ask::Reserve { activity: ActivityId(reserve.activity), token: reserve.token, cart: cart.collect() }
        }
        client_frame::Body::ClaimStep(claim) => Ask::Presence(PresenceAsk::ClaimStep {
            activity: ActivityId(claim.activity),
            token: claim.token,
            step: claim.step,
        }),
        client_frame::Body::CheckIn(check_in) => {
            Ask::Presence(PresenceAsk::CheckIn { activity: ActivityId(check_in.activity), token: check_in.token })
        }
        client_frame::Body::Release(release) => Ask::Release { order: OrderId(release.order) },
        client_frame::Body::Announce(announce) => {
            if announce.text.is_empty() || announce.text.len() > ANNOUNCE_BYTES_MAX {
                return Err(invalid("an announcement has 1 to 1,000 bytes"));
            }
            return Ok(Wish::Announce(announce.text));
        }
        client_frame::Body::Comment(comment) => {
            if comment.text.trim().is_empty() || comment.text.len() > COMMENT_BYTES_MAX {
                return Err(invalid("a comment has 1 to 600 bytes, and something in them"));
            }
            return Ok(Wish::Comment(comment.text));
        }
        client_frame::Body::Like(like) => {
            if !(1..=HEARTS_MAX).contains(&like.hearts) {
                return Err(invalid("1 to 20 hearts at once"));
            }
            return Ok(Wish::Like(like.hearts));
        }
        // Both are dealt with before anything is counted as a request.
        client_frame::Body::Hello(_) | client_frame::Body::Ping(_) => return Err(invalid("not a request")),
    }))
}
