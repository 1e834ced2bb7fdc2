//! Goals reached: steps of a watch task, check-ins and their streaks.
//!
//! Facts may come and go (a broadcast ends, a pool is filled up), so while the activity is open every refusal is recorded.

use super::{Context, Outcome, asker, record_refusal, refused};
use crate::rules::{
    Activity, ActivityId, CheckIn, Facts, GoalPools, Kind, KindPlan, NotDoneCode, Prize, Refusal, RefusalCode, UserId,
};
use crate::store::tables::{Decision, Tables};
use crate::store::{Event, PresenceEvent, Reward};

impl Tables {
    /// A step of a watch task, from 1, that its asker has reached.
    pub(super) fn claim_step(&self, context: &Context<'_>, id: ActivityId, token: u64, step: u32) -> Outcome {
        let activity = self.activity_in(context, id)?;
        let KindPlan::WatchTask(plan) = &activity.plan.kind else {
            return Err(NotDoneCode::WrongKind.because("only a watch task has steps"));
        };
        let Some(Kind::WatchTask(goals)) = activity.kind.as_ref().filter(|_| token == activity.token) else {
            return Ok(refused(RefusalCode::NotOpen));
        };
        let (user, request, fingerprint) = asker(context)?;
        let goal = u16::try_from(step).ok().and_then(|step| step.checked_sub(1));
        let (goal, step) = goal
            .and_then(|goal| Some((goal, plan.steps.get(usize::from(goal))?)))
            .ok_or_else(|| NotDoneCode::Invalid.because("the watch task has no such step"))?;
        if activity.ended.is_some() {
            return Ok(refused(RefusalCode::Closed));
        }
        let facts = context.room.audience.get(&user);
        let allowed = self
            .eligible(context, activity, &user)
            .and_then(|()| Facts::watched(facts, context.room.broadcast_no(), step.at))
            .and_then(|()| goals.allow(&user, goal));
        if let Err(refusal) = allowed {
            return record_refusal(context, id, refusal);
        }
        let reward = self.reward_for(context, &user, goals, (goal, &step.prize));
        let what = PresenceEvent::StepReached { activity: id, user, request, fingerprint, reward };
        Ok(Decision::Event(Event::Presence { room: context.room_id, what }))
    }

    /// The asker is here today.
    pub(super) fn check_in(&self, context: &Context<'_>, id: ActivityId, token: u64) -> Outcome {
        let activity = self.activity_in(context, id)?;
        let KindPlan::CheckIn(plan) = &activity.plan.kind else {
            return Err(NotDoneCode::WrongKind.because("only a check-in takes check-ins"));
        };
        let Some(Kind::CheckIn(goals)) = activity.kind.as_ref().filter(|_| token == activity.token) else {
            return Ok(refused(RefusalCode::NotOpen));
        };
        let (user, request, fingerprint) = asker(context)?;
        if activity.ended.is_some() {
            return Ok(refused(RefusalCode::Closed));
        }
        let CheckIn { day, streak } = match self.next_check_in(context, activity, &user) {
            Ok(check_in) => check_in,
            Err(refusal) => return record_refusal(context, id, refusal),
        };
        if !context.room.audience.contains_key(&user)
            && context.room.audience.len() >= self.bounds.audience_per_room_max
        {
            return Err(NotDoneCode::TooMany.because("the room knows as many viewers as it may"));
        }
        let goal = plan.streaks.iter().position(|goal| goal.at == streak).map(|goal| goal as u16);
        let goal = goal.filter(|goal| goals.allow(&user, *goal).is_ok());
        let reward =
            goal.map(|goal| self.reward_for(context, &user, goals, (goal, &plan.streaks[usize::from(goal)].prize)));
        let what = PresenceEvent::CheckedIn { activity: id, user, request, fingerprint, day, streak, reward };
        Ok(Decision::Event(Event::Presence { room: context.room_id, what }))
    }

    fn reward_for(
        &self, context: &Context<'_>, user: &UserId, goals: &GoalPools, (goal, prize): (u16, &Prize),
    ) -> Reward {
        let held_until = self.held_until(context.room, user, prize.cash(), context.now);
        Reward { goal, unit: goals.next_unit(), prize: prize.clone(), held_until }
    }

    fn next_check_in(&self, context: &Context<'_>, activity: &Activity, user: &UserId) -> Result<CheckIn, Refusal> {
        if !context.room.broadcast.is_some_and(|latest| latest.is_on()) {
            return Err(Refusal::plain(RefusalCode::NotOnAir));
        }
        self.eligible(context, activity, user)?;
        let today = context.now.day(context.room.utc_offset_min);
        let before = context.room.broadcast_day_before(today);
        let latest = context.room.audience.get(user).and_then(|facts| facts.check_in);
        CheckIn::after(latest, today, before).ok_or(Refusal { code: RefusalCode::CheckedInAlready, have: 1, limit: 1 })
    }
}
