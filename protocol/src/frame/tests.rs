//! Round trips, every truncation, golden bytes, and streams cut anywhere.

use proptest::prelude::*;

use super::*;
use crate::samples::{client_frames, server_frames};
use crate::wire::{ClientFrame, ServerFrame};

const MAX: u32 = 64 * 1024;

/// Feeds `stream` in pieces that end at `cuts` and collects what comes out.
fn read_in_pieces<M: Message + Default>(stream: &[u8], cuts: &[usize]) -> Result<Vec<M>, FrameError> {
    let mut reader = FrameReader::new(MAX);
    let mut messages = Vec::new();
    let mut from = 0;
    for &cut in cuts.iter().chain([&stream.len()]) {
        let mut piece = &stream[from..cut];
        from = cut;
        while let Some(message) = reader.next(&mut piece)? {
            messages.push(message);
        }
        assert!(piece.is_empty(), "a reader that wants more has taken all there was");
    }
    reader.finish().map(|()| messages)
}

fn encoded<M: Message>(message: &M) -> Vec<u8> {
    frame_bytes(message).to_vec()
}

fn read_one(bytes: &[u8]) -> Result<Option<ClientFrame>, FrameError> {
    FrameReader::new(MAX).next(&mut &bytes[..])
}

#[test]
fn every_message_survives_the_round_trip_however_it_is_cut_in_two() {
    fn check<M: Message + Default + Clone + PartialEq>(name: &str, message: M) {
        let bytes = encoded(&message);
        assert_eq!(bytes.len(), frame_len(&message), "{name}");
        for cut in 0..=bytes.len() {
            let read: Vec<M> = read_in_pieces(&bytes, &[cut]).unwrap_or_else(|e| panic!("{name} at {cut}: {e}"));
            assert!(read == [message.clone()], "{name} at {cut}");
        }
    }
    for (name, message) in client_frames() {
        check(name, message);
    }
    for (name, message) in server_frames() {
        check(name, message);
    }
}

#[test]
fn a_frame_cut_short_is_incomplete_and_its_end_is_an_error() {
    for bytes in client_frames().iter().map(|(_, m)| encoded(m)).chain(server_frames().iter().map(|(_, m)| encoded(m)))
    {
        for cut in 1..bytes.len() {
            let mut reader = FrameReader::new(MAX);
            assert_eq!(reader.next::<ServerFrame>(&mut &bytes[..cut]), Ok(None));
            assert_eq!(reader.finish(), Err(FrameError::Truncated));
        }
    }
}

#[test]
fn a_message_cut_inside_its_frame_is_never_taken_for_the_whole() {
    for (name, message) in client_frames() {
        let whole = message.encode_to_vec();
        for cut in 1..whole.len() {
            let mut bytes = BytesMut::new();
            prost::encoding::encode_varint(cut as u64, &mut bytes);
            bytes.extend_from_slice(&whole[..cut]);
            match read_one(&bytes) {
                Ok(Some(read)) => assert_ne!(read, message, "{name} cut at {cut}"),
                Ok(None) => panic!("{name} cut at {cut}: the frame is complete"),
                Err(error) => assert_eq!(error.word(), "frame_malformed", "{name} cut at {cut}"),
            }
        }
    }
}

#[test]
fn bad_frames_have_their_own_words() {
    #[rustfmt::skip]
    let table: &[(&str, &[u8])] = &[
        ("frame_empty", &[0x00]),
        ("frame_too_large", &[0x81, 0x80, 0x04]),                    // 64 KiB + 1, nothing of it sent
        ("frame_too_large", &[0xff, 0xff, 0xff, 0xff, 0x0f]),        // 2^32 - 1
        ("frame_length_malformed", &[0xff, 0xff, 0xff, 0xff, 0x1f]), // 33 bits
        ("frame_length_malformed", &[0x80, 0x80, 0x80, 0x80, 0x80]), // does not end
        ("frame_length_malformed", &[0x81, 0x00]),                   // not minimal
        ("frame_malformed", &[0x02, 0x07, 0x00]),                    // wire type 7
        ("frame_malformed", &[0x02, 0x00, 0x00]),                    // field 0
        ("frame_malformed", &[0x02, 0x08, 0x01]),                    // request_id as a varint
        ("frame_malformed", &[0x02, 0x1a, 0x05]),                    // a claim longer than its frame
        ("frame_malformed", &[0x03, 0x1a, 0x01, 0x08]),              // a claim cut inside a field
        ("frame_malformed", &[0x05, 0x32, 0x03, 0x0a, 0x01, 0xff]),  // an announcement that is not UTF-8
    ];
    for (word, bytes) in table {
        // Whole, and one byte at a time.
        assert_eq!(read_one(bytes).unwrap_err().word(), *word, "{bytes:02x?}");
        let cuts: Vec<usize> = (0..bytes.len()).collect();
        assert_eq!(read_in_pieces::<ClientFrame>(bytes, &cuts).unwrap_err().word(), *word, "{bytes:02x?} in pieces");
    }
}

