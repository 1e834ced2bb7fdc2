//! What `src/ARCHITECTURE.md` promises of the source, held against the source.

use std::fs;
use std::path::{Path, PathBuf};

/// Each layer, and what it may know of.
const LAYERS: [(&str, &[&str]); 10] = [
    ("filter", &[]),
    ("rules", &["filter"]),
    ("store", &["filter", "rules"]),
    ("fanout", &["filter", "rules", "store"]),
    ("events", &["filter", "rules", "store"]),
    ("engine", &["filter", "rules", "store", "fanout", "events"]),
    ("gateway", &["filter", "rules", "store", "fanout", "events", "engine"]),
    // Of the gateway only the tokens, which both read.
    ("api", &["filter", "rules", "store", "fanout", "events", "engine", "gateway::token"]),
    ("server", &["filter", "rules", "store", "fanout", "events", "engine", "gateway", "api"]),
    ("commands", &["filter", "rules", "store", "fanout", "events", "engine", "gateway", "api", "server"]),
];

/// Where the wire's types are known.
const WIRE: [&str; 2] = ["gateway", "commands"];

/// Where clocks are read: the engine's own, and what measures or limits waiting, whatever the date.
const CLOCKS: [&str; 4] = ["engine/", "events/relay/", "gateway/viewer.rs", "commands/demo"];

/// A file of the source: its place below `src`, and its code without tests and comments.
struct Source {
    place: String,
    head: String,
    code: Vec<(usize, String)>,
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    gather(&root, &mut files);
    assert!(files.len() > 50, "the source is somewhere else");
    let read = |path: PathBuf| {
        let place = path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned();
        let text = fs::read_to_string(&path).unwrap();
        let tests_only = place.ends_with("tests.rs") || place.contains("/tests/");
        let lines = text.lines().enumerate().map(|(at, line)| (at + 1, line));
        let code = lines
            .take_while(|(_, line)| !tests_only && *line != "mod tests {")
            .filter(|(_, line)| !line.trim_start().starts_with("//"))
            .map(|(at, line)| (at, line.to_owned()));
        Source { place, head: text.lines().next().unwrap_or_default().to_owned(), code: code.collect() }
    };
    files.into_iter().map(read).collect()
}

fn gather(dir: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            gather(&path, files);
        } else if path.extension().is_some_and(|kind| kind == "rs") {
            files.push(path);
        }
    }
}

/// Every line of code for which `wrong` says what is wrong.
fn faults(wrong: impl Fn(&Source, &str) -> Option<String>) -> Vec<String> {
    let mut faults = Vec::new();
    for source in sources() {
        for (at, line) in &source.code {
            faults.extend(wrong(&source, line).map(|what| format!("src/{}:{at}: {what}", source.place)));
        }
    }
    faults
}

impl Source {
    /// `None` for the roots, which know everything.
    fn layer(&self) -> Option<&str> {
        let first = self.place.split('/').next().unwrap();
        (!["lib.rs", "main.rs"].contains(&first)).then(|| first.trim_end_matches(".rs"))
    }
}

#[test]
fn imports_go_one_way() {
    let known = |layer: &str| LAYERS.iter().find(|(name, _)| *name == layer).map(|(_, below)| *below);
    let found = faults(|source, line| {
        let layer = source.layer()?;
        let below =
            known(layer).unwrap_or_else(|| panic!("src/{}: a layer that this test does not know", source.place));
        line.split("crate::").skip(1).find_map(|path| {
            let inside = |allowed: &str| {
                let rest = path.strip_prefix(allowed);
                rest.is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_'))
            };
            let allowed = inside(layer) || below.iter().any(|allowed| inside(allowed));
            (!allowed).then(|| format!("{layer} must not know of {path}"))
        })
    });
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn the_wire_is_known_at_the_edges_only() {
    let found = faults(|source, line| {
        let edge = source.layer().is_none_or(|layer| WIRE.contains(&layer));
        (!edge && line.contains("liveroom_protocol")).then(|| "the wire's types end at the gateway".to_owned())
    });
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn the_engine_owns_the_clock() {
    let found = faults(|source, line| {
        let reads = ["SystemTime::now", "Instant::now"].iter().any(|clock| line.contains(clock));
        let allowed = CLOCKS.iter().any(|place| source.place.starts_with(place));
        (reads && !allowed).then(|| "time is a parameter here".to_owned())
    });
    assert!(found.is_empty(), "{found:#?}");
    let wall = faults(|source, line| {
        let wall = line.contains("SystemTime::now") && source.place != "engine/clock.rs";
        wall.then(|| "only the engine's clock knows the date".to_owned())
    });
    assert!(wall.is_empty(), "{wall:#?}");
}

#[test]
fn nothing_is_unwrapped_outside_tests() {
    let found = faults(|_, line| line.contains(".unwrap()").then(|| "say what makes it impossible".to_owned()));
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn every_file_says_what_it_is_about() {
    let silent: Vec<_> = sources().into_iter().filter(|source| !source.head.starts_with("//! ")).collect();
    let silent: Vec<_> = silent.iter().map(|source| &source.place).collect();
    assert!(silent.is_empty(), "no `//!` at the top: {silent:?}");
}
