//! How a client is set up.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use super::outcome::ConnectError;
use super::quic::Endpoint;
use super::ws::WsConnector;

/// Gives the token for the next hello to a server. It is asked at every connect, so that an expired token can be replaced.
pub type TokenSource = Arc<dyn Fn(&Target) -> String + Send + Sync>;

/// How a client is set up.
#[derive(Clone)]
pub struct Options {
    /// Where the servers are, at least one. A client begins with one of them by chance, and goes on to the next when it can't
    /// come in, is sent away, or was thrown out soon after it came. It ends when none of them will have it.
    pub targets: Vec<Target>,
    /// What carries the frames; cheap to clone, and meant to be shared by all clients of a program.
    pub transport: Transport,
    /// The room to enter.
    pub room: String,
    /// Who the client is.
    pub token: TokenSource,
    /// What the client calls itself in the operator's logs.
    pub agent: String,
    /// How patient it is.
    pub retry: RetryPolicy,
    /// How long [`Client::connect`](super::Client::connect) tries until it gives up.
    pub connect_deadline: Duration,
    /// How many events wait to be read before the client stops reading the room.
    pub events_max: usize,
}

impl Options {
    /// The usual settings, for one server.
    pub fn new(target: Target, transport: Transport, room: impl Into<String>, token: impl Into<String>) -> Self {
        let token = token.into();
        Self {
            targets: vec![target],
            transport,
            room: room.into(),
            token: Arc::new(move |_| token.clone()),
            agent: concat!("liveroom-rust/", env!("CARGO_PKG_VERSION")).into(),
            retry: RetryPolicy::default(),
            connect_deadline: Duration::from_secs(10),
            events_max: 256,
        }
    }
}

impl Options {
    /// One more server that has the same rooms.
    pub fn or(mut self, target: Target) -> Self {
        self.targets.push(target);
        self
    }
}

impl fmt::Debug for Options {
    // Without the token: options end up in logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("targets", &self.targets)
            .field("transport", &self.transport)
            .field("room", &self.room)
            .finish_non_exhaustive()
    }
}

/// What carries the frames.
#[derive(Clone, Debug)]
pub enum Transport {
    /// QUIC, through an endpoint that many clients can share.
    Quic(Endpoint),
    /// WebSocket, over TCP or TLS.
    WebSocket(WsConnector),
}

/// How patient a client is.
#[derive(Clone, Debug)]
pub struct RetryPolicy {
    /// How long a request is pursued, over however many connections.
    pub request_deadline: Duration,
    /// Whether `NotDone` answers that may pass (overloaded, rate limited, …) are asked again until the deadline; otherwise
    /// they are the outcome.
    pub repeat_not_done: bool,
    /// The first pause, before reconnecting or asking again. Pauses double and are spread by chance.
    pub pause_min: Duration,
    /// The longest pause.
    pub pause_max: Duration,
    /// How long a connection may take to be made, and then the answer to the hello.
    pub hello_deadline: Duration,
    /// How long a server that owes an answer may say nothing at all, not even that it is pending, before the next one is
    /// asked; where there is only one it is given all the time that the transport gives.
    pub unheard_max: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            request_deadline: Duration::from_secs(30),
            repeat_not_done: true,
            pause_min: Duration::from_millis(50),
            pause_max: Duration::from_secs(10),
            hello_deadline: Duration::from_secs(10),
            unheard_max: Duration::from_secs(3),
        }
    }
}

/// Where a server is: a host and a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    host: String,
    port: u16,
    server_name: Option<String>,
}

impl Target {
    /// Reads `host:port`; an IPv6 address stands in brackets.
    pub fn parse(text: &str) -> Result<Self, ConnectError> {
        let refused = || ConnectError::Target(text.into());
        let (host, port) = text.rsplit_once(':').ok_or_else(refused)?;
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        let port = port.parse().map_err(|_| refused())?;
        if host.is_empty() || (host.contains(':') && host.parse::<IpAddr>().is_err()) {
            return Err(refused());
        }
        Ok(Self { host: host.into(), port, server_name: None })
    }

    /// The name the certificate is for, where that is not the host.
    pub fn with_server_name(mut self, name: impl Into<String>) -> Self {
        self.server_name = Some(name.into());
        self
    }

    /// The name that TLS asks for.
    pub fn server_name(&self) -> &str {
        self.server_name.as_deref().unwrap_or(&self.host)
    }

    pub(crate) async fn resolve(&self) -> Result<SocketAddr, ConnectError> {
        // The common case of tests and load, without a trip through the resolver's threads.
        if let Ok(address) = self.host.parse::<IpAddr>() {
            return Ok(SocketAddr::new(address, self.port));
        }
        let mut found = tokio::net::lookup_host((self.host.as_str(), self.port)).await?;
        found.next().ok_or_else(|| ConnectError::Unresolvable(self.host.clone()))
    }
}

impl From<SocketAddr> for Target {
    fn from(address: SocketAddr) -> Self {
        Self { host: address.ip().to_string(), port: address.port(), server_name: None }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_hosts_with_ports() {
        for good in ["localhost:4433", "127.0.0.1:1", "[::1]:4433", "live.example.com:65535"] {
            assert_eq!(Target::parse(good).unwrap().to_string(), good);
        }
        for bad in ["", "localhost", ":4433", "localhost:", "localhost:65536", "a:b:1", "[::1]"] {
            assert!(Target::parse(bad).is_err(), "{bad}");
        }
    }
}
