//! Activities, whatever their kind.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::bag::{NewCodeBag, NewNewcomerBag, codes};
use super::conditions::{ConditionsShape, EarlyEntryShape};
use super::coupon::NewDrop;
use super::draw::{DrawShape, NewDraw, with_keyword, without_keyword};
use super::goals::{NewCheckIn, NewWatchTask};
use super::rain::{NewRain, RainResultShape};
use super::sale::{NewSale, NewStock};
use super::talk::{EnrolmentShape, NewEnrolment, NewPoll, TallyShape};
use super::{Problem, fen};
use crate::rules::{
    Amendment, BagContents, BagPlan, DecoyPlan, Digest, KindPlan, Limits, Occasion, Plan, SalePlan, Schedule, SkuId,
    Time, UserId, WinCap,
};
use crate::store::{ActivityView, ItemView, KindView};

/// A new activity: exactly one of `rain`, `sale`, `drop`, `watch_task`, `check_in`, `lucky_bag`,
/// `newcomer_bag`, `code_bag`, `keyword_draw`, `mic_draw`, `poll` and `enrolment`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct NewActivity {
    /// 1 to 200 bytes.
    pub title: String,
    /// Whose wallet pays; the caller's if not named. Only operators name somebody else.
    pub sponsor: Option<String>,
    /// When it opens; otherwise it waits for the host.
    pub opens_at_ms: Option<i64>,
    /// How long before its first opening it is announced.
    #[serde(default)]
    pub warm_up_ms: u64,
    /// Who may take part before the others. Opened by hand, it opens to them, and to everybody so many seconds later.
    pub early: Option<EarlyEntryShape>,
    /// Limits beyond the activity.
    #[serde(default)]
    pub limits: NewLimits,
    /// Who may take part.
    #[serde(default)]
    pub conditions: ConditionsShape,
    /// Makes a rain a decoy: no client shows it, it holds no money and gives nothing, and whoever claims of it is judged to be a bot.
    /// Operators only.
    pub decoy: Option<NewDecoy>,
    /// Red-packet rain.
    pub rain: Option<NewRain>,
    /// Flash sale.
    pub sale: Option<NewSale>,
    /// Watch task.
    pub watch_task: Option<NewWatchTask>,
    /// Check-in.
    pub check_in: Option<NewCheckIn>,
    /// Lucky bag: whoever taps enters, winners are drawn at the end.
    pub lucky_bag: Option<NewDraw>,
    /// Keyword draw: whoever posts its `keyword` enters.
    pub keyword_draw: Option<NewDraw>,
    /// Lucky bag for newcomers, unlocked by watching: its `conditions` ask for 300 s (`watched_s`) and one day (`newcomer_days`) unless
    /// they say otherwise.
    pub newcomer_bag: Option<NewNewcomerBag>,
    /// Lucky bag of codes: one for each winner.
    pub code_bag: Option<NewCodeBag>,
    /// Mic-link draw: winners are offered a seat.
    pub mic_draw: Option<NewDraw>,
    /// Poll, or wish list.
    pub poll: Option<NewPoll>,
    /// Enrolment.
    pub enrolment: Option<NewEnrolment>,
    /// Coupon drop.
    pub drop: Option<NewDrop>,
}

/// What becomes of whoever fires at a decoy.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct NewDecoy {
    /// How risky the account is judged to be, 1 to 100.
    pub score: u8,
    /// For how long: 1 s to 366 days.
    pub for_s: u32,
}

/// How often one user may win in the room.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct NewLimits {
    /// Wins on one day of the room's time zone, 1 to 1,000.
    pub per_room_day: Option<u32>,
    /// Wins in a moving window, 1 to 1,000.
    pub win_cap: Option<NewWinCap>,
}

/// At most so many wins in a moving window.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct NewWinCap {
    /// Wins, 1 to 1,000.
    pub wins: u32,
    /// Window, 1 ms to 31 days.
    pub window_ms: u64,
}

/// A change to an open activity. What is not named stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct NewAmendment {
    /// Units added to (or, below zero, taken from) items of a sale; prizes added to goals, numbered from 1.
    #[serde(default)]
    pub stock: Vec<NewStock>,
    /// Cash added to a rain, or to goals whose prizes are cash…
    #[serde(default)]
    pub budget_fen: i64,
    /// …in so many new shares. Or so many coupons added to a drop, prizes to a bag for newcomers.
    #[serde(default)]
    pub shares: u32,
    /// Codes added to a bag of codes.
    #[serde(default)]
    pub codes: Vec<String>,
    /// A later end.
    #[serde(default)]
    pub extend_ms: u64,
}

