//! The evening: one rain, one sale with a top-up in the middle.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use indicatif::{ProgressBar, ProgressStyle};

use super::crowd::{Crowd, Tally};
use crate::engine::Engine;
use crate::rules::{
    Account, ActivityId, Amendment, Conditions, Currency, Fen, KindPlan, Limits, Phase, Plan, RainPlan, RoomId,
    SalePlan, Schedule, SkuId, SkuPlan, Split, Step, UserId, WavePlan,
};
use crate::server::Server;
use crate::server::config::Config;
use crate::store::audit::{Finding, Invariant};
use crate::store::{ActivityView, Answer, Ask, KindView, Op, Partition, Query, Reply};

/// The item that is sold.
pub(super) const SKU: u32 = 1;
/// Units at the start of the sale, and those that are added when they are gone.
const STOCK: u32 = 500;
const TOP_UP: u32 = 100;
/// Cash of the rain, fen.
const BUDGET_FEN: i64 = 88_888;
/// How long a part of the show may take at most.
const PATIENCE: Duration = Duration::from_secs(90);

/// What came of the evening.
pub(super) struct Shown {
    /// Who watched.
    pub(super) viewers: u32,
    /// The rain.
    pub(super) rain: Part,
    /// The sale.
    pub(super) sale: Part,
}

/// What came of one activity.
pub(super) struct Part {
    /// The crowd's side of it.
    pub(super) crowd: Arc<Crowd>,
    tally: fn(&Crowd) -> &Tally,
    /// From the opening until the last unit was gone.
    pub(super) took: Duration,
    /// Units that there were.
    pub(super) units: u32,
    /// The server's side of it, at the end.
    pub(super) view: ActivityView,
    /// What the host's wallet says of it, fen: what it spent, and what came back.
    pub(super) spent_fen: i64,
    /// Payments that sold what was held.
    pub(super) paid: u64,
}

struct Stage<'a> {
    engine: &'a Engine,
    room: RoomId,
    host: UserId,
    bar: ProgressBar,
}

/// Plays it all.
pub(super) async fn play(server: &Server, config: &Config, viewers: u32, acks: &Path) -> Result<Shown> {
    let room = RoomId::parse("demo").expect("a plain word");
    let host = UserId::parse("host").expect("a plain word");
    let bar = ProgressBar::new(0).with_style(
        ProgressStyle::with_template("{prefix:>8} [{bar:40}] {pos}/{len} {msg}")
            .expect("the template is one")
            .progress_chars("█▉▊▋▌▍▎▏ "),
    );
    let stage = Stage { engine: server.engine(), room, host, bar };
    stage.act(Ask::CreateRoom { host, utc_offset_min: 480 }).await?;
    let top_up = Ask::TopUp { currency: Currency::Fen, amount: BUDGET_FEN };
    let wallet = Partition::Wallet(host);
    expect(server.engine().commit(Op { partition: wallet, by: Some(host), request: None, ask: top_up }).await)?;

    stage.begin("joining", viewers.into());
    let crowd = Crowd::join(server, config, room, viewers, acks, |joined| stage.bar.set_position(joined)).await?;
    let rain = stage.rain(&crowd, viewers).await?;
    let sale = stage.sale(&crowd, viewers).await?;
    stage.bar.finish_and_clear();
    crowd.leave().await?;
    Ok(Shown { viewers, rain, sale })
}

