//! Templates, their recurrences, and the activities that come of them.

use super::Fits;
use crate::rules::{
    Activity, ActivityId, ActivityTemplateId, Came, Occurrence, Plan, RecurrenceId, Recurring, RoomId, Seed, Time,
};
use crate::store::tables::receipts::Kept;
use crate::store::tables::{Answer, Due, Tables};
use crate::store::{CameOf, Recorded, TemplateEvent};

impl Tables {
    pub(super) fn templated(&mut self, recorded: &Recorded, room: &RoomId, what: &TemplateEvent) -> Fits<Answer> {
        match what {
            TemplateEvent::Saved { template, plan, cause } => {
                self.templates.plans.insert((*room, *template), plan.as_ref().clone());
                self.keep(room, cause, Kept::TemplateSaved)
            }
            TemplateEvent::Deleted { template, cause } => {
                self.templates.plans.remove(&(*room, *template)).ok_or("no such template")?;
                self.keep(room, cause, Kept::TemplateDeleted)
            }
            TemplateEvent::Drafted { activity, plan, seed, came_of, cause, .. } => {
                self.add_draft(room, *activity, plan, *seed)?;
                if let Some(of) = came_of {
                    self.came(of, Came::As(*activity), recorded.at)?;
                }
                self.keep(room, cause, Kept::Drafted(*activity))
            }
            TemplateEvent::Recurs { recurrence, template, rule, first, seed, cause } => {
                self.must_have(room, *template)?;
                self.templates.latest = recurrence.0;
                let recurring = Recurring::new(*template, rule.as_ref().clone(), *seed, *first);
                self.templates.recurring.insert(*recurrence, (*room, recurring));
                self.arm_recurrence(*recurrence);
                self.keep(room, cause, Kept::Recurs(*recurrence))
            }
            TemplateEvent::Paused { recurrence, cause } => {
                self.change(*recurrence, |recurring| recurring.paused = true)?;
                self.keep(room, cause, Kept::RecurrencePaused(*recurrence))
            }
            TemplateEvent::Resumed { recurrence, next, cause } => {
                self.change(*recurrence, |recurring| {
                    recurring.paused = false;
                    recurring.next = Some(*next);
                })?;
                self.keep(room, cause, Kept::RecurrenceResumed(*recurrence))
            }
            TemplateEvent::Ended { recurrence, cause } => {
                self.disarm_recurrence(*recurrence);
                self.templates.recurring.remove(recurrence).ok_or("no such recurrence")?;
                self.keep(room, cause, Kept::RecurrenceEnded(*recurrence))
            }
            TemplateEvent::Missed { of, because } => {
                self.came(of, Came::Missed(*because), recorded.at)?;
                Ok(Answer::Idle)
            }
        }
    }

    /// A new activity.
    pub(super) fn add_draft(&mut self, room: &RoomId, id: ActivityId, plan: &Plan, seed: Seed) -> Fits {
        self.latest_activity = id.0;
        self.rooms.get_mut(room).ok_or("no such room")?.activities.push(id);
        self.activities.insert(id, Activity::draft(id, *room, plan.clone(), seed));
        Ok(())
    }

    /// An activity leaves its drafts: nobody hands it in any more.
    pub(super) fn handed_in(&mut self, id: ActivityId) {
        if let Some(since) = self.templates.to_hand_in.remove(&id) {
            self.due.remove(&(since, Due::HandIn(id)));
        }
    }

    /// An occurrence has its outcome.
    fn came(&mut self, of: &CameOf, how: Came, now: Time) -> Fits {
        let CameOf { recurrence, occurrence, next } = *of;
        let is_next = |recurring: &Recurring| recurring.next.map(|next: Occurrence| next.day) == Some(occurrence.day);
        if !self.templates.recurring.get(&recurrence).is_some_and(|(_, recurring)| is_next(recurring)) {
            return Err("the occurrence is not the next one");
        }
        let mut hand_in = false;
        self.change(recurrence, |recurring| {
            recurring.next = next;
            recurring.latest = Some((occurrence, how));
            match how {
                Came::As(_) => recurring.created += 1,
                Came::Missed(_) => recurring.missed += 1,
            }
            hand_in = recurring.rule.hand_in;
        })?;
        if let Came::As(activity) = how
            && hand_in
        {
            self.templates.to_hand_in.insert(activity, now);
            self.due.insert((now, Due::HandIn(activity)));
        }
        Ok(())
    }

    fn must_have(&self, room: &RoomId, template: ActivityTemplateId) -> Fits {
        self.templates.plans.get(&(*room, template)).map(drop).ok_or("no such template")
    }

    fn change(&mut self, id: RecurrenceId, change: impl FnOnce(&mut Recurring)) -> Fits {
        self.disarm_recurrence(id);
        change(&mut self.templates.recurring.get_mut(&id).ok_or("no such recurrence")?.1);
        self.arm_recurrence(id);
        Ok(())
    }

    fn arm_recurrence(&mut self, id: RecurrenceId) {
        if let Some(at) = self.templates.recurrence_due(id) {
            self.due.insert((at, Due::Recurrence(id)));
        }
    }

    fn disarm_recurrence(&mut self, id: RecurrenceId) {
        if let Some(at) = self.templates.recurrence_due(id) {
            self.due.remove(&(at, Due::Recurrence(id)));
        }
    }
}
