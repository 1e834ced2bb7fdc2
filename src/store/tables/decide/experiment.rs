//! Experiments: created, ended, and what is bound to their arms.

use super::{Context, Outcome};
use crate::rules::{Experiment, ExperimentId, ExperimentPlan, InArm, NotDone, NotDoneCode};
use crate::store::tables::{Decision, Tables};
use crate::store::{Answer, Event, ExperimentAsk, ExperimentEvent};

impl Tables {
    pub(super) fn experiment(&self, context: &Context<'_>, ask: &ExperimentAsk) -> Outcome {
        match ask {
            ExperimentAsk::Create { experiment, plan } => self.create_experiment(context, *experiment, plan),
            ExperimentAsk::End { experiment } => self.end_experiment(context, *experiment),
            ExperimentAsk::Due { experiment } => Ok(self.experiment_due(context, *experiment)),
        }
    }

    fn create_experiment(&self, context: &Context<'_>, experiment: ExperimentId, plan: &ExperimentPlan) -> Outcome {
        plan.check().map_err(|error| NotDoneCode::Invalid.because(error.to_string()))?;
        let room = &context.room_id;
        if self.experiment_in(room, experiment).is_ok() {
            return Err(NotDoneCode::Conflict.because("the room has an experiment of that name"));
        }
        let (kept, running) = (self.experiments_of(room).count(), self.experiments.running(room).count());
        if kept >= Experiment::PER_ROOM_MAX || running >= Experiment::RUNNING_MAX {
            let (most, at_once) = (Experiment::PER_ROOM_MAX, Experiment::RUNNING_MAX);
            let detail = format!("at most {most} experiments in a room, {at_once} of them running");
            return Err(NotDoneCode::TooMany.because(detail));
        }
        let plan = Box::new(plan.clone());
        Ok(happened(context, ExperimentEvent::Created { experiment, plan, cause: context.cause }))
    }

    fn end_experiment(&self, context: &Context<'_>, experiment: ExperimentId) -> Outcome {
        if !self.experiment_in(&context.room_id, experiment)?.runs() {
            return Err(NotDoneCode::WrongPhase.because("the experiment has ended"));
        }
        Ok(happened(context, ExperimentEvent::Ended { experiment, cause: context.cause }))
    }

    fn experiment_due(&self, context: &Context<'_>, experiment: ExperimentId) -> Decision {
        let found = self.experiment_in(&context.room_id, experiment).ok();
        match found.and_then(|found| self.experiment_deadline(found)) {
            Some(at) if at <= context.now => happened(context, ExperimentEvent::Archived { experiment }),
            _ => Decision::Answer(Answer::Idle),
        }
    }

    /// Whether something may be bound to an arm: of an experiment that runs in the room.
    pub(super) fn may_bind(&self, context: &Context<'_>, to: Option<InArm>) -> Result<(), NotDone> {
        let Some(InArm { experiment, arm }) = to else { return Ok(()) };
        let found = self.experiment_in(&context.room_id, experiment)?;
        if !found.plan.has(arm) {
            return Err(NotDoneCode::UnknownExperiment.because(format!("experiment {experiment} has no arm {arm}")));
        }
        if !found.runs() {
            return Err(NotDoneCode::WrongPhase.because(format!("experiment {experiment} has ended")));
        }
        Ok(())
    }
}

fn happened(context: &Context<'_>, what: ExperimentEvent) -> Decision {
    Decision::Event(Event::Experiment { room: context.room_id, what })
}
