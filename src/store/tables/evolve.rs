//! Writes events into the tables. What `decide` allowed always fits; an event that does not is damage.

use crate::rules::{
    Account, Activity, ActivityId, Currency, Fen, Fingerprint, Kind, KindPlan, Order, OrderId, OrderPhase,
    PaymentOutcome, Phase, Posting, Prize, Rain, RequestId, RoomId, Sale, Step, UserId,
};

use super::receipts::{Kept, Receipt};
use super::{Action, Answer, Due, HostAction, Map, Room, Tables};
use crate::store::{Cause, Event, Recorded};
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
        let Recorded { no, at, event } = recorded;
        match event {
            Event::Granted { room, activity, user, request, fingerprint, share, prize } => {
                self.grant(recorded, *activity, *user, *share, prize)?;
                let kept = Kept::Granted(*activity, *share);
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
                    activities: Vec::new(),
                    receipts: Map::default(),
                    trail: VecDeque::new(),
                };
                if self.rooms.insert(*room, new).is_some() {
                    return Err("the room exists");
                }
                self.keep(room, cause, Kept::RoomCreated)
            }
            Event::Drafted { room, activity, plan, seed, cause } => {
                self.latest_activity = activity.0;
                self.rooms.get_mut(room).ok_or("no such room")?.activities.push(*activity);
                let new = Activity::draft(*activity, *room, plan.as_ref().clone(), *seed);
                self.activities.insert(*activity, new);
                self.keep(room, cause, Kept::Drafted(*activity))
            }
            Event::Rejected { room, activity, reasons, cause } => {
                let rejected = self.activity_mut(*activity)?;
                rejected.phase = rejected.phase.after(Step::Reject).ok_or("it can't be rejected now")?;
                rejected.reasons.clone_from(reasons);
                self.keep(room, cause, Kept::Stepped(*activity, Phase::Review))
            }
            Event::Stepped { room, activity, step, to, moved, cause } => {
                self.step_to(recorded, *activity, *step, *to, *moved)?;
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
            Event::Amended { room, activity, number, amendment, cause } => {
                self.disarm(*activity);
                self.post(self.activity(*activity).ok_or("no such activity")?.funding(amendment.budget))?;
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
        }
        .inspect(|_| debug_assert!(self.latest_at >= *at))
    }

    fn grant(&mut self, recorded: &Recorded, id: ActivityId, user: UserId, share: u32, prize: &Prize) -> Fits {
        let activity = self.activities.get_mut(&id).ok_or("no such activity")?;
        let Some(Kind::Rain(rain)) = &mut activity.kind else { return Err("only an open rain gives shares") };
        if share != rain.pool.granted || rain.pool.free == 0 {
            return Err("not the next share");
        }
        let cash = rain.give(user, recorded.at, recorded.no);
        match prize {
            Prize::Cash(amount) if *amount != cash => Err("the share holds another amount"),
            Prize::Cash(amount) => self.post(Posting {
                from: Account::Escrow(id),
                to: Account::Wallet(user),
                currency: Currency::Fen,
                amount: amount.get(),
            }),
            Prize::Coupon(_) => Ok(()),
        }
    }

    fn hold(&mut self, recorded: &Recorded) -> Fits {
        let Event::Reserved { activity, order: id, user, lines, total, hold_until, .. } = &recorded.event else {
            return Err("not a reservation");
        };
        let held = self.activities.get_mut(activity).ok_or("no such activity")?;
        let Some(Kind::Sale(sale)) = &mut held.kind else { return Err("only an open sale takes orders") };
        if lines.iter().any(|line| sale.sku(line.sku).is_none_or(|sku| sku.pool.free < line.quantity)) {
            return Err("more than there is");
        }
        let order = Order {
            id: *id,
            activity: *activity,
            user: *user,
            lines: lines.clone(),
            total: *total,
            phase: OrderPhase::Reserved,
            at: recorded.at,
            hold_until: *hold_until,
            previous: sale.latest_order(user),
        };
        sale.hold(*user, *id, lines, recorded.no);
        self.latest_order = id.0;
        self.due.insert((*hold_until, Due::Order(*id)));
        self.orders.insert(*id, order);
        Ok(())
    }

    /// A reserved order ends, once.
    fn end_order(&mut self, id: OrderId, phase: OrderPhase, end: impl Fn(&mut Sale, &Order)) -> Fits {
        let order = self.orders.get_mut(&id).ok_or("no such order")?;
        if order.phase != OrderPhase::Reserved {
            return Err("the order has ended before");
        }
        order.phase = phase;
        self.due.remove(&(order.hold_until, Due::Order(id)));
        let activity = self.activities.get_mut(&order.activity).ok_or("no such activity")?;
        let Some(Kind::Sale(sale)) = &mut activity.kind else { return Err("only a sale has orders") };
        end(sale, order);
        Ok(())
    }

    fn pay_order(&mut self, no: u64, room: &RoomId, id: OrderId, amount: Fen, outcome: PaymentOutcome) -> Fits {
        match outcome {
            PaymentOutcome::Sold => self.end_order(id, OrderPhase::Paid, Sale::sell)?,
            PaymentOutcome::SoldLate => {
                let order = self.orders.get_mut(&id).ok_or("no such order")?;
                if order.phase != OrderPhase::Released {
                    return Err("only a released order is paid late");
                }
                let activity = self.activities.get_mut(&order.activity).ok_or("no such activity")?;
                let Some(Kind::Sale(sale)) = &mut activity.kind else { return Err("only a sale has orders") };
                if !sale.can_sell_late(order) {
                    return Err("more than there is");
                }
                order.phase = OrderPhase::Paid;
                sale.sell_late(order, no);
            }
            PaymentOutcome::RefundDue => {}
        }
        let to = match outcome {
            PaymentOutcome::Sold | PaymentOutcome::SoldLate => Account::Proceeds(*room),
            PaymentOutcome::RefundDue => Account::RefundsDue(*room),
        };
        self.post(Posting { from: Account::Outside, to, currency: Currency::Fen, amount: amount.get() })
    }

    fn step_to(&mut self, recorded: &Recorded, id: ActivityId, step: Step, to: Phase, moved: Fen) -> Fits {
        self.disarm(id);
        let activity = self.activity_mut(id)?;
        if activity.phase.after(step) != Some(to) {
            return Err("the phase does not allow the step");
        }
        activity.phase = to;
        let now = recorded.at;
        let funding = activity.funding(moved);
        match step {
            Step::Reject | Step::WarmUp => {}
            Step::Schedule => {
                activity.reasons.clear();
                activity.funded = moved;
                self.post(funding)?;
            }
            Step::Open => {
                activity.opens_at = Some(now);
                activity.closes_at = Some(now.after_ms(activity.plan.duration_ms()));
                activity.kind = Some(match &activity.plan.kind {
                    KindPlan::Rain(plan) => {
                        let mut rain = Rain::open(plan, &activity.seed);
                        if plan.waves.first().is_some_and(|wave| wave.after_ms == 0) {
                            rain.release_wave(plan);
                        }
                        Kind::Rain(rain)
                    }
                    KindPlan::Sale(plan) => Kind::Sale(Sale::open(plan)),
                });
            }
            Step::Close => {
                activity.ended = Some(recorded.no);
                activity.closes_at = Some(now);
            }
            Step::Settle | Step::Cancel => {
                if activity.unspent() != moved {
                    return Err("what goes back is not what is left");
                }
                activity.ended.get_or_insert(recorded.no);
                activity.final_at = Some(now);
                activity.funded = activity.funded.minus(moved).ok_or("more goes back than came")?;
                self.post(Posting { from: funding.to, to: funding.from, ..funding })?;
            }
        }
        self.arm(id);
        Ok(())
    }

    fn archive(&mut self, room: &RoomId, id: ActivityId) -> Fits {
        self.disarm(id);
        let activity = self.activities.remove(&id).ok_or("no such activity")?;
        if !activity.phase.is_final() || !activity.is_resolved() {
            return Err("only what has ended is archived");
        }
        let room = self.rooms.get_mut(room).ok_or("no such room")?;
        room.activities.retain(|other| *other != id);
        room.receipts.retain(|_, receipt| receipt.kept.activity() != Some(id));
        if let Some(Kind::Sale(_)) = activity.kind {
            let due = &mut self.due;
            self.orders.retain(|_, order| {
                let stays = order.activity != id;
                if !stays {
                    due.remove(&(order.hold_until, Due::Order(order.id)));
                }
                stays
            });
        }
        Ok(())
    }

    fn post(&mut self, posting: Posting) -> Fits {
        if posting.amount == 0 {
            return Ok(());
        }
        self.ledger.post(&posting).map_err(|_| "an account would be overdrawn")
    }

    fn keep(&mut self, room: &RoomId, cause: &Cause, kept: Kept) -> Fits<Answer> {
        match (cause.by, cause.request) {
            (Some(by), Some((request, fingerprint))) => self.receive(room, by, request, fingerprint, kept),
            _ => Ok(self.answer(&Receipt { fingerprint: Fingerprint(0), kept })),
        }
    }

    fn receive(
        &mut self, room: &RoomId, by: UserId, request: RequestId, fingerprint: Fingerprint, kept: Kept,
    ) -> Fits<Answer> {
        let receipt = Receipt { fingerprint, kept };
        let answer = self.answer(&receipt);
        let receipts = &mut self.rooms.get_mut(room).ok_or("no such room")?.receipts;
        if receipts.insert((by, request), receipt).is_some() {
            return Err("a request was decided twice");
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

    pub(super) fn deadline(&self, id: ActivityId) -> Option<crate::rules::Time> {
        let activity = self.activities.get(&id)?;
        activity.deadline().or_else(|| self.archive_at(activity))
    }

    /// When an ended activity leaves: not before the orders of a sale that was called off have ended too.
    pub(super) fn archive_at(&self, activity: &Activity) -> Option<crate::rules::Time> {
        let ended = activity.final_at.filter(|_| activity.is_resolved());
        ended.map(|at| at.after_ms(self.bounds.retention_ms))
    }
}
