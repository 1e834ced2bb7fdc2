//! The coupons of a room, or of the platform: how many of each template, who holds which, what became of them.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use foldhash::quality::FixedState;
use serde::{Deserialize, Serialize};

use super::{Audience, Coupon, CouponChoice, CouponState, CouponTemplate, CouponView, FullReduction};
use crate::rules::{
    ActivityId, CouponId, Offer, OfferSource, OrderId, Price, PriceLine, Refusal, RefusalCode, Scope, TemplateId, Time,
    UnitPool, UserId,
};

/// All coupons of a room; or all that are good in every room.
///
/// Per template, at every instant: issued = held + reserved + used + expired, and quantity = issued + allotted to
/// activities + free.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct CouponBook {
    series: BTreeMap<TemplateId, Series>,
    reductions: BTreeMap<TemplateId, FullReduction>,
    /// Coupons that activities were funded with and have not given yet.
    allotted: BTreeMap<(ActivityId, TemplateId), u32>,
    /// Held and reserved coupons by holder: follows from the series.
    holders: HashMap<UserId, Vec<(TemplateId, CouponId)>, FixedState>,
}

/// A template and its coupons.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Series {
    /// What they promise.
    pub template: CouponTemplate,
    /// Granted: issued. Reserved: allotted to activities.
    pub pool: UnitPool,
    /// Of those issued.
    pub counts: CouponCounts,
    coupons: BTreeMap<CouponId, Coupon>,
    /// Those that are held. The oldest expires first: what a template says of validity is the same for all.
    held: BTreeSet<CouponId>,
}

/// How many of the coupons issued stand where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct CouponCounts {
    /// Their holders may use them.
    pub held: u32,
    /// They count in orders that are not paid yet.
    pub reserved: u32,
    /// They counted in orders that were paid.
    pub used: u32,
    /// Their time is over.
    pub expired: u32,
}

impl CouponCounts {
    fn of(&mut self, state: CouponState) -> &mut u32 {
        match state {
            CouponState::Held => &mut self.held,
            CouponState::Reserved(_) => &mut self.reserved,
            CouponState::Used(_) => &mut self.used,
            CouponState::Expired => &mut self.expired,
        }
    }

    /// All of them.
    pub fn issued(&self) -> u64 {
        [self.held, self.reserved, self.used, self.expired].into_iter().map(u64::from).sum()
    }
}

impl Series {
    fn new(template: CouponTemplate) -> Self {
        let mut pool = UnitPool::holding(template.quantity);
        pool.release(template.quantity);
        let (coupons, held) = (BTreeMap::new(), BTreeSet::new());
        Self { template, pool, counts: CouponCounts::default(), coupons, held }
    }

    /// A coupon.
    pub fn coupon(&self, id: CouponId) -> Option<&Coupon> {
        self.coupons.get(&id)
    }

    /// Every coupon that was issued, in order.
    pub fn coupons(&self) -> impl Iterator<Item = (CouponId, &Coupon)> {
        self.coupons.iter().map(|(id, coupon)| (*id, coupon))
    }

    /// Whether the counts add up.
    pub fn is_balanced(&self) -> bool {
        self.pool.is_balanced()
            && self.counts.issued() == u64::from(self.pool.granted)
            && self.held.len() == self.counts.held as usize
    }

    /// When time has something to do with it: its oldest coupon expires, or it is over and `keep_ms` have passed.
    pub fn deadline(&self, keep_ms: u64) -> Option<Time> {
        match self.held.first() {
            Some(id) => Some(self.coupons[id].expires_at),
            None if self.counts.reserved > 0 || self.pool.reserved > 0 => None,
            None => Some(self.template.valid_until.after_ms(keep_ms)),
        }
    }

    /// How many coupons, at most `limit`, have expired by `now` without having been used.
    pub fn expiring(&self, now: Time, limit: usize) -> u32 {
        let expired = |id: &&CouponId| self.coupons[id].expires_at <= now;
        self.held.iter().take(limit).take_while(expired).count() as u32
    }

