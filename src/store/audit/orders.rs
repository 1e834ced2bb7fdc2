//! Orders: held once, ended once, and the pools hold what the orders say.

use std::collections::HashMap;

use super::{Check, Invariant, Verdict};
use crate::rules::{ActivityId, Kind, OrderId, OrderPhase, PaymentOutcome, PriceLine, SkuId, UserId};
use crate::store::{Event, Recorded, Reservation, Tables};

/// A reservation ends once, paid or released, and what is paid in vain is due back.
pub(super) struct OrdersEndOnce {
    phases: HashMap<OrderId, (ActivityId, OrderPhase)>,
    /// What was paid for an order and bought nothing, fen.
    refunds_due: HashMap<OrderId, i64>,
    reserved: u64,
}

impl OrdersEndOnce {
    pub(super) fn over(base: &Tables) -> Self {
        let phases = base.orders().map(|order| (order.id, (order.activity, order.phase)));
        let refunds_due = base.orders().map(|order| (order.id, order.refund_due.get())).filter(|(_, due)| *due > 0);
        Self { phases: phases.collect(), refunds_due: refunds_due.collect(), reserved: 0 }
    }

    fn end(&mut self, no: u64, order: OrderId, from: OrderPhase, to: OrderPhase) -> Verdict<()> {
        match self.phases.get_mut(&order) {
            Some((_, phase)) if *phase == from => {
                *phase = to;
                Ok(())
            }
            found => Err(format!("event {no} ends order {order} as {to:?}: it was {found:?}, not {from:?}")),
        }
    }
}

impl Check for OrdersEndOnce {
    fn invariant(&self) -> Invariant {
        Invariant::OrdersEndOnce
    }

    fn before(&mut self, recorded: &Recorded, _: &Tables) -> Verdict<()> {
        use OrderPhase::{Paid, Released, Reserved};
        let no = recorded.no;
        if let Some(Reservation { activity, order, lines, total, price, .. }) = recorded.event.reservation() {
            let priced: Vec<_> = lines.iter().map(PriceLine::from).collect();
            if price.is_some_and(|price| !price.follows_from(&priced)) {
                return Err(format!("the price of order {order} does not follow from what was frozen with it"));
            }
            self.reserved += 1;
            let sum: i128 = lines.iter().map(|l| i128::from(l.unit_price.get()) * i128::from(l.quantity)).sum();
            if price.is_none() && sum != i128::from(total.get()) {
                return Err(format!("order {order} costs {total} fen, its lines {sum}"));
            }
            return match self.phases.insert(order, (activity, Reserved)) {
                None => Ok(()),
                Some(_) => Err(format!("event {no} reserves order {order} again")),
            };
        }
        match &recorded.event {
            Event::Released { order, .. } => self.end(no, *order, Reserved, Released),
            Event::Paid { order, outcome: PaymentOutcome::Sold, .. } => self.end(no, *order, Reserved, Paid),
            Event::Paid { order, outcome: PaymentOutcome::SoldLate, .. } => self.end(no, *order, Released, Paid),
            Event::Paid { order, amount, outcome: PaymentOutcome::RefundDue, .. } => match self.phases.get(order) {
                Some((_, Released | Paid)) => {
                    *self.refunds_due.entry(*order).or_insert(0) += amount.get();
                    Ok(())
                }
                found => Err(format!("event {no} sends money for order {order} back: it was {found:?}")),
            },
            Event::Archived { activity, .. } => {
                let mut held = None;
                self.phases.retain(|order, (of, phase)| {
                    if of == activity && *phase == Reserved {
                        held = Some(*order);
                    }
                    of != activity
                });
                self.refunds_due.retain(|order, _| self.phases.contains_key(order));
                held.map_or(Ok(()), |order| Err(format!("event {no} drops order {order}, which never ended")))
            }
            _ => Ok(()),
        }
    }

    fn judge(&self, tables: &Tables) -> Verdict {
        let (mut held, mut sold) = (HashMap::new(), HashMap::new());
        let mut bought: HashMap<(ActivityId, UserId, SkuId), u32> = HashMap::new();
        let (mut reserved, mut orders) = (HashMap::<ActivityId, u32>::new(), 0);
        for order in tables.orders() {
            orders += 1;
            let by_log = self.phases.get(&order.id).map(|(_, phase)| *phase);
            if by_log != Some(order.phase) {
                return Err(format!("order {} is {:?}, by the log {by_log:?}", order.id, order.phase));
            }
            let due = self.refunds_due.get(&order.id).copied().unwrap_or(0);
            if order.refund_due.get() != due {
                return Err(format!("{} fen go back for order {}, by the log {due}", order.refund_due, order.id));
            }
            if order.phase == OrderPhase::Reserved {
                *reserved.entry(order.activity).or_default() += 1;
            }
            for line in &order.lines {
                let units = match order.phase {
                    OrderPhase::Reserved => held.entry((order.activity, line.sku)).or_insert(0),
                    OrderPhase::Paid => sold.entry((order.activity, line.sku)).or_insert(0),
                    OrderPhase::Released => continue,
                };
                *units += line.quantity;
                *bought.entry((order.activity, order.user, line.sku)).or_default() += line.quantity;
            }
        }
        if orders != self.phases.len() {
            return Err(format!("{orders} orders, by the log {}", self.phases.len()));
        }
        for activity in tables.activities() {
            let Some(Kind::Sale(sale)) = &activity.kind else { continue };
            let id = activity.id;
            if reserved.get(&id).copied().unwrap_or(0) != sale.reserved_orders {
                return Err(format!("sale {id} counts {} reserved orders, there are others", sale.reserved_orders));
            }
            for sku in &sale.skus {
                let [held, sold] = [&held, &sold].map(|of| of.get(&(id, sku.sku)).copied().unwrap_or(0));
                if (sku.pool.reserved, sku.pool.granted) != (held, sold) {
                    let (reserved, granted) = (sku.pool.reserved, sku.pool.granted);
                    return Err(format!(
                        "item {} of sale {id}: {reserved} reserved and {granted} sold, by the orders {held} and {sold}",
                        sku.sku
                    ));
                }
            }
            for (user, sku, units) in sale.bought() {
                let by_orders = bought.remove(&(id, user, sku)).unwrap_or(0);
                if by_orders != units {
                    return Err(format!("{user} has {units} of item {sku} in sale {id}, by the orders {by_orders}"));
                }
            }
        }
        if let Some(((activity, user, sku), _)) = bought.into_iter().next() {
            return Err(format!("sale {activity} does not know that {user} has item {sku}"));
        }
        Ok(format!("{} reserved, {orders} orders kept", self.reserved))
    }
}
