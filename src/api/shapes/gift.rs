//! Gifts, boards, fan clubs.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::Problem;
use crate::rules::{Catalogue, Coins, DailyCap, FanClubSettings, Gift, GiftId, MoneyError, Place, Span};
use crate::store::{BoardView, FanClubView, FanView};

/// All gifts that may be sent from now on.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct NewCatalogue {
    /// The version that is replaced, 0 at first: whoever has changed it since is not overwritten.
    pub based_on: u32,
    /// At most 500.
    pub gifts: Vec<GiftShape>,
}

/// A gift.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct GiftShape {
    /// Its number.
    pub gift: u32,
    /// 1 to 60 bytes.
    pub title: String,
    /// What one costs: at least 1.
    pub price_coins: i64,
    /// How much of the screen it takes, 0 to 9.
    #[serde(default)]
    pub effect: u8,
    /// Whether sending it makes its sender a fan.
    #[serde(default)]
    pub joins_fan_club: bool,
}

/// What may be sent.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct CatalogueShape {
    /// How often it was set.
    pub version: u32,
    /// By number.
    pub gifts: Vec<GiftShape>,
}

/// What a board covers.
#[derive(Debug, Clone, Copy, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::api) enum SpanShape {
    /// One broadcast.
    Broadcast,
    /// One day of the room's time zone.
    Day,
    /// One week of the room's time zone, from Monday.
    Week,
}

/// Which board, and how much of it.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct WhichBoard {
    /// How many places, 0 to 1,000; 100 if not named.
    pub top: Option<u32>,
    /// How many broadcasts, days or weeks ago, 0 to 100; the present one if not named.
    pub back: Option<u32>,
    /// Whose own place is shown, too.
    pub user: Option<String>,
}

/// Who has given how much.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct BoardShape {
    /// What it covers: broadcast, day, week.
    pub span: &'static str,
    /// The broadcast's number, or the days or weeks since 1970.
    pub number: i64,
    /// The first places: by coins, then by who had them first, then by name.
    pub places: Vec<PlaceShape>,
    /// How many users are on it.
    pub users: u32,
    /// The place of the user who was asked for, if on it.
    pub own: Option<PlaceShape>,
}

/// A place on a board.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct PlaceShape {
    /// From 1.
    pub rank: u32,
    /// Whose.
    pub user: String,
    /// Coins given.
    pub coins: i64,
    /// When the user had given so many.
    pub reached_ms: i64,
}

/// What gifts have brought a room.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct EarningsShape {
    /// The room.
    pub room: String,
    /// In all.
    pub coins: i64,
}

/// How a fan club is run from now on. What is not named is as in a room that was never set.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(in crate::api) struct NewFanClub {
    /// What it is called: up to 30 bytes.
    pub title: String,
    /// Whether anybody may join by asking.
    pub free: bool,
    /// Seconds watched.
    pub watching: CapShape,
    /// Coins sent.
    pub gifts: CapShape,
    /// Points at which levels 2, 3, … begin: rising, at most 50.
    pub levels: Vec<u64>,
}

/// How a source of intimacy counts.
#[derive(Debug, Clone, Copy, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct CapShape {
    /// So many seconds or coins make a point.
    pub units_per_point: u32,
    /// Points of one day at most; 0: the source does not count.
    pub points_max: u32,
}

/// How a fan club is run.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct FanClubShape {
    /// What it is called.
    pub title: String,
    /// Whether anybody may join by asking.
    pub free: bool,
    /// Seconds watched.
    pub watching: CapShape,
    /// Coins sent.
    pub gifts: CapShape,
    /// Points at which levels 2, 3, … begin.
    pub levels: Vec<u64>,
    /// How many fans there are.
    pub fans: u32,
}

/// A fan.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct FanShape {
    /// Who.
    pub user: String,
    /// Since when.
    pub since_ms: i64,
    /// Intimacy.
    pub points: u64,
    /// The level that it is, from 1.
    pub level: u32,
    /// The points of the next level; absent at the top.
    pub next_level_points: Option<u64>,
}

