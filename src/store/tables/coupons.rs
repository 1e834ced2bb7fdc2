//! Coupons that are good in every room.
//!
//! A template of scope platform belongs to the room through which it was made: there its coupons are given, there it expires. But
//! the coupons are in one book, so that an order in any room reserves them in the one decision that reserves its stock.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Tables;
use crate::rules::{CouponBook, RoomId, Series, TemplateId, Time};

/// The platform's coupons.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct PlatformCoupons {
    pub(super) book: CouponBook,
    /// Through which room a template was made.
    pub(super) homes: BTreeMap<TemplateId, RoomId>,
}

/// Which of the two books that count in a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Book {
    Rooms,
    Platforms,
}

impl PlatformCoupons {
    /// The templates that were made through a room.
    pub(super) fn of(&self, room: &RoomId) -> impl Iterator<Item = (TemplateId, &Series)> {
        self.book.series().filter(move |(id, _)| self.homes.get(id) == Some(room))
    }

    /// What timers wait for here.
    pub(super) fn due(&self, keep_ms: u64) -> impl Iterator<Item = (Time, RoomId, TemplateId)> {
        self.book.series().filter_map(move |(id, series)| Some((series.deadline(keep_ms)?, *self.homes.get(&id)?, id)))
    }
}

impl Tables {
    /// The platform's templates with their coupons, each with the room through which it was made.
    pub fn platform_coupons(&self) -> impl Iterator<Item = (RoomId, TemplateId, &Series)> {
        let all = self.platform_coupons.book.series();
        all.filter_map(|(id, series)| Some((*self.platform_coupons.homes.get(&id)?, id, series)))
    }

    /// The book of the platform's coupons.
    pub fn platform_book(&self) -> &CouponBook {
        &self.platform_coupons.book
    }

    /// In which book a template is that was made through a room.
    pub(super) fn book_of(&self, room: &RoomId, template: TemplateId) -> Book {
        if self.platform_coupons.homes.get(&template) == Some(room) { Book::Platforms } else { Book::Rooms }
    }

    /// A template that was made through a room, with its coupons.
    pub(super) fn series_in(&self, room: &RoomId, template: TemplateId) -> Option<&Series> {
        match self.book_of(room, template) {
            Book::Rooms => self.rooms.get(room)?.coupons.get(template),
            Book::Platforms => self.platform_coupons.book.get(template),
        }
    }
}
