//! The codes of the wire as words and numbers, and what a client may do about each. Every code is spelled here once.

use crate::transport::WS_CLOSE_BASE;
use crate::wire::{GoodbyeCode, NotDoneCode, RefusalCode};

/// What may be done about a request that was not done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// The same request would fail again: it must be changed, or the caller's rights must.
    Never,
    /// Nothing is wrong with the request; send it again, same id, not before `retry_after_ms` nor sooner than a backoff says.
    Later,
}

/// What a client does after a goodbye.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reconnect {
    /// Not by itself: it would be turned away again.
    Never,
    /// Once, with a fresh token.
    FreshToken,
    /// After `retry_after_ms`, or a backoff.
    Later,
}

impl RefusalCode {
    /// The code as a word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Unspecified => "unspecified",
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

impl NotDoneCode {
    /// The code as a word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Unspecified => "unspecified",
            Self::Invalid => "invalid",
            Self::Conflict => "conflict",
            Self::UnknownActivity => "unknown_activity",
            Self::WrongKind => "wrong_kind",
            Self::UnknownSku => "unknown_sku",
            Self::UnknownOrder => "unknown_order",
            Self::Forbidden => "forbidden",
            Self::RateLimited => "rate_limited",
            Self::TooManyInFlight => "too_many_in_flight",
            Self::Overloaded => "overloaded",
            Self::Unavailable => "unavailable",
            Self::Blocked => "blocked",
            Self::Muted => "muted",
            Self::AddressBudget => "address_budget",
            Self::TooManyRefusals => "too_many_refusals",
            Self::InsufficientFunds => "insufficient_funds",
            Self::UnknownGift => "unknown_gift",
            Self::AlreadyFan => "already_fan",
            Self::NotFan => "not_fan",
            Self::JoinedByGift => "joined_by_gift",
            Self::NoAward => "no_award",
        }
    }

    /// Whether asking again can help.
    pub fn retry(self) -> Retry {
        match self {
            Self::RateLimited | Self::AddressBudget | Self::TooManyInFlight | Self::Overloaded | Self::Unavailable => {
                Retry::Later
            }
            Self::Unspecified
            | Self::Invalid
            | Self::Conflict
            | Self::UnknownActivity
            | Self::WrongKind
            | Self::UnknownSku
            | Self::UnknownOrder
            | Self::Forbidden
            | Self::Blocked
            | Self::Muted
            | Self::TooManyRefusals
            | Self::InsufficientFunds
            | Self::UnknownGift
            | Self::AlreadyFan
            | Self::NotFan
            | Self::JoinedByGift
            | Self::NoAward => Retry::Never,
        }
    }
}

impl GoodbyeCode {
    /// The code as a word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Unspecified => "unspecified",
            Self::Draining => "draining",
            Self::TooSlow => "too_slow",
            Self::ProtocolError => "protocol_error",
            Self::Unauthorized => "unauthorized",
            Self::Version => "version",
            Self::HelloTimeout => "hello_timeout",
            Self::Idle => "idle",
            Self::TooManyConnections => "too_many_connections",
            Self::UnknownRoom => "unknown_room",
            Self::Banned => "banned",
        }
    }

    /// The close code of a WebSocket.
    pub fn ws_close_code(self) -> u16 {
        // The enum's numbers are small and not negative.
        WS_CLOSE_BASE + self as u16
    }

    /// The application's close code of a QUIC connection.
    pub fn quic_close_code(self) -> u32 {
        self as u32
    }

    /// The code that a WebSocket was closed with; `None` if it is not one of ours.
    pub fn from_ws_close_code(code: u16) -> Option<Self> {
        Self::from_number(u64::from(code.checked_sub(WS_CLOSE_BASE)?))
    }

    /// The code that a QUIC connection was closed with; `None` if it is not one of ours.
    pub fn from_quic_close_code(code: u64) -> Option<Self> {
        Self::from_number(code)
    }

    /// Whether to come back.
    pub fn reconnect(self) -> Reconnect {
        match self {
            Self::Unspecified
            | Self::Draining
            | Self::TooSlow
            | Self::HelloTimeout
            | Self::Idle
            | Self::TooManyConnections => Reconnect::Later,
            Self::Unauthorized => Reconnect::FreshToken,
            Self::ProtocolError | Self::Version | Self::UnknownRoom | Self::Banned => Reconnect::Never,
        }
    }

    fn from_number(number: u64) -> Option<Self> {
        let code = i32::try_from(number).ok().and_then(|number| Self::try_from(number).ok())?;
        (code != Self::Unspecified).then_some(code)
    }
}

