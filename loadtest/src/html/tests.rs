//! The page is well formed, self-contained, and shows what it should.

use hdrhistogram::Histogram;

use super::*;
use crate::report::Quantiles;
use crate::watch::Step;

fn outcome(latencies: &[u64], steps: usize) -> Outcome {
    let mut latency_us = Histogram::new(3).unwrap();
    for us in latencies {
        latency_us.record(*us).unwrap();
    }
    let report = Report {
        viewers: 300,
        latency_us: Quantiles::of(&latency_us),
        ops_per_s: Some(61_234.0),
        refused: [("<sold & out>".to_owned(), 3)].into(),
        ..Report::default()
    };
    let step = |n: usize| Step { at_s: 0.1 * (n + 1) as f64, ops_per_s: 1_000.0 * n as f64 };
    let steps = (0..steps).map(step).collect();
    Outcome::new("echo", report.judged(), latency_us, steps)
}

/// Every element is closed in order, and no text holds a bare bracket or ampersand.
fn assert_well_formed(page: &str) {
    let mut open = Vec::new();
    let mut rest = page.strip_prefix("<!doctype html>").expect("a doctype");
    while let Some(at) = rest.find('<') {
        let text = &rest[..at];
        let in_style = open.last() == Some(&"style");
        assert!(in_style || !text.contains('>'), "{text}");
        for (entity, _) in text.match_indices('&') {
            let known = ["&amp;", "&lt;", "&gt;", "&quot;"];
            assert!(known.iter().any(|name| text[entity..].starts_with(name)), "{text}");
        }
        let end = rest[at..].find('>').expect("a tag ends") + at;
        let tag = &rest[at + 1..end];
        assert_eq!(tag.matches('"').count() % 2, 0, "{tag}");
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name));
        } else if !tag.ends_with('/') {
            open.push(tag.split_whitespace().next().expect("a name"));
        }
        rest = &rest[end + 1..];
    }
    assert!(open.is_empty(), "{open:?}");
}

#[test]
fn pages_are_well_formed_whatever_was_measured() {
    for latencies in [&[][..], &[0], &[7], &[1, 1, 60_000_000], &[90, 100, 110, 500]] {
        for steps in [0, 1, 2, 80] {
            let page = page("A & <B>", &[outcome(latencies, steps), outcome(latencies, 3)]);
            assert_well_formed(&page);
            assert!(!page.contains("NaN") && !page.contains("inf\""));
        }
    }
}

#[test]
fn the_page_loads_nothing_and_shows_both_charts() {
    let page = page("limit", &[outcome(&[90, 100, 110, 500], 80)]);
    for foreign in ["http:", "https:", "<script", "src=", "href=", "@import", "url("] {
        assert!(!page.contains(foreign), "{foreign}");
    }
    assert_eq!(page.matches("<svg").count(), 2);
    assert!(page.contains("61,234") && page.contains("prefers-color-scheme:dark"));
}

#[test]
fn a_run_without_operations_has_no_charts() {
    assert!(!page("idle", &[outcome(&[], 0)]).contains("<svg"));
}

fn evening(complaints: &[String], steps: usize) -> String {
    let outcome = outcome(&[90, 100, 500], steps);
    let bar = |title, until_s, origin| {
        let note = "¥1.00".to_owned();
        evening::Bar { title, from_s: 1.0, until_s, mark_s: Some(3.0), note, origin }
    };
    evening::html(&evening::Page {
        title: "A & <B>",
        lead: "60 viewers & more".to_owned(),
        outcome: &outcome,
        length_s: 12.0,
        bars: vec![bar("rain", 5.0, Some("of a <template>")), bar("never <closed>", f64::NAN, None)],
        cast: vec![evening::Row::of(["chatters", "12", "3 answers & more"])],
        won: vec![evening::Row::of(["rain", "3 viewers", "<¥1>"])],
        answers: vec![evening::Row::of(["claim", "12", "3"])],
        complaints,
    })
}

#[test]
fn the_account_of_an_evening_is_well_formed_and_loads_nothing() {
    for complaints in [&[][..], &["pools_add_up: 3 < 4".to_owned()]] {
        for steps in [0, 2] {
            let page = evening(complaints, steps);
            assert_well_formed(&page);
            assert!(!page.contains("NaN") && !page.contains("inf"), "{page}");
            for foreign in ["http:", "https:", "<script", "src=", "href=", "@import", "url("] {
                assert!(!page.contains(foreign), "{foreign}");
            }
            assert_eq!(page.contains("What did not hold"), !complaints.is_empty());
            assert!(page.contains("aria-label=\"what was on when\"") && page.contains("scope=\"row\""));
            assert!(page.contains("<title>rain, of a &lt;template&gt;: 1.0 s") && page.contains("chatters"));
        }
    }
}
