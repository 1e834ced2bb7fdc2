//! Viewers who enter draws: a lucky bag by a tap, a keyword draw by a comment, a mic-link draw whose seats half of the winners
//! turn down; and who take codes out of a bag.
//!
//! They press again and again, and are told the same. At the end each record is held against what viewers were told, and
//! drawn once more here, by nothing but what it publishes.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context;
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use liveroom_protocol::client::{Client, Event, Events, Outcome, RetryPolicy, RoomView};
use liveroom_protocol::wire::{
    Claim, Comment, DrawTicket, EnterDraw, Own, Phase, PrizeState, ReplyPrize, activity_state, client_frame::Body,
    grant,
};
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::acks::{Acks, Voices};
use super::entrance::admit;
use super::stage::Stage;
use crate::board::{Board, Desk, Flight, Verdict};
use crate::cli::LoadArgs;
use crate::drive::DRAIN;
use crate::gauge::Gauge;
use crate::machine;
use crate::outcome::{Outcome as RunOutcome, publish};
use crate::progress::Progress;
use crate::report::Report;
use crate::schedule::Window;
use crate::watch::watch;

/// What enters the keyword draw, and how viewers write it.
const KEYWORD: &str = "我要好茶 Tea";
const SPELLINGS: [&str; 3] = ["我要好茶 Tea", "我要好茶tea", " 我 要 好 茶 ＴＥＡ "];

/// Prizes of each draw, and seats.
const PRIZES: u32 = 10;

/// How long a seat is offered.
const SEAT_MS: u64 = 5_000;

/// How long the draws may take to settle: half of the seats may be passed on, one after the other.
const SETTLING: Duration = Duration::from_secs(60);

/// What all viewers know together.
#[derive(Default)]
struct Known {
    /// Tickets by draw and user.
    tickets: Mutex<HashMap<(u64, String), DrawTicket>>,
    codes: Mutex<HashMap<String, String>>,
    /// Prizes by draw and user, as last heard.
    prizes: Mutex<HashMap<(u64, String), PrizeState>>,
    /// The roots that the room heard.
    roots: Mutex<BTreeMap<u64, Vec<u8>>>,
    /// Somebody was told one thing and later another.
    unstable: AtomicBool,
    /// A code came twice, or was not on the list.
    codes_wrong: AtomicBool,
    /// A ticket's signature is not that of its key.
    unsigned: AtomicU64,
    /// A request had no answer.
    unresolved: AtomicBool,
}

impl Known {
    fn ticket(&self, ticket: DrawTicket) {
        if !is_signed(&ticket) {
            self.unsigned.fetch_add(1, Ordering::Relaxed);
        }
        let mut tickets = self.tickets.lock();
        let first = tickets.entry((ticket.activity, ticket.ticket.clone())).or_insert_with(|| ticket.clone());
        if *first != ticket {
            self.unstable.store(true, Ordering::Relaxed);
        }
    }

    fn code(&self, user: &str, code: String) {
        let mut codes = self.codes.lock();
        let holder = codes.entry(code).or_insert_with(|| user.to_owned());
        if holder != user {
            self.codes_wrong.store(true, Ordering::Relaxed);
        }
    }

    fn own(&self, user: &str, own: Own) {
        own.tickets.into_iter().for_each(|ticket| self.ticket(ticket));
        let mut prizes = self.prizes.lock();
        for prize in own.prizes {
            prizes.insert((prize.activity, user.to_owned()), prize.state());
        }
    }
}

/// What is open in the room.
#[derive(Debug, Clone, Copy, Default)]
struct Open {
    bag: (u64, u64),
    keyword: u64,
    seats: (u64, u64),
    codes: (u64, u64, u32),
}

/// Runs it, and says whether all went well.
pub(super) fn run(load: &LoadArgs) -> anyhow::Result<bool> {
    machine::raise_descriptor_limit();
    let runtime = machine::runtime(load.common.tester_core)?;
    let progress = Progress::new("draws");
    progress.stage("setting the stage", 0);
    let mut stage = Stage::new(load)?;
    stage.create_rooms("draws", 1, 1)?;
    let codes: Vec<_> = (0..PRIZES).map(|n| format!("CODE-{n}")).collect();
    for plan in
        [draw("lucky_bag", json!({})), draw("keyword_draw", json!({ "keyword": KEYWORD })), draw("mic_draw", json!({}))]
    {
        stage.open(1, &plan)?;
    }
    let duration_ms = 86_400_000;
    stage.open(1, &json!({ "title": "codes", "code_bag": { "codes": codes, "duration_ms": duration_ms } }))?;
    let (stage, known) = (Arc::new(stage), Arc::new(Known::default()));
    let acks = load.acks.as_deref().map(Acks::create).transpose()?;
    let (load_of, stage_of, known_of) = (load.clone(), Arc::clone(&stage), Arc::clone(&known));
    let progress_of = progress.clone();
    let (mut outcome, records) = runtime.block_on(runtime.spawn(async move {
        let went = crowd(load_of, stage_of, known_of, acks.as_ref(), progress_of).await;
        acks.map_or(Ok(()), Acks::finish)?;
        went
    }))??;
    outcome.report = judged(std::mem::take(&mut outcome.report), &records, &known, &codes).judged();
    progress.done();
    publish(&outcome, &load.common)
}

