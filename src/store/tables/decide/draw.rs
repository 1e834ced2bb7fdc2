//! Draws: entries, the drawing, and what winners say to their prizes.

use super::{Context, Outcome, asker, record_refusal, refused};
use crate::rules::{
    Activity, ActivityId, AwardState, Beacon, Draw, DrawLevel, DrawPlan, DrawProof, DrawWinner, EnterRefused, Fen,
    Kind, KindPlan, NotDone, NotDoneCode, Occasion, Phase, RefusalCode, draw_name,
};
use crate::store::tables::{Decision, Tables};
use crate::store::{Answer, DrawAnswer, DrawAsk, DrawEvent, EnterBy, Event};

impl Tables {
    pub(super) fn draw(&self, context: &Context<'_>, ask: &DrawAsk) -> Outcome {
        let activity = self.activity_in(context, ask.activity())?;
        let KindPlan::Draw(plan) = &activity.plan.kind else {
            return Err(NotDoneCode::WrongKind.because("the activity is no draw"));
        };
        match ask {
            DrawAsk::Enter { token, by, .. } => self.enter(context, activity, plan, *token, *by),
            DrawAsk::Draw { winners, .. } => self.draw_winners(context, activity, plan, None, *winners),
            DrawAsk::Beacon { beacon, winners, .. } => {
                self.draw_winners(context, activity, plan, Some(beacon), *winners)
            }
            DrawAsk::Prove { .. } => prove(context, activity),
            DrawAsk::Reply { accept, .. } => self.reply(context, activity, plan, *accept),
        }
    }

    fn enter(&self, context: &Context<'_>, activity: &Activity, plan: &DrawPlan, token: u64, by: EnterBy) -> Outcome {
        let user = match by {
            EnterBy::Tap => asker(context)?.0,
            // Talk is kept under no name: the ticket is all there is to be asked for again.
            EnterBy::Comment => context.by.ok_or_else(|| NotDoneCode::Invalid.because("somebody posts a keyword"))?,
        };
        let kind = activity.kind.as_ref().filter(|_| token == activity.token);
        // Whoever has entered has entered, however often, however late and in whatever way one asks.
        if let Some(Kind::Draw(draw)) = kind
            && let Some(leaf) = draw.leaf_of(&user)
        {
            return Ok(Decision::Answer(self.entered(activity.id, leaf)));
        }
        match (&plan.occasion, by) {
            (Occasion::Keyword(_), EnterBy::Tap) => {
                return Err(NotDoneCode::WrongKind.because("one enters by posting the keyword"));
            }
            (Occasion::LuckyBag | Occasion::MicLink, EnterBy::Comment) => {
                return Err(NotDoneCode::WrongKind.because("one enters by a tap"));
            }
            _ => {}
        }
        let Some(Kind::Draw(draw)) = kind else {
            return Ok(refused(RefusalCode::NotOpen));
        };
        let leaf = match draw.may_enter(plan, &user) {
            Ok(leaf) => leaf,
            Err(EnterRefused::Excluded) => return Ok(refused(RefusalCode::Excluded)),
            Err(EnterRefused::Closed) => return Ok(refused(RefusalCode::Closed)),
            Err(EnterRefused::Full) => {
                return Err(NotDoneCode::TooMany.because(format!("at most {} entries", DrawPlan::ENTRIES_MAX)));
            }
        };
        if activity.phase != Phase::Open {
            return Ok(refused(RefusalCode::Closed));
        }
        // The close is due already; an entry now could know the beacon.
        if plan.frozen_by().is_some_and(|by| context.now > by) {
            return Err(NotDoneCode::WrongPhase.because("the entries are being frozen"));
        }
        if let Err(refusal) = self.eligible(context, activity, &user) {
            return record_refusal(context, activity.id, refusal);
        }
        if let Err(refusal) = self.within_limits(context, activity, &user) {
            return record_refusal(context, activity.id, refusal);
        }
        Ok(happens(context, activity.id, DrawEvent::Entered { user, leaf, cause: context.cause }))
    }

    fn draw_winners(
        &self, context: &Context<'_>, activity: &Activity, plan: &DrawPlan, beacon: Option<&Beacon>, winners_max: u32,
    ) -> Outcome {
        let draw = match &activity.kind {
            Some(Kind::Draw(draw)) if activity.phase >= Phase::Closed && draw.root.is_some() => draw,
            _ => return Err(NotDoneCode::WrongPhase.because(format!("the activity is {}", activity.phase))),
        };
        if draw.drawn.is_some() {
            // A timer on another node was faster; or somebody else posted the beacon.
            return match context.by {
                Some(_) => Err(NotDoneCode::WrongPhase.because("it is drawn already: a draw is drawn once")),
                None => Ok(Decision::Answer(Answer::Idle)),
            };
        }
        match (&plan.level, beacon) {
            (DrawLevel::Sealed, None) => {}
            (DrawLevel::Beacon { round, .. }, Some(beacon)) if beacon.round == *round => {}
            (DrawLevel::Beacon { round, .. }, _) => {
                return Err(NotDoneCode::Invalid.because(format!("the rules name round {round}")));
            }
            (DrawLevel::Sealed, Some(_)) => {
                return Err(NotDoneCode::WrongKind.because("the draw is sealed: it has no beacon"));
            }
        }
        let draw_id = draw_name(&activity.room, activity.id);
        let ranking = draw.ranking(plan, &draw_id, &activity.draw_seed(), beacon);
        let winners = draw.winners(plan, &ranking);
        if winners.len() > winners_max as usize {
            return Err(NotDoneCode::Invalid.because("more win than room was made for"));
        }
        let held = |winner: DrawWinner| {
            let held_until = self.held_until(context.room, &winner.user, winner.cash, context.now);
            DrawWinner { held_until, ..winner }
        };
        let (beacon, winners) = (beacon.cloned().map(Box::new), winners.into_iter().map(held).collect());
        Ok(happens(context, activity.id, DrawEvent::Drawn { beacon, winners, cause: context.cause }))
    }

