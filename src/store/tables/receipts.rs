//! What was answered: kept small, and rebuilt when it is asked for again.

use serde::{Deserialize, Serialize};

use crate::rules::{
    ActivityId, AwardState, CampaignId, CouponId, ExperimentId, Fen, Fingerprint, Grant, HoldState, Order, OrderId,
    OrderPhase, PaymentOutcome, Phase, RecurrenceId, Refusal, Time, UserId,
};

use super::{Answer, Map, RequestKey, Tables};
use crate::store::{
    CampaignAnswer, CouponAnswer, DrawAnswer, DrawEntry, DrawPrize, ExperimentAnswer, GiftAnswer, PresenceAnswer,
    RiskAnswer, TalkAnswer, TemplateAnswer,
};

/// What one request came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Receipt {
    pub(super) fingerprint: Fingerprint,
    pub(super) kept: Kept,
}

/// As much of an answer as the rest of the tables does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Kept {
    RoomCreated,
    Drafted(ActivityId),
    Stepped(ActivityId, Phase),
    Amended(ActivityId, u32),
    Granted(ActivityId, u32),
    Reserved(ActivityId, OrderId),
    Released(ActivityId, OrderId),
    Refused(ActivityId, Refusal),
    Paid(ActivityId, OrderId, PaymentOutcome),
    ToppedUp(i64),
    OnAir(u32),
    OffAir(u32),
    CampaignCreated(CampaignId),
    Included(CampaignId, ActivityId),
    CheckedIn(ActivityId, u32, Option<u32>),
    Gift(GiftAnswer),
    Entered(ActivityId, u32),
    Drawn(ActivityId),
    Taken(ActivityId, u32),
    PassedOn(ActivityId, u32),
    Voted(ActivityId),
    SignedUp(ActivityId, u32),
    Imposed(Time),
    Lifted,
    CouponTemplateAdded,
    ReductionAdded,
    CouponIssued(CouponId),
    TemplateSaved,
    TemplateDeleted,
    Recurs(RecurrenceId),
    RecurrencePaused(RecurrenceId),
    RecurrenceResumed(RecurrenceId),
    RecurrenceEnded(RecurrenceId),
    RisksJudged(u32),
    Acquitted,
    PolicySet,
    HoldEnded(ActivityId, HoldState),
    ExperimentCreated(ExperimentId),
    ExperimentEnded(ExperimentId),
}

/// The receipts of a room, or of the platform.
///
/// Those of an activity or a campaign go with it. The rest must go some time, too, and there may be millions of them: they are kept in two
/// generations, and at each turn the older one goes as a whole. So each stays for at least the time between two turns.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Receipts {
    lasting: Map<RequestKey, Receipt>,
    recent: Map<RequestKey, Receipt>,
    older: Map<RequestKey, Receipt>,
    /// When the recent generation began; none while both are empty.
    since: Option<Time>,
    /// How often each user was refused in an activity, by the receipts: follows from them, so no snapshot holds it.
    #[serde(skip)]
    refusals: Map<(ActivityId, UserId), u8>,
}

impl Receipts {
    /// As many refusals of one user are kept in one activity: a script can't grow the tables with them.
    pub(super) const REFUSALS_MAX: u8 = 32;

    pub(super) fn get(&self, key: &RequestKey) -> Option<&Receipt> {
        self.lasting.get(key).or_else(|| self.recent.get(key)).or_else(|| self.older.get(key))
    }

    /// Keeps a receipt, from `now` on.
    pub(super) fn insert(&mut self, key: RequestKey, receipt: Receipt, now: Time) {
        if receipt.kept.passes() {
            self.since.get_or_insert(now);
            self.recent.insert(key, receipt);
        } else {
            self.count(&key, &receipt);
            self.lasting.insert(key, receipt);
        }
    }

    /// Completes receipts that were read from a snapshot.
    pub(super) fn complete(&mut self) {
        self.refusals.clear();
        let lasting = std::mem::take(&mut self.lasting);
        lasting.iter().for_each(|(key, receipt)| self.count(key, receipt));
        self.lasting = lasting;
    }

    fn count(&mut self, (user, _): &RequestKey, receipt: &Receipt) {
        if let Kept::Refused(activity, _) = receipt.kept {
            let count = self.refusals.entry((activity, *user)).or_insert(0);
            *count = count.saturating_add(1);
        }
    }

    /// How many refusals of a user are kept in an activity.
    pub(super) fn refusals(&self, activity: ActivityId, user: UserId) -> u8 {
        self.refusals.get(&(activity, user)).copied().unwrap_or(0)
    }

