//! Rounds of 200 bytes to every viewer, over QUIC streams or TCP.

use std::sync::Arc;
use std::time::Instant;

use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{timeout, timeout_at};

use super::bare::FANOUT_BYTES;
use super::child::{BareServer, Orders};
use super::{Plan, client_config};
use crate::board::Board;
use crate::crowd::Crowd;
use crate::drive::{DRAIN, NotUnderstood};
use crate::line::LineIn;
use crate::listen::{Hearing, Rounds, listen};
use crate::outcome::Outcome;
use crate::pacer::pace;
use crate::report::Report;
use crate::schedule::{Schedule, Window};
use crate::watch::watch;

/// One uni stream per viewer.
pub(super) async fn over_quic(server: BareServer, plan: Plan) -> anyhow::Result<Outcome> {
    let crowd = Crowd::connect(server.address, plan.viewers, client_config()?, &plan.progress).await?;
    let mut ears = Vec::new();
    for connection in &crowd.connections {
        let mut ear = connection.accept_uni().await?;
        ear.read_exact(&mut [0; FANOUT_BYTES]).await?;
        ears.push(ear);
    }
    let outcome = run("fanout", server, plan, ears).await?;
    crowd.leave().await;
    Ok(outcome)
}

/// One TCP connection per viewer.
pub(super) async fn over_tcp(server: BareServer, plan: Plan) -> anyhow::Result<Outcome> {
    plan.progress.stage("connecting", plan.viewers as u64);
    let mut ears = Vec::new();
    for _ in 0..plan.viewers {
        let mut ear = TcpStream::connect(server.address).await?;
        ear.read_exact(&mut [0; FANOUT_BYTES]).await?;
        plan.progress.step();
        ears.push(ear);
    }
    run("tcp_fanout", server, plan, ears).await
}

/// Runs rounds to `ears` that have heard their welcome.
async fn run(name: &'static str, server: BareServer, plan: Plan, ears: Vec<impl LineIn>) -> anyhow::Result<Outcome> {
    let window = Window::after(Instant::now(), plan.warmup, plan.duration);
    let board = Board::new(window, plan.rate.is_some(), plan.desks);
    let rounds = Rounds::new(plan.viewers);
    let mut listening = JoinSet::new();
    for (n, ear) in ears.into_iter().enumerate() {
        listening.spawn(listen(Numbered, ear, Arc::clone(&rounds), board.desk(n)));
    }
    let caller = Caller {
        orders: server.orders()?,
        rounds: Arc::clone(&rounds),
        board: Arc::clone(&board),
        viewers: plan.viewers as u64,
        called: 0,
    };
    // An operation is a delivery: a round is one to each viewer.
    let schedule = plan.rate.map(|rate| Schedule::new(Instant::now(), rate / plan.viewers as f64));
    let calling = tokio::spawn(async move {
        match schedule {
            Some(schedule) => caller.on_schedule(schedule).await,
            None => caller.one_by_one().await,
        }
    });
    let watched = watch(&board, Some(&server.gauge), &plan.progress, std::future::pending()).await?;
    let called = calling.await??;
    let all_heard = timeout(DRAIN, rounds.heard_by_all(called)).await.is_ok();
    listening.shutdown().await;

    let offered = schedule.map(|schedule| schedule.within(window) * plan.viewers as u64);
    let mut report = Report::of(plan.viewers as u64, offered, &board.total(), &watched);
    // A delivery has no request of its own: it is out if it did not come.
    report.pending = report.sent.saturating_sub(report.completed);
    let report = report.with_invariant("every_round_heard_by_all_in_order", all_heard).judged();
    Ok(Outcome::new(name, report, board.total().latency_us, watched.steps))
}

/// Who has the bare server speak to everybody.
struct Caller {
    orders: Orders,
    rounds: Arc<Rounds>,
    board: Arc<Board>,
    viewers: u64,
    called: u64,
}

impl Caller {
    /// The closed loop: the next round when everybody heard the last. Says how many there were.
    async fn one_by_one(mut self) -> anyhow::Result<u64> {
        let until = self.board.window().until;
        let give_up = (until + DRAIN).into();
        loop {
            let now = Instant::now();
            if now >= until {
                return Ok(self.called);
            }
            self.call(now)?;
            if timeout_at(give_up, self.rounds.heard_by_all(self.called)).await.is_err() {
                return Ok(self.called);
            }
        }
    }

    /// The open loop: each round when it is due.
    async fn on_schedule(mut self, schedule: Schedule) -> anyhow::Result<u64> {
        let window = self.board.window();
        let planned = schedule.before(window.until);
        // An order that fails has lost its server, which shows as rounds that nobody heard.
        let pacing = pace(schedule, window, move |_, intended| drop(self.call(intended)))?;
        tokio::time::sleep_until(window.until.into()).await;
        pacing.join().map_err(|_| anyhow::anyhow!("the pacer panicked"))?;
        Ok(planned)
    }

    fn call(&mut self, intended: Instant) -> anyhow::Result<()> {
        let now = Instant::now();
        self.rounds.begin(self.called, intended, now);
        self.called += 1;
        self.orders.round()?;
        self.board.desk(0).tally().sent_to_all(intended, now, self.viewers);
        Ok(())
    }
}

/// Messages of 200 bytes that begin with the number of their round.
#[derive(Debug)]
struct Numbered;

impl Hearing for Numbered {
    fn hear(&mut self, input: &[u8], rounds: &mut Vec<u64>) -> Result<usize, NotUnderstood> {
        let (whole, rest) = input.as_chunks::<FANOUT_BYTES>();
        rounds.extend(whole.iter().map(|message| {
            let number = message.first_chunk::<8>().expect("200 bytes begin with 8");
            u64::from_le_bytes(*number)
        }));
        Ok(input.len() - rest.len())
    }
}
