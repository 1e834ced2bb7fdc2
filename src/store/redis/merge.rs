//! The order of a log that is striped: entry 1 of every stripe, entry 2 of every stripe, and so on.
//!
//! Stripes are read ahead of each other; what was read waits for its turn. With one stripe nothing ever waits. The latest entries
//! are remembered, for Redis may lose them.

use std::collections::VecDeque;

use aws_lc_rs::digest;
use bytes::Bytes;

use super::fault::{Failure, Fault};
use super::remote::hex;

/// A place in a stripe's history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    /// The number of the entry; 0 before the first.
    pub(super) position: u64,
    /// The chain up to it.
    pub(super) chain: String,
}

/// One entry of a stripe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) position: u64,
    /// The chain up to the entry before.
    pub(super) before: String,
    /// Whose it is; nobody's if it only fills a gap.
    pub(super) node: String,
    pub(super) seq: u64,
    /// The operations; nothing if it only fills a gap.
    pub(super) batch: Bytes,
}

impl Entry {
    /// What it costs to remember it, about.
    fn weight(&self) -> usize {
        self.batch.len() + 256
    }

    /// The place after it: as `log.lua` has it.
    fn place(&self) -> Place {
        let head = format!("{}{} {} ", self.before, self.node, self.seq);
        let mut context = digest::Context::new(&digest::SHA1_FOR_LEGACY_USE_ONLY);
        context.update(head.as_bytes());
        context.update(&self.batch);
        Place { position: self.position, chain: hex(context.finish().as_ref()) }
    }
}

/// The stripes of a log, as far as they were read and merged.
#[derive(Debug)]
pub(super) struct Merge {
    stripes: Vec<Stripe>,
    merged: u64,
    /// So many bytes of each stripe are remembered.
    remembered_bytes: usize,
}

#[derive(Debug)]
struct Stripe {
    merged: Place,
    read: Place,
    waiting: VecDeque<(Entry, Place)>,
    /// The latest entries that were read.
    remembered: VecDeque<Entry>,
    bytes: usize,
}

impl Merge {
    /// Before the first entry of all stripes of a log that began with `stamp`.
    pub(super) fn beginning(stamp: &str, stripes: usize) -> Self {
        Self::after(0, vec![stamp.to_owned(); stripes])
    }

    /// After so many entries, with the chains of all stripes.
    pub(super) fn after(merged: u64, chains: Vec<String>) -> Self {
        let count = chains.len();
        let stripe = |(stripe, chain)| {
            let place = Place { position: turns(merged, stripe, count), chain };
            let (waiting, remembered) = (VecDeque::new(), VecDeque::new());
            Stripe { merged: place.clone(), read: place, waiting, remembered, bytes: 0 }
        };
        Self { stripes: chains.into_iter().enumerate().map(stripe).collect(), merged, remembered_bytes: 0 }
    }

    /// Remembers so many bytes from now on.
    pub(super) fn remembering(self, bytes: usize) -> Self {
        Self { remembered_bytes: bytes / self.count(), ..self }
    }

    /// How many stripes there are.
    pub(super) fn count(&self) -> usize {
        self.stripes.len()
    }

    /// How many entries were merged.
    pub(super) fn merged(&self) -> u64 {
        self.merged
    }

    /// Up to where a stripe was merged.
    pub(super) fn place(&self, stripe: usize) -> &Place {
        &self.stripes[stripe].merged
    }

    /// Up to where a stripe was read.
    pub(super) fn read(&self, stripe: usize) -> &Place {
        &self.stripes[stripe].read
    }

    /// The stripe whose entry is next.
    pub(super) fn turn(&self) -> usize {
        (self.merged % self.stripes.len() as u64) as usize
    }

    /// How many entries of a stripe are among the first `merged`.
    pub(super) fn turns(&self, merged: u64, stripe: usize) -> u64 {
        turns(merged, stripe, self.stripes.len())
    }

    /// Which of all entries one of a stripe is.
    pub(super) fn number(&self, stripe: usize, position: u64) -> u64 {
        (position - 1) * self.stripes.len() as u64 + stripe as u64 + 1
    }

    /// The last of all entries that was read.
    pub(super) fn last_read(&self) -> u64 {
        let last = |(stripe, Stripe { read, .. }): (usize, &Stripe)| match read.position {
            0 => 0,
            position => self.number(stripe, position),
        };
        self.stripes.iter().enumerate().map(last).max().unwrap_or(0)
    }