    /// All of them, in no order.
    pub(super) fn all_refusals(&self) -> impl Iterator<Item = ((ActivityId, UserId), u8)> {
        self.refusals.iter().map(|(of, count)| (*of, *count))
    }

    /// The receipts of what is archived go.
    pub(super) fn archive(&mut self, goes: impl Fn(&Kept) -> bool) {
        let Self { lasting, refusals, .. } = self;
        lasting.retain(|(user, _), receipt| {
            let goes = goes(&receipt.kept);
            if goes && let Kept::Refused(activity, _) = receipt.kept {
                refusals.remove(&(activity, *user));
            }
            !goes
        });
    }

    /// Whether a receipt goes at the next turn.
    pub(super) fn forgets_next(&self, key: &RequestKey) -> bool {
        self.older.contains_key(key)
    }

    /// When the recent generation began.
    pub(super) fn since(&self) -> Option<Time> {
        self.since
    }

    /// The older generation goes, the recent one becomes it.
    pub(super) fn turn(&mut self, now: Time) {
        self.older = std::mem::take(&mut self.recent);
        self.since = (!self.older.is_empty()).then_some(now);
    }

    /// All of them, in no order, each with its generation.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&RequestKey, &Receipt, u8)> {
        let generations = [&self.lasting, &self.recent, &self.older].into_iter().zip(0..);
        generations.flat_map(|(map, generation)| map.iter().map(move |(key, receipt)| (key, receipt, generation)))
    }
}

impl Kept {
    /// Whether it goes after some time, by itself. A room is created once, and its creation told for ever.
    fn passes(&self) -> bool {
        let lasts = matches!(self, Self::RoomCreated) || self.activity().is_some() || self.campaign().is_some();
        !lasts
    }

    /// The activity with which it goes when that is archived.
    pub(super) fn activity(&self) -> Option<ActivityId> {
        match self {
            Self::RoomCreated
            | Self::ToppedUp(_)
            | Self::OnAir(_)
            | Self::OffAir(_)
            | Self::CampaignCreated(_)
            | Self::Included(..)
            | Self::Gift(_)
            | Self::Imposed(_)
            | Self::Lifted
            | Self::CouponTemplateAdded
            | Self::ReductionAdded
            | Self::CouponIssued(_)
            | Self::TemplateSaved
            | Self::TemplateDeleted
            | Self::Recurs(_)
            | Self::RecurrencePaused(_)
            | Self::RecurrenceResumed(_)
            | Self::RecurrenceEnded(_)
            | Self::RisksJudged(_)
            | Self::Acquitted
            | Self::PolicySet => None,
            Self::ExperimentCreated(_) | Self::ExperimentEnded(_) => None,
            Self::Drafted(activity)
            | Self::Stepped(activity, _)
            | Self::Amended(activity, _)
            | Self::Granted(activity, _)
            | Self::HoldEnded(activity, _)
            | Self::Reserved(activity, _)
            | Self::Released(activity, _)
            | Self::Voted(activity)
            | Self::SignedUp(activity, _)
            | Self::Refused(activity, _)
            | Self::Paid(activity, ..)
            | Self::CheckedIn(activity, ..)
            | Self::Entered(activity, _)
            | Self::Drawn(activity)
            | Self::Taken(activity, _)
            | Self::PassedOn(activity, _) => Some(*activity),
        }
    }
}

impl Kept {
    /// The campaign with which it goes when that is archived.
    pub(super) const fn campaign(&self) -> Option<CampaignId> {
        match self {
            Self::CampaignCreated(campaign) | Self::Included(campaign, _) => Some(*campaign),
            _ => None,
        }
    }
}

