//! A connection of either kind, as the driver sees it.

use std::future::pending;

use bytes::{Buf, BytesMut};
use futures_util::SinkExt;
use quinn::{Connection, SendStream};
use tokio_websockets::Message;

use super::options::{Target, Transport};
use super::outcome::{ConnectError, Disconnect};
use super::quic::{self, FrameStream, connection_failed, write_failed};
use super::ws::{self, WsReader, WsWriter, socket_failed};
use crate::wire::ServerFrame;

/// Makes a connection; nothing has been said on it yet.
pub(crate) async fn open(transport: Transport, target: Target) -> Result<(Writer, Reader), ConnectError> {
    match transport {
        Transport::Quic(endpoint) => {
            let parts = quic::open(&endpoint, &target).await?;
            let reader = QuicReader { connection: parts.connection.clone(), control: parts.control, room: None };
            Ok((Writer::Quic { connection: parts.connection, send: parts.send }, Reader::Quic(Box::new(reader))))
        }
        Transport::WebSocket(connector) => {
            let (sink, reader) = ws::split(connector.connect(&target).await?);
            Ok((Writer::WebSocket { sink: Box::new(sink), unflushed: false }, Reader::WebSocket(Box::new(reader))))
        }
    }
}

/// The sending half.
pub(crate) enum Writer {
    Quic { connection: Connection, send: SendStream },
    WebSocket { sink: Box<WsWriter>, unflushed: bool },
}

impl Writer {
    /// Whether [`flush`](Self::flush) has something to do even without new bytes.
    pub(crate) fn is_unflushed(&self) -> bool {
        matches!(self, Self::WebSocket { unflushed: true, .. })
    }

    /// Writes all of `outgoing`, taking off its front what is written: dropping the future loses nothing.
    pub(crate) async fn flush(&mut self, outgoing: &mut BytesMut) -> Result<(), Disconnect> {
        match self {
            Self::Quic { send, .. } => {
                while !outgoing.is_empty() {
                    let written = send.write(outgoing).await.map_err(write_failed)?;
                    outgoing.advance(written);
                }
            }
            Self::WebSocket { sink, unflushed } => {
                if !outgoing.is_empty() {
                    *unflushed = true;
                    // `feed` waits for room first and then takes the message at once; hence no message is made before.
                    futures_util::future::poll_fn(|cx| sink.poll_ready_unpin(cx)).await.map_err(socket_failed)?;
                    sink.start_send_unpin(Message::binary(outgoing.split().freeze())).map_err(socket_failed)?;
                }
                sink.flush().await.map_err(socket_failed)?;
                *unflushed = false;
            }
        }
        Ok(())
    }

    /// Ends the connection in an orderly way, as far as that is possible without waiting.
    pub(crate) fn close(self) {
        match self {
            Self::Quic { connection, .. } => connection.close(0u8.into(), b""),
            // Dropping both halves closes the socket.
            Self::WebSocket { .. } => {}
        }
    }
}

/// The receiving half.
pub(crate) enum Reader {
    Quic(Box<QuicReader>),
    WebSocket(Box<WsReader>),
}

impl Reader {
    /// The next frame; with `room`, of the room too. Over a WebSocket both are one stream: without `room` nothing is read once
    /// the room may speak, which is what `greeted` says. Dropping the future loses nothing.
    pub(crate) async fn next(&mut self, greeted: bool, room: bool) -> Result<ServerFrame, Disconnect> {
        match self {
            Self::Quic(reader) => reader.next(greeted && room).await,
            Self::WebSocket(_) if greeted && !room => pending().await,
            Self::WebSocket(reader) => reader.next().await,
        }
    }
}

pub(crate) struct QuicReader {
    connection: Connection,
    control: FrameStream,
    room: Option<FrameStream>,
}

impl QuicReader {
    async fn next(&mut self, room: bool) -> Result<ServerFrame, Disconnect> {
        loop {
            if let Some(frame) = self.control.received()? {
                return Ok(frame);
            }
            if !room {
                self.control.receive().await?;
                continue;
            }
            if let Some(frame) = self.room.as_mut().map(FrameStream::received).transpose()?.flatten() {
                return Ok(frame);
            }
            let QuicReader { connection, control, room } = self;
            tokio::select! {
                biased;
                received = control.receive() => received?,
                received = receive_room(connection, room) => received?,
            }
        }
    }
}

async fn receive_room(connection: &Connection, room: &mut Option<FrameStream>) -> Result<(), Disconnect> {
    match room {
        Some(room) => room.receive().await,
        None => {
            let stream = connection.accept_uni().await.map_err(connection_failed)?;
            *room = Some(FrameStream::new(stream));
            Ok(())
        }
    }
}
