//! What is on: which mechanics a broadcast has, and when.

use std::time::Duration;

use serde::Serialize;
use serde_json::{Value, json};

use super::super::risk;
use super::super::stage::{COUPON, SALE_PRICE_FEN};
use super::experiment;

/// The gifts of the evening: number and price in coins.
pub(super) const GIFTS: [(u32, i64); 3] = [(9_001, 1), (9_002, 10), (9_003, 66)];

/// What one viewer brings who gives.
pub(super) const COINS: i64 = 20_000;

/// What one brings who would rather talk, and gives at once: with a check-in it makes nobody 活跃粉 yet, by the rules that servers come with.
/// What is said does the rest.
pub(super) const A_FEW_COINS: i64 = 112;

/// How long an unpaid order is held.
const HOLD_MS: u64 = 3_000;

/// How long a seat at the microphone is offered.
const SEAT_MS: u64 = 5_000;

/// What enters the keyword draw.
const KEYWORD: &str = "我要茶席 Go";

/// How long the cash of risky accounts is held, in thousandths of the broadcast, and how soon after a rain has begun an operator
/// looks at it.
const HELD: u32 = 60;
pub(super) const RULED: u32 = 30;

/// A hold lasts no shorter, whatever the broadcast does.
const HELD_MIN: Duration = Duration::from_secs(2);

/// What is in a bag for newcomers.
const NEWCOMER_FEN: u64 = 66;

/// How much longer than the broadcast whoever is caught is judged for it.
const JUDGED: Duration = Duration::from_secs(3_600);

const DAY_MS: u64 = 86_400_000;

/// Rains last no shorter and no longer, whatever the host does.
const RAIN_MS: std::ops::RangeInclusive<u64> = 5_000..=120_000;

/// A broadcast.
#[derive(Debug, Clone)]
pub(super) struct Programme {
    pub(super) name: &'static str,
    /// In the order in which they begin.
    pub(super) acts: Vec<Act>,
    /// Whether viewers are people and bots; otherwise all are eager.
    pub(super) mixed: bool,
    /// Whether gifts are what it is about.
    pub(super) gifts: bool,
    /// Whether what belongs to a campaign is grouped in one.
    pub(super) campaign: bool,
    /// Whether viewers fall into the arms of an experiment.
    pub(super) experiment: bool,
}

/// An activity of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Act {
    pub(super) mechanic: Mechanic,
    pub(super) title: &'static str,
    /// When it opens and when the host closes it, in thousandths of the broadcast.
    pub(super) from: u32,
    pub(super) until: u32,
    /// When the host adds stock, shares or time.
    pub(super) amended: Option<u32>,
    /// Whether it is part of the campaign.
    pub(super) promoted: bool,
    /// The arm of the experiment that it is for, or whose its coupons are.
    pub(super) arm: Option<&'static str>,
    pub(super) source: Source,
}

/// How an act's activity comes about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Source {
    /// The host plans it.
    Plan,
    /// It is like a template, which the host saves.
    Template,
    /// A template becomes an activity every day of a week; the host opens the first one early.
    Recurrence,
}

/// What hosts can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mechanic {
    Rain,
    Sale,
    Drop,
    WatchTask,
    CheckIn,
    Poll,
    Enrolment,
    LuckyBag,
    NewcomerBag,
    CodeBag,
    KeywordDraw,
    MicDraw,
    /// A rain that nobody is shown.
    Decoy,
}

