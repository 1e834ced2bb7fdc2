//! Who is there, and what their tokens say.

use super::{Context, Outcome};
use crate::rules::{AccountFacts, ActivityId, Broadcast, Facts, NotDoneCode, Phase, Stay, Talked, Time, UserId};
use crate::store::tables::{Decision, Tables};
use crate::store::{Answer, Event, PresenceAnswer, PresenceEvent};

impl Tables {
    /// Viewers were there. What of it is known already is left out; a report that says nothing new is none.
    pub(super) fn present(
        &self, context: &Context<'_>, broadcast: u32, from: Time, until: Time, stays: &[Stay],
    ) -> Outcome {
        let Some(latest) = context.room.broadcast.filter(|latest| latest.number == broadcast) else {
            return Ok(Decision::Answer(Answer::Idle));
        };
        if stays.len() > Stay::REPORTED_MAX {
            return Err(NotDoneCode::TooMany.because(format!("at most {} stays in a report", Stay::REPORTED_MAX)));
        }
        // Nobody was there in the future.
        let until = until.min(context.now);
        let mut free = self.bounds.audience_per_room_max.saturating_sub(context.room.audience.len());
        let mut counts = |stay: &&Stay| match context.room.audience.get(&stay.user) {
            Some(facts) => adds(facts, &latest, stay, from, until),
            None if free > 0 && adds(&Facts::new(context.now), &latest, stay, from, until) => {
                free -= 1;
                true
            }
            None => false,
        };
        let stays: Box<[Stay]> = stays.iter().filter(&mut counts).copied().collect();
        if stays.is_empty() {
            return Ok(Decision::Answer(Answer::Idle));
        }
        let what = PresenceEvent::Watched { broadcast, from, until, stays };
        Ok(Decision::Event(Event::Presence { room: context.room_id, what }))
    }

    /// Viewers said and liked things. What of it is known already, or more than counts in a day, is left out.
    pub(super) fn talked_much(
        &self, context: &Context<'_>, broadcast: u32, (from, until): (Time, Time), talked: &[Talked],
    ) -> Outcome {
        let Some(latest) = context.room.broadcast.filter(|latest| latest.number == broadcast) else {
            return Ok(Decision::Answer(Answer::Idle));
        };
        if talked.len() > Stay::REPORTED_MAX {
            return Err(NotDoneCode::TooMany.because(format!("at most {} viewers in a report", Stay::REPORTED_MAX)));
        }
        let mut free = self.bounds.audience_per_room_max.saturating_sub(context.room.audience.len());
        let (rules, offset) = (&self.bounds.tiers, context.room.utc_offset_min);
        let counts = |one: &Talked| {
            let (from, until) = one.within(from, until);
            // Nobody has said anything in the future.
            let times = if until > context.now { 0 } else { one.times };
            let would = |facts: &Facts| facts.would_talk(rules, offset, &latest, (from, until), times);
            let times = match context.room.audience.get(&one.user) {
                Some(facts) => would(facts),
                None if free > 0 => {
                    let times = would(&Facts::new(context.now));
                    free -= usize::from(times > 0);
                    times
                }
                None => 0,
            };
            (times > 0).then_some(Talked { times, ..*one })
        };
        let talked: Box<[Talked]> = talked.iter().filter_map(counts).collect();
        if talked.is_empty() {
            return Ok(Decision::Answer(Answer::Idle));
        }
        let what = PresenceEvent::Talked { broadcast, from, until, talked };
        Ok(Decision::Event(Event::Presence { room: context.room_id, what }))
    }

    /// The change of a tier that is due, if any.
    pub(super) fn review_tier(&self, context: &Context<'_>, user: UserId) -> Decision {
        let today = context.now.day(context.room.utc_offset_min);
        let closeness = context.room.audience.get(&user).map(|facts| &facts.closeness);
        let next = closeness.and_then(|closeness| Some((closeness.tier, closeness.next_change(&self.bounds.tiers)?)));
        match next {
            Some((from, (day, to))) if day <= today => {
                let what = PresenceEvent::TierChanged { user, from, to, day };
                Decision::Event(Event::Presence { room: context.room_id, what })
            }
            _ => Decision::Answer(Answer::Idle),
        }
    }

    /// A viewer's token said something about its account.
    pub(super) fn introduce(&self, context: &Context<'_>, told: AccountFacts) -> Outcome {
        let user = context.by.ok_or_else(|| NotDoneCode::Invalid.because("somebody introduces themselves"))?;
        let known = context.room.audience.get(&user);
        let account = known.map_or(AccountFacts::default(), |facts| facts.account);
        let is_full = known.is_none() && context.room.audience.len() >= self.bounds.audience_per_room_max;
        if account.updated(told) == account || is_full {
            return Ok(Decision::Answer(Answer::Idle));
        }
        let what = PresenceEvent::Introduced { user, account: told };
        Ok(Decision::Event(Event::Presence { room: context.room_id, what }))
    }

    /// A viewer has posted the keyword that an activity asks for: it counts from its announcement to its end.
    pub(super) fn post_keyword(&self, context: &Context<'_>, id: ActivityId) -> Outcome {
        let activity = self.activity_in(context, id)?;
        let user = context.by.ok_or_else(|| NotDoneCode::Invalid.because("somebody posts a keyword"))?;
        if activity.plan.conditions.keyword.is_none() {
            return Err(NotDoneCode::WrongKind.because("the activity asks for no keyword"));
        }
        if !activity.phase.is_public() || activity.phase >= Phase::Closed {
            return Err(NotDoneCode::WrongPhase.because(format!("the activity is {}", activity.phase)));
        }
        let known = context.room.audience.get(&user);
        if known.is_some_and(|facts| facts.has_posted_keyword(context.room.broadcast_no(), id)) {
            return Ok(Decision::Answer(Answer::Presence(PresenceAnswer::KeywordPosted(id))));
        }
        if known.is_none() && context.room.audience.len() >= self.bounds.audience_per_room_max {
            return Err(NotDoneCode::TooMany.because("the room knows as many viewers as it may"));
        }
        let what = PresenceEvent::KeywordPosted { user, activity: id };
        Ok(Decision::Event(Event::Presence { room: context.room_id, what }))
    }
}

fn adds(facts: &Facts, broadcast: &Broadcast, stay: &Stay, from: Time, until: Time) -> bool {
    let (from, until) = stay.within(from, until);
    facts.would_watch(broadcast, from, until).is_some()
}
