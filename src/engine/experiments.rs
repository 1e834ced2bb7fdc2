//! The experiments that run in a room, as its sessions see them: what viewers do that decides nothing has their arms, too.

use std::sync::Arc;

use arc_swap::ArcSwap;

use super::room::LiveRoom;
use crate::rules::{ArmId, ExperimentId, ExperimentPlan, UserId};
use crate::store::{ExperimentEvent, Own};

/// The running experiments of a room. Read with everything that viewers say, written by the arbiter when one begins or ends.
#[derive(Debug, Default)]
pub(super) struct LiveExperiments(ArcSwap<Vec<(ExperimentId, ExperimentPlan)>>);

impl LiveExperiments {
    /// An experiment runs now.
    pub(super) fn begin(&self, experiment: ExperimentId, plan: ExperimentPlan) {
        let mut all = Vec::clone(&self.0.load());
        all.push((experiment, plan));
        all.sort_unstable_by_key(|(id, _)| *id);
        self.0.store(Arc::new(all));
    }

    /// It does not run any more.
    pub(super) fn end(&self, experiment: ExperimentId) {
        let others = self.0.load().iter().filter(|(id, _)| *id != experiment).cloned().collect();
        self.0.store(Arc::new(others));
    }

    /// The arms of a user. Where no experiment runs there are none, at no cost.
    pub(super) fn arms(&self, user: &UserId) -> Vec<(ExperimentId, ArmId)> {
        self.0.load().iter().map(|(id, plan)| (*id, plan.arm_of(*id, user))).collect()
    }
}

/// Tells each viewer of the own arm of an experiment that begins, and that one is over.
pub(super) fn follow(room: &LiveRoom, what: &ExperimentEvent) {
    let arm_of: &dyn Fn(&UserId) -> Option<ArmId> = match what {
        ExperimentEvent::Created { experiment, plan, .. } => {
            room.experiments.begin(*experiment, plan.as_ref().clone());
            &|user| Some(plan.arm_of(*experiment, user))
        }
        ExperimentEvent::Ended { experiment, .. } => {
            room.experiments.end(*experiment);
            &|_| None
        }
        ExperimentEvent::Archived { .. } => return,
    };
    let own = |user: &UserId| Own { arms: vec![(what.experiment(), arm_of(user))], ..Own::default() };
    room.audience.lock().post_each(own);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::Arm;

    #[test]
    fn arms_of_what_runs() {
        let live = LiveExperiments::default();
        let name = |text| ExperimentId::parse(text).unwrap();
        let arms = ["control", "red"].map(|arm| Arm { arm: ArmId::parse(arm).unwrap(), weight: 1 });
        let plan = ExperimentPlan { title: "t".to_owned(), arms: arms.into() };
        let ann = UserId::parse("ann").unwrap();
        let said = |live: &LiveExperiments| {
            live.arms(&ann).iter().map(|(id, arm)| format!("{id} {arm}")).collect::<Vec<_>>().join(", ")
        };
        assert_eq!(said(&live), "");
        live.begin(name("button"), plan.clone());
        live.begin(name("a"), plan.clone());
        assert_eq!(said(&live), format!("a {}, button red", plan.arm_of(name("a"), &ann)));
        live.end(name("a"));
        assert_eq!(said(&live), "button red");
    }
}
