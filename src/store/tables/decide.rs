//! What an operation comes to. Flat early returns in one order: known request, room and activity, phase and token,
//! limits, stock.

use crate::rules::{
    Account, Activity, ActivityId, AmendError, Amendment, CartLine, Currency, Declined, Fen, Fingerprint, Kind,
    KindPlan, Ledger, NotDone, NotDoneCode, OrderId, OrderPhase, PaymentOutcome, Phase, Plan, Posting, Refusal,
    RefusalCode, RoomId, Step, Time, UserId,
};

use super::{Decision, Due, Room, Tables};
use crate::store::{Answer, Ask, Cause, Event, Op, Partition};

type Outcome = Result<Decision, NotDone>;

/// Everything about an operation but what it asks.
struct Context<'a> {
    now: Time,
    room_id: RoomId,
    room: &'a Room,
    by: Option<UserId>,
    cause: Cause,
}

impl Tables {
    /// Decides `op` at `now`.
    pub(in crate::store) fn decide(&self, now: Time, op: &Op) -> Decision {
        self.outcome(now, op).unwrap_or_else(|reason| Decision::Answer(Answer::NotDone(reason)))
    }

    fn outcome(&self, now: Time, op: &Op) -> Outcome {
        let fingerprint = op.request.map_or(Fingerprint(0), |_| op.ask.fingerprint());
        let key = op.by.zip(op.request);
        let room = match &op.partition {
            Partition::Room(id) => self.rooms.get(id),
            Partition::Wallet(_) => None,
        };
        if let Some(key) = key {
            let known = match &op.partition {
                Partition::Room(_) => room.and_then(|room| room.receipts.get(&key)),
                Partition::Wallet(owner) => self.wallet_receipts.get(&(*owner, key)),
            };
            if let Some(receipt) = known {
                if receipt.fingerprint != fingerprint {
                    return Err(NotDoneCode::Conflict.because("this request id was used with other parameters"));
                }
                return Ok(Decision::Answer(self.answer(receipt)));
            }
        }
        let cause = Cause { by: op.by, request: op.request.map(|id| (id, fingerprint)) };
        let room_id = match (&op.partition, &op.ask) {
            (Partition::Wallet(owner), Ask::TopUp { currency, amount }) => {
                return self.top_up(*owner, *currency, *amount, cause);
            }
            (Partition::Room(id), Ask::CreateRoom { host, utc_offset_min }) => {
                return self.create_room(*id, *host, *utc_offset_min, cause);
            }
            (Partition::Room(id), _) => *id,
            (Partition::Wallet(_), _) => return Err(NotDoneCode::Invalid.because("a wallet is only topped up")),
        };
        let room = room.ok_or_else(|| NotDoneCode::UnknownRoom.because("no such room"))?;
        let context = Context { now, room_id, room, by: op.by, cause };
        match &op.ask {
            Ask::Claim { activity, token, opening } => self.claim(&context, *activity, *token, *opening),
            Ask::Reserve { activity, token, cart } => self.reserve(&context, *activity, *token, cart),
            Ask::Release { order } => self.release(&context, *order),
            Ask::Pay { order, payment, amount } => self.pay(&context, *order, payment, *amount),
            Ask::Draft { plan, seed } => self.draft(&context, plan, *seed),
            Ask::Step { activity, step } => self.step(&context, *activity, *step),
            Ask::Amend { activity, amendment } => self.amend(&context, *activity, amendment),
            Ask::Due { activity } => Ok(self.activity_due(&context, *activity)),
            Ask::Expire { order } => Ok(self.expire(&context, *order)),
            Ask::TopUp { .. } | Ask::CreateRoom { .. } => {
                Err(NotDoneCode::Invalid.because("a room has no wallet, and is created once"))
            }
        }
    }

    fn claim(&self, context: &Context<'_>, id: ActivityId, token: u64, opening: u32) -> Outcome {
        let activity = self.activity_in(context, id)?;
        let KindPlan::Rain(plan) = &activity.plan.kind else {
            return Err(NotDoneCode::WrongKind.because("only a rain gives shares"));
        };
        let Some(Kind::Rain(rain)) = activity.kind.as_ref().filter(|_| token == activity.token) else {
            return Ok(refused(RefusalCode::NotOpen));
        };
        if opening == 0 || opening > rain.pool.opening {
            return Err(NotDoneCode::Invalid.because("no such opening was announced"));
        }
        let (user, request, fingerprint) = asker(context)?;
        let share = match rain.claim(plan, &user, opening, activity.ended) {
            Ok(share) => share,
            Err(refusal) => return Ok(Decision::Answer(Answer::Refused(refusal))),
        };
        if let Err(refusal) = self.within_limits(context, activity, &user) {
            return Ok(record_refusal(context, id, refusal));
        }
        Ok(Decision::Event(Event::Granted {
            room: context.room_id,
            activity: id,
            user,
            request,
            fingerprint,
            share,
            prize: rain.prize(plan, share),
        }))
    }

