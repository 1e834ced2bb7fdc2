//! Rains, one after the other: announced, and opened a little later. And one that nobody is shown.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle, sleep};
use std::time::Duration;

use anyhow::Context;
use serde_json::{Value, json};

use super::super::risk;
use super::super::stage::Stage;

/// How long a rain is announced before it opens, and how long it is until the next is.
const ANNOUNCED: Duration = Duration::from_millis(150);
const BETWEEN: Duration = Duration::from_millis(350);

/// Opens rains until it is told to stop.
pub(super) struct Rounds {
    over: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Rounds {
    /// Rains of so many shares, one for each account.
    pub(super) fn start(stage: Arc<Stage>, shares: usize) -> anyhow::Result<Self> {
        let over = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&over);
        let thread = thread::Builder::new().name("rounds".to_owned()).spawn(move || {
            while !seen.load(Ordering::Acquire) {
                // A server that is not there now may be there the next time.
                if let Err(error) = announce_and_open(&stage, shares) {
                    eprintln!("a rain was not opened: {error:#}");
                }
                sleep(BETWEEN);
            }
        })?;
        Ok(Self { over, thread })
    }

    pub(super) fn stop(self) {
        self.over.store(true, Ordering::Release);
        // A panic there shows as people without a rain.
        let _ = self.thread.join();
    }
}

fn announce_and_open(stage: &Stage, shares: usize) -> anyhow::Result<()> {
    let rain = draft(stage, &rain(shares))?;
    step(stage, rain, "schedule")?;
    sleep(ANNOUNCED);
    step(stage, rain, "open")
}

/// A rain that is a decoy; its number.
pub(super) fn open_decoy(stage: &Stage) -> anyhow::Result<u64> {
    let mut plan = rain(100);
    plan["decoy"] = risk::decoy(stage.ttl());
    let decoy = draft(stage, &plan)?;
    step(stage, decoy, "schedule")?;
    step(stage, decoy, "open")?;
    Ok(decoy)
}

fn rain(shares: usize) -> Value {
    json!({
        "title": "load",
        "rain": { "budget_fen": shares * 10, "shares": shares, "split": "random", "duration_ms": 120_000 },
    })
}

fn draft(stage: &Stage, plan: &Value) -> anyhow::Result<u64> {
    let mut plan = plan.clone();
    plan["sponsor"] = stage.sponsor().into();
    stage.post("/activities", &plan)?["activity"].as_u64().context("a draft has a number")
}

fn step(stage: &Stage, activity: u64, step: &str) -> anyhow::Result<()> {
    stage.post(&format!("/activities/{activity}/{step}"), &json!({})).map(drop)
}
