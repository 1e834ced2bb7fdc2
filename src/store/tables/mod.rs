//! The state that events add up to.
//!
//! `decide` reads the tables and says what an operation comes to; `evolve` writes an event into them. Nothing else
//! writes. Replaying the log is `evolve` over all events, and gives the same tables.

mod ahead;
mod campaigns;
mod combos;
mod coupons;
mod decide;
mod digest;
mod evolve;
mod experiments;
mod holds;
mod receipts;
mod risks;
mod templates;
#[cfg(test)]
mod tests;
mod view;

use std::collections::{BTreeSet, HashMap, VecDeque};

use foldhash::quality::FixedState;
use serde::{Deserialize, Serialize};

use crate::rules::{
    Activity, ActivityId, ActivityTemplateId, Boards, Broadcast, CampaignId, Catalogue, ComboId, CouponBook,
    ExperimentId, Facts, FanClub, Fingerprint, GiftId, Ledger, Order, OrderId, OrderPhase, RecurrenceId, RequestId,
    RoomId, Sanction, Sanctions, Series, Step, TemplateId, TierRules, Time, UserId,
};

use super::{Answer, Event, Op};
use campaigns::Campaigns;
use combos::Combos;
use coupons::PlatformCoupons;
use experiments::Experiments;
use holds::Holds;
use receipts::{Receipt, Receipts};
use risks::Risks;
use templates::Templates;

pub use evolve::Inconsistent;
pub use experiments::ExperimentView;
pub use templates::plan_bytes;
pub use view::{
    ActivityView, BoardView, CouponsView, FanClubView, FanView, GateFacts, ItemView, KeywordUse, KindView, Needs,
};

/// The version of what `decide` and `evolve` come to. Nodes that share a log of operations must come to the same: any
/// change of an answer, an event or the state counts it up. A test over random operations notices.
pub const DECISIONS: u32 = 7;

type Map<K, V> = HashMap<K, V, FixedState>;

/// What bounds the state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Most rooms.
    pub rooms_max: usize,
    /// Most activities of a room that are not archived.
    pub activities_per_room_max: usize,
    /// How long an ended activity stays, with its receipts and orders, ms. Until then a repeated request gets its
    /// first answer; afterwards, `unknown_activity`. Limits on wins can't look further back.
    /// So long does what belongs to no activity stay at least: receipts of gifts, boards that nobody adds to.
    pub retention_ms: u64,
    /// Most users of a room of whom anything is known. Others are strangers, however long they watch.
    pub audience_per_room_max: usize,
    /// After how long an absence a user is forgotten, ms: with the room's next broadcast.
    pub audience_kept_ms: u64,
    /// The window of combos: the next gift must come within it, ms.
    pub combo_window_ms: u64,
    /// How tiers are reached.
    pub tiers: TierRules,
}

impl Bounds {
    /// No server may be configured to know fewer viewers of a room (`server/config/check`).
    pub const AUDIENCE_MIN: usize = 1_000;
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            rooms_max: 100_000,
            activities_per_room_max: 1_000,
            retention_ms: 7 * 86_400_000,
            audience_per_room_max: 1_000_000,
            audience_kept_ms: 90 * 86_400_000,
            combo_window_ms: 3_000,
            tiers: TierRules::default(),
        }
    }
}

/// All state of one keeper.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tables {
    #[serde(skip)]
    bounds: Bounds,
    /// The number of the latest event.
    latest_no: u64,
    /// When it was decided.
    latest_at: Time,
    latest_activity: u64,
    latest_order: u64,
    rooms: Map<RoomId, Room>,
    activities: Map<ActivityId, Activity>,
    orders: Map<OrderId, Order>,
    ledger: Ledger,
    wallet_receipts: Map<(UserId, RequestKey), Receipt>,
    campaigns: Campaigns,
    platform_receipts: Receipts,
    catalogue: Catalogue,
    combos: Combos,
    templates: Templates,
    platform_coupons: PlatformCoupons,
    risks: Risks,
    holds: Holds,
    experiments: Experiments,
    /// What timers wait for: follows from activities, orders and bounds, so no snapshot holds it.
    #[serde(skip)]
    due: BTreeSet<(Time, Due)>,
    /// The same, for coupon templates.
    #[serde(skip)]
    due_coupons: BTreeSet<(Time, RoomId, TemplateId)>,
    /// Closed draws that wait for their beacon: follows from activities.
    #[serde(skip)]
    awaiting_beacons: BTreeSet<ActivityId>,
}

