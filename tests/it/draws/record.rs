//! Published draws, checked by others than the server: a second implementation, and a large record.

use std::process::Command;

use liveroom::rules::*;
use liveroom::store::{Bounds, Keeper as _, KindView, MemoryKeeper, Query, Reply};

use crate::stage::{Stage, bag, plan, room};

const DOCUMENT: &str = include_str!("../../../protocol/DRAWS.md");

/// A draw of `entries` users that was drawn, with a prize passed on.
fn record(level: DrawLevel, beacon: Option<Beacon>, opened: Time, entries: usize) -> DrawRecord {
    let mut stage = Stage::beginning(MemoryKeeper::new(Bounds::default()), opened);
    let draw = DrawPlan { level, answer_ms: 60_000, ..bag(&[("茶 \"tea\"\u{7f}\t", 2, 0), ("cash", 3, 70)]) };
    let activity = stage.open(Plan { title: "福袋\n".to_owned(), ..plan(draw) });
    for n in 0..entries {
        assert_eq!(stage.enter(&format!("u{n}"), activity), format!("ticket {n}"));
    }
    stage.wait_ms(60_000);
    if let Some(beacon) = beacon {
        let bring = liveroom::store::DrawAsk::Beacon { activity, beacon: Box::new(beacon), winners: 5 };
        assert_eq!(stage.ask("op", liveroom::store::Ask::Draw(bring)), "drawn");
    }
    let Some(KindView::Draw { winners: Some(winners), .. }) = stage.view(activity).kind else { panic!("not drawn") };
    let first = winners[0].0.as_str().to_owned();
    assert_eq!(stage.reply(&first, activity, false), "passed 茶 \"tea\"\u{7f}\t");
    stage.audit();
    match stage.keeper.ask(&Query::DrawRecord { room: room(), activity }) {
        Reply::DrawRecord(record) => *record,
        other => panic!("{other:?}"),
    }
}

fn with_beacon(entries: usize) -> DrawRecord {
    let signature = "b75c69d0b72a5d906e854e808ba7e2accb1542ac355ae486d591aa9d43765482e26cd02df835d3546d23c4b13e0dfc92";
    let signature = HexBytes::parse(signature).unwrap();
    let chain = Chain::quicknet();
    let opened = chain.time_of(123).before_ms(70_000);
    let beacon = Beacon { round: 123, signature, previous_signature: HexBytes::default() };
    record(DrawLevel::Beacon { chain: Box::new(chain), round: 123 }, Some(beacon), opened, entries)
}

#[test]
fn the_document_s_program_finds_the_same_winners() {
    let program = DOCUMENT.split("```python\n").nth(1).unwrap().split("```").next().unwrap();
    assert!(program.lines().filter(|line| !line.is_empty()).count() <= 22, "about twenty lines");
    let dir = tempfile::tempdir().unwrap();
    let (script, file) = (dir.path().join("verify.py"), dir.path().join("record.json"));
    std::fs::write(&script, program).unwrap();
    for record in [record(DrawLevel::Sealed, None, crate::stage::START, 300), with_beacon(37)] {
        assert_eq!(check_record(&record.to_json()).map(|checked| checked.passed), Ok(1));
        std::fs::write(&file, record.to_json()).unwrap();
        let ran = Command::new("python3").arg(&script).arg(&file).output().expect("python3 is installed");
        assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
        let winners: String = record.winners.iter().map(|winner| format!("{}\n", winner.user)).collect();
        assert_eq!(String::from_utf8_lossy(&ran.stdout), winners);
        // And it is not content with everything.
        let other = DrawRecord { seed: record.root, ..record };
        std::fs::write(&file, other.to_json()).unwrap();
        let ran = Command::new("python3").arg(&script).arg(&file).output().unwrap();
        assert!(!ran.status.success());
    }
}

#[test]
fn the_document_names_every_field_of_a_record() {
    let json = serde_json::to_value(with_beacon(5)).unwrap();
    for field in json.as_object().unwrap().keys() {
        assert!(DOCUMENT.contains(&format!("`{field}`")), "{field}");
    }
    assert!(DOCUMENT.contains(DrawRecord::FORMAT));
}
