//! Coupons: issued once, used once, and where each stands, kept a second time from the events alone.

use std::collections::{BTreeMap, HashMap};

use super::{Check, Invariant, Verdict};
use crate::rules::{
    ActivityId, Coupon, CouponId, CouponState, OrderId, PaymentOutcome, Price, Prize, RoomId, Scope, Step, TemplateId,
    Time, UserId,
};
use crate::store::{CouponEvent, Event, PresenceEvent, Recorded, Tables};

/// A coupon is issued once and used at most once; issued = held + reserved + used + expired, per template.
#[derive(Default)]
pub(super) struct CouponsUsedOnce {
    /// When coupons of a template end: `(valid_until, valid_for_ms)`.
    templates: HashMap<Template, (Time, Option<u64>)>,
    coupons: HashMap<Template, BTreeMap<CouponId, Coupon>>,
    allotted: HashMap<(ActivityId, Template), u32>,
    /// Through which room each of the platform's templates was made.
    homes: HashMap<TemplateId, RoomId>,
    /// The coupons that count in an order.
    orders: HashMap<OrderId, Vec<(Template, CouponId)>>,
    issued: u64,
}

type Template = (RoomId, TemplateId);

impl CouponsUsedOnce {
    pub(super) fn over(base: &Tables) -> Self {
        let mut books = Self::default();
        for (room, kept) in base.rooms() {
            for (id, series) in kept.coupons().series() {
                let template = (*room, id);
                books.templates.insert(template, (series.template.valid_until, series.template.valid_for_ms));
                books.coupons.insert(template, series.coupons().map(|(id, coupon)| (id, *coupon)).collect());
            }
            let allotted = kept.coupons().allotments();
            books.allotted.extend(allotted.map(|(activity, id, count)| ((activity, (*room, id)), count)));
        }
        for (room, id, series) in base.platform_coupons() {
            books.homes.insert(id, room);
            books.templates.insert((room, id), (series.template.valid_until, series.template.valid_for_ms));
            books.coupons.insert((room, id), series.coupons().map(|(id, coupon)| (id, *coupon)).collect());
        }
        for (activity, id, count) in base.platform_book().allotments() {
            if let Some(room) = books.homes.get(&id) {
                books.allotted.insert((activity, (*room, id)), count);
            }
        }
        for order in base.orders() {
            let room = base.activity(order.activity).map(|activity| activity.room);
            if let (Some(room), Some(price)) = (room, &order.price) {
                let counting = books.counting(room, price);
                books.orders.insert(order.id, counting);
            }
        }
        books
    }

    /// The coupons that count in an order of a room, each by the template that it was issued of.
    fn counting(&self, room: RoomId, price: &Price) -> Vec<(Template, CouponId)> {
        let template = |(id, coupon): (TemplateId, CouponId)| {
            let own = self.coupons.get(&(room, id)).is_some_and(|coupons| coupons.contains_key(&coupon));
            let home = self.homes.get(&id).filter(|_| !own).unwrap_or(&room);
            ((*home, id), coupon)
        };
        price.coupons().map(template).collect()
    }

    fn issue(&mut self, recorded: &Recorded, template: Template, user: UserId) -> Verdict<()> {
        let no = recorded.no;
        let (until, valid_for) =
            *self.templates.get(&template).ok_or_else(|| format!("event {no}: no {template:?}"))?;
        let expires_at = valid_for.map_or(until, |ms| recorded.at.after_ms(ms).min(until));
        self.issued += 1;
        let coupon = Coupon { user, expires_at, state: CouponState::Held };
        match self.coupons.entry(template).or_default().insert(CouponId(no), coupon) {
            None => Ok(()),
            Some(_) => Err(format!("event {no} issues a coupon again")),
        }
    }

