//! The engine without threads: each step happens when it is told to, so that a simulation repeats itself.

use std::sync::Arc;

use tokio::sync::oneshot;

use super::Shared;
use super::arbiter::{Arbiter, Command, ReplyTo};
use crate::store::{Answer, Keeper, Op};

/// Drives an engine by hand.
pub struct Stepper {
    shared: Arc<Shared>,
    arbiter: Arbiter,
}

impl Stepper {
    pub(super) fn new(shared: Arc<Shared>, arbiter: Arbiter) -> Self {
        Self { shared, arbiter }
    }

    /// Queues an operation, as the API does; the answer is there after [`Self::turn`].
    pub fn submit(&self, op: Op) -> oneshot::Receiver<Answer> {
        let (reply, answer) = oneshot::channel();
        // A full queue drops the operation, and the receiver says so.
        let _ = self.shared.commands.try_send(Command::Commit(op, ReplyTo::Caller(reply)));
        answer
    }

    /// One turn of the arbiter: commits what waits and what time has brought due, and hands out the answers.
    ///
    /// # Errors
    /// The store can't go on: throw the engine away and recover.
    pub fn turn(&mut self) -> Result<(), String> {
        self.arbiter.turn(None)
    }

    /// Whether nothing waits for the arbiter.
    pub fn is_idle(&self) -> bool {
        self.arbiter.is_idle()
    }

    /// One tick: every room's news go out, and how many viewers there are where that has changed.
    pub fn tick(&self) {
        for room in self.shared.rooms.take_crowds() {
            if room.channel.publish_online() {
                self.shared.rooms.has_news(&room);
            }
        }
        for room in self.shared.rooms.take_news() {
            if !room.publish_hearts() {
                self.shared.rooms.has_news(&room);
            }
            room.channel.flush(self.shared.clock.now(), self.shared.encode.as_ref()).deliver_all();
        }
    }

    /// The store, to look at.
    pub fn keeper(&self) -> &dyn Keeper {
        self.arbiter.keeper()
    }
}

impl std::fmt::Debug for Stepper {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stepper").finish_non_exhaustive()
    }
}