/// A room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Room {
    /// Whose it is.
    pub host: UserId,
    /// Its time zone, minutes east of Greenwich.
    pub utc_offset_min: i32,
    /// The latest broadcast, whether it is on or over.
    pub broadcast: Option<Broadcast>,
    /// The latest days, of the room's time zone, on which a broadcast began: the latest first.
    broadcast_days: [Option<i64>; 2],
    /// What is known of its viewers.
    audience: Map<UserId, Facts>,
    activities: Vec<ActivityId>,
    coupons: CouponBook,
    receipts: Receipts,
    /// Who is muted or banned.
    sanctions: Sanctions,
    /// What hosts and operators did here: the latest [`Room::TRAIL_KEPT`] actions. The events' sink has them all.
    trail: VecDeque<HostAction>,
    /// The latest combo of a sender and a gift, until it has ended.
    running: Map<(UserId, GiftId), ComboId>,
    boards: Boards,
    fan_club: FanClub,
}

/// Something that a host or an operator did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostAction {
    /// The event's number.
    pub no: u64,
    /// When.
    pub at: Time,
    /// Who.
    pub by: UserId,
    /// What.
    pub action: Action,
    /// To which activity.
    pub activity: Option<ActivityId>,
}

/// The kinds of [`HostAction`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Action {
    /// Created the room.
    CreateRoom,
    /// Drafted an activity.
    Draft,
    /// Handed an activity in that did not pass the review.
    Reject,
    /// Took an activity a step further.
    Step(Step),
    /// Amended an open activity.
    Amend(u32),
    /// Went on air.
    StartBroadcast(u32),
    /// Went off air.
    EndBroadcast(u32),
    /// Created a campaign.
    CreateCampaign(CampaignId),
    /// Had an activity join a campaign.
    Include(CampaignId),
    /// Set how the fan club is run.
    SetFanClub,
    /// Brought the beacon by which a draw was drawn.
    Draw,
    /// Muted or banned somebody.
    Impose(Sanction, UserId),
    /// Took that back.
    Lift(Sanction, UserId),
    /// Added a coupon template.
    AddCouponTemplate,
    /// Added a full reduction.
    AddReduction,
    /// Gave somebody a coupon.
    IssueCoupon(UserId),
    /// Saved a template.
    SaveTemplate(ActivityTemplateId),
    /// Deleted a template.
    DeleteTemplate(ActivityTemplateId),
    /// Drafted an activity like a template.
    DraftLike(ActivityTemplateId),
    /// Had a template come again and again.
    Recur(RecurrenceId),
    /// Had a recurrence rest.
    Pause(RecurrenceId),
    /// Had it go on.
    Resume(RecurrenceId),
    /// Ended it.
    EndRecurrence(RecurrenceId),
    /// Began an experiment.
    CreateExperiment(ExperimentId),
    /// Ended it.
    EndExperiment(ExperimentId),
}

impl Room {
    /// The latest broadcast's number; 0 before the first.
    pub fn broadcast_no(&self) -> u32 {
        self.broadcast.map_or(0, |latest| latest.number)
    }

    /// The latest day before `today` on which a broadcast began.
    fn broadcast_day_before(&self, today: i64) -> Option<i64> {
        self.broadcast_days.iter().flatten().copied().find(|day| *day < today)
    }

    /// All of whom anything is known, in no order.
    pub fn audience(&self) -> impl Iterator<Item = (&UserId, &Facts)> {
        self.audience.iter()
    }

    /// What is known of a user.
    pub fn facts(&self, user: &UserId) -> Option<&Facts> {
        self.audience.get(user)
    }

    /// Its coupons.
    pub fn coupons(&self) -> &CouponBook {
        &self.coupons
    }

    /// As many host actions are kept in the tables.
    pub const TRAIL_KEPT: usize = 1_000;

