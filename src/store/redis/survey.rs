//! Looks at every primary that keeps a part of the decisions, or would.

use ::redis::{Value, cmd};

use super::RedisOptions;
use super::fault::Failure;
use super::link::open;
use super::locate;
use super::remote::LIBRARY;
use super::settings::{Settings, said};

/// A primary, and what stands behind it.
#[derive(Debug, Clone)]
pub struct Primary {
    /// Its address.
    pub address: String,
    /// How it is set.
    pub settings: Settings,
    /// Whether it has the functions of this version. They are loaded where they are missing.
    pub functions: bool,
    /// Its replicas' addresses, and how many bytes each is behind; `None` if it is not connected.
    pub replicas: Vec<(String, Option<u64>)>,
}

/// Asks every primary.
///
/// # Errors
/// When one can't be asked.
pub fn primaries(options: &RedisOptions) -> Result<Vec<Primary>, Failure> {
    let hosts = locate::primaries(&options.url, options.timeout)?;
    hosts.iter().map(|host| look(options, host)).collect()
}

fn look(options: &RedisOptions, host: &super::address::Host) -> Result<Primary, Failure> {
    let failed = |error| Failure::connecting(&error);
    let mut connection = open(options.url.server(host), options.timeout).map_err(failed)?;
    let settings = Settings::read(&mut connection, &options.url)?;
    let mut list = cmd("FUNCTION");
    list.arg("LIST").arg("LIBRARYNAME").arg(LIBRARY.name());
    let found: Vec<Value> = list.query(&mut connection).map_err(failed)?;
    let info: String = cmd("INFO").arg("replication").query(&mut connection).map_err(failed)?;
    Ok(Primary { address: host.to_string(), settings, functions: !found.is_empty(), replicas: replicas(&info) })
}

/// `slave0:ip=10.0.0.2,port=6379,state=online,offset=1234,lag=0`, as far as there are any.
fn replicas(info: &str) -> Vec<(String, Option<u64>)> {
    let written: u64 = said(info, "master_repl_offset").and_then(|offset| offset.parse().ok()).unwrap_or(0);
    let lines = (0..).map_while(|n| said(info, &format!("slave{n}")));
    lines
        .map(|line| {
            let part = |name: &str| line.split(',').find_map(|part| part.strip_prefix(name)?.strip_prefix('='));
            let address = format!("{}:{}", part("ip").unwrap_or("?"), part("port").unwrap_or("?"));
            let offset = part("offset").and_then(|offset| offset.parse::<u64>().ok());
            let online = part("state") == Some("online");
            (address, offset.filter(|_| online).map(|offset| written.saturating_sub(offset)))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replicas_are_read_from_what_redis_says() {
        let info = "# Replication\r\nrole:master\r\nconnected_slaves:2\r\n\
            slave0:ip=10.0.0.2,port=6379,state=online,offset=90,lag=0\r\n\
            slave1:ip=10.0.0.3,port=6380,state=wait_bgsave,offset=0,lag=0\r\nmaster_repl_offset:100\r\n";
        let found = replicas(info);
        assert_eq!(found, [("10.0.0.2:6379".to_owned(), Some(10)), ("10.0.0.3:6380".to_owned(), None)]);
    }
}
