//! The steps of an activity, until it leaves.

use super::Fits;
use crate::rules::{
    ActivityId, Bag, CouponDrop, Draw, DrawLevel, Enrolment, Fen, GoalPools, Kind, KindPlan, Phase, Poll, Posting,
    Rain, RoomId, Sale, Step, Time,
};
use crate::store::Recorded;
use crate::store::tables::{Due, Tables};

impl Tables {
    /// The step is `by_hand` if somebody asked for it, not time.
    pub(super) fn step_to(
        &mut self, recorded: &Recorded, id: ActivityId, (step, by_hand): (Step, bool), to: Phase, moved: Fen,
    ) -> Fits {
        self.disarm(id);
        self.handed_in(id);
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
                self.allot_coupons(recorded.no, id)?;
            }
            Step::Open => {
                activity.open(now, by_hand);
                let rules = activity.draw_rules().map(|rules| rules.hash());
                activity.kind = Some(match &activity.plan.kind {
                    KindPlan::Rain(plan) if activity.plan.decoy.is_some() => {
                        Kind::Rain(Rain::exhausted(plan, recorded.no))
                    }
                    KindPlan::Rain(plan) => {
                        let mut rain = Rain::open(plan, &activity.seed);
                        if plan.waves.first().is_some_and(|wave| wave.after_ms == 0) {
                            rain.release_wave(plan);
                        }
                        Kind::Rain(rain)
                    }
                    KindPlan::Sale(plan) => Kind::Sale(Sale::open(plan)),
                    KindPlan::WatchTask(plan) => Kind::WatchTask(GoalPools::open(&plan.steps)),
                    KindPlan::CheckIn(plan) => Kind::CheckIn(GoalPools::open(&plan.streaks)),
                    KindPlan::Draw(_) => Kind::Draw(Box::new(Draw::open(rules.ok_or("a draw has rules")?))),
                    KindPlan::Poll(plan) => Kind::Poll(Poll::open(plan)),
                    KindPlan::Enrolment(_) => Kind::Enrolment(Enrolment::open()),
                    KindPlan::Drop(plan) => Kind::Drop(CouponDrop::open(plan)),
                    KindPlan::Bag(plan) => Kind::Bag(Bag::open(plan)),
                });
            }
            Step::Close => {
                activity.ended = Some(recorded.no);
                activity.only_early = false;
                activity.closes_at = Some(now);
                let mut awaits = false;
                if let (Some(Kind::Draw(draw)), KindPlan::Draw(plan)) = (&mut activity.kind, &activity.plan.kind) {
                    draw.freeze();
                    awaits = plan.level != DrawLevel::Sealed;
                }
                if awaits {
                    self.awaiting_beacons.insert(id);
                }
            }
            Step::Settle | Step::Cancel => {
                if activity.unspent() != moved {
                    return Err("what goes back is not what is left");
                }
                activity.ended.get_or_insert(recorded.no);
                activity.only_early = false;
                activity.final_at = Some(now);
                activity.funded = activity.funded.minus(moved).ok_or("more goes back than came")?;
                self.post(Posting { from: funding.to, to: funding.from, ..funding })?;
                self.take_coupons_back(id)?;
            }
        }
        self.arm(id);
        Ok(())
    }

    /// The head start of those who enter early is over.
    pub(super) fn open_to_all(&mut self, id: ActivityId) -> Fits {
        self.disarm(id);
        if !std::mem::take(&mut self.activity_mut(id)?.only_early) {
            return Err("everybody may take part already");
        }
        self.arm(id);
        Ok(())
    }

    pub(super) fn archive(&mut self, room: &RoomId, id: ActivityId) -> Fits {
        self.disarm(id);
        let activity = self.activities.remove(&id).ok_or("no such activity")?;
        if !activity.phase.is_final() || !activity.is_resolved() {
            return Err("only what has ended is archived");
        }
        self.campaigns.of.remove(&id);
        self.risks.caught.remove(&id);
        if self.holds.holds_cash(id) {
            return Err("what is held has not ended");
        }
        self.holds.forget(id);
        let room = self.rooms.get_mut(room).ok_or("no such room")?;
        room.activities.retain(|other| *other != id);
        room.receipts.archive(|kept| kept.activity() == Some(id));
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

    /// What belongs to no activity and was decided long ago goes.
    pub(super) fn forget_before(&mut self, of: Option<RoomId>, before: Time, now: Time) -> Fits {
        let due = (self.forget_at(of), Due::Receipts(of.map(Box::new)));
        if let (Some(at), due) = due {
            self.due.remove(&(at, due));
        }
        match of {
            Some(room) => {
                let room = self.rooms.get_mut(&room).ok_or("no such room")?;
                room.receipts.turn(now);
                room.boards.forget(before);
            }
            None => self.platform_receipts.turn(now),
        }
        self.arm_forgetting(of);
        Ok(())
    }

    pub(super) fn arm_forgetting(&mut self, of: Option<RoomId>) {
        if let Some(at) = self.forget_at(of) {
            self.due.insert((at, Due::Receipts(of.map(Box::new))));
        }
    }

    /// When the older receipts of a room, or of the platform, go.
    pub(in crate::store::tables) fn forget_at(&self, of: Option<RoomId>) -> Option<Time> {
        let receipts = match of {
            Some(room) => &self.rooms.get(&room)?.receipts,
            None => &self.platform_receipts,
        };
        receipts.since().map(|since| since.after_ms(self.bounds.retention_ms))
    }
}
