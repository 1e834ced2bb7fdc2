//! Wallets, top-ups, payments.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Money into a wallet.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct NewTopUp {
    /// `fen` or `coins`.
    pub currency: CurrencyShape,
    /// 1 to 10^13.
    pub amount: i64,
}

/// What is counted.
#[derive(Debug, Clone, Copy, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::api) enum CurrencyShape {
    /// 1/100 yuan.
    Fen,
    /// Gift coins.
    Coins,
}

/// What a wallet holds.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct WalletShape {
    /// Whose.
    pub user: String,
    /// Cash.
    pub fen: i64,
    /// Cash that was won and is held: not here yet.
    pub held_fen: i64,
    /// Gift coins.
    pub coins: i64,
}

/// What a wallet holds after a top-up.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct ToppedUpShape {
    /// In the currency of the top-up.
    pub balance: i64,
}

/// A payment provider's word that an order was paid.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct NewPayment {
    /// Which order.
    pub order: u64,
    /// The provider's name for the payment, 1 to 128 bytes.
    pub payment: String,
    /// How much.
    pub amount_fen: i64,
}

/// What became of a payment.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct PaidShape {
    /// Which order.
    pub order: u64,
    /// `sold`, `sold_late` or `refund_due`.
    pub outcome: &'static str,
}
