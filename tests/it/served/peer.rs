//! A peer that speaks either transport byte by byte.

use std::net::SocketAddr;

use bytes::BytesMut;
use liveroom_protocol::client::{Endpoint, RequestIds, Trust};
use liveroom_protocol::frame::{FrameReader, encode_frame};
use liveroom_protocol::transport::{SERVER_FRAME_BYTES_MAX, WS_PATH};
use liveroom_protocol::wire::{
    BoardPlace, CartLine, Claim, ClientFrame, GoodbyeCode, Hello, Release, Reserve, ServerFrame, answer, client_frame,
    server_frame,
};
use quinn::{Connection, ConnectionError, RecvStream, SendStream};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::{PATIENCE, Served, Ticket};

/// What carries the frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Over {
    Quic,
    Ws,
}

impl Over {
    pub const BOTH: [Self; 2] = [Self::Quic, Self::Ws];
}

/// A connection.
pub struct Peer {
    link: Link,
    frames: FrameReader,
    /// What was received and not looked at yet.
    rest: Vec<u8>,
    goodbye: Option<(String, String)>,
}

enum Link {
    Quic {
        connection: Connection,
        send: SendStream,
        recv: RecvStream,
        /// Keeps its socket.
        _endpoint: Endpoint,
    },
    Ws {
        stream: TcpStream,
        closed: Option<(u16, String)>,
    },
}

/// What a peer hears.
#[derive(Debug)]
pub enum Heard {
    /// A frame that is not about the room.
    Frame(server_frame::Body),
    /// The connection is over: `code reason`, as the goodbye said, or the close if there was none.
    End(String),
}

impl Peer {
    /// Connects, and says nothing.
    pub async fn connect(served: &Served, over: Over) -> Self {
        Self::reach(over, served.server.quic, served.server.ws).await
    }

    /// Connects to whatever listens there.
    pub async fn reach(over: Over, quic: SocketAddr, ws: SocketAddr) -> Self {
        let link = match over {
            Over::Quic => {
                let endpoint = Endpoint::new(Trust::InsecureLoopback).unwrap();
                let connection = endpoint.connect(&quic.into()).await.unwrap();
                let (send, recv) = connection.open_bi().await.unwrap();
                // Whoever does not read the room is too slow.
                let room = connection.clone();
                tokio::spawn(async move {
                    let Ok(mut room) = room.accept_uni().await else { return };
                    while let Ok(Some(_)) = room.read_chunk(usize::MAX, true).await {}
                });
                Link::Quic { connection, send, recv, _endpoint: endpoint }
            }
            Over::Ws => Link::Ws { stream: upgrade(ws, "").await.unwrap(), closed: None },
        };
        Self { link, frames: FrameReader::new(SERVER_FRAME_BYTES_MAX), rest: Vec::new(), goodbye: None }
    }

    /// Speaks over what has become a WebSocket.
    pub fn over(stream: TcpStream) -> Self {
        let link = Link::Ws { stream, closed: None };
        Self { link, frames: FrameReader::new(SERVER_FRAME_BYTES_MAX), rest: Vec::new(), goodbye: None }
    }

    /// Connects and is welcomed.
    pub async fn welcomed(served: &Served, over: Over, room: &str, user: &str) -> Self {
        let mut peer = Self::connect(served, over).await;
        peer.greet(room, served.token(user, "viewer")).await;
        peer
    }

    /// Says hello and is welcomed.
    pub async fn greet(&mut self, room: &str, token: String) {
        self.send(&hello(room, token)).await;
        match self.hear().await {
            Heard::Frame(server_frame::Body::Welcome(_)) => {}
            other => panic!("no welcome: {other:?}"),
        }
    }

    /// Sends a frame.
    pub async fn send(&mut self, frame: &ClientFrame) {
        self.send_bytes(&encoded(frame)).await;
    }

    /// Sends bytes: over WebSocket as one binary message. What is not taken any more is lost, as it is for any client.
    pub async fn send_bytes(&mut self, bytes: &[u8]) {
        match &mut self.link {
            Link::Quic { send, .. } => drop(send.write_all(bytes).await),
            Link::Ws { stream, .. } => drop(stream.write_all(&ws_frame(0x82, bytes)).await),
        }
    }

    /// Sends bytes below the messages of a WebSocket.
    pub async fn send_raw(&mut self, bytes: &[u8]) {
        match &mut self.link {
            Link::Quic { .. } => panic!("only a WebSocket has a below"),
            Link::Ws { stream, .. } => drop(stream.write_all(bytes).await),
        }
    }

    /// Ends the control stream in order; over WebSocket there is no such thing.
    pub fn finish(&mut self) {
        match &mut self.link {
            Link::Quic { send, .. } => send.finish().unwrap(),
            Link::Ws { .. } => panic!("a WebSocket has one stream"),
        }
    }

