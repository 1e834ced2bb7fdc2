//! Draws, as analytics receives them.

use serde::ser::{Serialize, SerializeMap, Serializer};

use super::line::caused;
use crate::rules::DrawWinner;
use crate::store::{Arms, DrawEvent};

pub(super) const fn kind(what: &DrawEvent) -> &'static str {
    match what {
        DrawEvent::Entered { .. } => "entered",
        DrawEvent::Drawn { .. } => "drawn",
        DrawEvent::Kept { .. } => "prize_kept",
        DrawEvent::Passed { .. } => "prize_passed",
    }
}

pub(super) fn rest<M: SerializeMap>(line: &mut M, what: &DrawEvent, arms: &Arms) -> Result<(), M::Error> {
    match what {
        DrawEvent::Entered { user, leaf, cause } => {
            line.serialize_entry("user", user)?;
            caused(line, cause)?;
            line.serialize_entry("leaf", leaf)
        }
        DrawEvent::Drawn { beacon, winners, cause } => {
            caused(line, cause)?;
            line.serialize_entry("round", &beacon.as_ref().map(|beacon| beacon.round))?;
            line.serialize_entry("winners", &Winners(winners, arms))
        }
        DrawEvent::Kept { user, rank, cause } => {
            line.serialize_entry("user", user)?;
            caused(line, cause)?;
            line.serialize_entry("rank", rank)
        }
        DrawEvent::Passed { user, rank, next, cause } => {
            line.serialize_entry("user", user)?;
            caused(line, cause)?;
            line.serialize_entry("rank", rank)?;
            line.serialize_entry("next", &next.as_ref().map(|next| One(next, arms, 1)))
        }
    }
}

struct Winners<'a>(&'a [DrawWinner], &'a Arms);

impl Serialize for Winners<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().enumerate().map(|(place, winner)| One(winner, self.1, place)))
    }
}

/// A winner, with the arms of the event's user at a place.
struct One<'a>(&'a DrawWinner, &'a Arms, usize);

impl Serialize for One<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let DrawWinner { rank, leaf, user, prize, cash, held_until } = self.0;
        let mut one = serializer.serialize_map(None)?;
        one.serialize_entry("rank", rank)?;
        one.serialize_entry("leaf", leaf)?;
        one.serialize_entry("user", user)?;
        one.serialize_entry("prize", prize)?;
        one.serialize_entry("cash_fen", cash)?;
        if let Some(until) = held_until {
            one.serialize_entry("held_until_ms", until)?;
        }
        if !self.1.is_none() {
            one.serialize_entry("arms", &self.1.at(self.2))?;
        }
        one.end()
    }
}
