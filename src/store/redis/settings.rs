//! How safe a decision is before it is answered, and whether Redis is set to keep that promise.

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;

use ::redis::{Connection, cmd};
use serde::{Deserialize, Serialize};

use super::address::{RedisUrl, Topology};
use super::fault::{Failure, Fault};

/// What must have happened in Redis before a decision is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Durability {
    /// It is in Redis' memory: a crash of Redis may lose it. For development.
    Memory,
    /// It is on Redis' disk: `appendonly yes`, `appendfsync always`.
    #[default]
    Fsync,
    /// So many replicas have it in their memory, too: `min-replicas-to-write` is at least as much.
    Replicas(u32),
}

impl Durability {
    /// How many replicas must have a batch.
    pub const fn replicas(self) -> u32 {
        match self {
            Self::Memory | Self::Fsync => 0,
            Self::Replicas(replicas) => replicas,
        }
    }
}

impl FromStr for Durability {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let replicas = |text: &str| text.strip_prefix("replicas:")?.parse().ok().filter(|n| (1..=16).contains(n));
        match text {
            "memory" => Ok(Self::Memory),
            "fsync" => Ok(Self::Fsync),
            _ => replicas(text).map(Self::Replicas).ok_or("must be memory, fsync, or replicas:1 to replicas:16"),
        }
    }
}

impl TryFrom<String> for Durability {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Durability> for String {
    fn from(durability: Durability) -> Self {
        durability.to_string()
    }
}

impl fmt::Display for Durability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory => f.write_str("memory"),
            Self::Fsync => f.write_str("fsync"),
            Self::Replicas(replicas) => write!(f, "replicas:{replicas}"),
        }
    }
}

/// What Redis is, and how it is set.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Redis' version, or the version of Redis that another server stands in for.
    pub version: String,
    /// The server's own name for its present life.
    pub(super) run: String,
    role: String,
    cluster: bool,
    /// Whether the URL says that it is a cluster.
    cluster_named: bool,
    config: HashMap<String, String>,
}

const NAMES: [&str; 4] = ["appendonly", "appendfsync", "maxmemory-policy", "min-replicas-to-write"];

impl Settings {
    /// Asks a server; `url` is how it was named.
    pub(super) fn read(connection: &mut Connection, url: &RedisUrl) -> Result<Self, Failure> {
        let failed = |error| Failure::connecting(&error);
        let mut info = cmd("INFO");
        info.arg("server").arg("replication").arg("cluster");
        let info: String = info.query(connection).map_err(failed)?;
        let config = cmd("CONFIG").arg("GET").arg(&NAMES).query(connection).map_err(failed);
        let config = config.map_err(|failure| match failure.fault {
            Fault::NotPermitted => Failure::new(Fault::Weaker, format!("Redis' settings can't be checked: {failure}")),
            _ => failure,
        })?;
        let said = |name: &str| said(&info, name).unwrap_or_default().to_owned();
        Ok(Self {
            version: said("redis_version"),
            run: said("run_id"),
            role: said("role"),
            cluster: said("cluster_enabled") == "1",
            cluster_named: *url.topology() == Topology::Cluster,
            config,
        })
    }

    /// What keeps Redis from promising `durability`; empty if nothing does.
    pub fn lacks(&self, durability: Durability) -> Vec<String> {
        let mut lacks = Vec::new();
        let major: u32 = self.version.split('.').next().and_then(|major| major.parse().ok()).unwrap_or(0);
        if major < 7 {
            lacks.push(format!("it is version {}; functions need 7.0", self.version));
        }
        if self.role != "master" {
            lacks.push(format!("its role is {}; only a primary takes decisions", self.role));
        }
        if self.cluster && !self.cluster_named {
            lacks.push("it is part of a cluster; name it with ?cluster=true".to_owned());
        }
        let mut want = |name: &str, want: &str, holds: &dyn Fn(&str) -> bool| {
            let found = self.config.get(name).map_or("", String::as_str);
            if !holds(found) {
                lacks.push(format!("{name} is {found:?}; must be {want}"));
            }
        };
        want("maxmemory-policy", "noeviction", &|found| found == "noeviction");
        match durability {
            Durability::Memory => {}
            Durability::Fsync => {
                want("appendonly", "yes", &|found| found == "yes");
                want("appendfsync", "always", &|found| found == "always");
            }
            Durability::Replicas(n) => {
                let enough = |found: &str| found.parse().is_ok_and(|found: u32| found >= n);
                want("min-replicas-to-write", &format!("{n} or more"), &enough);
            }
        }
        lacks
    }

    /// Refuses a Redis that is weaker than asked for.
    pub(super) fn check(&self, durability: Durability) -> Result<(), Failure> {
        let lacks = self.lacks(durability);
        if lacks.is_empty() {
            return Ok(());
        }
        let said = format!("Redis can't promise the durability \"{durability}\": {}", lacks.join("; "));
        Err(Failure::new(Fault::Weaker, said))
    }
}

/// What stands behind a name in what `INFO` says.
pub(super) fn said<'a>(info: &'a str, name: &str) -> Option<&'a str> {
    info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_weaker_is_named() {
        let settings = |version: &str, role: &str, cluster, config: [&str; 4]| Settings {
            version: version.to_owned(),
            run: String::new(),
            role: role.to_owned(),
            cluster,
            cluster_named: false,
            config: NAMES.iter().zip(config).map(|(name, value)| ((*name).to_owned(), value.to_owned())).collect(),
        };
        let strong = settings("7.0.15", "master", false, ["yes", "always", "noeviction", "2"]);
        for level in ["memory", "fsync", "replicas:1", "replicas:2"] {
            assert_eq!(strong.lacks(level.parse().unwrap()), [""; 0], "{level}");
        }
        let part = Settings { cluster: true, cluster_named: true, ..strong.clone() };
        assert_eq!(part.lacks(Durability::Fsync), [""; 0], "a cluster that is named as one");
        let weak = settings("6.2.1", "slave", true, ["no", "everysec", "allkeys-lru", "0"]);
        for (level, lacks) in [
            ("memory", "6.2.1|role|cluster|maxmemory-policy"),
            ("fsync", "6.2.1|role|cluster|maxmemory-policy|appendonly|appendfsync"),
            ("replicas:1", "6.2.1|role|cluster|maxmemory-policy|min-replicas-to-write"),
        ] {
            let found = weak.lacks(level.parse().unwrap());
            assert_eq!(found.len(), lacks.split('|').count(), "{found:?}");
            assert!(found.iter().zip(lacks.split('|')).all(|(found, word)| found.contains(word)), "{found:?}");
        }
    }

    #[test]
    fn levels_have_one_spelling() {
        for text in ["memory", "fsync", "replicas:1", "replicas:16"] {
            assert_eq!(text.parse::<Durability>().unwrap().to_string(), text);
        }
        for text in ["", "disk", "replicas", "replicas:0", "replicas:17", "replicas:-1"] {
            assert!(text.parse::<Durability>().is_err(), "{text}");
        }
    }
}
