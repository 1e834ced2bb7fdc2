//! What client and server must agree on below the messages: names, ports, sizes, close codes and the shape of a QUIC
//! connection.

use std::time::Duration;

/// The version that `Hello.version` names.
pub const VERSION: u32 = 1;

/// The application protocol negotiated in the QUIC handshake.
pub const ALPN: &[u8] = b"liveroom/1";

/// Where the WebSocket is.
pub const WS_PATH: &str = "/v1/ws";

/// The usual UDP port of the QUIC listener.
pub const QUIC_PORT: u16 = 4433;

/// The usual TCP port of the WebSocket listener.
pub const WS_PORT: u16 = 8080;

/// The largest frame a server accepts unless it says otherwise in `Welcome.frame_bytes_max`; a hello must fit.
pub const CLIENT_FRAME_BYTES_MAX: u32 = 8 * 1024;

/// The largest frame a client must accept.
pub const SERVER_FRAME_BYTES_MAX: u32 = 1024 * 1024;

/// The longest text of an announcement.
pub const ANNOUNCE_BYTES_MAX: usize = 1_000;

/// The longest comment.
pub const COMMENT_BYTES_MAX: usize = 600;

/// Most hearts at once.
pub const HEARTS_MAX: u32 = 20;

/// The longest `Hello.agent`.
pub const AGENT_BYTES_MAX: usize = 64;

/// How often a client shows that it is there, when it has nothing to say.
pub const KEEP_ALIVE: Duration = Duration::from_secs(10);

/// After this long without a sign of the peer a connection is given up, unless configured otherwise.
pub const IDLE_TIMEOUT: Duration = Duration::from_secs(30);

/// `GoodbyeCode` n closes a WebSocket with this plus n. Over QUIC the application's close code is n itself.
pub const WS_CLOSE_BASE: u16 = 4000;

/// What one stream may hold unread, on either side.
pub const STREAM_WINDOW_BYTES: u32 = 32 * 1024;

/// What one connection may hold unread, on either side.
pub const CONNECTION_WINDOW_BYTES: u32 = 64 * 1024;

/// What may be sent and not yet acknowledged, before a write waits. The kernel of the memory that a slow reader costs.
pub const SEND_WINDOW_BYTES: u64 = 128 * 1024;

/// Settings of a server's QUIC connections.
///
/// quinn's defaults fit bulk transfer, and the slots for the streams they allow are allocated before any is used. With
/// these settings on both sides an idle connection with both its streams open costs a server 32 KB (2,000 connections,
/// loopback, glibc). A client opens one stream; the second slot lets it be answered, rather than stall, if it opens one
/// too many.
#[cfg(feature = "quic")]
pub fn server_transport(idle_timeout: Duration) -> quinn::TransportConfig {
    let mut config = shape(idle_timeout);
    config.max_concurrent_bidi_streams(2u8.into()).max_concurrent_uni_streams(1u8.into());
    config
}

/// Settings of a client's QUIC connections: the server opens one stream, for the room.
///
/// Only clients keep the connection alive: a client that is gone then goes by itself.
#[cfg(feature = "quic")]
pub fn client_transport(idle_timeout: Duration) -> quinn::TransportConfig {
    let mut config = shape(idle_timeout);
    config
        .max_concurrent_bidi_streams(0u8.into())
        .max_concurrent_uni_streams(1u8.into())
        .keep_alive_interval(Some(KEEP_ALIVE.min(idle_timeout / 3)));
    config
}

#[cfg(feature = "quic")]
fn shape(idle_timeout: Duration) -> quinn::TransportConfig {
    // A wire field of 62 bits of milliseconds holds any timeout that makes sense; a longer one means never.
    let idle_timeout = quinn::IdleTimeout::try_from(idle_timeout).ok();
    let mut config = quinn::TransportConfig::default();
    config
        .stream_receive_window(STREAM_WINDOW_BYTES.into())
        .receive_window(CONNECTION_WINDOW_BYTES.into())
        .send_window(SEND_WINDOW_BYTES)
        .datagram_receive_buffer_size(None)
        .datagram_send_buffer_size(0)
        .max_idle_timeout(idle_timeout);
    config
}
