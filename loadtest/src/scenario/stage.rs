//! The rooms, wallets and activities of a storm, made through the server's API, and everybody's tokens.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle, sleep};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::Context;
use parking_lot::Mutex;
use serde_json::{Value, json};

use super::admin::{Activity, Admin, CouponTemplate};
use super::aims::RoomAims;
use super::link::Guest;
use super::random;
use super::tokens::Tokens;
use crate::cli::LoadArgs;

/// Calls under way at once.
const CALLS_AT_ONCE: usize = 16;

/// Tokens outlive the run by this.
const TOKEN_SLACK: Duration = Duration::from_secs(3_600);

/// How long a server that does not say what was given is asked again.
const COUNTING: Duration = Duration::from_secs(30);

/// What the sponsor of a run may spend, fen. A wallet takes ten times as much.
const BUDGET_FEN: i64 = 1_000_000_000_000;

/// What an order costs, fen.
pub(super) const SALE_PRICE_FEN: i64 = 9_900;

/// Rains are opened ahead of the viewer who has come furthest, so many and with about so many shares in all…
const RAINS_AHEAD: std::ops::RangeInclusive<usize> = 2..=8;
const SHARES_AHEAD: usize = 500_000;

/// …and so that they last for at least this long.
const RAINS_AHEAD_FOR: Duration = Duration::from_secs(2);

/// How often that is looked at.
const RAINS_EVERY: Duration = Duration::from_millis(50);

/// A stage that was set.
pub(super) struct Stage {
    admin: Admin,
    tokens: Tokens,
    /// The run's name, part of all its names.
    run: String,
    /// Tokens live for so long.
    ttl: Duration,
    sponsor: String,
    sponsor_fen: i64,
    /// How many servers viewers may go to.
    servers: usize,
    /// Whether orders are to be as cheap as one's coupons make them.
    with_coupons: bool,
    /// Rooms with something going on.
    pub(super) rooms: Vec<Arc<RoomAims>>,
    /// What was opened: room and number.
    opened: Mutex<Vec<(String, u64)>>,
}

impl Stage {
    /// Gets in touch with the server, and makes a sponsor with money.
    pub(super) fn new(load: &LoadArgs) -> anyhow::Result<Self> {
        let admin = Admin::at(&load.admins()?);
        let tokens = Tokens::of(load, &admin)?;
        let run = format!("{:08x}", random() as u32);
        let ttl = load.common.warmup + load.common.duration + TOKEN_SLACK;
        let operator = tokens.issue("operator", &[format!("op-{run}")], ttl)?;
        let admin = admin.with_tokens(operator.first().context("one user was named")?);
        let sponsor = format!("sponsor-{run}");
        admin.top_up(&sponsor, BUDGET_FEN)?;
        let sponsor_fen = admin.balance(&sponsor)?;
        Ok(Self {
            admin,
            tokens,
            run,
            ttl,
            sponsor,
            sponsor_fen,
            servers: load.targets.len(),
            with_coupons: false,
            rooms: Vec::new(),
            opened: Mutex::default(),
        })
    }

    /// What is to outlast the run lasts so long.
    pub(super) fn ttl(&self) -> Duration {
        self.ttl
    }

    /// Who hosts all rooms of the run.
    pub(super) fn host(&self) -> String {
        format!("host-{}", self.run)
    }

    /// The rooms that are created from now on have a coupon template each, and viewers use what they have.
    pub(super) fn use_coupons(&mut self) {
        self.with_coupons = true;
    }

    /// Creates rooms, the first `used` of which will have something going on.
    pub(super) fn create_rooms(&mut self, prefix: &str, count: usize, used: usize) -> anyhow::Result<()> {
        let names: Vec<_> = (0..count).map(|n| format!("{prefix}{n}-{}", self.run)).collect();
        let host = self.host();
        in_parallel(&names, |room| self.admin.create_room(room, &host))?;
        if self.with_coupons {
            in_parallel(&names, |room| self.admin.add_coupon_template(room, &coupon_template(COUPON)))?;
        }
        let with_coupons = self.with_coupons;
        self.rooms.extend(names.into_iter().take(used).map(|name| RoomAims::new(name, with_coupons)));
        Ok(())
    }

    /// Opens `count` activities, in turn in the rooms with something going on.
    pub(super) fn open(&self, count: usize, plan: &Value) -> anyhow::Result<()> {
        let places: Vec<_> = (0..count).map(|n| n % self.rooms.len()).collect();
        in_parallel(&places, |&place| self.open_in(place, plan))
    }