    pub fn connection(&self) -> &Connection {
        match &self.link {
            Link::Quic { connection, .. } => connection,
            Link::Ws { .. } => panic!("not QUIC"),
        }
    }

    /// The next thing that is heard, but for the room's frames and one's own.
    pub async fn hear(&mut self) -> Heard {
        timeout(PATIENCE, self.hear_forever()).await.expect("silence")
    }

    /// How the server ends it, whatever it says before.
    pub async fn end(&mut self) -> String {
        loop {
            if let Heard::End(how) = self.hear().await {
                return how;
            }
        }
    }

    /// Asks and reports the answer of this id in words.
    pub async fn ask(&mut self, frame: ClientFrame) -> String {
        let id = frame.request_id;
        self.send(&frame).await;
        self.answer(id).await
    }

    /// The decision on this id in words; others are passed over.
    pub async fn answer(&mut self, id: u64) -> String {
        loop {
            match self.hear().await {
                Heard::Frame(server_frame::Body::Answer(answer)) if answer.request_id == id => {
                    match words(&answer.outcome.expect("an answer has an outcome")) {
                        // Said on a busy machine; the decision follows.
                        pending if pending == "pending" => {}
                        words => return words,
                    }
                }
                Heard::Frame(_) => {}
                Heard::End(how) => return format!("end: {how}"),
            }
        }
    }

    async fn hear_forever(&mut self) -> Heard {
        loop {
            let mut input = &self.rest[..];
            let frame = self.frames.next::<ServerFrame>(&mut input).expect("a server speaks in frames");
            self.rest = input.to_vec();
            match frame.map(|frame| frame.body.expect("a server's frame has a body")) {
                Some(server_frame::Body::Tick(_) | server_frame::Body::Snapshot(_) | server_frame::Body::Own(_)) => {}
                Some(server_frame::Body::Goodbye(goodbye)) => {
                    self.goodbye = Some((goodbye.code().word().to_owned(), goodbye.reason));
                }
                Some(body) => return Heard::Frame(body),
                None => match self.receive().await {
                    Some(bytes) => self.rest = bytes,
                    None => return Heard::End(self.how_it_ended().await),
                },
            }
        }
    }

    async fn receive(&mut self) -> Option<Vec<u8>> {
        match &mut self.link {
            Link::Quic { recv, .. } => {
                recv.read_chunk(usize::MAX, true).await.ok().flatten().map(|chunk| chunk.bytes.to_vec())
            }
            Link::Ws { stream, closed } => loop {
                let (opcode, payload) = read_ws_frame(stream).await?;
                match opcode {
                    0x82 => return Some(payload),
                    0x88 => {
                        let code = payload.first_chunk().map_or(1005, |code| u16::from_be_bytes(*code));
                        *closed = Some((code, String::from_utf8_lossy(payload.get(2..).unwrap_or_default()).into()));
                        return None;
                    }
                    _ => {}
                }
            },
        }
    }

    /// Goodbye and close must agree where both are there.
    async fn how_it_ended(&mut self) -> String {
        let closed = match &self.link {
            Link::Quic { connection, .. } => match connection.closed().await {
                ConnectionError::ApplicationClosed(close) => {
                    let code = GoodbyeCode::from_quic_close_code(close.error_code.into_inner());
                    Some((code, close.error_code.to_string(), String::from_utf8_lossy(&close.reason).into_owned()))
                }
                other => return other.to_string(),
            },
            Link::Ws { closed, .. } => closed
                .clone()
                .map(|(number, reason)| (GoodbyeCode::from_ws_close_code(number), number.to_string(), reason)),
        };
        match (closed, self.goodbye.take()) {
            (Some((Some(code), _, closed)), Some((word, reason))) => {
                assert_eq!((code.word(), closed.as_str()), (word.as_str(), reason.as_str()), "close and goodbye");
                format!("{word} {reason}")
            }
            (Some((Some(code), _, reason)), None) => format!("{} {reason}", code.word()),
            (Some((None, number, reason)), goodbye) => format!("{number} {reason} {goodbye:?}"),
            (None, goodbye) => format!("cut off {goodbye:?}"),
        }
    }
}