    fn reserve(&self, context: &Context<'_>, id: ActivityId, token: u64, cart: &[CartLine]) -> Outcome {
        let activity = self.activity_in(context, id)?;
        let KindPlan::Sale(plan) = &activity.plan.kind else {
            return Err(NotDoneCode::WrongKind.because("only a sale takes orders"));
        };
        let Some(Kind::Sale(sale)) = activity.kind.as_ref().filter(|_| token == activity.token) else {
            return Ok(refused(RefusalCode::NotOpen));
        };
        let (user, request, fingerprint) = asker(context)?;
        let (lines, total) = match sale.reserve(&user, cart, activity.ended) {
            Ok(priced) => priced,
            Err(Declined::ForEver(refusal)) => return Ok(Decision::Answer(Answer::Refused(refusal))),
            Err(Declined::Today(refusal)) => return Ok(record_refusal(context, id, refusal)),
            Err(Declined::NotDone(reason)) => return Err(reason),
        };
        Ok(Decision::Event(Event::Reserved {
            room: context.room_id,
            activity: id,
            order: OrderId(self.latest_order + 1),
            user,
            lines,
            total,
            hold_until: context.now.after_ms(plan.hold_ms),
            request,
            fingerprint,
        }))
    }

    fn release(&self, context: &Context<'_>, id: OrderId) -> Outcome {
        let unknown = || NotDoneCode::UnknownOrder.because("no such order of this user");
        let order = self.orders.get(&id).ok_or_else(unknown)?;
        // Another user's order and another room's are as unknown as one that never was.
        if Some(order.user) != context.by || self.activity_in(context, order.activity).is_err() {
            return Err(unknown());
        }
        match order.phase {
            // Both last for ever, so neither needs a record; a repeat of the release itself was found above.
            OrderPhase::Paid => Ok(refused(RefusalCode::OrderPaid)),
            // A late payment may still turn a released order into a paid one: this answer must be kept.
            OrderPhase::Released => {
                Ok(record_refusal(context, order.activity, Refusal::plain(RefusalCode::OrderReleased)))
            }
            OrderPhase::Reserved => Ok(Decision::Event(Event::Released {
                room: context.room_id,
                activity: order.activity,
                order: id,
                user: order.user,
                cause: context.cause,
            })),
        }
    }

    fn pay(&self, context: &Context<'_>, id: OrderId, payment: &str, amount: Fen) -> Outcome {
        let unknown = || NotDoneCode::UnknownOrder.because("no such order in this room");
        if payment.is_empty() || payment.len() > 128 {
            return Err(NotDoneCode::Invalid.because("a payment is named in 1 to 128 bytes"));
        }
        let order = self.orders.get(&id).ok_or_else(unknown)?;
        let activity = self.activity_in(context, order.activity).map_err(|_| unknown())?;
        if amount != order.total {
            return Err(NotDoneCode::Invalid.because(format!("the order costs {} fen", order.total)));
        }
        let Some(Kind::Sale(sale)) = &activity.kind else { return Err(unknown()) };
        let late = activity.phase == Phase::Open && sale.can_sell_late(order);
        let outcome = match order.phase {
            OrderPhase::Reserved => PaymentOutcome::Sold,
            OrderPhase::Released if late => PaymentOutcome::SoldLate,
            OrderPhase::Released | OrderPhase::Paid => PaymentOutcome::RefundDue,
        };
        let from_outside = Posting {
            from: Account::Outside,
            to: Account::Proceeds(context.room_id),
            currency: Currency::Fen,
            amount: amount.get(),
        };
        let full = |_| NotDoneCode::TooMany.because("the books can't hold more");
        self.ledger.may_post(&from_outside).map_err(full)?;
        Ok(Decision::Event(Event::Paid {
            room: context.room_id,
            activity: activity.id,
            order: id,
            user: order.user,
            payment: payment.to_owned(),
            amount,
            outcome,
            cause: context.cause,
        }))
    }

