//! A room with a keeper under it, and words for what people do there.
//!
//! Answers are rendered as short texts, so that a test reads like the rules. Every event is shown to an auditor, every
//! answer is kept as an acknowledgement: [`Stage::audit`] ends a test.

use std::sync::Arc;
use std::time::{Duration, Instant};

use liveroom::rules::*;
use liveroom::store::audit::{Ack, Auditor};
use liveroom::store::journal::{Options, SimDisk};
use liveroom::store::*;

/// A keeper whose tables a test may look at.
pub trait Subject: Keeper {
    fn tables(&self) -> &Tables;

    /// What a crash now would leave, for those that keep anything.
    fn recovered(&self) -> Option<Tables> {
        None
    }
}

impl Subject for MemoryKeeper {
    fn tables(&self) -> &Tables {
        self.tables()
    }
}

/// The embedded keeper on a disk of its own.
pub struct Durable {
    disk: SimDisk,
    bounds: Bounds,
    keeper: EmbeddedKeeper,
}

impl Durable {
    pub fn new(bounds: Bounds) -> Self {
        Self::on(SimDisk::default(), bounds)
    }

    fn on(disk: SimDisk, bounds: Bounds) -> Self {
        // Small, so that even a short test crosses segments.
        let options = Options { segment_bytes: 64 << 10, record_bytes_max: 16 << 10, epoch: 1, background: false };
        let (keeper, _) = EmbeddedKeeper::open(Arc::new(disk.clone()), &options, bounds).unwrap();
        Self { disk, bounds, keeper }
    }

    /// The process is killed, and starts again.
    pub fn restarted(self) -> Self {
        Self::on(self.disk.kill(), self.bounds)
    }
}

impl Subject for Durable {
    fn tables(&self) -> &Tables {
        self.keeper.tables()
    }

    fn recovered(&self) -> Option<Tables> {
        let (tables, _) = embedded::read(&self.disk.kill(), self.bounds, |_| {}).unwrap();
        Some(tables)
    }
}

impl Keeper for Durable {
    fn commit(
        &mut self, now: Time, ops: &[Op], answers: &mut Vec<Answer>, events: &mut Vec<Recorded>,
    ) -> Result<(), CommitError> {
        self.keeper.commit(now, ops, answers, events)
    }

    fn due(&self, now: Time, limit: usize, ops: &mut Vec<Op>) {
        self.keeper.due(now, limit, ops);
    }

    fn next_due(&self) -> Option<Time> {
        self.keeper.next_due()
    }

    fn gate(&self, activity: ActivityId) -> Option<GateFacts> {
        self.keeper.gate(activity)
    }

    fn each_user(&self, room: &liveroom::rules::RoomId, visit: &mut dyn FnMut(&UserId)) {
        self.keeper.each_user(room, visit);
    }

    fn ask(&self, query: &Query) -> Reply {
        self.keeper.ask(query)
    }

    fn latest(&self) -> Time {
        self.keeper.latest()
    }
}

pub struct Stage<K> {
    pub keeper: K,
    pub now: Time,
    pub auditor: Auditor,
    pub events: Vec<Recorded>,
    /// How long a batch that is not taken is asked for again.
    pub patience: Duration,
    next_request: u64,
}

/// Where everything begins: 2026-01-01 00:00 UTC.
pub const START: Time = Time::from_ms(1_767_225_600_000);

pub fn room() -> RoomId {
    RoomId::parse("r1").unwrap()
}

pub fn user(name: &str) -> UserId {
    UserId::parse(name).unwrap()
}

pub fn fen(amount: i64) -> Fen {
    Fen::new(amount).unwrap()
}

pub fn request(id: u64) -> RequestId {
    RequestId::new(id).unwrap()
}

impl<K: Subject> Stage<K> {
    /// A room r1 whose host is `host`, with 1,000,000 fen in the host's wallet. Times are UTC.
    pub fn new(keeper: K) -> Self {
        Self::beginning(keeper, START)
    }

    /// The same, at another time.
    pub fn beginning(keeper: K, now: Time) -> Self {
        let mut stage = Self::over(keeper, now);
        let create = Ask::CreateRoom { host: user("host"), utc_offset_min: 0 };
        assert_eq!(stage.ask("host", create), "room created");
        assert_eq!(stage.top_up("host", 1_000_000), "holds 1000000");
        stage
    }

