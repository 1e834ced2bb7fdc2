//! What a request may come to: a grant, a refusal that stands for ever, or nothing at all.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::{ActivityId, Code, CouponId, Fen, HoldState, Tier, Time};

/// Something given to a user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// Where it was won.
    pub activity: ActivityId,
    /// The user's n-th grant there, from 1.
    pub slot: u32,
    /// What it is.
    pub prize: Prize,
    /// When it was given.
    pub at: Time,
    /// The coupon's number, if the prize is one: where the room has the template that the prize names.
    pub coupon: Option<CouponId>,
    /// The cash, if it is or was held: until when, and what became of it.
    pub hold: Option<(Time, HoldState)>,
}

/// What a share holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Prize {
    /// Cash, credited to the winner's wallet in the same decision, or held.
    Cash(Fen),
    /// A coupon of the named template.
    Coupon(String),
    /// A thing, named for people: whoever hears of it hands it over.
    Item(String),
    /// Something secret, for the winner alone.
    Code(Code),
}

/// A decision against the one who asked. The same request gets it again for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Refusal {
    /// Why.
    pub code: RefusalCode,
    /// What there is, where the reason is a number.
    pub have: u32,
    /// What it would have to be, or may be at most.
    pub limit: u32,
}

/// Reasons of a refusal. New ones go at the end: their order is part of the log's format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefusalCode {
    /// No open activity answers to this id and claim token.
    NotOpen,
    /// It takes no more claims.
    Closed,
    /// The opening of the pool that was asked ended empty.
    SoldOut,
    /// The user has all that one user may have.
    LimitReached,
    /// There is some, but less than was asked for.
    InsufficientStock,
    /// The order is paid, so it can't be released.
    OrderPaid,
    /// The order was released before.
    OrderReleased,
    /// The user has won in this room as often as one day allows.
    RoomDayLimit,
    /// The user has won as often as the window allows.
    WinCap,
    /// The user's tier is lower than asked for.
    TierTooLow,
    /// The user is not in the room's fan club.
    NotInFanClub,
    /// The user has not watched this broadcast for long enough.
    WatchedTooLittle,
    /// The user has not checked in today.
    NotCheckedIn,
    /// The user has not posted the keyword.
    KeywordNotPosted,
    /// The user has not sent the gift as often as asked for.
    GiftNotSent,
    /// The user has been here for too long to be a newcomer.
    NotNewcomer,
    /// The user has won more often than the condition allows.
    WonTooOften,
    /// The user's account is younger than asked for.
    AccountTooNew,
    /// The user's account is riskier than allowed.
    RiskTooHigh,
    /// The room is off air.
    NotOnAir,
    /// The user has checked in today.
    CheckedInAlready,
    /// The rules of the draw name the user among those who can't enter.
    Excluded,
    /// The prize was passed on to somebody else.
    PrizePassed,
    /// A coupon that was named is not the user's to use now: used, reserved, expired, or never theirs.
    CouponUnusable,
    /// A coupon that was named does not count in this order: below its threshold, or beside another of its group.
    CouponNotApplicable,
    /// Only those of a higher tier may take part so far.
    EarlyEntryOnly,
    /// The user is in another arm of the experiment.
    NotInArm,
}

impl Prize {
    /// The cash in it.
    pub fn cash(&self) -> Fen {
        match self {
            Self::Cash(amount) => *amount,
            Self::Coupon(_) | Self::Item(_) | Self::Code(_) => Fen::ZERO,
        }
    }

    /// The coupon template that it names, if it is a coupon.
    pub fn coupon(&self) -> Option<&str> {
        match self {
            Self::Coupon(coupon) => Some(coupon),
            Self::Cash(_) | Self::Item(_) | Self::Code(_) => None,
        }
    }
}

impl RefusalCode {
    /// Every reason.
    pub const ALL: [Self; 27] = [
        Self::NotOpen,
        Self::Closed,
        Self::SoldOut,
        Self::LimitReached,
        Self::InsufficientStock,
        Self::OrderPaid,
        Self::OrderReleased,
        Self::RoomDayLimit,
        Self::WinCap,
        Self::TierTooLow,
        Self::NotInFanClub,
        Self::WatchedTooLittle,
        Self::NotCheckedIn,
        Self::KeywordNotPosted,
        Self::GiftNotSent,
        Self::NotNewcomer,
        Self::WonTooOften,
        Self::AccountTooNew,
        Self::RiskTooHigh,
        Self::NotOnAir,
        Self::CheckedInAlready,
        Self::Excluded,
        Self::PrizePassed,
        Self::CouponUnusable,
        Self::CouponNotApplicable,
        Self::EarlyEntryOnly,
        Self::NotInArm,
    ];

