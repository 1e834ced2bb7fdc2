//! The Merkle tree over the entries: the one of RFC 6962, section 2.1, that Certificate Transparency uses.

use sha2::{Digest as _, Sha256};

use super::Digest;

/// A tree that grows leaf by leaf. A leaf costs two hashes on average, the root and a proof O(log n) at any time.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Tree {
    /// From the leaves up: the hashes of all whole pairs.
    levels: Vec<Vec<[u8; 32]>>,
}

impl Tree {
    /// Adds a leaf.
    pub(super) fn push(&mut self, ticket: &[u8]) {
        let mut hash = leaf(ticket);
        for level in 0.. {
            if self.levels.len() == level {
                self.levels.push(Vec::new());
            }
            let hashes = &mut self.levels[level];
            hashes.push(hash);
            let [.., left, right] = hashes.as_slice() else { return };
            if !hashes.len().is_multiple_of(2) {
                return;
            }
            hash = node(left, right);
        }
    }

    /// The root; the hash of nothing if there are no leaves.
    pub(super) fn root(&self) -> Digest {
        // From the smallest whole subtree at the right edge to the largest.
        let edges = self.levels.iter().filter(|level| !level.len().is_multiple_of(2)).filter_map(|level| level.last());
        let root = edges.copied().reduce(|right, left| node(&left, &right));
        Digest(root.unwrap_or_else(|| Sha256::digest(b"").into()))
    }

    /// What leads from leaf `index` to the root: the hashes beside the way, from the leaf up.
    pub(super) fn path(&self, index: usize) -> Option<Vec<Digest>> {
        let leaves = self.levels.first().map_or(0, Vec::len);
        if index >= leaves {
            return None;
        }
        let mut path = Vec::new();
        let (mut at, mut size) = (index, leaves);
        // What is to the right of the last whole pair of each level, folded up.
        let mut edge: Option<[u8; 32]> = None;
        for level in &self.levels {
            if size == 1 && edge.is_none() {
                break;
            }
            // With the edge, the level has a last node that is not whole.
            let width = size + usize::from(edge.is_some());
            let beside = at ^ 1;
            if beside < size {
                path.push(Digest(level[beside]));
            } else if beside < width
                && let Some(edge) = edge
            {
                path.push(Digest(edge));
            }
            if !size.is_multiple_of(2) {
                let last = level[size - 1];
                edge = Some(edge.map_or(last, |edge| node(&last, &edge)));
            }
            at /= 2;
            size /= 2;
        }
        Some(path)
    }
}

/// Whether `path` leads from the ticket at `index` to the root of a tree of `count` leaves (RFC 9162, section 2.1.3.2).
pub(super) fn leads_to(root: &Digest, count: u64, index: u64, ticket: &[u8], path: &[Digest]) -> bool {
    if index >= count {
        return false;
    }
    let (mut at, mut last) = (index, count - 1);
    let mut hash = leaf(ticket);
    for beside in path {
        if last == 0 {
            return false;
        }
        if at % 2 == 1 || at == last {
            hash = node(&beside.0, &hash);
            while at.is_multiple_of(2) && at != 0 {
                at /= 2;
                last /= 2;
            }
        } else {
            hash = node(&hash, &beside.0);
        }
        at /= 2;
        last /= 2;
    }
    last == 0 && Digest(hash) == *root
}

fn leaf(ticket: &[u8]) -> [u8; 32] {
    Sha256::new().chain_update([0]).chain_update(ticket).finalize().into()
}

fn node(left: &[u8; 32], right: &[u8; 32]) -> [u8; 32] {
    Sha256::new().chain_update([1]).chain_update(left).chain_update(right).finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6962, word for word: split at the largest power of two below n.
    fn by_the_book(leaves: &[Vec<u8>]) -> [u8; 32] {
        match leaves {
            [] => Sha256::digest(b"").into(),
            [one] => leaf(one),
            many => {
                let (left, right) = many.split_at(many.len().next_power_of_two() / 2);
                node(&by_the_book(left), &by_the_book(right))
            }
        }
    }

    #[test]
    fn every_leaf_of_every_tree_is_proved_and_nothing_else() {
        let mut tree = Tree::default();
        let mut leaves: Vec<Vec<u8>> = Vec::new();
        for count in 0..70u64 {
            assert_eq!(tree.root().0, by_the_book(&leaves), "{count} leaves");
            for index in 0..count {
                let path = tree.path(index as usize).unwrap();
                let ticket = &leaves[index as usize];
                assert!(leads_to(&tree.root(), count, index, ticket, &path), "leaf {index} of {count}");
                assert!(!leads_to(&tree.root(), count, index, b"mallory", &path));
                assert!(!leads_to(&tree.root(), count, index ^ 1, ticket, &path) || count == 1);
                assert!(path.is_empty() || !leads_to(&tree.root(), count, index, ticket, &path[1..]));
                let longer: Vec<_> = path.iter().copied().chain([tree.root()]).collect();
                assert!(!leads_to(&tree.root(), count, index, ticket, &longer));
            }
            assert_eq!(tree.path(count as usize), None);
            let ticket = format!("u{count}").into_bytes();
            tree.push(&ticket);
            leaves.push(ticket);
        }
    }
}
