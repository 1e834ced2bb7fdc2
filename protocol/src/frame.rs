//! Frames: how messages are cut out of a byte stream.
//!
//! A frame is the length of a message as a varint, then the message. [`FrameReader`] takes the bytes as they come, in pieces of
//! any size, and decodes straight from the piece when a frame lies in it whole, which is the common case; only a frame that
//! spans pieces is copied. A peer can make it hold at most one frame of the agreed size: a longer one is refused when its
//! length is read, before a byte of it is kept.

use bytes::{Bytes, BytesMut};
use prost::Message;
use prost::encoding::encoded_len_varint;

/// A length takes at most this many bytes on the wire: enough for 32 bits.
const LENGTH_BYTES_MAX: usize = 5;

/// A buffer larger than this is given back once its frame is read, so that one large frame does not cost an idle connection
/// its size for ever.
const KEPT_BYTES_MAX: usize = 512;

/// Why bytes are not a frame. The connection that carried them can't be read any further: the boundary is lost, or the peer
/// does not speak this protocol.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// The announced length is above what was agreed.
    #[error("a frame of {length} bytes, at most {max} are accepted")]
    TooLarge {
        /// What the peer announced.
        length: u32,
        /// What is accepted.
        max: u32,
    },
    /// The length is not a minimal varint of at most 32 bits.
    #[error("the length of a frame is not a minimal 32-bit varint")]
    LengthMalformed,
    /// The length is zero: no message of this protocol is empty.
    #[error("an empty frame")]
    Empty,
    /// The bytes are not the message: wrong wire type, text that is not UTF-8, nested too deep, cut inside a field.
    #[error("{0}")]
    Malformed(prost::DecodeError),
    /// The stream, or the WebSocket message, ended inside a frame.
    #[error("the stream ended inside a frame")]
    Truncated,
}

impl FrameError {
    /// The error as the word that `Goodbye.reason` carries.
    pub fn word(&self) -> &'static str {
        match self {
            Self::TooLarge { .. } => "frame_too_large",
            Self::LengthMalformed => "frame_length_malformed",
            Self::Empty => "frame_empty",
            Self::Malformed(_) => "frame_malformed",
            Self::Truncated => "frame_truncated",
        }
    }
}

/// Cuts a stream of bytes into frames.
#[derive(Debug)]
pub struct FrameReader {
    frame_bytes_max: u32,
    /// The beginning of a frame whose end has not come yet: length bytes first.
    partial: Vec<u8>,
    /// The frame in `partial` was handed out and is to be forgotten.
    handed_out: bool,
}

impl FrameReader {
    /// A reader that accepts messages of up to `frame_bytes_max` bytes, their length not counted.
    pub fn new(frame_bytes_max: u32) -> Self {
        Self { frame_bytes_max, partial: Vec::new(), handed_out: false }
    }

    /// Takes the next message off the front of `input`. `None`: all of `input` was taken and more is needed.
    ///
    /// After an error the stream has no known boundary; drop the reader.
    pub fn next<M: Message + Default>(&mut self, input: &mut &[u8]) -> Result<Option<M>, FrameError> {
        match self.next_slice(input)? {
            Some(message) => M::decode(message).map(Some).map_err(FrameError::Malformed),
            None => Ok(None),
        }
    }

    /// Like [`next`](Self::next), without decoding: the bytes of one message.
    pub fn next_slice<'a, 'input: 'a>(&'a mut self, input: &mut &'input [u8]) -> Result<Option<&'a [u8]>, FrameError> {
        if self.handed_out {
            self.forget();
        }
        if !self.partial.is_empty() {
            return self.next_spanning(input);
        }
        if let Some((header, length)) = parse_length(input, self.frame_bytes_max)?
            && input.len() - header >= length
        {
            let (frame, rest) = input.split_at(header + length);
            *input = rest;
            return Ok(Some(&frame[header..]));
        }
        self.keep(input, input.len());
        Ok(None)
    }

    /// Whether the bytes so far end between two frames; they must, where the stream or a WebSocket message ends.
    pub fn finish(&self) -> Result<(), FrameError> {
        if self.partial.is_empty() || self.handed_out { Ok(()) } else { Err(FrameError::Truncated) }
    }

    /// Raises or lowers the limit for the frames that begin from now on.
    pub fn set_frame_bytes_max(&mut self, frame_bytes_max: u32) {
        self.frame_bytes_max = frame_bytes_max;
    }

    fn next_spanning(&mut self, input: &mut &[u8]) -> Result<Option<&[u8]>, FrameError> {
        let (header, length) = loop {
            if let Some(found) = parse_length(&self.partial, self.frame_bytes_max)? {
                break found;
            }
            if input.is_empty() {
                return Ok(None);
            }
            self.keep(input, 1);
        };
        let missing = header + length - self.partial.len();
        self.keep(input, missing.min(input.len()));
        if self.partial.len() < header + length {
            return Ok(None);
        }
        self.handed_out = true;
        Ok(Some(&self.partial[header..]))
    }

    /// Moves bytes from `input` to the partial frame. The buffer grows with what arrives, not with what was announced.
    fn keep(&mut self, input: &mut &[u8], count: usize) {
        let (kept, rest) = input.split_at(count);
        self.partial.extend_from_slice(kept);
        *input = rest;
    }

    fn forget(&mut self) {
        self.handed_out = false;
        self.partial.clear();
        if self.partial.capacity() > KEPT_BYTES_MAX {
            self.partial = Vec::new();
        }
    }
}

/// The bytes that the length takes, and the length; `None` if it is not all there.
fn parse_length(bytes: &[u8], max: u32) -> Result<Option<(usize, usize)>, FrameError> {
    let mut length = 0u64;
    for (index, byte) in bytes.iter().take(LENGTH_BYTES_MAX).enumerate() {
        length |= u64::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 != 0 {
            continue;
        }
        if index > 0 && *byte == 0 {
            return Err(FrameError::LengthMalformed);
        }
        let length = u32::try_from(length).map_err(|_| FrameError::LengthMalformed)?;
        if length == 0 {
            return Err(FrameError::Empty);
        }
        if length > max {
            return Err(FrameError::TooLarge { length, max });
        }
        return Ok(Some((index + 1, length as usize)));
    }
    if bytes.len() >= LENGTH_BYTES_MAX { Err(FrameError::LengthMalformed) } else { Ok(None) }
}

/// Appends a frame; allocates only if `buffer` is full.
pub fn encode_frame<M: Message>(message: &M, buffer: &mut BytesMut) {
    message.encode_length_delimited(buffer).expect("a BytesMut grows as needed");
}

/// Appends the frames of a batch, to be sent in one write.
pub fn encode_frames<'a, M: Message + 'a>(messages: impl IntoIterator<Item = &'a M>, buffer: &mut BytesMut) {
    for message in messages {
        encode_frame(message, buffer);
    }
}

/// One frame in a buffer of exactly its size, to be shared by everybody it is sent to.
pub fn frame_bytes<M: Message>(message: &M) -> Bytes {
    let mut buffer = BytesMut::with_capacity(frame_len(message));
    encode_frame(message, &mut buffer);
    buffer.freeze()
}

/// How many bytes the frame of `message` takes, its length included.
pub fn frame_len<M: Message>(message: &M) -> usize {
    let length = message.encoded_len();
    length + encoded_len_varint(length as u64)
}

#[cfg(test)]
mod golden;
#[cfg(test)]
mod tests;
