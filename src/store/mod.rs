//! Where a decision becomes atomic and durable: one contract, several keepers of it.
//!
//! A batch of [`Op`]s is the unit of commit. A keeper decides each operation over its [`Tables`], makes the resulting
//! [`Event`]s durable in one go, and only then hands out the answers. The events *are* the log: state is what they add
//! up to, and the outbox of everything downstream, so the three can't differ.

pub mod audit;
pub mod embedded;
mod event;
pub mod journal;
mod keeper;
mod memory;
mod op;
pub mod redis;
mod tables;

pub use embedded::EmbeddedKeeper;
pub use event::{
    Arms, ArmsOfUser, CameOf, CampaignEvent, Cause, CouponEvent, Credit, DrawEvent, Event, ExperimentEvent, GiftEvent,
    PresenceEvent, Recorded, Reservation, Reward, RiskEvent, TalkEvent, TemplateEvent,
};
pub use keeper::{AwaitedBeacon, CommitError, GiftQuery, GiftReply, HoldsOf, Keeper, Own, Query, Reply, Weighed};
pub use memory::MemoryKeeper;
pub use op::{
    Answer, Ask, CampaignAnswer, CampaignAsk, CouponAnswer, CouponAsk, DrawAnswer, DrawAsk, DrawEntry, DrawPrize,
    EnterBy, ExperimentAnswer, ExperimentAsk, GiftAnswer, GiftAsk, Op, Partition, PresenceAnswer, PresenceAsk,
    RiskAnswer, RiskAsk, TalkAnswer, TalkAsk, TemplateAnswer, TemplateAsk,
};
pub use redis::RedisKeeper;
pub use tables::{
    Action, ActivityView, BoardView, Bounds, CouponsView, DECISIONS, ExperimentView, FanClubView, FanView, GateFacts,
    HostAction, Inconsistent, ItemView, KeywordUse, KindView, Needs, Room, Tables, plan_bytes,
};
