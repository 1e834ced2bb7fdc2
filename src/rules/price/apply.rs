//! A slip on which discounts are taken off, one after the other.

use super::portion::portion;
use super::{Offer, Price, PriceLine, Scope, StepOutcome};
use crate::rules::Fen;

/// What each line still costs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Slip {
    amounts: [i64; Price::LINES_MAX],
    count: usize,
    total: i64,
}

impl Slip {
    /// The lines at their prices; `None` if that is more than any amount.
    pub(super) fn of(lines: &[PriceLine]) -> Option<Self> {
        let mut slip = Self { amounts: [0; Price::LINES_MAX], count: lines.len(), total: 0 };
        let mut total = Fen::ZERO;
        for (amount, line) in slip.amounts.iter_mut().zip(lines) {
            let price = line.unit_price.times(line.quantity).ok()?;
            total = total.plus(price).ok()?;
            *amount = price.get();
        }
        slip.total = total.get();
        Some(slip)
    }

    pub(super) fn total(&self) -> i64 {
        self.total
    }

    pub(super) fn lines(&self) -> &[i64] {
        &self.amounts[..self.count]
    }

    /// What the lines come to that an offer is good for.
    pub(super) fn base(&self, lines: &[PriceLine], offer: &Offer) -> i64 {
        match &offer.scope {
            Scope::Shop | Scope::Platform => self.total,
            Scope::Items(_) => {
                let covered = lines.iter().zip(self.lines()).filter(|(line, _)| offer.covers(line.sku));
                covered.map(|(_, amount)| amount).sum()
            }
        }
    }

    /// What comes of an offer here.
    pub(super) fn weigh(
        &self, lines: &[PriceLine], offer: &Offer, taken: impl FnOnce(&crate::rules::StackGroup) -> bool,
    ) -> StepOutcome {
        let base = self.base(lines, offer);
        let amount = |amount| Fen::new(amount).expect("a part of an amount is one");
        match offer.off(base).map(|off| off.min(self.total - 1)) {
            None => StepOutcome::BelowThreshold { base: amount(base) },
            Some(_) if taken(&offer.group) => StepOutcome::GroupTaken,
            Some(off) if off <= 0 => StepOutcome::NothingOff,
            Some(off) => StepOutcome::Applied { base: amount(base), off: amount(off) },
        }
    }

    /// Takes `off` from the lines that an offer is good for.
    pub(super) fn take(&mut self, lines: &[PriceLine], offer: &Offer, off: impl Into<i64>) {
        let off = off.into();
        let mut weights = [0; Price::LINES_MAX];
        for ((weight, amount), line) in weights.iter_mut().zip(self.amounts).zip(lines) {
            *weight = if offer.covers(line.sku) { amount } else { 0 };
        }
        let mut parts = [0; Price::LINES_MAX];
        portion(off, &weights[..self.count], &mut parts[..self.count]);
        self.amounts.iter_mut().zip(parts).for_each(|(amount, part)| *amount -= part);
        self.total -= off;
    }
}
