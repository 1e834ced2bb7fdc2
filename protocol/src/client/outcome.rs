//! What comes back: outcomes of requests, events of the room, and the errors of both.

use std::io;
use std::time::Duration;

use crate::codes::Reconnect;
use crate::frame::FrameError;
use crate::wire::{
    Board, Catalogue, CheckedIn, DrawPrize, DrawProof, DrawTicket, Fan, FanClub, GiftSent, Goodbye, GoodbyeCode, Grant,
    NotDoneCode, Order, Own, Price, RefusalCode, Snapshot, Tick, TierChanged, WatchProgress, Welcome,
};

/// What the server said to a request. `Pending` is not among them: the client asks again until it is known.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// Decided: a share.
    Granted(Grant),
    /// Decided: an order.
    Ordered(Order),
    /// Decided: checked in.
    CheckedIn(CheckedIn),
    /// What a cart would cost: no decision.
    Priced(Price),
    /// Decided against, and stable: the same request will always be refused so.
    Refused {
        /// Why.
        code: RefusalCode,
        /// What is missing, for people.
        detail: String,
    },
    /// Decided: gifts were sent, and paid.
    GiftSent(GiftSent),
    /// What was asked: a board.
    Board(Board),
    /// What was asked: what may be sent.
    Catalogue(Catalogue),
    /// What was asked: the fan club.
    FanClub(FanClub),
    /// Done, and there is nothing to say about it.
    Done,
    /// Decided: a ticket of a draw, with its receipt.
    Entered(DrawTicket),
    /// Decided: what became of one's prize.
    Prize(DrawPrize),
    /// One's ticket is among the entries.
    Proof(DrawProof),
    /// Nothing was done.
    NotDone {
        /// Why.
        code: NotDoneCode,
        /// What was wrong, for people.
        detail: String,
    },
}

/// Why a request has no outcome.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// No final answer came in time. It may have been decided: only asking again with the same id tells.
    #[error("request {request_id:#018x} has no answer yet; ask again with the same id")]
    Unresolved {
        /// The id to ask again with.
        request_id: u64,
    },
    /// The server's answer is of a later version.
    #[error("request {request_id:#018x} has an answer that this client does not know")]
    NotUnderstood {
        /// The id that was answered.
        request_id: u64,
    },
    /// The id is zero, or is being asked at this moment.
    #[error("request id {request_id:#018x} cannot be used now")]
    IdUnusable {
        /// The id.
        request_id: u64,
    },
    /// The client has ended, because the server will not have it or the runtime stopped. A request that was under way may
    /// have been decided.
    #[error("the client has ended")]
    Ended,
}

/// What a client hears.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// Connected, again or for the first time.
    Welcome(Welcome),
    /// What the room heard in one tick.
    Tick(Tick),
    /// The state of the room, replacing what was known of it.
    Snapshot(Snapshot),
    /// One's own grants, orders and prizes.
    Own(Own),
    /// One's tier is another now.
    TierChanged(TierChanged),
    /// How long one has watched the broadcast.
    WatchProgress(WatchProgress),
    /// One is a fan now, or a fan of a higher level.
    Fan(Fan),
    /// Room talk that this client was too slow for.
    Dropped {
        /// How many frames of it.
        frames: u64,
    },
    /// The server ends the connection, and says why.
    Goodbye(Goodbye),
    /// The connection is gone, or could not be made.
    Disconnected {
        /// Why.
        cause: Disconnect,
        /// When it is tried again; `None`: not any more, the client has ended.
        reconnect_in: Option<Duration>,
    },
}

/// Why there is no connection.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Disconnect {
    /// It could not be made.
    #[error("could not connect: {detail}")]
    ConnectFailed {
        /// The transport's words.
        detail: String,
        /// Trying again would fail again: the server could not be verified, or its address is not one.
        permanent: bool,
    },
    /// The server said goodbye.
    #[error("the server said goodbye: {}, {} {}", .0.code().word(), .0.reason, .0.detail)]
    Goodbye(Goodbye),
    /// It broke off.
    #[error("the connection broke off: {0}")]
    Lost(String),
    /// The server sent what is not a frame.
    #[error("the server sent what is not a frame: {0}")]
    Malformed(FrameError),
    /// The hello had no answer in time.
    #[error("the hello had no answer in time")]
    HelloUnanswered,
    /// Nothing was heard for too long.
    #[error("nothing was heard for too long")]
    Silent,
}

