//! How viewers reach the server: connected, greeted, and ready to talk.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use bytes::Bytes;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use liveroom_protocol::client::raw::{connect_ws, hello_frame};
use liveroom_protocol::client::ws::Socket;
use liveroom_protocol::client::{Endpoint, Target, Trust, WsConnector};
use liveroom_protocol::frame::{FrameReader, frame_bytes};
use liveroom_protocol::transport::{KEEP_ALIVE, SERVER_FRAME_BYTES_MAX, VERSION, client_transport};
use liveroom_protocol::wire::{ClientFrame, Hello, Ping, ServerFrame, Welcome, client_frame, server_frame};
use tokio::sync::Semaphore;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{sleep, timeout};
use tokio_websockets::Message;

use super::aims::{RoomAims, RoomEar};
use super::ask::hear_message;
use super::fields::next_message;
use super::frames::Heard;
use crate::cli::{LoadArgs, Transport};
use crate::crowd::{HANDSHAKES_MAX, VIEWERS_PER_SOCKET, roomy_socket};
use crate::line::{LineBroke, LineIn, LineOut};
use crate::progress::Progress;

/// How long connecting and being greeted may take…
const GREETING: Duration = Duration::from_secs(10);

/// …and where there is another server to go to.
const ELSEWHERE_AFTER: Duration = Duration::from_secs(5);

/// The ways to the servers, shared by all viewers.
#[derive(Debug)]
pub(super) struct Dial {
    targets: Vec<Target>,
    way: Way,
}

#[derive(Debug)]
enum Way {
    /// Hundreds of viewers on a socket.
    Quic(Vec<Endpoint>),
    /// A socket each.
    Ws(WsConnector),
}

/// Who a viewer is, and where it goes.
#[derive(Debug, Clone)]
pub(super) struct Guest {
    pub(super) number: usize,
    pub(super) user: String,
    pub(super) room: String,
    /// The server that the viewer goes to first.
    pub(super) home: usize,
    /// One for each server, or one for all.
    pub(super) tokens: Vec<String>,
}

/// A viewer's line.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) out: Out,
    pub(super) input: In,
    pub(super) welcome: Welcome,
    hold: Hold,
}

/// What keeps a QUIC line up; dropped, it hangs up.
#[derive(Debug, Default)]
struct Hold {
    connection: Option<quinn::Connection>,
    /// Who reads the room's stream.
    room: Option<JoinHandle<()>>,
}

/// A viewer's line who only listens.
#[derive(Debug)]
pub(super) struct Listening {
    /// Brings the room's frames.
    pub(super) room: RoomIn,
    /// Everything else that makes the line; to be kept as long as it is to last.
    pub(super) kept: Kept,
}

/// Where the room's frames come from.
#[derive(Debug)]
pub(super) enum RoomIn {
    /// A stream of their own.
    Quic(quinn::RecvStream),
    /// With everything else.
    Ws(In),
}

/// The rest of a listener's line.
#[derive(Debug)]
pub(super) struct Kept {
    _hold: Hold,
    _control: Option<(Out, In)>,
    signs_of_life: Option<JoinHandle<()>>,
}

/// Where a viewer writes.
#[derive(Debug)]
pub(super) enum Out {
    Quic(quinn::SendStream),
    Ws(SplitSink<Socket, Message>),
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
    /// Room frames come with all others, and the ear takes what is for it.
    Ws {
        socket: SplitStream<Socket>,
        ear: Option<Box<RoomEar>>,
    },
}

