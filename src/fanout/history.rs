//! The latest frames of a room, for those who were away.

use std::collections::VecDeque;

use bytes::Bytes;

use super::Class;

/// Where in a room's channel: after frame `offset` of the stretch of frames named `epoch`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// Drawn when the channel starts: offsets of different epochs have nothing to do with each other.
    pub epoch: u64,
    /// The number of the latest frame, from 1; 0 before the first.
    pub offset: u64,
}

/// A bounded run of frames up to the latest.
#[derive(Debug)]
pub struct History {
    frames: VecDeque<(Class, Bytes)>,
    bytes: usize,
    frames_max: usize,
    bytes_max: usize,
    latest: u64,
}

impl History {
    /// Nothing yet; keeps at most so many frames and bytes.
    pub fn new(frames_max: usize, bytes_max: usize) -> Self {
        Self { frames: VecDeque::new(), bytes: 0, frames_max, bytes_max, latest: 0 }
    }

    /// The number of the latest frame.
    pub fn latest(&self) -> u64 {
        self.latest
    }

    /// Appends frame `latest() + 1`, and drops the oldest ones beyond the bounds.
    pub fn push(&mut self, class: Class, frame: Bytes) {
        self.latest += 1;
        self.bytes += frame.len();
        self.frames.push_back((class, frame));
        while self.frames.len() > self.frames_max || self.bytes > self.bytes_max {
            let Some((_, oldest)) = self.frames.pop_front() else { break };
            self.bytes -= oldest.len();
        }
    }

    /// The frames after `offset`, if all of them are still here.
    pub fn after(&self, offset: u64) -> Option<impl Iterator<Item = &(Class, Bytes)>> {
        let missed = self.latest.checked_sub(offset)?;
        let skip = (self.frames.len() as u64).checked_sub(missed)?;
        Some(self.frames.iter().skip(skip as usize))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_is_filled_or_admitted() {
        let mut history = History::new(3, 1000);
        for n in 1..=5u8 {
            history.push(Class::Talk, Bytes::from(vec![n; 10]));
        }
        let after = |offset| history.after(offset).map(|frames| frames.map(|(_, f)| f[0]).collect::<Vec<_>>());
        for (offset, want) in [
            (5, Some(vec![])),
            (4, Some(vec![5])),
            (2, Some(vec![3, 4, 5])),
            (1, None),
            (0, None),
            (6, None),
            (u64::MAX, None),
        ] {
            assert_eq!(after(offset), want, "{offset}");
        }
    }

    #[test]
    fn bytes_are_bounded_too() {
        let mut history = History::new(100, 25);
        (0..4).for_each(|_| history.push(Class::State, Bytes::from(vec![0; 10])));
        assert!(history.after(2).is_some());
        assert!(history.after(1).is_none());
        history.push(Class::State, Bytes::from(vec![0; 30]));
        assert!(history.after(4).is_none(), "a frame larger than the bound is not kept");
    }
}
