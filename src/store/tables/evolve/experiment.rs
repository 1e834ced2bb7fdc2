//! Experiments, and what the users of their arms bring.

use super::{Fits, Kept};
use crate::rules::{Experiment, ExperimentId, RoomId, Time};
use crate::store::tables::{Due, Tables};
use crate::store::{Answer, Event, ExperimentEvent};

impl Tables {
    pub(super) fn apply_experiment(&mut self, room: &RoomId, at: Time, what: &ExperimentEvent) -> Fits<Answer> {
        match what {
            ExperimentEvent::Created { experiment, plan, cause } => {
                let of = self.experiments.rooms.entry(*room).or_default();
                if of.insert(*experiment, Experiment::new(plan.as_ref().clone(), at)).is_some() {
                    return Err("the experiment exists");
                }
                self.keep(room, cause, Kept::ExperimentCreated(*experiment))
            }
            ExperimentEvent::Ended { experiment, cause } => {
                let ends = self.experiment_mut(room, *experiment)?;
                if !ends.runs() {
                    return Err("the experiment has ended");
                }
                ends.end(at);
                let due = at.after_ms(self.bounds.retention_ms);
                self.due.insert((due, Due::Experiment(Box::new((*room, *experiment)))));
                self.keep(room, cause, Kept::ExperimentEnded(*experiment))
            }
            ExperimentEvent::Archived { experiment } => {
                let of = self.experiments.rooms.get_mut(room).ok_or("no such experiment")?;
                let gone = of.remove(experiment).ok_or("no such experiment")?;
                if of.is_empty() {
                    self.experiments.rooms.remove(room);
                }
                let at = self.experiment_deadline(&gone).ok_or("only what is over is archived")?;
                self.due.remove(&(at, Due::Experiment(Box::new((*room, *experiment)))));
                Ok(Answer::Idle)
            }
        }
    }

    /// Counts for the arms of a room's running experiments what an event says of its users.
    pub(super) fn count_for_experiments(&mut self, event: &Event) {
        if self.experiments.rooms.is_empty() {
            return;
        }
        let Some(of) = event.room().and_then(|room| self.experiments.rooms.get_mut(room)) else { return };
        let most = self.bounds.audience_per_room_max;
        for (id, experiment) in of.iter_mut().filter(|(_, experiment)| experiment.runs()) {
            event.each_user(&mut |user| experiment.see(*id, user, most));
            event.each_brought(&mut |user, brought| experiment.count(*id, user, brought));
        }
    }

    fn experiment_mut(&mut self, room: &RoomId, id: ExperimentId) -> Fits<&mut Experiment> {
        self.experiments.rooms.get_mut(room).and_then(|of| of.get_mut(&id)).ok_or("no such experiment")
    }
}
