//! One connection to Redis: made when it is needed, thrown away when it is in doubt.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use ::redis::io::tcp::TcpSettings;
use serde::{Deserialize, Serialize};

use ::redis::{Client, Cmd, Connection, ConnectionAddr, ConnectionInfo, FromRedisValue, IntoConnectionInfo};

use super::fault::{Failure, Fault};

/// Where Redis is, and as whom: `redis://[user[:password]@]host[:port][/db]`, or `rediss://` for TLS. It is shown without
/// the password.
#[derive(Clone, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RedisUrl {
    info: ConnectionInfo,
    text: String,
    shown: String,
}

/// Why a text is not a [`RedisUrl`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("must be redis://[user:password@]host[:port][/db], or rediss:// for TLS")]
pub struct InvalidUrl;

impl FromStr for RedisUrl {
    type Err = InvalidUrl;

    fn from_str(text: &str) -> Result<Self, InvalidUrl> {
        let (scheme, rest) = text.split_once("://").ok_or(InvalidUrl)?;
        if !["redis", "rediss"].contains(&scheme) {
            return Err(InvalidUrl);
        }
        let info = text.into_connection_info().map_err(|_| InvalidUrl)?;
        // Each batch waits for its answer: nothing would ever be gained by waiting for more bytes.
        let info = info.set_tcp_settings(TcpSettings::default().set_nodelay(true));
        let shown = match rest.rsplit_once('@') {
            Some((who, place)) => match who.split_once(':') {
                Some((user, _)) => format!("{scheme}://{user}:(hidden)@{place}"),
                None => format!("{scheme}://{who}@{place}"),
            },
            None => text.to_owned(),
        };
        match info.addr() {
            ConnectionAddr::Tcp(..) | ConnectionAddr::TcpTls { .. } => Ok(Self { info, text: text.to_owned(), shown }),
            _ => Err(InvalidUrl),
        }
    }
}

impl RedisUrl {
    /// What a client needs to connect, the password included.
    pub fn info(&self) -> &ConnectionInfo {
        &self.info
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

/// A connection, when there is one.
pub(super) struct Link {
    url: RedisUrl,
    timeout: Duration,
    connection: Option<Connection>,
}

impl Link {
    /// `timeout` is for connecting, and for each answer.
    pub(super) fn new(url: RedisUrl, timeout: Duration) -> Self {
        Self { url, timeout, connection: None }
    }

    /// One command and its answer. After a failure that leaves anything in doubt the next call connects anew, so that no
    /// answer is ever taken for that of another command.
    pub(super) fn call<T: FromRedisValue>(&mut self, command: &Cmd) -> Result<T, Failure> {
        let connection = match &mut self.connection {
            Some(connection) => connection,
            None => {
                let connection = self.connect().map_err(|error| Failure::connecting(&error))?;
                self.connection.insert(connection)
            }
        };
        let answer = command.query(connection).map_err(|error| Failure::calling(&error));
        if answer.as_ref().is_err_and(|failure| matches!(failure.fault, Fault::NoAnswer | Fault::Garbled)) {
            self.connection = None;
        }
        answer
    }

    fn connect(&self) -> ::redis::RedisResult<Connection> {
        let client = Client::open(self.url.info.clone())?;
        let connection = client.get_connection_with_timeout(self.timeout)?;
        connection.set_read_timeout(Some(self.timeout))?;
        connection.set_write_timeout(Some(self.timeout))?;
        Ok(connection)
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
}