    /// The word that every interface uses.
    pub const fn word(self) -> &'static str {
        match self {
            Self::NotOpen => "not_open",
            Self::Closed => "closed",
            Self::SoldOut => "sold_out",
            Self::LimitReached => "limit_reached",
            Self::InsufficientStock => "insufficient_stock",
            Self::OrderPaid => "order_paid",
            Self::OrderReleased => "order_released",
            Self::RoomDayLimit => "room_day_limit",
            Self::WinCap => "win_cap",
            Self::TierTooLow => "tier_too_low",
            Self::NotInFanClub => "not_in_fan_club",
            Self::WatchedTooLittle => "watched_too_little",
            Self::NotCheckedIn => "not_checked_in",
            Self::KeywordNotPosted => "keyword_not_posted",
            Self::GiftNotSent => "gift_not_sent",
            Self::NotNewcomer => "not_newcomer",
            Self::WonTooOften => "won_too_often",
            Self::AccountTooNew => "account_too_new",
            Self::RiskTooHigh => "risk_too_high",
            Self::NotOnAir => "not_on_air",
            Self::CheckedInAlready => "checked_in_already",
            Self::Excluded => "excluded",
            Self::PrizePassed => "prize_passed",
            Self::CouponUnusable => "coupon_unusable",
            Self::CouponNotApplicable => "coupon_not_applicable",
            Self::EarlyEntryOnly => "early_entry_only",
            Self::NotInArm => "not_in_arm",
        }
    }
}

impl Refusal {
    /// A refusal that needs no numbers.
    pub const fn plain(code: RefusalCode) -> Self {
        Self { code, have: 0, limit: 0 }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { code, have, limit } = *self;
        match code {
            RefusalCode::NotOpen => f.write_str("no open activity has this id and claim token"),
            RefusalCode::Closed => f.write_str("no more claims are taken"),
            RefusalCode::SoldOut => f.write_str("everything of this opening is gone"),
            RefusalCode::LimitReached => write!(f, "{have} of {limit} taken"),
            RefusalCode::InsufficientStock => write!(f, "{have} left, {limit} asked for"),
            RefusalCode::OrderPaid => f.write_str("the order is paid"),
            RefusalCode::OrderReleased => f.write_str("the order was released"),
            RefusalCode::RoomDayLimit => write!(f, "won {have} of {limit} times in this room today"),
            RefusalCode::WinCap => write!(f, "won {have} of {limit} times in the window"),
            RefusalCode::TierTooLow => {
                let (have, limit) = (Tier::from_number(have).word(), Tier::from_number(limit).word());
                write!(f, "tier is {have}, at least {limit} is asked for")
            }
            RefusalCode::NotInFanClub => f.write_str("not in the fan club"),
            RefusalCode::WatchedTooLittle => write!(f, "watched {have} of {limit} s"),
            RefusalCode::NotCheckedIn => f.write_str("not checked in today"),
            RefusalCode::KeywordNotPosted => f.write_str("the keyword was not posted"),
            RefusalCode::GiftNotSent => write!(f, "sent {have} of {limit} gifts"),
            RefusalCode::NotNewcomer => write!(f, "first seen {have} days ago, at most {limit} are allowed"),
            RefusalCode::WonTooOften => write!(f, "won {have} times in the window, at most {limit} are allowed"),
            RefusalCode::AccountTooNew => write!(f, "the account is {have} of {limit} days old"),
            // Whoever is told the figures learns what gives him away.
            RefusalCode::RiskTooHigh => f.write_str("the account is too risky"),
            RefusalCode::NotOnAir => f.write_str("the room is off air"),
            RefusalCode::CheckedInAlready => f.write_str("checked in today already"),
            RefusalCode::Excluded => f.write_str("the rules exclude you from this draw"),
            RefusalCode::PrizePassed => f.write_str("the prize was passed on"),
            RefusalCode::CouponUnusable => f.write_str("a named coupon is used, reserved, expired or not the user's"),
            RefusalCode::CouponNotApplicable if limit > 0 => write!(f, "a named coupon needs {limit} fen, not {have}"),
            RefusalCode::NotInArm => f.write_str("not in the arm of the experiment"),
            RefusalCode::EarlyEntryOnly => {
                write!(f, "open to tier {} so far, to everybody in {have} s", Tier::from_number(limit).word())
            }
            RefusalCode::CouponNotApplicable => f.write_str("a named coupon does not count beside the others"),
        }
    }
}

/// Nothing was decided and nothing was written: the same request may be sent again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: {detail}", code.word())]
pub struct NotDone {
    /// Why.
    pub code: NotDoneCode,
    /// What exactly, for people.
    pub detail: Cow<'static, str>,
    /// How long to wait before asking again; 0 where waiting does not help.
    pub retry_after_ms: u32,
}