impl Disconnect {
    /// What to do about it.
    pub fn reconnect(&self) -> Reconnect {
        match self {
            Self::Goodbye(goodbye) => goodbye.code().reconnect(),
            Self::ConnectFailed { permanent: true, .. } | Self::Malformed(_) => Reconnect::Never,
            Self::ConnectFailed { permanent: false, .. } | Self::Lost(_) | Self::HelloUnanswered | Self::Silent => {
                Reconnect::Later
            }
        }
    }

    /// A connection that was closed with one of our codes, when the goodbye itself did not get through.
    pub(crate) fn closed(code: Option<GoodbyeCode>, reason: String) -> Self {
        match code {
            Some(code) => {
                Self::Goodbye(Goodbye { code: code.into(), reason, detail: String::new(), retry_after_ms: 0 })
            }
            None if reason.is_empty() => Self::Lost("closed by the server".into()),
            None => Self::Lost(reason),
        }
    }
}

/// Why a client could not be made.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The target is not `host:port`.
    #[error("{0:?} is not host:port")]
    Target(String),
    /// The name has no address.
    #[error("{0:?} has no address")]
    Unresolvable(String),
    /// Without verification only loopback may be talked to.
    #[error("{0} is not loopback: an unverified server may only be on this machine")]
    NotLoopback(std::net::SocketAddr),
    /// The hash is not 64 hexadecimal digits.
    #[error("a certificate hash is 64 hexadecimal digits")]
    CertHash,
    /// A certificate file could not be used.
    #[error("certificates: {0}")]
    Certificates(String),
    /// A socket failed.
    #[error("socket: {0}")]
    Socket(#[from] io::Error),
    /// TLS could not be set up.
    #[error("TLS: {0}")]
    Tls(#[from] rustls::Error),
    /// The QUIC connection could not be begun.
    #[error("QUIC: {0}")]
    Quic(#[from] quinn::ConnectError),
    /// The QUIC handshake failed.
    #[error("QUIC handshake: {0}")]
    Handshake(#[from] quinn::ConnectionError),
    /// The WebSocket handshake failed.
    #[error("WebSocket: {0}")]
    WebSocket(#[from] tokio_websockets::Error),
    /// The server did not welcome the client.
    #[error("not welcomed: {0}")]
    NotWelcomed(#[from] Disconnect),
    /// No welcome came in time.
    #[error("no welcome within {0:?}")]
    Deadline(Duration),
}

impl ConnectError {
    /// Whether trying again would fail again.
    pub fn permanent(&self) -> bool {
        match self {
            Self::Target(_) | Self::NotLoopback(_) | Self::CertHash | Self::Certificates(_) | Self::Tls(_) => true,
            // rustls' verdicts come as this kind; the network's don't.
            Self::Socket(error) => error.kind() == io::ErrorKind::InvalidData,
            Self::Handshake(error) => is_tls_verdict(error),
            Self::Quic(error) => !matches!(error, quinn::ConnectError::EndpointStopping),
            Self::NotWelcomed(cause) => cause.reconnect() == Reconnect::Never,
            Self::Unresolvable(_) | Self::WebSocket(_) | Self::Deadline(_) => false,
        }
    }
}

/// QUIC carries TLS alerts as transport errors 0x100 to 0x1ff.
fn is_tls_verdict(error: &quinn::ConnectionError) -> bool {
    let code = match error {
        quinn::ConnectionError::TransportError(error) => error.code,
        quinn::ConnectionError::ConnectionClosed(close) => close.error_code,
        _ => return false,
    };
    (0x100..0x200).contains(&u64::from(code))
}
