//! What came out of a run, and where it goes: the terminal, a JSON file, a page.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::io::{self, Write as _};

use hdrhistogram::Histogram;
use serde_json::{Map, Value};

use crate::cli::CommonArgs;
use crate::report::{Report, write_json};
use crate::watch::Step;
use crate::{html, table};

/// The outcome of one run.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// Its key in the JSON and its heading elsewhere.
    pub name: &'static str,
    /// The figures.
    pub report: Report,
    /// The distribution of latencies.
    pub latency_us: Histogram<u64>,
    /// Throughput over time.
    pub steps: Vec<Step>,
}

impl Outcome {
    /// An outcome.
    pub fn new(name: &'static str, report: Report, latency_us: Histogram<u64>, steps: Vec<Step>) -> Self {
        Self { name, report, latency_us, steps }
    }
}

/// Publishes the outcome of one scenario, whose JSON is its report, and says whether it was good.
pub fn publish(outcome: &Outcome, common: &CommonArgs) -> anyhow::Result<bool> {
    show(outcome.name, std::slice::from_ref(outcome), common)?;
    if let Some(path) = &common.json {
        write_json(path, &outcome.report)?;
    }
    Ok(outcome.report.ok)
}

/// Publishes the outcome of a scenario with parts: the first is the whole, and its JSON has the others' reports in it. Says
/// whether all were good.
pub fn publish_parts(mut outcomes: Vec<Outcome>, common: &CommonArgs) -> anyhow::Result<bool> {
    let parts: BTreeMap<_, _> =
        outcomes.iter().skip(1).map(|part| (part.name.to_owned(), part.report.clone())).collect();
    let Some(whole) = outcomes.first_mut() else { return Ok(true) };
    let good = parts.values().all(|part| part.ok);
    let report = std::mem::take(&mut whole.report).judged();
    whole.report = Report { ok: report.ok && good, ..report };
    show(outcomes[0].name, &outcomes, common)?;
    let report = Report { parts, ..outcomes[0].report.clone() };
    if let Some(path) = &common.json {
        write_json(path, &report)?;
    }
    Ok(report.ok)
}

/// Publishes the outcomes of `limit`, whose JSON has one report per shape, and says whether all were good.
pub fn publish_limits(outcomes: &[Outcome], common: &CommonArgs) -> anyhow::Result<bool> {
    show("The bare transport's limit", outcomes, common)?;
    let ok = outcomes.iter().all(|outcome| outcome.report.ok);
    if let Some(path) = &common.json {
        write_json(path, &limits_json(outcomes)?)?;
    }
    Ok(ok)
}

fn limits_json(outcomes: &[Outcome]) -> anyhow::Result<Value> {
    let mut json = Map::new();
    for outcome in outcomes {
        json.insert(outcome.name.to_owned(), serde_json::to_value(&outcome.report)?);
    }
    json.insert("ok".to_owned(), outcomes.iter().all(|outcome| outcome.report.ok).into());
    Ok(json.into())
}

/// Prints a line, or several. A reader that has seen enough, as `head` has, is no error.
pub fn say(text: impl Display) -> io::Result<()> {
    match writeln!(io::stdout(), "{text}") {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        done => done,
    }
}

fn show(title: &str, outcomes: &[Outcome], common: &CommonArgs) -> anyhow::Result<()> {
    let columns: Vec<_> = outcomes.iter().map(|outcome| (outcome.name, &outcome.report)).collect();
    say(table::table(&columns))?;
    for outcome in outcomes {
        if outcome.report.schedule_kept == Some(false) {
            say(format_args!(
                "{}: the tester could not keep the schedule: latency includes its own delay, service does not",
                outcome.name
            ))?;
        }
    }
    if let Some(path) = &common.html {
        html::write(path, title, outcomes)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_json_of_limits_has_one_report_per_shape_and_a_verdict() {
        let outcome = |name, report: Report| {
            let empty = Histogram::new(3).unwrap();
            Outcome::new(name, report.judged(), empty, Vec::new())
        };
        let good = outcome("echo", Report::default());
        let bad = outcome("tcp_fanout", Report::default().with_invariant("in_order", false));
        let json = limits_json(&[good, bad]).unwrap();
        assert_eq!(json["echo"]["ok"], true);
        assert_eq!(json["tcp_fanout"]["invariants"]["in_order"], false);
        assert_eq!(json["ok"], false);
    }
}
