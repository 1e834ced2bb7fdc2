//! Coupons issued, expired, and gone with their templates.

use super::Fits;
use crate::rules::{ActivityId, Amendment, CouponBook, CouponId, RoomId, Scope, TemplateId, UserId};
use crate::store::tables::coupons::Book;
use crate::store::tables::receipts::Kept;
use crate::store::tables::{Answer, Tables};
use crate::store::{CouponEvent, Recorded};

impl Tables {
    pub(super) fn coupon(&mut self, recorded: &Recorded, room: &RoomId, what: &CouponEvent) -> Fits<Answer> {
        let (no, at) = (recorded.no, recorded.at);
        match what {
            CouponEvent::TemplateAdded { template, terms, cause } => {
                let (id, terms) = (*template, terms.as_ref().clone());
                if terms.scope == Scope::Platform && self.platform_coupons.homes.insert(id, *room).is_some() {
                    return Err("the template exists");
                }
                self.in_book(self.book_of(room, id), room, &[id], |book| {
                    if book.get(id).is_some() {
                        return Err("the template exists");
                    }
                    book.add(id, terms);
                    Ok(())
                })?;
                self.keep(room, cause, Kept::CouponTemplateAdded)
            }
            CouponEvent::ReductionAdded { name, reduction, cause } => {
                let book = &mut self.rooms.get_mut(room).ok_or("no such room")?.coupons;
                book.reduce(*name, reduction.as_ref().clone(), at);
                self.keep(room, cause, Kept::ReductionAdded)
            }
            CouponEvent::Issued { template, user, cause } => {
                let id = *template;
                self.in_book(self.book_of(room, id), room, &[id], |book| {
                    if book.get(id).is_none_or(|series| series.pool.free == 0) {
                        return Err("no coupon is left");
                    }
                    book.issue(id, *user, None, CouponId(no), at);
                    Ok(())
                })?;
                self.keep(room, cause, Kept::CouponIssued(CouponId(no)))
            }
            CouponEvent::Ordered { activity, order, cause, .. } => {
                self.hold(recorded)?;
                self.keep(room, cause, Kept::Reserved(*activity, *order))
            }
            CouponEvent::Expired { template, count } => {
                let book = self.book_of(room, *template);
                self.in_book(book, room, &[*template], |book| book.expire(*template, *count, at))?;
                Ok(Answer::Idle)
            }
            CouponEvent::Archived { template } => {
                self.archive_coupons(room, *template)?;
                Ok(Answer::Idle)
            }
        }
    }

    /// Issues the coupon that a claim was given, if its activity was funded with coupons of that name.
    pub(super) fn issue_won(
        &mut self, recorded: &Recorded, room: &RoomId, activity: ActivityId, user: UserId, prize: &str,
    ) -> Fits {
        let Ok(template) = TemplateId::parse(prize) else { return Ok(()) };
        let book = self.book_of(room, template);
        if self.book(book, room)?.allotted(activity, template) == 0 {
            return Ok(());
        }
        self.in_book(book, room, &[template], |book| {
            book.issue(template, user, Some(activity), CouponId(recorded.no), recorded.at);
            Ok(())
        })
    }

    /// Sets the coupons apart that an activity is to give.
    pub(super) fn allot_coupons(&mut self, no: u64, id: ActivityId) -> Fits {
        let activity = self.activities.get(&id).ok_or("no such activity")?;
        let room = activity.room;
        let found = self.allotments(&room, &activity.plan.coupons());
        found.into_iter().try_for_each(|(template, count)| self.allot(no, &room, id, template, count))
    }

    /// Sets the coupons apart that an amendment adds.
    pub(super) fn allot_more(&mut self, no: u64, room: &RoomId, id: ActivityId, amendment: &Amendment) -> Fits {
        let plan = &self.activities.get(&id).ok_or("no such activity")?.plan;
        let found = self.allotments(room, &plan.added_coupons(amendment));
        found.into_iter().try_for_each(|(template, count)| self.allot(no, room, id, template, count))
    }

    /// An activity has ended: what it did not give is free again.
    pub(super) fn take_coupons_back(&mut self, id: ActivityId) -> Fits {
        let room = self.activities.get(&id).ok_or("no such activity")?.room;
        for book in [Book::Rooms, Book::Platforms] {
            let templates: Vec<_> = self.book(book, &room)?.allotted_to(id).collect();
            if !templates.is_empty() {
                self.in_book(book, &room, &templates, |book| {
                    book.take_back(id);
                    Ok(())
                })?;
            }
        }
        Ok(())
    }

    fn allot(&mut self, no: u64, room: &RoomId, id: ActivityId, template: TemplateId, count: u32) -> Fits {
        self.in_book(self.book_of(room, template), room, &[template], |book| {
            if book.get(template).is_none_or(|series| series.pool.free < count) {
                return Err("fewer coupons are left");
            }
            book.allot(id, template, count, no);
            Ok(())
        })
    }

    pub(super) fn book(&self, book: Book, room: &RoomId) -> Fits<&CouponBook> {
        Ok(match book {
            Book::Rooms => &self.rooms.get(room).ok_or("no such room")?.coupons,
            Book::Platforms => &self.platform_coupons.book,
        })
    }

    /// Changes a book of coupons; the timers of the templates concerned follow.
    pub(super) fn in_book(
        &mut self, book: Book, room: &RoomId, templates: &[TemplateId], change: impl FnOnce(&mut CouponBook) -> Fits,
    ) -> Fits {
        let keep_ms = self.bounds.retention_ms;
        let homes = &self.platform_coupons.homes;
        let home = |id: &TemplateId| if book == Book::Rooms { *room } else { homes.get(id).copied().unwrap_or(*room) };
        let book = match book {
            Book::Rooms => &mut self.rooms.get_mut(room).ok_or("no such room")?.coupons,
            Book::Platforms => &mut self.platform_coupons.book,
        };
        let deadline = |book: &CouponBook, id: &TemplateId| book.get(*id).and_then(|series| series.deadline(keep_ms));
        let before: Vec<_> = templates.iter().map(|id| deadline(book, id)).collect();
        change(book)?;
        for (id, before) in templates.iter().zip(before) {
            let after = deadline(book, id);
            if before != after {
                before.map(|at| self.due_coupons.remove(&(at, home(id), *id)));
                after.map(|at| self.due_coupons.insert((at, home(id), *id)));
            }
        }
        Ok(())
    }

    fn archive_coupons(&mut self, room: &RoomId, template: TemplateId) -> Fits {
        let book = self.book_of(room, template);
        self.in_book(book, room, &[template], |book| {
            let series = book.get(template).ok_or("no such coupon template")?;
            if series.counts.held > 0 || series.counts.reserved > 0 || series.pool.reserved > 0 {
                return Err("only what is over is archived");
            }
            book.remove(template);
            Ok(())
        })?;
        if book == Book::Platforms {
            self.platform_coupons.homes.remove(&template);
        }
        Ok(())
    }
}
