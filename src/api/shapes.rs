//! The JSON of the API. Amounts are integers in fen (1/100 yuan), times are milliseconds since the epoch.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::problem::Problem;
use crate::rules::{
    Amendment, BonusPlan, Fen, KindPlan, Limits, MoneyError, Plan, RainPlan, RoomId, SalePlan, Schedule, SkuId,
    SkuPlan, Split, Time, UserId, WavePlan, WinCap,
};
use crate::store::{ActivityView, ItemView, KindView};

/// A new room.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewRoom {
    /// Whose it is; the caller if not named. Only operators name somebody else.
    pub host: Option<String>,
    /// The room's time zone, minutes east of Greenwich.
    #[serde(default)]
    pub utc_offset_min: i32,
}

/// A room.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct RoomShape {
    /// Its id.
    pub room: String,
    /// Whose it is.
    pub host: String,
    /// Viewers now.
    pub online: u32,
}

/// A new activity: exactly one of `rain` and `sale`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewActivity {
    /// 1 to 200 bytes.
    pub title: String,
    /// Whose wallet pays; the caller's if not named. Only operators name somebody else.
    pub sponsor: Option<String>,
    /// When it opens; otherwise it waits for the host.
    pub opens_at_ms: Option<i64>,
    /// How long before that it is announced.
    #[serde(default)]
    pub warm_up_ms: u64,
    /// Limits beyond the activity.
    #[serde(default)]
    pub limits: NewLimits,
    /// Red-packet rain.
    pub rain: Option<NewRain>,
    /// Flash sale.
    pub sale: Option<NewSale>,
}

/// How often one user may win in the room.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewLimits {
    /// Wins on one day of the room's time zone, 1 to 1,000.
    pub per_room_day: Option<u32>,
    /// Wins in a moving window, 1 to 1,000.
    pub win_cap: Option<NewWinCap>,
}

/// At most so many wins in a moving window.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewWinCap {
    /// Wins, 1 to 1,000.
    pub wins: u32,
    /// Window, 1 ms to 31 days.
    pub window_ms: u64,
}

/// A red-packet rain.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewRain {
    /// All the cash.
    pub budget_fen: i64,
    /// Shares, coupons included; or give `waves`.
    pub shares: Option<u32>,
    /// When how many shares come; what one wave leaves over joins the next.
    pub waves: Option<Vec<NewWave>>,
    /// How the cash is split.
    #[serde(default)]
    pub split: NewSplit,
    /// Smallest cash share, at least 1.
    #[serde(default = "one")]
    pub share_min_fen: i64,
    /// Largest cash share; the budget if not named.
    pub share_max_fen: Option<i64>,
    /// 5,000 to 120,000.
    pub duration_ms: u64,
    /// 1 to 99.
    #[serde(default = "one_u32")]
    pub grants_per_user: u32,
    /// Shares that are coupons instead of cash.
    #[serde(default)]
    pub bonus: Vec<NewBonus>,
}

/// How cash is split into shares.
#[derive(Debug, Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum NewSplit {
    /// As equal as whole fen allow.
    Equal,
    /// By chance.
    #[default]
    Random,
}

/// One wave.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewWave {
    /// After the opening.
    pub after_ms: u64,
    /// Shares.
    pub shares: u32,
}

/// Coupons among the shares.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewBonus {
    /// The coupon template, 1 to 64 bytes.
    pub coupon: String,
    /// How many.
    pub shares: u32,
}

/// A flash sale.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewSale {
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
pub(super) struct NewSku {
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

/// A change to an open activity. What is not named stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewAmendment {
    /// Units added to (or, below zero, taken from) items of a sale.
    #[serde(default)]
    pub stock: Vec<NewStock>,
    /// Cash added to a rain…
    #[serde(default)]
    pub budget_fen: i64,
    /// …in so many new shares.
    #[serde(default)]
    pub shares: u32,
    /// A later end.
    #[serde(default)]
    pub extend_ms: u64,
}

/// A change of one item's stock.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewStock {
    /// Which item.
    pub sku: u32,
    /// How many units more (or, below zero, fewer).
    pub units: i32,
}

