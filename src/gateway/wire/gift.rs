//! Gifts, boards, the fan club.

use liveroom_protocol::wire::{self, answer, server_frame};

use super::frame;
use crate::fanout::{ClosedCombo, GiftRun};
use crate::rules::{Catalogue, Place, Span};
use crate::store::{BoardView, FanClubView, FanView, GiftAnswer, GiftReply};

/// A fan who has joined or risen is told.
pub(in crate::gateway) fn own_fan(fan: &FanView) -> wire::ServerFrame {
    frame(server_frame::Body::Fan(self::fan(fan)))
}

pub(super) fn answer(answer: &GiftAnswer) -> answer::Outcome {
    match answer {
        GiftAnswer::Sent { combo, total, balance } => {
            answer::Outcome::GiftSent(wire::GiftSent { combo: combo.0, total: *total, balance_coins: *balance })
        }
        GiftAnswer::Joined | GiftAnswer::Left | GiftAnswer::FanClubSet | GiftAnswer::CatalogueSet { .. } => {
            answer::Outcome::Done(wire::Done {})
        }
    }
}

pub(super) fn reply(reply: &GiftReply) -> answer::Outcome {
    match reply {
        GiftReply::Catalogue(catalogue) => answer::Outcome::Catalogue(self::catalogue(catalogue)),
        GiftReply::Board(board) => answer::Outcome::Board(self::board(board)),
        GiftReply::FanClub(club) => answer::Outcome::FanClub(fan_club(club)),
    }
}

pub(super) fn run(run: &GiftRun) -> wire::GiftRun {
    wire::GiftRun {
        combo: run.combo.0,
        user: run.user.to_string(),
        gift: run.gift.0,
        count: run.count,
        total: run.total,
        coins: run.coins,
    }
}

pub(super) fn closed(closed: &ClosedCombo) -> wire::ComboClosed {
    wire::ComboClosed {
        combo: closed.combo.0,
        user: closed.user.to_string(),
        gift: closed.gift.0,
        total: closed.total,
        coins: closed.coins,
    }
}

pub(super) fn board(board: &BoardView) -> wire::Board {
    let span = match board.id.span {
        Span::Broadcast => wire::BoardSpan::Broadcast,
        Span::Day => wire::BoardSpan::Day,
        Span::Week => wire::BoardSpan::Week,
    };
    let place = |rank: u32, place: &Place| wire::BoardPlace {
        rank,
        user: place.user().to_string(),
        coins: place.score(),
        reached_ms: place.reached().ms(),
    };
    wire::Board {
        span: span.into(),
        number: board.id.number,
        places: (1..).zip(&board.places).map(|(rank, of)| place(rank, of)).collect(),
        users: board.users,
        own: board.own.as_ref().map(|(rank, of)| place(*rank, of)),
    }
}

fn catalogue(catalogue: &Catalogue) -> wire::Catalogue {
    let gifts = catalogue.gifts().iter().map(|gift| wire::Gift {
        gift: gift.id.0,
        title: gift.title.clone(),
        price_coins: gift.price.get(),
        effect: u32::from(gift.effect),
        joins_fan_club: gift.joins_fan_club,
    });
    wire::Catalogue { version: catalogue.version, gifts: gifts.collect() }
}

fn fan_club(club: &FanClubView) -> wire::FanClub {
    wire::FanClub {
        title: club.settings.title.clone(),
        free: club.settings.free,
        fans: club.fans,
        levels: club.settings.levels.clone(),
        own: club.own.as_ref().map(fan),
    }
}

fn fan(fan: &FanView) -> wire::Fan {
    wire::Fan { points: fan.points, level: fan.level, since_ms: fan.since.ms() }
}
