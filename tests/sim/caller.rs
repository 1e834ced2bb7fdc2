//! Those who come through the API: hosts, and the payment provider. They repeat what got no answer, under the same id.

use liveroom::engine::Stepper;
use liveroom::rules::{NotDoneCode, Seed, UserId};
use liveroom::store::{Answer, Ask, Op};
use tokio::sync::oneshot::{Receiver, error::TryRecvError};

use crate::chance::Chance;
use crate::tally::Tally;

/// Somebody with requests on the way.
pub(crate) struct Caller {
    pub(crate) user: UserId,
    waiting: Vec<Waiting>,
    /// What has an answer.
    pub(crate) done: Vec<Op>,
}

struct Waiting {
    op: Op,
    answer: Option<Receiver<Answer>>,
}

impl Caller {
    pub(crate) fn new(user: UserId) -> Self {
        Self { user, waiting: Vec::new(), done: Vec::new() }
    }

    pub(crate) fn ask(&mut self, stepper: &Stepper, op: Op) {
        let answer = Some(stepper.submit(op.clone()));
        self.waiting.push(Waiting { op, answer });
    }

    /// Looks for answers.
    pub(crate) fn listen(&mut self, tally: &mut Tally) {
        let done = &mut self.done;
        self.waiting.retain_mut(|waiting| {
            let Some(receiver) = &mut waiting.answer else { return true };
            match receiver.try_recv() {
                Ok(Answer::NotDone(why)) if is_passing(why.code) => {
                    tally.count(format!("told.{}", why.code.word()));
                    waiting.answer = None;
                }
                Ok(_) => {
                    done.push(waiting.op.clone());
                    return false;
                }
                Err(TryRecvError::Empty) => {}
                Err(TryRecvError::Closed) => {
                    tally.count("caller.outcome_unknown");
                    waiting.answer = None;
                }
            }
            true
        });
    }

    /// Asks again what has no answer, each in its own time. A draft's seed is drawn anew, as the API does.
    pub(crate) fn ask_again(&mut self, stepper: &Stepper, chance: &mut Chance) {
        for waiting in self.waiting.iter_mut().filter(|waiting| waiting.answer.is_none()) {
            if !chance.percent(15) {
                continue;
            }
            if let Ask::Draft { seed, .. } = &mut waiting.op.ask {
                *seed = Seed(chance.bytes());
            }
            waiting.answer = Some(stepper.submit(waiting.op.clone()));
        }
    }

    pub(crate) fn is_settled(&self) -> bool {
        self.waiting.is_empty()
    }
}

fn is_passing(code: NotDoneCode) -> bool {
    matches!(code, NotDoneCode::Unavailable | NotDoneCode::Overloaded)
}
