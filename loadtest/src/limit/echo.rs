//! The echo: 64 bytes there and 64 back, on one long-lived stream per viewer.

use std::time::Instant;

use tokio::sync::mpsc::unbounded_channel;
use tokio::task::JoinSet;

use super::bare::ECHO_BYTES;
use super::child::BareServer;
use super::{Plan, client_config};
use crate::board::{Board, Verdict};
use crate::crowd::Crowd;
use crate::drive::{Conversation, NotUnderstood, Pace, Reply, Script};
use crate::outcome::Outcome;
use crate::pacer::{in_turn, pace};
use crate::report::Report;
use crate::schedule::{Schedule, Window};
use crate::watch::watch;

/// Operations that one viewer has under way at most in the open loop.
const IN_FLIGHT_MAX: usize = 64;

pub(super) async fn run(server: BareServer, plan: Plan) -> anyhow::Result<Outcome> {
    let crowd = Crowd::connect(server.address, plan.viewers, client_config()?, &plan.progress).await?;
    let window = Window::after(Instant::now(), plan.warmup, plan.duration);
    let board = Board::new(window, plan.rate.is_some(), plan.desks);

    let mut viewers = JoinSet::new();
    let mut lanes = Vec::new();
    for (n, connection) in crowd.connections.iter().enumerate() {
        let pace = if plan.rate.is_some() {
            let (lane, due) = unbounded_channel();
            lanes.push(lane);
            Pace::Open { due, in_flight_max: IN_FLIGHT_MAX }
        } else {
            Pace::Closed { in_flight: 1 }
        };
        let mut viewer = Conversation::new(Echo::default(), pace, board.desk(n));
        let connection = connection.clone();
        viewers.spawn(async move {
            let (mut out, mut input) = connection.open_bi().await?;
            let end = viewer.over(&mut out, &mut input).await;
            viewer.conclude(&end);
            anyhow::Ok(())
        });
    }
    let schedule = plan.rate.map(|rate| Schedule::new(Instant::now(), rate));
    // The lanes close when the last is told, and that ends the viewers.
    let _pacing = schedule.map(|schedule| pace(schedule, window, in_turn(lanes))).transpose()?;
    // Nothing ends early: the script always has one more.
    let watched = watch(&board, Some(&server.gauge), &plan.progress, std::future::pending()).await?;
    while let Some(viewer) = viewers.join_next().await {
        viewer??;
    }
    crowd.leave().await;

    let offered = schedule.map(|schedule| schedule.within(window));
    let report = Report::of(plan.viewers as u64, offered, &board.total(), &watched).judged();
    Ok(Outcome::new("echo", report, board.total().latency_us, watched.steps))
}

/// Sends a number and filler, and expects the same back.
#[derive(Debug, Default)]
struct Echo {
    next: u64,
}

impl Script for Echo {
    fn request(&mut self, out: &mut Vec<u8>) -> Option<u64> {
        let key = self.next;
        self.next += 1;
        self.repeat(key, out);
        Some(key)
    }

    fn repeat(&mut self, key: u64, out: &mut Vec<u8>) {
        let mut request = [b'.'; ECHO_BYTES];
        request[..8].copy_from_slice(&key.to_le_bytes());
        out.extend_from_slice(&request);
    }

    fn replies(&mut self, input: &[u8], replies: &mut Vec<Reply>) -> Result<usize, NotUnderstood> {
        let (whole, rest) = input.as_chunks::<ECHO_BYTES>();
        for reply in whole {
            let (number, filler) = reply.split_first_chunk::<8>().expect("64 bytes begin with 8");
            if filler.iter().any(|byte| *byte != b'.') {
                return Err(NotUnderstood("the echo is distorted"));
            }
            replies.push(Reply { key: u64::from_le_bytes(*number), verdict: Verdict::Done });
        }
        Ok(input.len() - rest.len())
    }
}
