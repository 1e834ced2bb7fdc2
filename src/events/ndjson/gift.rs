//! Lines about gifts and fan clubs.

use serde::Serialize;
use serde::ser::SerializeMap;

use super::line::{asked, caused};
use crate::rules::Gift;
use crate::store::{Cause, GiftEvent};

pub(super) const fn kind(what: &GiftEvent) -> &'static str {
    match what {
        GiftEvent::Sent { .. } => "gift_sent",
        GiftEvent::ComboClosed { .. } => "combo_closed",
        GiftEvent::FanClubSet { .. } => "fan_club_set",
        GiftEvent::FanJoined { .. } => "fan_joined",
        GiftEvent::FanLeft { .. } => "fan_left",
    }
}

pub(super) fn rest<M: SerializeMap>(line: &mut M, what: &GiftEvent) -> Result<(), M::Error> {
    match what {
        GiftEvent::Sent { user, request, gift, count, coins, combo, total, broadcast, fan, .. } => {
            asked(line, user, *request)?;
            line.serialize_entry("gift", gift)?;
            line.serialize_entry("count", count)?;
            line.serialize_entry("coins", coins)?;
            line.serialize_entry("combo", combo)?;
            line.serialize_entry("total", total)?;
            line.serialize_entry("broadcast", broadcast)?;
            let Some(gain) = fan else { return Ok(()) };
            line.serialize_entry("fan_points", &gain.points)?;
            line.serialize_entry("fan_level", &gain.level)?;
            line.serialize_entry("fan_joined", &gain.joins)
        }
        GiftEvent::ComboClosed { combo, user, gift, total, coins } => {
            line.serialize_entry("user", user)?;
            line.serialize_entry("combo", combo)?;
            line.serialize_entry("gift", gift)?;
            line.serialize_entry("total", total)?;
            line.serialize_entry("coins", coins)
        }
        GiftEvent::FanClubSet { settings, cause } => {
            caused(line, cause)?;
            line.serialize_entry("settings", settings)
        }
        GiftEvent::FanJoined { user, cause } | GiftEvent::FanLeft { user, cause } => {
            line.serialize_entry("user", user)?;
            caused(line, cause)
        }
    }
}

pub(super) fn catalogue<M: SerializeMap>(
    line: &mut M, version: u32, gifts: &[Gift], cause: &Cause,
) -> Result<(), M::Error> {
    #[derive(Serialize)]
    struct One<'a> {
        gift: u32,
        title: &'a str,
        price_coins: i64,
        effect: u8,
        joins_fan_club: bool,
    }
    fn one(Gift { id, title, price, effect, joins_fan_club }: &Gift) -> One<'_> {
        One { gift: id.0, title, price_coins: price.get(), effect: *effect, joins_fan_club: *joins_fan_club }
    }
    let gifts: Vec<_> = gifts.iter().map(one).collect();
    caused(line, cause)?;
    line.serialize_entry("version", &version)?;
    line.serialize_entry("gifts", &gifts)
}
