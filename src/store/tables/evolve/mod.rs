//! Writes events into the tables. What `decide` allowed always fits; an event that does not is damage. One file for each
//! mechanic; what they share is here.

mod broadcast;
mod campaign;
mod cash;
mod coupon;
mod draw;
mod experiment;
mod gift;
mod giveaway;
mod goals;
mod lifecycle;
mod presence;
mod risk;
mod sale;
mod talk;
mod template;

use crate::rules::{
    Account, Activity, ActivityId, Boards, CouponBook, FanClub, Fingerprint, Kind, KindPlan, OrderPhase, Phase,
    Posting, RequestId, RoomId, Sale, Sanctions, Step, Time, UserId,
};

use super::receipts::{Kept, Receipt, Receipts};
use super::{Action, Answer, Due, HostAction, Map, Room, Tables};
use crate::store::{
    CampaignEvent, Cause, CouponEvent, DrawEvent, Event, ExperimentEvent, GiftEvent, PresenceEvent, Recorded,
    TalkEvent, TemplateEvent,
};
use std::collections::VecDeque;

/// An event that can't follow from what came before it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("event {no} does not follow: {why}")]
pub struct Inconsistent {
    /// The event's number.
    pub no: u64,
    /// What is wrong.
    pub why: &'static str,
}

type Fits<T = ()> = Result<T, &'static str>;

const OVERDRAWN: &str = "an account would be overdrawn";

impl Tables {
    /// Writes one event, and gives the answer to whoever asked for it.
    ///
    /// # Errors
    /// [`Inconsistent`]: the tables are then of no further use.
    pub fn evolve(&mut self, recorded: &Recorded) -> Result<Answer, Inconsistent> {
        let no = recorded.no;
        if no != self.latest_no + 1 {
            return Err(Inconsistent { no, why: "a number is missing or repeated" });
        }
        self.latest_no = no;
        self.latest_at = self.latest_at.max(recorded.at);
        let answer = self.apply(recorded).map_err(|why| Inconsistent { no, why })?;
        self.count_for_campaign(&recorded.event);
        self.count_for_experiments(&recorded.event);
        self.trace(recorded);
        Ok(answer)
    }

    /// Keeps what a host did: who and when.
    fn trace(&mut self, recorded: &Recorded) {
        let (cause, action) = match &recorded.event {
            Event::RoomCreated { cause, .. } => (cause, Action::CreateRoom),
            Event::Drafted { cause, .. } => (cause, Action::Draft),
            Event::Rejected { cause, .. } => (cause, Action::Reject),
            Event::Stepped { cause, step, .. } => (cause, Action::Step(*step)),
            Event::Amended { cause, number, .. } => (cause, Action::Amend(*number)),
            Event::Talk { what: TalkEvent::Imposed { user, sanction, cause, .. }, .. } => {
                (cause, Action::Impose(*sanction, *user))
            }
            Event::Talk { what: TalkEvent::Lifted { user, sanction, cause }, .. } => {
                (cause, Action::Lift(*sanction, *user))
            }
            Event::Presence { what: PresenceEvent::BroadcastStarted { broadcast, cause }, .. } => {
                (cause, Action::StartBroadcast(*broadcast))
            }
            Event::Presence { what: PresenceEvent::BroadcastEnded { broadcast, cause }, .. } => {
                (cause, Action::EndBroadcast(*broadcast))
            }
            Event::Campaign { what: CampaignEvent::Created { campaign, cause, .. }, .. } => {
                (cause, Action::CreateCampaign(*campaign))
            }
            Event::Campaign { what: CampaignEvent::Included { campaign, cause, .. }, .. } => {
                (cause, Action::Include(*campaign))
            }
            Event::Gift { what: GiftEvent::FanClubSet { cause, .. }, .. } => (cause, Action::SetFanClub),
            Event::Draw { what: DrawEvent::Drawn { cause, .. }, .. } => (cause, Action::Draw),
            Event::Coupon { what: CouponEvent::TemplateAdded { cause, .. }, .. } => (cause, Action::AddCouponTemplate),
            Event::Coupon { what: CouponEvent::ReductionAdded { cause, .. }, .. } => (cause, Action::AddReduction),
            Event::Coupon { what: CouponEvent::Issued { user, cause, .. }, .. } => (cause, Action::IssueCoupon(*user)),
            Event::Experiment { what: ExperimentEvent::Created { experiment, cause, .. }, .. } => {
                (cause, Action::CreateExperiment(*experiment))
            }
            Event::Experiment { what: ExperimentEvent::Ended { experiment, cause }, .. } => {
                (cause, Action::EndExperiment(*experiment))
            }
            Event::Template { what, .. } => match template_action(what) {
                Some(traced) => traced,
                None => return,
            },
            _ => return,
        };
        let room = recorded.event.room().and_then(|room| self.rooms.get_mut(room));
        if let (Some(by), Some(room)) = (cause.by, room) {
            if room.trail.len() == Room::TRAIL_KEPT {
                room.trail.pop_front();
            }
            let activity = recorded.event.activity();
            room.trail.push_back(HostAction { no: recorded.no, at: recorded.at, by, action, activity });
        }
    }

