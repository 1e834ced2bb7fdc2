//! Frames over QUIC: the client opens one stream for everything that is said between the two, the server one for the room.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::Arc;

use bytes::{Buf, Bytes};
use prost::Message;
use quinn::crypto::rustls::QuicClientConfig;
use quinn::{Connection, ConnectionError, ReadError, RecvStream, SendStream, WriteError};

use super::options::Target;
use super::outcome::{ConnectError, Disconnect};
use super::tls::Trust;
use crate::frame::FrameReader;
use crate::transport::{ALPN, IDLE_TIMEOUT, SERVER_FRAME_BYTES_MAX, client_transport};
use crate::wire::GoodbyeCode;

/// A UDP socket and the settings of the connections made through it. Thousands of clients can share one; cloning is cheap.
#[derive(Clone, Debug)]
pub struct Endpoint {
    quinn: quinn::Endpoint,
    config: quinn::ClientConfig,
    trust: Trust,
}

impl Endpoint {
    /// An endpoint on a free port, for IPv6 and IPv4 where the machine has both. Needs a tokio runtime.
    pub fn new(trust: Trust) -> Result<Self, ConnectError> {
        let socket = UdpSocket::bind(SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)))
            .or_else(|_| UdpSocket::bind(SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0))))?;
        Self::with_socket(socket, trust)
    }

    /// An endpoint on a socket of the caller's making: to choose its address or its buffers.
    pub fn with_socket(socket: UdpSocket, trust: Trust) -> Result<Self, ConnectError> {
        let runtime = Arc::new(quinn::TokioRuntime);
        let quinn = quinn::Endpoint::new(quinn::EndpointConfig::default(), None, socket, runtime)?;
        let crypto = QuicClientConfig::try_from(trust.client_config(ALPN)?)
            .map_err(|error| rustls::Error::General(error.to_string()))?;
        let mut config = quinn::ClientConfig::new(Arc::new(crypto));
        config.transport_config(Arc::new(client_transport(IDLE_TIMEOUT)));
        Ok(Self { quinn, config, trust })
    }

    /// Replaces the settings of connections made from now on.
    pub fn set_transport_config(&mut self, config: quinn::TransportConfig) {
        self.config.transport_config(Arc::new(config));
    }

    /// quinn's endpoint, to watch or to close.
    pub fn quinn(&self) -> &quinn::Endpoint {
        &self.quinn
    }

    /// Connects, without a hello: for those who speak something else to the same server.
    pub async fn connect(&self, target: &Target) -> Result<Connection, ConnectError> {
        let address = target.resolve().await?;
        self.trust.allows(address)?;
        let connecting = self.quinn.connect_with(self.config.clone(), address, target.server_name())?;
        Ok(connecting.await?)
    }
}

/// A stream of frames as it comes from the server.
#[derive(Debug)]
pub struct FrameStream {
    /// Where the bytes come from.
    pub stream: RecvStream,
    /// What cuts them into frames.
    pub frames: FrameReader,
    /// What was received and not looked at yet.
    pub rest: Bytes,
}

impl FrameStream {
    /// A reader of `stream`, from its beginning.
    pub fn new(stream: RecvStream) -> Self {
        Self { stream, frames: FrameReader::new(SERVER_FRAME_BYTES_MAX), rest: Bytes::new() }
    }

    /// The next frame, decoded. Dropping the future loses nothing.
    pub async fn next<M: Message + Default>(&mut self) -> Result<M, Disconnect> {
        loop {
            if let Some(frame) = self.received()? {
                return Ok(frame);
            }
            self.receive().await?;
        }
    }

    /// The next frame among what was received already.
    pub(crate) fn received<M: Message + Default>(&mut self) -> Result<Option<M>, Disconnect> {
        let mut input = &self.rest[..];
        let frame = self.frames.next(&mut input).map_err(Disconnect::Malformed)?;
        let taken = self.rest.len() - input.len();
        self.rest.advance(taken);
        Ok(frame)
    }

    /// Receives more, after all that was received has been looked at.
    pub(crate) async fn receive(&mut self) -> Result<(), Disconnect> {
        match self.stream.read_chunk(usize::MAX, true).await {
            Ok(Some(chunk)) => {
                self.rest = chunk.bytes;
                Ok(())
            }
            Ok(None) => {
                self.frames.finish().map_err(Disconnect::Malformed)?;
                Err(Disconnect::Lost("the server ended the stream".into()))
            }
            Err(error) => Err(read_failed(error)),
        }
    }
}

/// The two halves of the control stream, and the connection they belong to.
#[derive(Debug)]
pub(crate) struct QuicParts {
    pub(crate) connection: Connection,
    pub(crate) send: SendStream,
    pub(crate) control: FrameStream,
}

pub(crate) async fn open(endpoint: &Endpoint, target: &Target) -> Result<QuicParts, ConnectError> {
    let connection = endpoint.connect(target).await?;
    let (send, control) = connection.open_bi().await?;
    Ok(QuicParts { connection, send, control: FrameStream::new(control) })
}

pub(crate) fn connection_failed(error: ConnectionError) -> Disconnect {
    match error {
        ConnectionError::ApplicationClosed(close) => {
            let code = GoodbyeCode::from_quic_close_code(close.error_code.into_inner());
            Disconnect::closed(code, String::from_utf8_lossy(&close.reason).into_owned())
        }
        other => Disconnect::Lost(other.to_string()),
    }
}

pub(crate) fn read_failed(error: ReadError) -> Disconnect {
    match error {
        ReadError::ConnectionLost(error) => connection_failed(error),
        other => Disconnect::Lost(other.to_string()),
    }
}

pub(crate) fn write_failed(error: WriteError) -> Disconnect {
    match error {
        WriteError::ConnectionLost(error) => connection_failed(error),
        other => Disconnect::Lost(other.to_string()),
    }
}
