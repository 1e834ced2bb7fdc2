//! The boards of a room: one for each broadcast, day and week.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::board::Board;
use crate::rules::{Coins, Time, UserId};

/// What a board covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Span {
    /// One broadcast of the room.
    Broadcast,
    /// One day of the room's time zone.
    Day,
    /// One week of the room's time zone, from Monday.
    Week,
}

/// One board of a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct BoardId {
    /// What it covers.
    pub span: Span,
    /// Which one: the broadcast's number, or the days or weeks since 1970.
    pub number: i64,
}

/// Where a user sat lately on each of the current boards: a hint that spares three looks by name, and no part of any state.
#[derive(Debug, Clone, Copy, Default)]
pub struct Seats([u32; 3]);

/// The boards of a room: the latest of each span.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Boards(BTreeMap<BoardId, Board>);

impl Span {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Broadcast, Self::Day, Self::Week];

    /// The word that every interface uses.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Broadcast => "broadcast",
            Self::Day => "day",
            Self::Week => "week",
        }
    }

    /// So many boards are kept, the current one included.
    pub const fn kept(self) -> i64 {
        match self {
            Self::Broadcast | Self::Day => 8,
            Self::Week => 5,
        }
    }

    /// The board at `now`, in a zone that is `utc_offset_min` minutes east of Greenwich, during the room's `broadcast`.
    pub const fn at(self, now: Time, utc_offset_min: i32, broadcast: u32) -> BoardId {
        let day = now.day(utc_offset_min);
        let number = match self {
            Self::Broadcast => broadcast as i64,
            Self::Day => day,
            // 1970 began on a Thursday.
            Self::Week => (day + 3).div_euclid(7),
        };
        BoardId { span: self, number }
    }
}

impl Boards {
    /// A user gave so much at `now`: it counts on the board of each span. What is too old to keep goes. Says whether `seats`
    /// are others now.
    pub fn add(
        &mut self, user: UserId, coins: Coins, now: Time, utc_offset_min: i32, broadcast: u32, seats: &mut Seats,
    ) -> bool {
        let before = seats.0;
        for (span, hint) in Span::ALL.into_iter().zip(&mut seats.0) {
            let id = span.at(now, utc_offset_min, broadcast);
            let board = match self.0.get_mut(&id) {
                Some(board) => board,
                None => self.begin(id),
            };
            board.add_to(user, coins, now, Board::SIZE, hint);
        }
        seats.0 != before
    }

    /// A board begins, and what is too old to keep beside it goes.
    fn begin(&mut self, id: BoardId) -> &mut Board {
        self.0.retain(|other, _| other.span != id.span || other.number > id.number - id.span.kept());
        self.0.entry(id).or_default()
    }

    /// Looks at a user's seats, which a gift would look at.
    pub fn look_ahead(&self, seats: Seats, now: Time, utc_offset_min: i32, broadcast: u32) {
        for (span, seat) in Span::ALL.into_iter().zip(seats.0) {
            if let Some(board) = self.0.get(&span.at(now, utc_offset_min, broadcast)) {
                board.look_ahead(seat);
            }
        }
    }

    /// A board.
    pub fn get(&self, id: BoardId) -> Option<&Board> {
        self.0.get(&id)
    }

    /// All boards, in the order of their ids.
    pub fn iter(&self) -> impl Iterator<Item = (BoardId, &Board)> {
        self.0.iter().map(|(id, board)| (*id, board))
    }

    /// Drops what was last touched before `until`.
    pub fn forget(&mut self, until: Time) {
        self.0.retain(|_, board| board.touched_since(until));
    }
}

/// Hints make no difference.
impl PartialEq for Seats {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Seats {}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(n: u32) -> UserId {
        UserId::parse(&format!("u{n}")).unwrap()
    }

    #[test]
    fn which_board() {
        // Sunday 2026-01-04 23:30 UTC is Monday morning in Beijing.
        let late = Time::from_ms(1_767_569_400_000);
        for (span, offset, number) in [
            (Span::Day, 0, 20_457),
            (Span::Day, 480, 20_458),
            (Span::Day, -480, 20_457),
            (Span::Week, 0, 2_922),
            (Span::Week, 480, 2_923),
            (Span::Broadcast, 480, 7),
        ] {
            assert_eq!(span.at(late, offset, 7), BoardId { span, number }, "{span:?} {offset}");
        }
    }

    #[test]
    fn old_boards_go() {
        let (mut boards, day_ms) = (Boards::default(), 86_400_000);
        let one = Coins::new(1).unwrap();
        for n in 0..100 {
            boards.add(user(n), one, Time::from_ms(i64::from(n) * day_ms), 0, n, &mut Seats::default());
        }
        let numbers = |span| boards.iter().filter(|(id, _)| id.span == span).map(|(id, _)| id.number).collect();
        let [broadcasts, days, weeks]: [Vec<i64>; 3] = Span::ALL.map(numbers);
        assert_eq!(broadcasts, (92..100).collect::<Vec<_>>());
        assert_eq!(days, (92..100).collect::<Vec<_>>());
        assert_eq!(weeks, (10..15).collect::<Vec<_>>());
        boards.forget(Time::from_ms(98 * day_ms));
        assert_eq!(boards.iter().count(), 2 + 2 + 1);
    }
}
