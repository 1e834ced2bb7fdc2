//! Broadcasts and who watches them, what there is for it, and who may come in early.

use liveroom::rules::*;
use liveroom::store::{Ask, PresenceAsk};

use super::{Run, USERS, pick};
use crate::conformance::talk::poll;
use crate::stage::{fen, plan, rain, room, sale, user};

impl Run {
    /// The room goes on air and off, nodes report who was there and who talked, and viewers take what there is for it.
    pub(super) fn presence(&mut self, a: u16, b: u16) {
        let who = USERS[a as usize % 4];
        let broadcast = self.memory.keeper.tables().room(&room()).unwrap().broadcast_no();
        match b % 16 {
            0 | 1 => self.ask("host", Ask::Presence(PresenceAsk::StartBroadcast)),
            // The one that is on, or one before.
            2 => {
                let broadcast = broadcast.saturating_sub(u32::from(a.is_multiple_of(8)));
                self.ask("host", Ask::Presence(PresenceAsk::EndBroadcast { broadcast }));
            }
            3..=5 => {
                let (from, until) = self.lately(a, b);
                let stays = self.each_of(b, |user| Stay { user, after_ms: u32::from(a % 700), before_ms: 0 });
                self.unnamed(None, Ask::Presence(PresenceAsk::Present { broadcast, from, until, stays }));
            }
            6..=8 => {
                let (from, until) = self.lately(a, b);
                let times = 1 + u32::from(a / 4 % 5);
                let talked = self.each_of(b, |user| Talked { user, after_ms: 0, before_ms: u32::from(a % 700), times });
                self.unnamed(None, Ask::Presence(PresenceAsk::Talked { broadcast, from, until, talked }));
            }
            9 => {
                let risk = (!a.is_multiple_of(3)).then_some((a / 4 % 101) as u8);
                let created = a.is_multiple_of(5).then(|| self.memory.now.before_ms(u64::from(b) * 86_400_000));
                let account = AccountFacts { created, risk };
                self.unnamed(Some(who), Ask::Presence(PresenceAsk::Introduce { account }));
            }
            what => self.goal(who, what, a / 4, b / 16),
        }
    }

    /// A task or a check-in; a step of one, a day at the other.
    fn goal(&mut self, who: &str, what: u16, a: u16, b: u16) {
        let latest = self.goals.len().saturating_sub(3);
        let Some(activity) = pick(&self.goals[latest..], a).filter(|_| what != 10) else {
            let handed_in = self.hand_in(plan_of_goals(a), b);
            self.goals.extend(handed_in);
            return;
        };
        let (token, _) = self.seen(activity, 0);
        let ask = match what {
            11..=13 => PresenceAsk::ClaimStep { activity, token, step: 1 + u32::from(b % 3) },
            _ => PresenceAsk::CheckIn { activity, token },
        };
        self.ask(who, Ask::Presence(ask));
    }

    /// What opens to fans some seconds before the others, by hand or by time.
    pub(super) fn early(&mut self, a: u16, b: u16) {
        let kind = match a % 3 {
            0 => plan(rain(1 + u32::from(b % 4), 5)),
            1 => plan(sale(&[(1 + u32::from(b % 4), 100, 2)])),
            _ => plan(poll(1, true)),
        };
        let tier = if b.is_multiple_of(3) { Tier::Core } else { Tier::Active };
        let early = Some(EarlyEntry { tier, seconds: 1 + u32::from(a / 4 % 9) });
        let opens_at = (a / 4).is_multiple_of(2).then(|| self.memory.now.after_ms(1_000 + u64::from(b % 4_096)));
        let schedule = Schedule { opens_at, warm_up_ms: u64::from(a % 2_000), early };
        let handed_in = self.hand_in(Plan { schedule, ..kind }, b);
        self.activities.extend(handed_in);
    }

    /// Some seconds that are over, or nearly.
    fn lately(&self, a: u16, b: u16) -> (Time, Time) {
        let from = self.memory.now.before_ms(u64::from(a % 8_000));
        (from, from.after_ms(u64::from(b % 8_000)))
    }

    /// Whoever has a bit.
    fn each_of<T>(&self, bits: u16, of: impl Fn(UserId) -> T) -> Box<[T]> {
        let some = (4..).zip(USERS).filter(|(bit, _)| bits >> bit & 1 == 1);
        some.map(|(_, name)| of(user(name))).collect()
    }
}

/// Cash, a coupon and a thing for seconds watched; or cash and a thing for days.
fn plan_of_goals(a: u16) -> Plan {
    let goal = |at, prize| GoalPlan { at, prize, count: 1 + u32::from(a / 2 % 3) };
    let (cash, coupon) = (Prize::Cash(fen(5)), Prize::Coupon("tea".to_owned()));
    if a.is_multiple_of(2) {
        let steps = vec![goal(1, cash), goal(2, coupon), goal(3, Prize::Item("mug".to_owned()))];
        plan(WatchTaskPlan { steps, duration_ms: 30_000 })
    } else {
        plan(CheckInPlan { streaks: vec![goal(1, cash), goal(2, coupon)], duration_ms: 30_000 })
    }
}