/// The answer in words.
pub fn words(outcome: &answer::Outcome) -> String {
    match outcome {
        answer::Outcome::Grant(grant) => format!("grant {}", grant.slot),
        answer::Outcome::Order(order) => format!("order {} fen", order.total_fen),
        answer::Outcome::GiftSent(sent) => format!("combo of {}, {} left", sent.total, sent.balance_coins),
        answer::Outcome::Board(board) => {
            let place = |of: &BoardPlace| format!("{}. {} {}", of.rank, of.user, of.coins);
            let places: Vec<_> = board.places.iter().map(place).collect();
            format!("{}; own {:?}", places.join(", "), board.own.as_ref().map(|own| own.rank))
        }
        answer::Outcome::Catalogue(catalogue) => format!("{} gifts", catalogue.gifts.len()),
        answer::Outcome::FanClub(club) => format!("{} fans, own {:?}", club.fans, club.own.map(|fan| fan.points)),
        answer::Outcome::Done(_) => "done".to_owned(),
        answer::Outcome::CheckedIn(checked_in) => format!("streak {}", checked_in.streak),
        answer::Outcome::Refused(refused) => format!("refused {}", refused.code().word()),
        answer::Outcome::NotDone(reason) => format!("not done {}", reason.code().word()),
        answer::Outcome::Pending(_) => "pending".to_owned(),
        answer::Outcome::Ticket(ticket) => format!("ticket {}", ticket.leaf),
        answer::Outcome::Prize(prize) => format!("prize {:?}", prize.state()),
        answer::Outcome::Proof(proof) => format!("proof of {}", proof.leaf),
        answer::Outcome::Price(price) => format!("price {}", price.total_fen),
    }
}

pub fn fresh_id() -> u64 {
    static IDS: std::sync::OnceLock<RequestIds> = std::sync::OnceLock::new();
    IDS.get_or_init(RequestIds::random).next()
}

pub fn encoded(frame: &ClientFrame) -> Vec<u8> {
    let mut bytes = BytesMut::new();
    encode_frame(frame, &mut bytes);
    bytes.to_vec()
}

pub fn framed(request_id: u64, body: client_frame::Body) -> ClientFrame {
    ClientFrame { request_id, body: Some(body) }
}

pub fn hello(room: &str, token: String) -> ClientFrame {
    let hello = Hello { version: 1, token, room: room.to_owned(), resume: None, agent: "test".to_owned() };
    framed(0, client_frame::Body::Hello(hello))
}

pub fn claim(id: u64, ticket: Ticket) -> ClientFrame {
    let Ticket { activity, token, opening } = ticket;
    framed(id, client_frame::Body::Claim(Claim { activity, token, opening }))
}

pub fn reserve(id: u64, ticket: Ticket, sku: u32, quantity: u32) -> ClientFrame {
    cart(id, ticket, vec![CartLine { sku, quantity, opening: ticket.opening }])
}

pub fn cart(id: u64, ticket: Ticket, lines: Vec<CartLine>) -> ClientFrame {
    let Ticket { activity, token, .. } = ticket;
    framed(id, client_frame::Body::Reserve(Reserve { activity, token, lines, coupons: None }))
}

pub fn release(id: u64, order: u64) -> ClientFrame {
    framed(id, client_frame::Body::Release(Release { order }))
}

/// Becomes a WebSocket; or the status of the refusal.
pub async fn upgrade(to: SocketAddr, headers: &str) -> Result<TcpStream, String> {
    let head = format!(
        "GET {WS_PATH} HTTP/1.1\r\nHost: {to}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{headers}\r\n"
    );
    let mut stream = TcpStream::connect(to).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        match timeout(PATIENCE, stream.read_u8()).await.expect("silence") {
            Ok(byte) => answer.push(byte),
            Err(_) => return Err("cut off".to_owned()),
        }
    }
    let answer = String::from_utf8(answer).unwrap();
    let status = answer.split(' ').nth(1).unwrap();
    if status != "101" {
        let mut body = String::new();
        timeout(PATIENCE, stream.read_to_string(&mut body)).await.expect("silence").unwrap();
        return Err(format!("{status} {body}"));
    }
    assert!(answer.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), "the accepted key of RFC 6455's example: {answer}");
    Ok(stream)
}

/// A masked frame of a WebSocket: `first` is its first byte.
pub fn ws_frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mask = [1, 2, 3, 4];
    let mut frame = vec![first];
    match payload.len() {
        short @ 0..126 => frame.push(0x80 | short as u8),
        middle @ 126..65_536 => {
            frame.push(0x80 | 126);
            frame.extend((middle as u16).to_be_bytes());
        }
        long => {
            frame.push(0x80 | 127);
            frame.extend((long as u64).to_be_bytes());
        }
    }
    frame.extend(mask);
    frame.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    frame
}

async fn read_ws_frame(stream: &mut TcpStream) -> Option<(u8, Vec<u8>)> {
    let first = stream.read_u8().await.ok()?;
    let length = match stream.read_u8().await.ok()? {
        126 => u64::from(stream.read_u16().await.ok()?),
        127 => stream.read_u64().await.ok()?,
        short => u64::from(short),
    };
    let mut payload = vec![0; length as usize];
    stream.read_exact(&mut payload).await.ok()?;
    Some((first, payload))
}
