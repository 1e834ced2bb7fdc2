//! Getting in, or not.

use super::*;
use liveroom_protocol::client::{ConnectError, Disconnect, Endpoint, Event, Trust};
use liveroom_protocol::wire::GoodbyeCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

over_both! {
    async fn a_refused_token_is_replaced_by_a_fresh_one(server: FakeServer) {
        let asked = AtomicU32::new(0);
        let mut options = options(&server);
        options.token = Arc::new(move |_| format!("token-{}", asked.fetch_add(1, Ordering::Relaxed)));
        let (joined, _session) = tokio::join!(Client::connect(options), async {
            let (session, hello) = server.greeted().await;
            assert_eq!(hello.token, "token-0");
            session.goodbye(GoodbyeCode::Unauthorized, "token_expired", 0).await;
            server.welcomed().await
        });
        joined.unwrap();
    }

    async fn a_client_that_is_turned_away_says_why(server: FakeServer) {
        let options = options(&server);
        let (joined, ()) = tokio::join!(Client::connect(options), async {
            let (session, _) = server.greeted().await;
            session.goodbye(GoodbyeCode::Version, "version_unknown", 0).await;
        });
        match joined.unwrap_err() {
            ConnectError::NotWelcomed(Disconnect::Goodbye(goodbye)) => {
                assert_eq!((goodbye.code(), goodbye.reason.as_str()), (GoodbyeCode::Version, "version_unknown"));
            }
            other => panic!("{other}"),
        }
    }

    async fn a_server_that_is_not_there_is_given_up_in_time(server: FakeServer) {
        let mut options = options(&server);
        options.connect_deadline = Duration::from_millis(100);
        drop(server);
        assert!(matches!(Client::connect(options).await, Err(ConnectError::Deadline(_))));
    }

    async fn handles_dropped_end_the_client(server: FakeServer) {
        let (client, mut events, _session) = joined(&mut server).await;
        assert!(matches!(events.next().await, Some(Event::Welcome(_))));
        drop(client);
        assert_eq!(events.next().await, None);
    }
}

#[tokio::test]
async fn another_certificate_is_refused_for_good() {
    let mut server = FakeServer::start(Kind::Quic).await;
    let endpoint = Endpoint::new(Trust::CertHash([0; 32])).unwrap();
    let options = options_over(&server, Transport::Quic(endpoint));
    let joined = tokio::select! {
        joined = Client::connect(options) => joined,
        _ = server.accept() => panic!("the client must not go on"),
    };
    match joined.unwrap_err() {
        ConnectError::NotWelcomed(Disconnect::ConnectFailed { permanent: true, .. }) => {}
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn many_clients_share_one_endpoint() {
    let mut server = FakeServer::start(Kind::Quic).await;
    let transport = server.transport();
    let mut clients = vec![];
    for _ in 0..20 {
        let options = options_over(&server, transport.clone());
        let (joined, session) = tokio::join!(Client::connect(options), server.welcomed());
        clients.push((joined.unwrap(), session));
    }
    let Transport::Quic(endpoint) = transport else { unreachable!("it was QUIC") };
    assert_eq!(endpoint.quinn().open_connections(), 20);
}
