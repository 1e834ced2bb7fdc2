//! Where a log is, how it is spoken to, and the names of its keys.

use std::time::Duration;

use ::redis::ConnectionInfo;

use super::address::RedisUrl;
use super::fault::Failure;
use super::locate::Locator;
use super::settings::Durability;
use super::slots::tag;

/// Where the log is, and how it is spoken to.
#[derive(Debug, Clone)]
pub struct RedisOptions {
    /// The server.
    pub url: RedisUrl,
    /// What its keys begin with: one name for each log.
    pub prefix: String,
    /// How long an answer may take before the connection is given up.
    pub timeout: Duration,
    /// What must have happened before a batch is answered.
    pub durability: Durability,
    /// Over how many slots of a cluster the log is striped: what it began with, the same for all nodes.
    pub stripes: usize,
    /// How long nodes wait for each other after Redis was restarted or has failed over.
    pub gather: Duration,
    /// How many bytes of the latest entries a node remembers, to put them back if Redis loses them.
    pub remembered_bytes: usize,
}

/// A log has at most so many stripes.
pub const STRIPES_MAX: usize = 16;

impl RedisOptions {
    /// The usual ones.
    pub fn new(url: RedisUrl) -> Self {
        Self {
            url,
            prefix: "liveroom".to_owned(),
            timeout: Duration::from_secs(1),
            durability: Durability::default(),
            stripes: 1,
            gather: Duration::from_secs(5),
            remembered_bytes: 64 << 20,
        }
    }

    /// How the primary that has the slot of `tag` is spoken to, the password included; elsewhere than in a cluster, the
    /// primary. Whoever keeps a connection asks again when that breaks. It blocks.
    ///
    /// # Errors
    /// When nobody can say.
    pub fn primary(&self, tag: &str) -> Result<ConnectionInfo, Failure> {
        let mut locator = Locator::new(self.url.clone(), tag, self.timeout);
        let host = locator.primary()?;
        Ok(locator.server(&host))
    }

    /// What is between the braces in the keys of a stripe: it decides over their slot.
    pub fn tag(&self, stripe: usize) -> String {
        tag(&self.prefix, stripe, self.stripes)
    }

    /// Head, log, nodes and bell of a stripe, census and gathering, as `log.lua` wants them.
    pub(super) fn log_keys(&self, stripe: usize) -> [String; 6] {
        let tag = self.tag(stripe);
        ["head", "log", "nodes", "bell", "census", "gathering"].map(|part| format!("{{{tag}}}:{part}"))
    }

    /// The lease, and what its holder notes, as `log.lua` wants them.
    pub(super) fn steward_keys(&self) -> [String; 2] {
        ["steward", "notes"].map(|part| format!("{{{}}}:{part}", self.prefix))
    }

    /// Where the snapshot of that place is.
    pub(super) fn snapshot_key(&self, merged: u64) -> String {
        format!("{{{}}}:snapshot:{merged}", self.prefix)
    }
}
