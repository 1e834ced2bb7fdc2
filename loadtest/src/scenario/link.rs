//! How viewers reach the server: connected, greeted, and ready to talk.

use std::future::Future;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use liveroom_protocol::client::{Target, Trust};
use liveroom_protocol::client::Endpoint;
use liveroom_protocol::client::raw::hello_frame;
use liveroom_protocol::frame::FrameReader;
use liveroom_protocol::transport::{SERVER_FRAME_BYTES_MAX, VERSION, client_transport};
use liveroom_protocol::wire::{Hello, ServerFrame, Welcome, server_frame};
use tokio::sync::Semaphore;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout;

use super::aims::RoomEar;
use super::ask::hear_message;
use super::fields::next_message;
use crate::cli::{LoadArgs, Transport};
use crate::crowd::{HANDSHAKES_MAX, VIEWERS_PER_SOCKET, roomy_socket};
use crate::line::{LineBroke, LineIn, LineOut};
use crate::progress::Progress;

/// How long connecting and being greeted may take.
const GREETING: Duration = Duration::from_secs(10);

/// A way to the server, shared by all viewers.
#[derive(Debug)]
pub(super) enum Dial {
    /// Hundreds of viewers on a socket.
    Quic { endpoints: Vec<Endpoint>, target: Target },
}

/// Who a viewer is, and where it goes.
#[derive(Debug, Clone)]
pub(super) struct Guest {
    pub(super) number: usize,
    pub(super) user: String,
    pub(super) room: String,
    pub(super) token: String,
}

/// A viewer's line.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) out: Out,
    pub(super) input: In,
    pub(super) welcome: Welcome,
    connection: quinn::Connection,
    room: Option<JoinHandle<()>>,
}

/// Where a viewer writes.
#[derive(Debug)]
pub(super) enum Out {
    Quic(quinn::SendStream),
}

/// Where a viewer reads.
#[derive(Debug)]
pub(super) struct In {
    /// What was read already.
    pub(super) head: Vec<u8>,
    source: Source,
}

#[derive(Debug)]
enum Source {
    Quic(quinn::RecvStream),
}

impl Dial {
    /// The way that the command line names, for so many viewers. Needs the runtime.
    pub(super) fn new(load: &LoadArgs, viewers: usize) -> anyhow::Result<Arc<Self>> {
        let trust = match &load.cert_sha256 {
            Some(hash) => Trust::cert_hash(hash)?,
            None => Trust::InsecureLoopback,
        };
        let target = Target::from(load.target);
        match load.transport {
            Transport::Quic => {
                let endpoint = || {
                    let mut endpoint = Endpoint::with_socket(roomy_socket(any_port(load.target))?, trust.clone())?;
                    endpoint.set_transport_config(client_transport(load.patience));
                    anyhow::Ok(endpoint)
                };
                let endpoints =
                    (0..viewers.div_ceil(VIEWERS_PER_SOCKET)).map(|_| endpoint()).collect::<Result<_, _>>()?;
                Ok(Arc::new(Self::Quic { endpoints, target }))
            }
            Transport::Ws => bail!("not built yet"),
        }
    }

    /// Connects a viewer, says hello, and hears the welcome.
    pub(super) async fn connect(&self, guest: &Guest) -> anyhow::Result<Line> {
        timeout(GREETING, self.greet(guest)).await.context("the server took too long to greet")?
    }

    /// Connects all, or none; a few at a time, so that none has to wait for its turn within its handshake.
    pub(super) async fn connect_all(
        self: &Arc<Self>, guests: &[Guest], progress: &Progress,
    ) -> anyhow::Result<Vec<Line>> {
        progress.stage("connecting", guests.len() as u64);
        let turns = Arc::new(Semaphore::new(HANDSHAKES_MAX));
        let mut connecting = JoinSet::new();
        for guest in guests.iter().cloned() {
            let (dial, turns, progress) = (Arc::clone(self), Arc::clone(&turns), progress.clone());
            connecting.spawn(async move {
                let _turn = turns.acquire().await?;
                let line = dial.connect(&guest).await?;
                progress.step();
                anyhow::Ok((guest.number, line))
            });
        }
        let mut lines = Vec::with_capacity(guests.len());
        while let Some(connected) = connecting.join_next().await {
            lines.push(connected?.context("a viewer could not join")?);
        }
        lines.sort_by_key(|(number, _)| *number);
        Ok(lines.into_iter().map(|(_, line)| line).collect())
    }

