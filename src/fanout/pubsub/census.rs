//! How many viewers other nodes have in the rooms that have viewers here.
//!
//! Time passes in beats: a node says its counts at least once a beat, and is forgotten when it was silent for some.

use std::collections::{BTreeMap, HashMap, HashSet};

use foldhash::fast::RandomState;

use crate::rules::RoomId;

/// After so many beats without a word a node is taken to be gone.
const SILENT_BEATS_MAX: u64 = 3;

/// Nodes of a room that are counted; more can't be told from a mistake.
const NODES_MAX: usize = 256;

/// The other nodes' counts.
#[derive(Debug, Default)]
pub(super) struct Census {
    beat: u64,
    rooms: HashMap<RoomId, BTreeMap<String, Count>, RandomState>,
}

#[derive(Debug)]
struct Count {
    viewers: u32,
    heard: u64,
}

impl Census {
    /// A node has so many viewers in a room. Gives the new sum if there is one.
    pub(super) fn note(&mut self, room: RoomId, node: &str, viewers: u32) -> Option<u32> {
        let nodes = self.rooms.entry(room).or_default();
        let before = sum(nodes);
        if viewers == 0 {
            nodes.remove(node);
        } else if let Some(count) = nodes.get_mut(node) {
            *count = Count { viewers, heard: self.beat };
        } else if nodes.len() < NODES_MAX {
            nodes.insert(node.to_owned(), Count { viewers, heard: self.beat });
        }
        let now = sum(nodes);
        if nodes.is_empty() {
            self.rooms.remove(&room);
        }
        (now != before).then_some(now)
    }

    /// Nobody is in the room here any more.
    pub(super) fn forget(&mut self, room: &RoomId) {
        self.rooms.remove(room);
    }

    /// A beat has passed. Gives the new sums where silent nodes were forgotten.
    pub(super) fn beat(&mut self) -> Vec<(RoomId, u32)> {
        self.beat += 1;
        let mut changed = Vec::new();
        self.rooms.retain(|room, nodes| {
            let before = nodes.len();
            nodes.retain(|_, count| self.beat - count.heard <= SILENT_BEATS_MAX);
            if nodes.len() < before {
                changed.push((*room, sum(nodes)));
            }
            !nodes.is_empty()
        });
        changed
    }

    /// How many other nodes there are in all rooms.
    pub(super) fn nodes(&self) -> usize {
        self.rooms.values().flat_map(BTreeMap::keys).collect::<HashSet<_>>().len()
    }
}

fn sum(nodes: &BTreeMap<String, Count>) -> u32 {
    nodes.values().fold(0, |sum, count| sum.saturating_add(count.viewers))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn room(name: &str) -> RoomId {
        RoomId::parse(name).unwrap()
    }

    #[test]
    fn the_latest_count_of_each_node_is_what_counts() {
        let mut census = Census::default();
        let tea = room("tea");
        for (node, viewers, sum) in
            [("a", 3, Some(3)), ("b", 4, Some(7)), ("a", 3, None), ("a", 1, Some(5)), ("b", 0, Some(1)), ("c", 0, None)]
        {
            assert_eq!(census.note(tea, node, viewers), sum, "{node} {viewers}");
        }
        assert_eq!(census.note(room("book"), "a", u32::MAX), Some(u32::MAX));
        assert_eq!(census.note(room("book"), "b", 2), None, "there are no more than can be counted");
        assert_eq!(census.nodes(), 2);
        census.forget(&tea);
        assert_eq!(census.note(tea, "a", 1), Some(1));
    }

    #[test]
    fn a_silent_node_is_forgotten() {
        let mut census = Census::default();
        let tea = room("tea");
        census.note(tea, "quick", 3);
        census.note(tea, "dead", 4);
        for _ in 0..SILENT_BEATS_MAX {
            assert_eq!(census.beat(), []);
            census.note(tea, "quick", 3);
        }
        assert_eq!(census.beat(), [(tea, 3)]);
        assert_eq!(census.nodes(), 1);
        assert_eq!(census.note(tea, "dead", 4), Some(7), "it was only slow");
    }

    #[test]
    fn nodes_are_bounded() {
        let mut census = Census::default();
        for node in 0..NODES_MAX + 5 {
            census.note(room("tea"), &node.to_string(), 1);
        }
        assert_eq!(census.nodes(), NODES_MAX);
    }
}
