//! How viewers come in who use the client library: hundreds over one socket, a few handshakes at a time, each at any of the
//! servers.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use liveroom_protocol::client::{
    Client, Endpoint, Events, Options, RetryPolicy, Target, Transport, Trust, WsConnector,
};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::link::Guest;
use crate::cli::{self, LoadArgs};
use crate::crowd::{HANDSHAKES_MAX, VIEWERS_PER_SOCKET};
use crate::progress::Progress;

/// How long one may take to come in.
const COMING_IN: Duration = Duration::from_secs(30);

/// Lets all in; their clients, in the order of the guests.
pub(super) async fn admit(
    load: &LoadArgs, guests: &[Guest], retry: &RetryPolicy, progress: &Progress,
) -> anyhow::Result<Vec<(Client, Events)>> {
    progress.stage("connecting", guests.len() as u64);
    let turns = Arc::new(Semaphore::new(HANDSHAKES_MAX));
    let mut connecting = JoinSet::new();
    for some in guests.chunks(VIEWERS_PER_SOCKET) {
        let transport = transport(load)?;
        for guest in some {
            let options = Options { retry: retry.clone(), ..options(load, guest, transport.clone())? };
            let (turns, progress, number) = (Arc::clone(&turns), progress.clone(), guest.number);
            connecting.spawn(async move {
                let _turn = turns.acquire().await?;
                let connected = Client::connect(options).await.context("a viewer could not join")?;
                progress.step();
                anyhow::Ok((number, connected))
            });
        }
    }
    let mut clients = Vec::with_capacity(guests.len());
    while let Some(connected) = connecting.join_next().await {
        clients.push(connected??);
    }
    clients.sort_by_key(|(number, _)| *number);
    Ok(clients.into_iter().map(|(_, client)| client).collect())
}

/// All servers, each with the token that is good there.
fn options(load: &LoadArgs, guest: &Guest, transport: Transport) -> anyhow::Result<Options> {
    let targets: Vec<Target> = load.targets.iter().copied().map(Target::from).collect();
    let first = targets.first().context("there is a target")?.clone();
    let mut options = Options::new(first, transport, guest.room.clone(), String::new());
    let (known, tokens) = (targets.clone(), guest.tokens.clone());
    options.token = Arc::new(move |target| {
        let place = known.iter().position(|known| known == target).unwrap_or(0);
        tokens[place % tokens.len()].clone()
    });
    options.targets = targets;
    options.agent = concat!("liveroom-loadtest/", env!("CARGO_PKG_VERSION")).to_owned();
    options.connect_deadline = COMING_IN;
    Ok(options)
}

/// A socket that hundreds of viewers share.
fn transport(load: &LoadArgs) -> anyhow::Result<Transport> {
    Ok(match load.transport {
        cli::Transport::Quic => {
            let trust = load.cert_sha256.as_deref().map(Trust::cert_hash).transpose()?;
            Transport::Quic(Endpoint::new(trust.unwrap_or(Trust::InsecureLoopback))?)
        }
        cli::Transport::Ws => Transport::WebSocket(WsConnector::plain()),
    })
}
