//! Finds the primary: of one address, of a cluster's slot, or of a name that sentinels know.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::time::Duration;

use ::redis::{Connection, ConnectionInfo, Value, cmd, from_redis_value};

use super::address::{Host, RedisUrl, Topology};
use super::fault::{Failure, Fault};
use super::link::open;
use super::slots::slot;

/// Knows whom to ask, and remembers who answered.
pub(super) struct Locator {
    url: RedisUrl,
    slot: u16,
    timeout: Duration,
    /// Those who may know, whoever answered last first. In a cluster more than the URL names, once one of these has
    /// answered.
    seeds: Vec<Host>,
}

impl Locator {
    pub(super) fn new(url: RedisUrl, tag: &str, timeout: Duration) -> Self {
        let seeds = url.hosts().to_vec();
        Self { url, slot: slot(tag), timeout, seeds }
    }

    pub(super) fn url(&self) -> &RedisUrl {
        &self.url
    }

    pub(super) fn server(&self, host: &Host) -> ConnectionInfo {
        self.url.server(host)
    }

    /// Who it is, as far as anybody knows.
    pub(super) fn primary(&mut self) -> Result<Host, Failure> {
        if *self.url.topology() == Topology::Single {
            return Ok(self.seeds[0].clone());
        }
        let mut failed = None;
        for at in 0..self.seeds.len() {
            match self.ask(&self.seeds[at].clone()) {
                Ok((primary, others)) => {
                    self.seeds[..=at].rotate_right(1);
                    let new = others.into_iter().filter(|host| !self.seeds.contains(host)).collect::<Vec<_>>();
                    self.seeds.extend(new);
                    self.seeds.truncate(SEEDS_MAX.max(self.url.hosts().len()));
                    return Ok(primary);
                }
                Err(failure) => failed = Some(failure),
            }
        }
        Err(failed.expect("a URL names a host"))
    }

    /// Who it is, according to `seed`, and who else may be asked.
    fn ask(&self, seed: &Host) -> Result<(Host, Vec<Host>), Failure> {
        let connect = |info| open(info, self.timeout).map_err(|error| Failure::connecting(&error));
        match self.url.topology() {
            Topology::Single => Ok((seed.clone(), Vec::new())),
            Topology::Cluster => {
                let primaries = cluster(&mut connect(self.url.server(seed))?, seed)?;
                let ours = primaries.iter().find(|served| served.slots.contains(&self.slot));
                let nobody = || {
                    let said = format!("{seed} knows no primary with slot {}", self.slot);
                    Failure::new(Fault::ClusterDown, said)
                };
                let primary = ours.ok_or_else(nobody)?.primary.clone();
                Ok((primary, primaries.into_iter().flat_map(Served::all).collect()))
            }
            Topology::Sentinel(name) => {
                let mut asked = master(&mut connect(self.url.sentinel(seed, false))?, name);
                if asked.as_ref().is_err_and(|failure| failure.fault == Fault::NotAuthenticated) {
                    asked = master(&mut connect(self.url.sentinel(seed, true))?, name);
                }
                Ok((asked?, Vec::new()))
            }
        }
    }
}

/// Every primary that has a slot, or the one that there is.
pub(super) fn primaries(url: &RedisUrl, timeout: Duration) -> Result<Vec<Host>, Failure> {
    let mut locator = Locator::new(url.clone(), "", timeout);
    let one = locator.primary()?;
    if *url.topology() != Topology::Cluster {
        return Ok(vec![one]);
    }
    let mut connection = open(url.server(&one), timeout).map_err(|error| Failure::connecting(&error))?;
    let served = cluster(&mut connection, &one)?;
    let found: BTreeSet<Host> = served.into_iter().map(|served| served.primary).collect();
    Ok(found.into_iter().collect())
}

/// So many addresses are remembered, or as many as the URL names.
const SEEDS_MAX: usize = 64;

/// Some slots, and who has them.
struct Served {
    slots: RangeInclusive<u16>,
    primary: Host,
    replicas: Vec<Host>,
}

impl Served {
    fn all(self) -> impl Iterator<Item = Host> {
        std::iter::once(self.primary).chain(self.replicas)
    }
}

/// The primaries of a cluster, with their slots, as `seed` sees them.
fn cluster(connection: &mut Connection, seed: &Host) -> Result<Vec<Served>, Failure> {
    let rows: Vec<Vec<Value>> = cmd("CLUSTER").arg("SLOTS").query(connection).map_err(|error| {
        let failure = Failure::connecting(&error);
        match failure.fault {
            Fault::Failed => Failure::new(Fault::NoCluster, format!("{seed} is not part of a cluster: {error}")),
            _ => failure,
        }
    })?;
    rows.into_iter().map(|row| served(row, seed)).collect::<Option<_>>().ok_or_else(|| {
        Failure::new(Fault::Unreachable, format!("{seed} answers CLUSTER SLOTS with what is no table of slots"))
    })
}

fn served(row: Vec<Value>, seed: &Host) -> Option<Served> {
    let mut row = row.into_iter();
    let mut number = || from_redis_value(row.next()?).ok();
    let slots = number()?..=number()?;
    let mut hosts = row.map(|server| {
        let mut server = from_redis_value::<Vec<Value>>(server).ok()?.into_iter();
        // Without a name it is the server that was asked.
        let name: Option<String> = from_redis_value(server.next()?).ok()?;
        let name = name.filter(|name| !name.is_empty() && name != "?").unwrap_or_else(|| seed.name.clone());
        Some(Host { name, port: from_redis_value(server.next()?).ok()? })
    });
    let primary = hosts.next()??;
    Some(Served { slots, primary, replicas: hosts.collect::<Option<_>>()? })
}

/// The primary, as a sentinel sees it.
fn master(connection: &mut Connection, name: &str) -> Result<Host, Failure> {
    let mut call = cmd("SENTINEL");
    call.arg("GET-MASTER-ADDR-BY-NAME").arg(name);
    let found: Option<(String, u16)> = call.query(connection).map_err(|error| Failure::connecting(&error))?;
    let unknown = || Failure::new(Fault::Unreachable, format!("the sentinels know no primary called {name:?}"));
    found.map(|(name, port)| Host { name, port }).ok_or_else(unknown)
}

/// Refuses a replica: whoever named it was late.
pub(super) fn primary_only(connection: &mut Connection) -> Result<(), Failure> {
    let role: Vec<Value> = cmd("ROLE").query(connection).map_err(|error| Failure::connecting(&error))?;
    let role: Option<String> = role.into_iter().next().and_then(|role| from_redis_value(role).ok());
    match role.as_deref() {
        Some("master") => Ok(()),
        role => Err(Failure::new(Fault::ReadOnly, format!("its role is {}", role.unwrap_or("not known")))),
    }
}