    fn apply(&mut self, recorded: &Recorded) -> Fits<Answer> {
        let Recorded { no, at, event, .. } = recorded;
        match event {
            Event::Granted { room, activity, user, request, fingerprint, unit, prize, held_until } => {
                self.grant(recorded, room, *activity, *user, *unit, (prize, *held_until))?;
                let kept = Kept::Granted(*activity, *unit);
                self.receive(room, *user, *request, *fingerprint, kept)
            }
            Event::Reserved { room, activity, order, user, request, fingerprint, .. } => {
                self.hold(recorded)?;
                self.receive(room, *user, *request, *fingerprint, Kept::Reserved(*activity, *order))
            }
            Event::Refused { room, activity, cause, refusal } => {
                self.keep(room, cause, Kept::Refused(*activity, *refusal))
            }
            Event::Released { room, activity, order, cause, .. } => {
                self.end_order(*order, OrderPhase::Released, Sale::release)?;
                self.give_coupons_back(room, *order, *at)?;
                self.rearm(*activity);
                self.keep(room, cause, Kept::Released(*activity, *order))
            }
            Event::Paid { room, activity, order, amount, outcome, cause, .. } => {
                self.pay_order(*no, room, *order, *amount, *outcome)?;
                self.rearm(*activity);
                self.keep(room, cause, Kept::Paid(*activity, *order, *outcome))
            }
            Event::RoomCreated { room, host, utc_offset_min, cause } => {
                let new = Room {
                    host: *host,
                    utc_offset_min: *utc_offset_min,
                    broadcast: None,
                    broadcast_days: [None; 2],
                    audience: Map::default(),
                    activities: Vec::new(),
                    coupons: CouponBook::default(),
                    receipts: Receipts::default(),
                    sanctions: Sanctions::default(),
                    trail: VecDeque::new(),
                    running: Map::default(),
                    boards: Boards::default(),
                    fan_club: FanClub::default(),
                };
                if self.rooms.insert(*room, new).is_some() {
                    return Err("the room exists");
                }
                self.keep(room, cause, Kept::RoomCreated)
            }
            Event::Drafted { room, activity, plan, seed, cause } => {
                self.add_draft(room, *activity, plan, *seed)?;
                self.keep(room, cause, Kept::Drafted(*activity))
            }
            Event::Rejected { room, activity, reasons, cause } => {
                let rejected = self.activity_mut(*activity)?;
                rejected.phase = rejected.phase.after(Step::Reject).ok_or("it can't be rejected now")?;
                rejected.reasons.clone_from(reasons);
                self.handed_in(*activity);
                self.keep(room, cause, Kept::Stepped(*activity, Phase::Review))
            }
            Event::Stepped { room, activity, step, to, moved, cause } => {
                self.step_to(recorded, *activity, (*step, cause.by.is_some()), *to, *moved)?;
                self.keep(room, cause, Kept::Stepped(*activity, *to))
            }
            Event::WaveReleased { activity, .. } => {
                self.disarm(*activity);
                let released = self.activity_mut(*activity)?;
                let (Some(Kind::Rain(rain)), KindPlan::Rain(plan)) = (&mut released.kind, &released.plan.kind) else {
                    return Err("only a rain has waves");
                };
                rain.release_wave(plan);
                self.arm(*activity);
                Ok(Answer::Idle)
            }
            Event::OpenedToAll { activity, .. } => {
                self.open_to_all(*activity)?;
                Ok(Answer::Idle)
            }
            Event::Amended { room, activity, number, amendment, cause } => {
                self.disarm(*activity);
                self.post(self.activity(*activity).ok_or("no such activity")?.funding(amendment.budget))?;
                self.allot_more(*no, room, *activity, amendment)?;
                self.activity_mut(*activity)?.amend(*no, *number, amendment);
                self.arm(*activity);
                self.keep(room, cause, Kept::Amended(*activity, *number))
            }
            Event::ToppedUp { posting, balance, cause } => {
                self.post(*posting)?;
                let Account::Wallet(owner) = posting.to else { return Err("only wallets are topped up") };
                let kept = Kept::ToppedUp(*balance);
                if let (Some(by), Some((request, fingerprint))) = (cause.by, cause.request) {
                    self.wallet_receipts.insert((owner, (by, request)), Receipt { fingerprint, kept });
                }
                Ok(Answer::ToppedUp { balance: *balance })
            }
            Event::Archived { room, activity } => {
                self.archive(room, *activity)?;
                Ok(Answer::Idle)
            }
            Event::Presence { room, what } => self.presence(recorded, room, what),
            Event::Campaign { room, what } => self.apply_campaign(room, *at, what),
            Event::Forgotten { room, before } => {
                self.forget_before(*room, *before, *at)?;
                Ok(Answer::Idle)
            }
            Event::CatalogueSet { version, gifts, cause } => self.replace_catalogue(*version, gifts, cause, *at),
            Event::Gift { room, what } => self.given(recorded, room, what),
            Event::Draw { room, activity, what } => self.draw_event(recorded, room, *activity, what),
            Event::Talk { room, what } => self.talked(room, *at, what),
            Event::Coupon { room, what } => self.coupon(recorded, room, what),
            Event::Template { room, what } => self.templated(recorded, room, what),
            Event::Risk { room, what } => self.risked(recorded, room.as_ref(), what),
            Event::Experiment { room, what } => self.apply_experiment(room, *at, what),
        }
        .inspect(|_| debug_assert!(self.latest_at >= *at))
    }

