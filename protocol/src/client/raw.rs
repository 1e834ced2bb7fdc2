//! The transports after the greeting, bare: for load testers, which drive frames encoded beforehand at the cost of the
//! transport alone. Nothing here reconnects, repeats or answers.

use bytes::{Buf, Bytes, BytesMut};
use futures_util::{SinkExt, StreamExt};
use quinn::{Connection, SendStream};
use tokio_websockets::Message;

use super::options::Target;
use super::outcome::{ConnectError, Disconnect};
use super::quic::{self, Endpoint, FrameStream, connection_failed, write_failed};
use super::ws::{Socket, WsConnector, payload, socket_failed};
use crate::frame::{FrameReader, encode_frame};
use crate::transport::SERVER_FRAME_BYTES_MAX;
use crate::wire::{ClientFrame, Hello, ServerFrame, Welcome, client_frame, server_frame};

/// A welcomed QUIC connection.
#[derive(Debug)]
pub struct QuicRaw {
    /// Keeps the streams alive; dropped last, it closes the connection.
    pub connection: Connection,
    /// Takes frames to the server.
    pub send: SendStream,
    /// Brings answers and the like.
    pub control: FrameStream,
    /// What the server said to the hello.
    pub welcome: Welcome,
}

impl QuicRaw {
    /// The stream that brings snapshots and ticks. The server opens it once, with the first frame on it.
    pub async fn room(&self) -> Result<FrameStream, Disconnect> {
        self.connection.accept_uni().await.map(FrameStream::new).map_err(connection_failed)
    }
}

/// A welcomed WebSocket.
#[derive(Debug)]
pub struct WsRaw {
    /// Brings and takes everything; can be split.
    pub socket: Socket,
    /// Cuts the messages' payloads into frames.
    pub frames: FrameReader,
    /// Frames that came in the same message as the welcome.
    pub rest: Bytes,
    /// What the server said to the hello.
    pub welcome: Welcome,
}

/// Connects over QUIC and says hello.
pub async fn connect_quic(endpoint: &Endpoint, target: &Target, hello: Hello) -> Result<QuicRaw, ConnectError> {
    let mut parts = quic::open(endpoint, target).await?;
    parts.send.write_all(&hello_frame(hello)).await.map_err(write_failed)?;
    let welcome = welcome(parts.control.next().await?)?;
    Ok(QuicRaw { connection: parts.connection, send: parts.send, control: parts.control, welcome })
}

/// Connects over WebSocket and says hello.
pub async fn connect_ws(connector: &WsConnector, target: &Target, hello: Hello) -> Result<WsRaw, ConnectError> {
    let mut socket = connector.connect(target).await?;
    socket.send(Message::binary(hello_frame(hello))).await?;
    let mut frames = FrameReader::new(SERVER_FRAME_BYTES_MAX);
    loop {
        let Some(mut rest) = payload(socket.next().await)? else {
            continue;
        };
        let mut input = &rest[..];
        let first = frames.next(&mut input).map_err(Disconnect::Malformed)?;
        let taken = rest.len() - input.len();
        rest.advance(taken);
        if let Some(first) = first {
            return Ok(WsRaw { socket, frames, rest, welcome: welcome(first)? });
        }
        frames.finish().map_err(Disconnect::Malformed)?;
    }
}

/// Sends bytes of whole frames as one message.
pub async fn send_ws(socket: &mut Socket, frames: Bytes) -> Result<(), Disconnect> {
    socket.send(Message::binary(frames)).await.map_err(socket_failed)
}

/// The bytes of a hello.
pub fn hello_frame(hello: Hello) -> Bytes {
    let mut buffer = BytesMut::new();
    encode_frame(&ClientFrame { request_id: 0, body: Some(client_frame::Body::Hello(hello)) }, &mut buffer);
    buffer.freeze()
}

fn welcome(first: ServerFrame) -> Result<Welcome, Disconnect> {
    match first.body {
        Some(server_frame::Body::Welcome(welcome)) => Ok(welcome),
        Some(server_frame::Body::Goodbye(goodbye)) => Err(Disconnect::Goodbye(goodbye)),
        _ => Err(Disconnect::Lost("the server did not begin with a welcome".into())),
    }
}
