//! Frames of the wire: no allocation for a claim, in or out.

use std::hint::black_box;

use bytes::BytesMut;
use criterion::{Criterion, Throughput};
use liveroom_protocol::frame::{FrameReader, encode_frame};
use liveroom_protocol::wire::{
    Answer, Claim, ClientFrame, Grant, ServerFrame, answer, client_frame, grant, server_frame,
};

pub(crate) fn bench(criterion: &mut Criterion) {
    let claim = ClientFrame {
        request_id: 0x1234_5678_9abc_def0,
        body: Some(client_frame::Body::Claim(Claim { activity: 17, token: 0xfeed_beef, opening: 1 })),
    };
    let granted = ServerFrame {
        body: Some(server_frame::Body::Answer(Answer {
            request_id: 0x1234_5678_9abc_def0,
            outcome: Some(answer::Outcome::Grant(Grant {
                activity: 17,
                slot: 1,
                prize: Some(grant::Prize::AmountFen(188)),
                at_ms: 1_800_000_000_000,
                coupon_id: 0,
                hold: None,
            })),
        })),
    };
    let mut group = criterion.benchmark_group("frames");
    group.throughput(Throughput::Elements(1));
    let mut buffer = BytesMut::with_capacity(4096);
    group.bench_function("encode grant", |bench| {
        bench.iter(|| {
            buffer.clear();
            encode_frame(black_box(&granted), &mut buffer);
        });
    });
    let mut bytes = BytesMut::new();
    encode_frame(&claim, &mut bytes);
    let mut reader = FrameReader::new(8192);
    group.bench_function("decode claim", |bench| {
        bench.iter(|| {
            let mut input = black_box(&bytes[..]);
            reader.next::<ClientFrame>(&mut input).expect("a whole frame").expect("a claim")
        });
    });
    group.finish();
}
