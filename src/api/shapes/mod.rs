//! The JSON of the API, a file for each family. Amounts are integers in fen (1/100 yuan), times are milliseconds since the epoch.

mod activity;
mod bag;
mod broadcast;
mod campaign;
mod conditions;
mod coupon;
mod draw;
mod experiment;
mod gift;
mod goals;
mod hold;
mod rain;
mod risk;
mod room;
mod sale;
mod talk;
mod template;
mod viewer;
mod wallet;

use super::problem::Problem;
use crate::rules::{Fen, MoneyError, RoomId, UserId};

pub(super) use activity::{ActivityShape, AmendedShape, NewActivity, NewAmendment};
pub(super) use broadcast::BroadcastShape;
pub(super) use campaign::{CampaignShape, Joining, NewCampaign};
pub(super) use coupon::{
    CouponIssuedShape, CouponTemplateShape, NewCoupon, NewCouponTemplate, NewQuote, PriceShape, ReductionShape,
    ScopeShape, template_id,
};
pub(super) use draw::DrawBeaconShape;
pub(super) use experiment::{ExperimentShape, NewExperiment, experiment_id};
pub(super) use gift::{
    BoardShape, CatalogueShape, EarningsShape, FanClubShape, FanShape, NewCatalogue, NewFanClub, SpanShape, WhichBoard,
};
pub(super) use hold::{HoldPolicyShape, HoldsShape, WhichHolds};
pub(super) use risk::{NewRisk, NewRiskOf, RiskShape, RisksJudgedShape};
pub(super) use room::{ActionShape, NewRoom, RoomShape};
pub(super) use talk::{NewSanction, SanctionShape};
pub(super) use template::{
    NewFromTemplate, NewRecurrence, NewTemplate, RecurrenceShape, TemplateShape, activity_template_id,
};
pub(super) use viewer::ViewerShape;
pub(super) use wallet::{CurrencyShape, NewPayment, NewTopUp, PaidShape, ToppedUpShape, WalletShape};

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

fn one_u32() -> u32 {
    1
}
