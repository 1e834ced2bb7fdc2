//! The templates of all rooms, and what comes of them by itself.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Due, Tables};
use crate::rules::{ActivityId, ActivityTemplateId, Plan, RecurrenceId, Recurring, RoomId, Time};
use crate::store::{Ask, Op, Partition, TemplateAsk};

/// Templates, recurrences, and activities of theirs that are to be handed in.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Templates {
    pub(super) latest: u64,
    pub(super) plans: BTreeMap<(RoomId, ActivityTemplateId), Plan>,
    pub(super) recurring: BTreeMap<RecurrenceId, (RoomId, Recurring)>,
    /// Drafts of recurrences, each since it was created.
    pub(super) to_hand_in: BTreeMap<ActivityId, Time>,
}

impl Templates {
    /// What timers wait for here.
    pub(super) fn due(&self) -> impl Iterator<Item = (Time, Due)> {
        let recurring = self.recurring.keys().filter_map(|id| Some((self.recurrence_due(*id)?, Due::Recurrence(*id))));
        recurring.chain(self.to_hand_in.iter().map(|(id, since)| (*since, Due::HandIn(*id))))
    }

    /// When a recurrence has something to do. A server that does not know its zone can't name what comes after, and leaves it to others.
    pub(super) fn recurrence_due(&self, id: RecurrenceId) -> Option<Time> {
        let (_, recurring) = self.recurring.get(&id)?;
        recurring.deadline().filter(|_| recurring.rule.zone.is_known())
    }
}

impl Tables {
    /// A room's templates, by name.
    pub fn templates_of(&self, room: &RoomId) -> impl Iterator<Item = (ActivityTemplateId, &Plan)> {
        let all = self.templates.plans.iter().filter(move |((of, _), _)| of == room);
        all.map(|((_, id), plan)| (*id, plan))
    }

    /// A room's recurrences, the earliest first.
    pub fn recurrences_of(&self, room: &RoomId) -> impl Iterator<Item = (RecurrenceId, &Recurring)> {
        let all = self.recurrences().filter(move |(_, of, _)| *of == room);
        all.map(|(id, _, recurring)| (id, recurring))
    }

    /// Every recurrence, the earliest first.
    pub fn recurrences(&self) -> impl Iterator<Item = (RecurrenceId, &RoomId, &Recurring)> {
        self.templates.recurring.iter().map(|(id, (room, recurring))| (*id, room, recurring))
    }

    /// The timer's operation for a recurrence: what the calendar says comes with it.
    pub(super) fn op_for_recurrence(&self, id: RecurrenceId) -> Option<Op> {
        let (room, recurring) = self.templates.recurring.get(&id)?;
        let now = recurring.next?;
        let plan = self.templates.plans.get(&(*room, recurring.template))?;
        let ask = TemplateAsk::Due {
            recurrence: id,
            day: now.day,
            next: recurring.rule.next_after(now.day),
            plan_bytes: plan_bytes(plan),
        };
        Some(Op::timer(Partition::Room(*room), Ask::Template(ask)))
    }

    /// The timer's operation for an activity that is to be handed in. Whoever carries it adds what the filter finds.
    pub(super) fn op_for_hand_in(&self, id: ActivityId) -> Option<Op> {
        let room = self.activities.get(&id)?.room;
        let ask = TemplateAsk::HandIn { activity: id, findings: Vec::new() };
        Some(Op::timer(Partition::Room(room), Ask::Template(ask)))
    }
}

/// As much room as an activity like the template takes in a log at most: its time, and a round, may be longer.
pub fn plan_bytes(plan: &Plan) -> u32 {
    const TIMES: usize = 32;
    let bytes = postcard::experimental::serialized_size(plan).expect("plain values always encode");
    u32::try_from(bytes + TIMES).unwrap_or(u32::MAX)
}
