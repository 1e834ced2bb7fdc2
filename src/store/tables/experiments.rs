//! The experiments of all rooms.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Tables;
use crate::rules::{
    ArmId, ArmResults, Experiment, ExperimentId, ExperimentPlan, NotDone, NotDoneCode, RoomId, Time, UserId,
};
use crate::store::{Arms, Event};

/// Experiments that have not been archived.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Experiments {
    pub(super) rooms: BTreeMap<RoomId, BTreeMap<ExperimentId, Experiment>>,
}

/// An experiment as its host sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExperimentView {
    /// Its name.
    pub experiment: ExperimentId,
    /// What was asked for.
    pub plan: ExperimentPlan,
    /// When it began.
    pub started: Time,
    /// When it ended.
    pub ended: Option<Time>,
    /// What each arm has brought, in the plan's order.
    pub results: Vec<ArmResults>,
}

impl Experiments {
    /// The running ones of a room.
    pub(super) fn running(&self, room: &RoomId) -> impl Iterator<Item = (ExperimentId, &Experiment)> {
        let all = self.rooms.get(room).into_iter().flatten();
        all.filter(|(_, experiment)| experiment.runs()).map(|(id, experiment)| (*id, experiment))
    }
}

impl Tables {
    /// The arms of an event's users. Where no room has an experiment it is nothing, at no cost.
    pub(in crate::store) fn arms(&self, event: &Event) -> Arms {
        if !self.has_experiments() {
            return Arms::default();
        }
        let running = event.room().map(|room| self.experiments.running(room).peekable());
        let running = running.and_then(|mut running| running.peek().is_some().then_some(running));
        running.map_or_else(Arms::default, |running| Arms::of(event, running))
    }

    /// Whether any room has one.
    pub(in crate::store) fn has_experiments(&self) -> bool {
        !self.experiments.rooms.is_empty()
    }

    /// A room's experiments, by name.
    pub fn experiments_of(&self, room: &RoomId) -> impl Iterator<Item = (ExperimentId, &Experiment)> {
        self.experiments.rooms.get(room).into_iter().flatten().map(|(id, experiment)| (*id, experiment))
    }

    /// Every experiment of every room.
    pub fn experiments(&self) -> impl Iterator<Item = (RoomId, ExperimentId, &Experiment)> {
        let all = self.experiments.rooms.iter();
        all.flat_map(|(room, of)| of.iter().map(|(id, experiment)| (*room, *id, experiment)))
    }

    /// The arms of a user in the running experiments of a room.
    pub(super) fn arms_of(&self, room: &RoomId, user: &UserId) -> Vec<(ExperimentId, ArmId)> {
        self.experiments.running(room).map(|(id, experiment)| (id, experiment.plan.arm_of(id, user))).collect()
    }

    /// The views of a room's experiments.
    pub(super) fn experiment_views(&self, room: &RoomId) -> Vec<ExperimentView> {
        let view = |(experiment, of): (ExperimentId, &Experiment)| ExperimentView {
            experiment,
            plan: of.plan.clone(),
            started: of.started,
            ended: of.ended,
            results: of.results.clone(),
        };
        self.experiments_of(room).map(view).collect()
    }

    /// An experiment of a room. Another room's is as unknown as one that never was.
    pub(super) fn experiment_in(&self, room: &RoomId, id: ExperimentId) -> Result<&Experiment, NotDone> {
        let found = self.experiments.rooms.get(room).and_then(|of| of.get(&id));
        found.ok_or_else(|| NotDoneCode::UnknownExperiment.because(format!("the room has no experiment {id}")))
    }

    /// When an experiment leaves.
    pub(super) fn experiment_deadline(&self, experiment: &Experiment) -> Option<Time> {
        experiment.ended.map(|at| at.after_ms(self.bounds.retention_ms))
    }
}
