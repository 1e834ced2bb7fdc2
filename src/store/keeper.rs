//! The contract of all stores.

use crate::rules::{
    Account, ActivityId, ActivityTemplateId, ArmId, Broadcast, Campaign, CampaignId, CartLine, Catalogue, Chain,
    CouponChoice, CouponId, CouponView, Currency, DrawProof, DrawRecord, DrawRules, ExperimentId, Facts, Grant, Hold,
    HoldPolicy, Order, OrderId, Plan, Price, RecurrenceId, Recurring, Risk, RoomId, Sanction, Span, TemplateId, Time,
    UnitId, UserId,
};

use super::{
    ActivityView, Answer, BoardView, CouponsView, DrawEntry, DrawPrize, Event, ExperimentView, FanClubView, GateFacts,
    HostAction, Needs, Op, Recorded,
};

/// Keeps the state of rooms and wallets, and decides over it.
///
/// One keeper has one caller: it is the single writer. Every method speaks about committed state only.
pub trait Keeper: Send {
    /// Decides a batch, makes it durable, and answers: one answer per operation, in order, and the events that came of it.
    /// Where others share the store, the events of theirs that came before are handed out as well, in order.
    ///
    /// # Errors
    /// [`CommitError::Unavailable`]: nothing of this was decided or written, the caller may try again. Events of others may
    /// have been handed out all the same.
    /// [`CommitError::Fatal`]: it is not known what was written. The process must end; recovery will tell.
    fn commit(
        &mut self, now: Time, ops: &[Op], answers: &mut Vec<Answer>, events: &mut Vec<Recorded>,
    ) -> Result<(), CommitError>;

    /// Takes over what others have decided since, where there are others.
    ///
    /// # Errors
    /// [`CommitError::Fatal`]: the process can't go on with this store. That others can't be heard now is no error.
    fn follow(&mut self, events: &mut Vec<Recorded>) -> Result<(), CommitError> {
        let _ = events;
        Ok(())
    }

    /// Adds the operations (at most `limit`) that time has brought due. They stay due until they are committed.
    fn due(&self, now: Time, limit: usize, ops: &mut Vec<Op>);

    /// When [`Self::due`] will have something.
    fn next_due(&self) -> Option<Time>;

    /// What the gate in front of an activity must know.
    fn gate(&self, activity: ActivityId) -> Option<GateFacts>;

    /// Visits every user who has anything recorded in a room: those its gates must let through. Some come more than once.
    fn each_user(&self, room: &RoomId, visit: &mut dyn FnMut(&UserId));

    /// Answers a question. It changes nothing.
    fn ask(&self, query: &Query) -> Reply;

    /// When the latest decision was made: time never goes back behind it.
    fn latest(&self) -> Time;
}

/// Why a batch was not committed.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// Nothing was decided.
    #[error("the store takes no decisions now: {0}")]
    Unavailable(String),
    /// Nobody knows what was written.
    #[error("the store can't go on: {0}")]
    Fatal(String),
}

