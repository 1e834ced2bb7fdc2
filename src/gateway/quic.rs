//! Viewers over QUIC: one control stream that the client opens, one room stream that the server opens.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Buf, Bytes};
use futures_util::FutureExt;
use liveroom_protocol::codes::reason;
use liveroom_protocol::wire::GoodbyeCode;
use quinn::{Connection, Endpoint, Incoming, RecvStream, SendStream, VarInt};
use tokio::sync::watch;
use tokio::time::{Instant, Sleep, sleep, timeout};

use super::{Admitted, Ended, Gateway, Session};
use crate::fanout::Delivery;
use crate::rules::Time;

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
        // An IPv4 address is the same peer whichever way the socket spells it.
        match gateway.admission.admit(incoming.remote_address().ip().to_canonical()) {
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
    let session = Session::new(gateway.engine, gateway.authenticate, gateway.limits);
    let write_timeout = gateway.write_timeout;
    let strays = Box::pin(stray(connection.clone()));
    let mut viewer =
        Viewer { session, connection, strays, send, recv, room: None, timer: None, write_timeout, _admitted: admitted };
    // Boxed: what only the start needs must not live as long as an idle viewer.
    if let Some(ended) = viewer.serve().await {
        Box::pin(viewer.close(ended)).await;
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

struct Viewer {
    session: Session,
    connection: Connection,
    /// See [`stray`].
    strays: Pin<Box<dyn Future<Output = ()> + Send>>,
    send: SendStream,
    recv: RecvStream,
    room: Option<SendStream>,
    /// When the session's next tick is due at the latest, and what wakes us then.
    timer: Option<(Time, Pin<Box<Sleep>>)>,
    write_timeout: Duration,
    _admitted: Admitted,
}

enum Step {
    Read(Option<Bytes>),
    /// The peer opened a stream that nobody reads.
    Stray,
    Delivered,
    Tick,
}

impl Viewer {
    /// Serves until either side ends it; says how, if there is still somebody to tell.
    async fn serve(&mut self) -> Option<Ended> {
        let mut deliveries = Vec::new();
        loop {
            self.arm();
            let done = match poll_fn(|context| self.poll_next(context, &mut deliveries)).await {
                Step::Read(Some(bytes)) => self.session.receive(&bytes),
                // Whoever ends the stream leaves; inside a frame it is told.
                Step::Read(None) => match self.session.finish() {
                    Ok(()) => return None,
                    ended => ended,
                },
                Step::Stray => Err(self.session.broken(reason::STREAM_UNEXPECTED, "a client opens one stream")),
                Step::Delivered => self.session.deliver(&mut deliveries),
                Step::Tick => self.session.tick(),
            };
            if let Err(ended) = done {
                return Some(ended);
            }
            match self.flush().now_or_never() {
                Some(Ok(())) => {}
                Some(Err(Gone)) => return None,
                None => match timeout(self.write_timeout, Box::pin(self.flush())).await {
                    Ok(Ok(())) => {}
                    Ok(Err(Gone)) => return None,
                    Err(_) => {
                        let code = GoodbyeCode::TooSlow;
                        return Some(Ended { code, reason: code.word() });
                    }
                },
            }
            // A session that has nothing to say keeps nothing.
            if deliveries.capacity() > 16 {
                deliveries = Vec::new();
            }
        }
    }

    /// Sees to it that the session's next tick wakes us. A timer that is set stays set: it may fire early, and then finds
    /// nothing to do, but it costs one timer a second instead of one a request.
    fn arm(&mut self) {
        let at = self.session.tick_at();
        if self.timer.as_ref().is_some_and(|(set_for, _)| *set_for <= at) {
            return;
        }
        let wait = self.session.until(at);
        match &mut self.timer {
            Some((set_for, timer)) => {
                *set_for = at;
                timer.as_mut().reset(Instant::now() + wait);
            }
            None => self.timer = Some((at, Box::pin(sleep(wait)))),
        }
    }

    fn poll_next(&mut self, context: &mut Context<'_>, deliveries: &mut Vec<Delivery>) -> Poll<Step> {
        if let Some(mailbox) = self.session.mailbox()
            && mailbox.poll_drain(context, deliveries).is_ready()
        {
            return Poll::Ready(Step::Delivered);
        }
        let read = std::pin::pin!(self.recv.read_chunk(READ_BYTES_MAX, true));
        if let Poll::Ready(read) = read.poll(context) {
            return Poll::Ready(Step::Read(read.ok().flatten().map(|chunk| chunk.bytes)));
        }
        if let Some((_, timer)) = &mut self.timer
            && timer.as_mut().poll(context).is_ready()
        {
            self.timer = None;
            return Poll::Ready(Step::Tick);
        }
        // Last, for it is rare: asked only before the task goes to sleep.
        self.strays.as_mut().poll(context).map(|()| Step::Stray)
    }

    /// Sends what the session has to say. It may be dropped at any point and called again: what was sent is gone from the
    /// outbox, the rest is not.
    async fn flush(&mut self) -> Result<(), Gone> {
        let out = self.session.out();
        while !out.is_empty() {
            let sent = self.send.write(out).await?;
            out.advance(sent);
        }
        if out.capacity() > 1024 {
            *out = bytes::BytesMut::new();
        }
        let room_out = self.session.room_out();
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

    /// Says goodbye and closes. Closing throws away what has not arrived, so the goodbye gets a moment.
    async fn close(mut self, ended: Ended) {
        if ended.code != GoodbyeCode::TooSlow {
            let said = async {
                self.flush().await.ok()?;
                self.send.finish().ok()?;
                self.send.stopped().await.ok()
            };
            // Whoever does not take the goodbye still learns the code from the close.
            let _ = timeout(GOODBYE_TIMEOUT, said).await;
        }
        self.connection.close(VarInt::from_u32(ended.code.quic_close_code()), ended.reason.as_bytes());
    }
}

/// There is nobody at the other end any more.
struct Gone;

impl From<quinn::WriteError> for Gone {
    fn from(_: quinn::WriteError) -> Self {
        Self
    }
}
