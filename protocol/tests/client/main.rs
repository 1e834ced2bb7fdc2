//! The client against a server that does what each test tells it to, over both transports.

// A test that can't go on says so by panicking.
#![allow(clippy::unwrap_used)]

mod server;

mod answers;
mod connecting;
mod raw;
mod reconnecting;
mod room;

use std::time::Duration;

use liveroom_protocol::client::{Client, Events, Options, RetryPolicy, Target, Transport};
use server::{FakeServer, Kind, Session};

/// What hangs is a failure, not a wait.
const PATIENCE: Duration = Duration::from_secs(20);

fn options(server: &FakeServer) -> Options {
    let retry = RetryPolicy { pause_min: Duration::from_millis(4), ..RetryPolicy::default() };
    Options { retry, ..Options::new(Target::from(server.address), server.transport(), "room-1", "token-1") }
}

fn options_over(server: &FakeServer, transport: Transport) -> Options {
    Options { transport, ..options(server) }
}

/// A client, what it hears, and the server's end of its connection.
async fn joined(server: &mut FakeServer) -> (Client, Events, Session) {
    let options = options(server);
    let (joined, session) = tokio::join!(Client::connect(options), server.welcomed());
    let (client, events) = joined.expect("the server welcomes");
    (client, events, session)
}

/// Runs a test over each transport.
macro_rules! over_both {
    ($($(#[$doc:meta])* async fn $name:ident($server:ident: FakeServer) $body:block)*) => {$(
        mod $name {
            use super::*;

            // Not every test takes a second connection.
            #[allow(unused_mut)]
            async fn run(mut $server: FakeServer) $body

            #[tokio::test]
            async fn quic() {
                let server = FakeServer::start(Kind::Quic).await;
                tokio::time::timeout(PATIENCE, run(server)).await.expect("it does not hang");
            }

            #[tokio::test]
            async fn ws() {
                let server = FakeServer::start(Kind::WebSocket).await;
                tokio::time::timeout(PATIENCE, run(server)).await.expect("it does not hang");
            }
        }
    )*};
}
use over_both;