/// Questions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Query {
    /// What a user has won and ordered in a room.
    Own {
        /// The room.
        room: RoomId,
        /// The user.
        user: UserId,
    },
    /// An activity as it stands.
    Activity {
        /// Its room.
        room: RoomId,
        /// Which.
        activity: ActivityId,
    },
    /// All activities of a room.
    Activities {
        /// The room.
        room: RoomId,
    },
    /// What a room's open activities have to know of those who take part.
    Needs {
        /// The room.
        room: RoomId,
    },
    /// What hosts and operators did in a room.
    Trail {
        /// The room.
        room: RoomId,
    },
    /// A room's campaigns.
    Campaigns {
        /// The room.
        room: RoomId,
    },
    /// What an operation would come to, if it were committed now.
    Weigh {
        /// Which.
        op: Box<Op>,
        /// When.
        at: Time,
    },
    /// A room's time zone.
    Zone {
        /// The room.
        room: RoomId,
    },
    /// A room's templates.
    Templates {
        /// The room.
        room: RoomId,
    },
    /// A room's recurrences.
    Recurrences {
        /// The room.
        room: RoomId,
    },
    /// A room's experiments.
    Experiments {
        /// The room.
        room: RoomId,
    },
    /// The published rules of a draw.
    DrawRules {
        /// Its room.
        room: RoomId,
        /// Which.
        activity: ActivityId,
    },
    /// The record of a draw that was drawn.
    DrawRecord {
        /// Its room.
        room: RoomId,
        /// Which.
        activity: ActivityId,
    },
    /// Proof that somebody is among the frozen entries of a draw.
    DrawProof {
        /// Its room.
        room: RoomId,
        /// Which.
        activity: ActivityId,
        /// Who.
        user: UserId,
    },
    /// Somebody's ticket of a draw.
    Ticket {
        /// The draw's room.
        room: RoomId,
        /// Which.
        activity: ActivityId,
        /// Whose.
        user: UserId,
    },
    /// Closed draws that wait for their beacon.
    AwaitingBeacons,
    /// What one draw waits for, if it does.
    AwaitedBeacon {
        /// Its room.
        room: RoomId,
        /// Which.
        activity: ActivityId,
    },
    /// Who is muted or banned in a room.
    Sanctions {
        /// The room.
        room: RoomId,
    },
    /// All rooms that there are, in no order.
    Rooms,
    /// What an account holds.
    Balance {
        /// Whose.
        account: Account,
        /// In what.
        currency: Currency,
    },
    /// What is known of a user in a room.
    Facts {
        /// The room.
        room: RoomId,
        /// The user.
        user: UserId,
    },
    /// How long a user has watched a room's latest broadcast.
    Watched {
        /// The room.
        room: RoomId,
        /// The user.
        user: UserId,
    },
    /// An order.
    Order {
        /// Which.
        order: OrderId,
    },
    /// What a cart would cost a user.
    Quote {
        /// The room.
        room: RoomId,
        /// The user.
        user: UserId,
        /// The sale.
        activity: ActivityId,
        /// The cart. Its openings do not matter.
        cart: Vec<CartLine>,
        /// Which of the user's coupons should count.
        coupons: CouponChoice,
        /// When.
        at: Time,
    },
    /// The coupon templates of a room, and what is in force in it.
    Coupons {
        /// The room.
        room: RoomId,
    },
    /// A coupon.
    Coupon {
        /// The room.
        room: RoomId,
        /// Of which template.
        template: TemplateId,
        /// Which.
        coupon: CouponId,
    },
    /// About gifts.
    Gift(GiftQuery),
    /// What an account is judged to be.
    Risk {
        /// Whose.
        user: UserId,
    },
    /// From which risk on cash is held.
    HoldPolicy,
    /// Cash that is or was held: a page of it, by activity and unit.
    Holds {
        /// Of what.
        of: HoldsOf,
        /// What comes after this one; from the first on if none is named.
        after: Option<UnitId>,
        /// So many at most.
        limit: u32,
    },
    /// A unit that an activity gave, as its winner hears of it.
    Won {
        /// Which.
        unit: UnitId,
    },
}

/// Of which holds somebody asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HoldsOf {
    /// A user's, in all rooms.
    User(UserId),
    /// Everybody's in an activity of a room.
    Activity(RoomId, ActivityId),
}

/// Questions about gifts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GiftQuery {
    /// What may be sent.
    Catalogue,
    /// A board.
    Board {
        /// The room.
        room: RoomId,
        /// What it covers.
        span: Span,
        /// How many broadcasts, days or weeks before the one at `at`.
        back: u32,
        /// When.
        at: Time,
        /// How many places are shown.
        top: u32,
        /// Whose own place is shown, too.
        user: Option<UserId>,
    },
    /// A room's fan club.
    FanClub {
        /// The room.
        room: RoomId,
        /// Who is shown, too, if a fan.
        user: Option<UserId>,
    },
}

/// Answers to questions about gifts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GiftReply {
    /// What may be sent.
    Catalogue(Catalogue),
    /// A board.
    Board(BoardView),
    /// A fan club.
    FanClub(FanClubView),
}