impl Stage<'_> {
    async fn rain(&self, crowd: &Arc<Crowd>, viewers: u32) -> Result<Part> {
        let grants_per_user = 3;
        let shares = (viewers * 2).min(BUDGET_FEN as u32);
        let plan = KindPlan::Rain(RainPlan {
            budget: Fen::new(BUDGET_FEN)?,
            split: Split::Random,
            share_min: Fen::new(1)?,
            share_max: Fen::new(BUDGET_FEN)?,
            duration_ms: 30_000,
            grants_per_user,
            waves: vec![WavePlan { after_ms: 0, shares }],
            bonus: Vec::new(),
        });
        let before = self.balance().await?;
        let activity = self.schedule("Evening rain", plan).await?;
        self.step(activity, Step::WarmUp).await?;
        self.begin("rain", shares.into());
        let opened = Instant::now();
        self.step(activity, Step::Open).await?;
        let most = shares.min(viewers * grants_per_user);
        self.until(activity, |view| taken(view) >= most).await?;
        let took = opened.elapsed();
        self.step(activity, Step::Close).await?;
        let view = self.until(activity, |view| view.phase == Phase::Settled).await?;
        let spent_fen = before - self.balance().await?;
        Ok(Part { crowd: Arc::clone(crowd), tally: |crowd| &crowd.rain, took, units: shares, view, spent_fen, paid: 0 })
    }

    async fn sale(&self, crowd: &Arc<Crowd>, viewers: u32) -> Result<Part> {
        let units = STOCK + TOP_UP;
        let plan = KindPlan::Sale(SalePlan {
            skus: vec![SkuPlan {
                sku: SkuId(SKU),
                title: "Spring tea, first picking".to_owned(),
                list_price: Fen::new(19_900)?,
                sale_price: Fen::new(9_900)?,
                stock: STOCK,
                per_user_limit: units.div_ceil(viewers),
                quality_report: Some("QR-2026-0412".to_owned()),
                trace_certificate: Some("TC-2026-0412".to_owned()),
            }],
            duration_ms: 600_000,
            hold_ms: 300_000,
        });
        let activity = self.schedule("Evening sale", plan).await?;
        self.begin("sale", units.into());
        let opened = Instant::now();
        self.step(activity, Step::Open).await?;
        self.until(activity, |view| taken(view) >= STOCK).await?;
        self.bar.set_message("sold out; the host adds stock");
        let stock = vec![(SkuId(SKU), TOP_UP as i32)];
        let amendment = Box::new(Amendment { stock, ..Amendment::default() });
        self.act(Ask::Amend { activity, amendment }).await?;
        self.until(activity, |view| taken(view) >= units).await?;
        let took = opened.elapsed();
        self.bar.set_message("the payment provider calls");
        // Nobody gets more, so everybody's answer is on its way; the sale ends when all that is held is paid.
        let mut paid = 0;
        while paid < u64::from(units) {
            let orders = std::mem::take(&mut *crowd.sale.orders.lock());
            for (order, total_fen) in orders {
                let payment = format!("demo-{order}");
                let answer = self.act(Ask::Pay { order, payment, amount: Fen::new(total_fen)? }).await?;
                paid += u64::from(matches!(answer, Answer::Paid { .. }));
            }
            if opened.elapsed() > PATIENCE {
                bail!("only {paid} of {units} buyers heard of their order");
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        self.step(activity, Step::Close).await?;
        let view = self.until(activity, |view| view.phase == Phase::Settled).await?;
        Ok(Part { crowd: Arc::clone(crowd), tally: |crowd| &crowd.sale, took, units, view, spent_fen: 0, paid })
    }

    fn begin(&self, name: &'static str, units: u64) {
        self.bar.set_length(units);
        self.bar.set_position(0);
        self.bar.set_message("");
        self.bar.set_prefix(name);
    }

    async fn schedule(&self, title: &str, kind: KindPlan) -> Result<ActivityId> {
        let (schedule, limits) = (Schedule::default(), Limits::default());
        let plan = Box::new(Plan {
            title: title.to_owned(),
            sponsor: self.host,
            schedule,
            limits,
            kind,
            conditions: Conditions::default(),
            decoy: None,
        });
        let Answer::Drafted(activity) = self.act(Ask::Draft { plan, seed: self.engine.seed() }).await? else {
            bail!("the activity was not taken")
        };
        self.step(activity, Step::Schedule).await?;
        Ok(activity)
    }

    async fn step(&self, activity: ActivityId, step: Step) -> Result<Answer> {
        self.act(Ask::Step { activity, step }).await
    }

    async fn act(&self, ask: Ask) -> Result<Answer> {
        let op = Op { partition: Partition::Room(self.room), by: Some(self.host), request: None, ask };
        expect(self.engine.commit(op).await)
    }

    /// Looks at the activity until it is so.
    async fn until(&self, activity: ActivityId, so: impl Fn(&ActivityView) -> bool) -> Result<ActivityView> {
        let began = Instant::now();
        loop {
            let Reply::Activity(view) = self.engine.ask(Query::Activity { room: self.room, activity }).await? else {
                bail!("the activity is gone")
            };
            self.bar.set_position(taken(&view).into());
            if so(&view) {
                return Ok(*view);
            }
            if began.elapsed() > PATIENCE {
                bail!(
                    "{}: {} after {} s, and {} units taken",
                    view.plan.title,
                    view.phase,
                    PATIENCE.as_secs(),
                    taken(&view)
                );
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    async fn balance(&self) -> Result<i64> {
        let query = Query::Balance { account: Account::Wallet(self.host), currency: Currency::Fen };
        match self.engine.ask(query).await? {
            Reply::Balance(balance) => Ok(balance),
            _ => bail!("the wallet is gone"),
        }
    }
}

/// Units that somebody holds or has.
fn taken(view: &ActivityView) -> u32 {
    match &view.kind {
        Some(KindView::Rain { pool, .. } | KindView::Drop { pool, .. } | KindView::Bag { pool }) => pool.granted,
        Some(KindView::Sale { items, .. }) => items.iter().map(|(_, item)| item.granted + item.reserved).sum(),
        Some(KindView::Goals { pools }) => pools.iter().map(|pool| pool.granted).sum(),
        Some(KindView::Draw { entries, .. }) => *entries,
        Some(KindView::Poll { .. } | KindView::Enrolment { .. }) | None => 0,
    }
}

fn expect(answer: Answer) -> Result<Answer> {
    match answer {
        Answer::NotDone(why) => Err(why.into()),
        Answer::Refused(why) => bail!("{why}"),
        answer => Ok(answer),
    }
}

impl Shown {
    /// What must hold beyond the books: the crowd and the server tell the same story.
    pub(super) fn findings(&self) -> Vec<Finding> {
        let (rain, sale) = (self.rain.tally(), self.sale.tally());
        let granted = |tally: &Tally| tally.granted.load(Ordering::Relaxed);
        let failed = rain.failed.load(Ordering::Relaxed) + sale.failed.load(Ordering::Relaxed);
        let given = taken(&self.rain.view);
        let given_fen = match &self.rain.view.kind {
            Some(KindView::Rain { summary: Some(summary), .. }) => summary.total.get(),
            _ => 0,
        };
        let sold = taken(&self.sale.view);
        let finding = |name, ok, detail| Finding { name, ok, detail };
        vec![
            finding(Invariant::EverybodyAnswered, failed == 0, format!("{failed} requests without an answer")),
            finding(
                Invariant::SharesGivenOrRefunded,
                granted(rain) == u64::from(given) && self.rain.spent_fen == given_fen,
                format!("{given} shares, {given_fen} fen given, {} refunded", BUDGET_FEN - given_fen),
            ),
            finding(
                Invariant::StockSoldExactly,
                sold == self.sale.units && granted(sale) == u64::from(sold) && self.sale.paid == u64::from(sold),
                format!("{STOCK} + {TOP_UP} in stock, {sold} sold, {} orders heard of", granted(sale)),
            ),
        ]
    }
}

impl Part {
    /// The crowd's side of it.
    pub(super) fn tally(&self) -> &Tally {
        (self.tally)(&self.crowd)
    }

    pub(super) fn to_json(&self) -> serde_json::Value {
        let tally = self.tally();
        let latency = tally.latency_us.lock();
        let at = |quantile| latency.value_at_quantile(quantile);
        let completed = tally.answers.load(Ordering::Relaxed);
        serde_json::json!({
            "units": self.units, "completed": completed, "granted": tally.granted.load(Ordering::Relaxed),
            "refused": &*tally.refused.lock(), "errors": tally.failed.load(Ordering::Relaxed),
            "paid": self.paid, "spent_fen": self.spent_fen, "took_ms": self.took.as_millis() as u64,
            "ops_per_s": completed as f64 / self.took.as_secs_f64().max(0.001),
            "latency_us": { "p50": at(0.5), "p90": at(0.9), "p99": at(0.99), "p999": at(0.999), "max": latency.max() },
        })
    }
}