impl Tables {
    /// The answer, word for word as it was given.
    pub(super) fn answer(&self, receipt: &Receipt) -> Answer {
        match receipt.kept {
            Kept::RoomCreated => Answer::RoomCreated,
            Kept::Drafted(activity) => Answer::Drafted(activity),
            Kept::Stepped(activity, phase) => Answer::Stepped { activity, phase },
            Kept::Amended(activity, number) => Answer::Amended { activity, number },
            Kept::Granted(activity, unit) => Answer::Granted(self.granted(activity, unit)),
            Kept::Reserved(_, order) => Answer::Reserved(self.as_reserved(order)),
            Kept::Released(_, order) => Answer::Released(order),
            Kept::Refused(_, refusal) => Answer::Refused(refusal),
            Kept::Paid(_, order, outcome) => Answer::Paid { order, outcome },
            Kept::ToppedUp(balance) => Answer::ToppedUp { balance },
            Kept::OnAir(broadcast) => Answer::Presence(PresenceAnswer::OnAir(broadcast)),
            Kept::Voted(activity) => Answer::Talk(TalkAnswer::Voted(activity)),
            Kept::SignedUp(activity, place) => Answer::Talk(TalkAnswer::SignedUp { activity, place }),
            Kept::Imposed(until) => Answer::Talk(TalkAnswer::Imposed(until)),
            Kept::Lifted => Answer::Talk(TalkAnswer::Lifted),
            Kept::OffAir(broadcast) => Answer::Presence(PresenceAnswer::OffAir(broadcast)),
            Kept::CampaignCreated(campaign) => Answer::Campaign(CampaignAnswer::Created(campaign)),
            Kept::Included(campaign, activity) => Answer::Campaign(CampaignAnswer::Included(campaign, activity)),
            Kept::CheckedIn(activity, streak, unit) => {
                let grant = unit.map(|unit| self.granted(activity, unit));
                Answer::Presence(PresenceAnswer::CheckedIn { streak, grant })
            }
            Kept::Gift(answer) => Answer::Gift(answer),
            Kept::Entered(activity, leaf) => self.entered(activity, leaf),
            Kept::Drawn(activity) => Answer::Draw(DrawAnswer::Drawn(activity)),
            Kept::Taken(activity, rank) => self.prize(activity, rank, AwardState::Kept),
            Kept::PassedOn(activity, rank) => self.prize(activity, rank, AwardState::Passed),
            Kept::CouponTemplateAdded => Answer::Coupon(CouponAnswer::TemplateAdded),
            Kept::ReductionAdded => Answer::Coupon(CouponAnswer::ReductionAdded),
            Kept::CouponIssued(coupon) => Answer::Coupon(CouponAnswer::Issued(coupon)),
            Kept::TemplateSaved => Answer::Template(TemplateAnswer::Saved),
            Kept::TemplateDeleted => Answer::Template(TemplateAnswer::Deleted),
            Kept::Recurs(id) => Answer::Template(TemplateAnswer::Recurs(id)),
            Kept::RecurrencePaused(id) => Answer::Template(TemplateAnswer::Paused(id)),
            Kept::RecurrenceResumed(id) => Answer::Template(TemplateAnswer::Resumed(id)),
            Kept::RecurrenceEnded(id) => Answer::Template(TemplateAnswer::Ended(id)),
            Kept::RisksJudged(accounts) => Answer::Risk(RiskAnswer::Judged(accounts)),
            Kept::Acquitted => Answer::Risk(RiskAnswer::Acquitted),
            Kept::PolicySet => Answer::Risk(RiskAnswer::PolicySet),
            Kept::HoldEnded(_, how) => Answer::Risk(RiskAnswer::HoldEnded(how)),
            Kept::ExperimentCreated(id) => Answer::Experiment(ExperimentAnswer::Created(id)),
            Kept::ExperimentEnded(id) => Answer::Experiment(ExperimentAnswer::Ended(id)),
        }
    }

    fn granted(&self, activity: ActivityId, unit: u32) -> Grant {
        let activity = self.activities.get(&activity).expect("receipts go with their activity");
        self.grant_of(activity, unit, true).expect("a receipt follows its unit")
    }

    /// A ticket that is in.
    pub(super) fn entered(&self, activity: ActivityId, leaf: u32) -> Answer {
        let activity = self.activities.get(&activity).expect("receipts go with their activity");
        let entry = DrawEntry::at(activity, leaf).expect("a receipt follows its ticket");
        Answer::Draw(DrawAnswer::Entered(Box::new(entry)))
    }

    /// What became of a prize at the time.
    pub(super) fn prize(&self, activity: ActivityId, rank: u32, state: AwardState) -> Answer {
        let activity = self.activities.get(&activity).expect("receipts go with their activity");
        let prize = self.prize_of(activity, rank, true).expect("a receipt follows its prize");
        Answer::Draw(DrawAnswer::Prize(Box::new(DrawPrize { state, ..prize })))
    }

    /// An order as it was when it was reserved, whatever became of it: that was the answer.
    fn as_reserved(&self, order: OrderId) -> Order {
        let order = self.orders.get(&order).expect("orders go with their activity");
        Order { phase: OrderPhase::Reserved, refund_due: Fen::ZERO, ..order.clone() }
    }
}
