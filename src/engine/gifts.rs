//! Gifts, as rooms and fans hear of them.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use foldhash::fast::RandomState;

use super::Shared;
use super::room::LiveRoom;
use crate::fanout::{ClosedCombo, GiftRun, Post};
use crate::rules::{RoomId, Span, Time, UserId};
use crate::store::{BoardView, GiftEvent, GiftQuery, GiftReply, Keeper, Query, Reply};

/// So many places of a board are told to the room.
const TOP: u32 = 10;

/// How often at most.
const BOARDS_EVERY: Duration = Duration::from_secs(1);

/// Rooms whose board has changed since they heard it.
#[derive(Debug)]
pub(super) struct Boards {
    changed: HashSet<RoomId, RandomState>,
    next: Time,
}

impl Boards {
    pub(super) fn new() -> Self {
        Self { changed: HashSet::default(), next: Time::from_ms(0) }
    }

    /// A room's board is another, or that of another broadcast.
    pub(super) fn changed(&mut self, room: RoomId) {
        self.changed.insert(room);
    }

    /// Tells the rooms, if it is time.
    pub(super) fn publish(&mut self, shared: &Shared, keeper: &dyn Keeper) {
        let now = shared.clock.now();
        if self.changed.is_empty() || now < self.next {
            return;
        }
        self.next = now.after_ms(BOARDS_EVERY.as_millis() as u64);
        for room in self.changed.drain() {
            let Some(room) = shared.rooms.get(&room) else { continue };
            if let Some(board) = top(&room, now, keeper)
                && room.channel.publish_board(board)
            {
                shared.rooms.has_news(&room);
            }
        }
    }

    /// How long until rooms are told; `None` if they know.
    pub(super) fn rest(&self, now: Time) -> Option<Duration> {
        (!self.changed.is_empty()).then(|| self.next.since(now))
    }
}

/// The board of a room's latest broadcast, as the room hears it.
pub(super) fn top(room: &LiveRoom, now: Time, keeper: &dyn Keeper) -> Option<Arc<BoardView>> {
    let query = GiftQuery::Board { room: room.id, span: Span::Broadcast, back: 0, at: now, top: TOP, user: None };
    match keeper.ask(&Query::Gift(query)) {
        Reply::Gift(GiftReply::Board(board)) => Some(Arc::new(board)),
        _ => None,
    }
}

/// Tells the room what was sent and which combos have ended, and a fan who has risen.
pub(super) fn follow(
    shared: &Shared, room: &Arc<LiveRoom>, boards: &mut Boards, what: &GiftEvent, keeper: &dyn Keeper,
) {
    let heard = match what {
        GiftEvent::Sent { user, gift, count, coins, combo, total, fan, .. } => {
            let (combo, user, gift, count, total) = (*combo, *user, *gift, *count, *total);
            boards.changed(room.id);
            if fan.is_some_and(|gain| gain.joins || gain.rises) {
                tell_fan(room, user, keeper);
            }
            room.channel.publish_gifts(GiftRun { combo, user, gift, count, total, coins: coins.get() })
        }
        GiftEvent::ComboClosed { combo, user, gift, total, coins } => {
            let (combo, user, gift, total, coins) = (*combo, *user, *gift, *total, *coins);
            room.channel.publish_closed_combo(ClosedCombo { combo, user, gift, total, coins })
        }
        GiftEvent::FanJoined { user, .. } => return tell_fan(room, *user, keeper),
        GiftEvent::FanClubSet { .. } | GiftEvent::FanLeft { .. } => return,
    };
    if heard {
        shared.rooms.has_news(room);
    } else {
        shared.counters.gifts_unheard.inc();
    }
}

fn tell_fan(room: &LiveRoom, user: UserId, keeper: &dyn Keeper) {
    let query = GiftQuery::FanClub { room: room.id, user: Some(user) };
    if let Reply::Gift(GiftReply::FanClub(club)) = keeper.ask(&Query::Gift(query))
        && let Some(fan) = club.own
    {
        room.post(&user, &Post::Fan(fan));
    }
}