    /// Goes on with what a keeper has; only what it has not handed out yet is audited.
    pub fn over(keeper: K, now: Time) -> Self {
        let auditor = Auditor::new(keeper.tables().clone());
        let next_request = 1_000_000 + keeper.tables().latest_no() * 1_000;
        Self { next_request, keeper, now, auditor, events: Vec::new(), patience: Duration::ZERO }
    }

    /// Decides one operation.
    pub fn decide(&mut self, op: Op) -> Answer {
        let answers = self.decide_all(std::slice::from_ref(&op));
        answers.into_iter().next().unwrap()
    }

    /// Decides a batch.
    pub fn decide_all(&mut self, ops: &[Op]) -> Vec<Answer> {
        let (mut answers, mut events) = (Vec::new(), Vec::new());
        let began = Instant::now();
        while let Err(error) = self.keeper.commit(self.now, ops, &mut answers, &mut events) {
            assert!(matches!(error, CommitError::Unavailable(_)) && began.elapsed() < self.patience, "{error}");
            std::thread::sleep(Duration::from_millis(5));
        }
        assert_eq!(answers.len(), ops.len());
        for (op, answer) in ops.iter().zip(&answers) {
            if let (Partition::Room(room), Some(by), Some(request)) = (op.partition, op.by, op.request)
                && let Some(ack) = Ack::of(room, by, request, &op.ask, answer)
            {
                self.auditor.acknowledged(ack);
            }
        }
        events.iter().for_each(|event| self.auditor.see(event));
        self.events.append(&mut events);
        answers
    }

    /// Somebody asks under an id of their own choice.
    pub fn ask_as(&mut self, by: &str, id: u64, ask: Ask) -> String {
        self.ask_in(room(), by, id, ask)
    }

    /// Somebody asks in another room.
    pub fn ask_in(&mut self, room: RoomId, by: &str, id: u64, ask: Ask) -> String {
        let partition = Partition::Room(room);
        say(&self.decide(Op { partition, by: Some(user(by)), request: Some(request(id)), ask }))
    }

    /// Somebody asks under an id that was never used.
    pub fn ask(&mut self, by: &str, ask: Ask) -> String {
        self.next_request += 1;
        self.ask_as(by, self.next_request, ask)
    }

    /// The server asks on its own.
    pub fn timer(&mut self, ask: Ask) -> String {
        say(&self.decide(Op { partition: Partition::Room(room()), by: None, request: None, ask }))
    }

    /// The server asks for somebody who did not ask for it.
    pub fn by(&mut self, who: &str, ask: Ask) -> String {
        say(&self.decide(Op { partition: Partition::Room(room()), by: Some(user(who)), request: None, ask }))
    }

    /// How long somebody has watched a broadcast.
    pub fn watched_s(&self, who: &str, broadcast: u32) -> u64 {
        match self.keeper.ask(&Query::Facts { room: room(), user: user(who) }) {
            Reply::Facts { facts, .. } => facts.map_or(0, |facts| facts.watched_ms(broadcast) / 1_000),
            other => panic!("{other:?}"),
        }
    }

    pub fn top_up(&mut self, whose: &str, amount: i64) -> String {
        self.next_request += 1;
        let ask = Ask::TopUp { currency: Currency::Fen, amount };
        let partition = Partition::Wallet(user(whose));
        say(&self.decide(Op { partition, by: Some(user("op")), request: Some(request(self.next_request)), ask }))
    }

    /// Time passes; everything that falls due in between happens at its moment.
    pub fn wait_ms(&mut self, ms: u64) {
        let until = self.now.after_ms(ms);
        while let Some(at) = self.keeper.next_due().filter(|at| *at <= until) {
            self.now = self.now.max(at);
            let mut ops = Vec::new();
            self.keeper.due(self.now, 100, &mut ops);
            let before = self.events.len();
            self.decide_all(&ops);
            assert!(self.events.len() > before, "what was due stays due: {ops:?}");
        }
        self.now = until;
    }

    /// The host drafts something.
    pub fn draft(&mut self, plan: Plan) -> ActivityId {
        self.next_request += 1;
        let op = Op {
            partition: Partition::Room(room()),
            by: Some(user("host")),
            request: Some(request(self.next_request)),
            ask: Ask::Draft { plan: Box::new(plan), seed: Seed([7; 32]) },
        };
        match self.decide(op) {
            Answer::Drafted(activity) => activity,
            other => panic!("{other:?}"),
        }
    }

