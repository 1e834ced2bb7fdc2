//! Rooms and the life of activities: drafted, stepped by hand or by time, amended.

use super::{Context, Outcome};
use crate::rules::{
    Activity, ActivityId, AmendError, Amendment, Fen, HoldState, Kind, KindPlan, NotDone, NotDoneCode, Phase, Plan,
    RoomId, Seed, Step, Time, UserId,
};
use crate::store::tables::{Decision, Due, Tables};
use crate::store::{Answer, Ask, CampaignAsk, Cause, Event, ExperimentAsk, Op, Partition, PresenceAsk, RiskAsk};

impl Tables {
    pub(super) fn create_room(&self, room: RoomId, host: UserId, utc_offset_min: i32, cause: Cause) -> Outcome {
        if self.rooms.contains_key(&room) {
            return Err(NotDoneCode::Conflict.because("the room exists already"));
        }
        if self.rooms.len() >= self.bounds.rooms_max {
            return Err(NotDoneCode::TooMany.because(format!("at most {} rooms", self.bounds.rooms_max)));
        }
        if !(-14 * 60..=14 * 60).contains(&utc_offset_min) {
            return Err(NotDoneCode::Invalid.because("utc_offset_min must be -840 to 840"));
        }
        Ok(Decision::Event(Event::RoomCreated { room, host, utc_offset_min, cause }))
    }

    pub(super) fn draft(&self, context: &Context<'_>, plan: &Plan, seed: Seed) -> Outcome {
        self.may_draft(context, plan)?;
        Ok(Decision::Event(Event::Drafted {
            room: context.room_id,
            activity: ActivityId(self.latest_activity + 1),
            plan: Box::new(plan.clone()),
            seed,
            cause: context.cause,
        }))
    }

    /// Whether a plan may become an activity of the room.
    pub(super) fn may_draft(&self, context: &Context<'_>, plan: &Plan) -> Result<(), NotDone> {
        self.may_plan(plan)?;
        let max = self.bounds.activities_per_room_max;
        if context.room.activities.len() >= max {
            return Err(NotDoneCode::TooMany.because(format!("at most {max} activities in a room")));
        }
        Ok(())
    }

    /// Whether a plan makes sense, within what is kept.
    pub(super) fn may_plan(&self, plan: &Plan) -> Result<(), NotDone> {
        plan.check().map_err(|error| NotDoneCode::Invalid.because(error.to_string()))?;
        if plan.limits.looks_back_ms().max(plan.conditions.looks_back_ms()) > self.bounds.retention_ms {
            let days = self.bounds.retention_ms / 86_400_000;
            return Err(NotDoneCode::Invalid
                .because(format!("limits and conditions look back further than the {days} days kept")));
        }
        Ok(())
    }

    pub(super) fn step(&self, context: &Context<'_>, id: ActivityId, step: Step) -> Outcome {
        let activity = self.activity_in(context, id)?;
        let wrong_phase = || NotDoneCode::WrongPhase.because(format!("the activity is {}", activity.phase));
        let to = activity.phase.after(step).ok_or_else(wrong_phase)?;
        let mut moved = Fen::ZERO;
        match step {
            // The timers' own: by hand they would leave orders or money behind.
            Step::Reject | Step::Settle => return Err(wrong_phase()),
            Step::Schedule => {
                let reasons = activity.plan.review();
                if !reasons.is_empty() {
                    let (room, cause) = (context.room_id, context.cause);
                    return Ok(Decision::Event(Event::Rejected { room, activity: id, reasons, cause }));
                }
                self.may_bind(context, activity.plan.conditions.arm)?;
                moved = activity.plan.funding();
                self.can_fund(activity, moved)?;
                self.can_allot(context, activity)?;
                self.may_bring_codes(context, activity)?;
            }
            // What was drawn, or will be, stays: a host who dislikes the outcome can't do away with it.
            Step::Cancel if activity.phase == Phase::Closed && matches!(activity.kind, Some(Kind::Draw(_))) => {
                return Err(NotDoneCode::WrongPhase.because("a draw is never called off after its close"));
            }
            Step::Cancel => moved = activity.unspent(),
            Step::Open => {
                if let KindPlan::Draw(plan) = &activity.plan.kind {
                    let closes_at = activity.opens_to_all_at(context.now, true).after_ms(plan.duration_ms);
                    plan.may_close_at(closes_at).map_err(|why| NotDoneCode::Invalid.because(why.to_string()))?;
                }
            }
            Step::WarmUp | Step::Close => {}
        }
        Ok(Decision::Event(stepped(context, id, step, to, moved)))
    }

    pub(super) fn amend(&self, context: &Context<'_>, id: ActivityId, amendment: &Amendment) -> Outcome {
        let activity = self.activity_in(context, id)?;
        if activity.phase != Phase::Open {
            return Err(NotDoneCode::WrongPhase.because(format!("the activity is {}", activity.phase)));
        }
        activity.may_amend(amendment).map_err(|error| match error {
            AmendError::UnknownSku(_) => NotDoneCode::UnknownSku.because(error.to_string()),
            AmendError::Invalid(_) | AmendError::Stock(..) | AmendError::Plan(_) => {
                NotDoneCode::Invalid.because(error.to_string())
            }
        })?;
        self.can_fund(activity, amendment.budget)?;
        self.can_allot_more(context, activity, amendment)?;
        self.may_give_codes(context, id, amendment.codes.iter())?;
        Ok(Decision::Event(Event::Amended {
            room: context.room_id,
            activity: id,
            number: activity.amendment + 1,
            amendment: Box::new(amendment.clone()),
            cause: context.cause,
        }))
    }