    /// Opens one more in the room at this place.
    pub(super) fn open_in(&self, place: usize, plan: &Value) -> anyhow::Result<()> {
        let room = &self.rooms[place].id;
        let mut plan = plan.clone();
        plan["sponsor"] = self.sponsor.clone().into();
        let activity = self.admin.open(room, &plan)?;
        self.opened.lock().push((room.clone(), activity));
        Ok(())
    }

    /// So many viewers with tokens, in turn in the rooms with something going on.
    pub(super) fn guests(&self, count: usize) -> anyhow::Result<Vec<Guest>> {
        let users: Vec<_> = (0..count).map(|n| format!("v{n}-{}", self.run)).collect();
        self.issue("viewer", users)
    }

    /// The host, with a token, in the first room.
    pub(super) fn host_guest(&self) -> anyhow::Result<Guest> {
        self.issue("host", vec![self.host()])?.pop().context("one token was asked for")
    }

    fn issue(&self, role: &str, users: Vec<String>) -> anyhow::Result<Vec<Guest>> {
        let tokens = self.tokens.issue(role, &users, self.ttl)?;
        let guests = users.into_iter().zip(tokens).enumerate().map(|(number, (user, tokens))| {
            let room = self.rooms[number % self.rooms.len()].id.clone();
            // Every room has viewers on every server.
            let home = number / self.rooms.len() % self.servers;
            Guest { number, user, room, home, tokens }
        });
        Ok(guests.collect())
    }

    /// The run's activities as the server counts them. A server that is just starting again is waited for.
    pub(super) fn count(&self) -> anyhow::Result<Counted> {
        let give_up = Instant::now() + COUNTING;
        loop {
            match self.count_now() {
                Err(_) if Instant::now() < give_up => sleep(Duration::from_millis(200)),
                counted => return counted,
            }
        }
    }

    fn count_now(&self) -> anyhow::Result<Counted> {
        self.catch_up()?;
        let opened = self.opened.lock().clone();
        let mut rooms: Vec<_> = opened.iter().map(|(room, _)| room.clone()).collect();
        rooms.sort_unstable();
        rooms.dedup();
        let counted = Mutex::new(Counted::default());
        in_parallel(&rooms, |room| {
            for activity in self.admin.activities(room)? {
                counted.lock().add(&activity);
            }
            if self.with_coupons {
                for template in self.admin.coupon_templates(room)? {
                    counted.lock().coupons.add(&template);
                }
            }
            Ok(())
        })?;
        let mut counted = counted.into_inner();
        counted.sponsor_paid_fen = self.sponsor_paid_fen()?;
        counted.complete = counted.activities == opened.len() as u64;
        Ok(counted)
    }

    /// Who pays for what is given.
    pub(super) fn sponsor(&self) -> &str {
        &self.sponsor
    }

    /// What the sponsor has paid so far and did not get back, fen.
    pub(super) fn sponsor_paid_fen(&self) -> anyhow::Result<i64> {
        Ok(self.sponsor_fen - self.admin.balance(&self.sponsor)?)
    }

    /// The API, for what is not about a room.
    pub(super) fn admin(&self) -> &Admin {
        &self.admin
    }

    /// Asks the API for something of the first room.
    pub(super) fn get(&self, path: &str) -> anyhow::Result<Value> {
        self.admin.get(&self.in_room(path)?)
    }

    /// Has the API do something in the first room.
    pub(super) fn post(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        self.admin.post(&self.in_room(path)?, body)
    }

    /// Has the API set something of the first room.
    pub(super) fn put(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        self.admin.put(&self.in_room(path)?, body)
    }

    fn in_room(&self, path: &str) -> anyhow::Result<String> {
        let room = self.rooms.first().context("there is a room")?;
        Ok(format!("/v1/rooms/{}{path}", room.id))
    }

    /// Pays an order of the first room, as a payment provider; says what became of it. Development servers take that from
    /// anybody.
    pub(super) fn pay(&self, order: u64, total_fen: i64) -> anyhow::Result<String> {
        let room = self.rooms.first().context("there is a room")?;
        let payment = json!({"order": order, "payment": format!("{}-{order}", self.run), "amount_fen": total_fen});
        let paid = self.admin.post(&format!("/dev/rooms/{}/payments", room.id), &payment)?;
        Ok(paid["outcome"].as_str().context("a payment has an outcome")?.to_owned())
    }

