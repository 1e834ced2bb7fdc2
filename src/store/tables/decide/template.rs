//! Templates: saved, made into activities by hand, and by recurrences.

use super::{Context, Outcome};
use crate::rules::{
    ActivityId, ActivityTemplateId, KindPlan, MissedBecause, NotDone, NotDoneCode, Occurrence, Phase, Plan, Recurrence,
    RecurrenceId, Recurring, Seed, Step, Time,
};
use crate::store::tables::templates::plan_bytes;
use crate::store::tables::{Decision, Tables};
use crate::store::{Answer, CameOf, Event, TemplateAsk, TemplateEvent};

impl Tables {
    pub(super) fn template(&self, context: &Context<'_>, ask: &TemplateAsk) -> Outcome {
        match ask {
            TemplateAsk::Save { template, plan } => self.save_template(context, *template, plan),
            TemplateAsk::Delete { template } => self.delete_template(context, *template),
            TemplateAsk::Draft { template, opens_at, seed, plan_bytes } => {
                self.draft_from(context, *template, *opens_at, *seed, *plan_bytes)
            }
            TemplateAsk::Recur { template, rule, first, seed } => self.recur(context, *template, rule, *first, *seed),
            TemplateAsk::Pause { recurrence } => self.pause(context, *recurrence),
            TemplateAsk::Resume { recurrence, next } => self.resume(context, *recurrence, *next),
            TemplateAsk::End { recurrence } => self.end_recurrence(context, *recurrence),
            TemplateAsk::Due { recurrence, day, next, plan_bytes } => {
                self.occur(context, *recurrence, *day, *next, *plan_bytes)
            }
            TemplateAsk::HandIn { activity, findings } => Ok(self.hand_in(context, *activity, findings)),
        }
    }

    fn save_template(&self, context: &Context<'_>, template: ActivityTemplateId, plan: &Plan) -> Outcome {
        let plan = plan.clone().as_template();
        if let KindPlan::Bag(bag) = &plan.kind
            && bag.closes_empty()
        {
            return Err(NotDoneCode::Invalid.because("a code goes to one person: codes are handed in each time"));
        }
        self.may_plan(&plan)?;
        let max = Recurring::TEMPLATES_MAX;
        let known = self.templates.plans.contains_key(&(context.room_id, template));
        if !known && self.templates_of(&context.room_id).count() >= max {
            return Err(NotDoneCode::TooMany.because(format!("at most {max} templates in a room")));
        }
        Ok(happens(context, TemplateEvent::Saved { template, plan: Box::new(plan), cause: context.cause }))
    }

    fn delete_template(&self, context: &Context<'_>, template: ActivityTemplateId) -> Outcome {
        self.template_in(context, template)?;
        if let Some((id, _)) = self.recurrences_of(&context.room_id).find(|(_, one)| one.template == template) {
            return Err(NotDoneCode::Conflict.because(format!("recurrence {id} needs it")));
        }
        Ok(happens(context, TemplateEvent::Deleted { template, cause: context.cause }))
    }

    fn draft_from(
        &self, context: &Context<'_>, template: ActivityTemplateId, opens_at: Option<Time>, seed: Seed, bytes: u32,
    ) -> Outcome {
        let saved = self.template_in(context, template)?;
        let plan = saved.opening_at(opens_at).map_err(|error| NotDoneCode::Invalid.because(error.to_string()))?;
        self.may_draft(context, &plan)?;
        if plan_bytes(saved) > bytes {
            return Err(NotDoneCode::Conflict.because("the template was replaced just now"));
        }
        Ok(self.drafted_from(context, template, plan, seed, None))
    }

    fn recur(
        &self, context: &Context<'_>, template: ActivityTemplateId, rule: &Recurrence, first: Occurrence, seed: Seed,
    ) -> Outcome {
        self.template_in(context, template)?;
        rule.check_form().map_err(|error| NotDoneCode::Invalid.because(error.to_string()))?;
        is_of(rule, &first)?;
        let max = Recurring::PER_ROOM_MAX;
        if self.recurrences_of(&context.room_id).count() >= max {
            return Err(NotDoneCode::TooMany.because(format!("at most {max} recurrences in a room")));
        }
        let recurrence = RecurrenceId(self.templates.latest + 1);
        let (rule, cause) = (Box::new(rule.clone()), context.cause);
        Ok(happens(context, TemplateEvent::Recurs { recurrence, template, rule, first, seed, cause }))
    }

    fn pause(&self, context: &Context<'_>, id: RecurrenceId) -> Outcome {
        if self.recurrence_in(context, id)?.paused {
            return Err(NotDoneCode::WrongPhase.because("it rests already"));
        }
        Ok(happens(context, TemplateEvent::Paused { recurrence: id, cause: context.cause }))
    }