impl Dial {
    /// The way that the command line names, for so many viewers. Needs the runtime.
    pub(super) fn new(load: &LoadArgs, viewers: usize) -> anyhow::Result<Arc<Self>> {
        let trust = match &load.cert_sha256 {
            Some(hash) => Trust::cert_hash(hash)?,
            None => Trust::InsecureLoopback,
        };
        let first = *load.targets.first().context("there is no target")?;
        let way = match load.transport {
            Transport::Quic => {
                let endpoint = || {
                    let mut endpoint = Endpoint::with_socket(roomy_socket(any_port(first))?, trust.clone())?;
                    endpoint.set_transport_config(client_transport(load.patience()));
                    anyhow::Ok(endpoint)
                };
                Way::Quic((0..viewers.div_ceil(VIEWERS_PER_SOCKET)).map(|_| endpoint()).collect::<Result<_, _>>()?)
            }
            Transport::Ws => Way::Ws(WsConnector::plain()),
        };
        let targets = load.targets.iter().copied().map(Target::from).collect();
        Ok(Arc::new(Self { targets, way }))
    }

    /// Connects a viewer to its first server, or else to the next that lets it in, says hello, and hears the welcome.
    pub(super) async fn connect(&self, guest: &Guest) -> anyhow::Result<Line> {
        let mut refused = None;
        for place in guest.home..guest.home + self.targets.len() {
            match self.connect_to(place, guest).await {
                Ok(line) => return Ok(line),
                // The server that the viewer belongs to is the one to hear about.
                Err(error) => drop(refused.get_or_insert(error)),
            }
        }
        Err(refused.context("there is no server to go to")?)
    }

    /// The same with the server of that place, counted round and round.
    pub(super) async fn connect_to(&self, place: usize, guest: &Guest) -> anyhow::Result<Line> {
        // Where there is another server, none is waited for long.
        let patience = if self.targets.len() > 1 { ELSEWHERE_AFTER } else { GREETING };
        let greeted = timeout(patience, self.greet(place % self.targets.len(), guest)).await;
        greeted.context("the server took too long to greet")?
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
        let Way::Quic(endpoints) = &self.way else { return };
        for endpoint in endpoints {
            // A server that is gone does not say goodbye.
            let _ = timeout(Duration::from_secs(1), endpoint.quinn().wait_idle()).await;
        }
    }

    async fn greet(&self, place: usize, guest: &Guest) -> anyhow::Result<Line> {
        let target = &self.targets[place];
        let hello = Hello {
            version: VERSION,
            token: guest.tokens[place % guest.tokens.len()].clone(),
            room: guest.room.clone(),
            resume: None,
            agent: concat!("liveroom-loadtest/", env!("CARGO_PKG_VERSION")).to_owned(),
        };
        match &self.way {
            Way::Quic(endpoints) => {
                let connection = endpoints[guest.number % endpoints.len()].connect(target).await?;
                let (mut out, input) = connection.open_bi().await?;
                let mut input = In { head: Vec::new(), source: Source::Quic(input) };
                out.send(&hello_frame(hello)).await?;
                let welcome = welcome(&mut input).await?;
                let hold = Hold { connection: Some(connection), room: None };
                Ok(Line { out: Out::Quic(out), input, welcome, hold })
            }
            Way::Ws(connector) => {
                let greeted = connect_ws(connector, target, hello).await?;
                let (out, socket) = greeted.socket.split();
                let input = In { head: greeted.rest.to_vec(), source: Source::Ws { socket, ear: None } };
                Ok(Line { out: Out::Ws(out), input, welcome: greeted.welcome, hold: Hold::default() })
            }
        }
    }
}

impl Line {
    /// Reads what the room says, from now on, for `ear` or for nobody. A viewer that did not read would be thrown out.
    pub(super) fn attend(&mut self, ear: Option<RoomEar>) {
        match (&mut self.input.source, &self.hold.connection) {
            (Source::Ws { ear: attentive, .. }, _) => {
                *attentive = ear.map(Box::new);
                if let Some(ear) = attentive {
                    hear_room(ear, &self.input.head);
                }
            }
            (Source::Quic(_), Some(connection)) => {
                let connection = connection.clone();
                self.hold.room = Some(tokio::spawn(async move {
                    if let Ok(stream) = connection.accept_uni().await {
                        drain(stream, ear).await;
                    }
                }));
            }
            (Source::Quic(_), None) => {}
        }
    }
}

