//! Lucky bags that are not drawn.

use std::fmt;

use serde::Deserialize;
use utoipa::ToSchema;

use super::{Problem, fen};
use crate::rules::{BagContents, BagPlan, Code, Codes, Prize};

/// A lucky bag for newcomers: first come first served. Exactly one of `amount_fen`, `coupon` and `item`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct NewNewcomerBag {
    /// How many prizes there are, 1 to 10,000,000.
    pub count: u32,
    /// Cash in each.
    pub amount_fen: Option<i64>,
    /// A coupon's template, 1 to 64 bytes.
    pub coupon: Option<String>,
    /// A thing, by its name: 1 to 64 bytes.
    pub item: Option<String>,
    /// 1,000 to 86,400,000.
    pub duration_ms: u64,
}

/// A lucky bag of codes: each goes to one winner, in the order of the list, and the last closes it. They are never shown again but to
/// their winners.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct NewCodeBag {
    /// 1 to 5,000 codes that differ, each of 1 to 64 visible ASCII characters. When the bag is handed in, none may be in another bag of
    /// the room that is still to be given from, nor among what was given of one that is not forgotten yet (`code_taken`).
    pub codes: Vec<String>,
    /// 1,000 to 86,400,000.
    pub duration_ms: u64,
}

impl NewNewcomerBag {
    pub(super) fn plan(self) -> Result<BagPlan, Problem> {
        let prize = match (self.amount_fen, self.coupon, self.item) {
            (Some(amount), None, None) => Prize::Cash(fen("amount_fen", amount)?),
            (None, Some(coupon), None) => Prize::Coupon(coupon),
            (None, None, Some(item)) => Prize::Item(item),
            _ => return Err(Problem::invalid("a bag has exactly one of amount_fen, coupon and item")),
        };
        Ok(BagPlan { contents: BagContents::Newcomer { prize, count: self.count }, duration_ms: self.duration_ms })
    }
}

impl NewCodeBag {
    pub(super) fn plan(self) -> Result<BagPlan, Problem> {
        Ok(BagPlan { contents: BagContents::Codes(codes(&self.codes)?), duration_ms: self.duration_ms })
    }
}

/// Reads a list of codes. What is wrong is told by its place, not by what it says.
pub(super) fn codes(texts: &[String]) -> Result<Codes, Problem> {
    let code = |(place, text): (usize, &String)| {
        Code::parse(text).map_err(|why| Problem::invalid(format!("codes: number {place}: {why}")))
    };
    (1..).zip(texts).map(code).collect()
}

impl fmt::Debug for NewCodeBag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NewCodeBag({} codes)", self.codes.len())
    }
}