/// The words of `Goodbye.reason`, where there is more to say than the code's own word; those of frame errors come from
/// [`crate::frame::FrameError::word`].
pub mod reason {
    /// The first frame was not a hello.
    pub const HELLO_MISSING: &str = "hello_missing";
    /// A second hello.
    pub const HELLO_TWICE: &str = "hello_twice";
    /// A frame whose body this server does not know.
    pub const FRAME_TYPE_UNKNOWN: &str = "frame_type_unknown";
    /// A request without an id.
    pub const REQUEST_ID_MISSING: &str = "request_id_missing";
    /// More pings than a sign of life needs.
    pub const PING_FLOOD: &str = "ping_flood";
    /// A hello whose agent is longer than allowed.
    pub const AGENT_TOO_LONG: &str = "agent_too_long";
    /// A QUIC stream beside the control stream.
    pub const STREAM_UNEXPECTED: &str = "stream_unexpected";
    /// A WebSocket message that is not binary.
    pub const MESSAGE_NOT_BINARY: &str = "message_not_binary";
    /// A WebSocket message longer than allowed.
    pub const MESSAGE_TOO_LARGE: &str = "message_too_large";
    /// Bytes that are not the WebSocket protocol.
    pub const WEBSOCKET_MALFORMED: &str = "websocket_malformed";
    /// The room's name is not one.
    pub const ROOM_ID_INVALID: &str = "room_id_invalid";
    /// No token.
    pub const TOKEN_MISSING: &str = "token_missing";
    /// Not a token, or one whose claims are not what they must be.
    pub const TOKEN_MALFORMED: &str = "token_malformed";
    /// Signed with an algorithm that is not accepted here, `none` included.
    pub const TOKEN_ALGORITHM: &str = "token_algorithm";
    /// Signed with a key that is not known here.
    pub const TOKEN_KEY_UNKNOWN: &str = "token_key_unknown";
    /// The signature does not fit.
    pub const TOKEN_SIGNATURE: &str = "token_signature";
    /// Made for another service.
    pub const TOKEN_AUDIENCE: &str = "token_audience";
    /// Its time is over: get a fresh one.
    pub const TOKEN_EXPIRED: &str = "token_expired";
    /// Its time has not come.
    pub const TOKEN_NOT_YET_VALID: &str = "token_not_yet_valid";
    /// Valid for longer than is accepted.
    pub const TOKEN_TOO_LONG_LIVED: &str = "token_too_long_lived";
    /// Made for another room.
    pub const TOKEN_ROOM: &str = "token_room";
    /// Made for another role.
    pub const TOKEN_ROLE: &str = "token_role";
}

#[cfg(test)]
mod tests {
    use super::*;

    fn goodbyes() -> impl Iterator<Item = GoodbyeCode> {
        (1..).map_while(|number| GoodbyeCode::try_from(number).ok())
    }

    #[test]
    fn words_are_the_schema_s_names_in_lower_case() {
        for code in goodbyes() {
            assert_eq!(code.word(), code.as_str_name().to_lowercase());
        }
        for code in (1..).map_while(|number| NotDoneCode::try_from(number).ok()) {
            assert_eq!(code.word(), code.as_str_name().to_lowercase());
        }
        for code in (1..).map_while(|number| RefusalCode::try_from(number).ok()) {
            assert_eq!(code.word(), code.as_str_name().to_lowercase());
        }
    }

    #[test]
    fn close_codes_name_the_goodbye_and_nothing_else_does() {
        assert_eq!(goodbyes().count(), 10);
        for code in goodbyes() {
            assert_eq!(GoodbyeCode::from_ws_close_code(code.ws_close_code()), Some(code));
            assert_eq!(GoodbyeCode::from_quic_close_code(code.quic_close_code().into()), Some(code));
        }
        for other in [0, 1000, 1006, 3999, 4000, 4011, u16::MAX] {
            assert_eq!(GoodbyeCode::from_ws_close_code(other), None);
        }
        assert_eq!(GoodbyeCode::from_quic_close_code(u64::MAX), None);
    }
}
