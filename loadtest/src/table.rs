//! The result as a table on the terminal.

use comfy_table::{CellAlignment, Table, presets};

use crate::report::{Quantiles, Report};

/// One column per run.
pub fn table(reports: &[(&str, &Report)]) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::UTF8_BORDERS_ONLY);
    table.set_header(std::iter::once("").chain(reports.iter().map(|(name, _)| *name)));
    let mut row = |name: &str, cell: &dyn Fn(&Report) -> Option<String>| {
        let cells: Vec<_> = reports.iter().map(|(_, report)| cell(report)).collect();
        if cells.iter().any(Option::is_some) {
            let cells = cells.into_iter().map(Option::unwrap_or_default);
            table.add_row(std::iter::once(name.to_owned()).chain(cells));
        }
    };
    row("viewers", &|r| Some(count(r.viewers)));
    row("offered", &|r| above_zero(r.offered));
    row("sent", &|r| above_zero(r.sent));
    row("completed", &|r| above_zero(r.completed));
    row("granted", &|r| above_zero(r.granted));
    row("refused", &|r| {
        let lines: Vec<_> = r.refused.iter().map(|(why, n)| format!("{why} {}", count(*n))).collect();
        (!lines.is_empty()).then(|| lines.join("\n"))
    });
    row("errors", &|r| Some(count(r.errors)));
    row("pending", &|r| Some(count(r.pending)));
    row("lines replaced", &|r| above_zero(r.reconnects));
    row("asked once more", &|r| above_zero(r.repeats));
    row("op/s", &|r| r.ops_per_s.map(|rate| count(rate as u64)));
    row("latency µs p50 · p99 · max", &|r| r.latency_us.map(landmarks));
    row("service µs p50 · p99 · max", &|r| r.service_us.filter(|_| r.schedule_kept.is_some()).map(landmarks));
    row("schedule kept", &|r| r.schedule_kept.map(yes));
    row("latest start, µs behind", &|r| r.behind_us_max.map(count));
    row("server CPU µs per op", &|r| r.server_cpu_us_per_op.map(|us| format!("{us:.2}")));
    row("server cores", &|r| r.server_cpu_cores.map(|cores| format!("{cores:.2}")));
    row("tester cores", &|r| r.tester_cpu_cores.map(|cores| format!("{cores:.2}")));
    row("server memory, KB", &|r| r.server_rss_bytes.map(|bytes| count(bytes / 1024)));
    row("server memory per viewer, B", &|r| r.server_rss_bytes_per_conn.map(count));
    row("p99 in the quiet room, × alone", &|r| r.quiet_p99_ratio.map(|ratio| format!("{ratio:.2}")));
    row("broken invariants", &|r| {
        let broken: Vec<_> = r.invariants.iter().filter(|(_, holds)| !**holds).collect();
        let names: Vec<_> = broken.into_iter().map(|(name, _)| name.as_str()).collect();
        (!names.is_empty()).then(|| names.join("\n"))
    });
    row("ok", &|r| Some(yes(r.ok)));
    for column in 1..=reports.len() {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

fn landmarks(of: Quantiles) -> String {
    format!("{} · {} · {}", count(of.p50), count(of.p99), count(of.max))
}

fn yes(is: bool) -> String {
    if is { "yes" } else { "NO" }.to_owned()
}

fn above_zero(n: u64) -> Option<String> {
    (n > 0).then(|| count(n))
}

/// Digits in groups of three.
pub fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut grouped = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_come_in_threes() {
        for (n, text) in [(0, "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(count(n), text);
        }
    }

    #[test]
    fn a_row_that_applies_to_nobody_is_left_out() {
        let report = Report { viewers: 5_000, server_rss_bytes_per_conn: Some(31_000), ..Report::default() };
        let text = table(&[("idle", &report)]).to_string();
        assert!(text.contains("5,000") && text.contains("31,000"));
        assert!(!text.contains("latency") && !text.contains("granted"));
    }
}
