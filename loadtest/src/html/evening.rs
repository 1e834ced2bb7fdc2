//! The account of a broadcast as one page: what was on when, how fast the answers came, who won what, and what held.

use std::fmt::Write;
use std::path::Path;

use anyhow::Context;

use super::{STYLE, chart, escaped, figures};
use crate::outcome::Outcome;

/// Beyond what every page has.
const OWN_STYLE: &str = "\
p{margin:0 0 1.25rem;color:var(--soft)}.scroll{overflow-x:auto}.scroll:focus-visible{outline:2px solid var(--main)}\
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}\
th,td{text-align:left;padding:.35rem .9rem .35rem 0;border-bottom:1px solid var(--line);overflow-wrap:anywhere}\
th{font-weight:600}thead th{color:var(--soft);font-size:.8rem;font-weight:400}tbody th{font-weight:500}\
ul{list-style:none;margin:0;padding:0;columns:19rem;column-gap:1.5rem}li{break-inside:avoid;padding:.1rem 0 .1rem 1.6rem;\
position:relative;overflow-wrap:anywhere}li::before{position:absolute;left:0;font-weight:700}\
li.good::before{content:\"✓\"}li.bad::before{content:\"✗\"}li.good{color:inherit}li.good::before{color:var(--good)}\
.complaints li{padding-left:0}.complaints{columns:auto}.two{display:grid;gap:1.25rem;\
grid-template-columns:repeat(auto-fit,minmax(min(100%,26rem),1fr))}.two>section{margin:0}.two{margin-bottom:1.25rem}\
.gantt{min-width:34rem}.gantt .act{fill:var(--fill);stroke:var(--main)}.gantt .origin{stroke-dasharray:5 3}.gantt .name{fill:var(--ink);font-size:12px}";

/// What is told.
#[derive(Debug)]
pub struct Page<'a> {
    /// The heading.
    pub title: &'a str,
    /// One paragraph under it.
    pub lead: String,
    /// The figures.
    pub outcome: &'a Outcome,
    /// How long the broadcast was.
    pub length_s: f64,
    /// What was on.
    pub bars: Vec<Bar<'a>>,
    /// Who was there.
    pub cast: Vec<Row>,
    /// Who won what.
    pub won: Vec<Row>,
    /// Answers by kind of request.
    pub answers: Vec<Row>,
    /// What did not hold, in words.
    pub complaints: &'a [String],
}

/// Something that was on for a while.
#[derive(Debug)]
pub struct Bar<'a> {
    /// Its name.
    pub title: &'a str,
    /// When it began.
    pub from_s: f64,
    /// When it ended.
    pub until_s: f64,
    /// When it was changed, if it was.
    pub mark_s: Option<f64>,
    /// What it came to, in a word.
    pub note: String,
    /// Where it comes from, if that is worth a word.
    pub origin: Option<&'a str>,
}

/// A row of a table, its heading first.
#[derive(Debug)]
pub struct Row([String; 3]);

impl Row {
    /// A row of these cells.
    pub fn of(cells: [&str; 3]) -> Self {
        Self(cells.map(str::to_owned))
    }
}

/// Writes the page.
///
/// # Errors
/// When the file can't be written.
pub fn write(path: &Path, page: &Page<'_>) -> anyhow::Result<()> {
    std::fs::write(path, html(page)).with_context(|| format!("writing {}", path.display()))
}

/// The page.
pub fn html(page: &Page<'_>) -> String {
    let report = &page.outcome.report;
    let (class, verdict) = if report.ok { ("good", "everything held") } else { ("bad", "not ok") };
    let (title, lead) = (escaped(page.title), escaped(&page.lead));
    let mut html = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"/>\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\"/>\
         <title>{title}</title><style>{STYLE}{OWN_STYLE}</style></head><body><main><h1>{title}</h1>\n<p>{lead}</p>\n\
         <section><h2>In figures<span class=\"{class}\">{verdict}</span></h2><dl>"
    );
    for (term, figure) in figures(report) {
        let _ = write!(html, "<div><dt>{}</dt><dd>{}</dd></div>", escaped(&term), escaped(&figure));
    }
    html.push_str("</dl></section>\n");
    if !page.complaints.is_empty() {
        html.push_str("<section><h2>What did not hold</h2><ul class=\"complaints\">");
        for words in page.complaints {
            let _ = write!(html, "<li class=\"bad\">{}</li>", escaped(words));
        }
        html.push_str("</ul></section>\n");
    }
    let _ = writeln!(
        html,
        "<section><h2>What was on</h2><div class=\"scroll\" tabindex=\"0\" role=\"group\" \
         aria-label=\"Timeline, can be scrolled sideways\">{}</div></section>",
        timeline(page)
    );
    charts(&mut html, page.outcome);
    html.push_str("<div class=\"two\">");
    table(&mut html, "Who was there", ["", "how many", "what they did"], &page.cast);
    table(&mut html, "Who won what", ["", "who", "what"], &page.won);
    table(&mut html, "What was asked", ["", "answers", "granted"], &page.answers);
    html.push_str("</div>\n<section><h2>What had to hold</h2><ul>");
    for (name, holds) in &report.invariants {
        let (class, said) = if *holds { ("good", "holds") } else { ("bad", "does not hold") };
        let words = escaped(&name.replace('_', " "));
        let _ = write!(html, "<li class=\"{class}\" title=\"{said}\">{words}</li>");
    }
    html.push_str("</ul></section>\n</main></body></html>\n");
    html
}

