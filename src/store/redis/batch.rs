//! What stands in the log: operations and the time they came at, a chunk of a node's batch in each stripe.

use std::{iter, slice};

use serde::Serialize;

use crate::rules::Time;
use crate::store::{Answer, Ask, CommitError, Op, PresenceAsk, Recorded, Tables};

/// What stands before the operations.
const FORMAT: u8 = 1;

/// A part of a batch. Its operations are decided where its entry stands, which may be before the chunk that came before it:
/// they were in flight together, and nobody has been told anything of one before another was sent.
pub(super) struct Chunk<'a> {
    /// What time has brought due: in front of every chunk with anything in it, for nothing that waits behind may still
    /// be granted by what has ended. Where they come second they find nothing to do, or the step after.
    due: &'a [Op],
    ops: &'a [Op],
}

/// Cuts a batch into so many parts of about the same size.
pub(super) fn share(ops: &[Op], parts: usize) -> Vec<Chunk<'_>> {
    // Reports of who is there come from the server, too. They are large, and nothing is granted by what they end.
    let is_report = |ask: &Ask| matches!(ask, Ask::Presence(PresenceAsk::Present { .. }));
    let is_due = |op: &&Op| op.by.is_none() && !is_report(&op.ask);
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
    use crate::rules::tests::a_small_rain;
    use crate::rules::*;
    use crate::store::{Bounds, Partition, RiskAsk};

    fn here() -> Partition {
        Partition::Room(RoomId::parse("r1").unwrap())
    }

    fn user(name: &str) -> UserId {
        UserId::parse(name).unwrap()
    }

    #[test]
    fn what_is_due_stands_before_every_chunk() {
        let due = |n| Op::timer(here(), Ask::Due { activity: ActivityId(n) });
        let expire = |n| Op::timer(here(), Ask::Expire { order: OrderId(n) });
        let report = || {
            let (from, until, stays) = (Time::from_ms(1), Time::from_ms(2), Box::default());
            Op::timer(here(), Ask::Presence(PresenceAsk::Present { broadcast: 1, from, until, stays }))
        };
        let other = |n| Op { by: Some(user("ann")), ..expire(n) };
        let now = Time::from_ms(7);
        for (ops, parts, want) in [
            (vec![], 2, vec![vec![], vec![]]),
            (vec![due(1), due(2)], 3, vec![vec![due(1), due(2)], vec![], vec![]]),
            (vec![other(1), other(2), other(3)], 1, vec![vec![other(1), other(2), other(3)]]),
            (vec![other(1), other(2), other(3)], 2, vec![vec![other(1), other(2)], vec![other(3)]]),
            (vec![due(1), other(2), due(3)], 2, vec![vec![due(1), other(2)], vec![due(1), due(3)]]),
            (vec![expire(1), due(2), other(3), other(4)], 2, {
                vec![vec![expire(1), due(2), other(3)], vec![expire(1), due(2), other(4)]]
            }),
            (vec![due(1), report(), other(2)], 2, vec![vec![due(1), report()], vec![due(1), other(2)]]),
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

    /// A rain whose cash is held for longer than activities are kept, and when it leaves.
    fn a_rain_with_a_hold() -> (Tables, ActivityId, Time) {
        let mut tables = Tables::new(Bounds { retention_ms: 5_000, ..Bounds::default() });
        let (mut now, mut requests) = (Time::from_ms(1_000_000), 0);
        let mut ask = |tables: &mut Tables, now, partition, by: &str, ask| {
            requests += 1;
            let op = Op { partition, by: Some(user(by)), request: RequestId::new(requests), ask };
            commit(tables, now, &[op], &mut Vec::new(), &mut Vec::new()).unwrap();
        };
        let (activity, until) = (ActivityId(1), now.after_ms(600_000));
        let policy = Some(HoldPolicy { hold_from: 60, hold_ms: 60_000 });
        let accounts = vec![(user("bot"), Risk { score: 90, reason: RiskReason::parse("test").unwrap(), until })];
        for (partition, by, what) in [
            (here(), "host", Ask::CreateRoom { host: user("host"), utc_offset_min: 0 }),
            (Partition::Wallet(user("host")), "op", Ask::TopUp { currency: Currency::Fen, amount: 100 }),
            (Partition::Platform, "op", Ask::Risk(RiskAsk::SetPolicy { policy })),
            (Partition::Platform, "op", Ask::Risk(RiskAsk::Judge { accounts })),
            (here(), "host", Ask::Draft { plan: Box::new(a_small_rain()), seed: Seed([1; 32]) }),
            (here(), "host", Ask::Step { activity, step: Step::Schedule }),
            (here(), "host", Ask::Step { activity, step: Step::Open }),
        ] {
            ask(&mut tables, now, partition, by, what);
        }
        let token = tables.gate(activity).unwrap().token;
        ask(&mut tables, now, here(), "bot", Ask::Claim { activity, token, opening: 1 });
        let held_until = tables.holds().next().unwrap().1.until;
        while tables.next_due().unwrap() < held_until {
            now = tables.next_due().unwrap();
            let mut ops = Vec::new();
            tables.due(now, 100, &mut ops);
            commit(&mut tables, now, &ops, &mut Vec::new(), &mut Vec::new()).unwrap();
        }
        (tables, activity, held_until.after_ms(1))
    }

    #[test]
    fn chunks_may_be_decided_in_any_order() {
        let (tables, activity, leaves_at) = a_rain_with_a_hold();
        let mut ops = Vec::new();
        tables.due(leaves_at, 100, &mut ops);
        let [end, leave] = &ops[..] else { panic!("the end of the hold, and the archiving: {ops:?}") };
        let other = |n| Op { by: Some(user("ann")), ..Op::timer(here(), Ask::Expire { order: OrderId(n) }) };
        let together = [end.clone(), leave.clone(), other(1), other(2)];
        // As a batch of another node may hold them.
        let apart = [other(1), end.clone(), leave.clone()];
        for (what, ops) in [("together", &together[..]), ("apart", &apart[..])] {
            let mut tables = tables.clone();
            for chunk in share(ops, 2).iter().rev() {
                apply(&mut tables, &chunk.encode(leaves_at), &mut Vec::new())
                    .unwrap_or_else(|why| panic!("{what}: {why}"));
            }
            let mut rest = Vec::new();
            tables.due(leaves_at, 100, &mut rest);
            apply(&mut tables, &share(&rest, 1)[0].encode(leaves_at), &mut Vec::new()).unwrap();
            let paid = tables.ledger().balance(Account::Wallet(user("bot")), Currency::Fen);
            assert_eq!((tables.activity(activity), paid), (None, 5), "{what}");
        }
    }
}
