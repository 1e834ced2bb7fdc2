//! What one node sends to the others over a room's channel.

use serde::{Deserialize, Serialize};

use crate::rules::RoomId;

/// The first byte of an envelope: who speaks another format is not understood, which costs talk and nothing else.
const FORMAT: u8 = 1;

/// A message between nodes.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Envelope<'a> {
    format: u8,
    /// The node that speaks.
    pub(super) node: &'a str,
    pub(super) word: Word<'a>,
}

/// What a node says.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Word<'a> {
    /// What was said in the room within a tick.
    Talk {
        /// How many messages.
        messages: u32,
        /// Encoded as viewers are to get them.
        events: &'a [u8],
    },
    /// How many viewers the node has in the room.
    Online {
        /// So many; none: it listens no more.
        viewers: u32,
        /// It has come just now, and asks the others for theirs.
        asks: bool,
    },
}

impl<'a> Envelope<'a> {
    pub(super) fn new(node: &'a str, word: Word<'a>) -> Self {
        Self { format: FORMAT, node, word }
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        postcard::to_stdvec(self).expect("an envelope always encodes")
    }

    /// `None`: of another format, or no envelope.
    pub(super) fn decode(bytes: &'a [u8]) -> Option<Self> {
        if bytes.first() != Some(&FORMAT) {
            return None;
        }
        postcard::from_bytes(bytes).ok()
    }
}

/// The channel of a room. Without braces: in a cluster the rooms' channels are spread over all primaries.
pub(super) fn channel(prefix: &str, room: &RoomId) -> String {
    format!("{prefix}:talk:{room}")
}

/// The room of a channel.
pub(super) fn room(prefix: &str, channel: &[u8]) -> Option<RoomId> {
    let room = channel.strip_prefix(prefix.as_bytes())?.strip_prefix(b":talk:")?;
    RoomId::parse(std::str::from_utf8(room).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_envelope_is_read_as_it_was_written_or_not_at_all() {
        let talk = Envelope::new("ab12", Word::Talk { messages: 2, events: &[1, 2, 3] });
        let bytes = talk.encode();
        assert_eq!(bytes, [1, 4, b'a', b'b', b'1', b'2', 0, 2, 3, 1, 2, 3]);
        assert_eq!(Envelope::decode(&bytes), Some(talk));
        let online = Envelope::new("ab12", Word::Online { viewers: 300, asks: true });
        let bytes = online.encode();
        assert_eq!(bytes, [1, 4, b'a', b'b', b'1', b'2', 1, 0xac, 2, 1]);
        assert_eq!(Envelope::decode(&bytes), Some(online));
        for cut in 0..bytes.len() {
            assert_eq!(Envelope::decode(&bytes[..cut]), None, "{cut}");
        }
        assert_eq!(Envelope::decode(&[2, 4, b'a', b'b', b'1', b'2', 1, 0xac, 2, 1]), None, "another format");
    }

    #[test]
    fn a_room_has_a_channel_of_its_own() {
        let tea = RoomId::parse("tea.house").unwrap();
        assert_eq!(channel("liveroom", &tea), "liveroom:talk:tea.house");
        assert_eq!(room("liveroom", b"liveroom:talk:tea.house"), Some(tea));
        for stranger in ["liveroom:talk:", "other:talk:tea.house", "liveroom:talk:tea house", "liveroom:bell"] {
            assert_eq!(room("liveroom", stranger.as_bytes()), None, "{stranger}");
        }
    }
}