    /// Whoever won a coupon has one, if its activity was funded with it.
    fn won(
        &mut self, recorded: &Recorded, room: RoomId, activity: ActivityId, user: UserId, name: &str,
    ) -> Verdict<()> {
        let template = TemplateId::parse(name).ok().map(|id| (room, id));
        let left = template.and_then(|template| self.allotted.get_mut(&(activity, template)));
        match (template, left.filter(|left| **left > 0)) {
            (Some(template), Some(left)) => {
                *left -= 1;
                self.issue(recorded, template, user)
            }
            _ => Ok(()),
        }
    }

    fn allot(&mut self, room: RoomId, activity: ActivityId, planned: &[(&str, u32)]) {
        for (name, count) in planned {
            let template = TemplateId::parse(name).ok().map(|id| (room, id));
            if let Some(template) = template.filter(|template| self.templates.contains_key(template)) {
                *self.allotted.entry((activity, template)).or_default() += count;
            }
        }
    }

    fn turn(&mut self, no: u64, order: OrderId, to: impl Fn(&Coupon) -> Option<CouponState>) -> Verdict<()> {
        for (template, id) in self.orders.get(&order).into_iter().flatten() {
            let coupon = self.coupons.get_mut(template).and_then(|coupons| coupons.get_mut(id));
            let coupon = coupon.ok_or_else(|| format!("event {no} needs coupon {id}, which was never issued"))?;
            let Some(state) = to(coupon) else {
                return Err(format!("event {no} needs coupon {id} for order {order}: it is {:?}", coupon.state));
            };
            coupon.state = state;
        }
        Ok(())
    }

    fn expire(&mut self, recorded: &Recorded, template: Template, count: u32) -> Verdict<()> {
        let coupons = self.coupons.get_mut(&template).into_iter().flat_map(BTreeMap::values_mut);
        let mut held = coupons.filter(|coupon| coupon.state == CouponState::Held);
        for _ in 0..count {
            match held.next() {
                Some(coupon) if coupon.expires_at <= recorded.at => coupon.state = CouponState::Expired,
                found => return Err(format!("event {} lets {found:?} expire", recorded.no)),
            }
        }
        Ok(())
    }

    fn see(&mut self, recorded: &Recorded, room: RoomId, what: &CouponEvent) -> Verdict<()> {
        let no = recorded.no;
        match what {
            CouponEvent::TemplateAdded { template, terms, .. } => {
                if terms.scope == Scope::Platform {
                    self.homes.insert(*template, room);
                }
                self.templates.insert((room, *template), (terms.valid_until, terms.valid_for_ms));
                Ok(())
            }
            CouponEvent::Issued { template, user, .. } => self.issue(recorded, (room, *template), *user),
            CouponEvent::Ordered { order, user, price, .. } => {
                let counting = self.counting(room, price);
                self.orders.insert(*order, counting);
                self.turn(no, *order, |coupon| {
                    let free =
                        coupon.state == CouponState::Held && coupon.user == *user && coupon.expires_at > recorded.at;
                    free.then_some(CouponState::Reserved(*order))
                })
            }
            CouponEvent::Expired { template, count } => self.expire(recorded, (room, *template), *count),
            CouponEvent::Archived { template } => {
                if self.homes.get(template) == Some(&room) {
                    self.homes.remove(template);
                }
                self.templates.remove(&(room, *template));
                let left = self.coupons.remove(&(room, *template)).unwrap_or_default();
                let ended = |coupon: &Coupon| matches!(coupon.state, CouponState::Used(_) | CouponState::Expired);
                match left.values().find(|coupon| !ended(coupon)) {
                    None => Ok(()),
                    Some(coupon) => Err(format!("event {no} drops {coupon:?}")),
                }
            }
            CouponEvent::ReductionAdded { .. } => Ok(()),
        }
    }
}

impl Check for CouponsUsedOnce {
    fn invariant(&self) -> Invariant {
        Invariant::CouponsUsedOnce
    }

