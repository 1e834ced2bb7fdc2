//! Frames over a WebSocket: everything in one, a binary message being one or more whole frames.

use std::sync::Arc;

use bytes::{Buf, Bytes};
use futures_util::StreamExt;
use futures_util::stream::{SplitSink, SplitStream};
use http::Uri;
use tokio::net::TcpStream;
use tokio_websockets::{ClientBuilder, Connector, Limits, MaybeTlsStream, Message, WebSocketStream};

use super::options::Target;
use super::outcome::{ConnectError, Disconnect};
use super::tls::Trust;
use crate::frame::FrameReader;
use crate::transport::{SERVER_FRAME_BYTES_MAX, WS_PATH};
use crate::wire::{GoodbyeCode, ServerFrame};

/// A socket as it comes out of the handshake.
pub type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// A WebSocket message carries a few frames; the server keeps it below this.
const MESSAGE_BYTES_MAX: usize = 2 * SERVER_FRAME_BYTES_MAX as usize;

/// Makes WebSockets, over TCP or TLS. Cloning is cheap.
#[derive(Clone, Debug)]
pub struct WsConnector {
    tls: Option<(Arc<Connector>, Trust)>,
}

impl WsConnector {
    /// `ws://`: for a server on this machine, or behind something that does TLS.
    pub fn plain() -> Self {
        Self { tls: None }
    }

    /// `wss://`.
    pub fn tls(trust: Trust) -> Result<Self, ConnectError> {
        let config = trust.client_config(b"http/1.1")?;
        let connector = Connector::Rustls(tokio_rustls::TlsConnector::from(Arc::new(config)));
        Ok(Self { tls: Some((Arc::new(connector), trust)) })
    }

    /// Connects, without a hello: for those who speak something else to the same server.
    pub async fn connect(&self, target: &Target) -> Result<Socket, ConnectError> {
        let address = target.resolve().await?;
        let scheme = if self.tls.is_some() { "wss" } else { "ws" };
        let uri: Uri =
            format!("{scheme}://{target}{WS_PATH}").parse().map_err(|_| ConnectError::Target(target.to_string()))?;
        let tcp = TcpStream::connect(address).await?;
        // A frame is a whole thought: it must not wait for the acknowledgement of the one before.
        tcp.set_nodelay(true)?;
        let stream = match &self.tls {
            Some((connector, trust)) => {
                trust.allows(address)?;
                connector.wrap(target.server_name(), tcp).await.map_err(tls_failed)?
            }
            None => MaybeTlsStream::Plain(tcp),
        };
        let builder = ClientBuilder::from_uri(uri).limits(Limits::default().max_payload_len(Some(MESSAGE_BYTES_MAX)));
        Ok(builder.connect_on(stream).await?.0)
    }
}

fn tls_failed(error: tokio_websockets::Error) -> ConnectError {
    match error {
        tokio_websockets::Error::Io(error) => ConnectError::Socket(error),
        other => ConnectError::WebSocket(other),
    }
}

/// The receiving half, cut into frames.
#[derive(Debug)]
pub(crate) struct WsReader {
    socket: SplitStream<Socket>,
    frames: FrameReader,
    rest: Bytes,
}

pub(crate) type WsWriter = SplitSink<Socket, Message>;

pub(crate) fn split(socket: Socket) -> (WsWriter, WsReader) {
    let (sink, stream) = socket.split();
    (sink, WsReader { socket: stream, frames: FrameReader::new(SERVER_FRAME_BYTES_MAX), rest: Bytes::new() })
}

impl WsReader {
    /// The next frame. Dropping the future loses nothing.
    pub(crate) async fn next(&mut self) -> Result<ServerFrame, Disconnect> {
        loop {
            if !self.rest.is_empty() {
                let mut input = &self.rest[..];
                let frame = self.frames.next(&mut input).map_err(Disconnect::Malformed)?;
                let taken = self.rest.len() - input.len();
                self.rest.advance(taken);
                match frame {
                    Some(frame) => return Ok(frame),
                    None => self.frames.finish().map_err(Disconnect::Malformed)?,
                }
            }
            let message = self.socket.next().await;
            self.rest = payload(message)?.unwrap_or_default();
        }
    }
}

/// What a WebSocket message carries; `None`: nothing for us.
pub(crate) fn payload(message: Option<Result<Message, tokio_websockets::Error>>) -> Result<Option<Bytes>, Disconnect> {
    match message {
        None => Err(Disconnect::Lost("the server closed the socket".into())),
        Some(Err(error)) => Err(socket_failed(error)),
        Some(Ok(message)) if message.is_binary() => Ok(Some(message.into_payload().into())),
        Some(Ok(message)) => match message.as_close() {
            Some((code, reason)) => {
                Err(Disconnect::closed(GoodbyeCode::from_ws_close_code(code.into()), reason.into()))
            }
            // Pings are answered by the socket itself; text is none of this protocol's.
            None => Ok(None),
        },
    }
}

pub(crate) fn socket_failed(error: tokio_websockets::Error) -> Disconnect {
    Disconnect::Lost(error.to_string())
}