    /// The host drafts something, hands it in and opens it.
    pub fn open(&mut self, plan: Plan) -> ActivityId {
        let activity = self.draft(plan);
        assert_eq!(self.step(activity, Step::Schedule), "scheduled");
        assert_eq!(self.step(activity, Step::Open), "open");
        activity
    }

    pub fn step(&mut self, activity: ActivityId, step: Step) -> String {
        self.ask("host", Ask::Step { activity, step })
    }

    pub fn amend(&mut self, activity: ActivityId, amendment: Amendment) -> String {
        self.ask("host", Ask::Amend { activity, amendment: Box::new(amendment) })
    }

    pub fn view(&self, activity: ActivityId) -> ActivityView {
        match self.keeper.ask(&Query::Activity { room: room(), activity }) {
            Reply::Activity(view) => *view,
            other => panic!("{other:?}"),
        }
    }

    pub fn phase(&self, activity: ActivityId) -> &'static str {
        self.view(activity).phase.word()
    }

    /// `granted/reserved/free of stock` of a rain's shares, or of a sale's item.
    pub fn counts(&self, activity: ActivityId, sku: u32) -> String {
        let ItemView { stock, free, reserved, granted, .. } = self.item(activity, sku);
        format!("{granted}/{reserved}/{free} of {stock}")
    }

    /// The latest opening of a rain, or of a sale's item.
    pub fn opening(&self, activity: ActivityId, sku: u32) -> u32 {
        self.item(activity, sku).opening
    }

    fn item(&self, activity: ActivityId, sku: u32) -> ItemView {
        match self.view(activity).kind {
            Some(KindView::Rain { pool, .. } | KindView::Drop { pool, .. } | KindView::Bag { pool }) => pool,
            Some(KindView::Goals { pools }) => pools[sku as usize - 1],
            Some(KindView::Sale { items, .. }) => items.into_iter().find(|(id, _)| *id == SkuId(sku)).unwrap().1,
            Some(KindView::Draw { .. } | KindView::Poll { .. } | KindView::Enrolment { .. }) | None => {
                panic!("no pools")
            }
        }
    }

    pub fn claim(&self, activity: ActivityId) -> Ask {
        let opening = self.opening(activity, 0);
        Ask::Claim { activity, token: self.token(activity), opening }
    }

    /// A claim token, however little its activity is open.
    pub fn token(&self, activity: ActivityId) -> u64 {
        self.keeper.gate(activity).unwrap().token
    }

    /// A cart of items and quantities, at the latest openings.
    pub fn cart(&self, activity: ActivityId, lines: &[(u32, u32)]) -> Ask {
        let line = |&(sku, quantity): &(u32, u32)| {
            let opening = self.opening(activity, sku);
            CartLine { sku: SkuId(sku), quantity, opening }
        };
        Ask::Reserve {
            activity,
            token: self.token(activity),
            cart: lines.iter().map(line).collect(),
            coupons: CouponChoice::None,
        }
    }

    /// Somebody taps.
    pub fn tap(&mut self, who: &str, activity: ActivityId) -> String {
        let claim = self.claim(activity);
        self.ask(who, claim)
    }

    /// Somebody enters a draw by a tap.
    pub fn enter(&mut self, who: &str, activity: ActivityId) -> String {
        let token = self.token(activity);
        self.ask(who, Ask::Draw(DrawAsk::Enter { activity, token, by: EnterBy::Tap }))
    }

    /// A winner takes a prize, or passes it on.
    pub fn reply(&mut self, who: &str, activity: ActivityId, accept: bool) -> String {
        self.ask(who, Ask::Draw(DrawAsk::Reply { activity, accept }))
    }

    /// Who won what, by rank: `ann kept Tea set`.
    pub fn winners(&self, activity: ActivityId) -> Vec<String> {
        let Some(KindView::Draw { winners: Some(winners), .. }) = self.view(activity).kind else { return Vec::new() };
        let word = |state| match state {
            AwardState::Offered => "offered",
            AwardState::Kept => "kept",
            AwardState::Passed => "passed",
        };
        winners.iter().map(|(user, prize)| format!("{user} {} {}", word(prize.state), prize.title)).collect()
    }

    /// Somebody wants one item.
    pub fn buy(&mut self, who: &str, activity: ActivityId, sku: u32, quantity: u32) -> String {
        let cart = self.cart(activity, &[(sku, quantity)]);
        self.ask(who, cart)
    }

    /// The payment provider calls.
    pub fn pay(&mut self, order: u64, amount: i64) -> String {
        let payment = format!("pay-{}", self.next_request);
        self.ask("payments", Ask::Pay { order: OrderId(order), payment, amount: fen(amount) })
    }

    pub fn release(&mut self, who: &str, order: u64) -> String {
        self.ask(who, Ask::Release { order: OrderId(order) })
    }

    /// The operator sets what may be sent.
    pub fn set_catalogue(&mut self, based_on: u32, gifts: &[Gift]) -> String {
        self.next_request += 1;
        let ask = Ask::Gift(GiftAsk::SetCatalogue { based_on, gifts: gifts.to_vec() });
        let request = Some(request(self.next_request));
        say(&self.decide(Op { partition: Partition::Platform, by: Some(user("op")), request, ask }))
    }

    /// Coins for somebody.
    pub fn top_up_coins(&mut self, whose: &str, amount: i64) -> String {
        self.next_request += 1;
        let ask = Ask::TopUp { currency: Currency::Coins, amount };
        let partition = Partition::Wallet(user(whose));
        say(&self.decide(Op { partition, by: Some(user("op")), request: Some(request(self.next_request)), ask }))
    }

    /// Somebody sends gifts.
    pub fn send(&mut self, who: &str, gift: u32, count: u32) -> String {
        self.ask(who, Ask::Gift(GiftAsk::Send { gift: GiftId(gift), count }))
    }

    /// What an account holds in coins.
    pub fn coins(&self, account: Account) -> i64 {
        match self.keeper.ask(&Query::Balance { account, currency: Currency::Coins }) {
            Reply::Balance(balance) => balance,
            other => panic!("{other:?}"),
        }
    }

    pub fn wallet(&self, who: &str) -> i64 {
        self.balance(Account::Wallet(user(who)))
    }

    pub fn balance(&self, account: Account) -> i64 {
        match self.keeper.ask(&Query::Balance { account, currency: Currency::Fen }) {
            Reply::Balance(balance) => balance,
            other => panic!("{other:?}"),
        }
    }

    pub fn order_phase(&self, order: u64) -> OrderPhase {
        match self.keeper.ask(&Query::Order { order: OrderId(order) }) {
            Reply::Order { order, .. } => order.phase,
            other => panic!("{other:?}"),
        }
    }

    /// Everything that must hold, holds.
    pub fn audit(&self) {
        let report = self.auditor.report(self.keeper.tables());
        assert!(report.ok, "{:#?}", report.first_failure());
        if let Some(recovered) = self.keeper.recovered() {
            assert_eq!(recovered.digest(), self.keeper.tables().digest(), "a crash would leave something else");
        }
    }
}

