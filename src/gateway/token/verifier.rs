//! The check that a token goes through.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::DeserializeOwned;

use super::{Access, Algorithm, Claims, Header, KeyRing, Rooms, Seconds, TOKEN_BYTES_MAX, TokenError, TokenPolicy};
use crate::rules::{AccountFacts, RoomId, Time};

/// Checks tokens against a ring of keys and a policy.
#[derive(Debug, Clone)]
pub struct Verifier {
    ring: KeyRing,
    policy: TokenPolicy,
}

impl Verifier {
    /// A verifier that accepts what these keys signed.
    pub fn new(ring: KeyRing, policy: TokenPolicy) -> Self {
        Self { ring, policy }
    }

    /// Checks a token for a room.
    ///
    /// # Errors
    /// As [`Verifier::read`], and [`TokenError::WrongRoom`].
    pub fn verify(&self, now: Time, token: &str, room: RoomId) -> Result<Access, TokenError> {
        let access = self.read(now, token)?;
        access.enter(room)?;
        Ok(access)
    }

    /// Checks a token, wherever it is to be used. Nothing that is not signed is believed, apart from the key's id.
    ///
    /// # Errors
    /// The first that applies, in this order: missing, malformed, algorithm not accepted, key unknown, algorithm not the
    /// key's, signature, malformed claims, audience, too long-lived, not yet valid, expired.
    pub fn read(&self, now: Time, token: &str) -> Result<Access, TokenError> {
        let signed = Signed::parse(token)?;
        self.check_signature(&signed)?;
        let claims: Claims = decode(signed.claims, "its claims are not those of an access token")?;
        self.check_policy(now, claims)
    }

    fn check_signature(&self, signed: &Signed<'_>) -> Result<(), TokenError> {
        let header: Header = decode(signed.header, "its header is not one")?;
        let algorithm: Algorithm = header.alg.parse().map_err(|_| TokenError::Algorithm)?;
        if header.crit.is_some() {
            return Err(TokenError::Malformed("its header has an extension"));
        }
        let kid = header.kid.ok_or(TokenError::Malformed("its header has no key id"))?;
        let known = self.ring.get(&kid).ok_or(TokenError::KeyUnknown)?;
        // Were the header believed, a public key could be passed off as a shared secret.
        if algorithm != known.algorithm {
            return Err(TokenError::Algorithm);
        }
        let fits = jsonwebtoken::crypto::verify(
            signed.signature,
            signed.message.as_bytes(),
            &known.key,
            known.algorithm.library(),
        );
        if matches!(fits, Ok(true)) { Ok(()) } else { Err(TokenError::Signature) }
    }

    fn check_policy(&self, now: Time, claims: Claims) -> Result<Access, TokenError> {
        let TokenPolicy { audience, ttl_max, leeway } = &self.policy;
        if !claims.aud.as_slice().contains(audience) {
            return Err(TokenError::Audience);
        }
        let listed = claims.room.as_ref().map(|room| room.as_slice());
        if listed.is_some_and(|rooms| rooms.is_empty() || rooms.len() > Rooms::LISTED_MAX) {
            return Err(TokenError::Malformed("it lists no rooms, or too many"));
        }
        if claims.sub.is_reserved() {
            return Err(TokenError::Malformed("the server keeps its subject's name for itself"));
        }
        if claims.risk.is_some_and(|risk| risk > AccountFacts::RISK_MAX) {
            return Err(TokenError::Malformed("its risk is not 0 to 100"));
        }
        let (iat, exp) = (claims.iat.time(), claims.exp.time());
        if exp <= iat {
            return Err(TokenError::Malformed("it expires before it was issued"));
        }
        if exp > iat.after_ms(ttl_max.as_millis() as u64) {
            return Err(TokenError::TooLongLived);
        }
        let leeway_ms = leeway.as_millis() as u64;
        // A token issued in the future would live longer than the bound on its lifetime says.
        let from = claims.nbf.map_or(iat, |nbf| nbf.time().max(iat));
        if now < from.before_ms(leeway_ms) {
            return Err(TokenError::NotYetValid);
        }
        let until = exp.after_ms(leeway_ms);
        if now >= until {
            return Err(TokenError::Expired);
        }
        let rooms = listed.map_or(Rooms::Any, |rooms| Rooms::Listed(rooms.into()));
        let account = AccountFacts { created: claims.account_created.map(Seconds::time), risk: claims.risk };
        Ok(Access { user: claims.sub, role: claims.role, rooms, until, account })
    }
}

/// The parts of `header.claims.signature`.
struct Signed<'a> {
    header: &'a str,
    claims: &'a str,
    /// What is signed: `header.claims`.
    message: &'a str,
    signature: &'a str,
}

impl<'a> Signed<'a> {
    fn parse(token: &'a str) -> Result<Self, TokenError> {
        if token.is_empty() {
            return Err(TokenError::Missing);
        }
        if token.len() > TOKEN_BYTES_MAX {
            return Err(TokenError::Malformed("it is too long"));
        }
        let three = TokenError::Malformed("it does not have three parts");
        let (message, signature) = token.rsplit_once('.').ok_or(three)?;
        let (header, claims) = message.split_once('.').ok_or(three)?;
        if claims.contains('.') {
            return Err(three);
        }
        Ok(Self { header, claims, message, signature })
    }
}

fn decode<T: DeserializeOwned>(part: &str, wrong: &'static str) -> Result<T, TokenError> {
    let json = URL_SAFE_NO_PAD.decode(part).map_err(|_| TokenError::Malformed("a part is not base64url"))?;
    serde_json::from_slice(&json).map_err(|_| TokenError::Malformed(wrong))
}
