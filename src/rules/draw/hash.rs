//! Hashes over several parts, and bytes that people read as hex.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use sha2::{Digest as _, Sha256};

/// A SHA-256 hash, or 32 bytes that go into one. Hex where people read it, plain where the log does.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(pub [u8; 32]);

/// Bytes of any length, written like a [`Digest`].
#[derive(Clone, PartialEq, Eq, Default)]
pub struct HexBytes(pub Vec<u8>);

impl Digest {
    /// The hash of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// Reads 64 lower-case hex digits.
    pub fn parse(hex: &str) -> Option<Self> {
        unhex(hex)?.try_into().ok().map(Self)
    }
}

impl HexBytes {
    /// Reads lower-case hex digits.
    pub fn parse(hex: &str) -> Option<Self> {
        unhex(hex).map(Self)
    }
}

/// The hash of several parts, none of which can be taken for a piece of another: each goes in behind its length, as
/// four bytes, the highest first.
#[derive(Clone)]
pub(super) struct Parts(Sha256);

impl Parts {
    /// Begins with what the hash is for.
    pub(super) fn of(domain: &str) -> Self {
        Self(Sha256::new()).with(domain.as_bytes())
    }

    pub(super) fn with(mut self, part: &[u8]) -> Self {
        self.0.update((part.len() as u32).to_be_bytes());
        self.0.update(part);
        self
    }

    pub(super) fn hash(self) -> Digest {
        Digest(self.0.finalize().into())
    }
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]).map(|digit| char::from(DIGITS[digit as usize])).collect()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    // Lower case only: what is hashed and compared has one spelling.
    let digit = |c: u8| match c {
        b'0'..=b'9' => Some(c - b'0'),
        b'a'..=b'f' => Some(c - b'a' + 10),
        _ => None,
    };
    let pairs = text.as_bytes().chunks(2);
    pairs.map(|pair| Some(digit(pair[0])? << 4 | digit(*pair.get(1)?)?)).collect()
}

macro_rules! as_hex {
    ($kind:ident, $plain:ty) => {
        impl fmt::Display for $kind {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&hex(&self.0))
            }
        }

        impl fmt::Debug for $kind {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&hex(&self.0))
            }
        }

        impl Serialize for $kind {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                if serializer.is_human_readable() {
                    serializer.serialize_str(&hex(&self.0))
                } else {
                    self.0.serialize(serializer)
                }
            }
        }

        impl<'de> Deserialize<'de> for $kind {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                if !deserializer.is_human_readable() {
                    return <$plain>::deserialize(deserializer).map(Self);
                }
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                Self::parse(&text).ok_or_else(|| de::Error::custom("not lower-case hex of the right length"))
            }
        }
    };
}

as_hex!(Digest, [u8; 32]);
as_hex!(HexBytes, Vec<u8>);