    fn before(&mut self, recorded: &Recorded, tables: &Tables) -> Verdict<()> {
        let no = recorded.no;
        match &recorded.event {
            Event::Coupon { room, what } => self.see(recorded, *room, what),
            Event::Granted { room, activity, user, prize: Prize::Coupon(name), .. } => {
                self.won(recorded, *room, *activity, *user, name)
            }
            Event::Presence {
                room,
                what:
                    PresenceEvent::StepReached { activity, user, reward, .. }
                    | PresenceEvent::CheckedIn { activity, user, reward: Some(reward), .. },
            } => reward.prize.coupon().map_or(Ok(()), |name| self.won(recorded, *room, *activity, *user, name)),
            Event::Stepped { room, activity, step: Step::Schedule, .. } => {
                if let Some(planned) = tables.activity(*activity) {
                    self.allot(*room, *activity, &planned.plan.coupons());
                }
                Ok(())
            }
            Event::Stepped { activity, step: Step::Settle | Step::Cancel, .. } => {
                self.allotted.retain(|(of, _), _| of != activity);
                Ok(())
            }
            Event::Amended { room, activity, amendment, .. } => {
                if let Some(amended) = tables.activity(*activity) {
                    self.allot(*room, *activity, &amended.plan.added_coupons(amendment));
                }
                Ok(())
            }
            Event::Released { order, .. } => self.turn(no, *order, |coupon| {
                let back = if coupon.expires_at <= recorded.at { CouponState::Expired } else { CouponState::Held };
                (coupon.state == CouponState::Reserved(*order)).then_some(back)
            }),
            Event::Paid { order, outcome: PaymentOutcome::Sold, .. } => self.turn(no, *order, |coupon| {
                (coupon.state == CouponState::Reserved(*order)).then_some(CouponState::Used(*order))
            }),
            Event::Paid { order, outcome: PaymentOutcome::SoldLate, .. } => self.turn(no, *order, |coupon| {
                let free = coupon.state == CouponState::Held && coupon.expires_at > recorded.at;
                free.then_some(CouponState::Used(*order))
            }),
            Event::Archived { activity, .. } => {
                self.orders.retain(|order, _| tables.order(*order).is_none_or(|order| order.activity != *activity));
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn judge(&self, tables: &Tables) -> Verdict {
        let (mut templates, mut allotments) = (0, 0);
        let of_rooms = tables
            .rooms()
            .flat_map(|(room, kept)| kept.coupons().series().map(move |(id, series)| (*room, id, series)));
        for (room, id, series) in of_rooms.chain(tables.platform_coupons()) {
            templates += 1;
            if !series.is_balanced() {
                return Err(format!("coupons {id} of {room} do not add up: {:?}", series.counts));
            }
            let by_log = self.coupons.get(&(room, id)).into_iter().flatten();
            if !series.coupons().eq(by_log.map(|(id, coupon)| (*id, coupon))) {
                return Err(format!("coupons {id} of {room} stand otherwise than the log says"));
            }
            let set_apart = self.allotted.iter().filter(|((_, template), _)| *template == (room, id));
            let set_apart: u64 = set_apart.map(|(_, count)| u64::from(*count)).sum();
            if set_apart != u64::from(series.pool.reserved) {
                let reserved = series.pool.reserved;
                return Err(format!("{reserved} coupons {id} of {room} are set apart, by the log {set_apart}"));
            }
        }
        allotments += tables.rooms().map(|(_, kept)| kept.coupons().allotments().count()).sum::<usize>();
        allotments += tables.platform_book().allotments().count();
        if templates != self.templates.len() {
            return Err(format!("{templates} coupon templates, by the log {}", self.templates.len()));
        }
        if allotments != self.allotted.values().filter(|count| **count > 0).count() {
            return Err(format!("{allotments} allotments of coupons, by the log others"));
        }
        Ok(format!("{} coupons issued, {templates} templates", self.issued))
    }
}
