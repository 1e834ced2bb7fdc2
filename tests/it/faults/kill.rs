//! The server is killed, paused, and started twice.

use rustix::process::Signal;

use super::crowd::{Crowd, acks, same_answers, ticket};
use crate::served::process::{Start, audit};
use crate::served::{get, rain, run, sale};

#[test]
fn killed_at_any_moment_it_has_lost_nothing_that_it_said() {
    let dir = tempfile::tempdir().unwrap();
    run(async {
        let mut server = Start::new().run(dir.path());
        server.furnish().await;
        let (sold, rained) = (server.open(sale(1_000_000, 5)).await, server.open(rain(1_000)).await);
        let (sale, rain) = (ticket(&server, sold).await, ticket(&server, rained).await);
        let crowd = Crowd::gather(&[&server], 8, sale, rain);
        // Where in its work the server is then is up to chance: under load it is always somewhere in the middle.
        for answers in [40, 75, 1, 150] {
            crowd.more(answers).await;
            let at = server.at;
            server.kill();
            server = Start::new().at(at).run(dir.path());
        }
        crowd.more(40).await;
        let told = crowd.disperse().await;
        same_answers(&server, &told).await;
        assert!(server.stop().success());
        audit(dir.path(), &acks(&told));
    });
}

#[test]
fn a_second_start_on_the_same_files_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    run(async {
        let server = Start::new().run(dir.path());
        let (status, said) = Start::new().fail(dir.path());
        assert_eq!(status.code(), Some(1), "{said}");
        assert!(said.contains("in use by another process"), "{said}");
        let elsewhere = tempfile::tempdir().unwrap();
        for taken in ["quic", "ws", "admin"] {
            let mut at = Start::new().run(elsewhere.path()).at;
            match taken {
                "quic" => at.quic = server.at.quic,
                "ws" => at.ws = server.at.ws,
                _ => at.admin = server.at.admin,
            }
            let (status, said) = Start::new().at(at).fail(elsewhere.path());
            assert_eq!(status.code(), Some(1), "{taken}: {said}");
            assert!(said.contains("can't listen on 127.0.0.1"), "{taken}: {said}");
        }
        get(server.at.admin, "/readyz").await.expect(200);
        assert!(server.stop().success());
    });
}

#[test]
fn a_pause_delays_and_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    run(async {
        let server = Start::new().run(dir.path());
        server.furnish().await;
        let (sold, rained) = (server.open(sale(1_000_000, 5)).await, server.open(rain(1_000)).await);
        let (sale, rain) = (ticket(&server, sold).await, ticket(&server, rained).await);
        let crowd = Crowd::gather(&[&server], 4, sale, rain);
        for _ in 0..3 {
            crowd.more(20).await;
            server.signal(Signal::STOP);
            // Nothing can come but what is under way already.
            let before = crowd.answers();
            tokio::task::yield_now().await;
            assert!(crowd.answers() <= before + 4);
            server.signal(Signal::CONT);
        }
        crowd.more(20).await;
        let told = crowd.disperse().await;
        same_answers(&server, &told).await;
        assert!(server.stop().success());
        audit(dir.path(), &acks(&told));
    });
}