/// Reasons why nothing was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NotDoneCode {
    /// A parameter is out of its range.
    Invalid,
    /// The id was used for something else.
    Conflict,
    /// No such room.
    UnknownRoom,
    /// No such activity in this room.
    UnknownActivity,
    /// The activity is of a kind that does not do this.
    WrongKind,
    /// The sale has no such item.
    UnknownSku,
    /// No such order of this user.
    UnknownOrder,
    /// The role may not do this.
    Forbidden,
    /// More requests per second than one user may send.
    RateLimited,
    /// As many refusals of this user are kept in this activity as may be.
    TooManyRefusals,
    /// More requests per second than may come from one address.
    AddressBudget,
    /// More unanswered requests than one session may have.
    TooManyInFlight,
    /// The server is saturated.
    Overloaded,
    /// The store takes no decisions now.
    Unavailable,
    /// The activity's phase does not allow this.
    WrongPhase,
    /// The account holds less than would leave it.
    InsufficientFunds,
    /// A bound of the configuration would be exceeded.
    TooMany,
    /// What was said holds a word that is banned: only its author sees it.
    Blocked,
    /// The author must be silent for a while.
    Muted,
    /// No such campaign in this room.
    UnknownCampaign,
    /// The catalogue has no such gift.
    UnknownGift,
    /// It has changed since the version that was named.
    VersionMismatch,
    /// A fan already.
    AlreadyFan,
    /// No fan.
    NotFan,
    /// The fan club is joined by a gift.
    JoinedByGift,
    /// The user has not won anything in this draw.
    NoAward,
    /// The host does not let this user in.
    Banned,
    /// The room has no such template, of coupons or of activities.
    UnknownTemplate,
    /// No such recurrence in this room.
    UnknownRecurrence,
    /// Another bag of the room has given one of these codes, or may.
    CodeTaken,
    /// Nothing of this grant is or was held.
    UnknownHold,
    /// No such experiment in this room, or no such arm.
    UnknownExperiment,
}

impl NotDoneCode {
    /// Every reason.
    pub const ALL: [Self; 32] = [
        Self::Invalid,
        Self::Conflict,
        Self::UnknownRoom,
        Self::UnknownActivity,
        Self::WrongKind,
        Self::UnknownSku,
        Self::UnknownOrder,
        Self::Forbidden,
        Self::RateLimited,
        Self::AddressBudget,
        Self::TooManyRefusals,
        Self::TooManyInFlight,
        Self::Overloaded,
        Self::Unavailable,
        Self::WrongPhase,
        Self::InsufficientFunds,
        Self::TooMany,
        Self::Blocked,
        Self::Muted,
        Self::UnknownCampaign,
        Self::UnknownGift,
        Self::VersionMismatch,
        Self::AlreadyFan,
        Self::NotFan,
        Self::JoinedByGift,
        Self::NoAward,
        Self::Banned,
        Self::UnknownTemplate,
        Self::UnknownRecurrence,
        Self::CodeTaken,
        Self::UnknownHold,
        Self::UnknownExperiment,
    ];

    /// The word that every interface uses.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Invalid => "invalid",
            Self::Conflict => "conflict",
            Self::UnknownRoom => "unknown_room",
            Self::UnknownActivity => "unknown_activity",
            Self::WrongKind => "wrong_kind",
            Self::UnknownSku => "unknown_sku",
            Self::UnknownOrder => "unknown_order",
            Self::Forbidden => "forbidden",
            Self::RateLimited => "rate_limited",
            Self::AddressBudget => "address_budget",
            Self::TooManyRefusals => "too_many_refusals",
            Self::TooManyInFlight => "too_many_in_flight",
            Self::Overloaded => "overloaded",
            Self::Unavailable => "unavailable",
            Self::WrongPhase => "wrong_phase",
            Self::InsufficientFunds => "insufficient_funds",
            Self::TooMany => "too_many",
            Self::Blocked => "blocked",
            Self::Muted => "muted",
            Self::UnknownCampaign => "unknown_campaign",
            Self::UnknownGift => "unknown_gift",
            Self::VersionMismatch => "version_mismatch",
            Self::AlreadyFan => "already_fan",
            Self::NotFan => "not_fan",
            Self::JoinedByGift => "joined_by_gift",
            Self::NoAward => "no_award",
            Self::Banned => "banned",
            Self::UnknownTemplate => "unknown_template",
            Self::UnknownRecurrence => "unknown_recurrence",
            Self::CodeTaken => "code_taken",
            Self::UnknownHold => "unknown_hold",
            Self::UnknownExperiment => "unknown_experiment",
        }
    }

    /// This reason, with words for people.
    pub fn because(self, detail: impl Into<Cow<'static, str>>) -> NotDone {
        NotDone { code: self, detail: detail.into(), retry_after_ms: 0 }
    }

    /// This reason, and when it may have passed.
    pub fn for_now(self, detail: impl Into<Cow<'static, str>>, retry_after_ms: u32) -> NotDone {
        NotDone { code: self, detail: detail.into(), retry_after_ms }
    }
}