/// An answer in a few words.
pub fn say(answer: &Answer) -> String {
    match answer {
        Answer::Granted(Grant { slot, prize: Prize::Cash(amount), hold: Some((_, state)), .. }) => {
            format!("slot {slot}: {amount} fen, {}", state.word())
        }
        Answer::Granted(Grant { slot, prize: Prize::Cash(amount), .. }) => format!("slot {slot}: {amount} fen"),
        Answer::Granted(Grant { slot, prize: Prize::Coupon(coupon), .. }) => format!("slot {slot}: {coupon}"),
        Answer::Reserved(order) => format!("order {}: {} fen", order.id, order.total),
        Answer::Released(order) => format!("order {order} released"),
        Answer::Refused(Refusal { code, have: 0, limit: 0 }) => code.word().to_owned(),
        Answer::Refused(Refusal { code, have, limit }) => format!("{} {have}/{limit}", code.word()),
        Answer::NotDone(reason) => format!("not done: {}", reason.code.word()),
        Answer::Paid { outcome: PaymentOutcome::Sold, .. } => "sold".to_owned(),
        Answer::Paid { outcome: PaymentOutcome::SoldLate, .. } => "sold late".to_owned(),
        Answer::Paid { outcome: PaymentOutcome::RefundDue, .. } => "refund due".to_owned(),
        Answer::RoomCreated => "room created".to_owned(),
        Answer::Drafted(activity) => format!("drafted {activity}"),
        Answer::Stepped { phase, .. } => phase.word().to_owned(),
        Answer::Amended { number, .. } => format!("amendment {number}"),
        Answer::ToppedUp { balance } => format!("holds {balance}"),
        Answer::Draw(DrawAnswer::Entered(entry)) => format!("ticket {}", entry.leaf),
        Answer::Draw(DrawAnswer::Drawn(_)) => "drawn".to_owned(),
        Answer::Draw(DrawAnswer::Prize(prize)) => match prize.state {
            AwardState::Kept => format!("kept {}", prize.title),
            AwardState::Offered | AwardState::Passed => format!("passed {}", prize.title),
        },
        Answer::Draw(DrawAnswer::Proof(proof)) => format!("proof {}", if proof.holds() { "holds" } else { "fails" }),
        Answer::Coupon(CouponAnswer::TemplateAdded) => "template added".to_owned(),
        Answer::Coupon(CouponAnswer::ReductionAdded) => "reduction added".to_owned(),
        Answer::Coupon(CouponAnswer::Issued(_)) => "coupon issued".to_owned(),
        Answer::Template(TemplateAnswer::Saved) => "template saved".to_owned(),
        Answer::Template(TemplateAnswer::Deleted) => "template deleted".to_owned(),
        Answer::Template(TemplateAnswer::Recurs(id)) => format!("recurrence {id}"),
        Answer::Template(TemplateAnswer::Paused(id)) => format!("recurrence {id} rests"),
        Answer::Template(TemplateAnswer::Resumed(id)) => format!("recurrence {id} goes on"),
        Answer::Template(TemplateAnswer::Ended(id)) => format!("recurrence {id} ended"),
        Answer::Idle => "idle".to_owned(),
        Answer::Granted(Grant { slot, prize: Prize::Item(item), .. }) => format!("slot {slot}: {item}"),
        Answer::Granted(Grant { slot, prize: Prize::Code(code), .. }) => format!("slot {slot}: code {}", code.reveal()),
        Answer::Presence(PresenceAnswer::CheckedIn { streak, grant: None }) => format!("streak {streak}"),
        Answer::Presence(PresenceAnswer::CheckedIn { streak, grant: Some(grant) }) => {
            format!("streak {streak}, {}", say(&Answer::Granted(grant.clone())))
        }
        Answer::Gift(GiftAnswer::CatalogueSet { version }) => format!("catalogue {version}"),
        Answer::Gift(GiftAnswer::Sent { combo, total, balance }) => format!("combo {combo}: {total}, {balance} left"),
        Answer::Gift(GiftAnswer::FanClubSet) => "fan club set".to_owned(),
        Answer::Gift(GiftAnswer::Joined) => "joined".to_owned(),
        Answer::Gift(GiftAnswer::Left) => "left".to_owned(),
        Answer::Presence(PresenceAnswer::OnAir(number)) => format!("broadcast {number} on"),
        Answer::Campaign(CampaignAnswer::Created(id)) => format!("campaign {id}"),
        Answer::Campaign(CampaignAnswer::Included(id, activity)) => format!("campaign {id} with activity {activity}"),
        Answer::Experiment(ExperimentAnswer::Created(id)) => format!("experiment {id}"),
        Answer::Experiment(ExperimentAnswer::Ended(id)) => format!("experiment {id} ended"),
        Answer::Presence(PresenceAnswer::OffAir(number)) => format!("broadcast {number} over"),
        Answer::Presence(PresenceAnswer::KeywordPosted(_)) => "keyword posted".to_owned(),
        Answer::Talk(TalkAnswer::Voted(_)) => "voted".to_owned(),
        Answer::Talk(TalkAnswer::SignedUp { place, .. }) => format!("signed up {place}"),
        Answer::Talk(TalkAnswer::Imposed(until)) => format!("until {until}"),
        Answer::Talk(TalkAnswer::Lifted) => "lifted".to_owned(),
        Answer::Risk(RiskAnswer::Judged(accounts)) => format!("{accounts} judged"),
        Answer::Risk(RiskAnswer::Acquitted) => "acquitted".to_owned(),
        Answer::Risk(RiskAnswer::PolicySet) => "policy set".to_owned(),
        Answer::Risk(RiskAnswer::HoldEnded(how)) => how.word().to_owned(),
        Answer::Risk(RiskAnswer::Caught) => "caught".to_owned(),
    }
}