    /// The number of the latest broadcast; 0 before the first.
    pub(super) fn broadcast_number(&self) -> u32 {
        self.broadcast.as_ref().map_or(0, |broadcast| broadcast.number)
    }

    /// Who has given how much.
    pub fn boards(&self) -> &Boards {
        &self.boards
    }

    /// Its fans.
    pub fn fan_club(&self) -> &FanClub {
        &self.fan_club
    }
}

/// Who named a request how.
type RequestKey = (UserId, RequestId);

/// What a timer waits for. Small, for each order moves one: names are behind a pointer.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Due {
    Activity(ActivityId),
    Order(OrderId),
    Campaign(CampaignId),
    /// The older receipts of a room, or of the platform.
    Receipts(Option<Box<RoomId>>),
    Tier(Box<(RoomId, UserId)>),
    Recurrence(RecurrenceId),
    HandIn(ActivityId),
    /// A judgement of an account.
    Risk(Box<UserId>),
    /// Cash that is held.
    Hold(ActivityId, u32),
    Experiment(Box<(RoomId, ExperimentId)>),
}

/// What an operation comes to.
#[derive(Debug)]
pub(super) enum Decision {
    /// It changes nothing: this is the answer.
    Answer(Answer),
    /// It happens; the answer follows from the event.
    Event(Event),
}

impl Tables {
    /// No rooms, no money.
    pub fn new(bounds: Bounds) -> Self {
        Self {
            bounds,
            latest_no: 0,
            latest_at: Time::from_ms(0),
            latest_activity: 0,
            latest_order: 0,
            rooms: Map::default(),
            activities: Map::default(),
            orders: Map::default(),
            ledger: Ledger::default(),
            wallet_receipts: Map::default(),
            campaigns: Campaigns::default(),
            platform_receipts: Receipts::default(),
            catalogue: Catalogue::default(),
            combos: Combos::default(),
            templates: Templates::default(),
            platform_coupons: PlatformCoupons::default(),
            risks: Risks::default(),
            holds: Holds::default(),
            experiments: Experiments::default(),
            due: BTreeSet::new(),
            due_coupons: BTreeSet::new(),
            awaiting_beacons: BTreeSet::new(),
        }
    }

    /// Completes tables that were read from a snapshot: bounds are the configuration's, and timers follow from them.
    #[must_use]
    pub fn bounded(mut self, bounds: Bounds) -> Self {
        self.bounds = bounds;
        self.combos.complete();
        self.rooms.values_mut().for_each(|room| room.receipts.complete());
        self.holds.complete();
        let reserved = self.orders.values().filter(|order| order.phase == OrderPhase::Reserved);
        let orders = reserved.map(|order| (order.hold_until, Due::Order(order.id)));
        let activities = self.activities.keys().filter_map(|id| Some((self.deadline(*id)?, Due::Activity(*id))));
        let campaigns =
            self.campaigns.all.iter().map(|(id, (_, campaign))| (self.campaign_deadline(campaign), Due::Campaign(*id)));
        let rooms = self.rooms.keys().map(|id| Some(*id)).chain([None]);
        let receipts = rooms.filter_map(|of| Some((self.forget_at(of)?, Due::Receipts(of.map(Box::new)))));
        let of_room = |(id, room): (&RoomId, &Room)| {
            let (id, offset) = (*id, room.utc_offset_min);
            let due = |(user, facts): (&UserId, &Facts)| {
                Some((facts.tier_due(&bounds.tiers, offset)?, Due::Tier(Box::new((id, *user)))))
            };
            room.audience.iter().filter_map(due).collect::<Vec<_>>()
        };
        let tiers = self.rooms.iter().flat_map(of_room);
        let due = orders.chain(activities).chain(campaigns).chain(receipts).chain(tiers);
        let experiments = self.experiments().filter_map(|(room, id, one)| {
            Some((self.experiment_deadline(one)?, Due::Experiment(Box::new((room, id)))))
        });
        let holds = self.holds.due();
        self.due = due.chain(experiments).chain(self.templates.due()).chain(self.risks.due()).chain(holds).collect();
        let templates = self.rooms.iter().flat_map(|(id, room)| {
            let due = |(template, series): (TemplateId, &Series)| {
                Some((series.deadline(bounds.retention_ms)?, *id, template))
            };
            room.coupons.series().filter_map(due)
        });
        self.due_coupons = templates.chain(self.platform_coupons.due(bounds.retention_ms)).collect();
        let awaiting = self.activities.values().filter(|activity| view::awaits_beacon(activity).is_some());
        self.awaiting_beacons = awaiting.map(|activity| activity.id).collect();
        self
    }

