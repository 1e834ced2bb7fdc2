//! Experiments, counted a second time: by the arms that the events name.

use std::collections::{BTreeMap, HashMap};

use super::{Check, Invariant, Verdict};
use crate::rules::{ArmId, ArmResults, Brought, ExperimentId, ExperimentPlan, RoomId, UserId};
use crate::store::{Event, ExperimentEvent, Recorded, Tables};

/// Everybody is in the arm that the hash says, nobody outside an arm is given what is for it, and the results of each arm are what its
/// users brought.
pub(super) struct ExperimentResultsMatch {
    rooms: HashMap<RoomId, BTreeMap<ExperimentId, Book>>,
    counted: u64,
}

/// An experiment's books.
struct Book {
    plan: ExperimentPlan,
    runs: bool,
    users: HashMap<UserId, bool>,
    arms: BTreeMap<ArmId, ArmResults>,
}

impl ExperimentResultsMatch {
    pub(super) fn over(base: &Tables) -> Self {
        let mut rooms: HashMap<_, BTreeMap<_, _>> = HashMap::new();
        for (room, id, experiment) in base.experiments() {
            let arms = experiment.plan.arms.iter().map(|arm| arm.arm).zip(experiment.results.iter().copied()).collect();
            let users = experiment.users().map(|(user, took_part)| (*user, took_part)).collect();
            let book = Book { plan: experiment.plan.clone(), runs: experiment.runs(), users, arms };
            rooms.entry(room).or_default().insert(id, book);
        }
        Self { rooms, counted: 0 }
    }

    fn experiment(&mut self, no: u64, room: RoomId, what: &ExperimentEvent) -> Verdict<()> {
        let books = self.rooms.entry(room).or_default();
        match what {
            ExperimentEvent::Created { experiment, plan, .. } => {
                let arms = plan.arms.iter().map(|arm| (arm.arm, ArmResults::default())).collect();
                let book = Book { plan: plan.as_ref().clone(), runs: true, users: HashMap::new(), arms };
                match books.insert(*experiment, book) {
                    Some(_) => Err(format!("event {no} creates experiment {experiment} of {room} again")),
                    None => Ok(()),
                }
            }
            ExperimentEvent::Ended { experiment, .. } => match books.get_mut(experiment).filter(|book| book.runs) {
                Some(book) => {
                    book.runs = false;
                    Ok(())
                }
                None => Err(format!("event {no} ends experiment {experiment} of {room}, which does not run")),
            },
            ExperimentEvent::Archived { experiment } => match books.remove(experiment) {
                Some(Book { runs: false, .. }) => Ok(()),
                _ => Err(format!("event {no} archives experiment {experiment} of {room}, which is not over")),
            },
        }
    }

    fn count(&mut self, recorded: &Recorded, room: &RoomId, most: usize) -> Verdict<()> {
        let (no, event) = (recorded.no, &recorded.event);
        let mut users = Vec::new();
        event.each_user(&mut |user| users.push(*user));
        let running = self.rooms.get_mut(room).into_iter().flatten().filter(|(_, book)| book.runs);
        let mut running: Vec<_> = running.collect();
        for (place, user) in users.iter().enumerate() {
            let named: BTreeMap<_, _> = recorded.arms.at(place).iter().collect();
            if named.len() != running.len() {
                return Err(format!(
                    "event {no} names {} arms of {user}, {} experiments run",
                    named.len(),
                    running.len()
                ));
            }
            for (id, book) in &mut running {
                let arm = named.get(*id).copied();
                if arm != Some(book.plan.arm_of(**id, user)) {
                    return Err(format!("event {no} names {arm:?} as the arm of {user} in {id}"));
                }
                if book.users.len() < most && !book.users.contains_key(user) {
                    book.users.insert(*user, false);
                    arm.and_then(|arm| book.arms.get_mut(&arm)).into_iter().for_each(|results| results.users += 1);
                }
            }
        }
        let mut wrong = None;
        event.each_brought(&mut |user, brought| {
            let Some(place) = users.iter().position(|one| one == user) else {
                wrong = Some(format!("event {no} brings something of {user}, whom it does not name"));
                return;
            };
            for (id, arm) in recorded.arms.at(place).iter() {
                let book = running.iter_mut().find(|(of, _)| **of == id).map(|(_, book)| book);
                book.into_iter().for_each(|book| book.bring(arm, user, brought));
                self.counted += 1;
            }
        });
        wrong.map_or(Ok(()), Err)
    }
}

impl Book {
    fn bring(&mut self, arm: ArmId, user: &UserId, brought: Brought) {
        let Some(results) = self.arms.get_mut(&arm) else { return };
        results.tally.add(brought);
        if let Some(took_part) = self.users.get_mut(user).filter(|_| brought.is_part()) {
            results.participants += u32::from(!std::mem::replace(took_part, true));
        }
    }
}

/// Nobody outside the arm that an activity is for takes part in it.
fn is_in_its_arm(recorded: &Recorded, tables: &Tables) -> Verdict<()> {
    let Some((activity, user)) = recorded.event.took_part() else { return Ok(()) };
    let Some(activity) = tables.activity(activity) else { return Ok(()) };
    let Some(bound) = activity.plan.conditions.arm else { return Ok(()) };
    let found = tables.experiments_of(&activity.room).find(|(id, _)| *id == bound.experiment);
    match found {
        Some((id, experiment)) if experiment.plan.arm_of(id, &user) == bound.arm => Ok(()),
        _ => Err(format!("event {} lets {user} into activity {}, which is for {bound:?}", recorded.no, activity.id)),
    }
}

impl Check for ExperimentResultsMatch {
    fn invariant(&self) -> Invariant {
        Invariant::ExperimentResultsMatch
    }

    fn before(&mut self, recorded: &Recorded, tables: &Tables) -> Verdict<()> {
        is_in_its_arm(recorded, tables)?;
        let Some(room) = recorded.event.room() else { return Ok(()) };
        if let Event::Experiment { what, .. } = &recorded.event {
            return self.experiment(recorded.no, *room, what);
        }
        if self.rooms.contains_key(room) {
            return self.count(recorded, room, tables.audience_max());
        }
        if recorded.arms.is_none() { Ok(()) } else { Err(format!("event {} names arms of no experiment", recorded.no)) }
    }

    fn judge(&self, tables: &Tables) -> Verdict {
        let mut kept = 0;
        for (room, id, experiment) in tables.experiments() {
            kept += 1;
            let book = self.rooms.get(&room).and_then(|books| books.get(&id));
            let Some(book) = book else { return Err(format!("experiment {id} of {room} never began")) };
            for (arm, results) in experiment.plan.arms.iter().zip(&experiment.results) {
                if book.arms.get(&arm.arm) != Some(results) {
                    let counted = book.arms.get(&arm.arm);
                    return Err(format!("arm {} of {id} in {room} says {results:?}, by the log {counted:?}", arm.arm));
                }
            }
        }
        let known: usize = self.rooms.values().map(BTreeMap::len).sum();
        if known != kept {
            return Err(format!("{kept} experiments are kept, by the log {known}"));
        }
        Ok(format!("{kept} experiments, {} things counted", self.counted))
    }
}