/// A rain of `shares` equal shares of `each` fen, one for each user, all at once, for 10 s.
pub fn rain(shares: u32, each: i64) -> RainPlan {
    RainPlan {
        budget: fen(each * i64::from(shares)),
        split: Split::Equal,
        share_min: fen(1),
        share_max: fen(each.max(1) * 10),
        duration_ms: 10_000,
        grants_per_user: 1,
        waves: vec![WavePlan { after_ms: 0, shares }],
        bonus: Vec::new(),
    }
}

/// A sale of items 1, 2, …: stock, price, limit. It lasts a minute and holds orders for ten seconds.
pub fn sale(skus: &[(u32, i64, u32)]) -> SalePlan {
    let sku = |(place, &(stock, price, limit)): (usize, &(u32, i64, u32))| SkuPlan {
        sku: SkuId(place as u32 + 1),
        title: format!("item {}", place + 1),
        list_price: fen((price * 2).min(Fen::MAX.get())),
        sale_price: fen(price),
        stock,
        per_user_limit: limit,
        quality_report: Some("QR-1".to_owned()),
        trace_certificate: Some("TC-1".to_owned()),
    };
    SalePlan { skus: skus.iter().enumerate().map(sku).collect(), duration_ms: 60_000, hold_ms: 10_000 }
}

