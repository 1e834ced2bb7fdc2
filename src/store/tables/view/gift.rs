//! Boards and fan clubs, as they are shown.

use crate::rules::{BoardId, FanClubSettings, Place, RoomId, Span, Time, UserId};
use crate::store::tables::Tables;
use crate::store::{GiftQuery, GiftReply, Reply};

/// A board's top, and one user's place on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BoardView {
    /// Which board.
    pub id: BoardId,
    /// Its first places.
    pub places: Vec<Place>,
    /// How many users are on it.
    pub users: u32,
    /// The rank and place of the user who was asked for, if on it.
    pub own: Option<(u32, Place)>,
}

/// A fan club, and one user in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FanClubView {
    /// How it is run.
    pub settings: FanClubSettings,
    /// How many fans there are.
    pub fans: u32,
    /// The user who was asked for, if a fan.
    pub own: Option<FanView>,
}

/// One fan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FanView {
    /// Since when.
    pub since: Time,
    /// Intimacy.
    pub points: u64,
    /// The level that it is, from 1.
    pub level: u32,
    /// The points of the next level; `None` at the top.
    pub next_level_points: Option<u64>,
}

impl Tables {
    pub(super) fn ask_gift(&self, query: &GiftQuery) -> Reply {
        let reply = match query {
            GiftQuery::Catalogue => Some(GiftReply::Catalogue(self.catalogue.clone())),
            GiftQuery::Board { room, span, back, at, top, user } => {
                self.board(room, *span, *back, *at, *top, user.as_ref()).map(GiftReply::Board)
            }
            GiftQuery::FanClub { room, user } => self.club(room, user.as_ref()).map(GiftReply::FanClub),
        };
        reply.map_or(Reply::Unknown, Reply::Gift)
    }

    fn board(
        &self, room: &RoomId, span: Span, back: u32, at: Time, top: u32, user: Option<&UserId>,
    ) -> Option<BoardView> {
        let room = self.rooms.get(room)?;
        let mut id = span.at(at, room.utc_offset_min, room.broadcast_number());
        id.number -= i64::from(back);
        let Some(board) = room.boards.get(id) else {
            return Some(BoardView { id, places: Vec::new(), users: 0, own: None });
        };
        Some(BoardView {
            id,
            places: board.places().take(top as usize).copied().collect(),
            users: board.len() as u32,
            own: user.and_then(|user| board.rank(user)),
        })
    }

    fn club(&self, room: &RoomId, user: Option<&UserId>) -> Option<FanClubView> {
        let club = &self.rooms.get(room)?.fan_club;
        let settings = club.settings.clone();
        let own = user.and_then(|user| club.fan(user)).map(|fan| {
            let level = settings.level(fan.points);
            let next_level_points = settings.levels.get(level as usize - 1).copied();
            FanView { since: fan.since, points: fan.points, level, next_level_points }
        });
        Some(FanClubView { fans: club.len() as u32, settings, own })
    }
}
