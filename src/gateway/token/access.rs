//! What a verified token says.

use serde::{Deserialize, Serialize};

use super::TokenError;
use crate::rules::{AccountFacts, RoomId, Time, UserId};

/// What the bearer of a token may be.
///
/// Ordered: who is more may do what those who are less may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Judges how risky accounts are, by the API, and does nothing else.
    Risk,
    /// Watches and takes part.
    Viewer,
    /// Runs the activities of its rooms.
    Host,
    /// Runs the service.
    Operator,
}

/// Where a token is good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rooms {
    /// In every room.
    Any,
    /// In these, at most [`Rooms::LISTED_MAX`].
    Listed(Box<[RoomId]>),
}

impl Rooms {
    /// Most rooms that one token names.
    pub const LISTED_MAX: usize = 64;

    /// Whether the room is one of them.
    pub fn contains(&self, room: RoomId) -> bool {
        match self {
            Self::Any => true,
            Self::Listed(rooms) => rooms.contains(&room),
        }
    }
}

/// What a verified token allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    /// Who the bearer is.
    pub user: UserId,
    /// As what.
    pub role: Role,
    /// Where.
    pub rooms: Rooms,
    /// Until when, leeway included. A session that lasts longer has to end then.
    pub until: Time,
    /// What the issuer says of the account.
    pub account: AccountFacts,
}

impl Access {
    /// Lets the bearer into a room.
    ///
    /// # Errors
    /// [`TokenError::WrongRoom`] if the token is for others.
    pub fn enter(&self, room: RoomId) -> Result<(), TokenError> {
        if self.rooms.contains(room) { Ok(()) } else { Err(TokenError::WrongRoom) }
    }

    /// Lets the bearer do what takes a role.
    ///
    /// # Errors
    /// [`TokenError::Role`] if the bearer's is less.
    pub fn require(&self, role: Role) -> Result<(), TokenError> {
        if self.role >= role { Ok(()) } else { Err(TokenError::Role) }
    }
}