impl Line {
    /// The two halves, and what must be kept as long as they are to last.
    pub(super) fn split(self) -> (Out, In, Kept) {
        (self.out, self.input, Kept { _hold: self.hold, _control: None, signs_of_life: None })
    }

    /// Only listens from now on.
    pub(super) async fn listen(self) -> anyhow::Result<Listening> {
        let Self { out, input, hold, .. } = self;
        match &hold.connection {
            Some(connection) => {
                let room = RoomIn::Quic(connection.accept_uni().await?);
                let kept = Kept { _hold: hold, _control: Some((out, input)), signs_of_life: None };
                Ok(Listening { room, kept })
            }
            None => {
                let signs_of_life = Some(tokio::spawn(show_life(out)));
                Ok(Listening { room: RoomIn::Ws(input), kept: Kept { _hold: hold, _control: None, signs_of_life } })
            }
        }
    }
}

impl LineIn for RoomIn {
    async fn receive(&mut self, into: &mut Vec<u8>) -> Result<(), LineBroke> {
        match self {
            Self::Quic(stream) => stream.receive(into).await,
            Self::Ws(input) => input.receive(into).await,
        }
    }
}

impl In {
    /// Waits until something has opened in `room`, whose ear this line feeds.
    pub(super) async fn until_opened(&mut self, room: &RoomAims) -> Result<(), LineBroke> {
        if let Source::Quic(_) = self.source {
            // The room's stream is read by a task of its own.
            room.opened(1).await;
            return Ok(());
        }
        let mut read = Vec::new();
        while room.len() == 0 {
            let before = read.len();
            self.receive(&mut read).await?;
            if read.len() == before {
                return Err(LineBroke("the server ended the stream".to_owned()));
            }
        }
        self.head.splice(..0, read);
        Ok(())
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        if let Some(connection) = &self.connection {
            connection.close(0u32.into(), b"");
        }
        if let Some(room) = &self.room {
            room.abort();
        }
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        if let Some(signs_of_life) = &self.signs_of_life {
            signs_of_life.abort();
        }
    }
}

/// Lets the server know that somebody is there who has nothing to say.
async fn show_life(mut out: Out) {
    loop {
        sleep(KEEP_ALIVE).await;
        if out.show_life().await.is_err() {
            return;
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
            Self::Ws(socket) => {
                socket.send(Message::binary(Bytes::copy_from_slice(bytes))).await.map_err(LineBroke::because)
            }
        }
    }

    async fn show_life(&mut self) -> Result<(), LineBroke> {
        match self {
            Self::Quic(_) => Ok(()),
            Self::Ws(_) => {
                let ping = client_frame::Body::Ping(Ping { nonce: 1 });
                self.send(&frame_bytes(&ClientFrame { request_id: 0, body: Some(ping) })).await
            }
        }
    }
}

impl LineIn for In {
    async fn receive(&mut self, into: &mut Vec<u8>) -> Result<(), LineBroke> {
        if !self.head.is_empty() {
            into.append(&mut self.head);
            return Ok(());
        }
        match &mut self.source {
            Source::Quic(stream) => stream.receive(into).await,
            Source::Ws { socket, ear } => loop {
                let Some(message) = socket.next().await.transpose().map_err(LineBroke::because)? else {
                    return Ok(());
                };
                if message.is_close() {
                    return Err(LineBroke("the server closed the socket".to_owned()));
                }
                if !message.is_binary() {
                    continue;
                }
                let frames = message.as_payload();
                if let Some(ear) = ear {
                    hear_room(ear, frames);
                }
                into.extend_from_slice(frames);
                return Ok(());
            },
        }
    }
}

/// Lets the room's frames among these be heard. A message holds whole frames.
fn hear_room(ear: &mut RoomEar, mut frames: &[u8]) {
    while let Ok(Some(message)) = next_message(&mut frames) {
        if let Ok(Heard::Room) = Heard::read(message) {
            hear_message(ear, message);
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