    fn turn(&mut self, id: CouponId, state: CouponState) -> Option<Coupon> {
        let coupon = self.coupons.get_mut(&id)?;
        *self.counts.of(coupon.state) -= 1;
        *self.counts.of(state) += 1;
        coupon.state = state;
        if state == CouponState::Held {
            self.held.insert(id);
        } else {
            self.held.remove(&id);
        }
        Some(*coupon)
    }
}

impl CouponBook {
    /// Most templates of a room that are not archived.
    pub const TEMPLATES_MAX: usize = 200;

    /// Every template.
    pub fn series(&self) -> impl Iterator<Item = (TemplateId, &Series)> {
        self.series.iter().map(|(id, series)| (*id, series))
    }

    /// A template and its coupons.
    pub fn get(&self, template: TemplateId) -> Option<&Series> {
        self.series.get(&template)
    }

    /// A new template.
    pub fn add(&mut self, id: TemplateId, template: CouponTemplate) {
        self.series.insert(id, Series::new(template));
    }

    /// A template that is over leaves, with its coupons.
    pub fn remove(&mut self, id: TemplateId) {
        self.series.remove(&id);
    }

    /// Every full reduction.
    pub fn reductions(&self) -> impl Iterator<Item = (TemplateId, &FullReduction)> {
        self.reductions.iter().map(|(id, reduction)| (*id, reduction))
    }

    /// A full reduction is announced. Those that are over by `now` make room.
    pub fn reduce(&mut self, id: TemplateId, reduction: FullReduction, now: Time) {
        self.reductions.retain(|_, other| now < other.until);
        self.reductions.insert(id, reduction);
    }

    /// What an activity was funded with and has not given yet.
    pub fn allotted(&self, activity: ActivityId, template: TemplateId) -> u32 {
        self.allotted.get(&(activity, template)).copied().unwrap_or(0)
    }

    /// Everything that activities were funded with and have not given yet.
    pub fn allotments(&self) -> impl Iterator<Item = (ActivityId, TemplateId, u32)> {
        self.allotted.iter().map(|((activity, template), count)| (*activity, *template, *count))
    }

    /// Sets coupons apart for an activity. `event` is the number of the decision.
    ///
    /// # Panics
    /// If there is no such template or it has fewer left.
    pub fn allot(&mut self, activity: ActivityId, template: TemplateId, count: u32, event: u64) {
        self.series_mut(template).pool.reserve(count, event);
        *self.allotted.entry((activity, template)).or_insert(0) += count;
    }

    /// The templates of which an activity has not given all that it was funded with.
    pub fn allotted_to(&self, activity: ActivityId) -> impl Iterator<Item = TemplateId> {
        self.allotted.keys().filter(move |(of, _)| *of == activity).map(|(_, template)| *template)
    }

    /// An activity has ended: what it did not give may be given otherwise.
    pub fn take_back(&mut self, activity: ActivityId) {
        let templates: Vec<_> = self.allotted_to(activity).collect();
        for template in templates {
            let left = self.allotted.remove(&(activity, template)).unwrap_or(0);
            self.series_mut(template).pool.give_back(left);
        }
    }

    /// Issues a coupon: by `activity` out of what it was allotted, or else out of what is free. Its id is the number of the
    /// event that issued it.
    ///
    /// # Panics
    /// If there is none left.
    pub fn issue(&mut self, template: TemplateId, user: UserId, activity: Option<ActivityId>, id: CouponId, now: Time) {
        if let Some(key) = activity.map(|activity| (activity, template)) {
            let left = self.allotted.get_mut(&key).expect("it was funded");
            *left -= 1;
            if *left == 0 {
                self.allotted.remove(&key);
            }
        }
        let series = self.series_mut(template);
        match activity {
            Some(_) => series.pool.sell_reserved(1),
            None => series.pool.grant(1, id.0),
        }
        let expires_at = series.template.expiry(now);
        series.coupons.insert(id, Coupon { user, expires_at, state: CouponState::Held });
        series.counts.held += 1;
        series.held.insert(id);
        self.holders.entry(user).or_default().push((template, id));
    }

