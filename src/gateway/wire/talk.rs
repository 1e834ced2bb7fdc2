//! Polls and enrolments.

use liveroom_protocol::wire;

use crate::rules::{EnrolmentPlan, PollPlan, UserId};
use crate::store::{ActivityView, KindView};

pub(super) fn poll_state(plan: &PollPlan, view: &ActivityView) -> wire::PollState {
    let (tally, voters) = match &view.kind {
        Some(KindView::Poll { tally, voters }) => (tally.as_slice(), *voters),
        _ => (&[][..], 0),
    };
    let options = plan.options.iter().enumerate().map(|(place, title)| wire::PollOption {
        option: place as u32 + 1,
        title: title.clone(),
        votes: tally.get(place).copied().unwrap_or(0),
    });
    wire::PollState {
        options: options.collect(),
        votes_per_user: plan.votes_per_user,
        changeable: plan.changeable,
        voters,
    }
}

pub(super) fn enrolment_state(plan: &EnrolmentPlan, view: &ActivityView) -> wire::EnrolmentState {
    let (signed_up, admitted) = match &view.kind {
        Some(KindView::Enrolment { signed_up, admitted }) => (*signed_up, admitted.as_deref().unwrap_or_default()),
        _ => (0, &[][..]),
    };
    let names = |users: &[UserId]| users.iter().map(|user| user.as_str().to_owned()).collect();
    wire::EnrolmentState { places: plan.places, signed_up, admitted: names(admitted) }
}
