//! Connections that only are: what each costs the server in memory.

use std::time::Instant;

use super::child::BareServer;
use super::{Plan, client_config};
use crate::board::Board;
use crate::crowd::Crowd;
use crate::outcome::Outcome;
use crate::report::Report;
use crate::schedule::Window;
use crate::watch::watch;

pub(super) async fn run(server: BareServer, plan: Plan) -> anyhow::Result<Outcome> {
    let empty = server.gauge.read()?;
    let crowd = Crowd::connect(server.address, plan.viewers, client_config()?, &plan.progress).await?;
    // The warm-up lets the handshakes' last packets pass; the window shows what keeping them alive costs.
    let window = Window::after(Instant::now(), plan.warmup, plan.duration);
    let board = Board::new(window, false, 1);
    let watched = watch(&board, Some(&server.gauge), &plan.progress, std::future::pending()).await?;
    let full = server.gauge.read()?;
    let all_there = crowd.connections.iter().all(|connection| connection.close_reason().is_none());
    crowd.leave().await;

    let mut report = Report::of(plan.viewers as u64, None, &board.total(), &watched);
    // There are no operations, so there is no rate of them.
    report.ops_per_s = None;
    let report = report.with_memory(empty, full).with_invariant("every_connection_stayed", all_there).judged();
    Ok(Outcome::new("idle", report, board.total().latency_us, Vec::new()))
}
