//! Changes to an open activity.

use serde::{Deserialize, Serialize};

use super::{Activity, Kind, KindPlan, PlanError};
use crate::rules::{Codes, Fen, SkuId, StockError};

/// A change to an open activity (追加库存、延长活动). What is not named stays.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Amendment {
    /// Units added to (or, below zero, taken from) items of a sale.
    pub stock: Vec<(SkuId, i32)>,
    /// Cash added to a rain, fen, from the sponsor's wallet…
    pub budget: Fen,
    /// …in as many new shares. Or so many coupons added to a drop, prizes to a bag for newcomers.
    pub shares: u32,
    /// A later end.
    pub extend_ms: u64,
    /// Codes added to a bag of codes.
    pub codes: Codes,
}

/// Why an amendment is not possible.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AmendError {
    /// It changes nothing, or names what the kind does not have.
    #[error("{0}")]
    Invalid(&'static str),
    /// The sale has no such item.
    #[error("the sale has no item {0}")]
    UnknownSku(SkuId),
    /// Stock can't change so.
    #[error("item {0}: {1}")]
    Stock(SkuId, StockError),
    /// The added budget can't be split into the added shares.
    #[error("{0}")]
    Plan(#[from] PlanError),
}

impl Activity {
    /// Makes an amendment that [`Self::may_amend`] allowed. `event` is its event's number.
    pub fn amend(&mut self, event: u64, number: u32, amendment: &Amendment) {
        self.amendment = number;
        self.closes_at = self.closes_at.map(|at| at.after_ms(amendment.extend_ms));
        self.funded = self.funded.plus(amendment.budget).expect("the amendment was checked");
        match (&mut self.kind, &self.plan.kind) {
            (Some(Kind::Rain(rain)), KindPlan::Rain(plan)) if amendment.shares > 0 => {
                rain.add(plan, &self.seed, number, amendment.budget, amendment.shares);
            }
            (Some(Kind::WatchTask(goals) | Kind::CheckIn(goals)), _) => goals.amend(amendment),
            (Some(Kind::Drop(drop)), _) => drop.giveaway.pool.add(amendment.shares),
            (Some(Kind::Bag(bag)), _) => bag.amend(amendment),
            (Some(Kind::Sale(sale)), _) => {
                for &(sku, units) in &amendment.stock {
                    let pool = sale.pool_mut(sku);
                    if units > 0 {
                        pool.add(units.unsigned_abs());
                    } else {
                        pool.write_off(units.unsigned_abs(), event);
                    }
                }
            }
            _ => {}
        }
    }

    /// Whether `amendment` may be made.
    pub fn may_amend(&self, amendment: &Amendment) -> Result<(), AmendError> {
        if *amendment == Amendment::default() {
            return Err(AmendError::Invalid("an amendment changes something"));
        }
        if self.plan.decoy.is_some() && (amendment.shares > 0 || amendment.budget > Fen::ZERO) {
            return Err(AmendError::Invalid("only the end of a decoy changes"));
        }
        if amendment.extend_ms > 86_400_000 {
            return Err(AmendError::Invalid("extend_ms must be at most 86,400,000"));
        }
        if amendment.codes.count() > 0 && !matches!(self.kind, Some(Kind::Bag(_))) {
            return Err(AmendError::Invalid("only a bag of codes is given codes"));
        }
        match (&self.kind, &self.plan.kind) {
            (Some(Kind::Bag(bag)), KindPlan::Bag(plan)) => {
                let total = self.funded.plus(amendment.budget);
                total.map_err(|_| AmendError::Invalid("must not cost more than 10^13 fen"))?;
                bag.may_amend(plan, amendment)
            }
            (Some(Kind::Sale(sale)), _) => {
                if amendment.shares > 0 || amendment.budget > Fen::ZERO {
                    return Err(AmendError::Invalid("a sale has no shares and no budget"));
                }
                for (place, &(id, units)) in amendment.stock.iter().enumerate() {
                    if units == 0 || amendment.stock[..place].iter().any(|(other, _)| *other == id) {
                        return Err(AmendError::Invalid("stock changes name an item once, and some units"));
                    }
                    let sku = sale.sku(id).ok_or(AmendError::UnknownSku(id))?;
                    sku.pool.may_change(units).map_err(|why| AmendError::Stock(id, why))?;
                }
                Ok(())
            }
            (Some(Kind::Rain(rain)), KindPlan::Rain(plan)) => {
                if !amendment.stock.is_empty() {
                    return Err(AmendError::Invalid("a rain has no items"));
                }
                let units = i32::try_from(amendment.shares).unwrap_or(i32::MAX);
                if rain.giveaway.pool.may_change(units).is_err() || self.funded.plus(amendment.budget).is_err() {
                    return Err(AmendError::Invalid("a rain has at most 10,000,000 shares and 10^13 fen"));
                }
                Ok(plan.check_cash(amendment.budget, u64::from(amendment.shares))?)
            }
            (Some(Kind::WatchTask(goals) | Kind::CheckIn(goals)), _) => {
                let total = self.funded.plus(amendment.budget);
                total.map_err(|_| AmendError::Invalid("must not cost more than 10^13 fen"))?;
                goals.may_amend(self.plan.kind.goals(), amendment)
            }
            (Some(Kind::Draw(_)), _) => {
                Err(AmendError::Invalid("a draw's rules are published: nothing of it is amended"))
            }
            (Some(Kind::Poll(_) | Kind::Enrolment(_)), _) => {
                if amendment.shares > 0 || amendment.budget > Fen::ZERO || !amendment.stock.is_empty() {
                    return Err(AmendError::Invalid("only the end of a poll or an enrolment changes"));
                }
                Ok(())
            }
            (Some(Kind::Drop(drop)), _) => {
                if !amendment.stock.is_empty() || amendment.budget > Fen::ZERO {
                    return Err(AmendError::Invalid("a drop has coupons (shares), no items and no budget"));
                }
                let units = i32::try_from(amendment.shares).unwrap_or(i32::MAX);
                let fits = drop.giveaway.pool.may_change(units);
                fits.map_err(|_| AmendError::Invalid("a drop has at most 10,000,000 coupons"))
            }
            _ => Err(AmendError::Invalid("only an open activity is amended")),
        }
    }
}
