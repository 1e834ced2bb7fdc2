//! Decoys: they hold nothing, give nothing, and catch each script once.

use std::collections::{BTreeMap, BTreeSet};

use super::{Check, Invariant, Verdict};
use crate::rules::{ActivityId, Fen, Phase, UserId};
use crate::store::{Event, Recorded, RiskEvent, Tables};

/// No decoy was funded or gave anything; whoever fired at one is known, once, and is judged to be no less risky than it says.
pub(super) struct DecoysGiveNothing {
    caught: BTreeMap<ActivityId, BTreeSet<UserId>>,
}

impl DecoysGiveNothing {
    pub(super) fn over(base: &Tables) -> Self {
        let caught = |id: ActivityId| (id, base.caught(id).copied().collect());
        let decoys = base.activities().filter(|activity| activity.plan.decoy.is_some());
        Self {
            caught: decoys
                .map(|decoy| caught(decoy.id))
                .filter(|(_, users): &(_, BTreeSet<_>)| !users.is_empty())
                .collect(),
        }
    }
}

impl Check for DecoysGiveNothing {
    fn invariant(&self) -> Invariant {
        Invariant::DecoysGiveNothing
    }

    fn before(&mut self, recorded: &Recorded, tables: &Tables) -> Verdict<()> {
        let no = recorded.no;
        let is_decoy = |id| tables.activity(id).is_some_and(|activity| activity.plan.decoy.is_some());
        match &recorded.event {
            Event::Granted { activity, .. } if is_decoy(*activity) => {
                Err(format!("event {no} gives something of decoy {activity}"))
            }
            Event::Stepped { activity, moved, .. } if is_decoy(*activity) && *moved != Fen::ZERO => {
                Err(format!("event {no} moves {moved} fen with decoy {activity}"))
            }
            Event::Risk { what: RiskEvent::Caught { activity, cause, .. }, .. } => {
                let catches = tables.activity(*activity).is_some_and(|activity| activity.catches());
                let Some(user) = cause.by.filter(|_| catches) else {
                    return Err(format!("event {no} catches {:?} with {activity}, which is no decoy now", cause.by));
                };
                if !self.caught.entry(*activity).or_default().insert(user) {
                    return Err(format!("event {no} catches {user} with decoy {activity} again"));
                }
                Ok(())
            }
            Event::Archived { activity, .. } => {
                self.caught.remove(activity);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn after(&mut self, recorded: &Recorded, tables: &Tables) -> Verdict<()> {
        let Event::Risk { what: RiskEvent::Caught { activity, cause, .. }, .. } = &recorded.event else {
            return Ok(());
        };
        let decoy = tables.activity(*activity).and_then(|activity| activity.plan.decoy);
        let (Some(decoy), Some(user)) = (decoy, cause.by) else { return Ok(()) };
        let judged = tables.judged().find(|(who, _)| **who == user).and_then(|(_, risk)| risk.at(recorded.at));
        if judged.is_some_and(|score| score >= decoy.score) {
            return Ok(());
        }
        Err(format!("event {} catches {user}, who is judged to be {judged:?} all the same", recorded.no))
    }

    fn judge(&self, tables: &Tables) -> Verdict {
        let (mut decoys, mut caught) = (0, 0);
        for activity in tables.activities().filter(|activity| activity.plan.decoy.is_some()) {
            let id = activity.id;
            let given = activity.kind.as_ref().and_then(|kind| kind.giveaway()).map_or(0, |of| of.pool.granted);
            if given > 0 || activity.funded != Fen::ZERO {
                return Err(format!("decoy {id} gave {given} and was funded with {} fen", activity.funded));
            }
            let of_log = self.caught.get(&id).into_iter().flatten();
            if !tables.caught(id).eq(of_log) {
                return Err(format!("decoy {id} has caught others than the log says"));
            }
            if activity.phase < Phase::Scheduled && tables.caught(id).next().is_some() {
                return Err(format!("decoy {id} is {} and has caught somebody", activity.phase));
            }
            decoys += 1;
            caught += tables.caught(id).count();
        }
        Ok(format!("{decoys} decoys, {caught} caught"))
    }
}