fn charts(html: &mut String, outcome: &Outcome) {
    html.push_str("<section><h2>How it went</h2><div class=\"charts\">");
    if outcome.steps.len() > 1 {
        let chart = chart::throughput(&outcome.steps);
        let _ = write!(html, "<figure><figcaption>Answers per second over the evening</figcaption>{chart}</figure>");
    }
    if !outcome.latency_us.is_empty() {
        let chart = chart::distribution(&outcome.latency_us);
        let _ = write!(html, "<figure><figcaption>Latency, share of answers</figcaption>{chart}</figure>");
    }
    html.push_str("</div></section>\n");
}

fn table(html: &mut String, title: &str, heads: [&str; 3], rows: &[Row]) {
    if rows.is_empty() {
        return;
    }
    let _ = write!(html, "<section><h2>{title}</h2><div class=\"scroll\"><table><thead><tr>");
    for head in heads {
        // An empty corner is no heading.
        match head {
            "" => html.push_str("<td></td>"),
            head => drop(write!(html, "<th scope=\"col\">{head}</th>")),
        }
    }
    html.push_str("</tr></thead><tbody>");
    for Row([name, who, what]) in rows {
        let cells = [name, who, what].map(|cell| escaped(cell));
        let _ = write!(html, "<tr><th scope=\"row\">{}</th><td>{}</td><td>{}</td></tr>", cells[0], cells[1], cells[2]);
    }
    html.push_str("</tbody></table></div></section>");
}

const WIDTH: f64 = 1_000.0;
const NAMES: f64 = 130.0;
const NOTES: f64 = 110.0;
const ROW: f64 = 26.0;
const HEAD: f64 = 22.0;

/// One bar for each act, over the time of the broadcast.
fn timeline(page: &Page<'_>) -> String {
    let height = HEAD + ROW * page.bars.len() as f64 + 6.0;
    let x = |at_s: f64| NAMES + (WIDTH - NAMES - NOTES) * (at_s / page.length_s.max(f64::MIN_POSITIVE)).clamp(0.0, 1.0);
    let mut svg = format!(
        "<svg class=\"gantt\" viewBox=\"0 0 {WIDTH} {height:.0}\" role=\"img\" aria-label=\"what was on when\">"
    );
    for part in [0.0, 0.25, 0.5, 0.75, 1.0] {
        let at = x(page.length_s * part);
        let _ = write!(
            svg,
            "<line class=\"grid\" x1=\"{at:.1}\" x2=\"{at:.1}\" y1=\"{HEAD}\" y2=\"{height:.0}\"/>\
             <text x=\"{at:.1}\" y=\"14\" text-anchor=\"middle\">{:.0} s</text>",
            page.length_s * part
        );
    }
    for (n, bar) in page.bars.iter().enumerate() {
        let top = HEAD + ROW * n as f64 + 4.0;
        // What was never closed ends with the broadcast.
        let until_s = if bar.until_s.is_finite() { bar.until_s } else { page.length_s };
        let (from, until) = (x(bar.from_s), x(until_s));
        let (title, note) = (escaped(bar.title), escaped(&bar.note));
        let (class, origin) =
            bar.origin.map_or(("act", String::new()), |of| ("act origin", format!(", {}", escaped(of))));
        let _ = write!(
            svg,
            "<text class=\"name\" x=\"{:.0}\" y=\"{:.1}\" text-anchor=\"end\">{title}</text>\
             <rect class=\"{class}\" x=\"{from:.1}\" y=\"{top:.1}\" width=\"{:.1}\" height=\"{:.1}\" rx=\"4\">\
             <title>{title}{origin}: {:.1} s to {until_s:.1} s, {note}</title></rect>\
             <text x=\"{:.1}\" y=\"{:.1}\">{note}</text>",
            NAMES - 8.0,
            top + 13.0,
            (until - from).max(2.0),
            ROW - 8.0,
            bar.from_s,
            until + 6.0,
            top + 13.0
        );
        if let Some(mark) = bar.mark_s.map(x) {
            let _ = write!(
                svg,
                "<line class=\"mark\" x1=\"{mark:.1}\" x2=\"{mark:.1}\" y1=\"{top:.1}\" y2=\"{:.1}\">\
                 <title>more was added</title></line>",
                top + ROW - 8.0
            );
        }
    }
    svg.push_str("</svg>");
    svg
}