fn draw(kind: &str, more: Value) -> Value {
    let (title, cash_fen) = if kind == "mic_draw" { ("seat", 0) } else { ("tea", 100) };
    let mut plan = json!({
        "prizes": [{ "title": title, "count": PRIZES, "cash_fen": cash_fen }], "duration_ms": 86_400_000,
        "answer_ms": if kind == "mic_draw" { SEAT_MS } else { 0 },
    });
    if let (Some(plan), Some(more)) = (plan.as_object_mut(), more.as_object()) {
        plan.extend(more.clone());
    }
    json!({ "title": kind, kind: plan })
}

/// What must hold between the records and what viewers were told.
fn judged(report: Report, records: &[(u64, Value)], known: &Known, codes: &[String]) -> Report {
    let tickets = known.tickets.lock();
    let roots = known.roots.lock();
    let each = |holds: &dyn Fn(u64, &Value) -> bool| records.iter().all(|(draw, record)| holds(*draw, record));
    let kept = each(&|draw, record| {
        let of = tickets.iter().filter(|((of, _), _)| *of == draw);
        of.into_iter().all(|((_, user), ticket)| record["entries"][ticket.leaf as usize] == *user)
    });
    let once = each(&|_, record| {
        let entries = record["entries"].as_array().map_or(&[][..], Vec::as_slice);
        entries.iter().filter_map(Value::as_str).collect::<HashSet<_>>().len() == entries.len()
    });
    let heard = each(&|draw, record| {
        let root = roots.get(&draw).map(|root| hex(root));
        root.is_none() || root.as_deref() == record["root"].as_str()
    });
    let drawn_alike = each(&|_, record| ranks(record).is_some());
    let listed = known.codes.lock().keys().all(|code| codes.contains(code));
    report
        .with_invariant("every_ticket_is_in_its_record", records.len() == 3 && kept)
        .with_invariant("one_ticket_each", once)
        .with_invariant("receipts_are_signed", known.unsigned.load(Ordering::Relaxed) == 0)
        .with_invariant("same_ticket_on_retry", !known.unstable.load(Ordering::Relaxed))
        .with_invariant("root_is_the_one_heard", heard)
        .with_invariant("winners_follow_from_the_record", drawn_alike)
        .with_invariant("winners_were_told", told(records, known) || known.unresolved.load(Ordering::Relaxed))
        .with_invariant("each_code_to_one_person", listed && !known.codes_wrong.load(Ordering::Relaxed))
}

/// Whether every winner knows what became of the prize.
fn told(records: &[(u64, Value)], known: &Known) -> bool {
    let prizes = known.prizes.lock();
    records.iter().all(|(draw, record)| {
        let winners = record["winners"].as_array().map_or(&[][..], Vec::as_slice);
        winners.iter().all(|winner| {
            let user = winner["user"].as_str().unwrap_or_default().to_owned();
            let state = prizes.get(&(*draw, user));
            state.is_some_and(|state| (*state == PrizeState::Passed) == (winner["passed"] == true))
        })
    })
}

/// The ranking of a record that is sealed, drawn once more; `None` if its winners do not follow.
fn ranks(record: &Value) -> Option<()> {
    let text = |field: &str| record[field].as_str();
    let entries: Vec<&str> = record["entries"].as_array()?.iter().filter_map(Value::as_str).collect();
    let (root, rules, seed) = (unhex(text("root")?)?, unhex(text("rules_hash")?)?, unhex(text("seed")?)?);
    if hex(digest(&SHA256, &seed).as_ref()) != text("commitment")? {
        return None;
    }
    let count = (entries.len() as u64).to_be_bytes();
    let key = |ticket: &str| {
        let parts: [&[u8]; 8] =
            [b"liveroom-draw-v1", text("draw")?.as_bytes(), &root, &count, &rules, &seed, b"", ticket.as_bytes()];
        let bytes: Vec<u8> = parts
            .iter()
            .flat_map(|part| (part.len() as u32).to_be_bytes().into_iter().chain(part.iter().copied()))
            .collect();
        Some(digest(&SHA256, &bytes).as_ref().to_vec())
    };
    let mut ranking: Vec<_> = entries.iter().enumerate().map(|(leaf, ticket)| (key(ticket), leaf as u64)).collect();
    ranking.sort_unstable();
    let winners = record["winners"].as_array()?;
    let follow = winners.iter().zip(&ranking).all(|(winner, (_, leaf))| winner["leaf"].as_u64() == Some(*leaf));
    (follow && winners.len() >= entries.len().min(PRIZES as usize)).then_some(())
}