    fn post(&mut self, posting: Posting) -> Fits {
        if posting.amount == 0 {
            return Ok(());
        }
        self.ledger.post(&posting).map(|_| ()).map_err(|_| OVERDRAWN)
    }

    fn keep(&mut self, room: &RoomId, cause: &Cause, kept: Kept) -> Fits<Answer> {
        match (cause.by, cause.request) {
            (Some(by), Some((request, fingerprint))) => self.receive(room, by, request, fingerprint, kept),
            _ => Ok(self.answer(&Receipt { fingerprint: Fingerprint(0), kept })),
        }
    }

    /// As [`Self::keep`], for what is the same in all rooms.
    fn keep_for_all(&mut self, cause: &Cause, kept: Kept, at: Time) -> Answer {
        let receipt = |fingerprint| Receipt { fingerprint, kept };
        if let (Some(by), Some((request, fingerprint))) = (cause.by, cause.request) {
            let begins = self.platform_receipts.since().is_none();
            self.platform_receipts.insert((by, request), receipt(fingerprint), at);
            if begins {
                self.arm_forgetting(None);
            }
        }
        self.answer(&receipt(Fingerprint(0)))
    }

    fn receive(
        &mut self, room: &RoomId, by: UserId, request: RequestId, fingerprint: Fingerprint, kept: Kept,
    ) -> Fits<Answer> {
        let receipt = Receipt { fingerprint, kept };
        let answer = self.answer(&receipt);
        let receipts = &mut self.rooms.get_mut(room).ok_or("no such room")?.receipts;
        if receipts.get(&(by, request)).is_some() {
            return Err("a request was decided twice");
        }
        let begins = receipts.since().is_none();
        receipts.insert((by, request), receipt, self.latest_at);
        if begins {
            self.arm_forgetting(Some(*room));
        }
        Ok(answer)
    }

    fn activity_mut(&mut self, id: ActivityId) -> Fits<&mut Activity> {
        self.activities.get_mut(&id).ok_or("no such activity")
    }

    /// An order's end moves an activity's deadline only when the activity waits for it.
    fn rearm(&mut self, id: ActivityId) {
        if self.activities.get(&id).is_some_and(|activity| activity.phase >= Phase::Closed) {
            self.arm(id);
        }
    }

    fn arm(&mut self, id: ActivityId) {
        if let Some(at) = self.deadline(id) {
            self.due.insert((at, Due::Activity(id)));
        }
    }

    fn disarm(&mut self, id: ActivityId) {
        if let Some(at) = self.deadline(id) {
            self.due.remove(&(at, Due::Activity(id)));
        }
    }

    pub(in crate::store::tables) fn deadline(&self, id: ActivityId) -> Option<crate::rules::Time> {
        let activity = self.activities.get(&id)?;
        activity.deadline().or_else(|| self.archive_at(activity))
    }

    /// When an ended activity leaves: not before the orders of a sale that was called off have ended too, and what is held of it.
    pub(in crate::store::tables) fn archive_at(&self, activity: &Activity) -> Option<crate::rules::Time> {
        let ended = activity.final_at.filter(|_| activity.is_resolved());
        let at = ended?.after_ms(self.bounds.retention_ms);
        Some(self.holds.last_until(activity.id).map_or(at, |until| at.max(until.after_ms(1))))
    }
}

/// What a host did about templates.
fn template_action(what: &TemplateEvent) -> Option<(&Cause, Action)> {
    let action = match what {
        TemplateEvent::Saved { template, .. } => Action::SaveTemplate(*template),
        TemplateEvent::Deleted { template, .. } => Action::DeleteTemplate(*template),
        TemplateEvent::Drafted { template, .. } => Action::DraftLike(*template),
        TemplateEvent::Recurs { recurrence, .. } => Action::Recur(*recurrence),
        TemplateEvent::Paused { recurrence, .. } => Action::Pause(*recurrence),
        TemplateEvent::Resumed { recurrence, .. } => Action::Resume(*recurrence),
        TemplateEvent::Ended { recurrence, .. } => Action::EndRecurrence(*recurrence),
        TemplateEvent::Missed { .. } => return None,
    };
    Some((what.cause()?, action))
}