    fn create_room(&self, room: RoomId, host: UserId, utc_offset_min: i32, cause: Cause) -> Outcome {
        if self.rooms.contains_key(&room) {
            return Err(NotDoneCode::Conflict.because("the room exists already"));
        }
        if self.rooms.len() >= self.bounds.rooms_max {
            return Err(NotDoneCode::TooMany.because(format!("at most {} rooms", self.bounds.rooms_max)));
        }
        if !(-14 * 60..=14 * 60).contains(&utc_offset_min) {
            return Err(NotDoneCode::Invalid.because("utc_offset_min must be -840 to 840"));
        }
        Ok(Decision::Event(Event::RoomCreated { room, host, utc_offset_min, cause }))
    }

    fn draft(&self, context: &Context<'_>, plan: &Plan, seed: crate::rules::Seed) -> Outcome {
        plan.check().map_err(|error| NotDoneCode::Invalid.because(error.to_string()))?;
        if plan.limits.looks_back_ms() > self.bounds.retention_ms {
            let days = self.bounds.retention_ms / 86_400_000;
            return Err(NotDoneCode::Invalid.because(format!("limits look back further than the {days} days kept")));
        }
        let max = self.bounds.activities_per_room_max;
        if context.room.activities.len() >= max {
            return Err(NotDoneCode::TooMany.because(format!("at most {max} activities in a room")));
        }
        Ok(Decision::Event(Event::Drafted {
            room: context.room_id,
            activity: ActivityId(self.latest_activity + 1),
            plan: Box::new(plan.clone()),
            seed,
            cause: context.cause,
        }))
    }

    fn step(&self, context: &Context<'_>, id: ActivityId, step: Step) -> Outcome {
        let activity = self.activity_in(context, id)?;
        let wrong_phase = || NotDoneCode::WrongPhase.because(format!("the activity is {}", activity.phase));
        let to = activity.phase.after(step).ok_or_else(wrong_phase)?;
        let mut moved = Fen::ZERO;
        match step {
            // The timers' own: by hand they would leave orders or money behind.
            Step::Reject | Step::Settle => return Err(wrong_phase()),
            Step::Schedule => {
                let reasons = activity.plan.review();
                if !reasons.is_empty() {
                    let (room, cause) = (context.room_id, context.cause);
                    return Ok(Decision::Event(Event::Rejected { room, activity: id, reasons, cause }));
                }
                moved = activity.plan.funding();
                self.can_fund(activity, moved)?;
            }
            Step::Cancel => moved = activity.unspent(),
            Step::WarmUp | Step::Open | Step::Close => {}
        }
        Ok(Decision::Event(stepped(context, id, step, to, moved)))
    }

    fn amend(&self, context: &Context<'_>, id: ActivityId, amendment: &Amendment) -> Outcome {
        let activity = self.activity_in(context, id)?;
        if activity.phase != Phase::Open {
            return Err(NotDoneCode::WrongPhase.because(format!("the activity is {}", activity.phase)));
        }
        activity.may_amend(amendment).map_err(|error| match error {
            AmendError::UnknownSku(_) => NotDoneCode::UnknownSku.because(error.to_string()),
            AmendError::Invalid(_) | AmendError::Stock(..) | AmendError::Plan(_) => {
                NotDoneCode::Invalid.because(error.to_string())
            }
        })?;
        self.can_fund(activity, amendment.budget)?;
        Ok(Decision::Event(Event::Amended {
            room: context.room_id,
            activity: id,
            number: activity.amendment + 1,
            amendment: Box::new(amendment.clone()),
            cause: context.cause,
        }))
    }

    fn top_up(&self, owner: UserId, currency: Currency, amount: i64, cause: Cause) -> Outcome {
        if !(1..=Fen::MAX.get()).contains(&amount) {
            return Err(NotDoneCode::Invalid.because("amount must be 1 to 10^13"));
        }
        let posting = Posting { from: Account::Outside, to: Account::Wallet(owner), currency, amount };
        let balance = self.ledger.balance(posting.to, currency);
        let full = || NotDoneCode::TooMany.because("the account can't hold more");
        self.ledger.may_post(&posting).map_err(|_| full())?;
        let balance = balance.checked_add(amount).filter(|sum| *sum <= Ledger::BALANCE_MAX).ok_or_else(full)?;
        Ok(Decision::Event(Event::ToppedUp { posting, balance, cause }))
    }