/// An activity as it stands.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ActivityShape {
    /// Its number.
    pub activity: u64,
    /// Its room.
    pub room: String,
    /// `red_packet_rain` or `flash_sale`.
    pub kind: &'static str,
    /// Its name.
    pub title: String,
    /// draft, review, scheduled, warm_up, open, closed, settled, cancelled.
    pub phase: &'static str,
    /// What the review found wanting.
    pub reasons: Vec<String>,
    /// Whose wallet pays.
    pub sponsor: String,
    /// When claims begin or began.
    pub opens_at_ms: Option<i64>,
    /// When claims end or ended.
    pub closes_at_ms: Option<i64>,
    /// Amendments so far.
    pub amendment: u32,
    /// Cash paid in so far.
    pub funded_fen: i64,
    /// Cash that was paid in and not given.
    pub unspent_fen: i64,
    /// Pools: the shares of a rain, the items of a sale. Empty before the opening.
    pub pools: Vec<PoolShape>,
    /// Orders that hold stock.
    pub reserved_orders: u32,
    /// Who got what, once a rain has ended.
    pub result: Option<RainResultShape>,
}

/// The counts of a pool: granted + reserved + free (+ units of later waves) = stock.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PoolShape {
    /// The item; 0 for the shares of a rain.
    pub sku: u32,
    /// Units at the start and added since, less those taken away.
    pub stock: u32,
    /// Units that may be given now.
    pub free: u32,
    /// Units held by orders.
    pub reserved: u32,
    /// Units given for good.
    pub granted: u32,
    /// The latest opening's number.
    pub opening: u32,
}

/// What came of a rain.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct RainResultShape {
    /// Users who got at least one share.
    pub winners: u32,
    /// Shares given.
    pub grants: u32,
    /// Cash given.
    pub total_fen: i64,
    /// 手气最佳.
    pub luckiest: Option<String>,
    /// How much that was.
    pub luckiest_fen: i64,
}

/// The number of an amendment.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AmendedShape {
    /// From 1.
    pub amendment: u32,
}

/// Money into a wallet.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewTopUp {
    /// `fen` or `coins`.
    pub currency: CurrencyShape,
    /// 1 to 10^13.
    pub amount: i64,
}

/// What is counted.
#[derive(Debug, Clone, Copy, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum CurrencyShape {
    /// 1/100 yuan.
    Fen,
    /// Gift coins.
    Coins,
}

/// What a wallet holds.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct WalletShape {
    /// Whose.
    pub user: String,
    /// Cash.
    pub fen: i64,
    /// Gift coins.
    pub coins: i64,
}

/// What a wallet holds after a top-up.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ToppedUpShape {
    /// In the currency of the top-up.
    pub balance: i64,
}

/// A payment provider's word that an order was paid.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewPayment {
    /// Which order.
    pub order: u64,
    /// The provider's name for the payment, 1 to 128 bytes.
    pub payment: String,
    /// How much.
    pub amount_fen: i64,
}

/// What became of a payment.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PaidShape {
    /// Which order.
    pub order: u64,
    /// `sold`, `sold_late` or `refund_due`.
    pub outcome: &'static str,
}

/// Something that a host or an operator did.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ActionShape {
    /// The event's number.
    pub event: u64,
    /// When.
    pub at_ms: i64,
    /// Who.
    pub by: String,
    /// What.
    pub action: String,
    /// To which activity.
    pub activity: Option<u64>,
}

fn one() -> i64 {
    1
}

fn one_u32() -> u32 {
    1
}

fn hold_ms() -> u64 {
    300_000
}

/// Reads a room's id.
pub(super) fn room_id(text: &str) -> Result<RoomId, Problem> {
    RoomId::parse(text).map_err(|why| Problem::invalid(format!("a room id {why}")))
}

/// Reads a user's id.
pub(super) fn user_id(text: &str) -> Result<UserId, Problem> {
    UserId::parse(text).map_err(|why| Problem::invalid(format!("a user id {why}")))
}

/// Reads an amount.
pub(super) fn fen(field: &'static str, amount: i64) -> Result<Fen, Problem> {
    Fen::new(amount).map_err(|why| match why {
        MoneyError::NotPositive => Problem::invalid(format!("{field} must not be negative")),
        MoneyError::TooLarge => Problem::invalid(format!("{field} {why}")),
    })
}

