//! Where Redis is: one server, the seeds of a cluster, or the sentinels that know the primary.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use ::redis::io::tcp::TcpSettings;
use ::redis::{ConnectionAddr, ConnectionInfo, IntoConnectionInfo as _, RedisConnectionInfo};

/// Where Redis is, and as whom: `redis://[user[:password]@]host[:port][,host[:port]…][/db]`, or `rediss://` for TLS, and
/// behind it `?cluster=true` where the hosts belong to a cluster, or `?sentinel=NAME` where they are the sentinels of a
/// primary of that name. It is shown without the password.
#[derive(Clone, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RedisUrl {
    topology: Topology,
    hosts: Vec<Host>,
    /// How any server is spoken to; its address is the first host's.
    info: ConnectionInfo,
    text: String,
    shown: String,
}

/// What the hosts of a URL are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Topology {
    /// The primary.
    Single,
    /// Some of a cluster.
    Cluster,
    /// Sentinels, which know the primary by this name.
    Sentinel(String),
}

/// A server's address.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Host {
    pub(super) name: String,
    pub(super) port: u16,
}

/// Why a text is not a [`RedisUrl`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "must be redis://[user:password@]host[:port][/db], or rediss:// for TLS; several hosts, separated by commas, with \
     ?cluster=true or ?sentinel=NAME behind them"
)]
pub struct InvalidUrl;

impl RedisUrl {
    pub(super) fn topology(&self) -> &Topology {
        &self.topology
    }

    pub(super) fn hosts(&self) -> &[Host] {
        &self.hosts
    }

    /// Where a client of the whole cluster begins; `None` where there is none.
    pub fn seeds(&self) -> Option<Vec<ConnectionInfo>> {
        let cluster = self.topology == Topology::Cluster;
        cluster.then(|| self.hosts.iter().map(|host| self.server(host)).collect())
    }

    /// How a server with data is spoken to.
    pub(super) fn server(&self, host: &Host) -> ConnectionInfo {
        let (name, port) = (host.name.clone(), host.port);
        let addr = match self.info.addr().clone() {
            ConnectionAddr::TcpTls { insecure, tls_params, .. } => {
                ConnectionAddr::TcpTls { host: name, port, insecure, tls_params }
            }
            _ => ConnectionAddr::Tcp(name, port),
        };
        self.info.clone().set_addr(addr)
    }

    /// How a sentinel is spoken to: without a name first, since most want none.
    pub(super) fn sentinel(&self, host: &Host, signed_in: bool) -> ConnectionInfo {
        let server = self.server(host);
        let settings =
            if signed_in { server.redis_settings().clone().set_db(0) } else { RedisConnectionInfo::default() };
        server.set_redis_settings(settings)
    }
}

impl Host {
    /// As Redis writes it in a redirection: `host:port`, and nothing before the colon if it is the server that says so.
    pub(super) fn redirected(text: &str, by: &Self) -> Option<Self> {
        let (name, port) = text.rsplit_once(':')?;
        let name = if name.is_empty() { by.name.clone() } else { name.to_owned() };
        Some(Self { name, port: port.parse().ok()? })
    }
}

const SENTINEL_PORT: u16 = 26379;

impl FromStr for RedisUrl {
    type Err = InvalidUrl;

    fn from_str(text: &str) -> Result<Self, InvalidUrl> {
        let (scheme, rest) = text.split_once("://").ok_or(InvalidUrl)?;
        if !["redis", "rediss"].contains(&scheme) {
            return Err(InvalidUrl);
        }
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let topology = match query.split_once('=') {
            None if query.is_empty() => Topology::Single,
            Some(("cluster", "true")) => Topology::Cluster,
            Some(("sentinel", name)) if !name.is_empty() && !name.contains('&') => Topology::Sentinel(name.to_owned()),
            _ => return Err(InvalidUrl),
        };
        let (who, place) = rest.rsplit_once('@').map_or((None, rest), |(who, place)| (Some(who), place));
        let (hosts, db) = place.split_once('/').unwrap_or((place, ""));
        let who_at = who.map(|who| format!("{who}@")).unwrap_or_default();
        let mut infos = Vec::new();
        for host in hosts.split(',') {
            let bare = !host.ends_with(|c: char| c.is_ascii_digit()) || !host.contains(':');
            let port = match topology {
                Topology::Sentinel(_) if bare => format!(":{SENTINEL_PORT}"),
                _ => String::new(),
            };
            let url = format!("{scheme}://{who_at}{host}{port}/{db}");
            infos.push(url.into_connection_info().map_err(|_| InvalidUrl)?);
        }
        let hosts = infos.iter().map(host_of).collect::<Option<Vec<_>>>().ok_or(InvalidUrl)?;
        let info = infos.swap_remove(0);
        // A cluster has no other databases.
        let fits = match topology {
            Topology::Single => hosts.len() == 1,
            Topology::Cluster => info.redis_settings().db() == 0,
            Topology::Sentinel(_) => true,
        };
        if !fits {
            return Err(InvalidUrl);
        }
        // Each batch waits for its answer: nothing would ever be gained by waiting for more bytes.
        let info = info.set_tcp_settings(TcpSettings::default().set_nodelay(true));
        let shown = match who.and_then(|who| who.split_once(':')) {
            Some((user, _)) => {
                let behind = &text[text.len() - place.len() - query.len() - usize::from(!query.is_empty())..];
                format!("{scheme}://{user}:(hidden)@{behind}")
            }
            None => text.to_owned(),
        };
        Ok(Self { topology, hosts, info, text: text.to_owned(), shown })
    }
}

