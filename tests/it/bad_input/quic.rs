//! What only QUIC makes possible.

use std::sync::Arc;
use std::time::Duration;

use liveroom_protocol::client::{Endpoint, Trust};
use liveroom_protocol::transport::{ALPN, IDLE_TIMEOUT, client_transport};
use liveroom_protocol::wire::{Announce, GoodbyeCode, client_frame::Body};
use quinn::crypto::rustls::QuicClientConfig;
use quinn::{Connection, ConnectionError, VarInt};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;

use crate::served::peer::{encoded, framed, fresh_id, hello, reserve};
use crate::served::{Over, Peer, Served, run, sale};

/// How the server closed the connection: `code reason`.
async fn closed(connection: &Connection) -> String {
    match tokio::time::timeout(crate::served::PATIENCE, connection.closed()).await.expect("silence") {
        ConnectionError::ApplicationClosed(close) => {
            let code = GoodbyeCode::from_quic_close_code(close.error_code.into_inner()).expect("a goodbye's code");
            format!("{} {}", code.word(), String::from_utf8_lossy(&close.reason))
        }
        other => other.to_string(),
    }
}

/// A client's configuration that trusts the server's certificate.
fn tls(served: &Served, protocols: &[&[u8]]) -> rustls::ClientConfig {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(served.development.cert_file()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let mut tls = tls.with_root_certificates(roots).with_no_client_auth();
    tls.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
    tls
}

fn quic(tls: rustls::ClientConfig) -> quinn::ClientConfig {
    quinn::ClientConfig::new(Arc::new(QuicClientConfig::try_from(tls).unwrap()))
}

#[test]
fn another_protocol_is_not_spoken() {
    run(async {
        let served = Served::furnished(|_| {}).await;
        let endpoint = quinn::Endpoint::client("127.0.0.1:0".parse().unwrap()).unwrap();
        for protocols in [&[][..], &[&b"h3"[..]], &[&b"liveroom/2"[..]], &[&b"liveroom/1 "[..]]] {
            let config = quic(tls(&served, protocols));
            let end = endpoint.connect_with(config, served.server.quic, "localhost").unwrap().await.unwrap_err();
            // Alert 120 of TLS, no_application_protocol.
            assert!(
                matches!(&end, ConnectionError::ConnectionClosed(close) if u64::from(close.error_code) == 0x178),
                "{end}"
            );
        }
        served.is_well().await;
    });
}

#[test]
fn early_data_is_not_taken() {
    run(async {
        let served = Served::furnished(|_| {}).await;
        let endpoint = quinn::Endpoint::client("127.0.0.1:0".parse().unwrap()).unwrap();
        let mut tls = tls(&served, &[ALPN]);
        tls.enable_early_data = true;
        let config = quic(tls);
        let connect = || endpoint.connect_with(config.clone(), served.server.quic, "localhost").unwrap();
        let first = connect().await.unwrap();
        let (mut send, mut recv) = first.open_bi().await.unwrap();
        send.write_all(&encoded(&hello("r1", served.token("ann", "viewer")))).await.unwrap();
        // With the answer the session ticket has come, too.
        recv.read_chunk(1, true).await.unwrap().unwrap();
        assert!(connect().into_0rtt().is_err(), "the ticket allows no early data");
        served.is_well().await;
    });
}

#[test]
fn whoever_opens_no_stream_or_too_many_is_told() {
    run(async {
        let served = Served::furnished(|config| config.session.hello_timeout = Duration::from_millis(200)).await;
        let endpoint = Endpoint::new(Trust::InsecureLoopback).unwrap();
        let silent = endpoint.connect(&served.server.quic.into()).await.unwrap();
        assert_eq!(closed(&silent).await, "hello_timeout hello_timeout");
        let backwards = endpoint.connect(&served.server.quic.into()).await.unwrap();
        let mut only = backwards.open_uni().await.unwrap();
        only.write_all(&encoded(&hello("r1", served.token("ann", "viewer")))).await.unwrap();
        assert_eq!(closed(&backwards).await, "hello_timeout hello_timeout", "a hello on a stream that nobody reads");
        for over in Over::BOTH {
            let mut half = Peer::connect(&served, over).await;
            if over == Over::Quic {
                half.send_bytes(&encoded(&hello("r1", served.token("ann", "viewer")))[..20]).await;
            }
            assert_eq!(half.end().await, "hello_timeout hello_timeout", "half a hello, {over:?}");
        }
        let mut peer = Peer::welcomed(&served, Over::Quic, "r1", "ann").await;
        let (mut second, _) = peer.connection().open_bi().await.unwrap();
        second.write_all(b"x").await.unwrap();
        assert_eq!(peer.end().await, "protocol_error stream_unexpected");
        let mut peer = Peer::welcomed(&served, Over::Quic, "r1", "ann").await;
        let mut second = peer.connection().open_uni().await.unwrap();
        second.write_all(b"x").await.unwrap();
        assert_eq!(peer.end().await, "protocol_error stream_unexpected");
        served.is_well().await;
    });
}

#[test]
fn datagrams_of_garbage_are_nothing() {
    run(async {
        let served = Served::furnished(|_| {}).await;
        let socket = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
        for length in [0, 1, 20, 1_200, 1_500, 60_000] {
            for first in [0x00, 0x40, 0x80, 0xc0, 0xff] {
                let mut garbage: Vec<u8> = (0..length).map(|n: usize| (n * 31) as u8).collect();
                garbage.first_mut().into_iter().for_each(|byte| *byte = first);
                socket.send_to(&garbage, served.server.quic).await.unwrap();
            }
        }
        served.is_well().await;
    });
}

#[test]
fn whoever_does_not_read_is_dropped_and_nobody_else_notices() {
    run(async {
        let served = Served::furnished(|config| {
            config.session.write_timeout = Duration::from_millis(300);
            let often = liveroom::gateway::Rate { per_second: 1_000_000, burst: 1_000_000 };
            (config.rates.announce, config.rates.reserve) = (often, often);
        });
        let served = served.await;
        let sold = served.open("r1", sale(1_000_000, 5)).await;
        let ticket = served.ticket("r1", sold).await;
        let hello = |user| encoded(&hello("r1", served.token(user, "viewer")));

        // No place for the room's stream at all.
        let mut shut = Endpoint::new(Trust::InsecureLoopback).unwrap();
        let mut none = client_transport(IDLE_TIMEOUT);
        none.max_concurrent_uni_streams(0u8.into());
        shut.set_transport_config(none);
        let shut = shut.connect(&served.server.quic.into()).await.unwrap();
        let (mut send, _recv) = shut.open_bi().await.unwrap();
        send.write_all(&hello("shut")).await.unwrap();
        assert_eq!(closed(&shut).await, "too_slow too_slow", "no streams");

        // A few bytes of credit, and never more.
        let mut tight = Endpoint::new(Trust::InsecureLoopback).unwrap();
        let mut few = client_transport(IDLE_TIMEOUT);
        few.stream_receive_window(VarInt::from_u32(16)).receive_window(VarInt::from_u32(64));
        tight.set_transport_config(few);
        let tight = tight.connect(&served.server.quic.into()).await.unwrap();
        let (mut send, _recv) = tight.open_bi().await.unwrap();
        send.write_all(&hello("tight")).await.unwrap();

        let mut onlooker = Peer::welcomed(&served, Over::Quic, "r1", "onlooker").await;
        let mut host = Peer::connect(&served, Over::Ws).await;
        host.greet("r1", served.token("op", "operator")).await;
        let mut dropped = std::pin::pin!(closed(&tight));
        loop {
            let words = Body::Announce(Announce { text: "w".repeat(1_000) });
            let said = host.ask(framed(fresh_id(), words)).await;
            assert!(said == "done" || said == "not done overloaded", "{said}");
            let asked = onlooker.ask(reserve(fresh_id(), ticket, 1, 1)).await;
            assert!(["order 5 fen", "refused limit_reached"].contains(&asked.as_str()), "nobody else notices: {asked}");
            if let Some(how) = futures_util::FutureExt::now_or_never(&mut dropped) {
                break assert_eq!(how, "too_slow too_slow");
            }
        }
        served.is_well().await;
    });
}