    /// Gives each of these users so many coins.
    pub(super) fn give_coins(&self, users: &[(String, i64)]) -> anyhow::Result<()> {
        in_parallel(users, |(user, coins)| self.admin.top_up_coins(user, *coins))
    }

    /// What these users' wallets hold, fen and coins, in their order.
    pub(super) fn wallets(&self, users: &[String]) -> anyhow::Result<Vec<(i64, i64)>> {
        let held = Mutex::new(vec![(0, 0); users.len()]);
        let numbered: Vec<_> = users.iter().enumerate().collect();
        in_parallel(&numbered, |(place, user)| {
            let wallet = self.admin.wallet(user)?;
            held.lock()[*place] = wallet;
            Ok(())
        })?;
        Ok(held.into_inner())
    }

    /// Waits for a decision: whichever server is asked then knows all that the others decided before.
    pub(super) fn catch_up(&self) -> anyhow::Result<()> {
        self.admin.top_up(&format!("counting-{}", self.run), 1)
    }

    /// The votes of the first room's poll, for each option.
    pub(super) fn votes(&self) -> anyhow::Result<Vec<u64>> {
        let room = self.rooms.first().context("there is a room")?;
        let polls = self.admin.activities(&room.id)?;
        let votes = polls.into_iter().find_map(|activity| activity.tally).context("there is a poll")?;
        Ok(votes.votes)
    }

    /// Whether all that was opened has settled.
    pub(super) fn is_settled(&self) -> anyhow::Result<bool> {
        let room = self.rooms.first().context("there is a room")?;
        Ok(self.admin.activities(&room.id)?.iter().all(|activity| activity.phase == "settled"))
    }

    /// The records of all draws in the first room.
    pub(super) fn draw_records(&self) -> anyhow::Result<Vec<(u64, Value)>> {
        let room = self.rooms.first().context("there is a room")?;
        let draws = self.admin.activities(&room.id)?.into_iter().filter(|activity| activity.pools.is_empty());
        draws.map(|draw| Ok((draw.activity, self.admin.draw_record(&room.id, draw.activity)?))).collect()
    }

    /// Closes everything. What has ended by itself can't be closed, which is no error.
    pub(super) fn close(&self) {
        let opened = self.opened.lock().clone();
        let _ = in_parallel(&opened, |(room, activity)| {
            let _ = self.admin.step(room, *activity, "close");
            Ok(())
        });
    }
}

/// What the server says was given.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Counted {
    /// Activities that there are.
    pub(super) activities: u64,
    /// Whether all that was opened is there.
    pub(super) complete: bool,
    /// Units granted or held by orders.
    pub(super) given: u64,
    /// Whether granted + reserved + free = stock in every pool.
    pub(super) pools_add_up: bool,
    /// Cash given.
    pub(super) given_fen: i64,
    /// Cash that activities hold and did not give.
    pub(super) unspent_fen: i64,
    /// What the sponsor's wallet is short of.
    pub(super) sponsor_paid_fen: i64,
    /// Coupons, where there are any.
    pub(super) coupons: Coupons,
}

/// Where the coupons stand that the server says were issued.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Coupons {
    pub(super) issued: u64,
    /// In orders, paid or not.
    pub(super) in_orders: u64,
    /// Held, or expired.
    pub(super) elsewhere: u64,
}

impl Coupons {
    fn add(&mut self, template: &CouponTemplate) {
        self.issued += template.issued;
        self.in_orders += template.reserved + template.used;
        self.elsewhere += template.held + template.expired;
    }
}

impl Counted {
    fn add(&mut self, activity: &Activity) {
        let adds_up = activity.pools.iter().all(|pool| pool.granted + pool.reserved + pool.free == pool.stock);
        self.pools_add_up = adds_up && (self.pools_add_up || self.activities == 0);
        self.activities += 1;
        self.given += activity.pools.iter().map(|pool| pool.granted + pool.reserved).sum::<u64>();
        self.given_fen += activity.funded_fen - activity.unspent_fen;
        self.unspent_fen += activity.unspent_fen;
    }
}