/// An activity as it stands.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct ActivityShape {
    /// Its number.
    pub activity: u64,
    /// Its room.
    pub room: String,
    /// `red_packet_rain`, `flash_sale`, `coupon_drop`, `watch_task`, `check_in`, `lucky_bag`, `newcomer_bag`, `code_bag`,
    /// `keyword_draw`, `mic_draw`, `poll` or `enrolment`.
    pub kind: &'static str,
    /// Its name.
    pub title: String,
    /// draft, review, scheduled, warm_up, open, closed, settled, cancelled.
    pub phase: &'static str,
    /// What the review found wanting.
    pub reasons: Vec<String>,
    /// Whose wallet pays.
    pub sponsor: String,
    /// When everybody's claims begin or began.
    pub opens_at_ms: Option<i64>,
    /// Who may take part before the others.
    pub early: Option<EarlyEntryShape>,
    /// When they may, or could.
    pub early_at_ms: Option<i64>,
    /// When claims end or ended.
    pub closes_at_ms: Option<i64>,
    /// Amendments so far.
    pub amendment: u32,
    /// Cash paid in so far.
    pub funded_fen: i64,
    /// Cash that was paid in and not given.
    pub unspent_fen: i64,
    /// Pools: the shares of a rain, the items of a sale, the coupons of a drop, what is in a bag. Empty before the opening.
    pub pools: Vec<PoolShape>,
    /// Orders that hold stock.
    pub reserved_orders: u32,
    /// Who got what, once a rain has ended.
    pub result: Option<RainResultShape>,
    /// The draw, if it is one.
    pub draw: Option<DrawShape>,
    /// Of a decoy: how many users have fired at it.
    pub caught: Option<u32>,
    /// The votes of a poll.
    pub tally: Option<TallyShape>,
    /// Who wants a place in an enrolment.
    pub enrolment: Option<EnrolmentShape>,
}

/// The counts of a pool: granted + reserved + free (+ units of later waves) = stock.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct PoolShape {
    /// The item; 0 for the shares of a rain, the coupons of a drop and what is in a bag; the number of a goal, from 1.
    pub sku: u32,
    /// Units at the start and added since, less those taken away.
    pub stock: u32,
    /// Units that may be given now.
    pub free: u32,
    /// Units held by orders.
    pub reserved: u32,
    /// Units given for good.
    pub granted: u32,
    /// The latest opening's number.
    pub opening: u32,
}

/// The number of an amendment.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct AmendedShape {
    /// From 1.
    pub amendment: u32,
}

impl NewActivity {
    /// The plan, with `sponsor` paying. The receipts of a draw are signed with `receipt_key`.
    pub(in crate::api) fn plan(self, sponsor: UserId, receipt_key: Option<Digest>) -> Result<Plan, Problem> {
        let opens_at = self.opens_at_ms.map(Time::from_ms);
        let draw = |draw: NewDraw, occasion: fn(Option<String>) -> Result<Occasion, Problem>| {
            Ok::<_, Problem>(KindPlan::Draw(Box::new(draw.plan(occasion, opens_at, receipt_key)?)))
        };
        let mut kinds = [
            self.rain.map(|rain| rain.plan().map(KindPlan::Rain)),
            self.sale.map(|sale| sale.plan().map(KindPlan::Sale)),
            self.drop.map(|drop| drop.plan().map(KindPlan::Drop)),
            self.watch_task.map(|task| task.plan().map(KindPlan::WatchTask)),
            self.check_in.map(|check_in| check_in.plan().map(KindPlan::CheckIn)),
            self.lucky_bag.map(|bag| draw(bag, |keyword| without_keyword(keyword, Occasion::LuckyBag))),
            self.newcomer_bag.map(|bag| bag.plan().map(KindPlan::Bag)),
            self.code_bag.map(|bag| bag.plan().map(KindPlan::Bag)),
            self.keyword_draw.map(|posted| draw(posted, with_keyword)),
            self.mic_draw.map(|seats| draw(seats, |keyword| without_keyword(keyword, Occasion::MicLink))),
            self.poll.map(|poll| Ok(KindPlan::Poll(poll.plan()))),
            self.enrolment.map(|enrolment| Ok(KindPlan::Enrolment(enrolment.plan()))),
        ]
        .into_iter()
        .flatten();
        let (Some(kind), None) = (kinds.next(), kinds.next()) else {
            return Err(Problem::invalid(
                "an activity is exactly one of rain, sale, drop, watch_task, check_in, lucky_bag, newcomer_bag, code_bag, \
                 keyword_draw, mic_draw, poll and enrolment",
            ));
        };
        let kind = kind?;
        let NewLimits { per_room_day, win_cap } = self.limits;
        let mut conditions = self.conditions.conditions()?;
        if let KindPlan::Bag(BagPlan { contents: BagContents::Newcomer { .. }, .. }) = &kind {
            conditions.watched_s.get_or_insert(300);
            conditions.newcomer_days.get_or_insert(1);
        }
        let decoy = self.decoy.map(|NewDecoy { score, for_s }| DecoyPlan { score, for_ms: u64::from(for_s) * 1_000 });
        let win_cap = win_cap.map(|NewWinCap { wins, window_ms }| WinCap { wins, window_ms });
        Ok(Plan {
            title: self.title,
            sponsor,
            schedule: Schedule { opens_at, warm_up_ms: self.warm_up_ms, early: self.early.map(Into::into) },
            limits: Limits { per_room_day, win_cap },
            kind,
            conditions,
            decoy,
        })
    }
}