/// Answers to questions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// There is no such thing.
    Unknown,
    /// What is a user's own: all of it, or the unit that was asked for.
    Own(Box<Own>),
    /// An activity.
    Activity(Box<ActivityView>),
    /// A room's activities, in the order of their numbers.
    Activities(Vec<ActivityView>),
    /// What each open activity has to know of those who take part.
    Needs(Vec<(ActivityId, Needs)>),
    /// Who is muted or banned, and until when: those that were in effect at the latest event.
    Sanctions(Vec<(UserId, Sanction, Time)>),
    /// What hosts and operators did, the latest last.
    Trail(Vec<HostAction>),
    /// A room's campaigns, the earliest first.
    Campaigns(Vec<(CampaignId, Campaign)>),
    /// What an operation would come to.
    Weighed(Weighed),
    /// A room's time zone, minutes east of Greenwich.
    Zone(i32),
    /// A room's templates, by name.
    Templates(Vec<(ActivityTemplateId, Plan)>),
    /// A room's recurrences, the earliest first.
    Recurrences(Vec<(RecurrenceId, Recurring)>),
    /// A room's experiments, by name.
    Experiments(Vec<ExperimentView>),
    /// Rooms, their hosts, and the latest broadcast of each.
    Rooms(Vec<(RoomId, UserId, Option<Broadcast>)>),
    /// What is known of a user.
    Facts {
        /// The facts; `None` if the user was never noticed.
        facts: Option<Box<Facts>>,
        /// The room's latest broadcast; 0 before the first.
        broadcast: u32,
    },
    /// How long a user has watched.
    Watched {
        /// The room's latest broadcast; 0 before the first.
        broadcast: u32,
        /// For so long, ms.
        watched_ms: u64,
    },
    /// A draw's rules.
    DrawRules(Box<DrawRules>),
    /// A draw's record.
    DrawRecord(Box<DrawRecord>),
    /// An entrant's proof.
    DrawProof(Box<DrawProof>),
    /// A ticket.
    Ticket(Box<DrawEntry>),
    /// What draws wait for.
    AwaitingBeacon(Vec<AwaitedBeacon>),
    /// A balance.
    Balance(i64),
    /// An order.
    Order {
        /// As it stands.
        order: Order,
        /// Its room.
        room: RoomId,
    },
    /// About gifts.
    Gift(GiftReply),
    /// What a cart would cost, or the answer that an order of it would get now.
    Quote(Result<Box<Price>, Answer>),
    /// Coupon templates, and what is in force.
    Coupons(Box<CouponsView>),
    /// A coupon.
    Coupon(Box<CouponView>),
    /// What an account is judged to be.
    Risk(Risk),
    /// From which risk on cash is held; `None`: never.
    HoldPolicy(Option<HoldPolicy>),
    /// Cash that is or was held, and in which room, in the order of activities.
    Holds(Vec<(RoomId, UnitId, Hold)>),
}

/// What an operation would come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Weighed {
    /// It would change nothing: this would be the answer.
    Answer(Answer),
    /// It would happen.
    Event(Box<Event>),
}

/// What is a user's own in a room: the latest first in each activity.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Own {
    /// Grants of activities that are not archived.
    pub grants: Vec<Grant>,
    /// Orders of activities that are not archived.
    pub orders: Vec<Order>,
    /// Prizes of draws that are not archived.
    pub prizes: Vec<DrawPrize>,
    /// Coupons that are held or reserved, in the order of their issue: the latest, where there are many.
    pub coupons: Vec<CouponView>,
    /// Tickets of draws that are not drawn yet.
    pub tickets: Vec<DrawEntry>,
    /// The room's experiments, and the user's arm in each; none in those that have ended.
    pub arms: Vec<(ExperimentId, Option<ArmId>)>,
}

impl Own {
    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// A draw that waits for its beacon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AwaitedBeacon {
    /// In this room.
    pub room: RoomId,
    /// Which draw.
    pub activity: ActivityId,
    /// The chain that its rules name.
    pub chain: Chain,
    /// The round that they name.
    pub round: u64,
    /// At most so many win.
    pub winners: u32,
}
