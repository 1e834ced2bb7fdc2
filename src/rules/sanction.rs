//! What a host does about somebody who spoils the room: mute, ban.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Time, UserId};

/// What somebody must not do for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sanction {
    /// Say anything.
    Mute,
    /// Be in the room.
    Ban,
}

impl Sanction {
    /// Both of them.
    pub const ALL: [Self; 2] = [Self::Mute, Self::Ban];
    /// The longest, ms: ten years.
    pub const MS_MAX: u64 = 3_650 * 86_400_000;

    /// The sanction's word, as every interface spells it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Mute => "mute",
            Self::Ban => "ban",
        }
    }
}

/// The sanctions of a room.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Sanctions(BTreeMap<(UserId, Sanction), Time>);

impl Sanctions {
    /// Most of them in one room, those that are over not counted.
    pub const MAX: usize = 10_000;

    /// Until when; `None` if there is none at `now`.
    pub fn until(&self, user: UserId, sanction: Sanction, now: Time) -> Option<Time> {
        self.0.get(&(user, sanction)).copied().filter(|until| *until > now)
    }

    /// Whether there can be one more at `now`.
    pub fn has_room(&self, now: Time) -> bool {
        self.0.len() < Self::MAX || self.0.values().filter(|until| **until > now).count() < Self::MAX
    }

    /// Puts a sanction into effect, in the place of the one before. Those that are over at `now` are forgotten when there are many.
    pub fn impose(&mut self, user: UserId, sanction: Sanction, until: Time, now: Time) {
        if self.0.len() >= Self::MAX {
            self.0.retain(|_, until| *until > now);
        }
        self.0.insert((user, sanction), until);
    }

    /// Takes a sanction back; says whether there was one.
    pub fn lift(&mut self, user: UserId, sanction: Sanction) -> bool {
        self.0.remove(&(user, sanction)).is_some()
    }

    /// Those in effect at `now`, in the order of users.
    pub fn at(&self, now: Time) -> impl Iterator<Item = (UserId, Sanction, Time)> {
        let all = self.0.iter().map(|((user, sanction), until)| (*user, *sanction, *until));
        all.filter(move |(_, _, until)| *until > now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_end_by_time_or_by_hand() {
        let user = |name: &str| UserId::parse(name).unwrap();
        let at = Time::from_ms;
        let mut sanctions = Sanctions::default();
        sanctions.impose(user("a"), Sanction::Mute, at(100), at(0));
        sanctions.impose(user("a"), Sanction::Ban, at(200), at(0));
        sanctions.impose(user("b"), Sanction::Mute, at(300), at(0));
        sanctions.impose(user("b"), Sanction::Mute, at(50), at(0));
        let words =
            |now| sanctions.at(at(now)).map(|(user, what, _)| format!("{user} {}", what.word())).collect::<Vec<_>>();
        assert_eq!(words(49), ["a mute", "a ban", "b mute"]);
        assert_eq!(words(50), ["a mute", "a ban"], "the later one counts, and its end is no part of it");
        assert_eq!(words(200), Vec::<String>::new());
        assert_eq!(sanctions.until(user("a"), Sanction::Mute, at(99)), Some(at(100)));
        assert!(sanctions.lift(user("a"), Sanction::Mute) && !sanctions.lift(user("a"), Sanction::Mute));
    }

    #[test]
    fn what_is_over_makes_room() {
        let user = |n: usize| UserId::parse(&format!("u{n}")).unwrap();
        let mut sanctions = Sanctions::default();
        for n in 0..Sanctions::MAX {
            assert!(sanctions.has_room(Time::from_ms(0)));
            sanctions.impose(user(n), Sanction::Mute, Time::from_ms(10), Time::from_ms(0));
        }
        assert!(!sanctions.has_room(Time::from_ms(9)) && sanctions.has_room(Time::from_ms(10)));
        sanctions.impose(user(0), Sanction::Ban, Time::from_ms(99), Time::from_ms(10));
        assert_eq!(sanctions.at(Time::from_ms(10)).count(), 1);
    }
}
