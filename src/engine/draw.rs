//! What follows from what happens in draws.

use std::sync::Arc;

use super::room::LiveRoom;
use crate::fanout::Post;
use crate::rules::ActivityId;
use crate::store::{DrawEvent, Keeper, KindView, Query, Reply};

/// Tells the winners, whom the room finds in the activity's state; says whether more than counts has changed.
pub(super) fn follow(room: &Arc<LiveRoom>, activity: ActivityId, what: &DrawEvent, keeper: &dyn Keeper) -> bool {
    let news: Vec<u32> = match what {
        DrawEvent::Entered { .. } => return false,
        DrawEvent::Drawn { winners, .. } => winners.iter().map(|winner| winner.rank).collect(),
        DrawEvent::Kept { rank, .. } => vec![*rank],
        DrawEvent::Passed { rank, next, .. } => next.iter().map(|next| next.rank).chain([*rank]).collect(),
    };
    let Reply::Activity(view) = keeper.ask(&Query::Activity { room: room.id, activity }) else { return true };
    let Some(KindView::Draw { winners: Some(winners), .. }) = view.kind else { return true };
    for (user, prize) in news.iter().filter_map(|rank| winners.get(*rank as usize)) {
        room.post(
            user,
            &Post::Own { grants: Vec::new(), orders: Vec::new(), prizes: vec![prize.clone()], coupons: Vec::new() },
        );
    }
    true
}
