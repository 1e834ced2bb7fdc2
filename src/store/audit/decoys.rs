//! Decoys: they hold nothing, give nothing, and catch each script once, or again when it is judged for that no more.

use std::collections::{BTreeMap, BTreeSet};

use super::{Check, Invariant, Verdict};
use crate::rules::{ActivityId, Fen, Phase, UserId};
use crate::store::{Event, Recorded, RiskEvent, Tables};

/// No decoy was funded or gave anything; whoever fired at one is known, once, and is judged to be no less risky than it says.
/// Where as many accounts are judged as may be, somebody new is only known.
pub(super) struct DecoysGiveNothing {
    caught: BTreeMap<ActivityId, BTreeSet<UserId>>,
    /// Whether whoever is caught now was judged before.
    was_judged: bool,
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
            was_judged: false,
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
            Event::Risk { what: RiskEvent::Caught { activity, risk, cause }, .. } => {
                let catches = tables.activity(*activity).is_some_and(|activity| activity.catches());
                let Some(user) = cause.by.filter(|_| catches) else {
                    return Err(format!("event {no} catches {:?} with {activity}, which is no decoy now", cause.by));
                };
                let judged = tables.judgement(&user).and_then(|risk| risk.at(recorded.at));
                let decoy = tables.activity(*activity).and_then(|activity| activity.plan.decoy);
                let is_judged = judged >= decoy.map(|decoy| decoy.score);
                if !self.caught.entry(*activity).or_default().insert(user) && (is_judged || risk.is_none()) {
                    return Err(format!("event {no} catches {user} with decoy {activity} again"));
                }
                self.was_judged = tables.judgement(&user).is_some();
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
        let Event::Risk { what: RiskEvent::Caught { activity, risk, cause }, .. } = &recorded.event else {
            return Ok(());
        };
        if risk.is_none() && !self.was_judged {
            return Ok(());
        }
        let decoy = tables.activity(*activity).and_then(|activity| activity.plan.decoy);
        let (Some(decoy), Some(user)) = (decoy, cause.by) else { return Ok(()) };
        let judged = tables.judgement(&user).and_then(|risk| risk.at(recorded.at));
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::tests::a_small_rain;
    use crate::rules::*;
    use crate::store::{Ask, Bounds, Cause, Keeper as _, MemoryKeeper, Op, Partition, RiskAsk};

    fn user(name: &str) -> UserId {
        UserId::parse(name).unwrap()
    }

    fn risk(score: u8) -> Risk {
        Risk { score, reason: RiskReason::parse("test").unwrap(), until: Time::from_ms(9_000_000) }
    }

    /// A decoy of score 80 in a room, which one user has been judged in before, if at all.
    fn a_decoy(judged: Option<u8>) -> MemoryKeeper {
        let mut keeper = MemoryKeeper::new(Bounds::default());
        let room = RoomId::parse("r").unwrap();
        let plan = Plan { decoy: Some(DecoyPlan { score: 80, for_ms: 1_000 }), ..a_small_rain() };
        let activity = ActivityId(1);
        let accounts = judged.map(|score| (user("bot"), risk(score))).into_iter().collect();
        let ops = [
            (Partition::Room(room), Ask::CreateRoom { host: user("host"), utc_offset_min: 0 }),
            (Partition::Room(room), Ask::Draft { plan: Box::new(plan), seed: Seed([1; 32]) }),
            (Partition::Room(room), Ask::Step { activity, step: Step::Schedule }),
            (Partition::Platform, Ask::Risk(RiskAsk::Judge { accounts })),
        ];
        let ops = ops.map(|(partition, ask)| Op { partition, by: Some(user("host")), request: None, ask });
        keeper.commit(Time::from_ms(1_000_000), &ops, &mut Vec::new(), &mut Vec::new()).unwrap();
        keeper
    }

    #[test]
    fn whoever_is_caught_is_judged_where_there_is_room() {
        for (what, before, risk, holds) in [
            ("judged for it", None, Some(risk(80)), true),
            ("as many are judged as may be", None, None, true),
            ("judged to be as bad before", Some(90), None, true),
            ("judged to be worse than before", Some(5), Some(risk(80)), true),
            ("still harmless", Some(5), None, false),
            ("judged to be less than the decoy says", None, Some(risk(79)), false),
        ] {
            let mut tables = a_decoy(before).tables().clone();
            let mut check = DecoysGiveNothing::over(&tables);
            let cause = Cause { by: Some(user("bot")), request: None };
            let what_happened = RiskEvent::Caught { activity: ActivityId(1), risk, cause };
            let event = Event::Risk { room: Some(RoomId::parse("r").unwrap()), what: what_happened };
            let recorded = Recorded::new(tables.latest_no() + 1, Time::from_ms(1_000_000), event);
            check.before(&recorded, &tables).unwrap();
            tables.evolve(&recorded).unwrap();
            assert_eq!(check.after(&recorded, &tables).is_ok(), holds, "{what}");
        }
    }

    #[test]
    fn whoever_is_judged_for_it_is_not_caught_again() {
        for (what, now_judged, risk, holds) in [
            ("judged to be harmless since", Some(5), Some(risk(80)), true),
            ("judged no more", None, Some(risk(80)), true),
            ("judged for it", Some(80), Some(risk(80)), false),
            ("to no effect", None, None, false),
        ] {
            let tables = a_decoy(now_judged).tables().clone();
            let mut check = DecoysGiveNothing::over(&tables);
            check.caught.entry(ActivityId(1)).or_default().insert(user("bot"));
            let cause = Cause { by: Some(user("bot")), request: None };
            let what_happened = RiskEvent::Caught { activity: ActivityId(1), risk, cause };
            let event = Event::Risk { room: Some(RoomId::parse("r").unwrap()), what: what_happened };
            let recorded = Recorded::new(tables.latest_no() + 1, Time::from_ms(1_000_000), event);
            assert_eq!(check.before(&recorded, &tables).is_ok(), holds, "{what}");
        }
    }
}
