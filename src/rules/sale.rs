//! Flash sale 限时秒杀: stock that is held for a while, then paid for or given back.

use std::collections::HashMap;

use foldhash::quality::FixedState;
use serde::{Deserialize, Serialize};

use super::activity::PlanError;
use super::{
    ActivityId, Fen, NotDone, NotDoneCode, OrderId, Price, PriceLine, Refusal, RefusalCode, SkuId, Time, UnitPool,
    UserId,
};

/// What a host asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SalePlan {
    /// What is sold.
    pub skus: Vec<SkuPlan>,
    /// How long the sale takes orders, ms.
    pub duration_ms: u64,
    /// How long an order holds its stock without being paid, ms.
    pub hold_ms: u64,
}

/// One item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SkuPlan {
    /// Its number within the sale.
    pub sku: SkuId,
    /// Its name for people.
    pub title: String,
    /// What it costs otherwise.
    pub list_price: Fen,
    /// What it costs here.
    pub sale_price: Fen,
    /// Units at the start.
    pub stock: u32,
    /// Units that one user may hold or have bought.
    pub per_user_limit: u32,
    /// 质检报告: the reference of the quality report.
    pub quality_report: Option<String>,
    /// 溯源凭证: the reference of the traceability certificate.
    pub trace_certificate: Option<String>,
}

impl From<&OrderLine> for PriceLine {
    /// An order does not keep what its items cost elsewhere.
    fn from(line: &OrderLine) -> Self {
        Self { sku: line.sku, quantity: line.quantity, list_price: line.unit_price, unit_price: line.unit_price }
    }
}

impl SalePlan {
    /// Most items of one sale.
    pub const SKUS_MAX: usize = 50;

    /// The longest hold of an order.
    pub const HOLD_MS_MAX: u64 = 3_600_000;
    /// Most units of one line of a cart.
    pub const QUANTITY_MAX: u32 = 10_000;

    /// Whether a cart is one that this sale could serve, whatever there is of it.
    pub fn check_cart(&self, cart: &[CartLine]) -> Result<(), NotDone> {
        check_cart(cart, |sku| self.skus.iter().any(|item| item.sku == sku))
    }

    /// So many units of an item, at its prices here; `None` if it is not sold here.
    pub fn price_line(&self, sku: SkuId, quantity: u32) -> Option<PriceLine> {
        let item = self.skus.iter().find(|item| item.sku == sku)?;
        Some(PriceLine { sku, quantity, list_price: item.list_price, unit_price: item.sale_price })
    }

    /// Checks everything that the type can't.
    pub(super) fn check(&self) -> Result<(), PlanError> {
        let refuse = |field, why: &'static str| Err(PlanError { field, why: why.into() });
        if !(1_000..=86_400_000).contains(&self.duration_ms) {
            return refuse("duration_ms", "must be 1,000 to 86,400,000");
        }
        if !(1_000..=Self::HOLD_MS_MAX).contains(&self.hold_ms) {
            return refuse("hold_ms", "must be 1,000 to 3,600,000");
        }
        if self.skus.is_empty() || self.skus.len() > Self::SKUS_MAX {
            return refuse("skus", "must be 1 to 50");
        }
        for (place, sku) in self.skus.iter().enumerate() {
            if self.skus[..place].iter().any(|other| other.sku == sku.sku) {
                return refuse("skus.sku", "must differ from each other");
            }
            if sku.title.is_empty() || sku.title.len() > 200 {
                return refuse("skus.title", "must be 1 to 200 bytes");
            }
            if sku.sale_price.get() < 1 {
                return refuse("skus.sale_price_fen", "must be at least 1");
            }
            if sku.sale_price > sku.list_price {
                return refuse("skus.sale_price_fen", "must not be above the list price");
            }
            if sku.stock == 0 || sku.stock > UnitPool::UNITS_MAX {
                return refuse("skus.stock", "must be 1 to 10,000,000");
            }
            if sku.per_user_limit == 0 {
                return refuse("skus.per_user_limit", "must be at least 1");
            }
            let certificates = [&sku.quality_report, &sku.trace_certificate];
            if certificates.into_iter().flatten().any(|name| name.is_empty() || name.len() > 200) {
                return refuse("skus.quality_report", "certificates are named in 1 to 200 bytes");
            }
        }
        Ok(())
    }
}

