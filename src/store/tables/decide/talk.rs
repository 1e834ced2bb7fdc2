//! Ballots, sign-ups, sanctions, and copy that does not pass.

use super::{Context, Outcome, asker, record_refusal, refused};
use crate::rules::{
    Activity, ActivityId, Kind, KindPlan, NotDoneCode, Refusal, RefusalCode, Sanction, Sanctions, Step, Tier, UserId,
};
use crate::store::tables::{Decision, Tables};
use crate::store::{Event, TalkAsk, TalkEvent};

impl Tables {
    pub(super) fn talk(&self, context: &Context<'_>, ask: &TalkAsk) -> Outcome {
        match ask {
            TalkAsk::Vote { activity, token, options } => self.vote(context, *activity, *token, options),
            TalkAsk::SignUp { activity, token } => self.sign_up(context, *activity, *token),
            TalkAsk::Impose { user, sanction, for_ms } => impose(context, *user, *sanction, *for_ms),
            TalkAsk::Lift { user, sanction } => lift(context, *user, *sanction),
            TalkAsk::Reject { activity, findings } => self.reject(context, *activity, findings),
        }
    }

    fn vote(&self, context: &Context<'_>, id: ActivityId, token: u64, options: &[u32]) -> Outcome {
        let activity = self.activity_in(context, id)?;
        let KindPlan::Poll(plan) = &activity.plan.kind else {
            return Err(NotDoneCode::WrongKind.because("only a poll takes votes"));
        };
        let choice = plan.choice(options).map_err(|why| NotDoneCode::Invalid.because(why))?;
        let Some(Kind::Poll(poll)) = activity.kind.as_ref().filter(|_| token == activity.token) else {
            return Ok(refused(RefusalCode::NotOpen));
        };
        let (user, request, fingerprint) = asker(context)?;
        if let Some(refusal) = self.keeps_out(context, activity, &user) {
            return refusal;
        }
        if let Err(refusal) = poll.may_vote(plan, &user) {
            return self.refuse_for_ever(context, activity, refusal);
        }
        let what = TalkEvent::Voted { activity: id, user, choice, request, fingerprint };
        Ok(Decision::Event(Event::Talk { room: context.room_id, what }))
    }

    fn sign_up(&self, context: &Context<'_>, id: ActivityId, token: u64) -> Outcome {
        let activity = self.activity_in(context, id)?;
        if !matches!(activity.plan.kind, KindPlan::Enrolment(_)) {
            return Err(NotDoneCode::WrongKind.because("only an enrolment takes sign-ups"));
        }
        let Some(Kind::Enrolment(enrolment)) = activity.kind.as_ref().filter(|_| token == activity.token) else {
            return Ok(refused(RefusalCode::NotOpen));
        };
        let (user, request, fingerprint) = asker(context)?;
        if let Some(refusal) = self.keeps_out(context, activity, &user) {
            return refusal;
        }
        if let Err(refusal) = enrolment.may_sign_up(&user) {
            return self.refuse_for_ever(context, activity, refusal);
        }
        let tier = context.room.audience.get(&user).map_or(Tier::default(), |facts| facts.closeness.tier);
        let place = enrolment.signed_up() + 1;
        let what = TalkEvent::SignedUp { activity: id, user, tier, place, request, fingerprint };
        Ok(Decision::Event(Event::Talk { room: context.room_id, what }))
    }

    /// The refusal of one who comes too late or does not meet the conditions. The close lasts for ever; conditions may pass.
    fn keeps_out(&self, context: &Context<'_>, activity: &Activity, user: &UserId) -> Option<Outcome> {
        if activity.ended.is_some() {
            // Who has a ballot keeps hearing what they heard before the close.
            let before = match (&activity.kind, &activity.plan.kind) {
                (Some(Kind::Poll(poll)), KindPlan::Poll(plan)) => poll.may_vote(plan, user).err(),
                (Some(Kind::Enrolment(enrolment)), _) => enrolment.may_sign_up(user).err(),
                _ => None,
            };
            return Some(self.refuse_for_ever(
                context,
                activity,
                before.unwrap_or(Refusal::plain(RefusalCode::Closed)),
            ));
        }
        let refusal = self.eligible(context, activity, user).err()?;
        Some(record_refusal(context, activity.id, refusal))
    }

    fn reject(&self, context: &Context<'_>, id: ActivityId, findings: &[String]) -> Outcome {
        let activity = self.activity_in(context, id)?;
        if activity.phase.after(Step::Schedule).is_none() {
            return Err(NotDoneCode::WrongPhase.because(format!("the activity is {}", activity.phase)));
        }
        if findings.is_empty() || findings.len() > TalkAsk::FINDINGS_MAX || findings.iter().any(|one| one.len() > 200) {
            return Err(NotDoneCode::Invalid.because("a rejection lists 1 to 50 findings of at most 200 bytes"));
        }
        let reasons = activity.plan.review().into_iter().chain(findings.iter().cloned()).collect();
        let (room, cause) = (context.room_id, context.cause);
        Ok(Decision::Event(Event::Rejected { room, activity: id, reasons, cause }))
    }
}

fn impose(context: &Context<'_>, user: UserId, sanction: Sanction, for_ms: u64) -> Outcome {
    if user == context.room.host {
        return Err(NotDoneCode::Forbidden.because("it is the host's own room"));
    }
    if !(1_000..=Sanction::MS_MAX).contains(&for_ms) {
        return Err(NotDoneCode::Invalid.because("a sanction lasts 1 s to 3,650 days"));
    }
    let sanctions = &context.room.sanctions;
    if sanctions.until(user, sanction, context.now).is_none() && !sanctions.has_room(context.now) {
        return Err(NotDoneCode::TooMany.because(format!("at most {} sanctions in a room", Sanctions::MAX)));
    }
    let until = context.now.after_ms(for_ms);
    let what = TalkEvent::Imposed { user, sanction, until, cause: context.cause };
    Ok(Decision::Event(Event::Talk { room: context.room_id, what }))
}

fn lift(context: &Context<'_>, user: UserId, sanction: Sanction) -> Outcome {
    if context.room.sanctions.until(user, sanction, context.now).is_none() {
        return Err(NotDoneCode::WrongPhase.because(format!("no {} of this user is in effect", sanction.word())));
    }
    let what = TalkEvent::Lifted { user, sanction, cause: context.cause };
    Ok(Decision::Event(Event::Talk { room: context.room_id, what }))
}