    /// The one step that time asks of an activity, if any.
    fn activity_due(&self, context: &Context<'_>, id: ActivityId) -> Decision {
        let idle = Decision::Answer(Answer::Idle);
        let Some(activity) = self.activities.get(&id) else { return idle };
        let now = context.now;
        if self.archive_at(activity).is_some_and(|at| at <= now) {
            return Decision::Event(Event::Archived { room: activity.room, activity: id });
        }
        if activity.deadline().is_none_or(|at| at > now) {
            return idle;
        }
        let next = |step| {
            let to = activity.phase.after(step).expect("the deadline belongs to the phase");
            let moved = if step == Step::Settle { activity.unspent() } else { Fen::ZERO };
            Decision::Event(stepped(context, id, step, to, moved))
        };
        match activity.phase {
            Phase::Scheduled | Phase::WarmUp if activity.opens_at.is_some_and(|at| at <= now) => next(Step::Open),
            Phase::Scheduled => next(Step::WarmUp),
            Phase::Open if activity.closes_at.is_some_and(|at| at <= now) => next(Step::Close),
            Phase::Open => match &activity.kind {
                Some(Kind::Rain(rain)) => Decision::Event(Event::WaveReleased {
                    room: activity.room,
                    activity: id,
                    wave: rain.waves_released + 1,
                }),
                _ => idle,
            },
            Phase::Closed => next(Step::Settle),
            Phase::Draft | Phase::Review | Phase::WarmUp | Phase::Settled | Phase::Cancelled => idle,
        }
    }

    fn expire(&self, context: &Context<'_>, id: OrderId) -> Decision {
        match self.orders.get(&id) {
            Some(order) if order.phase == OrderPhase::Reserved && order.hold_until <= context.now => {
                Decision::Event(Event::Released {
                    room: context.room_id,
                    activity: order.activity,
                    order: id,
                    user: order.user,
                    cause: context.cause,
                })
            }
            _ => Decision::Answer(Answer::Idle),
        }
    }

    /// The timer's operation for something that is due.
    pub(super) fn op_for(&self, due: &Due) -> Option<Op> {
        let (activity, ask) = match due {
            Due::Activity(id) => (*id, Ask::Due { activity: *id }),
            Due::Order(id) => (self.orders.get(id)?.activity, Ask::Expire { order: *id }),
        };
        let room = self.activities.get(&activity)?.room;
        Some(Op { partition: Partition::Room(room), by: None, request: None, ask })
    }

    /// Another room's activity is as unknown as one that never was.
    fn activity_in(&self, context: &Context<'_>, id: ActivityId) -> Result<&Activity, NotDone> {
        let activity = self.activities.get(&id).filter(|activity| activity.room == context.room_id);
        activity.ok_or_else(|| NotDoneCode::UnknownActivity.because("no such activity in this room"))
    }

    fn within_limits(&self, context: &Context<'_>, activity: &Activity, user: &UserId) -> Result<(), Refusal> {
        let limits = &activity.plan.limits;
        if limits.is_none() {
            return Ok(());
        }
        let rains = context.room.activities.iter().filter_map(|id| match &self.activities.get(id)?.kind {
            Some(Kind::Rain(rain)) => Some(rain),
            _ => None,
        });
        let wins = || rains.clone().flat_map(|rain| rain.grants_of(user).filter_map(|share| rain.given_at(share)));
        limits.allow(wins, context.now, context.room.utc_offset_min)
    }

    fn can_fund(&self, activity: &Activity, amount: Fen) -> Result<(), NotDone> {
        if amount == Fen::ZERO {
            return Ok(());
        }
        let posting = activity.funding(amount);
        self.ledger
            .may_post(&posting)
            .map_err(|error| NotDoneCode::InsufficientFunds.because(format!("sponsor's wallet: {error}")))
    }
}

fn asker(context: &Context<'_>) -> Result<(UserId, crate::rules::RequestId, Fingerprint), NotDone> {
    let user = context.by.zip(context.cause.request);
    user.map(|(user, (request, fingerprint))| (user, request, fingerprint))
        .ok_or_else(|| NotDoneCode::Invalid.because("a claim names its user and its request"))
}

fn refused(code: RefusalCode) -> Decision {
    Decision::Answer(Answer::Refused(Refusal::plain(code)))
}

fn record_refusal(context: &Context<'_>, activity: ActivityId, refusal: Refusal) -> Decision {
    Decision::Event(Event::Refused { room: context.room_id, activity, cause: context.cause, refusal })
}

fn stepped(context: &Context<'_>, activity: ActivityId, step: Step, to: Phase, moved: Fen) -> Event {
    Event::Stepped { room: context.room_id, activity, step, to, moved, cause: context.cause }
}
