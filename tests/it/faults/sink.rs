//! Nobody takes the events: the books go on, the backlog shows, and later everything arrives.

use std::fs;

use liveroom::server::audit::Books;
use serde_json::json;

use crate::served::peer::{fresh_id, reserve};
use crate::served::{Over, Peer, Served, run, sale, until};

#[test]
fn what_the_sink_does_not_take_waits_and_arrives_later() {
    run(async {
        let served =
            Served::furnished(|config| config.events.cursor_every = std::time::Duration::from_millis(10)).await;
        let sold = served.open("r1", sale(1_000, 5)).await;
        let ticket = served.ticket("r1", sold).await;
        let (events, away) = (served.dir.path().join("data/events"), served.dir.path().join("away"));
        until("everything is delivered", async || (served.metric("events_backlog").await == 0).then_some(())).await;
        fs::rename(&events, &away).unwrap();
        fs::write(&events, "no directory").unwrap();
        let mut ann = Peer::welcomed(&served, Over::Ws, "r1", "ann").await;
        for _ in 0..20 {
            assert_eq!(ann.ask(reserve(fresh_id(), ticket, 1, 1)).await, "order 5 fen", "the books go on");
        }
        let waiting = async || (served.metric("events_backlog").await >= 20).then_some(());
        until("the backlog shows", waiting).await;
        assert!(served.metric("events_failures").await > 0);
        served.is_well().await;
        fs::remove_file(&events).unwrap();
        fs::rename(&away, &events).unwrap();
        until("everything is delivered", async || (served.metric("events_backlog").await == 0).then_some(())).await;
        let Served { server, config, dir, .. } = served;
        server.stop().await;
        let report = Books::of(&dir.path().join("data"), config.store_bounds()).audit().unwrap();
        assert!(report.first_failure().is_none(), "{}", report.to_json());
        assert!(report.to_json().to_string().contains("sink"), "the sink was looked at: {}", json!(report.to_json()));
    });
}