    fn resume(&self, context: &Context<'_>, id: RecurrenceId, next: Occurrence) -> Outcome {
        let recurring = self.recurrence_in(context, id)?;
        if !recurring.paused {
            return Err(NotDoneCode::WrongPhase.because("it does not rest"));
        }
        is_of(&recurring.rule, &next)?;
        // What has its outcome keeps it: a day comes once, however often the rule rests.
        let past = recurring.latest.is_some_and(|(latest, _)| latest.day >= next.day);
        let next = if past { recurring.next.unwrap_or(next) } else { next };
        Ok(happens(context, TemplateEvent::Resumed { recurrence: id, next, cause: context.cause }))
    }

    fn end_recurrence(&self, context: &Context<'_>, id: RecurrenceId) -> Outcome {
        self.recurrence_in(context, id)?;
        Ok(happens(context, TemplateEvent::Ended { recurrence: id, cause: context.cause }))
    }

    /// The outcome of an occurrence, unless it has one: a timer on another node, or of a process that was killed, was there first.
    fn occur(
        &self, context: &Context<'_>, id: RecurrenceId, day: i64, next: Option<Occurrence>, bytes: u32,
    ) -> Outcome {
        let idle = Ok(Decision::Answer(Answer::Idle));
        let Ok(recurring) = self.recurrence_in(context, id) else { return idle };
        let Some(occurrence) = recurring.next.filter(|next| next.day == day) else { return idle };
        if recurring.deadline().is_none_or(|at| at > context.now) {
            return idle;
        }
        let Ok(saved) = self.template_in(context, recurring.template) else { return idle };
        if !recurring.rule.may_follow(&occurrence, next.as_ref()) {
            return Err(NotDoneCode::Invalid.because("the next occurrence is not the next of the rule"));
        }
        let of = CameOf { recurrence: id, occurrence, next };
        let missed = |because| Ok(happens(context, TemplateEvent::Missed { of, because }));
        if occurrence.opens_at <= context.now {
            return missed(MissedBecause::TooLate);
        }
        let planned = saved.opening_at(Some(occurrence.opens_at));
        let invalid = |_| NotDoneCode::Invalid.because("");
        match planned.map_err(invalid).and_then(|plan| self.may_draft(context, &plan).map(|()| plan)) {
            Ok(_) if plan_bytes(saved) > bytes => idle,
            Ok(plan) => {
                let seed = recurring.seed_of(&occurrence);
                Ok(self.drafted_from(context, recurring.template, plan, seed, Some(of)))
            }
            Err(NotDone { code: NotDoneCode::TooMany, .. }) => missed(MissedBecause::TooMany),
            Err(_) => missed(MissedBecause::Invalid),
        }
    }

    /// What a host does by hand: reviewed and scheduled, or left in review with the reasons.
    fn hand_in(&self, context: &Context<'_>, id: ActivityId, findings: &[String]) -> Decision {
        let idle = Decision::Answer(Answer::Idle);
        let Ok(activity) = self.activity_in(context, id) else { return idle };
        if activity.phase != Phase::Draft || !self.templates.to_hand_in.contains_key(&id) {
            return idle;
        }
        let found = activity.plan.review().into_iter().chain(findings.iter().cloned());
        let reasons: Vec<String> = match self.step(context, id, Step::Schedule) {
            Ok(scheduled) if findings.is_empty() => return scheduled,
            Ok(_) => found.collect(),
            // Without the money, or the coupons, that it is to give.
            Err(reason) => found.chain([reason.detail.into_owned()]).collect(),
        };
        let (room, cause) = (context.room_id, context.cause);
        Decision::Event(Event::Rejected { room, activity: id, reasons, cause })
    }

    fn drafted_from(
        &self, context: &Context<'_>, template: ActivityTemplateId, plan: Plan, seed: Seed, came_of: Option<CameOf>,
    ) -> Decision {
        let (activity, plan) = (ActivityId(self.latest_activity + 1), Box::new(plan));
        happens(context, TemplateEvent::Drafted { template, activity, plan, seed, came_of, cause: context.cause })
    }

    fn template_in(&self, context: &Context<'_>, id: ActivityTemplateId) -> Result<&Plan, NotDone> {
        let found = self.templates.plans.get(&(context.room_id, id));
        found.ok_or_else(|| NotDoneCode::UnknownTemplate.because(format!("the room has no template {id}")))
    }

    /// Another room's recurrence is as unknown as one that never was.
    fn recurrence_in(&self, context: &Context<'_>, id: RecurrenceId) -> Result<&Recurring, NotDone> {
        let found = self.templates.recurring.get(&id).filter(|(room, _)| *room == context.room_id);
        found
            .map(|(_, recurring)| recurring)
            .ok_or_else(|| NotDoneCode::UnknownRecurrence.because("no such recurrence in this room"))
    }
}

/// Whoever asks brings what a calendar says of a rule; what can't be of it is not taken.
fn is_of(rule: &Recurrence, occurrence: &Occurrence) -> Result<(), NotDone> {
    let refused = || NotDoneCode::Invalid.because("the occurrence is not one of the rule");
    rule.may_have(occurrence).then_some(()).ok_or_else(refused)
}

fn happens(context: &Context<'_>, what: TemplateEvent) -> Decision {
    Decision::Event(Event::Template { room: context.room_id, what })
}