#[test]
fn nesting_is_bounded() {
    // Groups inside groups, of a field nobody knows: start-group keys only, then their ends.
    let deep = |levels: usize| {
        let mut body = vec![0x7b; levels];
        body.extend(vec![0x7c; levels]);
        let mut bytes = BytesMut::new();
        prost::encoding::encode_varint(body.len() as u64, &mut bytes);
        bytes.extend_from_slice(&body);
        bytes
    };
    assert!(read_one(&deep(50)).is_ok(), "an unknown field is skipped");
    assert_eq!(read_one(&deep(20_000)).unwrap_err().word(), "frame_malformed");
}

#[test]
fn an_unknown_body_reads_as_a_frame_without_one() {
    // request_id 1, then field 100 as an empty message: a request of a later version.
    let bytes = [0x0c, 0x09, 1, 0, 0, 0, 0, 0, 0, 0, 0xa2, 0x06, 0x00];
    assert_eq!(read_one(&bytes), Ok(Some(ClientFrame { request_id: 1, body: None })));
}

#[test]
fn an_announced_length_reserves_nothing() {
    let mut reader = FrameReader::new(MAX);
    assert_eq!(reader.next_slice(&mut &[0x80, 0x80, 0x04, 1][..]), Ok(None));
    assert!(reader.partial.capacity() < 64);
}

#[test]
fn a_large_frame_is_given_back_and_a_small_buffer_kept() {
    let bytes = [&[0x80, 0x80, 0x04][..], &[1; 65_536], &[0x01, 9]].concat();
    let mut reader = FrameReader::new(MAX);
    let (mut first, mut rest) = bytes.split_at(100);
    assert_eq!(reader.next_slice(&mut first), Ok(None));
    assert_eq!(reader.next_slice(&mut rest).unwrap().unwrap().len(), 65_536);
    assert_eq!(reader.finish(), Ok(()));
    assert_eq!(reader.next_slice(&mut rest), Ok(Some(&[9][..])));
    assert_eq!(reader.partial.capacity(), 0);
}

#[test]
fn encoding_into_a_buffer_with_room_does_not_move_it() {
    let mut buffer = BytesMut::with_capacity(4096);
    let before = buffer.as_ptr();
    let frames = client_frames();
    encode_frames(frames.iter().map(|(_, frame)| frame), &mut buffer);
    assert_eq!(buffer.as_ptr(), before);
    assert_eq!(read_in_pieces::<ClientFrame>(&buffer, &[]).unwrap().len(), frames.len());
}

proptest! {
    #[test]
    fn a_stream_reads_the_same_however_it_is_cut(
        picks in prop::collection::vec(0usize..100, 1..20),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..30),
    ) {
        let samples = server_frames();
        let sent: Vec<ServerFrame> = picks.iter().map(|pick| samples[pick % samples.len()].1.clone()).collect();
        let mut stream = BytesMut::new();
        encode_frames(&sent, &mut stream);
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(stream.len() + 1)).collect();
        cuts.sort_unstable();
        prop_assert_eq!(read_in_pieces::<ServerFrame>(&stream, &cuts).unwrap(), sent);
    }

    #[test]
    fn garbage_is_an_error_or_a_message_never_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), cut in any::<prop::sample::Index>()) {
        let whole = read_in_pieces::<ClientFrame>(&bytes, &[]);
        let pieces = read_in_pieces::<ClientFrame>(&bytes, &[cut.index(bytes.len() + 1)]);
        prop_assert_eq!(whole, pieces);
    }
}
