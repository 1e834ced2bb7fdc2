//! Viewers over WebSocket: everything in one socket, a binary message holds one or more frames.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use aws_lc_rs::digest;
use base64::Engine as _;
use bytes::{Buf, Bytes, BytesMut};
use futures_util::{SinkExt, Stream};
use http::header::{CONNECTION, HOST, ORIGIN, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE};
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper_util::rt::{TokioIo, TokioTimer};
use liveroom_protocol::codes::reason;
use liveroom_protocol::transport::WS_PATH;
use liveroom_protocol::wire::GoodbyeCode;
use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_websockets::{CloseCode, Limits, Message, ServerBuilder, WebSocketStream};

use super::viewer::{Arrival, Gone, KEPT_BYTES_MAX, Line, Viewer};
use super::wire::envelope;
use super::{Admitted, Ended, Gateway, Network, Session, TrustedProxies};

/// How long a close may take to arrive.
const GOODBYE_TIMEOUT: Duration = Duration::from_secs(1);

/// So many of those for whom there is no place are told so at once; the others are cut off.
const TURNED_AWAY_MAX: usize = 64;

/// A place for a viewer, or the leave to say that there is none.
type Place = Result<Admitted, OwnedSemaphorePermit>;

/// Which pages may connect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origins {
    /// Pages of this server's own host, and clients that are no browsers.
    SameHost,
    /// Those too, and pages of these origins (`https://shop.example`).
    Listed(Vec<String>),
    /// Every page.
    Any,
}

/// How viewers are let in over WebSocket.
#[derive(Clone)]
pub struct WsOptions {
    /// Which pages may connect.
    pub origins: Origins,
    /// The proxies that may say for whom they speak.
    pub proxies: TrustedProxies,
    /// After so long without a sign of it a viewer is taken to be gone.
    pub idle_timeout: Duration,
    /// TLS, unless something in front of the server ends it.
    pub tls: Option<TlsAcceptor>,
}

/// Accepts viewers until `stop` is set.
pub async fn run(gateway: Gateway, listener: TcpListener, options: Arc<WsOptions>, mut stop: watch::Receiver<bool>) {
    let turning_away = Arc::new(Semaphore::new(TURNED_AWAY_MAX));
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stop.wait_for(|stop| *stop) => return,
        };
        match accepted {
            Ok((stream, peer)) => {
                let address = Network::of(peer.ip());
                let admitted = if options.proxies.include(peer.ip()) {
                    gateway.admission.admit_proxied(address)
                } else {
                    gateway.admission.admit(address)
                };
                let place = match admitted {
                    Ok(admitted) => Ok(admitted),
                    Err(_) => match Arc::clone(&turning_away).try_acquire_owned() {
                        Ok(permit) => Err(permit),
                        Err(_) => continue,
                    },
                };
                let entrance = Entrance { place: Mutex::new(place), peer: peer.ip(), options: Arc::clone(&options) };
                drop(tokio::spawn(connect(gateway.clone(), stream, entrance)));
            }
            Err(error) => {
                // Out of descriptors: those who are here must leave before others can come.
                tracing::warn!(%error, "a connection was not accepted");
                sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

/// Where a viewer comes in.
struct Entrance {
    place: Mutex<Place>,
    peer: IpAddr,
    options: Arc<WsOptions>,
}

impl Entrance {
    /// Whether there is a place, now that a request says for whom.
    fn admits(&self, headers: &HeaderMap) -> bool {
        let proxies = &self.options.proxies;
        match &mut *self.place.lock() {
            Ok(admitted) if proxies.include(self.peer) => {
                // Who speaks for nobody, speaks for itself.
                let client = proxies.client(headers).unwrap_or(self.peer);
                admitted.name(Network::of(client)).is_ok()
            }
            place => place.is_ok(),
        }
    }
}

async fn connect(gateway: Gateway, stream: TcpStream, entrance: Entrance) {
    // Frames are written whole; waiting for more to come only adds delay.
    if stream.set_nodelay(true).is_err() {
        return;
    }
    let hello_timeout = Duration::from_millis(gateway.limits.hello_timeout_ms);
    match entrance.options.tls.clone() {
        None => serve_upgraded(&gateway, stream, entrance, hello_timeout).await,
        Some(tls) => {
            let Ok(Ok(stream)) = timeout(hello_timeout, tls.accept(stream)).await else { return };
            serve_upgraded(&gateway, stream, entrance, hello_timeout).await;
        }
    }
}

async fn serve_upgraded<S>(gateway: &Gateway, stream: S, entrance: Entrance, hello_timeout: Duration)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let upgraded = Box::pin(timeout(hello_timeout, upgrade(stream, &entrance))).await;
    let Entrance { place, options, .. } = entrance;
    let (Ok(Some(stream)), Ok(admitted)) = (upgraded, place.into_inner()) else { return };
    // A message may hold several frames; the session checks each.
    let message_bytes_max = gateway.limits.frame_bytes_max as usize * 4;
    let limits = Limits::default().max_payload_len(Some(message_bytes_max));
    let session = Session::new(
        gateway.engine.clone(),
        gateway.authenticate.clone(),
        gateway.limits.clone(),
        gateway.quotas.clone(),
        admitted.address(),
    )
    .with_silence_max(options.idle_timeout)
    .with_envelopes()
    .with_receipts(gateway.receipts.clone());
    let socket = ServerBuilder::new().limits(limits).serve(stream);
    let line = WsLine { socket, out: VecDeque::new(), broken: false };
    let mut viewer = Viewer::new(session, line, gateway.write_timeout, admitted);
    // Boxed: what only the end needs must not live as long as an idle viewer.
    if let Some(ended) = viewer.serve().await {
        Box::pin(close(viewer, ended)).await;
    }
}

/// Answers the HTTP request; gives the bare stream back if it has become a WebSocket.
async fn upgrade<S>(stream: S, entrance: &Entrance) -> Option<S>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let upgrading = Mutex::new(None);
    let service = hyper::service::service_fn(|mut request: Request<Incoming>| {
        let response = accept(&request, entrance);
        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            *upgrading.lock() = Some(hyper::upgrade::on(&mut request));
        }
        std::future::ready(Ok::<_, Infallible>(response))
    });
    let mut builder = hyper::server::conn::http1::Builder::new();
    builder.timer(TokioTimer::new()).max_buf_size(16 * 1024).keep_alive(false);
    builder.serve_connection(TokioIo::new(stream), service).with_upgrades().await.ok()?;
    let upgraded = upgrading.into_inner()?.await.ok()?;
    let parts = upgraded.downcast::<TokioIo<S>>().ok()?;
    // A client that speaks before the upgrade was answered breaks the protocol.
    parts.read_buf.is_empty().then(|| parts.io.into_inner())
}

