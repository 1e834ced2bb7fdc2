//! Viewers over QUIC: one control stream that the client opens, one room stream that the server opens.

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Buf;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use liveroom_protocol::codes::reason;
use liveroom_protocol::wire::GoodbyeCode;
use quinn::{Connection, Endpoint, Incoming, RecvStream, SendStream, VarInt};
use tokio::sync::watch;
use tokio::time::timeout;

use super::viewer::{Arrival, Ear, Gone, KEPT_BYTES_MAX, Line, Viewer};
use super::{Admitted, Ended, Gateway, Network, Session};

/// At most so many bytes are read before what came of them is sent.
const READ_BYTES_MAX: usize = 16 * 1024;

/// How long a goodbye may take to arrive.
const GOODBYE_TIMEOUT: Duration = Duration::from_secs(1);

/// Accepts viewers until `stop` is set, then refuses new ones. Sessions go on until they are told to leave.
///
/// While more than `handshakes_max` handshakes are under way, an address must show that it can receive (Retry) before
/// it costs one.
pub async fn run(gateway: Gateway, endpoint: Endpoint, handshakes_max: usize, mut stop: watch::Receiver<bool>) {
    let handshakes = Arc::new(());
    loop {
        let incoming = tokio::select! {
            incoming = endpoint.accept() => incoming,
            _ = stop.wait_for(|stop| *stop) => None,
        };
        let Some(incoming) = incoming else { return };
        let busy = Arc::strong_count(&handshakes) > handshakes_max;
        if busy && !incoming.remote_address_validated() {
            if let Err(error) = incoming.retry() {
                error.into_incoming().refuse();
            }
            continue;
        }
        match gateway.admission.admit(Network::of(incoming.remote_address().ip())) {
            Ok(admitted) => drop(tokio::spawn(connect(gateway.clone(), incoming, admitted, Arc::clone(&handshakes)))),
            Err(_) => incoming.refuse(),
        }
    }
}

async fn connect(gateway: Gateway, incoming: Incoming, admitted: Admitted, handshake: Arc<()>) {
    // A peer that never finishes its handshake, or never opens its control stream, holds nothing for long.
    let hello_timeout = Duration::from_millis(gateway.limits.hello_timeout_ms);
    let Ok(Ok(connection)) = timeout(hello_timeout, incoming).await else { return };
    drop(handshake);
    let (send, recv) = match timeout(hello_timeout, connection.accept_bi()).await {
        Ok(Ok(control)) => control,
        Ok(Err(_)) => return,
        Err(_) => {
            let code = GoodbyeCode::HelloTimeout;
            return connection.close(VarInt::from_u32(code.quic_close_code()), code.word().as_bytes());
        }
    };
    let address = admitted.address();
    let session = Session::new(gateway.engine, gateway.authenticate, gateway.limits, gateway.quotas, address)
        .with_receipts(gateway.receipts);
    let strays = (Ear::new(), stray(connection.clone()).boxed());
    let line = QuicLine { connection, strays, send, recv, room: None };
    let mut viewer = Viewer::new(session, line, gateway.write_timeout, admitted);
    // Boxed: what only the end needs must not live as long as an idle viewer.
    if let Some(ended) = viewer.serve().await {
        Box::pin(close(viewer, ended)).await;
    }
}

/// Returns when the peer has opened a stream that nobody reads.
async fn stray(connection: Connection) {
    tokio::select! {
        Ok(_) = connection.accept_bi() => {}
        Ok(_) = connection.accept_uni() => {}
        // The connection is over, which others notice.
        else => std::future::pending().await,
    }
}

struct QuicLine {
    connection: Connection,
    /// See [`stray`].
    strays: (Ear, BoxFuture<'static, ()>),
    send: SendStream,
    recv: RecvStream,
    room: Option<SendStream>,
}

impl Line for QuicLine {
    fn poll_arrival(&mut self, context: &mut Context<'_>) -> Poll<Arrival> {
        let read = std::pin::pin!(self.recv.read_chunk(READ_BYTES_MAX, true));
        match read.poll(context) {
            Poll::Ready(Ok(Some(chunk))) => Poll::Ready(Arrival::Piece(chunk.bytes)),
            Poll::Ready(Ok(None) | Err(_)) => Poll::Ready(Arrival::End),
            Poll::Pending => {
                let (ear, stray) = &mut self.strays;
                ear.poll(context, |context| stray.poll_unpin(context))
                    .map(|()| Arrival::Broken(reason::STREAM_UNEXPECTED, "a client opens one stream"))
            }
        }
    }

    async fn flush(&mut self, session: &mut Session) -> Result<(), Gone> {
        let out = session.out();
        while !out.is_empty() {
            let sent = self.send.write(out).await?;
            out.advance(sent);
        }
        if out.capacity() > KEPT_BYTES_MAX {
            *out = bytes::BytesMut::new();
        }
        let room_out = session.room_out();
        if room_out.is_empty() {
            return Ok(());
        }
        let room = match &mut self.room {
            Some(room) => room,
            None => self.room.insert(self.connection.open_uni().await.map_err(|_| Gone)?),
        };
        while !room_out.is_empty() {
            let written = room.write_chunks(room_out).await?;
            room_out.drain(..written.chunks);
        }
        if room_out.capacity() > 16 {
            *room_out = Vec::new();
        }
        Ok(())
    }
}

/// Says goodbye and closes. Closing throws away what has not arrived, so the goodbye gets a moment.
async fn close(viewer: Viewer<QuicLine>, ended: Ended) {
    let Viewer { mut session, mut line, .. } = viewer;
    if ended.code != GoodbyeCode::TooSlow {
        let said = async {
            line.flush(&mut session).await.ok()?;
            line.send.finish().ok()?;
            line.send.stopped().await.ok()
        };
        // Whoever does not take the goodbye still learns the code from the close.
        let _ = timeout(GOODBYE_TIMEOUT, said).await;
    }
    line.connection.close(VarInt::from_u32(ended.code.quic_close_code()), ended.reason.as_bytes());
}

impl From<quinn::WriteError> for Gone {
    fn from(_: quinn::WriteError) -> Self {
        Self
    }
}
