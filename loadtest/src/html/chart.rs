//! Two charts as inline SVG.

use std::fmt::Write;

use hdrhistogram::Histogram;

use crate::watch::Step;

const WIDTH: f64 = 560.0;
const HEIGHT: f64 = 220.0;
const LEFT: f64 = 52.0;
const RIGHT: f64 = 12.0;
const TOP: f64 = 22.0;
const BOTTOM: f64 = 24.0;
const BARS: usize = 64;

/// How latencies are distributed: equal steps of the logarithm across, share of operations up, with landmarks.
pub(super) fn distribution(latency_us: &Histogram<u64>) -> String {
    let low = (latency_us.min().max(1) as f64).log10();
    let high = (latency_us.max().max(1) as f64).log10().max(low + 0.1);
    let place = |us: f64| (us.max(1.0).log10() - low) / (high - low);
    let mut shares = [0.0; BARS];
    for step in latency_us.iter_recorded() {
        let bar = (place(step.value_iterated_to() as f64) * BARS as f64) as usize;
        shares[bar.min(BARS - 1)] += step.count_since_last_iteration() as f64 / latency_us.len() as f64;
    }
    let top = shares.iter().copied().fold(f64::MIN_POSITIVE, f64::max);

    let mut svg = opened("latency distribution");
    for (share, label) in [(0.0, "0".to_owned()), (top, format!("{:.1}%", top * 100.0))] {
        level(&mut svg, y(share / top), &label);
    }
    for (n, share) in shares.iter().enumerate() {
        if *share > 0.0 {
            let (from, to) = (x(n as f64 / BARS as f64), x((n + 1) as f64 / BARS as f64));
            let us = 10f64.powf(low + (high - low) * n as f64 / BARS as f64);
            let (at, height) = (y(share / top), y(0.0) - y(share / top));
            let _ = write!(
                svg,
                "<rect class=\"bar\" x=\"{from:.1}\" y=\"{at:.1}\" width=\"{:.1}\" height=\"{height:.1}\">\
                 <title>from {}: {:.2}%</title></rect>",
                (to - from - 1.0).max(0.5),
                span(us),
                share * 100.0
            );
        }
    }
    for us in tick_marks(low, high) {
        below(&mut svg, x(place(us)), &span(us));
    }
    let mut last = f64::MIN;
    for (quantile, name) in [(0.5, "p50"), (0.9, "p90"), (0.99, "p99"), (0.999, "p99.9")] {
        let at = x(place(latency_us.value_at_quantile(quantile) as f64));
        let _ = write!(svg, "<line class=\"mark\" x1=\"{at:.1}\" x2=\"{at:.1}\" y1=\"{TOP}\" y2=\"{:.1}\"/>", y(0.0));
        // Landmarks that coincide would write over each other.
        if at - last > 34.0 {
            let _ = write!(
                svg,
                "<text class=\"marked\" x=\"{at:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{name}</text>",
                TOP - 7.0
            );
            last = at;
        }
    }
    svg.push_str("</svg>");
    svg
}

/// Answers per second over the window.
pub(super) fn throughput(steps: &[Step]) -> String {
    let end = steps.last().map_or(1.0, |step| step.at_s).max(f64::MIN_POSITIVE);
    let most = steps.iter().map(|step| step.ops_per_s).fold(1.0, f64::max);
    let top = rounded_up(most);
    let mut svg = opened("operations per second over time");
    for part in [0.0, 0.5, 1.0] {
        level(&mut svg, y(part), &short(top * part));
        below(&mut svg, x(part), &format!("{:.1} s", end * part));
    }
    let mut curve = String::new();
    for step in steps {
        let letter = if curve.is_empty() { 'M' } else { 'L' };
        let _ = write!(curve, "{letter}{:.1} {:.1}", x(step.at_s / end), y(step.ops_per_s / top));
    }
    let first = steps.first().map_or(0.0, |step| step.at_s / end);
    let _ = write!(
        svg,
        "<path class=\"area\" d=\"{curve}L{:.1} {floor:.1}L{:.1} {floor:.1}Z\"/><path class=\"curve\" d=\"{curve}\"/></svg>",
        x(1.0),
        x(first),
        floor = y(0.0)
    );
    svg
}

/// A span of microseconds in the unit that suits it.
pub(super) fn span(us: f64) -> String {
    let (value, unit) = match us {
        us if us < 1e3 => (us, "µs"),
        us if us < 1e6 => (us / 1e3, "ms"),
        us => (us / 1e6, "s"),
    };
    let digits = if value < 9.95 && value.fract() > 0.01 { 1 } else { 0 };
    format!("{value:.digits$} {unit}")
}

fn opened(label: &str) -> String {
    format!("<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{label}\">")
}

fn x(part: f64) -> f64 {
    LEFT + part * (WIDTH - LEFT - RIGHT)
}

fn y(part: f64) -> f64 {
    HEIGHT - BOTTOM - part * (HEIGHT - TOP - BOTTOM)
}

fn level(svg: &mut String, at: f64, label: &str) {
    let _ = write!(
        svg,
        "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{:.1}\" y1=\"{at:.1}\" y2=\"{at:.1}\"/>\
         <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{label}</text>",
        WIDTH - RIGHT,
        LEFT - 6.0,
        at + 4.0
    );
}

fn below(svg: &mut String, at: f64, label: &str) {
    let anchor = if at > WIDTH - 40.0 { "end" } else { "middle" };
    let _ = write!(svg, "<text x=\"{at:.1}\" y=\"{:.1}\" text-anchor=\"{anchor}\">{label}</text>", HEIGHT - 7.0);
}

/// Round numbers of each decade between two logarithms, thinned out to what has room.
fn tick_marks(low: f64, high: f64) -> Vec<f64> {
    let digits: &[f64] = if high - low > 1.0 { &[1.0, 2.0, 5.0] } else { &[1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 7.0] };
    let mut marks: Vec<f64> = (low.floor() as i32..=high.ceil() as i32)
        .flat_map(|decade| digits.iter().map(move |digit| digit * 10f64.powi(decade)))
        .filter(|us| (low..=high).contains(&us.log10()))
        .collect();
    while marks.len() > 9 {
        let mut keep = false;
        marks.retain(|_| {
            keep = !keep;
            keep
        });
    }
    marks
}

fn rounded_up(value: f64) -> f64 {
    let decade = 10f64.powf(value.log10().floor());
    let steps = [1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0];
    let step = steps.into_iter().find(|step| step * decade >= value);
    step.unwrap_or(10.0) * decade
}

fn short(value: f64) -> String {
    match value {
        value if value >= 1e6 => format!("{:.1} M", value / 1e6),
        value if value >= 1e4 => format!("{:.0} k", value / 1e3),
        value if value >= 1e3 => format!("{:.1} k", value / 1e3),
        value => format!("{value:.0}"),
    }
}
