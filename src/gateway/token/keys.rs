//! The keys that tokens are signed with, and the ring of those that are accepted.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jsonwebtoken::{DecodingKey, EncodingKey};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{PrivatePkcs8KeyDer, SubjectPublicKeyInfoDer};
use secrecy::{ExposeSecret, SecretSlice, SecretString};
use serde::{Deserialize, Serialize};

/// The DER of an Ed25519 public key up to the 32 bytes of the key itself (RFC 8410).
const ED25519_SPKI_PREFIX: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// How a token is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "&'static str", try_from = "String")]
pub enum Algorithm {
    /// Ed25519: the server only holds the public key.
    EdDsa,
    /// HMAC with SHA-256: the server holds the secret, and could sign as well.
    Hs256,
}

impl Algorithm {
    /// The name in a token's header.
    pub fn name(self) -> &'static str {
        match self {
            Self::EdDsa => "EdDSA",
            Self::Hs256 => "HS256",
        }
    }

    pub(super) fn library(self) -> jsonwebtoken::Algorithm {
        match self {
            Self::EdDsa => jsonwebtoken::Algorithm::EdDSA,
            Self::Hs256 => jsonwebtoken::Algorithm::HS256,
        }
    }
}

impl FromStr for Algorithm {
    type Err = KeyError;

    fn from_str(name: &str) -> Result<Self, KeyError> {
        [Self::EdDsa, Self::Hs256].into_iter().find(|known| known.name() == name).ok_or(KeyError::Algorithm)
    }
}

impl TryFrom<String> for Algorithm {
    type Error = KeyError;

    fn try_from(name: String) -> Result<Self, KeyError> {
        name.parse()
    }
}

impl From<Algorithm> for &'static str {
    fn from(algorithm: Algorithm) -> Self {
        algorithm.name()
    }
}

/// The name of a key: 1 to 64 bytes of `[A-Za-z0-9_-]`, so that it can be a key of a configuration and part of a path.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct KeyId(String);

impl KeyId {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for KeyId {
    type Error = KeyError;

    fn try_from(text: String) -> Result<Self, KeyError> {
        let plain = text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'));
        if plain && (1..=64).contains(&text.len()) { Ok(Self(text)) } else { Err(KeyError::Id) }
    }
}

impl FromStr for KeyId {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        text.to_owned().try_into()
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a key can't be used. Never says anything of the key itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Not an algorithm of ours.
    #[error("is not an algorithm for tokens: EdDSA or HS256")]
    Algorithm,
    /// Not a name for a key.
    #[error("is not a key id: 1 to 64 letters, digits, '_' and '-'")]
    Id,
    /// Not an Ed25519 public key.
    #[error("is not an Ed25519 public key in PEM (BEGIN PUBLIC KEY)")]
    NotPublic,
    /// A private key, where the public one is enough.
    #[error("is a private key; a server that only checks tokens needs the public one (BEGIN PUBLIC KEY)")]
    Private,
    /// Not an Ed25519 private key.
    #[error("is not an Ed25519 private key in PEM (BEGIN PRIVATE KEY)")]
    NotPrivate,
    /// A secret that could be guessed.
    #[error("is too short a secret for HS256: at least 32 bytes")]
    ShortSecret,
    /// Two keys of one name.
    #[error("is there twice")]
    Repeated,
    /// The system could not make a key.
    #[error("could not be made: the system gave no key")]
    NotMade,
}

/// A key that checks signatures.
#[derive(Clone)]
pub struct VerifyingKey {
    pub(super) algorithm: Algorithm,
    pub(super) key: DecodingKey,
}

impl VerifyingKey {
    /// An Ed25519 public key, from PEM.
    ///
    /// # Errors
    /// [`KeyError::NotPublic`]; [`KeyError::Private`] where a private key was given.
    pub fn ed25519(pem: &[u8]) -> Result<Self, KeyError> {
        let Ok(spki) = SubjectPublicKeyInfoDer::from_pem_slice(pem) else {
            let private = PrivatePkcs8KeyDer::from_pem_slice(pem).is_ok();
            return Err(if private { KeyError::Private } else { KeyError::NotPublic });
        };
        match spki.strip_prefix(&ED25519_SPKI_PREFIX) {
            Some(key) if key.len() == 32 => {
                Ok(Self { algorithm: Algorithm::EdDsa, key: DecodingKey::from_ed_der(key) })
            }
            _ => Err(KeyError::NotPublic),
        }
    }

