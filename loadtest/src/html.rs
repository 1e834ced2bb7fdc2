//! The result as one page: no script, nothing loaded from elsewhere, light or dark as the reader likes.

mod chart;
pub mod evening;

use std::fmt::Write;
use std::path::Path;

use anyhow::Context;

use crate::outcome::Outcome;
use crate::report::Report;
use crate::table::count;

const STYLE: &str = "\
:root{color-scheme:light dark;--ground:#f6f7f9;--card:#fff;--ink:#1d2330;--soft:#667085;--line:#e3e6ec;--main:#3563e9;\
--fill:#3563e926;--mark:#c2410c;--good:#15803d;--bad:#b91c1c}\
@media(prefers-color-scheme:dark){:root{--ground:#12151c;--card:#1b1f29;--ink:#e7eaf0;--soft:#98a2b3;--line:#2c3240;\
--main:#7aa2ff;--fill:#7aa2ff2e;--mark:#fb923c;--good:#4ade80;--bad:#f87171}}\
*{box-sizing:border-box}body{margin:0;background:var(--ground);color:var(--ink);font:15px/1.5 system-ui,sans-serif}\
main{max-width:76rem;margin:0 auto;padding:2rem 1.25rem}h1{font-size:1.5rem;margin:0 0 1.25rem}\
section{background:var(--card);border:1px solid var(--line);border-radius:12px;padding:1.25rem;margin-bottom:1.25rem}\
h2{font-size:1.15rem;margin:0 0 1rem}h2 span{font-size:.8rem;font-weight:600;margin-left:.6rem}\
.good{color:var(--good)}.bad{color:var(--bad)}\
dl{display:grid;grid-template-columns:repeat(auto-fill,minmax(10.5rem,1fr));gap:.9rem 1.25rem;margin:0 0 1rem}\
dt{color:var(--soft);font-size:.8rem}dd{margin:0;font-size:1.2rem;font-variant-numeric:tabular-nums}\
.charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,26rem),1fr));gap:1.25rem}\
figure{margin:0}figcaption{color:var(--soft);font-size:.85rem;margin-bottom:.25rem}\
svg{width:100%;height:auto;display:block}svg text{fill:var(--soft);font-size:11px}\
.grid{stroke:var(--line)}.bar{fill:var(--main)}.area{fill:var(--fill)}.curve{fill:none;stroke:var(--main);stroke-width:2}\
.mark{stroke:var(--mark);stroke-dasharray:3 3}svg .marked{fill:var(--mark)}";

/// Writes the page.
pub fn write(path: &Path, title: &str, outcomes: &[Outcome]) -> anyhow::Result<()> {
    std::fs::write(path, page(title, outcomes)).with_context(|| format!("writing {}", path.display()))
}

/// The page.
pub fn page(title: &str, outcomes: &[Outcome]) -> String {
    let title = escaped(title);
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"/>\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\"/>\
         <title>{title}</title><style>{STYLE}</style></head><body><main><h1>{title}</h1>\n"
    );
    for outcome in outcomes {
        section(&mut page, outcome);
    }
    page.push_str("</main></body></html>\n");
    page
}

fn section(page: &mut String, outcome: &Outcome) {
    let (class, verdict) = match outcome.report.ok {
        true => ("good", "everything held"),
        false => ("bad", "not ok"),
    };
    let name = escaped(outcome.name);
    let mut push = |text: &str| page.push_str(text);
    push(&format!("<section><h2>{name}<span class=\"{class}\">{verdict}</span></h2>\n<dl>"));
    for (term, figure) in figures(&outcome.report).into_iter().chain(held(&outcome.report)) {
        push(&format!("<div><dt>{}</dt><dd>{}</dd></div>", escaped(&term), escaped(&figure)));
    }
    push("</dl>\n<div class=\"charts\">");
    if !outcome.latency_us.is_empty() {
        let chart = chart::distribution(&outcome.latency_us);
        push(&format!("<figure><figcaption>Latency, share of operations</figcaption>{chart}</figure>"));
    }
    if outcome.steps.len() > 1 {
        let chart = chart::throughput(&outcome.steps);
        push(&format!("<figure><figcaption>Operations per second over time</figcaption>{chart}</figure>"));
    }
    push("</div></section>\n");
}

fn figures(report: &Report) -> Vec<(String, String)> {
    let mut figures = vec![("viewers".to_owned(), count(report.viewers))];
    let mut add = |term: &str, figure: Option<String>| {
        if let Some(figure) = figure {
            figures.push((term.to_owned(), figure));
        }
    };
    let above_zero = |n: u64| (n > 0).then(|| count(n));
    add("operations per second", report.ops_per_s.map(|rate| count(rate as u64)));
    if let Some(latency) = report.latency_us {
        add("median latency", Some(chart::span(latency.p50 as f64)));
        add("99% latency", Some(chart::span(latency.p99 as f64)));
        add("slowest", Some(chart::span(latency.max as f64)));
    }
    add("server CPU per operation", report.server_cpu_us_per_op.map(|us| format!("{us:.2} µs")));
    add("server cores used", report.server_cpu_cores.map(|cores| format!("{cores:.2}")));
    add("tester cores used", report.tester_cpu_cores.map(|cores| format!("{cores:.2}")));
    add("server memory", report.server_rss_bytes.map(|bytes| format!("{} MB", count(bytes >> 20))));
    add("server memory per viewer", report.server_rss_bytes_per_conn.map(|bytes| format!("{} B", count(bytes))));
    add("completed", above_zero(report.completed));
    add("granted", above_zero(report.granted));
    add("errors", above_zero(report.errors));
    add("pending", above_zero(report.pending));
    add("schedule kept", report.schedule_kept.map(|kept| if kept { "yes" } else { "no" }.to_owned()));
    for (reason, n) in &report.refused {
        add(&format!("refused: {reason}"), Some(count(*n)));
    }
    figures
}

fn held(report: &Report) -> impl Iterator<Item = (String, String)> {
    let word = |holds| if holds { "holds" } else { "BROKEN" }.to_owned();
    report.invariants.iter().map(move |(name, holds)| (name.replace('_', " "), word(*holds)))
}

fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            _ => escaped.write_char(character).expect("a string takes every character"),
        }
    }
    escaped
}

#[cfg(test)]
mod tests;
