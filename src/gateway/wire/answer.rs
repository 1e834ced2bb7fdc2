//! What a request came to.

use liveroom_protocol::wire::{self, answer, server_frame};

use super::result::{grant, order};
use super::{coupon, draw, frame, gift};
use crate::rules::{ActivityId, DrawReceipt, NotDone, NotDoneCode, Refusal, RefusalCode, RequestId};
use crate::store::{Answer, DrawAnswer, PresenceAnswer, Reply};

/// An answer to a viewer's request.
pub(in crate::gateway) fn answer(request: RequestId, answer: &Answer) -> wire::ServerFrame {
    let outcome = match answer {
        Answer::Granted(grant) => answer::Outcome::Grant(self::grant(grant)),
        Answer::Reserved(order) => answer::Outcome::Order(self::order(order)),
        Answer::Released(_) | Answer::Idle | Answer::Talk(_) => answer::Outcome::Done(wire::Done {}),
        Answer::Presence(PresenceAnswer::CheckedIn { streak, grant }) => {
            let grant = grant.as_ref().map(self::grant);
            answer::Outcome::CheckedIn(wire::CheckedIn { streak: *streak, grant })
        }
        Answer::Draw(DrawAnswer::Entered(entry)) => {
            answer::Outcome::Ticket(draw::ticket(entry.activity.0, &entry.receipt()))
        }
        Answer::Draw(DrawAnswer::Prize(prize)) => answer::Outcome::Prize(draw::prize(prize)),
        Answer::Draw(DrawAnswer::Proof(proof)) => draw::proof(proof),
        Answer::Refused(refusal) => answer::Outcome::Refused(refused(refusal)),
        Answer::NotDone(reason) => answer::Outcome::NotDone(not_done(reason)),
        Answer::Gift(answer) => gift::answer(answer),
        // A viewer's session sends none of the operations that these answer.
        Answer::Paid { .. }
        | Answer::Draw(DrawAnswer::Drawn(_))
        | Answer::RoomCreated
        | Answer::Drafted(_)
        | Answer::Stepped { .. }
        | Answer::Amended { .. }
        | Answer::ToppedUp { .. }
        | Answer::Campaign(_)
        | Answer::Template(_)
        | Answer::Risk(_)
        | Answer::Experiment(_)
        | Answer::Coupon(_)
        | Answer::Presence(PresenceAnswer::OnAir(_) | PresenceAnswer::OffAir(_) | PresenceAnswer::KeywordPosted(_)) => {
            answer::Outcome::Done(wire::Done {})
        }
    };
    answered(request, outcome)
}

/// The answer to a viewer's question.
pub(in crate::gateway) fn reply(request: RequestId, reply: &Reply) -> wire::ServerFrame {
    let outcome = match reply {
        Reply::Gift(reply) => gift::reply(reply),
        Reply::Quote(Ok(price)) => answer::Outcome::Price(coupon::price(price)),
        Reply::Quote(Err(reason)) => return answer(request, reason),
        // A viewer's session asks no other questions, and the room it is in is there.
        _ => answer::Outcome::NotDone(not_done(&NotDoneCode::Invalid.because("nothing to show"))),
    };
    answered(request, outcome)
}

/// The answer to who entered a draw, with its receipt.
pub(in crate::gateway) fn ticket(request: RequestId, activity: ActivityId, receipt: &DrawReceipt) -> wire::ServerFrame {
    answered(request, answer::Outcome::Ticket(draw::ticket(activity.0, receipt)))
}

/// The answer for the time being to a request that takes long.
pub(in crate::gateway) fn pending(request: RequestId) -> wire::ServerFrame {
    answered(request, answer::Outcome::Pending(wire::Pending {}))
}

/// A request that was done, and there is nothing to say about it.
pub(in crate::gateway) fn done(request: RequestId) -> wire::ServerFrame {
    answered(request, answer::Outcome::Done(wire::Done {}))
}

fn answered(request: RequestId, outcome: answer::Outcome) -> wire::ServerFrame {
    let answer = wire::Answer { request_id: request.get(), outcome: Some(outcome) };
    frame(server_frame::Body::Answer(answer))
}

