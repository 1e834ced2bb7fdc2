//! A board 榜: who has given how much.

use std::cmp::{Ordering, Reverse};
use std::collections::HashMap;
use std::hint::black_box;

use foldhash::quality::FixedState;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::ranking::Ranking;
use crate::rules::{Coins, Time, UserId};

/// A place on a board. Places are ordered: score downwards, then who reached it first, then the user's id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Place {
    score: Reverse<i64>,
    reached: Time,
    user: UserId,
}

/// Who has given how much.
///
/// What changes most is read least: a gift moves one place, while somebody looks at the board a few times a second. So the order
/// follows many moves at once, and whoever looks in between looks at both.
#[derive(Clone, Default)]
pub struct Board {
    /// By seat: a user keeps the seat as long as it is listed.
    places: Vec<Place>,
    seat_of: HashMap<UserId, u32, FixedState>,
    /// The order of the places, but for those that have moved since it was made.
    order: Ranking<Key>,
    /// Those, in no order: fewer than [`Size::moved_max`].
    moved: Vec<Moved>,
    /// By seat: where it is among the moved, or [`STAYED`]. By itself, for it is looked through more often than the places.
    moved_at: Vec<u32>,
    /// When it changed last.
    touched: Option<Time>,
    /// What those gave who fell off its end.
    unlisted: i64,
}

/// A place that has moved.
#[derive(Clone, Copy)]
struct Moved {
    /// Where the order still has it; nowhere if its user is new.
    was: Option<Key>,
    /// Where it belongs.
    is: Key,
}

/// A place in the order, shorter than the place itself: a change moves dozens of them. The user's id is looked up only between
/// those who reached the same score at once.
#[derive(Clone, Copy)]
struct Key {
    /// Score and time, as numbers that order as places do: the higher score comes first.
    first: [u64; 2],
    seat: u32,
}

const STAYED: u32 = u32::MAX;

impl Place {
    /// Whose.
    pub const fn user(&self) -> UserId {
        self.user
    }

    /// Coins given.
    pub const fn score(&self) -> i64 {
        self.score.0
    }

    /// When the score was reached.
    pub const fn reached(&self) -> Time {
        self.reached
    }

    fn key(&self, seat: u32) -> Key {
        // With the sign turned over numbers without one order as those with one; all bits turned over, the other way round.
        const SIGN: u64 = 1 << 63;
        Key { first: [!(self.score() as u64 ^ SIGN), self.reached.ms() as u64 ^ SIGN], seat }
    }
}

impl Key {
    /// As one number, which is compared without a branch.
    fn first(&self) -> u128 {
        u128::from(self.first[0]) << 64 | u128::from(self.first[1])
    }
}

/// How a board is kept.
#[derive(Debug, Clone, Copy)]
pub(super) struct Size {
    /// As many users are listed.
    users_max: usize,
    /// So many moves are made in the order at once: many, for that is what makes them cheap, but whoever asks for a rank looks
    /// through them.
    moved_max: usize,
    /// Where fewer than one of so many have moved, the rest is left as it is; else the order is made anew.
    anew: usize,
}

/// The order of the places, of which the users' ids are seldom needed.
fn in_order(places: &[Place]) -> impl Fn(&Key, &Key) -> Ordering {
    let user = |key: &Key| &places[key.seat as usize].user;
    move |a, b| a.first().cmp(&b.first()).then_with(|| user(a).cmp(user(b)))
}

/// Sorts keys as [`in_order`] does. Between equals it goes by their users only at the end, for the places are far.
fn sort(keys: &mut [Key], places: &[Place]) {
    keys.sort_unstable_by_key(Key::first);
    for equals in keys.chunk_by_mut(|a, b| a.first == b.first) {
        if equals.len() > 1 {
            equals.sort_unstable_by_key(|key| &places[key.seat as usize].user);
        }
    }
}

impl Board {
    /// As many users are listed; who has less than all of them falls off the end, and begins anew when he gives again.
    pub const USERS_MAX: usize = 1_000_000;
    pub(super) const SIZE: Size = Size { users_max: Self::USERS_MAX, moved_max: 2_048, anew: 32 };

    /// A user gave so much.
    pub fn add(&mut self, user: UserId, coins: Coins, now: Time) {
        self.add_to(user, coins, now, Self::SIZE, &mut 0);
    }

    /// Looks at the seat that `hint` names first, and leaves the right one there.
    pub(super) fn add_to(&mut self, user: UserId, coins: Coins, now: Time, size: Size, hint: &mut u32) {
        self.touched = Some(now);
        let hinted = self.places.get(*hint as usize).is_some_and(|place| place.user == user);
        let known = if hinted { Some(*hint) } else { self.seat_of.get(&user).copied() };
        let Some(number) = known else { return self.list(user, coins, now, size, hint) };
        *hint = number;
        let place = &mut self.places[number as usize];
        let was = place.key(number);
        (place.score.0, place.reached) = (place.score() + coins.get(), now);
        self.moves(number, Some(was), size);
    }