    /// A user's coupons that are held or reserved, in the order of their issue.
    pub fn of(&self, user: &UserId) -> impl DoubleEndedIterator<Item = CouponView> {
        let own = self.holders.get(user).map_or(&[][..], Vec::as_slice);
        own.iter().filter_map(|(template, id)| self.view(*template, *id))
    }

    /// A coupon, whatever became of it.
    pub fn view(&self, template: TemplateId, id: CouponId) -> Option<CouponView> {
        let series = self.series.get(&template)?;
        Some(CouponView { id, template, coupon: *series.coupon(id)?, terms: series.template.clone() })
    }

    /// What may make a user's order in the room cheaper: what is in force for everybody, and the coupons that were chosen, of
    /// this book or of the `platform`'s.
    ///
    /// Of several coupons of one template the one that expires first stands for all. Of more than
    /// [`Price::COUPONS_MAX`] templates those are looked at that could take most off.
    ///
    /// # Errors
    /// A coupon that was named is not the user's to use now: never issued to them, used, reserved or expired; or `for_user` says
    /// that the user is not among those for whom it is.
    pub fn offers(
        &self, platform: &Self, user: &UserId, choice: &CouponChoice, lines: &[PriceLine], now: Time,
        for_user: impl Fn(&Audience) -> Result<(), Refusal>,
    ) -> Result<Vec<Offer>, Refusal> {
        let in_force = self.reductions.iter().filter(|(_, reduction)| reduction.is_in_force(now));
        let mut offers: Vec<Offer> =
            in_force.take(Price::REDUCTIONS_MAX).map(|(name, reduction)| reduction.offer(*name)).collect();
        let own = || self.held_by(user).chain(platform.held_by(user));
        match choice {
            CouponChoice::None => {}
            CouponChoice::Best => {
                let mut seen = BTreeSet::new();
                let mut found: Vec<(i64, Offer)> = Vec::new();
                for (series, source) in own().filter_map(|(book, one)| book.usable(one, now)) {
                    let OfferSource::Coupon(template, _) = source else { continue };
                    let covers = match &series.template.scope {
                        Scope::Items(items) => lines.iter().any(|line| items.contains(&line.sku)),
                        Scope::Shop | Scope::Platform => true,
                    };
                    let once = (series.template.scope == Scope::Platform, template);
                    if covers && for_user(&series.template.audience).is_ok() && seen.insert(once) {
                        let offer = series.template.offer(source);
                        found.push((-offer.worth_at_most(lines), offer));
                    }
                }
                found.sort_by_key(|(worth, offer)| (*worth, offer.source));
                offers.extend(found.into_iter().take(Price::COUPONS_MAX).map(|(_, offer)| offer));
            }
            CouponChoice::These(ids) => {
                for id in ids {
                    let own = own().find(|(_, (_, own))| own == id);
                    let unusable = Refusal::plain(RefusalCode::CouponUnusable);
                    let (series, source) = own.and_then(|(book, one)| book.usable(one, now)).ok_or(unusable)?;
                    for_user(&series.template.audience)?;
                    offers.push(series.template.offer(source));
                }
            }
        }
        Ok(offers)
    }

    /// A user's coupons that are held or reserved, each with its book.
    fn held_by(&self, user: &UserId) -> impl Iterator<Item = (&Self, (TemplateId, CouponId))> {
        self.holders.get(user).into_iter().flatten().map(move |own| (self, *own))
    }

    fn usable(&self, (template, id): (TemplateId, CouponId), now: Time) -> Option<(&Series, OfferSource)> {
        let series = self.series.get(&template)?;
        let coupon = series.coupon(id)?;
        let usable = coupon.state == CouponState::Held && coupon.expires_at > now;
        usable.then_some((series, OfferSource::Coupon(template, id)))
    }