impl NewCatalogue {
    /// The version that is replaced, and the gifts.
    pub(in crate::api) fn gifts(self) -> Result<(u32, Vec<Gift>), Problem> {
        // The store would say so too, but a list of any length must not come as far.
        if self.gifts.len() > Catalogue::GIFTS_MAX {
            return Err(Problem::invalid("a catalogue has at most 500 gifts"));
        }
        let gift = |GiftShape { gift, title, price_coins, effect, joins_fan_club }| {
            let price = Coins::positive(price_coins).map_err(|why| match why {
                MoneyError::NotPositive => Problem::invalid("price_coins must be 1 at least"),
                MoneyError::TooLarge => Problem::invalid(format!("price_coins {why}")),
            })?;
            Ok(Gift { id: GiftId(gift), title, price, effect, joins_fan_club })
        };
        Ok((self.based_on, self.gifts.into_iter().map(gift).collect::<Result<_, Problem>>()?))
    }
}

impl From<&Catalogue> for CatalogueShape {
    fn from(catalogue: &Catalogue) -> Self {
        let gift = |gift: &Gift| GiftShape {
            gift: gift.id.0,
            title: gift.title.clone(),
            price_coins: gift.price.get(),
            effect: gift.effect,
            joins_fan_club: gift.joins_fan_club,
        };
        Self { version: catalogue.version, gifts: catalogue.gifts().iter().map(gift).collect() }
    }
}

impl From<SpanShape> for Span {
    fn from(span: SpanShape) -> Self {
        match span {
            SpanShape::Broadcast => Self::Broadcast,
            SpanShape::Day => Self::Day,
            SpanShape::Week => Self::Week,
        }
    }
}

impl WhichBoard {
    /// How many places, and how far back.
    pub(in crate::api) fn bounded(&self) -> Result<(u32, u32), Problem> {
        let (top, back) = (self.top.unwrap_or(100), self.back.unwrap_or(0));
        if top > 1_000 || back > 100 {
            return Err(Problem::invalid("top must be at most 1,000, back at most 100"));
        }
        Ok((top, back))
    }
}

impl From<&BoardView> for BoardShape {
    fn from(board: &BoardView) -> Self {
        let place = |rank: u32, place: &Place| PlaceShape {
            rank,
            user: place.user().to_string(),
            coins: place.score(),
            reached_ms: place.reached().ms(),
        };
        Self {
            span: board.id.span.word(),
            number: board.id.number,
            places: (1..).zip(&board.places).map(|(rank, of)| place(rank, of)).collect(),
            users: board.users,
            own: board.own.as_ref().map(|(rank, of)| place(*rank, of)),
        }
    }
}

impl Default for NewFanClub {
    fn default() -> Self {
        let FanClubSettings { title, free, watching, gifts, levels } = FanClubSettings::default();
        let [watching, gifts] = [watching, gifts].map(Into::into);
        Self { title, free, watching, gifts, levels }
    }
}

impl From<NewFanClub> for FanClubSettings {
    fn from(new: NewFanClub) -> Self {
        let NewFanClub { title, free, watching, gifts, levels } = new;
        let [watching, gifts] = [watching, gifts].map(Into::into);
        Self { title, free, watching, gifts, levels }
    }
}

impl From<CapShape> for DailyCap {
    fn from(CapShape { units_per_point, points_max }: CapShape) -> Self {
        Self { units_per_point, points_max }
    }
}

impl From<DailyCap> for CapShape {
    fn from(DailyCap { units_per_point, points_max }: DailyCap) -> Self {
        Self { units_per_point, points_max }
    }
}

impl From<&FanClubView> for FanClubShape {
    fn from(club: &FanClubView) -> Self {
        let FanClubSettings { title, free, watching, gifts, levels } = club.settings.clone();
        let [watching, gifts] = [watching, gifts].map(Into::into);
        Self { title, free, watching, gifts, levels, fans: club.fans }
    }
}

impl FanShape {
    pub(in crate::api) fn of(user: String, fan: &FanView) -> Self {
        let FanView { since, points, level, next_level_points } = *fan;
        Self { user, since_ms: since.ms(), points, level, next_level_points }
    }
}