fn refused(refusal: &Refusal) -> wire::Refused {
    let code = match refusal.code {
        RefusalCode::NotOpen => wire::RefusalCode::NotOpen,
        RefusalCode::Closed => wire::RefusalCode::Closed,
        RefusalCode::SoldOut => wire::RefusalCode::SoldOut,
        RefusalCode::LimitReached => wire::RefusalCode::LimitReached,
        RefusalCode::InsufficientStock => wire::RefusalCode::InsufficientStock,
        RefusalCode::OrderPaid => wire::RefusalCode::OrderPaid,
        RefusalCode::OrderReleased => wire::RefusalCode::OrderReleased,
        RefusalCode::RoomDayLimit => wire::RefusalCode::RoomDayLimit,
        RefusalCode::WinCap => wire::RefusalCode::WinCap,
        RefusalCode::TierTooLow => wire::RefusalCode::TierTooLow,
        RefusalCode::NotInFanClub => wire::RefusalCode::NotInFanClub,
        RefusalCode::WatchedTooLittle => wire::RefusalCode::WatchedTooLittle,
        RefusalCode::NotCheckedIn => wire::RefusalCode::NotCheckedIn,
        RefusalCode::KeywordNotPosted => wire::RefusalCode::KeywordNotPosted,
        RefusalCode::GiftNotSent => wire::RefusalCode::GiftNotSent,
        RefusalCode::NotNewcomer => wire::RefusalCode::NotNewcomer,
        RefusalCode::WonTooOften => wire::RefusalCode::WonTooOften,
        RefusalCode::AccountTooNew => wire::RefusalCode::AccountTooNew,
        RefusalCode::RiskTooHigh => wire::RefusalCode::RiskTooHigh,
        RefusalCode::NotOnAir => wire::RefusalCode::NotOnAir,
        RefusalCode::CheckedInAlready => wire::RefusalCode::CheckedInAlready,
        RefusalCode::Excluded => wire::RefusalCode::Excluded,
        RefusalCode::PrizePassed => wire::RefusalCode::PrizePassed,
        RefusalCode::CouponUnusable => wire::RefusalCode::CouponUnusable,
        RefusalCode::CouponNotApplicable => wire::RefusalCode::CouponNotApplicable,
        RefusalCode::EarlyEntryOnly => wire::RefusalCode::EarlyEntryOnly,
        RefusalCode::NotInArm => wire::RefusalCode::NotInArm,
    };
    // The commonest refusals speak for themselves: no words, no allocation.
    let detail = match refusal.code {
        RefusalCode::SoldOut | RefusalCode::Closed | RefusalCode::NotOpen => String::new(),
        _ => refusal.to_string(),
    };
    wire::Refused { code: code.into(), detail }
}

/// Why nothing was done.
fn not_done(reason: &NotDone) -> wire::NotDone {
    let code = match reason.code {
        NotDoneCode::Conflict => wire::NotDoneCode::Conflict,
        NotDoneCode::UnknownActivity => wire::NotDoneCode::UnknownActivity,
        NotDoneCode::WrongKind => wire::NotDoneCode::WrongKind,
        NotDoneCode::UnknownSku => wire::NotDoneCode::UnknownSku,
        NotDoneCode::UnknownOrder => wire::NotDoneCode::UnknownOrder,
        NotDoneCode::Forbidden => wire::NotDoneCode::Forbidden,
        NotDoneCode::RateLimited => wire::NotDoneCode::RateLimited,
        NotDoneCode::AddressBudget => wire::NotDoneCode::AddressBudget,
        NotDoneCode::TooManyRefusals => wire::NotDoneCode::TooManyRefusals,
        NotDoneCode::TooManyInFlight => wire::NotDoneCode::TooManyInFlight,
        NotDoneCode::Overloaded => wire::NotDoneCode::Overloaded,
        NotDoneCode::Unavailable => wire::NotDoneCode::Unavailable,
        NotDoneCode::Blocked => wire::NotDoneCode::Blocked,
        NotDoneCode::Muted => wire::NotDoneCode::Muted,
        NotDoneCode::InsufficientFunds => wire::NotDoneCode::InsufficientFunds,
        NotDoneCode::UnknownGift => wire::NotDoneCode::UnknownGift,
        NotDoneCode::AlreadyFan => wire::NotDoneCode::AlreadyFan,
        NotDoneCode::NotFan => wire::NotDoneCode::NotFan,
        NotDoneCode::JoinedByGift => wire::NotDoneCode::JoinedByGift,
        NotDoneCode::NoAward => wire::NotDoneCode::NoAward,
        // The rest can't come of what a viewer may ask; a wrong parameter is the nearest truth.
        NotDoneCode::Invalid
        | NotDoneCode::UnknownRoom
        | NotDoneCode::WrongPhase
        | NotDoneCode::UnknownCampaign
        | NotDoneCode::UnknownTemplate
        | NotDoneCode::UnknownRecurrence
        | NotDoneCode::CodeTaken
        | NotDoneCode::UnknownHold
        | NotDoneCode::UnknownExperiment
        | NotDoneCode::VersionMismatch
        | NotDoneCode::TooMany
        | NotDoneCode::Banned => wire::NotDoneCode::Invalid,
    };
    wire::NotDone { code: code.into(), detail: reason.detail.to_string(), retry_after_ms: reason.retry_after_ms }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The inside and the wire spell the same things, each for itself; they must not drift apart.
    #[test]
    fn codes_are_the_same_words_inside_and_on_the_wire() {
        for code in RefusalCode::ALL {
            let wire = refused(&Refusal::plain(code)).code();
            assert_eq!(wire.word(), code.word());
        }
        for code in NotDoneCode::ALL {
            let wire = not_done(&code.because("")).code();
            assert!(wire.word() == code.word() || wire == wire::NotDoneCode::Invalid, "{code:?}");
        }
    }
}