impl Programme {
    /// An evening with everything, in turn and overlapping.
    pub(super) fn show() -> Self {
        use Mechanic::*;
        let acts = vec![
            act(WatchTask, "观看任务", 10, 930),
            act(CheckIn, "直播打卡", 20, 930),
            act(Poll, "今晚先看哪件", 40, 300),
            act(Drop, "万券齐发", 80, 300),
            act(Decoy, "诱饵红包雨", 120, 1_000).amended(130),
            act(Rain, "开场红包雨", 160, 320).promoted(),
            act(KeywordDraw, "口令抽奖", 220, 420),
            act(Sale, "首波秒杀", 260, 560).promoted().amended(420),
            act(Enrolment, "优先报名", 360, 640),
            act(NewcomerBag, "新人福袋", 380, 700).amended(560),
            act(LuckyBag, "福袋", 460, 640),
            act(Rain, "整点红包雨", 520, 690).promoted().amended(600),
            act(CodeBag, "兑换码福袋", 580, 720),
            act(MicDraw, "连麦抽奖", 620, 760),
            act(Sale, "返场秒杀", 700, 920).promoted().like_template().amended(800),
        ];
        Self { mixed: true, campaign: true, ..Self::of_acts("show", acts) }
    }

    /// One mechanic, and viewers who take all that they can get.
    pub(super) fn of(name: &'static str, mechanic: Mechanic) -> Self {
        Self::of_acts(name, vec![act(mechanic, name, 20, 960)])
    }

    /// Lucky bags of all kinds.
    pub(super) fn bags() -> Self {
        use Mechanic::*;
        let acts = vec![
            act(CodeBag, "codes", 20, 900),
            act(LuckyBag, "drawn", 30, 700),
            act(NewcomerBag, "newcomers", 40, 960).amended(600),
        ];
        Self::of_acts("bags", acts)
    }

    /// What comes of templates: by hand, and every day.
    pub(super) fn template() -> Self {
        let acts = vec![
            act(Mechanic::Sale, "by hand", 20, 960).like_template().amended(500),
            act(Mechanic::Rain, "every day", 100, 900).every_day(),
        ];
        Self::of_acts("template", acts)
    }

    /// Only gifts.
    pub(super) fn gifts() -> Self {
        Self { gifts: true, ..Self::of_acts("gifts", Vec::new()) }
    }

    /// A campaign of a rain and a sale, with goals.
    pub(super) fn campaign() -> Self {
        let acts = vec![
            act(Mechanic::Drop, "coupons", 10, 950),
            act(Mechanic::Rain, "rain", 20, 500).promoted(),
            act(Mechanic::Sale, "sale", 200, 950).promoted().amended(600),
        ];
        Self { campaign: true, ..Self::of_acts("campaign", acts) }
    }

    /// An experiment: what is for everybody, what is for one arm, and coupons that only one arm may have. Gifts count for arms, too.
    pub(super) fn experiment() -> Self {
        let [_, second, third] = experiment::ARMS.map(|(arm, _)| arm);
        let acts = vec![
            act(Mechanic::Drop, "coupons of an arm", 10, 900).for_arm(third),
            act(Mechanic::Rain, "rain", 20, 500),
            act(Mechanic::Rain, "rain for an arm", 30, 600).for_arm(second),
            act(Mechanic::Sale, "sale", 200, 950).amended(600),
            act(Mechanic::Sale, "sale for an arm", 210, 950).for_arm(third),
        ];
        Self { gifts: true, experiment: true, ..Self::of_acts("experiment", acts) }
    }

    const fn of_acts(name: &'static str, acts: Vec<Act>) -> Self {
        Self { name, acts, mixed: false, gifts: false, campaign: false, experiment: false }
    }
}

/// How long the cash of risky accounts is held in a broadcast of that length: whole seconds.
pub(super) fn hold(broadcast: Duration) -> Duration {
    let part = broadcast * HELD / 1_000;
    Duration::from_secs(part.as_secs() + 1).max(HELD_MIN)
}

const fn act(mechanic: Mechanic, title: &'static str, from: u32, until: u32) -> Act {
    Act { mechanic, title, from, until, amended: None, promoted: false, arm: None, source: Source::Plan }
}

impl Act {
    const fn promoted(mut self) -> Self {
        self.promoted = true;
        self
    }

    const fn amended(mut self, at: u32) -> Self {
        self.amended = Some(at);
        self
    }

    const fn for_arm(mut self, arm: &'static str) -> Self {
        self.arm = Some(arm);
        self
    }

    const fn like_template(mut self) -> Self {
        self.source = Source::Template;
        self
    }