    /// Most users of a room of whom anything is known.
    pub(in crate::store) fn audience_max(&self) -> usize {
        self.bounds.audience_per_room_max
    }

    /// The number of the latest event.
    pub fn latest_no(&self) -> u64 {
        self.latest_no
    }

    /// When the latest event was decided.
    pub fn latest_at(&self) -> Time {
        self.latest_at
    }

    /// Every activity, in no order.
    pub fn activities(&self) -> impl Iterator<Item = &Activity> {
        self.activities.values()
    }

    /// An activity.
    pub fn activity(&self, id: ActivityId) -> Option<&Activity> {
        self.activities.get(&id)
    }

    /// Every order, in no order.
    pub fn orders(&self) -> impl Iterator<Item = &Order> {
        self.orders.values()
    }

    /// An order.
    pub fn order(&self, id: OrderId) -> Option<&Order> {
        self.orders.get(&id)
    }

    /// What may be sent.
    pub fn catalogue(&self) -> &Catalogue {
        &self.catalogue
    }

    /// All accounts.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// A room.
    pub fn room(&self, id: &RoomId) -> Option<&Room> {
        self.rooms.get(id)
    }

    /// Every room, in no order.
    pub fn rooms(&self) -> impl Iterator<Item = (&RoomId, &Room)> {
        self.rooms.iter()
    }

    /// Whether the receipt of a request goes when its room forgets next.
    pub fn forgets_next(&self, room: &RoomId, user: UserId, request: RequestId) -> bool {
        self.rooms.get(room).is_some_and(|room| room.receipts.forgets_next(&(user, request)))
    }

    /// How many refusals of each user are kept in each activity, in no order.
    pub fn refusals(&self) -> impl Iterator<Item = ((ActivityId, UserId), u8)> {
        self.rooms.values().flat_map(|room| room.receipts.all_refusals())
    }

    /// As many refusals of one user are kept in one activity.
    pub const REFUSALS_MAX: u8 = Receipts::REFUSALS_MAX;

    /// The answer that a request once got, and the fingerprint of its parameters.
    pub fn receipt(&self, room: &RoomId, user: UserId, request: RequestId) -> Option<(Fingerprint, Answer)> {
        let receipt = self.rooms.get(room)?.receipts.get(&(user, request))?;
        Some((receipt.fingerprint, self.answer(receipt)))
    }

    /// The activity that a request was about, as long as its receipt is kept.
    pub fn receipt_activity(&self, room: &RoomId, user: UserId, request: RequestId) -> Option<ActivityId> {
        self.rooms.get(room)?.receipts.get(&(user, request))?.kept.activity()
    }

    /// When a timer has something to do next.
    pub fn next_due(&self) -> Option<Time> {
        let most = self.due.first().map(|(at, _)| *at);
        let coupons = self.due_coupons.first().map(|(at, ..)| *at);
        most.into_iter().chain(coupons).chain(self.combos.next_end()).min()
    }

    /// Adds what timers have to do at `now`, at most `limit` operations.
    pub fn due(&self, now: Time, limit: usize, ops: &mut Vec<Op>) {
        let due = self.due.iter().take_while(|(at, _)| *at <= now);
        let most = due.take(limit).filter_map(|(_, due)| self.op_for(due));
        let coupons = self.due_coupons.iter().take_while(|(at, ..)| *at <= now);
        let coupons = coupons.map(|(_, room, template)| Self::op_for_coupons(*room, *template));
        let combos = self.combos.ending(now).map(Self::op_for_combo);
        ops.extend(most.chain(coupons).chain(combos).take(limit));
    }
}
