//! Gifts: what there is to send, and what a run of them adds up to.

mod board;
mod boards;
mod combo;
mod fan_club;
mod ranking;

use serde::{Deserialize, Serialize};

use super::{Coins, GiftId, NotDone, NotDoneCode};

pub use board::{Board, Place};
pub use boards::{BoardId, Boards, Seats, Span};
pub use combo::Combo;
pub use fan_club::{DailyCap, Fan, FanClub, FanClubError, FanClubSettings, FanGain, FanSource};

/// Something that viewers send to a host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gift {
    /// The operator's number for it.
    pub id: GiftId,
    /// What viewers read: 1 to 60 bytes.
    pub title: String,
    /// What one costs.
    pub price: Coins,
    /// How much of the screen it takes, 0 to 9: for clients.
    pub effect: u8,
    /// Whether sending it makes its sender a fan.
    pub joins_fan_club: bool,
}

/// Everything that may be sent, in every room. It changes as a whole, and each change is numbered.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Catalogue {
    /// How often it was set.
    pub version: u32,
    /// The gifts, by id.
    gifts: Vec<Gift>,
}

/// Why a catalogue is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CatalogueError {
    /// More than fit.
    #[error("a catalogue has at most {} gifts", Catalogue::GIFTS_MAX)]
    TooMany,
    /// Two under one number.
    #[error("gift {0} is there twice")]
    Twice(GiftId),
    /// No title, or one that is too long.
    #[error("the title of gift {0} must have 1 to {max} bytes", max = Gift::TITLE_BYTES_MAX)]
    Title(GiftId),
    /// Given away.
    #[error("gift {0} must cost 1 coin at least")]
    Price(GiftId),
    /// More than the whole screen.
    #[error("the effect of gift {0} must be 0 to {max}", max = Gift::EFFECT_MAX)]
    Effect(GiftId),
}

impl Gift {
    /// The longest title, bytes.
    pub const TITLE_BYTES_MAX: usize = 60;
    /// The largest effect.
    pub const EFFECT_MAX: u8 = 9;
    /// As many may be sent at once.
    pub const COUNT_MAX: u32 = 9_999;

    /// What `count` of them cost.
    ///
    /// # Errors
    /// `invalid`: no such number may be sent at once, or they cost more than money can say.
    pub fn cost(&self, count: u32) -> Result<Coins, NotDone> {
        if !(1..=Self::COUNT_MAX).contains(&count) {
            return Err(NotDoneCode::Invalid.because("count must be 1 to 9,999"));
        }
        self.price.times(count).map_err(|_| NotDoneCode::Invalid.because("they cost more than 10^13 coins"))
    }

    fn check(&self) -> Result<(), CatalogueError> {
        if !(1..=Self::TITLE_BYTES_MAX).contains(&self.title.len()) {
            return Err(CatalogueError::Title(self.id));
        }
        if self.price == Coins::ZERO {
            return Err(CatalogueError::Price(self.id));
        }
        if self.effect > Self::EFFECT_MAX { Err(CatalogueError::Effect(self.id)) } else { Ok(()) }
    }
}

impl Catalogue {
    /// As many gifts may there be.
    pub const GIFTS_MAX: usize = 500;

    /// The next version, with these gifts instead.
    ///
    /// # Errors
    /// [`CatalogueError`]: the first thing that is wrong.
    pub fn replaced(&self, gifts: &[Gift]) -> Result<Self, CatalogueError> {
        if gifts.len() > Self::GIFTS_MAX {
            return Err(CatalogueError::TooMany);
        }
        gifts.iter().try_for_each(Gift::check)?;
        let mut gifts = gifts.to_vec();
        gifts.sort_by_key(|gift| gift.id);
        match gifts.windows(2).find(|pair| pair[0].id == pair[1].id) {
            Some(pair) => Err(CatalogueError::Twice(pair[0].id)),
            None => Ok(Self { version: self.version + 1, gifts }),
        }
    }

    /// A gift.
    pub fn get(&self, id: GiftId) -> Option<&Gift> {
        let place = self.gifts.binary_search_by_key(&id, |gift| gift.id).ok()?;
        Some(&self.gifts[place])
    }

    /// All of them, by id.
    pub fn gifts(&self) -> &[Gift] {
        &self.gifts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gift(id: u32, price: i64) -> Gift {
        let price = Coins::new(price).unwrap();
        Gift { id: GiftId(id), title: "rose".to_owned(), price, effect: 0, joins_fan_club: false }
    }

    #[test]
    fn what_a_catalogue_may_hold() {
        use CatalogueError::*;
        let (one, id) = (gift(1, 5), GiftId(1));
        let titled = |title: &str| Gift { title: title.to_owned(), ..one.clone() };
        let rows: [(&str, Vec<Gift>, Result<usize, CatalogueError>); 9] = [
            ("nothing is sent here", vec![], Ok(0)),
            ("any order", vec![gift(9, 1), gift(2, 1)], Ok(2)),
            ("the largest", (0..500).map(|id| gift(id, 1)).collect(), Ok(500)),
            ("one more", (0..501).map(|id| gift(id, 1)).collect(), Err(TooMany)),
            ("one number twice", vec![gift(1, 5), gift(2, 5), gift(1, 6)], Err(Twice(id))),
            ("free", vec![gift(1, 0)], Err(Price(id))),
            ("no title", vec![titled("")], Err(Title(id))),
            ("a long title", vec![titled(&"火".repeat(21))], Err(Title(id))),
            ("too grand", vec![Gift { effect: 10, ..one.clone() }], Err(Effect(id))),
        ];
        for (case, gifts, want) in rows {
            let got = Catalogue::default().replaced(&gifts);
            assert_eq!(got.as_ref().map(|it| it.gifts().len()), want.as_ref().map(|n| *n), "{case}");
            if let Ok(catalogue) = got {
                assert!(gifts.iter().all(|gift| catalogue.get(gift.id) == Some(gift)), "{case}");
                assert_eq!((catalogue.version, catalogue.get(GiftId(1_000))), (1, None), "{case}");
            }
        }
    }

    #[test]
    fn what_gifts_cost() {
        let max = Coins::MAX.get();
        for (price, count, want) in [
            (1, 1, Some(1)),
            (52, 9_999, Some(519_948)),
            (5, 0, None),
            (5, 10_000, None),
            (5, u32::MAX, None),
            (max, 1, Some(max)),
            (max, 2, None),
            (max / 9_999, 9_999, Some(max / 9_999 * 9_999)),
            (max / 9_999 + 1, 9_999, None),
        ] {
            assert_eq!(gift(1, price).cost(count).ok().map(Coins::get), want, "{price} × {count}");
        }
    }
}
