//! What viewers take and pay for: shares, stock, coupons.

use liveroom::rules::*;
use liveroom::store::{Ask, CouponAsk, CouponEvent, Event, Keeper as _, Query, Recorded, Reply};

use super::{Run, USERS, pick};
use crate::stage::{START, terms, user};

impl Run {
    pub(super) fn claim(&mut self, a: u16, b: u16) {
        let Some(activity) = self.recent(a) else { return };
        let (token, opening) = self.seen(activity, b);
        self.ask(USERS[b as usize / 4 % 4], Ask::Claim { activity, token, opening: opening(0) });
    }

    pub(super) fn reserve(&mut self, a: u16, b: u16) {
        let Some(activity) = self.recent(a) else { return };
        let (token, opening) = self.seen(activity, b);
        let line = |sku| CartLine { sku: SkuId(sku), quantity: 1 + u32::from(b / 16 % 3), opening: opening(sku) };
        let cart = if b.is_multiple_of(5) { vec![line(1), line(2)] } else { vec![line(1 + u32::from(b % 2))] };
        let coupons = match b % 3 {
            0 => CouponChoice::None,
            1 => CouponChoice::Best,
            // One that ann or bob or somebody was given, or that never was.
            _ => {
                let issued = |recorded: &&Recorded| {
                    matches!(recorded.event, Event::Coupon { what: CouponEvent::Issued { .. }, .. })
                };
                let coupons: Vec<_> = self.memory.events.iter().filter(issued).map(|event| event.no).collect();
                CouponChoice::These(vec![CouponId(pick(&coupons, a / 8).unwrap_or(1))])
            }
        };
        self.ask(USERS[b as usize / 4 % 4], Ask::Reserve { activity, token, cart, coupons });
    }

    /// One of the latest orders, or one that never was.
    pub(super) fn an_order(&self, by: u16) -> OrderId {
        OrderId((self.orders + 1).saturating_sub(u64::from(by) % 8))
    }

    pub(super) fn pay(&mut self, a: u16, b: u16) {
        let order = self.an_order(a);
        let Reply::Order { order, .. } = self.memory.keeper.ask(&Query::Order { order }) else { return };
        let payment = format!("p{b}");
        self.ask("payments", Ask::Pay { order: order.id, payment, amount: order.total });
    }

    /// A coupon by hand; the templates come first.
    pub(super) fn issue(&mut self, a: u16, b: u16) {
        if !self.has_templates {
            self.has_templates = true;
            let valid_until = START.after_ms(30 * 86_400_000);
            for (template, off, valid_for_ms) in [("ten", 10, Some(40_000)), ("tea", 20, None), ("all", 5, None)] {
                let scope = if template == "all" { Scope::Platform } else { Scope::Shop };
                let group = StackGroup::parse(if template == "all" { "all" } else { "shop" }).unwrap();
                let template = TemplateId::parse(template).unwrap();
                let terms = CouponTemplate { quantity: 200, valid_until, valid_for_ms, scope, group, ..terms(off) };
                let terms = Box::new(terms);
                self.ask("host", Ask::Coupon(CouponAsk::AddTemplate { template, terms }));
            }
        }
        let template = TemplateId::parse(["ten", "tea", "all"][a as usize % 3]).unwrap();
        self.ask("host", Ask::Coupon(CouponAsk::Issue { template, user: user(USERS[b as usize % 4]) }));
    }
}