/// RFC 6455, section 4.2, and who may come in.
fn accept(request: &Request<Incoming>, entrance: &Entrance) -> Response<Full<Bytes>> {
    let headers = request.headers();
    let says = |name, word: &str| {
        let value = headers.get(name).and_then(|value: &http::HeaderValue| value.to_str().ok());
        value.is_some_and(|list| list.split(',').any(|one| one.trim().eq_ignore_ascii_case(word)))
    };
    let key = headers.get(SEC_WEBSOCKET_KEY).filter(|key| key.len() == 24);
    match key {
        _ if request.uri().path() != WS_PATH => refusal(StatusCode::NOT_FOUND, "not_found"),
        _ if request.method() != Method::GET => refusal(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed"),
        _ if !says(UPGRADE, "websocket") || !says(CONNECTION, "upgrade") || !says(SEC_WEBSOCKET_VERSION, "13") => {
            refusal(StatusCode::UPGRADE_REQUIRED, "upgrade_required")
        }
        None => refusal(StatusCode::BAD_REQUEST, "websocket_key_invalid"),
        Some(_) if !entrance.options.origins.allow(headers) => refusal(StatusCode::FORBIDDEN, "origin_forbidden"),
        Some(_) if !entrance.admits(headers) => {
            refusal(StatusCode::SERVICE_UNAVAILABLE, GoodbyeCode::TooManyConnections.word())
        }
        Some(key) => {
            let mut digest = digest::Context::new(&digest::SHA1_FOR_LEGACY_USE_ONLY);
            digest.update(key.as_bytes());
            digest.update(b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
            let accepted = base64::engine::general_purpose::STANDARD.encode(digest.finish());
            let response = Response::builder()
                .status(StatusCode::SWITCHING_PROTOCOLS)
                .header(CONNECTION, "upgrade")
                .header(UPGRADE, "websocket")
                .header(SEC_WEBSOCKET_ACCEPT, accepted);
            response.body(Full::default()).expect("the headers are fixed words and base64")
        }
    }
}

fn refusal(status: StatusCode, word: &'static str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(word));
    *response.status_mut() = status;
    response
}

impl Origins {
    /// A browser names the page's origin and can't be made to lie; other clients name none.
    fn allow(&self, headers: &HeaderMap) -> bool {
        let Some(origin) = headers.get(ORIGIN) else { return true };
        let Ok(origin) = origin.to_str() else { return false };
        let host = origin.split_once("://").map(|(_, host)| host);
        let same_host = host.is_some() && headers.get(HOST).and_then(|own| own.to_str().ok()) == host;
        match self {
            Self::Any => true,
            Self::SameHost => same_host,
            Self::Listed(origins) => same_host || origins.iter().any(|one| one.eq_ignore_ascii_case(origin)),
        }
    }
}

struct WsLine<S> {
    socket: WebSocketStream<S>,
    /// Whole messages that go past the library; of the first, what is not sent yet. Nothing is read while there are any, so that
    /// the library has nothing to say in between.
    out: VecDeque<Bytes>,
    /// The peer broke the WebSocket protocol: the library does not speak to it any more.
    broken: bool,
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Line for WsLine<S> {
    fn poll_arrival(&mut self, context: &mut Context<'_>) -> Poll<Arrival> {
        use tokio_websockets::Error;
        // The library answers pings and closes by itself as it reads.
        while let Poll::Ready(message) = Pin::new(&mut self.socket).poll_next(context) {
            let broken = match message {
                Some(Ok(message)) if message.is_binary() => {
                    return Poll::Ready(Arrival::Message(message.into_payload().into()));
                }
                // Its pong is sent before more is read: else the queue of pongs would have no bound.
                Some(Ok(message)) if message.is_ping() => return Poll::Ready(Arrival::Answered),
                Some(Ok(message)) if message.is_text() => reason::MESSAGE_NOT_BINARY,
                Some(Ok(_)) => continue,
                Some(Err(Error::PayloadTooLong { .. })) => reason::MESSAGE_TOO_LARGE,
                Some(Err(Error::Protocol(_))) => reason::WEBSOCKET_MALFORMED,
                Some(Err(_)) | None => return Poll::Ready(Arrival::Gone),
            };
            self.broken = true;
            return Poll::Ready(Arrival::Broken(broken, ""));
        }
        Poll::Pending
    }

    async fn flush(&mut self, session: &mut Session) -> Result<(), Gone> {
        // What the library has to say: pongs.
        self.socket.flush().await?;
        let own = session.out();
        if !own.is_empty() {
            self.out.push_back(envelope(own));
            own.clear();
        }
        if own.capacity() > KEPT_BYTES_MAX {
            *own = BytesMut::new();
        }
        self.out.extend(session.room_out().drain(..));
        let stream = self.socket.get_mut();
        while !self.out.is_empty() {
            let sent = poll_fn(|context| poll_send(Pin::new(stream), context, &self.out)).await?;
            forget(&mut self.out, sent);
        }
        Ok(stream.flush().await?)
    }
}

/// Writes as much of the messages as fits. Mostly there is one, and a plain write costs less than one of several pieces.
fn poll_send<S: AsyncWrite>(
    stream: Pin<&mut S>, context: &mut Context<'_>, messages: &VecDeque<Bytes>,
) -> Poll<io::Result<usize>> {
    let sent = if let (Some(only), 1) = (messages.front(), messages.len()) {
        stream.poll_write(context, only)
    } else {
        let mut pieces = [IoSlice::new(&[]); 16];
        let count = pieces.iter_mut().zip(messages).map(|(piece, message)| *piece = IoSlice::new(message)).count();
        stream.poll_write_vectored(context, &pieces[..count])
    };
    sent.map(|sent| sent.and_then(|sent| if sent == 0 { Err(io::ErrorKind::WriteZero.into()) } else { Ok(sent) }))
}

/// Takes out what was sent.
fn forget(messages: &mut VecDeque<Bytes>, mut sent: usize) {
    while let Some(first) = messages.front_mut() {
        if sent < first.len() {
            return first.advance(sent);
        }
        sent -= first.len();
        messages.pop_front();
    }
}

/// Says goodbye and closes.
async fn close<S: AsyncRead + AsyncWrite + Unpin + Send>(viewer: Viewer<WsLine<S>>, ended: Ended) {
    let Viewer { mut session, mut line, .. } = viewer;
    let code = ended.code.ws_close_code();
    let said = async move {
        let mut stream = if line.broken {
            let out = session.out().split();
            let mut stream = line.socket.into_inner();
            stream.write_all(&last_words(&out, code, ended.reason)).await?;
            stream
        } else {
            line.flush(&mut session).await.map_err(|Gone| io::ErrorKind::BrokenPipe)?;
            let code = CloseCode::try_from(code).unwrap_or(CloseCode::NORMAL_CLOSURE);
            line.socket.send(Message::close(Some(code), ended.reason)).await.map_err(io::Error::other)?;
            line.socket.into_inner()
        };
        stream.shutdown().await?;
        // Closing over unread bytes would take back what was just said.
        let mut unread = [0; 1024];
        while stream.read(&mut unread).await? > 0 {}
        io::Result::Ok(())
    };
    // Whoever does not take it finds the connection closed.
    let _ = timeout(GOODBYE_TIMEOUT, said).await;
}

/// The last frames and the close as bytes of the WebSocket protocol. The library says nothing of ours any more to a peer
/// that broke it.
fn last_words(frames: &[u8], code: u16, reason: &str) -> BytesMut {
    let mut bytes = BytesMut::from(envelope(frames));
    // At most 125 bytes: reasons are words.
    bytes.extend([0x88, 2 + reason.len() as u8]);
    bytes.extend(code.to_be_bytes());
    bytes.extend(reason.as_bytes());
    bytes
}

impl From<tokio_websockets::Error> for Gone {
    fn from(_: tokio_websockets::Error) -> Self {
        Self
    }
}

impl From<io::Error> for Gone {
    fn from(_: io::Error) -> Self {
        Self
    }
}
