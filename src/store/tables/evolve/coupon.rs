//! Coupons issued, expired, and gone with their templates.

use super::Fits;
use crate::rules::{ActivityId, Amendment, CouponBook, CouponId, RoomId, TemplateId, UserId};
use crate::store::tables::decide::allotments;
use crate::store::tables::receipts::Kept;
use crate::store::tables::{Answer, Tables};
use crate::store::{CouponEvent, Recorded};

impl Tables {
    pub(super) fn coupon(&mut self, recorded: &Recorded, room: &RoomId, what: &CouponEvent) -> Fits<Answer> {
        let (no, at) = (recorded.no, recorded.at);
        match what {
            CouponEvent::TemplateAdded { template, terms, cause } => {
                let (id, terms) = (*template, terms.as_ref().clone());
                self.in_book(room, &[id], |book| {
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
                self.in_book(room, &[id], |book| {
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
                self.in_book(room, &[*template], |book| book.expire(*template, *count, at))?;
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
        let book = &self.rooms.get(room).ok_or("no such room")?.coupons;
        let Some((template, _)) = book.named(prize) else { return Ok(()) };
        if book.allotted(activity, template) == 0 {
            return Ok(());
        }
        self.in_book(room, &[template], |book| {
            book.issue(template, user, Some(activity), CouponId(recorded.no), recorded.at);
            Ok(())
        })
    }

    /// Sets the coupons apart that an activity is to give.
    pub(super) fn allot_coupons(&mut self, no: u64, id: ActivityId) -> Fits {
        let activity = self.activities.get(&id).ok_or("no such activity")?;
        let room = activity.room;
        let planned = activity.plan.coupons();
        if planned.is_empty() {
            return Ok(());
        }
        let found = allotments(&self.rooms.get(&room).ok_or("no such room")?.coupons, &planned);
        found.into_iter().try_for_each(|(template, count)| self.allot(no, &room, id, template, count))
    }

    /// Sets the coupons apart that an amendment adds.
    pub(super) fn allot_more(&mut self, no: u64, room: &RoomId, id: ActivityId, amendment: &Amendment) -> Fits {
        let plan = &self.activities.get(&id).ok_or("no such activity")?.plan;
        let found = allotments(&self.rooms.get(room).ok_or("no such room")?.coupons, &plan.added_coupons(amendment));
        found.into_iter().try_for_each(|(template, count)| self.allot(no, room, id, template, count))
    }

    /// An activity has ended: what it did not give is free again.
    pub(super) fn take_coupons_back(&mut self, id: ActivityId) -> Fits {
        let room = self.activities.get(&id).ok_or("no such activity")?.room;
        let book = &self.rooms.get(&room).ok_or("no such room")?.coupons;
        let templates: Vec<_> = book.allotted_to(id).collect();
        if templates.is_empty() {
            return Ok(());
        }
        self.in_book(&room, &templates, |book| {
            book.take_back(id);
            Ok(())
        })
    }

    fn allot(&mut self, no: u64, room: &RoomId, id: ActivityId, template: TemplateId, count: u32) -> Fits {
        self.in_book(room, &[template], |book| {
            if book.get(template).is_none_or(|series| series.pool.free < count) {
                return Err("fewer coupons are left");
            }
            book.allot(id, template, count, no);
            Ok(())
        })
    }

    /// Changes a room's coupons; the timers of the templates concerned follow.
    pub(super) fn in_book(
        &mut self, room: &RoomId, templates: &[TemplateId], change: impl FnOnce(&mut CouponBook) -> Fits,
    ) -> Fits {
        let keep_ms = self.bounds.retention_ms;
        let book = &mut self.rooms.get_mut(room).ok_or("no such room")?.coupons;
        let deadline = |book: &CouponBook, id: &TemplateId| book.get(*id).and_then(|series| series.deadline(keep_ms));
        let before: Vec<_> = templates.iter().map(|id| deadline(book, id)).collect();
        change(book)?;
        for (id, before) in templates.iter().zip(before) {
            let after = deadline(book, id);
            if before != after {
                before.map(|at| self.due_coupons.remove(&(at, *room, *id)));
                after.map(|at| self.due_coupons.insert((at, *room, *id)));
            }
        }
        Ok(())
    }

    fn archive_coupons(&mut self, room: &RoomId, template: TemplateId) -> Fits {
        self.in_book(room, &[template], |book| {
            let series = book.get(template).ok_or("no such coupon template")?;
            if series.counts.held > 0 || series.counts.reserved > 0 || series.pool.reserved > 0 {
                return Err("only what is over is archived");
            }
            book.remove(template);
            Ok(())
        })
    }
}
