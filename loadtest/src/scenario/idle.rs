//! Viewers who are only there: what each costs the server in memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use tokio::task::JoinSet;

use super::link::{Dial, RoomIn};
use super::stage::Stage;
use crate::board::Board;
use crate::cli::LoadArgs;
use crate::gauge::Gauge;
use crate::line::LineIn;
use crate::machine;
use crate::outcome::{Outcome, publish};
use crate::progress::Progress;
use crate::report::Report;
use crate::schedule::Window;
use crate::watch::watch;

/// Runs it, and says whether all went well.
pub(super) fn run(load: &LoadArgs) -> anyhow::Result<bool> {
    machine::raise_descriptor_limit();
    let runtime = machine::runtime(load.common.tester_core)?;
    let progress = Progress::new("idle");
    progress.stage("setting the stage", 0);
    let mut stage = Stage::new(load)?;
    stage.create_rooms("idle", 1, 1)?;
    let running = runtime.spawn(stay(load.clone(), Arc::new(stage), progress.clone()));
    let outcome = runtime.block_on(running);
    progress.done();
    publish(&outcome??, &load.common)
}

async fn stay(load: LoadArgs, stage: Arc<Stage>, progress: Progress) -> anyhow::Result<Outcome> {
    let common = &load.common;
    let guests = stage.guests(load.viewers as usize)?;
    let gauge = Gauge::on_all(&load.server_pids)?;
    let empty = gauge.as_ref().map(Gauge::read).transpose()?;
    let dial = Dial::new(&load, guests.len())?;
    let lines = dial.connect_all(&guests, &progress).await?;
    let gone = Arc::new(AtomicU64::new(0));
    let (mut attending, mut kept) = (JoinSet::new(), Vec::new());
    for line in lines {
        let listening = line.listen().await?;
        kept.push(listening.kept);
        attending.spawn(attend(listening.room, Arc::clone(&gone)));
    }
    // The warm-up lets the last news of who joined pass; the window shows what staying costs.
    let window = Window::after(Instant::now(), common.warmup, common.duration);
    let board = Board::new(window, false, 1);
    let watched = watch(&board, gauge.as_ref(), &progress, std::future::pending()).await?;
    let full = gauge.as_ref().and_then(|gauge| gauge.read().ok());
    let all_there = gone.load(Ordering::Relaxed) == 0;
    attending.shutdown().await;
    drop(kept);
    dial.leave().await;

    let mut report = Report::of(u64::from(load.viewers), None, &board.total(), &watched);
    // There are no operations, so there is no rate of them.
    report.ops_per_s = None;
    if let Some((empty, full)) = empty.zip(full) {
        report = report.with_memory(empty, full);
    }
    let report = report.with_invariant("every_connection_stayed", all_there).judged();
    Ok(Outcome::new("idle", report, board.total().latency_us, Vec::new()))
}

/// Reads what comes, and forgets it.
async fn attend(mut room: RoomIn, gone: Arc<AtomicU64>) {
    let mut read = Vec::new();
    loop {
        match room.receive(&mut read).await {
            Ok(()) if !read.is_empty() => read = Vec::new(),
            Ok(()) | Err(_) => break,
        }
    }
    gone.fetch_add(1, Ordering::Relaxed);
}
