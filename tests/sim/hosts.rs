//! What hosts and the payment provider ask for, by chance: plans, steps, amendments, payments, money.

use liveroom::rules::{
    Activity, ActivityId, Amendment, BonusPlan, Conditions, Currency, Digest, DrawLevel, DrawPlan, EarlyEntry, Fen,
    KindPlan, Limits, Occasion, OrderPhase, Phase, Plan, PrizePlan, RainPlan, RequestId, RoomId, SalePlan, Schedule,
    Seed, SkuId, SkuPlan, Split, Step, Tier, Time, UserId, WavePlan, WinCap,
};
use liveroom::store::{Ask, CampaignAsk, Op, Partition, Tables, TemplateAsk};

use crate::calendar;
use crate::chance::Chance;

/// What a host does next in a room.
pub(crate) fn host(user: UserId, room: RoomId, now: Time, tables: &Tables, chance: &mut Chance) -> Option<Op> {
    let mut activities: Vec<&Activity> = tables.activities().filter(|activity| activity.room == room).collect();
    activities.sort_unstable_by_key(|activity| activity.id);
    let ask = match chance.below(100) {
        0..10 => return Some(top_up(user, chance)),
        10..12 => Ask::CreateRoom { host: user, utc_offset_min: chance.one_of(&[0, 480, -300, 9_999]) },
        12..30 => Ask::Draft { plan: Box::new(plan(user, now, chance)), seed: Seed(chance.bytes()) },
        30..50 => amend(chance.pick(&activities)?, chance),
        50..57 => calendar::template(room, |chance| plan(user, now, chance), now, tables, chance)?,
        57..62 => calendar::campaign(room, now, tables, chance)?,
        _ => step(chance.pick(&activities)?, chance),
    };
    Some(op(Partition::Room(room), user, chance, ask))
}

/// A room at the start.
pub(crate) fn create_room(user: UserId, room: RoomId, chance: &mut Chance) -> Op {
    let ask = Ask::CreateRoom { host: user, utc_offset_min: chance.one_of(&[0, 480, -300]) };
    op(Partition::Room(room), user, chance, ask)
}

/// Money from outside.
pub(crate) fn top_up(user: UserId, chance: &mut Chance) -> Op {
    let amount = chance.one_of(&[0, -5, 500, 5_000, 5_000, 5_000, 50_000, i64::MAX]);
    let currency = chance.one_of(&[Currency::Fen, Currency::Fen, Currency::Fen, Currency::Coins]);
    op(Partition::Wallet(user), user, chance, Ask::TopUp { currency, amount })
}

/// A request of before under the same id, but with other parameters.
pub(crate) fn changed(mut before: Op) -> Option<Op> {
    match &mut before.ask {
        Ask::TopUp { amount, .. } => *amount = amount.wrapping_add(1),
        Ask::Draft { plan, .. } | Ask::Template(TemplateAsk::Save { plan, .. }) => plan.title.push('!'),
        Ask::Campaign(CampaignAsk::Create { plan }) => plan.title.push('!'),
        Ask::Amend { amendment, .. } => amendment.extend_ms ^= 1,
        Ask::Pay { amount, .. } => *amount = Fen::new(amount.get() + 1).ok()?,
        _ => return None,
    }
    Some(before)
}

/// A payment for some order: in time or late, once or again, of the right amount or another.
pub(crate) fn payment(provider: UserId, tables: &Tables, chance: &mut Chance) -> Option<Op> {
    let mut orders: Vec<_> = tables.orders().collect();
    orders.sort_unstable_by_key(|order| order.id);
    let reserved: Vec<_> = orders.iter().filter(|order| order.phase == OrderPhase::Reserved).collect();
    let order = if chance.percent(60) { **chance.pick(&reserved)? } else { *chance.pick(&orders)? };
    let room = tables.activity(order.activity)?.room;
    let amount = if chance.percent(90) { order.total } else { Fen::new(chance.below(500) as i64).ok()? };
    let payment = format!("pay-{:x}", chance.id());
    Some(op(Partition::Room(room), provider, chance, Ask::Pay { order: order.id, payment, amount }))
}

fn op(partition: Partition, by: UserId, chance: &mut Chance, ask: Ask) -> Op {
    Op { partition, by: Some(by), request: RequestId::new(chance.id()), ask }
}

fn step(activity: &Activity, chance: &mut Chance) -> Ask {
    let usual = match activity.phase {
        Phase::Draft => chance.one_of(&[Step::Schedule, Step::Schedule, Step::Schedule, Step::Cancel]),
        Phase::Review => chance.one_of(&[Step::Schedule, Step::Cancel]),
        Phase::Scheduled => chance.one_of(&[Step::Open, Step::Open, Step::WarmUp, Step::Cancel]),
        Phase::WarmUp => chance.one_of(&[Step::Open, Step::Open, Step::Cancel]),
        Phase::Open if chance.percent(15) => chance.one_of(&[Step::Close, Step::Close, Step::Cancel]),
        Phase::Closed if chance.percent(10) => Step::Cancel,
        _ => chance.one_of(&[Step::Schedule, Step::Reject, Step::Settle, Step::WarmUp]),
    };
    Ask::Step { activity: ActivityId(activity.id.0 + u64::from(chance.percent(2)) * 100), step: usual }
}

