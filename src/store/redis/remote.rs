//! The log in Redis, as one node sees it: join, append, look.

use std::sync::LazyLock;

use aws_lc_rs::digest;
use sha2::{Digest as _, Sha256};

use ::redis::{Cmd, FromRedisValue, ParsingError, Value, cmd};

use super::RedisOptions;
use super::fault::{Failure, Fault};
use super::link::Link;
use crate::store::Bounds;
use crate::store::tables::DECISIONS;

/// So many entries come with one answer, at most.
const ENTRIES_MAX: usize = 64;

/// The functions' source, and the tag that their names end with: other versions of it may be loaded beside.
pub(super) struct Library {
    pub(super) code: String,
    tag: String,
}

pub(super) static LIBRARY: LazyLock<Library> = LazyLock::new(|| {
    let source = include_str!("log.lua");
    let tag = hex(&Sha256::digest(source)[..6]);
    let code = format!("#!lua name=liveroom_{tag}\n{}", source.replace("VERSION", &tag));
    Library { code, tag }
});

impl Library {
    /// What the library is called in Redis.
    pub(super) fn name(&self) -> String {
        format!("liveroom_{}", self.tag)
    }
}

/// A place in the log's history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    /// The number of the batch; 0 before the first.
    pub(super) position: u64,
    /// The chain up to it.
    pub(super) chain: String,
}

impl Place {
    /// The place after one more batch: as `log.lua` has it.
    fn after(&self, entry: &Entry) -> Self {
        let head = format!("{}{} {} ", self.chain, entry.node, entry.seq);
        let mut context = digest::Context::new(&digest::SHA1_FOR_LEGACY_USE_ONLY);
        context.update(head.as_bytes());
        context.update(&entry.batch);
        Self { position: self.position + 1, chain: hex(context.finish().as_ref()) }
    }
}

/// One batch of the log.
#[derive(Debug)]
pub(super) struct Entry {
    position: u64,
    before: String,
    node: String,
    seq: u64,
    pub(super) batch: Vec<u8>,
}

impl Entry {
    pub(super) fn position(&self) -> u64 {
        self.position
    }
}

/// Where a batch stands, and what stands before it that the node has not applied.
#[derive(Debug)]
pub(super) struct Appended {
    pub(super) position: u64,
    pub(super) missing: Vec<Entry>,
}

/// The log, over a connection of its own.
pub(super) struct RemoteLog {
    link: Link,
    keys: [String; 6],
    rules: String,
    node: String,
    seq: u64,
}

impl RemoteLog {
    pub(super) fn new(options: &RedisOptions, bounds: Bounds, node: String) -> Self {
        Self {
            link: Link::new(options, &options.prefix).vowed(options.durability),
            keys: options.keys(),
            rules: rules(bounds),
            node,
            seq: 1,
        }
    }

    /// Makes this node known. `stamp` tells a new log from all others.
    pub(super) fn join(&mut self, stamp: &str) -> Result<(), Failure> {
        let mut call = self.function("join");
        self.link.call::<String>(call.arg(&self.node).arg(&self.rules).arg(stamp)).map(drop)
    }

    /// Appends a batch: the same one, however often it is asked, until [`Self::settled`].
    pub(super) fn append(&mut self, at: &Place, batch: &[u8]) -> Result<Appended, Failure> {
        let mut call = self.function("append");
        call.arg(&self.node).arg(self.seq).arg(&self.rules);
        call.arg(at.position).arg(&at.chain).arg(ENTRIES_MAX).arg(batch);
        let (position, missing) = self.link.call(&call)?;
        Ok(Appended { position, missing })
    }

    /// The batch's place is known and it is safe there: the next append is for the next one.
    pub(super) fn settled(&mut self, at: &Place, position: u64, batch: Vec<u8>) -> Entry {
        let entry = Entry { position, before: at.chain.clone(), node: self.node.clone(), seq: self.seq, batch };
        self.seq += 1;
        entry
    }