    /// Somebody new. If all seats are taken, whoever is last makes room, or keeps the seat.
    fn list(&mut self, user: UserId, coins: Coins, now: Time, size: Size, hint: &mut u32) {
        let place = Place { score: Reverse(coins.get()), reached: now, user };
        let number = if self.places.len() < size.users_max {
            self.places.push(place);
            self.moved_at.push(STAYED);
            self.places.len() as u32 - 1
        } else {
            let Some(last) = self.last().filter(|last| place < self.places[last.seat as usize]) else {
                self.unlisted += coins.get();
                return;
            };
            self.vacate(last.seat);
            let gone = std::mem::replace(&mut self.places[last.seat as usize], place);
            self.seat_of.remove(&gone.user);
            self.unlisted += gone.score();
            last.seat
        };
        self.seat_of.insert(user, number);
        *hint = number;
        self.moves(number, None, size);
    }

    /// Takes a seat out of the order, for somebody else will sit there: between equals the order goes by who does.
    fn vacate(&mut self, number: u32) {
        let was = match self.moved.get_mut(self.moved_at[number as usize] as usize) {
            Some(moved) => moved.was.take(),
            None => Some(self.places[number as usize].key(number)),
        };
        if let Some(was) = was {
            self.order.remove(&was, in_order(&self.places));
        }
    }

    /// The place of a seat is another than it was.
    fn moves(&mut self, number: u32, was: Option<Key>, size: Size) {
        let is = self.places[number as usize].key(number);
        let at = &mut self.moved_at[number as usize];
        if let Some(moved) = self.moved.get_mut(*at as usize) {
            moved.is = is;
            return;
        }
        *at = self.moved.len() as u32;
        self.moved.push(Moved { was, is });
        if self.moved.len() >= size.moved_max {
            self.settle(size.anew);
        }
    }

    /// Makes the moves in the order, too.
    fn settle(&mut self, anew: usize) {
        if self.moved.len() < self.places.len() / anew {
            let mut gone: Vec<Key> = self.moved.iter().filter_map(|moved| moved.was).collect();
            sort(&mut gone, &self.places);
            self.order.shift(&gone, &self.moved_in_order(), in_order(&self.places));
        } else {
            let stays = |key: &Key| self.moved_at[key.seat as usize] == STAYED;
            self.order = self.order.renewed(stays, &self.moved_in_order(), in_order(&self.places));
        }
        self.moved.drain(..).for_each(|moved| self.moved_at[moved.is.seat as usize] = STAYED);
    }

    /// Looks at a seat, and no further: what is there is at hand when its user's next gift comes.
    pub(super) fn look_ahead(&self, seat: u32) {
        let (place, moved_at) = (self.places.get(seat as usize), self.moved_at.get(seat as usize));
        black_box((place.map(Place::score), moved_at.copied()));
    }

    /// Whether it was touched at `since` or later.
    pub(super) fn touched_since(&self, since: Time) -> bool {
        self.touched.is_some_and(|at| at >= since)
    }

    fn last(&self) -> Option<Key> {
        let moved = self.moved.iter().map(|moved| moved.is);
        moved.chain(self.stayed().next_back()).max_by(in_order(&self.places))
    }

    fn stayed(&self) -> impl DoubleEndedIterator<Item = Key> {
        self.order.iter().filter(|key| self.moved_at[key.seat as usize] == STAYED).copied()
    }

    fn moved_in_order(&self) -> Vec<Key> {
        let mut moved: Vec<Key> = self.moved.iter().map(|moved| moved.is).collect();
        sort(&mut moved, &self.places);
        moved
    }

    /// All keys in order.
    fn keys(&self) -> impl Iterator<Item = Key> {
        let mut stayed = self.stayed().peekable();
        let mut moved = self.moved_in_order().into_iter().peekable();
        let order = in_order(&self.places);
        std::iter::from_fn(move || match (stayed.peek(), moved.peek()) {
            (Some(a), Some(b)) if order(a, b).is_lt() => stayed.next(),
            (_, Some(_)) => moved.next(),
            (_, None) => stayed.next(),
        })
    }

    /// A user's place, and its rank, from 1.
    pub fn rank(&self, user: &UserId) -> Option<(u32, Place)> {
        let seat = *self.seat_of.get(user)?;
        let place = self.places[seat as usize];
        let (key, order) = (place.key(seat), in_order(&self.places));
        let before = |other: &Key| usize::from(order(other, &key).is_lt());
        let gone: usize = self.moved.iter().filter_map(|moved| moved.was.as_ref()).map(before).sum();
        let come: usize = self.moved.iter().map(|moved| before(&moved.is)).sum();
        let before = self.order.before(&key, &order) + come - gone;
        Some((before as u32 + 1, place))
    }

    /// The places from the first on.
    pub fn places(&self) -> impl Iterator<Item = &Place> {
        self.keys().map(|key| &self.places[key.seat as usize])
    }

    /// How many users are listed.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether nobody is.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Whether nobody fell off its end.
    pub fn is_complete(&self) -> bool {
        self.unlisted == 0
    }

    /// What was given in all.
    pub fn total(&self) -> i64 {
        self.places.iter().map(Place::score).sum::<i64>() + self.unlisted
    }
}

