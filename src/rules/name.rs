//! Names that people and systems outside give to rooms and users.

use std::cmp::Ordering;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A short name kept inline: 1 to 39 bytes of `[A-Za-z0-9_.-]`.
///
/// The alphabet leaves out what would need escaping anywhere it travels (keys, URLs, logs): no braces, no
/// separators, no control characters. It is `Copy`, so the hot path never touches the heap for one.
#[derive(Clone, Copy, Eq)]
pub struct Name {
    /// Zeros after the last: so names whose bytes are equal are as long.
    bytes: [u8; Name::BYTES_MAX],
    len: u8,
}

/// Why a text is not a [`Name`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidName {
    /// Nothing there.
    #[error("is empty")]
    Empty,
    /// Longer than [`Name::BYTES_MAX`].
    #[error("is longer than 39 bytes")]
    TooLong,
    /// A byte outside the alphabet.
    #[error("may only hold letters, digits, '_', '.' and '-'")]
    Character,
}

impl Name {
    /// Longest name, in bytes: a UUID fits.
    pub const BYTES_MAX: usize = 39;

    /// Where the words begin that are compared: the last has a byte of the one before it.
    const WORDS: [usize; 5] = [0, 8, 16, 24, Self::BYTES_MAX - 8];

    /// Reads a name, or says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, InvalidName> {
        let given = text.as_bytes();
        if given.is_empty() {
            return Err(InvalidName::Empty);
        }
        if given.len() > Self::BYTES_MAX {
            return Err(InvalidName::TooLong);
        }
        if !given.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-')) {
            return Err(InvalidName::Character);
        }
        let mut bytes = [0; Self::BYTES_MAX];
        bytes[..given.len()].copy_from_slice(given);
        Ok(Self { bytes, len: given.len() as u8 })
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.bytes[..self.len as usize]).expect("a name is ASCII by construction")
    }

    /// Eight bytes as a number that orders as they do.
    fn word(&self, at: usize) -> u64 {
        u64::from_be_bytes(*self.bytes[at..].first_chunk().expect("a name has room for its words"))
    }

    /// The name as bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len as usize]
    }
}

// Names are compared in words and in line: every look into a table does it, and what the compiler makes of the bytes is a call.
impl PartialEq for Name {
    fn eq(&self, other: &Self) -> bool {
        Self::WORDS.into_iter().fold(0, |all, at| all | (self.word(at) ^ other.word(at))) == 0
    }
}

impl Ord for Name {
    fn cmp(&self, other: &Self) -> Ordering {
        let mut words = Self::WORDS.into_iter().map(|at| self.word(at).cmp(&other.word(at)));
        words.find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
    }
}

impl PartialOrd for Name {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl std::hash::Hash for Name {
    // Only the bytes in use: most names are a third of the room they have.
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        state.write(self.as_bytes());
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Name {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = Name;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a name of 1 to 39 bytes of [A-Za-z0-9_.-]")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Name, E> {
                Name::parse(text).map_err(E::custom)
            }
        }
        deserializer.deserialize_str(Visitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_short_and_plain() {
        let long = "x".repeat(40);
        let million = "x".repeat(1 << 20);
        for (text, want) in [
            ("", Err(InvalidName::Empty)),
            (long.as_str(), Err(InvalidName::TooLong)),
            (million.as_str(), Err(InvalidName::TooLong)),
            ("{r}", Err(InvalidName::Character)),
            ("a\r\nb", Err(InvalidName::Character)),
            ("a\0", Err(InvalidName::Character)),
            ("房间", Err(InvalidName::Character)),
            ("a b", Err(InvalidName::Character)),
            ("a/b", Err(InvalidName::Character)),
            ("6f1c2a0e-52a1-4a39-9d55-6ad6e2a0a111", Ok(())),
            ("Room_7.b", Ok(())),
        ] {
            assert_eq!(Name::parse(text).map(|name| assert_eq!(name.as_str(), text)), want, "{text:.50}");
        }
    }

    /// Equal, and in order, as their texts are: whatever their length, and wherever they differ.
    #[test]
    fn names_compare_as_texts() {
        let name = |text: &str| Name::parse(text).unwrap();
        for len in 1..=Name::BYTES_MAX {
            let text = "a".repeat(len);
            for at in 0..len {
                let (larger, longer) = (format!("{}b{}", &text[..at], &text[at + 1..]), format!("{text}-"));
                let others = [&text, &larger, longer.get(..Name::BYTES_MAX).unwrap_or(&longer), &text[..at.max(1)]];
                for other in others {
                    assert_eq!(name(&text) == name(other), text == other, "{text} and {other}");
                    assert_eq!(name(&text).cmp(&name(other)), text.as_str().cmp(other), "{text} and {other}");
                }
            }
        }
    }
}
