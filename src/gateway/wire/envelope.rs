//! A room's frame inside the WebSocket message that carries it.
//!
//! What a server sends is not masked (RFC 6455, 5.1), so the message is the same for everybody: it is made once a tick, and each
//! viewer over WebSocket costs one plain write. The other transport leaves the header off.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use liveroom_protocol::frame::encode_frame;
use liveroom_protocol::wire::ServerFrame;
use prost::Message as _;

/// A whole message of bytes.
const FINAL_BINARY: u8 = 0x82;

/// What announces a length of 16 bits, and one of 64.
const LENGTH_16: u8 = 126;
const LENGTH_64: u8 = 127;

/// The longest header, and the longest length of a frame.
const FRONT_BYTES_MAX: usize = 10 + 5;

/// Encodes a frame, in its envelope.
pub(super) fn enveloped(frame: &ServerFrame) -> Bytes {
    let mut framed = BytesMut::with_capacity(frame.encoded_len() + FRONT_BYTES_MAX);
    encode_frame(frame, &mut framed);
    envelope(&framed)
}

/// Puts whole frames into an envelope.
pub(in crate::gateway) fn envelope(frames: &[u8]) -> Bytes {
    let mut message = BytesMut::with_capacity(frames.len() + FRONT_BYTES_MAX);
    message.put_u8(FINAL_BINARY);
    match frames.len() {
        short @ ..126 => message.put_u8(short as u8),
        long @ ..0x1_0000 => {
            message.put_u8(LENGTH_16);
            message.put_u16(long as u16);
        }
        longer => {
            message.put_u8(LENGTH_64);
            message.put_u64(longer as u64);
        }
    }
    message.extend_from_slice(frames);
    message.freeze()
}

/// The frame without its envelope.
pub fn bare(mut enveloped: Bytes) -> Bytes {
    let header = match enveloped.get(1) {
        Some(&LENGTH_16) => 4,
        Some(&LENGTH_64) => 10,
        _ => 2,
    };
    enveloped.advance(header.min(enveloped.len()));
    enveloped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn envelopes_are_those_of_rfc_6455_and_come_off() {
        let rows: [(usize, &[u8]); 6] = [
            (0, &[0x82, 0]),
            (125, &[0x82, 125]),
            (126, &[0x82, 126, 0, 126]),
            (0xffff, &[0x82, 126, 0xff, 0xff]),
            (0x1_0000, &[0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0]),
            (0x12_3456, &[0x82, 127, 0, 0, 0, 0, 0, 0x12, 0x34, 0x56]),
        ];
        for (len, header) in rows {
            let frames = vec![7; len];
            let message = envelope(&frames);
            assert_eq!(message[..header.len()], *header, "{len} bytes");
            assert_eq!(bare(message), frames, "{len} bytes");
        }
    }
}