    fn reply(&self, context: &Context<'_>, activity: &Activity, plan: &DrawPlan, accept: bool) -> Outcome {
        let (user, ..) = asker(context)?;
        let no_award = || NotDoneCode::NoAward.because("you have not won in this draw");
        let Some(Kind::Draw(draw)) = &activity.kind else { return Err(no_award()) };
        let (rank, award) = draw.award_of(&user).ok_or_else(no_award)?;
        let too_late = context.now >= Draw::answer_by(plan, award);
        let cash = plan.prizes.get(award.prize as usize).map_or(Fen::ZERO, |prize| prize.cash_fen);
        let no: Result<(), NotDone> = match (award.state, accept) {
            // Both last for ever.
            (AwardState::Passed, _) => return Ok(refused(RefusalCode::PrizePassed)),
            // Where it may still be declined, the word is kept: it was given before that.
            (AwardState::Kept, true)
                if plan.must_accept() || cash > Fen::ZERO || too_late || activity.phase != Phase::Closed =>
            {
                return Ok(Decision::Answer(self.prize(activity.id, rank, AwardState::Kept)));
            }
            (AwardState::Kept, false) if plan.must_accept() => {
                Err(NotDoneCode::WrongPhase.because("the seat was taken"))
            }
            (AwardState::Kept, false) if cash > Fen::ZERO => {
                Err(NotDoneCode::WrongKind.because("cash stays where it was credited, or is held"))
            }
            _ if too_late || activity.phase != Phase::Closed => {
                Err(NotDoneCode::WrongPhase.because("the time to answer is over"))
            }
            _ => Ok(()),
        };
        no?;
        if accept {
            return Ok(happens(context, activity.id, DrawEvent::Kept { user, rank, cause: context.cause }));
        }
        Ok(self.pass(context, activity.id, plan, draw, rank))
    }

    /// What time asks of a draw that is closed and drawn; `None` if it is to be settled.
    pub(super) fn offer_due(&self, context: &Context<'_>, activity: &Activity) -> Option<Decision> {
        let (Some(Kind::Draw(draw)), KindPlan::Draw(plan)) = (&activity.kind, &activity.plan.kind) else { return None };
        if draw.drawn.is_none() {
            return Some(Decision::Answer(Answer::Idle));
        }
        let (rank, _) = draw.next_expiry(plan)?;
        Some(self.pass(context, activity.id, plan, draw, rank))
    }

    fn pass(&self, context: &Context<'_>, id: ActivityId, plan: &DrawPlan, draw: &Draw, rank: u32) -> Decision {
        match draw.pass(plan, rank) {
            Some(pass) => {
                let (user, next) = (pass.user, pass.next);
                happens(context, id, DrawEvent::Passed { user, rank, next, cause: context.cause })
            }
            None => Decision::Answer(Answer::Idle),
        }
    }

    /// The operation by which a closed draw is drawn in its time.
    pub(super) fn draw_op(&self, id: ActivityId) -> Option<DrawAsk> {
        let activity = self.activities.get(&id)?;
        match (&activity.kind, &activity.plan.kind) {
            (Some(Kind::Draw(draw)), KindPlan::Draw(plan))
                if activity.phase == Phase::Closed && draw.drawn.is_none() =>
            {
                let winners = plan.prizes_in_all().min(draw.entries().len() as u32);
                Some(DrawAsk::Draw { activity: id, winners })
            }
            _ => None,
        }
    }
}

/// What is frozen stays so: the answer needs no record.
fn prove(context: &Context<'_>, activity: &Activity) -> Outcome {
    let (user, ..) = asker(context)?;
    match &activity.kind {
        Some(Kind::Draw(draw)) if draw.root.is_some() => {
            let proof = DrawProof::of(activity, &user);
            let proof = proof.ok_or_else(|| NotDoneCode::NoAward.because("you have no ticket in this draw"))?;
            Ok(Decision::Answer(Answer::Draw(DrawAnswer::Proof(Box::new(proof)))))
        }
        _ => Err(NotDoneCode::WrongPhase.because("the entries are not frozen yet")),
    }
}

fn happens(context: &Context<'_>, activity: ActivityId, what: DrawEvent) -> Decision {
    Decision::Event(Event::Draw { room: context.room_id, activity, what })
}