    const fn every_day(mut self) -> Self {
        self.source = Source::Recurrence;
        self
    }

    /// What the API is asked for, in a broadcast of that length with so many viewers.
    pub(super) fn plan(&self, viewers: usize, broadcast: Duration) -> Value {
        let viewers = viewers as u64;
        let part = |of: u64| (viewers / of).max(1);
        let span_ms = broadcast.as_millis() as u64 * u64::from(self.until - self.from) / 1_000;
        // The host closes it; the plan's end is for a host who does not come back.
        let duration_ms = span_ms * 2 + 60_000;
        let step_s = |thousandth: u64| (broadcast.as_millis() as u64 * thousandth / 1_000_000).max(1);
        let mut plan = match self.mechanic {
            Mechanic::Rain | Mechanic::Decoy => {
                let shares = (viewers * 3 / 2).max(2);
                let duration_ms = (span_ms + 2_000).clamp(*RAIN_MS.start(), *RAIN_MS.end());
                json!({"rain": {
                    "budget_fen": shares * 88, "shares": shares, "split": "random", "share_min_fen": 1,
                    "duration_ms": duration_ms, "grants_per_user": 3,
                }})
            }
            Mechanic::Sale => {
                let sku = |sku: u32, title: &str, stock: u64| {
                    json!({
                        "sku": sku, "title": title, "list_price_fen": 19_900, "sale_price_fen": SALE_PRICE_FEN * i64::from(sku),
                        "stock": stock, "per_user_limit": 2, "quality_report": "QR-1", "trace_certificate": "TC-1",
                    })
                };
                let skus = [sku(1, "明前龙井", part(8)), sku(2, "白瓷盖碗", part(16))];
                json!({"sale": {"skus": skus, "duration_ms": duration_ms, "hold_ms": HOLD_MS}})
            }
            Mechanic::Drop => json!({"drop": {
                "template": if self.arm.is_some() { experiment::COUPON } else { COUPON },
                "coupons": part(2), "duration_ms": duration_ms, "grants_per_user": 1,
            }}),
            Mechanic::WatchTask => {
                let mut at = 0;
                let mut goal = |thousandth, prize: (&str, Value)| {
                    // Steps are in order, however short the broadcast is.
                    at = step_s(thousandth).max(at + 1);
                    json!({"at": at, "count": part(2), prize.0: prize.1})
                };
                let steps = [
                    goal(100, ("amount_fen", json!(18))),
                    goal(300, ("coupon", json!(COUPON))),
                    goal(550, ("item", json!("茶样一份"))),
                ];
                json!({"watch_task": {"steps": steps, "duration_ms": duration_ms}})
            }
            Mechanic::CheckIn => {
                let streaks = [json!({"at": 1, "count": part(3), "amount_fen": 6})];
                json!({"check_in": {"streaks": streaks, "duration_ms": duration_ms}})
            }
            Mechanic::Poll => {
                let options = ["龙井", "盖碗", "白茶", "茶席"];
                json!({"poll": {"options": options, "changeable": true, "duration_ms": duration_ms}})
            }
            Mechanic::Enrolment => {
                json!({"enrolment": {"places": part(20).min(1_000), "duration_ms": duration_ms}})
            }
            Mechanic::LuckyBag => {
                let prize = |title: &str, count: u64, cash_fen: i64| json!({"title": title, "count": count, "cash_fen": cash_fen});
                let prizes = [
                    prize("锦鲤", 1, 8_888),
                    prize("红包", part(200).min(100), 888),
                    prize("茶样", part(50).min(300), 0),
                ];
                json!({"lucky_bag": {"prizes": prizes, "duration_ms": duration_ms}})
            }
            Mechanic::NewcomerBag => json!({
                "newcomer_bag": {"count": part(3), "amount_fen": NEWCOMER_FEN, "duration_ms": duration_ms},
                "conditions": {"watched_s": step_s(450), "newcomer_days": 1},
            }),
            Mechanic::CodeBag => {
                let codes: Vec<_> = (0..part(4).min(5_000)).map(|n| format!("TEA-{}-{n}", self.from)).collect();
                json!({"code_bag": {"codes": codes, "duration_ms": duration_ms}})
            }
            Mechanic::KeywordDraw => {
                let prizes = [json!({"title": "茶席", "count": part(100).min(50)})];
                json!({"keyword_draw": {"keyword": KEYWORD, "prizes": prizes, "duration_ms": duration_ms}})
            }
            Mechanic::MicDraw => {
                let prizes = [json!({"title": "麦位", "count": 3})];
                json!({"mic_draw": {"prizes": prizes, "duration_ms": duration_ms, "answer_ms": SEAT_MS}})
            }
        };
        if self.mechanic == Mechanic::Decoy {
            plan["decoy"] = risk::decoy(broadcast + JUDGED);
        }
        // Whose coupons they are, their template says.
        if let Some(arm) = self.arm.filter(|_| self.mechanic != Mechanic::Drop) {
            plan["conditions"]["arm"] = experiment::in_arm(arm);
        }
        plan["title"] = self.title.into();
        plan
    }

