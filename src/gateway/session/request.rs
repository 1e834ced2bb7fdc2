//! What a client asks for, in the words of the inside.

use liveroom_protocol::transport::{ANNOUNCE_BYTES_MAX, COMMENT_BYTES_MAX, HEARTS_MAX};
use liveroom_protocol::wire::{self, client_frame};

use crate::engine::Seat;
use crate::rules::{
    ActivityId, CartLine, CouponChoice, CouponId, GiftId, NotDone, NotDoneCode, OrderId, PollPlan, SalePlan, SkuId,
    Span, Time,
};
use crate::store::{Ask, DrawAsk, EnterBy, GiftAsk, GiftQuery, PresenceAsk, Query, TalkAsk};

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
    /// To the store, which only looks.
    Look(Look),
}

/// What a viewer may look at.
pub(super) enum Look {
    /// A board.
    Board { span: Span, back: u32, top: u32 },
    /// What may be sent.
    Catalogue,
    /// The fan club.
    FanClub,
    /// What a cart would cost, and with which coupons.
    Quote { activity: ActivityId, cart: Vec<CartLine>, coupons: CouponChoice },
}

impl Look {
    /// The most places of a board, and how far back it may lie.
    const TOP_MAX: u32 = 100;
    const BACK_MAX: u32 = 100;

    /// The question, asked by a viewer at `now`.
    pub(super) fn query(self, seat: &Seat, at: Time) -> Query {
        let (room, user) = (seat.room.id, Some(seat.user));
        Query::Gift(match self {
            Self::Quote { activity, cart, coupons } => {
                return Query::Quote { room, user: seat.user, activity, cart, coupons, at };
            }
            Self::Board { span, back, top } => GiftQuery::Board { room, span, back, at, top, user },
            Self::Catalogue => GiftQuery::Catalogue,
            Self::FanClub => GiftQuery::FanClub { room, user },
        })
    }
}

/// Reads a request.
pub(super) fn wish(body: client_frame::Body) -> Result<Wish, NotDone> {
    let invalid = |why: &'static str| NotDoneCode::Invalid.because(why);
    Ok(Wish::Ask(match body {
        client_frame::Body::Claim(claim) => {
            Ask::Claim { activity: ActivityId(claim.activity), token: claim.token, opening: claim.opening }
        }
        client_frame::Body::Reserve(reserve) => {
            let (cart, coupons) = (cart(&reserve.lines)?, choice(reserve.coupons)?);
            Ask::Reserve { activity: ActivityId(reserve.activity), token: reserve.token, cart, coupons }
        }
        client_frame::Body::Quote(quote) => {
            let (cart, coupons) = (cart(&quote.lines)?, choice(quote.coupons)?);
            return Ok(Wish::Look(Look::Quote { activity: ActivityId(quote.activity), cart, coupons }));
        }
        client_frame::Body::ClaimStep(claim) => Ask::Presence(PresenceAsk::ClaimStep {
            activity: ActivityId(claim.activity),
            token: claim.token,
            step: claim.step,
        }),
        client_frame::Body::CheckIn(check_in) => {
            Ask::Presence(PresenceAsk::CheckIn { activity: ActivityId(check_in.activity), token: check_in.token })
        }
        client_frame::Body::EnterDraw(enter) => {
            let (activity, token) = (ActivityId(enter.activity), enter.token);
            Ask::Draw(DrawAsk::Enter { activity, token, by: EnterBy::Tap })
        }
        client_frame::Body::ReplyPrize(reply) => {
            Ask::Draw(DrawAsk::Reply { activity: ActivityId(reply.activity), accept: reply.accept })
        }
        client_frame::Body::ProveTicket(prove) => Ask::Draw(DrawAsk::Prove { activity: ActivityId(prove.activity) }),
        client_frame::Body::Release(release) => Ask::Release { order: OrderId(release.order) },
        client_frame::Body::Announce(announce) => {
            if announce.text.is_empty() || announce.text.len() > ANNOUNCE_BYTES_MAX {
                return Err(invalid("an announcement has 1 to 1,000 bytes"));
            }
            return Ok(Wish::Announce(announce.text));
        }
        client_frame::Body::Vote(vote) => {
            if vote.options.len() > PollPlan::OPTIONS_MAX {
                return Err(invalid("a ballot names at most 30 options"));
            }
            let wire::Vote { activity, token, options } = vote;
            Ask::Talk(TalkAsk::Vote { activity: ActivityId(activity), token, options })
        }
        client_frame::Body::SignUp(sign_up) => {
            Ask::Talk(TalkAsk::SignUp { activity: ActivityId(sign_up.activity), token: sign_up.token })
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
        client_frame::Body::SendGift(send) => Ask::Gift(GiftAsk::Send { gift: GiftId(send.gift), count: send.count }),
        client_frame::Body::JoinFanClub(_) => Ask::Gift(GiftAsk::JoinFanClub),
        client_frame::Body::LeaveFanClub(_) => Ask::Gift(GiftAsk::LeaveFanClub),
        client_frame::Body::AskBoard(board) => return look_at_board(&board).map(Wish::Look),
        client_frame::Body::AskCatalogue(_) => return Ok(Wish::Look(Look::Catalogue)),
        client_frame::Body::AskFanClub(_) => return Ok(Wish::Look(Look::FanClub)),
        // Both are dealt with before anything is counted as a request.
        client_frame::Body::Hello(_) | client_frame::Body::Ping(_) => return Err(invalid("not a request")),
    }))
}

fn look_at_board(ask: &wire::AskBoard) -> Result<Look, NotDone> {
    let invalid = |why: &'static str| NotDoneCode::Invalid.because(why);
    let span = match ask.span() {
        wire::BoardSpan::Broadcast => Span::Broadcast,
        wire::BoardSpan::Day => Span::Day,
        wire::BoardSpan::Week => Span::Week,
        wire::BoardSpan::Unspecified => return Err(invalid("a board covers a broadcast, a day or a week")),
    };
    if ask.top > Look::TOP_MAX || ask.back > Look::BACK_MAX {
        return Err(invalid("top and back must be at most 100"));
    }
    Ok(Look::Board { span, back: ask.back, top: ask.top })
}

fn cart(lines: &[wire::CartLine]) -> Result<Vec<CartLine>, NotDone> {
    if lines.len() > SalePlan::SKUS_MAX {
        return Err(NotDoneCode::Invalid.because("a cart has 1 to 50 lines"));
    }
    let line =
        |line: &wire::CartLine| CartLine { sku: SkuId(line.sku), quantity: line.quantity, opening: line.opening };
    Ok(lines.iter().map(line).collect())
}

fn choice(wanted: Option<wire::CouponChoice>) -> Result<CouponChoice, NotDone> {
    let invalid = |why: &'static str| NotDoneCode::Invalid.because(why);
    let choice = match wanted {
        None => CouponChoice::None,
        Some(wire::CouponChoice { best: true, coupons }) if coupons.is_empty() => CouponChoice::Best,
        Some(wire::CouponChoice { best: true, .. }) => {
            return Err(invalid("either the best coupons count or those that are named"));
        }
        Some(wire::CouponChoice { best: false, coupons }) if coupons.is_empty() => CouponChoice::None,
        Some(wire::CouponChoice { best: false, coupons }) => {
            CouponChoice::These(coupons.into_iter().map(CouponId).collect())
        }
    };
    choice.check().map_err(invalid)?;
    Ok(choice)
}
