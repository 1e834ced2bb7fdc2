//! What follows from what happens in draws.

use std::sync::Arc;

use super::follow::tell_winner;
use super::room::LiveRoom;
use crate::rules::{ActivityId, UserId};
use crate::store::{Cause, DrawEvent, Keeper, Own, Query, Reply};

/// Tells whoever entered by a comment, and the winners, whom the room finds in the activity's state; says whether more than counts
/// has changed.
pub(super) fn follow(room: &Arc<LiveRoom>, activity: ActivityId, what: &DrawEvent, keeper: &dyn Keeper) -> bool {
    let tell = |user: &UserId, rank: u32| tell_winner(room, user, (activity, rank), keeper);
    match what {
        // Whoever asked under a name has the ticket as the answer.
        DrawEvent::Entered { user, cause: Cause { request: None, .. }, .. } => {
            tell_ticket(room, activity, *user, keeper);
            return false;
        }
        DrawEvent::Entered { .. } => return false,
        DrawEvent::Drawn { winners, .. } => winners.iter().for_each(|winner| tell(&winner.user, winner.rank)),
        DrawEvent::Kept { user, rank, .. } => tell(user, *rank),
        DrawEvent::Passed { user, rank, next, .. } => {
            next.iter().for_each(|next| tell(&next.user, next.rank));
            tell(user, *rank);
        }
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
