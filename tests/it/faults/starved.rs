//! The machine has no room left: on the disk, or for descriptors.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::net::TcpStream;

use super::crowd::{client, ticket};
use crate::served::peer::{fresh_id, reserve, upgrade};
use crate::served::process::{Process, Start};
use crate::served::{Over, Peer, get, item, run, sale, sale_of, until};

/// Runs the program with its journal on a small disk of its own, which nobody else sees and which goes when it ends.
fn on_a_small_disk(dir: &std::path::Path) -> Start {
    let journal = dir.join("data/journal");
    std::fs::create_dir_all(&journal).unwrap();
    let mount = format!("mount -t tmpfs -o size=20m tmpfs {} && exec \"$@\"", journal.display());
    Start::new().wrapped(&["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", &mount, "sh"])
}

/// Something that takes tens of kilobytes in the log.
async fn draft_something_large(server: &Process, n: u32) -> String {
    let mut skus: Vec<Value> = (0..50).map(|sku| item(sku, 1, 1, 1)).collect();
    for sku in &mut skus {
        (sku["title"], sku["quality_report"]) = (json!("t".repeat(200)), json!("q".repeat(200)));
    }
    let mut large = sale_of(json!(skus));
    large["title"] = json!(format!("large {n}"));
    server.operator("POST", "/v1/rooms/r1/activities", large).await.told()
}

#[test]
fn a_full_disk_stops_decisions_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    run(async {
        let server = on_a_small_disk(dir.path()).run(dir.path());
        server.furnish().await;
        let sold = server.open(sale(1_000, 5)).await;
        let ticket = ticket(&server, sold).await;
        // Its disk, seen from here.
        let inside =
            format!("/proc/{}/root{}", server.pid().as_raw_nonzero(), dir.path().join("data/journal").display());
        let ballast = std::path::Path::new(&inside).join("ballast");
        let mut peer = Peer::reach(Over::Ws, server.at.quic, server.at.ws).await;
        peer.greet("r1", server.token("ann", "viewer")).await;
        let frame = reserve(fresh_id(), ticket, 1, 1);
        assert_eq!(peer.ask(frame.clone()).await, "order 5 fen");
        let filled = std::fs::write(&ballast, vec![1; 20 << 20]);
        assert_eq!(filled.unwrap_err().kind(), std::io::ErrorKind::StorageFull);
        let mut kept = 0;
        let told = loop {
            match draft_something_large(&server, kept).await {
                told if told == "201" => kept += 1,
                told => break told,
            }
        };
        assert_eq!(told, "503 unavailable", "after {kept} drafts");
        // What is small finds a last place for a while.
        let none = async || (peer.ask(reserve(fresh_id(), ticket, 1, 1)).await == "not done unavailable").then_some(());
        until("nothing is decided any more", none).await;
        get(server.at.admin, "/healthz").await.expect(200);
        std::fs::remove_file(&ballast).unwrap();
        let again = async || (peer.ask(reserve(fresh_id(), ticket, 1, 1)).await == "order 5 fen").then_some(());
        until("decisions are taken again", again).await;
        assert_eq!(peer.ask(frame).await, "order 5 fen");
        assert_eq!(draft_something_large(&server, kept).await, "201");
        assert!(server.stop().success());
    });
}

#[test]
fn without_descriptors_it_serves_those_who_are_there() {
    let dir = tempfile::tempdir().unwrap();
    run(async {
        let start = Start::new().wrapped(&["sh", "-c", "ulimit -n 64; exec \"$@\"", "sh"]);
        let server = start.run(dir.path());
        server.furnish().await;
        let sold = server.open(sale(1_000, 5)).await;
        let ticket = ticket(&server, sold).await;
        let mut early = Peer::reach(Over::Ws, server.at.quic, server.at.ws).await;
        early.greet("r1", server.token("ann", "viewer")).await;
        let mut crowd = Vec::new();
        for _ in 0..100 {
            crowd.push(TcpStream::connect(server.at.ws).await.unwrap());
        }
        until("none is left", async || server.log().contains("a connection was not accepted").then_some(())).await;
        assert_eq!(early.ask(reserve(fresh_id(), ticket, 1, 1)).await, "order 5 fen");
        // QUIC needs none for another viewer.
        let mut late = Peer::reach(Over::Quic, server.at.quic, server.at.ws).await;
        late.greet("r1", server.token("bob", "viewer")).await;
        assert_eq!(late.ask(reserve(fresh_id(), ticket, 1, 1)).await, "order 5 fen");
        drop(crowd);
        let comes_in = tokio::time::timeout(Duration::from_secs(20), upgrade(server.at.ws, "")).await;
        comes_in.expect("there is room again").unwrap();
        let (eve, _events) = client(&server, "eve", false);
        assert!(eve.release(99).await.is_ok());
        get(server.at.admin, "/healthz").await.expect(200);
        assert!(!server.log().contains("panicked"), "{}", server.log());
        assert!(server.stop().success());
    });
}