    /// Waits until the last goodbye is out.
    pub(super) async fn leave(&self) {
        let Self::Quic { endpoints, .. } = self;
        for endpoint in endpoints {
            // A server that is gone does not say goodbye.
            let _ = timeout(Duration::from_secs(1), endpoint.quinn().wait_idle()).await;
        }
    }

    async fn greet(&self, guest: &Guest) -> anyhow::Result<Line> {
        let hello = hello_frame(Hello {
            version: VERSION,
            token: guest.token.clone(),
            room: guest.room.clone(),
            resume: None,
            agent: concat!("liveroom-loadtest/", env!("CARGO_PKG_VERSION")).to_owned(),
        });
        let Self::Quic { endpoints, target } = self;
        let connection = endpoints[guest.number % endpoints.len()].connect(target).await?;
        let (out, input) = connection.open_bi().await?;
        let (mut out, mut input) = (Out::Quic(out), In { head: Vec::new(), source: Source::Quic(input) });
        out.send(&hello).await?;
        let welcome = welcome(&mut input).await?;
        Ok(Line { out, input, welcome, connection, room: None })
    }
}

impl Line {
    /// Reads what the room says, from now on, for `ear` or for nobody. A viewer that did not read would be thrown out.
    pub(super) fn attend(&mut self, ear: Option<RoomEar>) {
        let connection = self.connection.clone();
        self.room = Some(tokio::spawn(async move {
            if let Ok(stream) = connection.accept_uni().await {
                drain(stream, ear).await;
            }
        }));
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.connection.close(0u32.into(), b"");
        if let Some(room) = &self.room {
            room.abort();
        }
    }
}

async fn drain(mut stream: quinn::RecvStream, mut ear: Option<RoomEar>) {
    let mut kept = Vec::new();
    while let Ok(Some(chunk)) = stream.read_chunk(usize::MAX, true).await {
        let Some(ear) = &mut ear else { continue };
        kept.extend_from_slice(&chunk.bytes);
        let mut rest = &kept[..];
        while let Ok(Some(message)) = next_message(&mut rest) {
            hear_message(ear, message);
        }
        let read = kept.len() - rest.len();
        kept.drain(..read);
    }
}

async fn welcome(input: &mut In) -> anyhow::Result<Welcome> {
    let mut bytes = Vec::new();
    let mut frames = FrameReader::new(SERVER_FRAME_BYTES_MAX);
    loop {
        input.receive(&mut bytes).await?;
        anyhow::ensure!(!bytes.is_empty(), "the server ended the stream");
        let mut rest = &bytes[..];
        let first = frames.next::<ServerFrame>(&mut rest)?;
        if let Some(first) = first {
            input.head = rest.to_vec();
            return match first.body {
                Some(server_frame::Body::Welcome(welcome)) => Ok(welcome),
                Some(server_frame::Body::Goodbye(goodbye)) => {
                    bail!("the server said {}: {}", goodbye.reason, goodbye.detail)
                }
                _ => bail!("the server did not begin with a welcome"),
            };
        }
        bytes.clear();
    }
}

impl LineOut for Out {
    async fn send(&mut self, bytes: &[u8]) -> Result<(), LineBroke> {
        match self {
            Self::Quic(stream) => stream.send(bytes).await,
        }
    }
}

impl LineIn for In {
    fn receive(&mut self, into: &mut Vec<u8>) -> impl Future<Output = Result<(), LineBroke>> + Send {
        async move {
            if !self.head.is_empty() {
                into.append(&mut self.head);
                return Ok(());
            }
            match &mut self.source {
                Source::Quic(stream) => stream.receive(into).await,
            }
        }
    }
}

fn any_port(target: SocketAddr) -> SocketAddr {
    let any: IpAddr = match target {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    SocketAddr::new(any, 0)
}
