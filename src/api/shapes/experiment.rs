//! Experiments.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Problem;
use crate::rules::{Arm, ArmId, ArmResults, ExperimentId, ExperimentPlan, InArm, Tally, Time};
use crate::store::ExperimentView;

/// A new experiment: users of the room fall into its arms from now on.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct NewExperiment {
    /// Its name in the room: 1 to 39 of `A-Z a-z 0-9 _ . -`. With the user's, it decides who is in which arm.
    pub experiment: String,
    /// What it is about: 1 to 200 bytes.
    pub title: String,
    /// 2 to 8 arms. Their order is part of how users fall into them.
    pub arms: Vec<NewArm>,
}

/// An arm.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct NewArm {
    /// Its name, like an experiment's.
    pub arm: String,
    /// How many fall into it, in proportion to the others: 1 to 1,000,000.
    #[serde(default = "super::one_u32")]
    pub weight: u32,
}

/// An arm of an experiment that something is for.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct InArmShape {
    /// The experiment, of the room.
    pub experiment: String,
    /// The arm.
    pub arm: String,
}

/// An experiment, and what its arms have brought: live.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct ExperimentShape {
    /// Its name.
    pub experiment: String,
    /// What it is about.
    pub title: String,
    /// When it began.
    pub started_ms: i64,
    /// When it ended: nothing counted from then on.
    pub ended_ms: Option<i64>,
    /// Its arms.
    pub arms: Vec<ArmShape>,
}

/// What an arm has brought.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct ArmShape {
    /// Its name.
    pub arm: String,
    /// How many fall into it, in proportion.
    pub weight: u32,
    /// Users of the arm who were seen in the room.
    pub users: u32,
    /// Those of them who were given something or reserved something.
    pub participants: u32,
    /// Orders that were reserved.
    pub orders: u32,
    /// Orders that were paid.
    pub paid_orders: u32,
    /// What those cost.
    pub gmv_fen: i64,
    /// What gifts cost.
    pub gift_coins: u64,
}

/// Reads an experiment's name.
pub(in crate::api) fn experiment_id(text: &str) -> Result<ExperimentId, Problem> {
    ExperimentId::parse(text).map_err(|why| Problem::invalid(format!("an experiment {why}")))
}

fn arm_id(text: &str) -> Result<ArmId, Problem> {
    ArmId::parse(text).map_err(|why| Problem::invalid(format!("an arm {why}")))
}

impl NewExperiment {
    pub(in crate::api) fn plan(self) -> Result<(ExperimentId, ExperimentPlan), Problem> {
        let arm = |new: NewArm| Ok(Arm { arm: arm_id(&new.arm)?, weight: new.weight });
        let arms = self.arms.into_iter().map(arm).collect::<Result<_, Problem>>()?;
        Ok((experiment_id(&self.experiment)?, ExperimentPlan { title: self.title, arms }))
    }
}

impl InArmShape {
    /// The arm that it names.
    pub(in crate::api) fn in_arm(self) -> Result<InArm, Problem> {
        Ok(InArm { experiment: experiment_id(&self.experiment)?, arm: arm_id(&self.arm)? })
    }
}

impl From<InArm> for InArmShape {
    fn from(of: InArm) -> Self {
        Self { experiment: of.experiment.to_string(), arm: of.arm.to_string() }
    }
}

impl From<&ExperimentView> for ExperimentShape {
    fn from(view: &ExperimentView) -> Self {
        let arm = |(arm, results): (&Arm, &ArmResults)| {
            let ArmResults { users, participants, tally } = *results;
            let Tally { orders, paid_orders, gmv, coins } = tally;
            let (name, weight) = (arm.arm.to_string(), arm.weight);
            ArmShape {
                arm: name,
                weight,
                users,
                participants,
                orders,
                paid_orders,
                gmv_fen: gmv.get(),
                gift_coins: coins,
            }
        };
        Self {
            experiment: view.experiment.to_string(),
            title: view.plan.title.clone(),
            started_ms: view.started.ms(),
            ended_ms: view.ended.map(Time::ms),
            arms: view.plan.arms.iter().zip(&view.results).map(arm).collect(),
        }
    }
}
