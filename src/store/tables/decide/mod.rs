//! What an operation comes to. Flat early returns in one order: known request, room and activity, phase and token,
//! limits, stock. One file for each mechanic; what they share is here.

mod bag;
mod broadcast;
mod campaign;
mod coupon;
mod draw;
mod eligibility;
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
mod wallet;

use crate::rules::{
    Activity, ActivityId, Fingerprint, NotDone, NotDoneCode, Refusal, RefusalCode, RequestId, RoomId, Time, UserId,
};

use super::{Decision, Room, Tables};
use crate::store::{Answer, Ask, Cause, Event, GiftAsk, Op, Partition, PresenceAsk};

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
            Partition::Wallet(_) | Partition::Platform => None,
        };
        if let Some(key) = key {
            let known = match &op.partition {
                Partition::Room(_) => room.and_then(|room| room.receipts.get(&key)),
                Partition::Wallet(owner) => self.wallet_receipts.get(&(*owner, key)),
                Partition::Platform => self.platform_receipts.get(&key),
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
            (Partition::Platform, Ask::Gift(GiftAsk::SetCatalogue { based_on, gifts })) => {
                return self.set_catalogue(*based_on, gifts, cause);
            }
            (Partition::Platform, Ask::Risk(ask)) => return self.risk(now, ask, cause),
            (Partition::Platform, Ask::Forget) => return Ok(self.forget(now, None)),
            (Partition::Room(id), Ask::Forget) => return Ok(self.forget(now, Some(*id))),
            (Partition::Platform, _) => return Err(NotDoneCode::Invalid.because("nothing that all rooms share")),
            (Partition::Room(id), _) => *id,
            (Partition::Wallet(_), _) => return Err(NotDoneCode::Invalid.because("a wallet is only topped up")),
        };
        let room = room.ok_or_else(|| NotDoneCode::UnknownRoom.because("no such room"))?;
        let context = Context { now, room_id, room, by: op.by, cause };
        match &op.ask {
            Ask::Claim { activity, token, opening } => self.claim(&context, *activity, *token, *opening),
            Ask::Reserve { activity, token, cart, coupons } => self.reserve(&context, *activity, *token, cart, coupons),
            Ask::Release { order } => self.release(&context, *order),
            Ask::Pay { order, payment, amount } => self.pay(&context, *order, payment, *amount),
            Ask::Draft { plan, seed } => self.draft(&context, plan, *seed),
            Ask::Step { activity, step } => self.step(&context, *activity, *step),
            Ask::Amend { activity, amendment } => self.amend(&context, *activity, amendment),
            Ask::Draw(ask) => self.draw(&context, ask),
            Ask::Due { activity } => Ok(self.activity_due(&context, *activity)),
            Ask::Expire { order } => Ok(self.expire(&context, *order)),
            Ask::Talk(ask) => self.talk(&context, ask),
            Ask::Presence(PresenceAsk::StartBroadcast) => self.start_broadcast(&context),
            Ask::Presence(PresenceAsk::EndBroadcast { broadcast }) => self.end_broadcast(&context, *broadcast),
            Ask::Presence(PresenceAsk::Present { broadcast, from, until, stays }) => {
                self.present(&context, *broadcast, *from, *until, stays)
            }
            Ask::Presence(PresenceAsk::Talked { broadcast, from, until, talked }) => {
                self.talked_much(&context, *broadcast, (*from, *until), talked)
            }
            Ask::Presence(PresenceAsk::ClaimStep { activity, token, step }) => {
                self.claim_step(&context, *activity, *token, *step)
            }
            Ask::Presence(PresenceAsk::CheckIn { activity, token }) => self.check_in(&context, *activity, *token),
            Ask::Presence(PresenceAsk::ReviewTier { user }) => Ok(self.review_tier(&context, *user)),
            Ask::Presence(PresenceAsk::Introduce { account }) => self.introduce(&context, *account),
            Ask::Presence(PresenceAsk::PostKeyword { activity }) => self.post_keyword(&context, *activity),
            Ask::Campaign(ask) => self.campaign(&context, ask),
            Ask::Gift(ask) => self.gift(&context, ask),
            Ask::Coupon(ask) => self.about_coupons(&context, ask),
            Ask::Template(ask) => self.template(&context, ask),
            Ask::Risk(ask) => self.risk_in_room(&context, ask),
            Ask::Experiment(ask) => self.experiment(&context, ask),
            Ask::TopUp { .. } | Ask::CreateRoom { .. } | Ask::Forget => {
                Err(NotDoneCode::Invalid.because("a room has no wallet, and is created once"))
            }
        }
    }

    /// Another room's activity is as unknown as one that never was.
    fn activity_in(&self, context: &Context<'_>, id: ActivityId) -> Result<&Activity, NotDone> {
        let activity = self.activities.get(&id).filter(|activity| activity.room == context.room_id);
        activity.ok_or_else(|| NotDoneCode::UnknownActivity.because("no such activity in this room"))
    }

    fn within_limits<'a>(&'a self, context: &Context<'a>, activity: &Activity, user: &UserId) -> Result<(), Refusal> {
        let limits = &activity.plan.limits;
        if limits.is_none() {
            return Ok(());
        }
        limits.allow(|| self.wins_of(context, *user), context.now, context.room.utc_offset_min)
    }
}

fn asker(context: &Context<'_>) -> Result<(UserId, RequestId, Fingerprint), NotDone> {
    let user = context.by.zip(context.cause.request);
    user.map(|(user, (request, fingerprint))| (user, request, fingerprint))
        .ok_or_else(|| NotDoneCode::Invalid.because("a claim names its user and its request"))
}

fn refused(code: RefusalCode) -> Decision {
    Decision::Answer(Answer::Refused(Refusal::plain(code)))
}

/// A refusal whose reason may pass: it has to be kept, so that the same request gets the same answer. Of one user so many are
/// kept in an activity; one more does not happen at all. A comment is no request, and nobody asks for its answer again.
fn record_refusal(context: &Context<'_>, activity: ActivityId, refusal: Refusal) -> Outcome {
    if context.cause.request.is_none() {
        return Ok(Decision::Answer(Answer::Refused(refusal)));
    }
    let kept = context.by.map_or(0, |user| context.room.receipts.refusals(activity, user));
    if kept >= Tables::REFUSALS_MAX {
        return Err(NotDoneCode::TooManyRefusals.because(format!("{refusal}, and refused {kept} times here")));
    }
    Ok(Decision::Event(Event::Refused { room: context.room_id, activity, cause: context.cause, refusal }))
}
