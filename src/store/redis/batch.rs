//! What stands in the log: operations and the time they came at, a chunk of a node's batch in each stripe.

use std::{iter, slice};

use serde::Serialize;

use crate::rules::Time;
use crate::store::{Answer, Ask, CommitError, Op, Recorded, Tables};

/// What stands before the operations.
const FORMAT: u8 = 1;

/// A part of a batch. Its operations are decided where its entry stands, which may be before the chunk that came before it:
/// they were in flight together, and nobody has been told anything of one before another was sent.
pub(super) struct Chunk<'a> {
    /// The steps that time has brought due: in front of every chunk with anything in it, for nothing that waits behind may still
    /// be granted by what has ended. Where they come second they find nothing to do, or the step after.
    due: &'a [Op],
    ops: &'a [Op],
}

/// Cuts a batch into so many parts of about the same size.
pub(super) fn share(ops: &[Op], parts: usize) -> Vec<Chunk<'_>> {
    let is_due = |op: &&Op| op.by.is_none() && matches!(op.ask, Ask::Due { .. });
    let (due, asked) = ops.split_at(ops.iter().take_while(is_due).count());
    let size = asked.len().div_ceil(parts).max(1);
    let first = Chunk { due: &[], ops: &ops[..due.len() + size.min(asked.len())] };
    let mut rest = asked.chunks(size).skip(1);
    let chunk = |_| match rest.next() {
        Some(ops) => Chunk { due, ops },
        None => Chunk { due: &[], ops: &[] },
    };
    iter::once(first).chain((1..parts).map(chunk)).collect()
}

impl Chunk<'_> {
    pub(super) fn encode(&self, now: Time) -> Vec<u8> {
        /// A sequence of references encodes as the list that it is read back as.
        struct Ops<'a>(slice::Iter<'a, Op>, slice::Iter<'a, Op>);
        impl Serialize for Ops<'_> {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                use serde::ser::SerializeSeq as _;
                let mut sequence = serializer.serialize_seq(Some(self.0.len() + self.1.len()))?;
                for op in self.0.clone().chain(self.1.clone()) {
                    sequence.serialize_element(op)?;
                }
                sequence.end()
            }
        }
        let batch = (FORMAT, now, Ops(self.due.iter(), self.ops.iter()));
        postcard::to_stdvec(&batch).expect("operations always encode")
    }

    /// Decides it, as [`apply`] does elsewhere.
    pub(super) fn decide(
        &self, tables: &mut Tables, now: Time, answers: &mut Vec<Answer>, events: &mut Vec<Recorded>,
    ) -> Result<(), String> {
        // The answers to repeats are for nobody.
        commit(tables, now, self.due, &mut Vec::new(), events)?;
        commit(tables, now, self.ops, answers, events)
    }
}

/// Decides somebody's entry as everybody does. An entry that fills a gap holds nothing.
pub(super) fn apply(tables: &mut Tables, batch: &[u8], events: &mut Vec<Recorded>) -> Result<(), String> {
    if batch.is_empty() {
        return Ok(());
    }
    let (format, now, ops): (u8, Time, Vec<Op>) = postcard::from_bytes(batch).map_err(|error| error.to_string())?;
    if format != FORMAT {
        return Err(format!("is of format {format}, this node reads {FORMAT}"));
    }
    // The answers are for others.
    commit(tables, now, &ops, &mut Vec::new(), events)
}

fn commit(
    tables: &mut Tables, now: Time, ops: &[Op], answers: &mut Vec<Answer>, events: &mut Vec<Recorded>,
) -> Result<(), String> {
    tables.commit(now, ops, answers, events).map_err(|error: CommitError| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::{ActivityId, OrderId, RoomId};
    use crate::store::Partition;

    #[test]
    fn what_is_due_stands_before_every_chunk() {
        let op = |ask| Op { partition: Partition::Room(RoomId::parse("r1").unwrap()), by: None, request: None, ask };
        let due = |n| op(Ask::Due { activity: ActivityId(n) });
        let other = |n| op(Ask::Expire { order: OrderId(n) });
        let now = Time::from_ms(7);
        for (ops, parts, want) in [
            (vec![], 2, vec![vec![], vec![]]),
            (vec![due(1), due(2)], 3, vec![vec![due(1), due(2)], vec![], vec![]]),
            (vec![other(1), other(2), other(3)], 1, vec![vec![other(1), other(2), other(3)]]),
            (vec![other(1), other(2), other(3)], 2, vec![vec![other(1), other(2)], vec![other(3)]]),
            (vec![due(1), other(2), due(3)], 2, vec![vec![due(1), other(2)], vec![due(1), due(3)]]),
            (vec![due(1), other(2)], 3, vec![vec![due(1), other(2)], vec![], vec![]]),
        ] {
            let read = |chunk: &Chunk<'_>| {
                let (format, at, ops): (u8, Time, Vec<Op>) = postcard::from_bytes(&chunk.encode(now)).unwrap();
                assert_eq!((format, at), (FORMAT, now));
                ops
            };
            assert_eq!(share(&ops, parts).iter().map(read).collect::<Vec<_>>(), want);
        }
    }
}
