//! Recurrences: each occurrence has one outcome, kept a second time from the events alone.

use std::collections::HashMap;

use super::{Check, Invariant, Verdict};
use crate::rules::{Came, Occurrence, RecurrenceId, Time};
use crate::store::{CameOf, Event, Recorded, Tables, TemplateEvent};

/// Each occurrence of a recurrence becomes one activity before its opening, or is missed: once, in order.
#[derive(Default)]
pub(super) struct OccurrencesOnce {
    recurrences: HashMap<RecurrenceId, Kept>,
    created: u64,
    missed: u64,
}

#[derive(Default)]
struct Kept {
    ahead_ms: u64,
    latest: Option<(Occurrence, Came)>,
    paused: bool,
}

impl OccurrencesOnce {
    pub(super) fn over(base: &Tables) -> Self {
        let kept = base
            .recurrences()
            .map(|(id, _, one)| (id, Kept { ahead_ms: one.rule.ahead_ms, latest: one.latest, paused: one.paused }));
        Self { recurrences: kept.collect(), ..Self::default() }
    }

    fn came(&mut self, no: u64, at: Time, of: &CameOf, how: Came) -> Verdict<()> {
        let CameOf { recurrence, occurrence, .. } = of;
        let kept = self.recurrences.get_mut(recurrence).ok_or_else(|| format!("event {no}: no {recurrence}"))?;
        if kept.latest.is_some_and(|(latest, _)| latest.day >= occurrence.day) {
            return Err(format!("event {no} has day {} of recurrence {recurrence} come again", occurrence.day));
        }
        if kept.paused || at < occurrence.opens_at.before_ms(kept.ahead_ms) {
            return Err(format!("event {no} is too early for recurrence {recurrence}"));
        }
        match how {
            Came::As(_) if at >= occurrence.opens_at => {
                return Err(format!("event {no} creates what would have opened before"));
            }
            Came::As(_) => self.created += 1,
            Came::Missed(_) => self.missed += 1,
        }
        kept.latest = Some((*occurrence, how));
        Ok(())
    }
}

impl Check for OccurrencesOnce {
    fn invariant(&self) -> Invariant {
        Invariant::OccurrencesOnce
    }

    fn before(&mut self, recorded: &Recorded, _: &Tables) -> Verdict<()> {
        let Event::Template { what, .. } = &recorded.event else { return Ok(()) };
        let (no, at) = (recorded.no, recorded.at);
        match what {
            TemplateEvent::Drafted { activity, came_of: Some(of), .. } => self.came(no, at, of, Came::As(*activity)),
            TemplateEvent::Missed { of, because } => self.came(no, at, of, Came::Missed(*because)),
            TemplateEvent::Recurs { recurrence, rule, .. } => {
                let new = Kept { ahead_ms: rule.ahead_ms, ..Kept::default() };
                match self.recurrences.insert(*recurrence, new) {
                    None => Ok(()),
                    Some(_) => Err(format!("event {no} creates recurrence {recurrence} again")),
                }
            }
            TemplateEvent::Paused { recurrence, .. } => self.rest(*recurrence, true),
            TemplateEvent::Resumed { recurrence, .. } => self.rest(*recurrence, false),
            TemplateEvent::Ended { recurrence, .. } => {
                self.recurrences.remove(recurrence);
                Ok(())
            }
            TemplateEvent::Saved { .. } | TemplateEvent::Deleted { .. } | TemplateEvent::Drafted { .. } => Ok(()),
        }
    }

    fn judge(&self, tables: &Tables) -> Verdict {
        let mut count = 0;
        for (id, _, recurring) in tables.recurrences() {
            count += 1;
            let by_log = self.recurrences.get(&id).map(|kept| (kept.latest, kept.paused));
            if by_log != Some((recurring.latest, recurring.paused)) {
                return Err(format!("recurrence {id} stands otherwise than the log says"));
            }
        }
        if count != self.recurrences.len() {
            return Err(format!("{count} recurrences, by the log {}", self.recurrences.len()));
        }
        Ok(format!("{} occurrences created, {} missed, {count} recurrences", self.created, self.missed))
    }
}

impl OccurrencesOnce {
    fn rest(&mut self, id: RecurrenceId, paused: bool) -> Verdict<()> {
        let kept = self.recurrences.get_mut(&id).ok_or_else(|| format!("no recurrence {id}"))?;
        kept.paused = paused;
        Ok(())
    }
}
