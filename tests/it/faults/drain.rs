//! The server is told to stop while everybody asks.

use liveroom_protocol::wire::GoodbyeCode;

use super::crowd::{Crowd, acks, same_answers, ticket};
use crate::served::process::{Start, audit};
use crate::served::{rain, run, sale};

#[test]
fn told_to_stop_it_says_goodbye_and_keeps_its_word() {
    let dir = tempfile::tempdir().unwrap();
    run(async {
        let server = Start::new().run(dir.path());
        server.furnish().await;
        let (sold, rained) = (server.open(sale(1_000_000, 5)).await, server.open(rain(1_000)).await);
        let (sale, rain) = (ticket(&server, sold).await, ticket(&server, rained).await);
        let crowd = Crowd::gather(&[&server], 8, sale, rain);
        crowd.more(80).await;
        let at = server.at;
        let status = tokio::task::spawn_blocking(|| server.stop()).await.unwrap();
        assert!(status.success(), "{status}");
        let dismissed = crowd.dismissed();
        assert_eq!(dismissed, [GoodbyeCode::Draining; 8], "everybody is told, once");
        // The next server is where they come back to.
        let server = Start::new().at(at).run(dir.path());
        crowd.more(80).await;
        let told = crowd.disperse().await;
        same_answers(&server, &told).await;
        assert!(server.stop().success());
        audit(dir.path(), &acks(&told));
    });
}