/// One line of a cart, as asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CartLine {
    /// Which item.
    pub sku: SkuId,
    /// How many units.
    pub quantity: u32,
    /// The opening of the item's pool that the buyer saw.
    pub opening: u32,
}

/// One line of an order: its price is frozen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderLine {
    /// Which item.
    pub sku: SkuId,
    /// How many units.
    pub quantity: u32,
    /// What one costs.
    pub unit_price: Fen,
}

/// Where an order stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderPhase {
    /// Stock is held until the hold ends.
    Reserved,
    /// Sold.
    Paid,
    /// The stock went back.
    Released,
}

/// Stock that a user holds or has bought.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// Its number.
    pub id: OrderId,
    /// The sale.
    pub activity: ActivityId,
    /// The buyer.
    pub user: UserId,
    /// What.
    pub lines: Box<[OrderLine]>,
    /// What it all costs.
    pub total: Fen,
    /// Where it stands.
    pub phase: OrderPhase,
    /// When the stock was reserved.
    pub at: Time,
    /// When an unpaid order loses its stock.
    pub hold_until: Time,
    /// The same user's order in this sale before this one.
    pub previous: Option<OrderId>,
    /// How the total came about, where more than the lines' own prices had a part in it.
    pub price: Option<Box<Price>>,
    /// What was paid for it and bought nothing, for it came too late or was not the first: so much goes back.
    pub refund_due: Fen,
}

/// What became of a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PaymentOutcome {
    /// The held stock is sold.
    Sold,
    /// The hold had ended, but there was stock again: sold.
    SoldLate,
    /// The hold had ended and the stock is gone, or the order was paid before: the money goes back.
    RefundDue,
}

fn check_cart(cart: &[CartLine], is_sold: impl Fn(SkuId) -> bool) -> Result<(), NotDone> {
    let invalid = |why: &'static str| Err(NotDoneCode::Invalid.because(why));
    if cart.is_empty() || cart.len() > SalePlan::SKUS_MAX {
        return invalid("a cart has 1 to 50 lines");
    }
    for (place, line) in cart.iter().enumerate() {
        if cart[..place].iter().any(|other| other.sku == line.sku) {
            return invalid("an item stands in a cart once");
        }
        if line.quantity == 0 || line.quantity > SalePlan::QUANTITY_MAX {
            return invalid("quantity must be 1 to 10,000");
        }
        if !is_sold(line.sku) {
            return Err(NotDoneCode::UnknownSku.because("the sale has no such item"));
        }
    }
    Ok(())
}

/// A sale that was opened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sale {
    /// The items.
    pub skus: Vec<Sku>,
    /// Orders that hold stock.
    pub reserved_orders: u32,
    /// Units that a user holds or has bought, per item.
    bought: HashMap<(UserId, SkuId), u32, FixedState>,
    /// The latest order of each user.
    latest: HashMap<UserId, OrderId, FixedState>,
}

/// An item and its stock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sku {
    /// Which.
    pub sku: SkuId,
    /// Counts of its units.
    pub pool: UnitPool,
    sale_price: Fen,
    per_user_limit: u32,
}

/// Why a cart is not reserved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Declined {
    /// By facts that will always hold: asking again gives the same without a record.
    ForEver(Refusal),
    /// By facts that may pass: the refusal must be recorded to be stable.
    Today(Refusal),
    /// It was not a request that can be decided.
    NotDone(NotDone),
}

impl Sale {
    /// A sale with all its stock free.
    pub fn open(plan: &SalePlan) -> Self {
        let skus = plan.skus.iter().map(|sku| {
            let mut pool = UnitPool::holding(sku.stock);
            pool.release(sku.stock);
            Sku { sku: sku.sku, pool, sale_price: sku.sale_price, per_user_limit: sku.per_user_limit }
        });
        Self { skus: skus.collect(), reserved_orders: 0, bought: HashMap::default(), latest: HashMap::default() }
    }

