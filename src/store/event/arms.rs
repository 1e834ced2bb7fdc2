//! The arms of the users whom an event names: they travel with it, so that whoever reads the log later need not know which
//! experiments ran then.

use serde::ser::{SerializeMap as _, Serializer};
use serde::{Deserialize, Serialize};

use super::Event;
use crate::rules::{ArmId, Experiment, ExperimentId, UserId};

/// The arms of an event's users, in the order of [`Event::each_user`], in each experiment that ran in its room. Where none ran it is
/// nothing, and costs nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Arms(Option<Box<[ArmsOf]>>);

/// The arms in one experiment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct ArmsOf {
    experiment: ExperimentId,
    /// The arms that there are among the users.
    arms: Box<[ArmId]>,
    /// For each user the place among those.
    users: Box<[u8]>,
}

/// The arms of one user; serialised as an object of experiments and arms.
#[derive(Debug, Clone, Copy)]
pub struct ArmsOfUser<'a> {
    all: &'a Arms,
    place: usize,
}

impl Arms {
    /// The arms of an event's users in experiments that run.
    pub(in crate::store) fn of<'a>(
        event: &Event, running: impl Iterator<Item = (ExperimentId, &'a Experiment)>,
    ) -> Self {
        let mut users: Vec<UserId> = Vec::new();
        event.each_user(&mut |user| users.push(*user));
        if users.is_empty() {
            return Self::default();
        }
        let all: Box<[_]> = running.map(|(id, experiment)| ArmsOf::new(id, experiment, &users)).collect();
        Self((!all.is_empty()).then_some(all))
    }

    /// Whether no experiment ran.
    pub fn is_none(&self) -> bool {
        self.0.is_none()
    }

    /// The arms of the user whom the event names at `place`.
    pub fn at(&self, place: usize) -> ArmsOfUser<'_> {
        ArmsOfUser { all: self, place }
    }
}

impl ArmsOf {
    fn new(experiment: ExperimentId, of: &Experiment, users: &[UserId]) -> Self {
        let mut arms: Vec<ArmId> = Vec::new();
        let place = |user: &UserId| {
            let arm = of.plan.arm_of(experiment, user);
            let known = arms.iter().position(|known| *known == arm);
            // An experiment has few arms.
            known.unwrap_or_else(|| {
                arms.push(arm);
                arms.len() - 1
            }) as u8
        };
        let users = users.iter().map(place).collect();
        Self { experiment, arms: arms.into(), users }
    }
}

impl ArmsOfUser<'_> {
    /// Experiments, and the user's arm in each.
    pub fn iter(&self) -> impl Iterator<Item = (ExperimentId, ArmId)> {
        self.all.0.iter().flatten().filter_map(|of| {
            let arm = of.arms.get(usize::from(*of.users.get(self.place)?))?;
            Some((of.experiment, *arm))
        })
    }
}

impl serde::Serialize for ArmsOfUser<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (experiment, arm) in self.iter() {
            map.serialize_entry(&experiment, &arm)?;
        }
        map.end()
    }
}
