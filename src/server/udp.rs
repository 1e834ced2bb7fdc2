//! The socket that all QUIC viewers share.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;

use quinn::{Endpoint, EndpointConfig, ServerConfig, TokioRuntime};

/// What the socket may hold, either way, until somebody comes for it: a tick's frames to every viewer, or the claims of
/// a whole crowd. What does not fit is lost, and costs its viewer a retransmission.
const SOCKET_BUFFER_BYTES: usize = 4 * 1024 * 1024;

/// An endpoint on `address`, for IPv4 too where that is the IPv6 wildcard and the system maps the one to the other.
pub(super) fn endpoint(config: EndpointConfig, server: ServerConfig, address: SocketAddr) -> io::Result<Endpoint> {
    let socket = UdpSocket::bind(address)?;
    // The kernel caps what it grants, and less than asked only means that bursts may lose packets.
    let _ = rustix::net::sockopt::set_socket_recv_buffer_size(&socket, SOCKET_BUFFER_BYTES);
    let _ = rustix::net::sockopt::set_socket_send_buffer_size(&socket, SOCKET_BUFFER_BYTES);
    Endpoint::new(config, Some(server), socket, Arc::new(TokioRuntime))
}
