//! What a live room may decide: pure functions over facts. No I/O, no clock, no randomness of its own: `now` is a
//! parameter, chance is a [`Seed`] drawn once and kept, so that everything replays bit for bit.

mod activity;
mod bag;
mod broadcast;
mod campaign;
mod coupon;
mod decoy;
mod draw;
mod early;
mod eligibility;
mod enrolment;
mod experiment;
mod facts;
mod fingerprint;
mod gift;
mod giveaway;
mod goals;
mod hold;
mod ids;
mod ledger;
mod lifecycle;
mod limits;
mod money;
mod name;
mod outcome;
mod poll;
mod pool;
mod price;
mod rain;
mod recurrence;
mod risk;
mod sale;
mod sanction;
mod seed;
mod split;
mod tally;
mod template;
#[cfg(test)]
pub(crate) mod tests;
mod tier;
mod time;

pub use activity::{Activity, AmendError, Amendment, Kind, KindPlan, Plan, PlanError, Schedule};
pub use bag::{Bag, BagContents, BagPlan, Code, Codes};
pub use broadcast::Broadcast;
pub use campaign::{Campaign, CampaignPhase, CampaignPlan, CampaignTimes, Goals};
pub use coupon::{
    Audience, Coupon, CouponBook, CouponChoice, CouponCounts, CouponDrop, CouponDropPlan, CouponState, CouponTemplate,
    CouponView, FullReduction, Series,
};
pub use decoy::DecoyPlan;
pub use draw::{
    Award, AwardState, Beacon, BeaconError, Chain, Checked, Digest, Draw, DrawLevel, DrawPlan, DrawProof, DrawReceipt,
    DrawRecord, DrawRules, DrawWinner, Drawn, EnterRefused, HexBytes, Occasion, Pass, PrizePlan, ReceiptFault,
    RecordFault, RecordedWinner, Scheme, check_record, draw_name,
};
pub use early::EarlyEntry;
pub use eligibility::{Conditions, GiftSent, Known};
pub use enrolment::{Enrolment, EnrolmentPlan, SignUp};
pub use experiment::{Arm, ArmResults, Experiment, ExperimentPlan, InArm};
pub use facts::{AccountFacts, CheckIn, Facts, Stay, Talked};
pub use fingerprint::Fingerprint;
pub use gift::{
    Board, BoardId, Boards, Catalogue, CatalogueError, Combo, DailyCap, Fan, FanClub, FanClubError, FanClubSettings,
    FanGain, FanSource, Gift, Place, Seats, Span,
};
pub use giveaway::{Giveaway, Taken};
pub use goals::{CheckInPlan, GoalPlan, GoalPools, Reached, WatchTaskPlan};
pub use hold::{Hold, HoldPolicy, HoldState, UnitId};
pub use ids::{
    ActivityId, ActivityTemplateId, ArmId, CampaignId, ComboId, CouponId, ExperimentId, GiftId, OrderId, RecurrenceId,
    RequestId, RiskReason, RoomId, SkuId, StackGroup, TemplateId, UserId,
};
pub use ledger::{Account, Currency, Ledger, Overdraft, Posting};
pub use lifecycle::{Phase, Step};
pub use limits::{Limits, WinCap};
pub use money::{Coins, Fen, MoneyError};
pub use name::{InvalidName, Name};
pub use outcome::{Grant, NotDone, NotDoneCode, Prize, Refusal, RefusalCode};
pub use poll::{Ballot, Choice, Poll, PollPlan};
pub use pool::{StockError, UnitPool};
pub use price::{Discount, Offer, OfferSource, Price, PriceError, PriceLine, PriceStep, Scope, StepOutcome};
pub use rain::{BonusPlan, Rain, RainPlan, RainSummary, Split, WavePlan};
pub use recurrence::{Occurrence, Recurrence, Weekday, Zone};
pub use risk::Risk;
pub use sale::{CartLine, Declined, Order, OrderLine, OrderPhase, PaymentOutcome, Sale, SalePlan, Sku, SkuPlan};
pub use sanction::{Sanction, Sanctions};
pub use seed::{Seed, Stream};
pub use tally::{Brought, Tally};
pub use template::{Came, MissedBecause, Recurring};
pub use tier::{Closeness, Tier, TierRules};
pub use time::Time;