    /// Takes what was read.
    ///
    /// # Errors
    /// It does not follow what was read before: another history.
    pub(super) fn push(&mut self, stripe: usize, entry: Entry) -> Result<(), Failure> {
        let Stripe { read, waiting, remembered, bytes, .. } = &mut self.stripes[stripe];
        if (entry.position, &entry.before) != (read.position + 1, &read.chain) {
            let said = format!("entry {} of stripe {stripe} does not follow entry {}", entry.position, read.position);
            return Err(Failure::new(Fault::Poorer, said));
        }
        *read = entry.place();
        if self.remembered_bytes > 0 {
            *bytes += entry.weight();
            remembered.push_back(entry.clone());
            while *bytes > self.remembered_bytes
                && let Some(forgotten) = remembered.pop_front()
            {
                *bytes -= forgotten.weight();
            }
        }
        waiting.push_back((entry, read.clone()));
        Ok(())
    }

    /// Whether a stripe is remembered from its beginning.
    pub(super) fn remembers_all(&self, stripe: usize) -> bool {
        let Stripe { read, remembered, .. } = &self.stripes[stripe];
        remembered.front().map_or(read.position + 1, |entry| entry.position) == 1
    }

    /// The entries that follow a place, as far as they were read; `None` if they are not remembered, or the place is in another
    /// history.
    pub(super) fn following(&self, stripe: usize, place: &Place) -> Option<impl Iterator<Item = &Entry>> {
        let remembered = &self.stripes[stripe].remembered;
        let first = remembered.front()?.position;
        let from = (place.position + 1).checked_sub(first)? as usize;
        (remembered.get(from)?.before == place.chain).then(|| remembered.range(from..))
    }

    /// The next of all entries, if it was read.
    pub(super) fn next(&mut self) -> Option<Entry> {
        let turn = self.turn();
        let Stripe { merged, waiting, .. } = &mut self.stripes[turn];
        let (entry, place) = waiting.pop_front()?;
        *merged = place;
        self.merged += 1;
        Some(entry)
    }
}

/// How many entries of a stripe, of so many, are among the first `merged`.
pub(super) fn turns(merged: u64, stripe: usize, count: usize) -> u64 {
    (merged + (count - 1 - stripe) as u64) / count as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn push(merge: &mut Merge, stripe: usize, name: &str) {
        let Place { position, chain } = merge.read(stripe).clone();
        let batch = Bytes::copy_from_slice(name.as_bytes());
        merge
            .push(stripe, Entry { position: position + 1, before: chain, node: "n".to_owned(), seq: 1, batch })
            .unwrap();
    }

    fn drain(merge: &mut Merge) -> String {
        let names = std::iter::from_fn(|| merge.next()).map(|entry| String::from_utf8(entry.batch.to_vec()).unwrap());
        names.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn one_entry_of_each_in_turn() {
        let mut merge = Merge::beginning("stamp", 3);
        push(&mut merge, 1, "b1");
        push(&mut merge, 1, "b2");
        push(&mut merge, 2, "c1");
        assert_eq!((drain(&mut merge).as_str(), merge.turn(), merge.last_read()), ("", 0, 5));
        push(&mut merge, 0, "a1");
        assert_eq!((drain(&mut merge).as_str(), merge.turn(), merge.merged()), ("a1 b1 c1", 0, 3));
        push(&mut merge, 0, "a2");
        assert_eq!((drain(&mut merge).as_str(), merge.turn(), merge.merged()), ("a2 b2", 2, 5));
        // Whoever begins there goes on in the same way.
        let chains = (0..3).map(|stripe| merge.place(stripe).chain.clone()).collect();
        let again = Merge::after(5, chains);
        assert_eq!(
            (0..3).map(|stripe| again.place(stripe)).collect::<Vec<_>>(),
            [0, 1, 2].map(|stripe| merge.place(stripe))
        );
        assert_eq!((again.turn(), again.turns(5, 0), again.turns(5, 2), again.number(2, 2)), (2, 2, 1, 6));
    }

    #[test]
    fn the_latest_are_remembered() {
        let mut merge = Merge::beginning("stamp", 1).remembering(2_000);
        let mut places = vec![merge.read(0).clone()];
        for n in 1..=20 {
            assert_eq!(merge.remembers_all(0), n < 9, "{n}");
            push(&mut merge, 0, "a");
            places.push(merge.read(0).clone());
        }
        let known = |place: &Place| merge.following(0, place).map(Iterator::count);
        assert_eq!([11, 12, 13, 19].map(|n| known(&places[n])), [None, None, Some(7), Some(1)]);
        let other = Place { chain: places[3].chain.clone(), ..places[15].clone() };
        assert_eq!(known(&other), None, "another history");
    }

    #[test]
    fn another_history_is_noticed() {
        let mut merge = Merge::beginning("stamp", 1);
        push(&mut merge, 0, "a1");
        for (position, before) in [(2, "stamp"), (3, merge.read(0).chain.clone().as_str()), (1, "stamp")] {
            let entry = Entry { position, before: before.to_owned(), node: String::new(), seq: 0, batch: Bytes::new() };
            assert_eq!(merge.push(0, entry).unwrap_err().fault, Fault::Poorer, "{position} after {before}");
        }
    }
}
