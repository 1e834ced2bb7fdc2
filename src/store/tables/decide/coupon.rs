//! Coupons: templates, what is in force for everybody, coupons given by hand, and what time brings. And what they make of a
//! cart's price.

use super::{Context, Outcome};
use crate::rules::{
    Activity, ActivityId, Amendment, Audience, CartLine, CouponBook, CouponChoice, CouponTemplate, FullReduction,
    KindPlan, NotDone, NotDoneCode, Price, PriceError, PriceLine, Refusal, RefusalCode, RoomId, Scope, StepOutcome,
    TemplateId, Time, UserId,
};
use crate::store::tables::{Decision, Room, Tables};
use crate::store::{Answer, CouponAsk, CouponEvent, Event, Op, Partition};

/// As many coupons expire in one event: a bound on how long one decision takes.
const EXPIRE_AT_ONCE: usize = 1_000;

/// Why a cart has no price.
pub(super) enum Unpriced {
    /// For a reason that may pass.
    Refused(Refusal),
    /// It was nothing that has a price.
    NotDone(NotDone),
}

impl Tables {
    pub(super) fn about_coupons(&self, context: &Context<'_>, ask: &CouponAsk) -> Outcome {
        match ask {
            CouponAsk::AddTemplate { template, terms } => self.add_template(context, *template, terms),
            CouponAsk::AddReduction { name, reduction } => Self::add_reduction(context, *name, reduction),
            CouponAsk::Issue { template, user } => self.issue(context, *template, *user),
            CouponAsk::Due { template } => Ok(self.coupons_due(context, *template)),
        }
    }

    fn add_template(&self, context: &Context<'_>, template: TemplateId, terms: &CouponTemplate) -> Outcome {
        terms.check(context.now).map_err(|error| NotDoneCode::Invalid.because(error.to_string()))?;
        if self.series_in(&context.room_id, template).is_some() {
            return Err(NotDoneCode::Conflict.because("the room has a coupon template of that name"));
        }
        if terms.scope == Scope::Platform && self.platform_coupons.book.get(template).is_some() {
            return Err(NotDoneCode::Conflict.because("the platform has a coupon template of that name"));
        }
        let platforms = self.platform_coupons.of(&context.room_id).count();
        if context.room.coupons.series().count() + platforms >= CouponBook::TEMPLATES_MAX {
            let max = CouponBook::TEMPLATES_MAX;
            return Err(NotDoneCode::TooMany.because(format!("at most {max} coupon templates in a room")));
        }
        self.may_bind(context, terms.audience.arm)?;
        let (terms, cause) = (Box::new(terms.clone()), context.cause);
        Ok(happens(context, CouponEvent::TemplateAdded { template, terms, cause }))
    }

    fn add_reduction(context: &Context<'_>, name: TemplateId, reduction: &FullReduction) -> Outcome {
        reduction.check(context.now).map_err(|error| NotDoneCode::Invalid.because(error.to_string()))?;
        let book = &context.room.coupons;
        let standing = || book.reductions().filter(|(_, other)| context.now < other.until);
        if standing().any(|(other, _)| other == name) {
            return Err(NotDoneCode::Conflict.because("the room has a full reduction of that name"));
        }
        if standing().count() >= Price::REDUCTIONS_MAX {
            let max = Price::REDUCTIONS_MAX;
            return Err(NotDoneCode::TooMany.because(format!("at most {max} full reductions in a room")));
        }
        let (reduction, cause) = (Box::new(reduction.clone()), context.cause);
        Ok(happens(context, CouponEvent::ReductionAdded { name, reduction, cause }))
    }

    fn issue(&self, context: &Context<'_>, template: TemplateId, user: UserId) -> Outcome {
        self.can_give(context, template, 1)?;
        Ok(happens(context, CouponEvent::Issued { template, user, cause: context.cause }))
    }

    /// The one thing that time asks of a template, if any.
    fn coupons_due(&self, context: &Context<'_>, template: TemplateId) -> Decision {
        let idle = Decision::Answer(Answer::Idle);
        let Some(series) = self.series_in(&context.room_id, template) else { return idle };
        if series.deadline(self.bounds.retention_ms).is_none_or(|at| at > context.now) {
            return idle;
        }
        match series.expiring(context.now, EXPIRE_AT_ONCE) {
            0 => happens(context, CouponEvent::Archived { template }),
            count => happens(context, CouponEvent::Expired { template, count }),
        }
    }

    /// The timer's operation for a template.
    pub(in crate::store::tables) fn op_for_coupons(room: RoomId, template: TemplateId) -> Op {
        let ask = crate::store::Ask::Coupon(CouponAsk::Due { template });
        Op { partition: Partition::Room(room), by: None, request: None, ask }
    }

    /// Whether an activity can be funded with the coupons that it is to give.
    pub(super) fn can_allot(&self, context: &Context<'_>, activity: &Activity) -> Result<(), NotDone> {
        if let KindPlan::Drop(drop) = &activity.plan.kind {
            self.can_give(context, drop.template, drop.coupons)?;
        }
        for (template, count) in self.allotments(&context.room_id, &activity.plan.coupons()) {
            self.can_give(context, template, count)?;
        }
        Ok(())
    }