/// Equal however it came about.
impl PartialEq for Board {
    fn eq(&self, other: &Self) -> bool {
        (self.len(), self.touched, self.unlisted) == (other.len(), other.touched, other.unlisted)
            && self.places().eq(other.places())
    }
}

impl Eq for Board {}

/// Written as its places, in order: the rest follows from them.
#[derive(Serialize, Deserialize)]
struct Written<O> {
    order: O,
    touched: Option<Time>,
    unlisted: i64,
}

impl Serialize for Board {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let order: Vec<&Place> = self.places().collect();
        Written { order, touched: self.touched, unlisted: self.unlisted }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Board {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Written { order: places, touched, unlisted } = Written::<Vec<Place>>::deserialize(deserializer)?;
        if !places.is_sorted_by(|a, b| a < b) {
            return Err(de::Error::custom("the places of a board are not in order"));
        }
        let keys: Vec<Key> = (0..).zip(&places).map(|(seat, place)| place.key(seat)).collect();
        let order = Ranking::of_sorted(&keys);
        let seat_of = (0..).zip(&places).map(|(seat, place)| (place.user, seat)).collect();
        let (moved, moved_at) = (Vec::new(), vec![STAYED; places.len()]);
        Ok(Self { places, seat_of, order, moved, moved_at, touched, unlisted })
    }
}

impl std::fmt::Debug for Board {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Board").field("users", &self.len()).field("touched", &self.touched).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn user(n: u32) -> UserId {
        UserId::parse(&format!("u{n}")).unwrap()
    }

    fn add(board: &mut Board, user_n: u32, coins: i64, at_ms: i64) {
        add_to(board, user_n, coins, at_ms, Size { users_max: 40, ..Board::SIZE });
    }

    /// The hint is right now and then.
    fn add_to(board: &mut Board, user_n: u32, coins: i64, at_ms: i64, size: Size) {
        board.add_to(user(user_n), Coins::new(coins).unwrap(), Time::from_ms(at_ms), size, &mut (user_n % 7));
    }

    #[test]
    fn who_comes_first() {
        type Gifts<'a> = &'a [(u32, i64, i64)];
        let rows: [(&str, Gifts<'_>, &[u32]); 5] = [
            ("more coins", &[(1, 5, 1), (2, 6, 2), (3, 7, 3)], &[3, 2, 1]),
            ("as many, but earlier", &[(1, 5, 9), (2, 5, 3), (3, 5, 6)], &[2, 3, 1]),
            ("as many at once: by id", &[(3, 5, 1), (1, 5, 1), (2, 5, 1)], &[1, 2, 3]),
            ("sums count", &[(1, 5, 1), (2, 4, 2), (2, 4, 3)], &[2, 1]),
            ("the last gift reached the score", &[(1, 5, 1), (2, 8, 2), (1, 3, 3)], &[2, 1]),
        ];
        for (case, gifts, want) in rows {
            let mut board = Board::default();
            gifts.iter().for_each(|(n, coins, at)| add(&mut board, *n, *coins, *at));
            let users: Vec<_> = board.places().map(Place::user).collect();
            assert_eq!(users, want.iter().map(|n| user(*n)).collect::<Vec<_>>(), "{case}");
            for (before, user) in users.iter().enumerate() {
                assert_eq!(board.rank(user).map(|(rank, _)| rank as usize), Some(before + 1), "{case}");
            }
            assert_eq!(board.rank(&user(99)), None, "{case}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

        /// The oracle is a plain list, sorted whenever it is asked. Both are bounded: 40 users.
        #[test]
        fn a_board_is_a_sorted_list(
            gifts in prop::collection::vec((0..80u32, 1..6i64, 0..3i64), 1..300), moved_max in 1..20usize, anew in 1..8usize,
        ) {
            let size = Size { users_max: 40, moved_max, anew };
            let mut board = Board::default();
            let mut oracle: Vec<(Reverse<i64>, i64, UserId)> = Vec::new();
            let (mut now, mut given) = (0, 0);
            for (n, coins, passed) in gifts {
                now += passed;
                given += coins;
                add_to(&mut board, n, coins, now, size);
                match oracle.iter_mut().find(|(_, _, who)| *who == user(n)) {
                    Some((score, reached, _)) => (score.0, *reached) = (score.0 + coins, now),
                    None => oracle.push((Reverse(coins), now, user(n))),
                }
                oracle.sort();
                oracle.truncate(40);
                let places: Vec<_> = board.places().map(|p| (p.score, p.reached.ms(), p.user)).collect();
                prop_assert_eq!(&places, &oracle);
                for (before, (score, reached, who)) in oracle.iter().enumerate() {
                    let place = Place { score: *score, reached: Time::from_ms(*reached), user: *who };
                    prop_assert_eq!(board.rank(who), Some((before as u32 + 1, place)));
                }
                prop_assert_eq!(board.total(), given);
            }
            let written = postcard::to_stdvec(&board).unwrap();
            prop_assert!(postcard::from_bytes::<Board>(&written).unwrap() == board);
        }
    }
}