/// A red-packet rain with as many shares as `viewers` may take.
pub(super) fn rain_plan(viewers: usize) -> Value {
    const EACH: u32 = 99;
    let shares = (viewers as u64 * u64::from(EACH)).clamp(1, 10_000_000);
    json!({
        "title": "load",
        "rain": {
            "budget_fen": shares * 10, "shares": shares, "split": "random", "share_min_fen": 1,
            "duration_ms": 120_000, "grants_per_user": EACH,
        }
    })
}

/// What one coupon takes off an order, fen.
pub(super) const COUPON_FEN: i64 = 500;

/// The template of the coupons that are dropped.
pub(super) const COUPON: &str = "load";

/// So many coupons may one viewer take.
const COUPONS_EACH: u32 = 10;

/// A drop with as many coupons as `viewers` may take.
pub(super) fn drop_plan(viewers: usize) -> Value {
    let coupons = (viewers as u64 * u64::from(COUPONS_EACH)).clamp(1, 1_000_000);
    json!({
        "title": "load",
        "drop": {
            "template": COUPON, "coupons": coupons, "duration_ms": 86_400_000, "grants_per_user": COUPONS_EACH,
        }
    })
}

/// A template of coupons that take [`COUPON_FEN`] off.
pub(super) fn coupon_template(name: &str) -> Value {
    let day_ms = 86_400_000;
    let now_ms = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64);
    json!({
        "template": name, "title": "load", "off_fen": COUPON_FEN, "quantity": 1_000_000,
        "valid_until_ms": now_ms + 2 * day_ms,
    })
}

/// A flash sale of one item.
pub(super) fn sale_plan(stock: u32) -> Value {
    json!({
        "title": "load",
        "sale": {
            "skus": [{
                "sku": 1, "title": "tea", "list_price_fen": 19_900, "sale_price_fen": SALE_PRICE_FEN,
                "stock": stock, "per_user_limit": 10_000_000,
                "quality_report": "load", "trace_certificate": "load",
            }],
            "duration_ms": 86_400_000, "hold_ms": 3_600_000,
        }
    })
}

/// Opens rains ahead of the viewers, for nobody may take more than 99 shares of one, and none lasts longer than two minutes.
pub(super) struct Weather {
    over: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Weather {
    pub(super) fn start(stage: Arc<Stage>, plan: Value) -> anyhow::Result<Self> {
        let over = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&over);
        let shares = plan["rain"]["shares"].as_u64().unwrap_or(1) as usize;
        let ahead_min = (SHARES_AHEAD / shares.max(1)).clamp(*RAINS_AHEAD.start(), *RAINS_AHEAD.end());
        let thread = thread::Builder::new().name("weather".to_owned()).spawn(move || {
            let mut before = vec![(Instant::now(), 0); stage.rooms.len()];
            while !seen.load(Ordering::Acquire) {
                for (place, room) in stage.rooms.iter().enumerate() {
                    let (then, was) = before[place];
                    let (span, furthest) = (then.elapsed(), room.furthest());
                    if span > Duration::from_millis(500) {
                        before[place] = (Instant::now(), furthest);
                    }
                    let per_s = (furthest - was) as f64 / span.as_secs_f64().max(0.5);
                    let ahead = ahead_min.max((per_s * RAINS_AHEAD_FOR.as_secs_f64()).ceil() as usize);
                    // A server that is not there now may be there the next time.
                    for _ in room.len()..furthest + 1 + ahead {
                        let _ = stage.open_in(place, &plan);
                    }
                }
                sleep(RAINS_EVERY);
            }
        })?;
        Ok(Self { over, thread })
    }

    pub(super) fn stop(self) {
        self.over.store(true, Ordering::Release);
        // A panic there shows as viewers without a rain.
        let _ = self.thread.join();
    }
}

/// Does the same for all items, a few at a time; the first error ends it.
pub(super) fn in_parallel<T: Sync>(items: &[T], work: impl Fn(&T) -> anyhow::Result<()> + Sync) -> anyhow::Result<()> {
    let next = AtomicUsize::new(0);
    let worker = || {
        while let Some(item) = items.get(next.fetch_add(1, Ordering::Relaxed)) {
            if let Err(error) = work(item) {
                next.store(items.len(), Ordering::Relaxed);
                return Err(error);
            }
        }
        Ok(())
    };
    thread::scope(|scope| {
        let workers: Vec<_> = (0..CALLS_AT_ONCE.min(items.len())).map(|_| scope.spawn(worker)).collect();
        workers.into_iter().try_for_each(|worker| worker.join().expect("a worker does not panic"))
    })
}
