//! What follows from what happens in draws.

use std::sync::Arc;

use super::room::LiveRoom;
use crate::rules::{ActivityId, UserId};
use crate::store::{Cause, DrawEvent, Keeper, KindView, Own, Query, Reply};

/// Tells whoever entered by a comment, and the winners, whom the room finds in the activity's state; says whether more than counts
/// has changed.
pub(super) fn follow(room: &Arc<LiveRoom>, activity: ActivityId, what: &DrawEvent, keeper: &dyn Keeper) -> bool {
    let news: Vec<u32> = match what {
        // Whoever asked under a name has the ticket as the answer.
        DrawEvent::Entered { user, cause: Cause { request: None, .. }, .. } => {
            tell_ticket(room, activity, *user, keeper);
            return false;
        }
        DrawEvent::Entered { .. } => return false,
        DrawEvent::Drawn { winners, .. } => winners.iter().map(|winner| winner.rank).collect(),
        DrawEvent::Kept { rank, .. } => vec![*rank],
        DrawEvent::Passed { rank, next, .. } => next.iter().map(|next| next.rank).chain([*rank]).collect(),
    };
    let Reply::Activity(view) = keeper.ask(&Query::Activity { room: room.id, activity }) else { return true };
    let Some(KindView::Draw { winners: Some(winners), .. }) = view.kind else { return true };
    for (user, prize) in news.iter().filter_map(|rank| winners.get(*rank as usize)) {
        room.post_own(user, Own { prizes: vec![prize.clone()], ..Own::default() });
    }
    true
}

/// Whoever entered by a comment hears of the ticket on all devices.
fn tell_ticket(room: &LiveRoom, activity: ActivityId, user: UserId, keeper: &dyn Keeper) {
    // Many are on other nodes.
    let is_here = room.audience.lock().is_here(&user);
    if is_here && let Reply::Ticket(ticket) = keeper.ask(&Query::Ticket { room: room.id, activity, user }) {
        room.post_own(&user, Own { tickets: vec![*ticket], ..Own::default() });
    }
}
