//! The result, for people.

use std::sync::atomic::Ordering;

use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{CellAlignment, Table};

use super::show::{Part, Shown};
use crate::store::KindView;
use crate::store::audit::Report;

/// What the evening came to, and whether the books hold.
pub(super) fn results(shown: &Shown, report: &Report) -> String {
    let mut evening = Table::new();
    evening.load_preset(UTF8_FULL_CONDENSED).set_header(["", "rain 红包雨", "sale 限时秒杀"]);
    let parts = [&shown.rain, &shown.sale];
    let mut row = |name: &str, cell: &dyn Fn(&Part) -> String| {
        evening.add_row([name.to_owned(), cell(parts[0]), cell(parts[1])]);
    };
    row("viewers", &|_| shown.viewers.to_string());
    row("units", &|part| part.units.to_string());
    row("given", &|part| part.tally().granted.load(Ordering::Relaxed).to_string());
    row("refused", &|part| {
        let refused = part.tally().refused.lock();
        let mut reasons: Vec<_> = refused.iter().map(|(code, n)| format!("{n} {code}")).collect();
        reasons.sort();
        reasons.join(", ")
    });
    row("answers", &|part| part.tally().answers.load(Ordering::Relaxed).to_string());
    row("until the last unit", &|part| format!("{} ms", part.took.as_millis()));
    for (name, quantile) in [("answer, median", 0.5), ("answer, p99", 0.99)] {
        row(name, &|part| {
            let latency_us = part.tally().latency_us.lock().value_at_quantile(quantile);
            format!("{:.1} ms", latency_us as f64 / 1_000.0)
        });
    }
    row("money", &|part| match &part.view.kind {
        Some(KindView::Rain { summary: Some(summary), .. }) => {
            let luckiest = summary.luckiest.as_ref();
            let luckiest = luckiest.map_or(String::new(), |(user, fen)| format!(", luckiest {user}: {fen}"));
            format!("{} fen given{luckiest}", summary.total)
        }
        _ => format!("{} orders paid", part.paid),
    });
    for column in evening.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    let mut books = Table::new();
    books.load_preset(UTF8_FULL_CONDENSED).set_header(["invariant", "holds", "what was looked at"]);
    for finding in &report.findings {
        let holds = if finding.ok { "yes" } else { "NO" };
        books.add_row([finding.name.word(), holds, &finding.detail]);
    }
    let verdict = if report.ok { "Every invariant holds." } else { "An invariant does NOT hold." };
    format!("{evening}\n{books}\n{verdict}\n")
}
