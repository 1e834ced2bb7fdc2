//! A keeper that forgets: for tests, the simulation, and to measure what durability costs.

use crate::rules::{ActivityId, RoomId, Time, UserId};

use super::tables::Decision;
use super::{Answer, Bounds, CommitError, GateFacts, Keeper, Op, Query, Recorded, Reply, Tables};

/// Tables, and nothing behind them.
#[derive(Debug)]
pub struct MemoryKeeper {
    tables: Tables,
}

impl MemoryKeeper {
    /// Empty.
    pub fn new(bounds: Bounds) -> Self {
        Self { tables: Tables::new(bounds) }
    }

    /// Goes on from `tables`.
    pub fn over(tables: Tables) -> Self {
        Self { tables }
    }

    /// What it keeps.
    pub fn tables(&self) -> &Tables {
        &self.tables
    }
}

impl Keeper for MemoryKeeper {
    fn commit(
        &mut self, now: Time, ops: &[Op], answers: &mut Vec<Answer>, events: &mut Vec<Recorded>,
    ) -> Result<(), CommitError> {
        self.tables.commit(now, ops, answers, events)
    }

    fn due(&self, now: Time, limit: usize, ops: &mut Vec<Op>) {
        self.tables.due(now, limit, ops);
    }

    fn next_due(&self) -> Option<Time> {
        self.tables.next_due()
    }

    fn gate(&self, activity: ActivityId) -> Option<GateFacts> {
        self.tables.gate(activity)
    }

    fn each_user(&self, room: &RoomId, visit: &mut dyn FnMut(&UserId)) {
        self.tables.each_user(room, visit);
    }

    fn ask(&self, query: &Query) -> Reply {
        self.tables.ask(query)
    }

    fn latest(&self) -> Time {
        self.tables.latest_at()
    }
}

impl Tables {
    /// Decides and writes a batch in memory.
    pub(super) fn commit(
        &mut self, now: Time, ops: &[Op], answers: &mut Vec<Answer>, events: &mut Vec<Recorded>,
    ) -> Result<(), CommitError> {
        let at = now.max(self.latest_at());
        for ops in ops.chunks(Self::AHEAD) {
            ops.iter().for_each(|op| self.look_ahead(at, op));
            for op in ops {
                match self.decide(at, op) {
                    Decision::Answer(answer) => answers.push(answer),
                    Decision::Event(event) => {
                        let arms = self.arms(&event);
                        let recorded = Recorded { no: self.latest_no() + 1, at, event, arms };
                        let answer = self.evolve(&recorded).map_err(|error| CommitError::Fatal(error.to_string()))?;
                        answers.push(answer);
                        events.push(recorded);
                    }
                }
            }
        }
        Ok(())
    }
}