fn amend(activity: &Activity, chance: &mut Chance) -> Ask {
    let mut amendment = Amendment::default();
    match &activity.plan.kind {
        KindPlan::Rain(plan) if chance.percent(70) => {
            amendment.shares = chance.between(1, 6) as u32;
            let share = chance.between(1, 60) as i64;
            amendment.budget =
                Fen::new(i64::from(amendment.shares) * share.max(plan.share_min.get())).unwrap_or(Fen::ZERO);
        }
        KindPlan::Sale(plan) if chance.percent(80) => {
            for sku in &plan.skus {
                if chance.percent(60) {
                    amendment.stock.push((sku.sku, chance.one_of(&[1, 1, 2, 2, 4, 4, -1, -2, 0])));
                }
            }
            if chance.percent(5) {
                amendment.stock.push((SkuId(77), 1));
            }
        }
        _ => amendment.extend_ms = chance.one_of(&[0, 500, 3_000, u64::MAX]),
    }
    Ask::Amend { activity: activity.id, amendment: Box::new(amendment) }
}

fn plan(sponsor: UserId, now: Time, chance: &mut Chance) -> Plan {
    let opens_at = chance.percent(60).then(|| now.after_ms(chance.below(3_000)));
    let schedule = Schedule { opens_at, warm_up_ms: chance.one_of(&[0, 0, 500, 2_000]), early: early(chance) };
    let kind = match chance.below(10) {
        0..5 => KindPlan::Rain(rain(chance)),
        5 => KindPlan::Draw(Box::new(draw(chance))),
        _ => KindPlan::Sale(sale(chance)),
    };
    // A sale has no wins to limit.
    let limited = if matches!(kind, KindPlan::Rain(_)) { 20 } else { 1 };
    let limits = Limits {
        per_room_day: chance.percent(limited).then(|| chance.between(1, 3) as u32),
        win_cap: chance.percent(limited).then(|| WinCap { wins: chance.between(1, 2) as u32, window_ms: 5_000 }),
    };
    Plan {
        title: "of the night".to_owned(),
        sponsor,
        schedule,
        limits,
        kind,
        conditions: Conditions::default(),
        decoy: None,
    }
}

/// Nobody watches here, so nobody is of a tier: everybody waits a little longer.
fn early(chance: &mut Chance) -> Option<EarlyEntry> {
    chance.percent(10).then_some(EarlyEntry { tier: Tier::Active, seconds: 1 })
}

fn rain(chance: &mut Chance) -> RainPlan {
    let duration_ms = chance.between(5_000, 20_000);
    let mut waves = vec![WavePlan { after_ms: chance.one_of(&[0, 0, 300]), shares: chance.between(1, 8) as u32 }];
    for after_ms in [1_000, 2_500].into_iter().take(chance.below(3) as usize) {
        waves.push(WavePlan { after_ms, shares: chance.between(1, 8) as u32 });
    }
    let shares: u32 = waves.iter().map(|wave| wave.shares).sum();
    let coupons = if chance.percent(40) { chance.below(u64::from(shares)) as u32 } else { 0 };
    let bonus = (coupons > 0).then(|| BonusPlan { coupon: "tea-10".to_owned(), shares: coupons });
    let each = chance.between(1, 80) as i64;
    RainPlan {
        budget: Fen::new(i64::from(shares - coupons) * each).expect("a small budget"),
        split: chance.one_of(&[Split::Equal, Split::Random]),
        share_min: Fen::new(1).expect("one fen"),
        share_max: Fen::new(100).expect("a yuan"),
        duration_ms,
        grants_per_user: chance.between(1, 4) as u32,
        waves,
        bonus: bonus.into_iter().collect(),
    }
}

fn draw(chance: &mut Chance) -> DrawPlan {
    let cash_fen = Fen::new(chance.between(1, 80) as i64).expect("a small prize");
    let prize = |title: &str, count, cash_fen| PrizePlan { title: title.to_owned(), count, cash_fen };
    DrawPlan {
        occasion: Occasion::LuckyBag,
        prizes: vec![prize("cash", chance.between(1, 3) as u32, cash_fen), prize("a cup", 1, Fen::ZERO)],
        duration_ms: chance.between(1_000, 8_000),
        answer_ms: chance.one_of(&[0, 2_000]),
        level: DrawLevel::Sealed,
        excluded: Vec::new(),
        receipt_key: Digest([9; 32]),
        preferred: Vec::new(),
    }
}

fn sale(chance: &mut Chance) -> SalePlan {
    let named = |chance: &mut Chance| chance.percent(95).then(|| "no. 7".to_owned());
    let skus = (1..=chance.between(1, 3) as u32).map(|sku| {
        let price = Fen::new(chance.between(1, 900) as i64).expect("a small price");
        SkuPlan {
            sku: SkuId(sku),
            title: "a cup".to_owned(),
            list_price: Fen::new(1_000).expect("ten yuan"),
            sale_price: price,
            stock: chance.between(1, 9) as u32,
            per_user_limit: chance.between(1, 5) as u32,
            quality_report: named(chance),
            trace_certificate: named(chance),
        }
    });
    let skus = skus.collect();
    // Holds end before the sale could be archived.
    SalePlan { skus, duration_ms: chance.between(1_000, 20_000), hold_ms: chance.between(1_000, 6_000) }
}