/// A kind's word.
pub(super) fn kind(plan: &Plan) -> &'static str {
    match &plan.kind {
        KindPlan::Rain(_) => "red_packet_rain",
        KindPlan::Sale(_) => "flash_sale",
        KindPlan::WatchTask(_) => "watch_task",
        KindPlan::CheckIn(_) => "check_in",
        KindPlan::Draw(plan) => match plan.occasion {
            Occasion::LuckyBag => "lucky_bag",
            Occasion::Keyword(_) => "keyword_draw",
            Occasion::MicLink => "mic_draw",
        },
        KindPlan::Poll(_) => "poll",
        KindPlan::Enrolment(_) => "enrolment",
        KindPlan::Drop(_) => "coupon_drop",
        KindPlan::Bag(plan) => match plan.contents {
            BagContents::Newcomer { .. } => "newcomer_bag",
            BagContents::Codes(_) => "code_bag",
        },
    }
}

impl NewAmendment {
    pub(in crate::api) fn amendment(self) -> Result<Amendment, Problem> {
        if self.stock.len() > SalePlan::SKUS_MAX {
            return Err(Problem::invalid("stock names at most 50 items"));
        }
        Ok(Amendment {
            stock: self.stock.into_iter().map(|change| (SkuId(change.sku), change.units)).collect(),
            budget: fen("budget_fen", self.budget_fen)?,
            shares: self.shares,
            extend_ms: self.extend_ms,
            codes: codes(&self.codes)?,
        })
    }
}

impl From<&ActivityView> for ActivityShape {
    fn from(view: &ActivityView) -> Self {
        let pool = |sku: u32, pool: &ItemView| PoolShape {
            sku,
            stock: pool.stock,
            free: pool.free,
            reserved: pool.reserved,
            granted: pool.granted,
            opening: pool.opening,
        };
        let (mut pools, mut orders, mut result) = (Vec::new(), 0, None);
        let (mut tally, mut enrolment) = (None, None);
        match &view.kind {
            Some(KindView::Rain { pool: shares, summary }) => {
                pools.push(pool(0, shares));
                result = summary.as_ref().map(Into::into);
            }
            // Goals are numbered from 1, as in amendments.
            Some(KindView::Goals { pools: goals }) => {
                pools.extend((1..).zip(goals).map(|(goal, item)| pool(goal, item)))
            }
            Some(KindView::Drop { pool: units, .. } | KindView::Bag { pool: units }) => pools.push(pool(0, units)),
            Some(KindView::Sale { items, reserved_orders }) => {
                pools.extend(items.iter().map(|(sku, item)| pool(sku.0, item)));
                orders = *reserved_orders;
            }
            Some(KindView::Poll { tally: votes, voters }) => {
                tally = Some(TallyShape { voters: *voters, votes: votes.clone() });
            }
            Some(KindView::Enrolment { signed_up, admitted }) => {
                let admitted = admitted.as_ref().map(|users| users.iter().map(ToString::to_string).collect());
                enrolment = Some(EnrolmentShape { signed_up: *signed_up, admitted });
            }
            Some(KindView::Draw { .. }) | None => {}
        }
        Self {
            activity: view.id.0,
            room: view.room.to_string(),
            kind: kind(&view.plan),
            title: view.plan.title.clone(),
            phase: view.phase.word(),
            reasons: view.reasons.clone(),
            sponsor: view.plan.sponsor.to_string(),
            opens_at_ms: view.opens_at.map(Time::ms),
            early: view.plan.schedule.early.map(Into::into),
            early_at_ms: view.early_at.map(Time::ms),
            closes_at_ms: view.closes_at.map(Time::ms),
            amendment: view.amendment,
            funded_fen: view.funded.get(),
            unspent_fen: view.unspent.get(),
            pools,
            reserved_orders: orders,
            result,
            draw: match &view.plan.kind {
                KindPlan::Draw(plan) => DrawShape::of(view, plan),
                _ => None,
            },
            caught: view.plan.decoy.map(|_| view.caught),
            tally,
            enrolment,
        }
    }
}