    /// The one step that time asks of an activity, if any.
    pub(super) fn activity_due(&self, context: &Context<'_>, id: ActivityId) -> Decision {
        let idle = Decision::Answer(Answer::Idle);
        let Some(activity) = self.activities.get(&id) else { return idle };
        let now = context.now;
        // A hold is over by then, but its end may be decided later: parts of a batch are decided in any order.
        if self.archive_at(activity).is_some_and(|at| at <= now) && !self.holds.holds_cash(id) {
            return Decision::Event(Event::Archived { room: activity.room, activity: id });
        }
        if activity.deadline().is_none_or(|at| at > now) {
            return idle;
        }
        let next = |step| {
            let to = activity.phase.after(step).expect("the deadline belongs to the phase");
            let moved = if step == Step::Settle { activity.unspent() } else { Fen::ZERO };
            Decision::Event(stepped(context, id, step, to, moved))
        };
        match activity.phase {
            Phase::Scheduled | Phase::WarmUp if activity.first_opening().is_some_and(|at| at <= now) => {
                next(Step::Open)
            }
            Phase::Scheduled => next(Step::WarmUp),
            Phase::Open if activity.closes_at.is_some_and(|at| at <= now) => next(Step::Close),
            Phase::Open if activity.emptied_at().is_some() => next(Step::Close),
            Phase::Open if activity.only_early && activity.opens_at.is_some_and(|at| at <= now) => {
                Decision::Event(Event::OpenedToAll { room: activity.room, activity: id })
            }
            Phase::Open => match &activity.kind {
                Some(Kind::Rain(rain)) => Decision::Event(Event::WaveReleased {
                    room: activity.room,
                    activity: id,
                    wave: rain.waves_released + 1,
                }),
                _ => idle,
            },
            Phase::Closed => self.offer_due(context, activity).unwrap_or_else(|| next(Step::Settle)),
            Phase::Draft | Phase::Review | Phase::WarmUp | Phase::Settled | Phase::Cancelled => idle,
        }
    }

    /// What was decided long ago goes, if its time has come.
    pub(super) fn forget(&self, now: Time, of: Option<RoomId>) -> Decision {
        match self.forget_at(of) {
            Some(at) if at <= now => {
                let before = at.before_ms(self.bounds.retention_ms);
                Decision::Event(Event::Forgotten { room: of, before })
            }
            _ => Decision::Answer(Answer::Idle),
        }
    }

    /// The timer's operation for something that is due.
    pub(in crate::store::tables) fn op_for(&self, due: &Due) -> Option<Op> {
        let room_of = |activity| Some(Partition::Room(self.activities.get(&activity)?.room));
        let (partition, ask) = match due {
            Due::Activity(id) => (room_of(*id)?, self.draw_op(*id).map_or(Ask::Due { activity: *id }, Ask::Draw)),
            Due::Order(id) => (room_of(self.orders.get(id)?.activity)?, Ask::Expire { order: *id }),
            Due::Tier(whose) => {
                let (room, user) = **whose;
                (Partition::Room(room), Ask::Presence(PresenceAsk::ReviewTier { user }))
            }
            Due::Campaign(id) => {
                (Partition::Room(self.campaigns.all.get(id)?.0), Ask::Campaign(CampaignAsk::Due { campaign: *id }))
            }
            Due::Recurrence(id) => return self.op_for_recurrence(*id),
            Due::HandIn(id) => return self.op_for_hand_in(*id),
            Due::Risk(user) => (Partition::Platform, Ask::Risk(RiskAsk::Lapse { user: **user })),
            Due::Hold(activity, unit) => {
                let (activity, unit, how) = (*activity, *unit, HoldState::Credited);
                (room_of(activity)?, Ask::Risk(RiskAsk::EndHold { activity, unit, how }))
            }
            Due::Experiment(which) => {
                let (room, experiment) = **which;
                (Partition::Room(room), Ask::Experiment(ExperimentAsk::Due { experiment }))
            }
            Due::Receipts(of) => (of.as_deref().copied().map_or(Partition::Platform, Partition::Room), Ask::Forget),
        };
        Some(Op::timer(partition, ask))
    }

    fn can_fund(&self, activity: &Activity, amount: Fen) -> Result<(), NotDone> {
        if amount == Fen::ZERO {
            return Ok(());
        }
        let posting = activity.funding(amount);
        self.ledger
            .may_post(&posting)
            .map_err(|error| NotDoneCode::InsufficientFunds.because(format!("sponsor's wallet: {error}")))
    }
}

fn stepped(context: &Context<'_>, activity: ActivityId, step: Step, to: Phase, moved: Fen) -> Event {
    Event::Stepped { room: context.room_id, activity, step, to, moved, cause: context.cause }
}
