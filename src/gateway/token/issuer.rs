//! The making of tokens, for `liveroom token`, tests and tools.

use std::time::Duration;

use jsonwebtoken::encode;

use super::{Claims, KeyId, OneOrMany, Role, Rooms, Seconds, SigningKey, TOKEN_BYTES_MAX};
use crate::rules::{AccountFacts, Time, UserId};

/// Signs tokens with one key for one audience.
#[derive(Debug, Clone)]
pub struct Issuer {
    kid: KeyId,
    key: SigningKey,
    audience: String,
}

/// Why a token was not made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IssueError {
    /// Not a lifetime.
    #[error("a token lives for at least a second, and not beyond the year 2200")]
    Ttl,
    /// No rooms, or more than a token can name.
    #[error("a token names 1 to {} rooms, or none for all", Rooms::LISTED_MAX)]
    Rooms,
    /// The result would not be accepted anywhere.
    #[error("the token would be longer than {TOKEN_BYTES_MAX} bytes")]
    TooLong,
    /// The key could not sign.
    #[error("the key could not sign")]
    Unsigned,
}

impl Issuer {
    /// An issuer with this key, known to the servers as `kid`.
    pub fn new(kid: KeyId, key: SigningKey, audience: String) -> Self {
        Self { kid, key, audience }
    }

    /// Makes a token that is valid from now on for `ttl`, in whole seconds.
    ///
    /// # Errors
    /// See [`IssueError`]. The bound on lifetimes is the verifier's.
    pub fn issue(
        &self, now: Time, user: UserId, role: Role, rooms: &Rooms, ttl: Duration,
    ) -> Result<String, IssueError> {
        self.vouch(now, user, role, rooms, ttl, AccountFacts::default())
    }

    /// Makes a token that also says something of its bearer's account.
    ///
    /// # Errors
    /// As [`Self::issue`].
    pub fn vouch(
        &self, now: Time, user: UserId, role: Role, rooms: &Rooms, ttl: Duration, account: AccountFacts,
    ) -> Result<String, IssueError> {
        let room = match rooms {
            Rooms::Any => None,
            Rooms::Listed(rooms) if rooms.is_empty() || rooms.len() > Rooms::LISTED_MAX => {
                return Err(IssueError::Rooms);
            }
            Rooms::Listed(rooms) => match rooms.as_ref() {
                [room] => Some(OneOrMany::One(*room)),
                rooms => Some(OneOrMany::Many(rooms.to_vec())),
            },
        };
        let iat = now.ms().div_euclid(1_000);
        let ttl_s = i64::try_from(ttl.as_secs()).ok().filter(|ttl| *ttl > 0).ok_or(IssueError::Ttl)?;
        let exp = iat.checked_add(ttl_s).ok_or(IssueError::Ttl)?;
        let claims = Claims {
            aud: OneOrMany::One(self.audience.clone()),
            sub: user,
            role,
            room,
            iat: Seconds::try_from(iat).map_err(|_| IssueError::Ttl)?,
            nbf: None,
            exp: Seconds::try_from(exp).map_err(|_| IssueError::Ttl)?,
            account_created: account.created.and_then(|at| Seconds::try_from(at.ms().div_euclid(1_000)).ok()),
            risk: account.risk,
        };
        let mut header = jsonwebtoken::Header::new(self.key.algorithm.library());
        header.kid = Some(self.kid.as_str().to_owned());
        let token = encode(&header, &claims, &self.key.key).map_err(|_| IssueError::Unsigned)?;
        if token.len() > TOKEN_BYTES_MAX { Err(IssueError::TooLong) } else { Ok(token) }
    }
}