    /// A shared secret of at least 32 bytes (RFC 7518 asks for as many as the hash has).
    ///
    /// # Errors
    /// [`KeyError::ShortSecret`].
    pub fn hs256(secret: &SecretSlice<u8>) -> Result<Self, KeyError> {
        let secret = long_enough(secret)?;
        Ok(Self { algorithm: Algorithm::Hs256, key: DecodingKey::from_secret(secret) })
    }
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("VerifyingKey").field(&self.algorithm).finish()
    }
}

/// A key that makes signatures.
#[derive(Clone)]
pub struct SigningKey {
    pub(super) algorithm: Algorithm,
    pub(super) key: EncodingKey,
}

impl SigningKey {
    /// An Ed25519 private key, from PEM.
    ///
    /// # Errors
    /// [`KeyError::NotPrivate`].
    pub fn ed25519(pem: &SecretSlice<u8>) -> Result<Self, KeyError> {
        let der = PrivatePkcs8KeyDer::from_pem_slice(pem.expose_secret()).map_err(|_| KeyError::NotPrivate)?;
        let der = der.secret_pkcs8_der();
        Ed25519KeyPair::from_pkcs8(der).map_err(|_| KeyError::NotPrivate)?;
        Ok(Self { algorithm: Algorithm::EdDsa, key: EncodingKey::from_ed_der(der) })
    }

    /// A shared secret of at least 32 bytes.
    ///
    /// # Errors
    /// [`KeyError::ShortSecret`].
    pub fn hs256(secret: &SecretSlice<u8>) -> Result<Self, KeyError> {
        let secret = long_enough(secret)?;
        Ok(Self { algorithm: Algorithm::Hs256, key: EncodingKey::from_secret(secret) })
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SigningKey").field(&self.algorithm).finish()
    }
}

fn long_enough(secret: &SecretSlice<u8>) -> Result<&[u8], KeyError> {
    let secret = secret.expose_secret();
    if secret.len() < 32 { Err(KeyError::ShortSecret) } else { Ok(secret) }
}

/// A new Ed25519 key, both halves in PEM.
#[derive(Debug)]
pub struct KeyPair {
    /// For whoever issues tokens (PKCS #8).
    pub private_pem: SecretString,
    /// For the servers that check them.
    pub public_pem: String,
}

impl KeyPair {
    /// Makes one.
    ///
    /// # Errors
    /// [`KeyError::NotMade`] on a system without randomness.
    pub fn generate() -> Result<Self, KeyError> {
        let made = Ed25519KeyPair::generate().map_err(|_| KeyError::NotMade)?;
        // The first version of the format, because not every tool reads the second.
        let private: Pkcs8V1Der<'_> = made.as_der().map_err(|_| KeyError::NotMade)?;
        let public: PublicKeyX509Der<'_> = made.public_key().as_der().map_err(|_| KeyError::NotMade)?;
        Ok(Self {
            private_pem: pem("PRIVATE KEY", private.as_ref()).into(),
            public_pem: pem("PUBLIC KEY", public.as_ref()),
        })
    }
}

fn pem(label: &str, der: &[u8]) -> String {
    // An Ed25519 key is shorter than the 64 columns after which lines have to break.
    let line = STANDARD.encode(der);
    format!("-----BEGIN {label}-----\n{line}\n-----END {label}-----\n")
}

/// The keys whose signatures are accepted. More than one, so that keys can be rotated: add the new one everywhere, sign
/// with it, and take the old one away when its last token has expired.
#[derive(Debug, Clone, Default)]
pub struct KeyRing {
    /// Few enough that looking through them beats hashing.
    keys: Vec<(KeyId, VerifyingKey)>,
}

impl KeyRing {
    /// No keys: nobody gets in.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a key.
    ///
    /// # Errors
    /// [`KeyError::Repeated`] if the id is taken.
    pub fn add(&mut self, id: KeyId, key: VerifyingKey) -> Result<(), KeyError> {
        if self.get(id.as_str()).is_some() {
            return Err(KeyError::Repeated);
        }
        self.keys.push((id, key));
        Ok(())
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    pub(super) fn get(&self, id: &str) -> Option<&VerifyingKey> {
        self.keys.iter().find(|(known, _)| known.as_str() == id).map(|(_, key)| key)
    }
}