    /// Whether there are the coupons that an amendment adds.
    pub(super) fn can_allot_more(
        &self, context: &Context<'_>, activity: &Activity, amendment: &Amendment,
    ) -> Result<(), NotDone> {
        let added = self.allotments(&context.room_id, &activity.plan.added_coupons(amendment));
        added.into_iter().try_for_each(|(template, count)| self.can_give(context, template, count))
    }

    /// What a user's cart in a room costs; `None` if no offer has a part in it. For whom the platform's coupons are is judged by what
    /// this room knows of the user, as for its own.
    pub(super) fn price(
        &self, of: (RoomId, &Room), user: &UserId, lines: &[PriceLine], choice: &CouponChoice, now: Time,
    ) -> Result<Option<Price>, Unpriced> {
        let invalid = |why: &'static str| Unpriced::NotDone(NotDoneCode::Invalid.because(why));
        choice.check().map_err(invalid)?;
        let (_, room) = of;
        let for_user = |audience: &Audience| self.belongs(of, user, audience, now);
        let offers = room.coupons.offers(&self.platform_coupons.book, user, choice, lines, now, for_user);
        let offers = offers.map_err(Unpriced::Refused)?;
        if offers.is_empty() {
            return Ok(None);
        }
        match Price::best(lines, offers, matches!(choice, CouponChoice::These(_))) {
            Ok(price) => Ok(Some(price)),
            Err(PriceError::TooLarge) => Err(invalid("the cart costs more than any amount this server handles")),
            Err(PriceError::NotApplicable(step)) => {
                let code = RefusalCode::CouponNotApplicable;
                let small = |amount: crate::rules::Fen| u32::try_from(amount.get()).ok();
                let numbers = match step.outcome {
                    StepOutcome::BelowThreshold { base } => small(base).zip(small(step.offer.threshold)),
                    _ => None,
                };
                let refusal = numbers.map_or(Refusal::plain(code), |(have, limit)| Refusal { code, have, limit });
                Err(Unpriced::Refused(refusal))
            }
        }
    }

    /// What a cart would cost a user now. It holds nothing, and asks neither for stock nor for limits.
    pub(in crate::store::tables) fn quote(
        &self, room: &RoomId, user: &UserId, activity: ActivityId, cart: &[CartLine], choice: &CouponChoice, now: Time,
    ) -> Result<Price, Box<Answer>> {
        let not_done = |reason| Box::new(Answer::NotDone(reason));
        let unknown = || not_done(NotDoneCode::UnknownActivity.because("no such activity in this room"));
        let kept = self.rooms.get(room).ok_or_else(unknown)?;
        let activity = self.activities.get(&activity).filter(|activity| activity.room == *room).ok_or_else(unknown)?;
        let KindPlan::Sale(plan) = &activity.plan.kind else {
            return Err(not_done(NotDoneCode::WrongKind.because("only a sale has prices")));
        };
        if !activity.phase.is_public() {
            return Err(unknown());
        }
        plan.check_cart(cart).map_err(not_done)?;
        let priced = |line: &CartLine| plan.price_line(line.sku, line.quantity);
        let lines: Vec<PriceLine> = cart.iter().filter_map(priced).collect();
        let nothing_off = || {
            Price::best(&lines, Vec::new(), false).map_err(|_| {
                not_done(NotDoneCode::Invalid.because("the cart costs more than any amount this server handles"))
            })
        };
        match self.price((*room, kept), user, &lines, choice, now) {
            Ok(Some(price)) => Ok(price),
            Ok(None) => nothing_off(),
            Err(Unpriced::Refused(refusal)) => Err(Box::new(Answer::Refused(refusal))),
            Err(Unpriced::NotDone(reason)) => Err(not_done(reason)),
        }
    }

    /// The coupons of a plan for which the room has a template.
    pub(in crate::store::tables) fn allotments(
        &self, room: &RoomId, planned: &[(&str, u32)],
    ) -> Vec<(TemplateId, u32)> {
        let mut found: Vec<(TemplateId, u32)> = Vec::new();
        for (prize, count) in planned {
            let Some(template) = TemplateId::parse(prize).ok().filter(|id| self.series_in(room, *id).is_some()) else {
                continue;
            };
            match found.iter_mut().find(|(other, _)| *other == template) {
                Some((_, sum)) => *sum = sum.saturating_add(*count),
                None => found.push((template, *count)),
            }
        }
        found
    }

    fn can_give(&self, context: &Context<'_>, template: TemplateId, count: u32) -> Result<(), NotDone> {
        let unknown = || NotDoneCode::UnknownTemplate.because(format!("the room has no coupon template {template}"));
        let series = self.series_in(&context.room_id, template).ok_or_else(unknown)?;
        if series.template.valid_until <= context.now {
            return Err(NotDoneCode::WrongPhase.because(format!("coupons {template} are over")));
        }
        if series.pool.free < count {
            let left = series.pool.free;
            return Err(NotDoneCode::InsufficientFunds.because(format!("{left} coupons {template} left, not {count}")));
        }
        Ok(())
    }
}

fn happens(context: &Context<'_>, what: CouponEvent) -> Decision {
    Decision::Event(Event::Coupon { room: context.room_id, what })
}