    /// What follows, as far as it comes with one answer.
    pub(super) fn look(&mut self, at: &Place) -> Result<Vec<Entry>, Failure> {
        let mut call = self.function("look");
        self.link.call(call.arg(at.position).arg(&at.chain).arg(ENTRIES_MAX))
    }

    /// Waits until so many replicas have everything that was appended over this connection.
    pub(super) fn replicated(&mut self, replicas: u32) -> Result<(), Failure> {
        if replicas == 0 {
            return Ok(());
        }
        let have: u32 = self.link.call(cmd("WAIT").arg(replicas).arg(WAIT_MS))?;
        if have >= replicas {
            return Ok(());
        }
        Err(Failure::new(Fault::TooFewReplicas, format!("{have} replicas have the batch, {replicas} must")))
    }

    /// The place after `entry`.
    ///
    /// # Errors
    /// It is not what follows: another history, or not what was appended.
    pub(super) fn follow(at: &Place, entry: &Entry) -> Result<Place, Failure> {
        if (entry.position, &entry.before) == (at.position + 1, &at.chain) {
            return Ok(at.after(entry));
        }
        let said = format!("batch {} of the log does not follow batch {}", entry.position, at.position);
        Err(Failure::new(Fault::Poorer, said))
    }

    pub(super) fn node(&self) -> &str {
        &self.node
    }

    fn function(&self, name: &str) -> Cmd {
        function(name, &self.keys)
    }
}

/// The call of a function of `log.lua`.
pub(super) fn function(name: &str, keys: &[String]) -> Cmd {
    let mut call = cmd("FCALL");
    call.arg(format!("liveroom_{name}_{}", LIBRARY.tag)).arg(keys.len()).arg(keys);
    call
}

/// What all nodes of a log must have in common, in words.
pub(super) fn rules(bounds: Bounds) -> String {
    let Bounds { rooms_max, activities_per_room_max, retention_ms, audience_per_room_max, audience_kept_ms } = bounds;
    format!(
        "decisions={DECISIONS} rooms_max={rooms_max} activities_max={activities_per_room_max} retention_ms={retention_ms} \
         audience_max={audience_per_room_max} audience_kept_ms={audience_kept_ms}"
    )
}

/// The bounds within [`rules`]; `None` where the decisions are of another version.
pub(super) fn bounds(rules: &str) -> Option<Bounds> {
    let mut numbers = rules.split(' ').map(|part| part.split_once('=')?.1.parse::<u64>().ok());
    let mut next = || numbers.next().flatten();
    let (decisions, rooms, activities, retention_ms) = (next()?, next()?, next()?, next()?);
    let (audience, audience_kept_ms) = (next()?, next()?);
    let bounds = Bounds {
        rooms_max: rooms as usize,
        activities_per_room_max: activities as usize,
        retention_ms,
        audience_per_room_max: audience as usize,
        audience_kept_ms,
    };
    (decisions == u64::from(DECISIONS) && self::rules(bounds) == rules).then_some(bounds)
}

/// How long Redis itself waits for replicas before it says how many there are: less than an answer may take.
pub(super) const WAIT_MS: u64 = 200;

impl FromRedisValue for Entry {
    fn from_redis_value(value: Value) -> Result<Self, ParsingError> {
        let (id, fields): (String, Vec<Vec<u8>>) = FromRedisValue::from_redis_value(value)?;
        let wrong = || ParsingError::from(format!("{id} is no entry of the log"));
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).map_err(|_| wrong());
        let [_, before, _, node, _, seq, _, batch]: [Vec<u8>; 8] = fields.try_into().map_err(|_| wrong())?;
        let position = id.strip_suffix("-0").and_then(|n| n.parse().ok()).ok_or_else(wrong)?;
        let seq = text(seq)?.parse().map_err(|_| wrong())?;
        Ok(Self { position, before: text(before)?, node: text(node)?, seq, batch })
    }
}

/// Bytes as text.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