fn is_signed(ticket: &DrawTicket) -> bool {
    let leaf = ticket.leaf.to_be_bytes();
    let parts: [&[u8]; 6] = [
        b"liveroom-draw-receipt-v1",
        ticket.draw.as_bytes(),
        &ticket.rules_hash,
        &ticket.commitment,
        ticket.ticket.as_bytes(),
        &leaf,
    ];
    let signed: Vec<u8> = parts
        .iter()
        .flat_map(|part| (part.len() as u32).to_be_bytes().into_iter().chain(part.iter().copied()))
        .collect();
    UnparsedPublicKey::new(&ED25519, &ticket.key).verify(&signed, &ticket.signature).is_ok()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok()).collect()
}

type Records = Vec<(u64, Value)>;

async fn crowd(
    load: LoadArgs, stage: Arc<Stage>, known: Arc<Known>, acks: Option<&Acks>, progress: Progress,
) -> anyhow::Result<(RunOutcome, Records)> {
    let common = &load.common;
    let gauge = Gauge::on_all(&load.server_pids)?;
    let entrants = connect(&load, &stage, &known, acks, &progress).await?;
    let window = Window::after(Instant::now(), common.warmup, common.duration);
    let board = Board::new(window, false, machine::workers());
    let mut entering = JoinSet::new();
    for entrant in entrants {
        entering.spawn(entrant.enter(board.desk(entering.len()), window.until));
    }
    let watched = watch(&board, gauge.as_ref(), &progress, std::future::pending()).await?;
    let mut entrants = Vec::new();
    while let Some(entrant) = entering.join_next().await {
        entrants.push(entrant?);
    }
    progress.stage("drawing", 0);
    let closing = Arc::clone(&stage);
    tokio::task::spawn_blocking(move || closing.close()).await?;
    // Half of those who are offered a seat turn it down, a quarter say nothing.
    let mut answering = JoinSet::new();
    for entrant in entrants {
        answering.spawn(entrant.answer());
    }
    let settled = async {
        loop {
            let asked = Arc::clone(&stage);
            if tokio::task::spawn_blocking(move || asked.is_settled()).await?? {
                return anyhow::Ok(());
            }
            sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(SETTLING, settled).await.context("the draws do not settle")??;
    progress.stage("checking the records", 0);
    let records = tokio::task::spawn_blocking(move || stage.draw_records()).await??;
    let all_told = async {
        while !told(&records, &known) {
            sleep(Duration::from_millis(5)).await;
        }
    };
    // If it never comes true, the invariant says so.
    let _ = timeout(DRAIN, all_told).await;
    answering.shutdown().await;
    let report = Report::of(u64::from(load.viewers), None, &board.total(), &watched);
    Ok((RunOutcome::new("draws", report, board.total().latency_us, watched.steps), records))
}

async fn connect(
    load: &LoadArgs, stage: &Stage, known: &Arc<Known>, acks: Option<&Acks>, progress: &Progress,
) -> anyhow::Result<Vec<Entrant>> {
    let guests = stage.guests(load.viewers as usize)?;
    let clients = admit(load, &guests, &RetryPolicy::default(), progress).await?;
    let mut entrants = Vec::with_capacity(guests.len());
    for (guest, (client, mut events)) in guests.into_iter().zip(clients) {
        let mut view = RoomView::new();
        let open = loop {
            view.apply(&events.next().await.context("the client has ended")?);
            if let Some(open) = open(&view) {
                break open;
            }
        };
        let voice = acks.map(|acks| acks.voices(&guest.room, &guest.user));
        let (number, user, known) = (guest.number, guest.user, Arc::clone(known));
        entrants.push(Entrant { number, user, client, events, voice, open, known });
    }
    Ok(entrants)
}

/// Everything that is to be open, once it is.
fn open(view: &RoomView) -> Option<Open> {
    let mut open = Open::default();
    for state in view.activities().filter(|state| state.phase() == Phase::Open) {
        match (&state.kind, state.title.as_str()) {
            (Some(activity_state::Kind::Draw(_)), "lucky_bag") => open.bag = (state.activity, state.token),
            (Some(activity_state::Kind::Draw(_)), "keyword_draw") => open.keyword = state.activity,
            (Some(activity_state::Kind::Draw(_)), "mic_draw") => open.seats = (state.activity, state.token),
            _ => {}
        }
    }
    // The codes may be gone already: with the last the bag closes.
    let codes = view.activities().find(|state| matches!(state.kind, Some(activity_state::Kind::Bag(_))))?;
    if let Some(activity_state::Kind::Bag(bag)) = &codes.kind {
        open.codes = (codes.activity, codes.token, bag.opening.max(1));
    }
    (open.bag.0 > 0 && open.keyword > 0 && open.seats.0 > 0).then_some(open)
}

/// A viewer who enters everything.
struct Entrant {
    number: usize,
    user: String,
    client: Client,
    events: Events,
    voice: Option<Voices>,
    open: Open,
    known: Arc<Known>,
}

impl Entrant {
    /// One thing after the other, until then.
    async fn enter(mut self, desk: Desk, until: Instant) -> Self {
        let mut turn = self.number;
        while Instant::now() < until {
            turn = turn.wrapping_add(1);
            let sent = Instant::now();
            let flight = Flight { key: turn as u64, intended: sent, sent };
            desk.tally().sent(&flight);
            match self.act(turn).await {
                Some(verdict) => desk.tally().answered(&flight, verdict, Instant::now()),
                None => {
                    self.known.unresolved.store(true, Ordering::Relaxed);
                    desk.tally().unanswered(&flight, false);
                }
            }
            self.listen();
        }
        self
    }

    async fn act(&self, turn: usize) -> Option<Verdict> {
        let Open { bag, seats, codes, .. } = self.open;
        let enter = |(activity, token)| ("enter", activity, Body::EnterDraw(EnterDraw { activity, token }));
        let (kind, activity, body) = match turn % 4 {
            0 => enter(bag),
            1 => enter(seats),
            2 => {
                let (activity, token, opening) = codes;
                ("claim", activity, Body::Claim(Claim { activity, token, opening }))
            }
            _ => {
                let text = SPELLINGS[turn / 4 % SPELLINGS.len()].to_owned();
                ("comment", 0, Body::Comment(Comment { text }))
            }
        };
        Some(match self.ask(kind, activity, body).await? {
            Outcome::Entered(ticket) => {
                self.known.ticket(ticket);
                Verdict::Granted
            }
            Outcome::Granted(grant) => {
                if let Some(grant::Prize::Code(code)) = grant.prize {
                    self.known.code(&self.user, code);
                }
                Verdict::Granted
            }
            Outcome::Done => Verdict::Done,
            Outcome::Refused { code, .. } => Verdict::Refused(code.word()),
            Outcome::NotDone { code, .. } => Verdict::Refused(code.word()),
            // Answers to what nobody here asks.
            _ => Verdict::Wrong,
        })
    }

    /// Asks, and has the answer written down. `None`: there was none.
    async fn ask(&self, kind: &'static str, activity: u64, body: Body) -> Option<Outcome> {
        let id = self.client.fresh_request_id();
        let outcome = self.client.request_with_id(id, body).await.ok()?;
        if let Some(voice) = &self.voice {
            voice.say(kind, id, activity, &outcome);
        }
        Some(outcome)
    }

    /// Takes note of what has come meanwhile.
    fn listen(&mut self) {
        while let Some(event) = futures_util::FutureExt::now_or_never(self.events.next()).flatten() {
            self.hear(event);
        }
    }

    fn hear(&self, event: Event) {
        match event {
            Event::Own(own) => self.known.own(&self.user, own),
            Event::Tick(tick) => {
                let states = tick.events.into_iter().filter_map(|event| match event.body {
                    Some(liveroom_protocol::wire::room_event::Body::Activity(state)) => Some(state),
                    _ => None,
                });
                for state in states {
                    if let Some(activity_state::Kind::Draw(draw)) = state.kind
                        && !draw.root.is_empty()
                    {
                        self.known.roots.lock().insert(state.activity, draw.root.to_vec());
                    }
                }
            }
            _ => {}
        }
    }

    /// Says yes or no to a seat, or nothing, for as long as there is anything to hear.
    async fn answer(mut self) {
        while let Some(event) = self.events.next().await {
            let offered = matches!(&event, Event::Own(own) if own.prizes.iter().any(|prize| prize.state() == PrizeState::Offered));
            self.hear(event);
            if offered && !self.number.is_multiple_of(4) {
                let (activity, accept) = (self.open.seats.0, self.number % 4 == 1);
                let reply = Body::ReplyPrize(ReplyPrize { activity, accept });
                if let Some(Outcome::Prize(prize)) = self.ask("reply", activity, reply).await {
                    self.known.prizes.lock().insert((prize.activity, self.user.clone()), prize.state());
                }
            }
        }
    }
}