fn host_of(info: &ConnectionInfo) -> Option<Host> {
    match info.addr() {
        ConnectionAddr::Tcp(name, port) | ConnectionAddr::TcpTls { host: name, port, .. } if !name.is_empty() => {
            Some(Host { name: name.clone(), port: *port })
        }
        _ => None,
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.name, self.port)
    }
}

impl TryFrom<String> for RedisUrl {
    type Error = InvalidUrl;

    fn try_from(text: String) -> Result<Self, InvalidUrl> {
        text.parse()
    }
}

impl From<RedisUrl> for String {
    fn from(url: RedisUrl) -> Self {
        url.shown
    }
}

impl fmt::Display for RedisUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl fmt::Debug for RedisUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl PartialEq for RedisUrl {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_not_shown() {
        for (given, shown) in [
            ("redis://127.0.0.1:7000", Some("redis://127.0.0.1:7000")),
            ("redis://room:se@cret@redis.local:7000/2", Some("redis://room:(hidden)@redis.local:7000/2")),
            ("redis://:secret@localhost", Some("redis://:(hidden)@localhost")),
            ("rediss://localhost:7001", Some("rediss://localhost:7001")),
            ("redis://u:s@a:1,b:2?cluster=true", Some("redis://u:(hidden)@a:1,b:2?cluster=true")),
            ("redis://u:s@a,b/3?sentinel=main", Some("redis://u:(hidden)@a,b/3?sentinel=main")),
            ("redis://a:1?cluster=true", Some("redis://a:1?cluster=true")),
            // Several of what?
            ("redis://a:1,b:2", None),
            ("redis://a:1,,b:2?cluster=true", None),
            // A cluster has one database.
            ("redis://a:1/1?cluster=true", None),
            ("redis://a:1?cluster=perhaps", None),
            ("redis://a:1?sentinel=", None),
            ("redis://a:1?sentinel=main&cluster=true", None),
            ("redis://a:1?protocol=resp3", None),
            ("unix:///tmp/redis.sock", None),
            ("redis+unix:///tmp/redis.sock", None),
            ("http://localhost", None),
            ("redis://", None),
            ("localhost:6379", None),
        ] {
            let url = given.parse::<RedisUrl>().ok();
            assert_eq!(url.map(|url| format!("{url}")).as_deref(), shown, "{given}");
        }
    }

    #[test]
    fn hosts_have_the_ports_of_what_they_are() {
        for (given, hosts) in [
            ("redis://a", "a:6379"),
            ("redis://a,b:7000?cluster=true", "a:6379 b:7000"),
            ("redis://a,b:7000?sentinel=main", "a:26379 b:7000"),
            ("rediss://10.0.0.1?sentinel=main", "10.0.0.1:26379"),
        ] {
            let url: RedisUrl = given.parse().unwrap();
            let found: Vec<_> = url.hosts().iter().map(Host::to_string).collect();
            assert_eq!(found.join(" "), hosts, "{given}");
        }
    }

    #[test]
    fn a_redirection_may_leave_out_who_says_it() {
        let by = Host { name: "a".to_owned(), port: 1 };
        for (text, host) in [("b:2", Some("b:2")), (":2", Some("a:2")), ("::1:2", Some("::1:2")), ("b", None)] {
            assert_eq!(Host::redirected(text, &by).map(|host| host.to_string()).as_deref(), host, "{text}");
        }
    }
}
