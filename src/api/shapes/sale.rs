//! Flash sale.

use serde::Deserialize;
use utoipa::ToSchema;

use super::{Problem, fen, one_u32};
use crate::rules::{SalePlan, SkuId, SkuPlan};

/// A flash sale.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct NewSale {
    /// 1 to 50 items.
    pub skus: Vec<NewSku>,
    /// 1,000 to 86,400,000.
    pub duration_ms: u64,
    /// How long an order holds its stock unpaid, 1,000 to 3,600,000; 300,000 if not named.
    #[serde(default = "hold_ms")]
    pub hold_ms: u64,
}

/// An item of a sale.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct NewSku {
    /// Its number within the sale.
    pub sku: u32,
    /// 1 to 200 bytes.
    pub title: String,
    /// What it costs otherwise.
    pub list_price_fen: i64,
    /// What it costs here.
    pub sale_price_fen: i64,
    /// 1 to 10,000,000 units.
    pub stock: u32,
    /// Units for one user.
    #[serde(default = "one_u32")]
    pub per_user_limit: u32,
    /// 质检报告. Without it the review does not pass.
    pub quality_report: Option<String>,
    /// 溯源凭证. Without it the review does not pass.
    pub trace_certificate: Option<String>,
}

/// A change of one item's stock.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct NewStock {
    /// Which item.
    pub sku: u32,
    /// How many units more (or, below zero, fewer).
    pub units: i32,
}

impl NewSale {
    pub(super) fn plan(self) -> Result<SalePlan, Problem> {
        let skus = self.skus.into_iter().map(|sku| {
            Ok(SkuPlan {
                sku: SkuId(sku.sku),
                title: sku.title,
                list_price: fen("skus.list_price_fen", sku.list_price_fen)?,
                sale_price: fen("skus.sale_price_fen", sku.sale_price_fen)?,
                stock: sku.stock,
                per_user_limit: sku.per_user_limit,
                quality_report: sku.quality_report,
                trace_certificate: sku.trace_certificate,
            })
        });
        let skus = skus.collect::<Result<_, Problem>>()?;
        Ok(SalePlan { skus, duration_ms: self.duration_ms, hold_ms: self.hold_ms })
    }
}

fn hold_ms() -> u64 {
    300_000
}