    /// The priced lines of a cart, all of which can be held now.
    ///
    /// As in [`super::Giveaway::claim`], of the facts that make a cart hopeless the one that came first is named. `ended` is the
    /// number of the event that ended the sale.
    pub fn reserve(
        &self, user: &UserId, cart: &[CartLine], ended: Option<u64>,
    ) -> Result<(Box<[OrderLine]>, Fen), Declined> {
        let invalid = |why: &'static str| Declined::NotDone(NotDoneCode::Invalid.because(why));
        check_cart(cart, |sku| self.sku(sku).is_some()).map_err(Declined::NotDone)?;
        let mut hopeless = ended.map(|event| (event, RefusalCode::Closed));
        for line in cart {
            let sku = self.sku(line.sku).expect("looked up above");
            if line.opening == 0 || line.opening > sku.pool.opening {
                return Err(invalid("no such opening was announced"));
            }
            let sold_out = sku.pool.ended(line.opening).map(|event| (event, RefusalCode::SoldOut));
            hopeless = hopeless.into_iter().chain(sold_out).min();
        }
        if let Some((_, code)) = hopeless {
            return Err(Declined::ForEver(Refusal::plain(code)));
        }
        let mut total = Fen::ZERO;
        let mut lines = Vec::with_capacity(cart.len());
        for line in cart {
            let sku = self.sku(line.sku).expect("looked up above");
            let have = self.bought.get(&(*user, line.sku)).copied().unwrap_or(0);
            if have.saturating_add(line.quantity) > sku.per_user_limit {
                let limit = sku.per_user_limit;
                return Err(Declined::Today(Refusal { code: RefusalCode::LimitReached, have, limit }));
            }
            if line.quantity > sku.pool.free {
                let (have, limit) = (sku.pool.free, line.quantity);
                return Err(Declined::Today(Refusal { code: RefusalCode::InsufficientStock, have, limit }));
            }
            let price = sku.sale_price.times(line.quantity).and_then(|price| total.plus(price));
            total = price.map_err(|_| invalid("the cart costs more than any amount this server handles"))?;
            lines.push(OrderLine { sku: line.sku, quantity: line.quantity, unit_price: sku.sale_price });
        }
        Ok((lines.into(), total))
    }

    /// Holds the stock of an order that [`Self::reserve`] allowed.
    pub fn hold(&mut self, user: UserId, order: OrderId, lines: &[OrderLine], event: u64) {
        self.reserved_orders += 1;
        self.latest.insert(user, order);
        for line in lines {
            self.pool_mut(line.sku).reserve(line.quantity, event);
            *self.bought.entry((user, line.sku)).or_insert(0) += line.quantity;
        }
    }

    /// The stock of a reserved order is sold.
    pub fn sell(&mut self, order: &Order) {
        self.reserved_orders -= 1;
        for line in &order.lines {
            self.pool_mut(line.sku).sell_reserved(line.quantity);
        }
    }

    /// The stock of a reserved order goes back.
    pub fn release(&mut self, order: &Order) {
        self.reserved_orders -= 1;
        for line in &order.lines {
            self.pool_mut(line.sku).give_back(line.quantity);
            if let Some(bought) = self.bought.get_mut(&(order.user, line.sku)) {
                *bought -= line.quantity;
                if *bought == 0 {
                    self.bought.remove(&(order.user, line.sku));
                }
            }
        }
    }

    /// Whether a released order, paid late, can still have its stock.
    pub fn can_sell_late(&self, order: &Order) -> bool {
        order.lines.iter().all(|line| self.sku(line.sku).is_some_and(|sku| sku.pool.free >= line.quantity))
    }

    /// Sells stock to a released order that was paid late.
    pub fn sell_late(&mut self, order: &Order, event: u64) {
        for line in &order.lines {
            self.pool_mut(line.sku).grant(line.quantity, event);
            *self.bought.entry((order.user, line.sku)).or_insert(0) += line.quantity;
        }
    }

    /// An item.
    pub fn sku(&self, id: SkuId) -> Option<&Sku> {
        self.skus.iter().find(|sku| sku.sku == id)
    }

    /// An item's pool.
    ///
    /// # Panics
    /// If the sale has no such item: orders hold only items of their sale.
    pub fn pool_mut(&mut self, id: SkuId) -> &mut UnitPool {
        let sku = self.skus.iter_mut().find(|sku| sku.sku == id);
        &mut sku.expect("an order's items are items of its sale").pool
    }

    /// A user's latest order; the ones before follow by [`Order::previous`].
    pub fn latest_order(&self, user: &UserId) -> Option<OrderId> {
        self.latest.get(user).copied()
    }

    /// Units per user and item that are held or bought.
    pub fn bought(&self) -> impl Iterator<Item = (UserId, SkuId, u32)> {
        self.bought.iter().map(|((user, sku), units)| (*user, *sku, *units))
    }
}
