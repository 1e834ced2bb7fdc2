//! Access tokens: who may enter which room, as what, until when.
//!
//! A token is a JWT ([RFC 7519]) signed by the operator's own systems with a key of the ring. What is accepted is kept
//! narrow, as [RFC 8725] asks: two algorithms, and the one that counts is the key's, never the header's; a key id, an
//! audience, an issue time and an expiry are required; the lifetime is bounded. Times are judged by the server's clock,
//! which is a parameter here.
//!
//! | claim | meaning |
//! |---|---|
//! | `aud` | this service's name, alone or in a list |
//! | `sub` | the user's id; `payment-provider` is the server's own |
//! | `role` | `viewer`, `host` or `operator` |
//! | `room` | the room, or a list of rooms, that the token is for; absent: any room |
//! | `iat`, `exp` | seconds since the epoch: issued, and over |
//! | `nbf` | seconds since the epoch: not before; optional |
//!
//! [RFC 7519]: https://www.rfc-editor.org/rfc/rfc7519
//! [RFC 8725]: https://www.rfc-editor.org/rfc/rfc8725

mod access;
mod issuer;
mod keys;
#[cfg(test)]
mod tests;
mod verifier;

use std::time::Duration;

use liveroom_protocol::codes::reason;
use serde::{Deserialize, Serialize};

use crate::rules::{RoomId, Time, UserId};

pub use access::{Access, Role, Rooms};
pub use issuer::{IssueError, Issuer};
pub use keys::{Algorithm, KeyError, KeyId, KeyPair, KeyRing, SigningKey, VerifyingKey};
pub use verifier::Verifier;

/// The longest token that is looked at. One that names [`Rooms::LISTED_MAX`] rooms of the longest name fits.
pub const TOKEN_BYTES_MAX: usize = 4_096;

/// Why a token does not let its bearer in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// There is none.
    #[error("there is no token")]
    Missing,
    /// Not a token, or one whose claims are not what they must be. The text says what.
    #[error("the token is malformed: {0}")]
    Malformed(&'static str),
    /// The header names an algorithm that is not accepted, or not the key's own.
    #[error("the token's algorithm is not the one its key is for")]
    Algorithm,
    /// Signed with a key that is not in the ring.
    #[error("the token's key is not known here")]
    KeyUnknown,
    /// The signature does not fit.
    #[error("the token's signature does not fit")]
    Signature,
    /// Made for another service.
    #[error("the token is for another audience")]
    Audience,
    /// Its time is over.
    #[error("the token has expired")]
    Expired,
    /// Its time has not come.
    #[error("the token is not yet valid")]
    NotYetValid,
    /// Valid for longer than is accepted.
    #[error("the token is valid for longer than is accepted here")]
    TooLongLived,
    /// Made for another room.
    #[error("the token is for another room")]
    WrongRoom,
    /// The bearer's role may not do this.
    #[error("the token's role may not do this")]
    Role,
}

impl TokenError {
    /// The error as a word that clients can tell apart.
    pub fn code(self) -> &'static str {
        match self {
            Self::Missing => reason::TOKEN_MISSING,
            Self::Malformed(_) => reason::TOKEN_MALFORMED,
            Self::Algorithm => reason::TOKEN_ALGORITHM,
            Self::KeyUnknown => reason::TOKEN_KEY_UNKNOWN,
            Self::Signature => reason::TOKEN_SIGNATURE,
            Self::Audience => reason::TOKEN_AUDIENCE,
            Self::Expired => reason::TOKEN_EXPIRED,
            Self::NotYetValid => reason::TOKEN_NOT_YET_VALID,
            Self::TooLongLived => reason::TOKEN_TOO_LONG_LIVED,
            Self::WrongRoom => reason::TOKEN_ROOM,
            Self::Role => reason::TOKEN_ROLE,
        }
    }
}

/// What makes a token one for this service, apart from its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenPolicy {
    /// This service's name.
    pub audience: String,
    /// The longest time between issue and expiry.
    pub ttl_max: Duration,
    /// How far the issuer's clock may be off.
    pub leeway: Duration,
}

#[derive(Debug, Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    /// Extensions that a verifier must understand: there are none.
    crit: Option<serde::de::IgnoredAny>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Claims {
    aud: OneOrMany<String>,
    sub: UserId,
    role: Role,
    #[serde(skip_serializing_if = "Option::is_none")]
    room: Option<OneOrMany<RoomId>>,
    iat: Seconds,
    #[serde(skip_serializing_if = "Option::is_none")]
    nbf: Option<Seconds>,
    exp: Seconds,
    /// Since when there is the account.
    #[serde(skip_serializing_if = "Option::is_none")]
    account_created: Option<Seconds>,
    /// How likely the account is a bot's, 0 to 100.
    #[serde(skip_serializing_if = "Option::is_none")]
    risk: Option<u8>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged)]
enum OneOrMany<T> {
    One(T),
    Many(Vec<T>),
}

impl<T> OneOrMany<T> {
    fn as_slice(&self) -> &[T] {
        match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::Many(many) => many,
        }
    }
}

/// Whole seconds since the epoch, within what [`Time`] can say without overflow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "i64")]
struct Seconds(i64);

impl Seconds {
    fn time(self) -> Time {
        Time::from_ms(self.0 * 1_000)
    }
}

impl TryFrom<i64> for Seconds {
    type Error = &'static str;

    fn try_from(seconds: i64) -> Result<Self, Self::Error> {
        if (0..=Time::MAX.ms() / 1_000).contains(&seconds) { Ok(Self(seconds)) } else { Err("not a time") }
    }
}
