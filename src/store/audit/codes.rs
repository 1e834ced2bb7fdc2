//! Codes of lucky bags: each goes to one person, once, whichever bag of a room it is in.

use std::collections::{HashMap, HashSet};

use super::{Check, Invariant, Verdict};
use crate::rules::{Activity, ActivityId, BagContents, Code, Kind, KindPlan, Prize, RoomId};
use crate::store::{Event, Recorded, Tables};

/// Keeps each list as the log hands it in, and what was given of it.
#[derive(Default)]
pub(super) struct CodesGivenOnce {
    lists: HashMap<ActivityId, List>,
    given: u64,
}

struct List {
    room: RoomId,
    codes: Vec<Code>,
    given: HashSet<Code>,
}

impl CodesGivenOnce {
    pub(super) fn over(base: &Tables) -> Self {
        let list = |activity: &Activity| {
            let mut codes = planned(&activity.plan.kind)?;
            let mut given = HashSet::new();
            if let Some(Kind::Bag(bag)) = &activity.kind {
                codes.extend(bag.added().iter().cloned());
                given.extend(codes.iter().take(bag.giveaway.pool.granted as usize).cloned());
            }
            Some((activity.id, List { room: activity.room, codes, given }))
        };
        Self { lists: base.activities().filter_map(list).collect(), given: 0 }
    }
}

impl CodesGivenOnce {
    /// Whether a room's bags other than this one have given a code.
    fn gave(&self, room: &RoomId, bag: ActivityId, code: &Code) -> bool {
        self.lists.iter().any(|(id, list)| *id != bag && list.room == *room && list.given.contains(code))
    }
}

fn planned(kind: &KindPlan) -> Option<Vec<Code>> {
    match kind {
        KindPlan::Bag(plan) => match &plan.contents {
            BagContents::Codes(codes) => Some(codes.iter().cloned().collect()),
            BagContents::Newcomer { .. } => None,
        },
        _ => None,
    }
}

impl Check for CodesGivenOnce {
    fn invariant(&self) -> Invariant {
        Invariant::CodesGivenOnce
    }

    fn before(&mut self, recorded: &Recorded, _: &Tables) -> Verdict<()> {
        let no = recorded.no;
        match &recorded.event {
            Event::Drafted { room, activity, plan, .. } => {
                if let Some(codes) = planned(&plan.kind) {
                    self.lists.insert(*activity, List { room: *room, codes, given: HashSet::new() });
                }
                Ok(())
            }
            Event::Amended { activity, amendment, .. } => {
                if let Some(list) = self.lists.get_mut(activity) {
                    list.codes.extend(amendment.codes.iter().cloned());
                }
                Ok(())
            }
            Event::Granted { room, activity, prize: Prize::Code(code), .. } if self.gave(room, *activity, code) => {
                Err(format!("event {no} gives a code of bag {activity} that another bag has given"))
            }
            Event::Granted { activity, unit, prize, .. } => match (self.lists.get_mut(activity), prize) {
                (Some(list), Prize::Code(code)) => {
                    self.given += 1;
                    if list.codes.get(*unit as usize) != Some(code) {
                        return Err(format!("event {no} gives another code of bag {activity} than is next"));
                    }
                    match list.given.insert(code.clone()) {
                        true => Ok(()),
                        false => Err(format!("event {no} gives a code of bag {activity} a second time")),
                    }
                }
                (None, Prize::Code(_)) => Err(format!("event {no} gives a code of {activity}, which has none")),
                (Some(_), _) => Err(format!("event {no} gives something else than a code of bag {activity}")),
                (None, _) => Ok(()),
            },
            Event::Archived { activity, .. } => {
                self.lists.remove(activity);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn judge(&self, tables: &Tables) -> Verdict {
        for (id, list) in &self.lists {
            let activity = tables.activity(*id).ok_or_else(|| format!("the state does not know of bag {id}"))?;
            let Some(Kind::Bag(bag)) = &activity.kind else { continue };
            if bag.giveaway.pool.granted as usize != list.given.len() {
                return Err(format!("bag {id} counts {} codes given", bag.giveaway.pool.granted));
            }
            // What is open and has nothing left is about to close.
            let left = list.codes.len() - list.given.len();
            if bag.giveaway.pool.free as usize != left {
                return Err(format!("bag {id} counts {} codes left of {left}", bag.giveaway.pool.free));
            }
        }
        Ok(format!("{} codes", self.given))
    }
}