/// A lucky bag of things and cash, open for a minute. The host can't enter.
pub fn bag(prizes: &[(&str, u32, i64)]) -> DrawPlan {
    let prize =
        |&(title, count, cash): &(&str, u32, i64)| PrizePlan { title: title.to_owned(), count, cash_fen: fen(cash) };
    DrawPlan {
        occasion: Occasion::LuckyBag,
        prizes: prizes.iter().map(prize).collect(),
        duration_ms: 60_000,
        answer_ms: 0,
        level: DrawLevel::Sealed,
        excluded: vec![user("host")],
        receipt_key: Digest([9; 32]),
        preferred: Vec::new(),
    }
}

/// A drop of coupons of a template, one for each user, for 30 s.
pub fn drop_of(template: &str, coupons: u32) -> CouponDropPlan {
    let template = TemplateId::parse(template).unwrap();
    CouponDropPlan { template, coupons, duration_ms: 30_000, grants_per_user: 1 }
}

/// A bag of codes, open for a minute.
pub fn codes(texts: &[&str]) -> BagPlan {
    let codes = texts.iter().map(|text| Code::parse(text).unwrap()).collect();
    BagPlan { contents: BagContents::Codes(codes), duration_ms: 60_000 }
}

/// Five coupons of the shop, one of which takes `off` fen off an order of any size; for 100 s from [`START`].
pub fn terms(off: i64) -> CouponTemplate {
    CouponTemplate {
        title: format!("{off} off"),
        threshold: Fen::ZERO,
        discount: Discount::Amount(fen(off)),
        scope: Scope::Shop,
        group: StackGroup::parse("shop").unwrap(),
        quantity: 5,
        valid_until: START.after_ms(100_000),
        valid_for_ms: None,
        audience: Audience::default(),
    }
}

/// A plan paid for by the host, opened by hand.
pub fn plan(kind: impl Into<KindOf>) -> Plan {
    Plan {
        title: "test".to_owned(),
        sponsor: user("host"),
        schedule: Schedule::default(),
        limits: Limits::default(),
        kind: kind.into().0,
        conditions: Conditions::default(),
        decoy: None,
    }
}

/// Lets [`plan`] take any kind.
pub struct KindOf(KindPlan);

impl From<RainPlan> for KindOf {
    fn from(plan: RainPlan) -> Self {
        Self(KindPlan::Rain(plan))
    }
}

impl From<WatchTaskPlan> for KindOf {
    fn from(plan: WatchTaskPlan) -> Self {
        Self(KindPlan::WatchTask(plan))
    }
}

impl From<CheckInPlan> for KindOf {
    fn from(plan: CheckInPlan) -> Self {
        Self(KindPlan::CheckIn(plan))
    }
}

impl From<PollPlan> for KindOf {
    fn from(plan: PollPlan) -> Self {
        Self(KindPlan::Poll(plan))
    }
}

impl From<EnrolmentPlan> for KindOf {
    fn from(plan: EnrolmentPlan) -> Self {
        Self(KindPlan::Enrolment(plan))
    }
}

impl From<SalePlan> for KindOf {
    fn from(plan: SalePlan) -> Self {
        Self(KindPlan::Sale(plan))
    }
}

impl From<DrawPlan> for KindOf {
    fn from(plan: DrawPlan) -> Self {
        Self(KindPlan::Draw(Box::new(plan)))
    }
}

impl From<BagPlan> for KindOf {
    fn from(plan: BagPlan) -> Self {
        Self(KindPlan::Bag(plan))
    }
}

impl From<CouponDropPlan> for KindOf {
    fn from(plan: CouponDropPlan) -> Self {
        Self(KindPlan::Drop(plan))
    }
}

/// Returns when `holds`; panics when it has not for much longer than it may take.
pub fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed().as_secs() < 30, "still waiting: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}
