//! Polls and enrolments: the tally is what the ballots say, and everybody signs up once.

use std::collections::HashMap;

use super::{Check, Invariant, Verdict};
use crate::rules::{ActivityId, Choice, Kind, Phase, UserId};
use crate::store::{Event, Recorded, Tables, TalkEvent};

/// The tally of a poll is what its ballots add up to, one for each user; a user signs up once.
pub(super) struct VotesAddUp {
    ballots: HashMap<ActivityId, HashMap<UserId, Choice>>,
    sign_ups: HashMap<ActivityId, HashMap<UserId, u32>>,
}

impl VotesAddUp {
    pub(super) fn over(base: &Tables) -> Self {
        let mut books = Self { ballots: HashMap::new(), sign_ups: HashMap::new() };
        for activity in base.activities() {
            match &activity.kind {
                Some(Kind::Poll(poll)) => {
                    let ballots = poll.ballots().map(|(user, ballot)| (*user, ballot.choice)).collect();
                    books.ballots.insert(activity.id, ballots);
                }
                Some(Kind::Enrolment(enrolment)) => {
                    let places = enrolment.sign_ups().map(|(user, sign_up)| (*user, sign_up.place)).collect();
                    books.sign_ups.insert(activity.id, places);
                }
                _ => {}
            }
        }
        books
    }
}

impl Check for VotesAddUp {
    fn invariant(&self) -> Invariant {
        Invariant::VotesAddUp
    }

    fn before(&mut self, recorded: &Recorded, tables: &Tables) -> Verdict<()> {
        let no = recorded.no;
        let what = match &recorded.event {
            Event::Talk { what, .. } => what,
            Event::Archived { activity, .. } => {
                self.ballots.remove(activity);
                self.sign_ups.remove(activity);
                return Ok(());
            }
            _ => return Ok(()),
        };
        let Some(activity) = what.activity() else { return Ok(()) };
        let phase = tables.activity(activity).map(|activity| activity.phase);
        if phase != Some(Phase::Open) {
            return Err(format!("event {no} needs activity {activity} to be open: it is {phase:?}"));
        }
        match what {
            TalkEvent::Voted { user, choice, .. } => {
                self.ballots.entry(activity).or_default().insert(*user, *choice);
            }
            TalkEvent::SignedUp { user, place, .. } => {
                if self.sign_ups.entry(activity).or_default().insert(*user, *place).is_some() {
                    return Err(format!("event {no} signs {user} up for activity {activity} again"));
                }
            }
            TalkEvent::Imposed { .. } | TalkEvent::Lifted { .. } => {}
        }
        Ok(())
    }

    fn judge(&self, tables: &Tables) -> Verdict {
        let (mut polls, mut enrolments) = (0, 0);
        for activity in tables.activities() {
            let id = activity.id;
            match &activity.kind {
                Some(Kind::Poll(poll)) => {
                    let mut tally = vec![0; poll.tally().len()];
                    let ballots = self.ballots.get(&id).into_iter().flat_map(HashMap::values);
                    ballots.flat_map(|choice| choice.options()).for_each(|option| tally[option as usize - 1] += 1);
                    if tally != poll.tally() {
                        return Err(format!("the ballots of poll {id} say {tally:?}, its tally {:?}", poll.tally()));
                    }
                    polls += 1;
                }
                Some(Kind::Enrolment(enrolment)) => {
                    let signed_up = self.sign_ups.get(&id).map_or(0, HashMap::len);
                    if signed_up != enrolment.signed_up() as usize {
                        return Err(format!(
                            "{signed_up} signed up for {id}, its state says {}",
                            enrolment.signed_up()
                        ));
                    }
                    enrolments += 1;
                }
                _ => {}
            }
        }
        Ok(format!("{polls} polls, {enrolments} enrolments"))
    }
}
