//! Just enough of frames and Protocol Buffers to read answers without building them.
//!
//! An answer is scanned in place, with nothing allocated: the tester has one core, as has the server, and what it spends
//! on decoding the server could not show.

use crate::drive::NotUnderstood;

/// Takes the next whole message off the front of `input`; none if it is not all there.
pub(super) fn next_message<'a>(input: &mut &'a [u8]) -> Result<Option<&'a [u8]>, NotUnderstood> {
    let mut rest = *input;
    let Some(length) = varint(&mut rest) else {
        return if input.len() < 5 { Ok(None) } else { Err(NotUnderstood("the length of a frame")) };
    };
    let Some((message, rest)) = usize::try_from(length).ok().and_then(|length| rest.split_at_checked(length)) else {
        return Ok(None);
    };
    *input = rest;
    Ok(Some(message))
}

/// One field of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Value<'a> {
    /// An integer or an enum.
    Varint(u64),
    /// An id or a nonce.
    Fixed64(u64),
    /// A message or text.
    Bytes(&'a [u8]),
}

impl<'a> Value<'a> {
    /// The number, whichever way it is written.
    pub(super) fn number(self) -> u64 {
        match self {
            Self::Varint(number) | Self::Fixed64(number) => number,
            Self::Bytes(_) => 0,
        }
    }

    /// The bytes, if it has any.
    pub(super) fn bytes(self) -> &'a [u8] {
        match self {
            Self::Bytes(bytes) => bytes,
            Self::Varint(_) | Self::Fixed64(_) => &[],
        }
    }
}

/// The fields of a message, in their order.
#[derive(Debug, Clone)]
pub(super) struct Fields<'a>(pub(super) &'a [u8]);

impl<'a> Iterator for Fields<'a> {
    type Item = Result<(u32, Value<'a>), NotUnderstood>;

    fn next(&mut self) -> Option<Self::Item> {
        (!self.0.is_empty()).then(|| field(&mut self.0).ok_or(NotUnderstood("a field of a message")))
    }
}

fn field<'a>(input: &mut &'a [u8]) -> Option<(u32, Value<'a>)> {
    let tag = varint(input)?;
    let value = match tag & 7 {
        0 => Value::Varint(varint(input)?),
        1 => Value::Fixed64(u64::from_le_bytes(*input.split_off(..8)?.first_chunk()?)),
        2 => {
            let length = usize::try_from(varint(input)?).ok()?;
            Value::Bytes(input.split_off(..length)?)
        }
        _ => return None,
    };
    Some(((tag >> 3) as u32, value))
}

fn varint(input: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for (at, &byte) in input.iter().take(10).enumerate() {
        number |= u64::from(byte & 0x7f) << (7 * at);
        if byte & 0x80 == 0 {
            *input = &input[at + 1..];
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_come_whole_or_not_at_all() {
        let bytes = [3, 0x08, 0xac, 0x02, 2, 0x10, 1];
        for cut in 0..bytes.len() {
            let mut input = &bytes[..cut];
            let first = next_message(&mut input).unwrap();
            assert_eq!(first.is_some(), cut >= 4);
            assert_eq!(input.len(), if cut >= 4 { cut - 4 } else { cut });
        }
        let mut input = &bytes[..];
        let message = next_message(&mut input).unwrap().unwrap();
        let fields: Vec<_> = Fields(message).map(Result::unwrap).collect();
        assert_eq!(fields, [(1, Value::Varint(300))]);
    }

    #[test]
    fn what_is_not_a_message_is_an_error() {
        assert!(next_message(&mut &[0xff; 10][..]).is_err());
        for bytes in [&[0x08][..], &[0x09, 1, 2], &[0x12, 5, 1], &[0x0b]] {
            assert!(Fields(bytes).next().unwrap().is_err(), "{bytes:?}");
        }
    }
}