impl NewActivity {
    /// The plan, with `sponsor` paying.
    pub(super) fn plan(self, sponsor: UserId) -> Result<Plan, Problem> {
        let kind = match (self.rain, self.sale) {
            (Some(rain), None) => KindPlan::Rain(rain.plan()?),
            (None, Some(sale)) => KindPlan::Sale(sale.plan()?),
            _ => return Err(Problem::invalid("an activity is exactly one of rain and sale")),
        };
        let NewLimits { per_room_day, win_cap } = self.limits;
        let win_cap = win_cap.map(|NewWinCap { wins, window_ms }| WinCap { wins, window_ms });
        Ok(Plan {
            title: self.title,
            sponsor,
            schedule: Schedule { opens_at: self.opens_at_ms.map(Time::from_ms), warm_up_ms: self.warm_up_ms },
            limits: Limits { per_room_day, win_cap },
            kind,
        })
    }
}

impl NewRain {
    fn plan(self) -> Result<RainPlan, Problem> {
        let waves = match (self.shares, self.waves) {
            (Some(shares), None) => vec![WavePlan { after_ms: 0, shares }],
            (None, Some(waves)) => {
                waves.into_iter().map(|NewWave { after_ms, shares }| WavePlan { after_ms, shares }).collect()
            }
            _ => return Err(Problem::invalid("a rain has exactly one of shares and waves")),
        };
        let bonus = self.bonus.into_iter().map(|NewBonus { coupon, shares }| BonusPlan { coupon, shares });
        let budget = fen("budget_fen", self.budget_fen)?;
        let share_min = fen("share_min_fen", self.share_min_fen)?;
        let share_max = match self.share_max_fen {
            Some(max) => fen("share_max_fen", max)?,
            None => budget.max(share_min),
        };
        Ok(RainPlan {
            budget,
            split: match self.split {
                NewSplit::Equal => Split::Equal,
                NewSplit::Random => Split::Random,
            },
            share_min,
            share_max,
            duration_ms: self.duration_ms,
            grants_per_user: self.grants_per_user,
            waves,
            bonus: bonus.collect(),
        })
    }
}

impl NewSale {
    fn plan(self) -> Result<SalePlan, Problem> {
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

impl NewAmendment {
    pub(super) fn amendment(self) -> Result<Amendment, Problem> {
        if self.stock.len() > SalePlan::SKUS_MAX {
            return Err(Problem::invalid("stock names at most 50 items"));
        }
        Ok(Amendment {
            stock: self.stock.into_iter().map(|change| (SkuId(change.sku), change.units)).collect(),
            budget: fen("budget_fen", self.budget_fen)?,
            shares: self.shares,
            extend_ms: self.extend_ms,
        })
    }
}

impl From<&ActivityView> for ActivityShape {
    fn from(view: &ActivityView) -> Self {
        let pool = |sku: u32, pool: &ItemView| PoolShape {
            sku,
            stock: pool.stock,
            free: pool.free,
            reserved: pool.reserved,
            granted: pool.granted,
            opening: pool.opening,
        };
        let (mut pools, mut orders, mut result) = (Vec::new(), 0, None);
        match &view.kind {
            Some(KindView::Rain { pool: shares, summary }) => {
                pools.push(pool(0, shares));
                result = summary.as_ref().map(|summary| RainResultShape {
                    winners: summary.winners,
                    grants: summary.grants,
                    total_fen: summary.total.get(),
                    luckiest: summary.luckiest.as_ref().map(|(user, _)| user.to_string()),
                    luckiest_fen: summary.luckiest.as_ref().map_or(0, |(_, cash)| cash.get()),
                });
            }
            Some(KindView::Sale { items, reserved_orders }) => {
                pools.extend(items.iter().map(|(sku, item)| pool(sku.0, item)));
                orders = *reserved_orders;
            }
            None => {}
        }
        Self {
            activity: view.id.0,
            room: view.room.to_string(),
            kind: match &view.plan.kind {
                KindPlan::Rain(_) => "red_packet_rain",
                KindPlan::Sale(_) => "flash_sale",
            },
            title: view.plan.title.clone(),
            phase: view.phase.word(),
            reasons: view.reasons.clone(),
            sponsor: view.plan.sponsor.to_string(),
            opens_at_ms: view.opens_at.map(Time::ms),
            closes_at_ms: view.closes_at.map(Time::ms),
            amendment: view.amendment,
            funded_fen: view.funded.get(),
            unspent_fen: view.unspent.get(),
            pools,
            reserved_orders: orders,
            result,
        }
    }
}
