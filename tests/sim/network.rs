//! Connections: bytes that take their time, arrive in pieces, and may never arrive.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};

use crate::chance::Chance;
use crate::door::Door;

/// Bytes under way in one direction, in order.
#[derive(Default)]
pub(crate) struct Pipe {
    chunks: VecDeque<(u64, Bytes)>,
    last_at: u64,
    /// When the other side learns that no more will come.
    end: Option<u64>,
}

impl Pipe {
    pub(crate) fn push(&mut self, at: u64, bytes: Bytes) {
        if !bytes.is_empty() && self.end.is_none() {
            self.last_at = self.last_at.max(at);
            self.chunks.push_back((self.last_at, bytes));
        }
    }

    /// What has arrived by now, or a first piece of it.
    pub(crate) fn take(&mut self, now: u64, chance: &mut Chance) -> Option<Bytes> {
        let mut arrived = BytesMut::new();
        while let Some((_, bytes)) = self.chunks.pop_front_if(|(at, _)| *at <= now) {
            arrived.extend_from_slice(&bytes);
        }
        if arrived.is_empty() {
            return None;
        }
        if chance.percent(30) {
            let rest = arrived.split_off(chance.below(arrived.len() as u64 + 1) as usize);
            if !rest.is_empty() {
                self.chunks.push_front((now, rest.freeze()));
            }
        }
        Some(arrived.freeze())
    }

    pub(crate) fn waiting_bytes(&self) -> usize {
        self.chunks.iter().map(|(_, bytes)| bytes.len()).sum()
    }

    /// Nothing follows what is under way.
    pub(crate) fn finish(&mut self, at: u64) {
        self.end.get_or_insert(at.max(self.last_at));
    }

    /// Cut off at any byte: what is beyond is lost.
    pub(crate) fn cut(&mut self, at: u64, chance: &mut Chance) {
        let mut left = chance.below(self.waiting_bytes() as u64 + 1) as usize;
        for (_, bytes) in &mut self.chunks {
            bytes.truncate(left);
            left -= bytes.len();
        }
        self.chunks.retain(|(_, bytes)| !bytes.is_empty());
        self.finish(at);
    }

    pub(crate) fn has_ended(&self, now: u64) -> bool {
        self.chunks.is_empty() && self.end.is_some_and(|end| end <= now)
    }
}

/// One connection between a viewer and the server.
pub(crate) struct Link {
    pub(crate) viewer: usize,
    /// Whether room frames travel with the rest (WebSocket) or in a stream of their own (QUIC).
    pub(crate) one_stream: bool,
    pub(crate) up: Pipe,
    pub(crate) control: Pipe,
    pub(crate) room: Pipe,
    /// The server's side, until it is over.
    pub(crate) door: Option<Door>,
    /// Whether the viewer still holds its side.
    pub(crate) held: bool,
    /// Until when the viewer reads nothing.
    pub(crate) stalled_until: u64,
}

impl Link {
    /// As much may be under way to a viewer before the server has to wait with more.
    const WINDOW_BYTES: usize = 400;

    pub(crate) fn new(viewer: usize, one_stream: bool, door: Door) -> Self {
        Self {
            viewer,
            one_stream,
            up: Pipe::default(),
            control: Pipe::default(),
            room: Pipe::default(),
            door: Some(door),
            held: true,
            stalled_until: 0,
        }
    }

    /// Whether the transport takes more for the viewer.
    pub(crate) fn has_room(&self) -> bool {
        self.control.waiting_bytes() + self.room.waiting_bytes() < Self::WINDOW_BYTES
    }

    /// Whether nothing is under way, nor a side yet to learn that the other is gone.
    pub(crate) fn is_quiet(&self) -> bool {
        let pipes = [&self.up, &self.control, &self.room];
        self.held && self.door.is_some() && pipes.iter().all(|pipe| pipe.chunks.is_empty() && pipe.end.is_none())
    }

    /// The connection breaks; each side learns of it in its own time.
    pub(crate) fn break_off(&mut self, now: u64, chance: &mut Chance) {
        self.up.cut(now + chance.below(1_000), chance);
        let at = now + chance.below(1_000);
        self.control.cut(at, chance);
        self.room.cut(at, chance);
    }
}