    /// What the host adds to it in the middle.
    pub(super) fn amendment(&self, viewers: usize) -> Value {
        let more = (viewers as u64 / 10).max(1);
        match self.mechanic {
            Mechanic::Rain => json!({"budget_fen": more * 50, "shares": more}),
            Mechanic::Drop => json!({"shares": more}),
            Mechanic::NewcomerBag => json!({"budget_fen": more * NEWCOMER_FEN, "shares": more}),
            Mechanic::Sale => json!({"stock": [{"sku": 1, "units": more}], "extend_ms": 10_000}),
            // No rain is planned for so long as somebody may be there to guess.
            Mechanic::Decoy => json!({"extend_ms": DAY_MS}),
            _ => json!({"extend_ms": 10_000}),
        }
    }
}

impl Mechanic {
    /// Its name, as the API spells it.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Rain | Self::Decoy => "red_packet_rain",
            Self::Sale => "flash_sale",
            Self::Drop => "coupon_drop",
            Self::WatchTask => "watch_task",
            Self::CheckIn => "check_in",
            Self::Poll => "poll",
            Self::Enrolment => "enrolment",
            Self::LuckyBag => "lucky_bag",
            Self::NewcomerBag => "newcomer_bag",
            Self::CodeBag => "code_bag",
            Self::KeywordDraw => "keyword_draw",
            Self::MicDraw => "mic_draw",
        }
    }

    /// Whether its winners are drawn from tickets.
    pub(super) fn is_drawn(self) -> bool {
        matches!(self, Self::LuckyBag | Self::KeywordDraw | Self::MicDraw)
    }

    /// Whether it is announced before it opens.
    pub(super) fn warms_up(self) -> bool {
        matches!(self, Self::Rain | Self::Sale)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn acts_begin_in_order_and_end_after_they_begin() {
        let single = Programme::of("poll", Mechanic::Poll);
        use Programme as P;
        for programme in [P::show(), P::campaign(), P::bags(), P::template(), P::experiment(), single] {
            let acts = &programme.acts;
            assert!(acts.is_sorted_by_key(|act| act.from), "{}", programme.name);
            for act in acts {
                let amended = act.amended.unwrap_or(act.from + 1);
                assert!(act.from < amended && amended < act.until && act.until <= 1_000, "{act:?}");
            }
        }
    }

    #[test]
    fn plans_hold_for_short_broadcasts_and_few_viewers() {
        let (show, short) = (Programme::show(), Duration::from_secs(4));
        for act in &show.acts {
            let plan = act.plan(3, short);
            assert!(plan["title"].as_str().is_some_and(|title| !title.is_empty()));
            if let Some(steps) = plan["watch_task"]["steps"].as_array() {
                let at: Vec<_> = steps.iter().filter_map(|step| step["at"].as_u64()).collect();
                assert!(at.len() == 3 && at.is_sorted_by(|a, b| a < b), "{at:?}");
            }
        }
    }
}