    /// Whether a coupon of a released order could be used now: it is still its user's, not used or reserved elsewhere, and
    /// not expired.
    pub fn is_free(&self, template: TemplateId, id: CouponId, now: Time) -> bool {
        let coupon = self.series.get(&template).and_then(|series| series.coupon(id));
        coupon.is_some_and(|coupon| coupon.state == CouponState::Held && coupon.expires_at > now)
    }

    /// Whether the coupon was issued from here.
    pub fn issued(&self, template: TemplateId, id: CouponId) -> bool {
        self.series.get(&template).is_some_and(|series| series.coupon(id).is_some())
    }

    /// Those of the coupons that count in an order that were issued from here.
    pub fn own(&self, price: &Price) -> Vec<(TemplateId, CouponId)> {
        price.coupons().filter(|(template, id)| self.issued(*template, *id)).collect()
    }

    /// The coupons that count in an order are reserved with it.
    pub fn reserve(&mut self, price: &Price, order: OrderId) -> Result<(), &'static str> {
        self.turn_all(price, |state| (state == CouponState::Held).then_some(CouponState::Reserved(order)))
    }

    /// An order was paid: its coupons are used.
    pub fn use_up(&mut self, price: &Price, order: OrderId) -> Result<(), &'static str> {
        let from = [CouponState::Reserved(order), CouponState::Held];
        self.turn_all(price, |state| from.contains(&state).then_some(CouponState::Used(order)))
    }

    /// An order was released: its coupons are held again, or have expired meanwhile.
    pub fn give_back(&mut self, price: &Price, order: OrderId, now: Time) -> Result<(), &'static str> {
        for (template, id) in self.own(price) {
            let expires_at = self.series.get(&template).and_then(|series| series.coupon(id)).map(|c| c.expires_at);
            let over = expires_at.ok_or("no such coupon")? <= now;
            let to = if over { CouponState::Expired } else { CouponState::Held };
            self.turn(template, id, |state| (state == CouponState::Reserved(order)).then_some(to))?;
        }
        Ok(())
    }

    /// The `count` oldest coupons that are held expire.
    pub fn expire(&mut self, template: TemplateId, count: u32, now: Time) -> Result<(), &'static str> {
        for _ in 0..count {
            let series = self.series.get(&template).ok_or("no such coupon template")?;
            let id = *series.held.first().ok_or("no coupon is held")?;
            if series.coupons[&id].expires_at > now {
                return Err("the coupon has not expired");
            }
            self.turn(template, id, |_| Some(CouponState::Expired))?;
        }
        Ok(())
    }

    /// What two equal books have in common, in one order: without what follows from the rest.
    pub fn canonical(&self) -> impl Serialize {
        (&self.series, &self.reductions, &self.allotted)
    }

    fn turn_all(&mut self, price: &Price, to: impl Fn(CouponState) -> Option<CouponState>) -> Result<(), &'static str> {
        self.own(price).into_iter().try_for_each(|(template, id)| self.turn(template, id, &to))
    }

    fn turn(
        &mut self, template: TemplateId, id: CouponId, to: impl Fn(CouponState) -> Option<CouponState>,
    ) -> Result<(), &'static str> {
        let series = self.series.get_mut(&template).ok_or("no such coupon template")?;
        let from = series.coupon(id).ok_or("no such coupon")?.state;
        let to = to(from).ok_or("the coupon is not where it should be")?;
        let coupon = series.turn(id, to).ok_or("no such coupon")?;
        if matches!(to, CouponState::Used(_) | CouponState::Expired)
            && let Some(own) = self.holders.get_mut(&coupon.user)
        {
            own.retain(|(_, other)| *other != id);
            if own.is_empty() {
                self.holders.remove(&coupon.user);
            }
        }
        Ok(())
    }

    fn series_mut(&mut self, template: TemplateId) -> &mut Series {
        self.series.get_mut(&template).expect("a template stays as long as something refers to it")
    }
}
