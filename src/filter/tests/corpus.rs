//! Two corpora, written by hand: words dressed up, and words that only look banned. `--nocapture` prints the table.

use std::collections::BTreeMap;

use crate::filter::builtin;

/// Lines `category text`, in sections by technique.
const EVASIONS: &str = include_str!("evasions.txt");
/// Lines of text, in sections by what they look like.
const INNOCENTS: &str = include_str!("innocents.txt");

/// The sections of a corpus, with escapes such as `\u{200b}` read.
fn sections(corpus: &'static str) -> BTreeMap<&'static str, Vec<String>> {
    let mut sections: BTreeMap<_, Vec<String>> = BTreeMap::new();
    let mut section = "";
    for line in corpus.lines().filter(|line| !line.is_empty()) {
        match line.strip_prefix("# ") {
            Some(name) => section = name,
            None => sections.entry(section).or_default().push(unescape(line)),
        }
    }
    sections
}

fn unescape(line: &str) -> String {
    let mut parts = line.split("\\u{");
    let mut text = parts.next().unwrap().to_owned();
    for part in parts {
        let (code, rest) = part.split_once('}').expect("an escape is closed");
        text.push(char::from_u32(u32::from_str_radix(code, 16).unwrap()).unwrap());
        text.push_str(rest);
    }
    text
}

/// A row of the table: what there was, how much of it was found, and what was not as it should be.
fn row(name: &str, lines: usize, found: usize, wrong: &[&str]) {
    println!("{name:<48} {lines:>5} {found:>6}   {}", wrong.join(" · "));
}

#[test]
fn evasions_are_caught_and_innocents_pass() {
    let lexicon = builtin();
    println!("{:<48} lines caught   missed", "evasions");
    let (mut all, mut caught) = (0, 0);
    for (technique, lines) in sections(EVASIONS) {
        let is_caught = |line: &&String| {
            let (category, text) = line.split_once(' ').unwrap();
            lexicon.find(text).iter().any(|finding| finding.category.as_ref() == category)
        };
        let missed: Vec<_> = lines.iter().filter(|line| !is_caught(line)).map(String::as_str).collect();
        row(technique, lines.len(), lines.len() - missed.len(), &missed);
        all += lines.len();
        caught += lines.len() - missed.len();
    }
    row("all", all, caught, &[]);
    println!("\n{:<48} lines   hits   which", "innocents");
    let (mut innocents, mut hits) = (0, 0);
    for (like, lines) in sections(INNOCENTS) {
        let hit: Vec<_> = lines.iter().map(String::as_str).filter(|line| !lexicon.find(line).is_empty()).collect();
        row(like, lines.len(), hit.len(), &hit);
        innocents += lines.len();
        hits += hit.len();
    }
    row("all", innocents, hits, &[]);
    println!("\ncaught {:.1} %, false hits {:.1} %", percent(caught, all), percent(hits, innocents));
    assert!(all >= 200 && innocents >= 200, "{all} evasions, {innocents} innocents");
    assert!(caught * 100 >= all * 95, "caught {caught} of {all}");
    assert!(hits * 100 <= innocents, "{hits} false hits in {innocents}");
}

fn percent(part: usize, whole: usize) -> f64 {
    part as f64 * 100.0 / whole as f64
}
