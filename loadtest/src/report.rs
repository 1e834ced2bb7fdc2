//! The result of a run, in the words of its JSON.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context;
use hdrhistogram::Histogram;
use serde::Serialize;

use crate::board::Tally;
use crate::gauge::Reading;
use crate::watch::Watched;

/// A schedule counts as kept if 99% of the operations started at most this much later than intended.
const BEHIND_US_P99_MAX: u64 = 2_000;

/// The result of one run. What does not apply to it is left out.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Report {
    /// Connections held.
    pub viewers: u64,
    /// Operations that were meant to start in the window.
    pub offered: u64,
    /// Operations that did.
    pub sent: u64,
    /// Operations answered.
    pub completed: u64,
    /// Operations that were given something.
    pub granted: u64,
    /// Operations that were not, by reason.
    pub refused: BTreeMap<String, u64>,
    /// Wrong answers, and operations lost with their lines.
    pub errors: u64,
    /// Operations answered with pending, or not at all.
    pub pending: u64,
    /// From the intended start to the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latency_us: Option<Quantiles>,
    /// From the actual start to the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_us: Option<Quantiles>,
    /// Answers per second within the window.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ops_per_s: Option<f64>,
    /// CPU time of the server within the window, per answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server_cpu_us_per_op: Option<f64>,
    /// How much of one core the server used within the window.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server_cpu_cores: Option<f64>,
    /// How much of one core the tester used: where it is all it had, the tester was the limit and not the server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tester_cpu_cores: Option<f64>,
    /// Resident memory of the server at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server_rss_bytes: Option<u64>,
    /// How much of it came with the viewers, per viewer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server_rss_bytes_per_conn: Option<u64>,
    /// Whether an open loop's operations started when intended; `latency_us` counts from the intended start either way.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schedule_kept: Option<bool>,
    /// The latest start of an open loop's operation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub behind_us_max: Option<u64>,
    /// Lines that broke and were replaced.
    #[serde(skip_serializing_if = "is_zero")]
    pub reconnects: u64,
    /// Decided requests that were asked once more, by the same name, and answered.
    #[serde(skip_serializing_if = "is_zero")]
    pub repeats: u64,
    /// Parts of the run that were measured on their own, by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub parts: BTreeMap<String, Report>,
    /// The 99% latency of the quiet room during the storm elsewhere, over that without it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quiet_p99_ratio: Option<f64>,
    /// What had to hold, and whether it did.
    pub invariants: BTreeMap<String, bool>,
    /// Whether everything held, without an error or an unanswered operation.
    pub ok: bool,
}

/// A distribution's landmarks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Quantiles {
    /// The median.
    pub p50: u64,
    /// 90%.
    pub p90: u64,
    /// 99%.
    pub p99: u64,
    /// 99.9%.
    pub p999: u64,
    /// The slowest.
    pub max: u64,
}

impl Quantiles {
    /// The landmarks, if there is anything.
    pub fn of(histogram: &Histogram<u64>) -> Option<Self> {
        (!histogram.is_empty()).then(|| Self {
            p50: histogram.value_at_quantile(0.5),
            p90: histogram.value_at_quantile(0.9),
            p99: histogram.value_at_quantile(0.99),
            p999: histogram.value_at_quantile(0.999),
            max: histogram.max(),
        })
    }
}

impl Report {
    /// The report of what was counted and watched. `offered` is the schedule's in the open loop; the closed loop offers
    /// what it sends.
    pub fn of(viewers: u64, offered: Option<u64>, tally: &Tally, watched: &Watched) -> Self {
        let offered_or_sent = offered.unwrap_or(tally.sent);
        let latency_us = Quantiles::of(&tally.latency_us);
        let cpu_s = watched.server.map(|(before, after)| after.cpu.saturating_sub(before.cpu).as_secs_f64());
        let per = |total: f64, parts: f64| (parts > 0.0).then(|| rounded(total / parts));
        let behind_p99 = tally.behind_us.value_at_quantile(0.99);
        Self {
            viewers,
            offered: offered_or_sent,
            sent: tally.sent,
            completed: tally.completed,
            granted: tally.granted,
            refused: tally.refused.iter().map(|(reason, count)| ((*reason).to_owned(), *count)).collect(),
            errors: tally.errors,
            pending: tally.pending,
            latency_us,
            service_us: match offered {
                Some(_) => Quantiles::of(&tally.service_us),
                None => latency_us,
            },
            ops_per_s: per(watched.answers as f64, watched.seconds),
            server_cpu_us_per_op: cpu_s.and_then(|cpu_s| per(cpu_s * 1e6, watched.answers as f64)),
            server_cpu_cores: cpu_s.and_then(|cpu_s| per(cpu_s, watched.seconds)),
            tester_cpu_cores: per(watched.tester_cpu.as_secs_f64(), watched.seconds),
            server_rss_bytes: watched.server.map(|(_, after)| after.rss_bytes),
            schedule_kept: offered.map(|offered| tally.sent == offered && behind_p99 <= BEHIND_US_P99_MAX),
            behind_us_max: offered.map(|_| tally.behind_us.max()),
            ..Self::default()
        }
    }

    /// Adds what the viewers cost in memory: `empty` was read before the first came, `full` when all were there.
    pub fn with_memory(mut self, empty: Reading, full: Reading) -> Self {
        self.server_rss_bytes.get_or_insert(full.rss_bytes);
        let grown = full.rss_bytes.saturating_sub(empty.rss_bytes);
        self.server_rss_bytes_per_conn = grown.checked_div(self.viewers);
        self
    }

    /// Adds something that had to hold.
    pub fn with_invariant(mut self, name: &str, holds: bool) -> Self {
        self.invariants.insert(name.to_owned(), holds);
        self
    }

    /// The verdict, after everything else.
    pub fn judged(mut self) -> Self {
        self.ok = self.errors == 0 && self.pending == 0 && self.invariants.values().all(|holds| *holds);
        self
    }
}

/// Writes any result as JSON.
pub fn write_json(path: &Path, result: &impl Serialize) -> anyhow::Result<()> {
    let mut text = serde_json::to_string_pretty(result)?;
    text.push('\n');
    std::fs::write(path, text).with_context(|| format!("writing {}", path.display()))
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// Two digits behind the point are more than any of this is worth.
pub fn rounded(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

#[cfg(test)]
mod tests;
