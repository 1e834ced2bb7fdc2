//! A stripe of the log in Redis, as one node sees it: join, append, look, fill.

use std::sync::LazyLock;

use sha2::{Digest as _, Sha256};

use ::redis::{Cmd, FromRedisValue, ParsingError, Value, cmd};

use super::RedisOptions;
use super::fault::{Failure, Fault};
use super::link::Link;
use super::merge::{Entry, Place};
use crate::rules::TierRules;
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

/// Where a batch stands, and what stands before it that the node has not read.
#[derive(Debug)]
pub(super) struct Appended {
    pub(super) position: u64,
    pub(super) missing: Vec<Entry>,
}

/// A stripe, over a connection of its own.
pub(super) struct RemoteLog {
    link: Link,
    keys: [String; 6],
    rules: String,
    node: String,
    /// What the log began with.
    stamp: String,
    /// How often nodes have gathered.
    epoch: u64,
    gather_ms: u64,
}

/// What comes of saying what one knows.
#[derive(Debug)]
pub(super) struct Convened {
    /// Whether all have, and the log goes on.
    pub(super) all: bool,
    /// Where it ends.
    pub(super) end: Place,
}

impl RemoteLog {
    pub(super) fn new(options: &RedisOptions, stripe: usize, bounds: Bounds, node: String) -> Self {
        Self {
            link: Link::new(options, &options.tag(stripe)).vowed(options.durability),
            keys: options.log_keys(stripe),
            rules: rules(bounds, options.stripes),
            node,
            stamp: String::new(),
            epoch: 0,
            gather_ms: options.gather.as_millis() as u64,
        }
    }

    /// Makes this node known, and begins the stripe if there is none. Answers what the log began with, which is `stamp` if it
    /// begins now.
    pub(super) fn join(&mut self, stamp: &str) -> Result<String, Failure> {
        let run = self.link.run()?;
        let mut call = self.function("join");
        (self.stamp, self.epoch) = self.link.call(call.arg(&self.node).arg(&self.rules).arg(stamp).arg(run))?;
        Ok(self.stamp.clone())
    }

    /// Says up to where this node knows the stripe, whether from its beginning, and which batch of its own was its latest, after
    /// the server was restarted or replaced.
    pub(super) fn convene(&mut self, known: &Place, whole: bool, latest: u64) -> Result<Convened, Failure> {
        let run = self.link.run()?;
        let mut call = self.function("convene");
        call.arg(&self.node).arg(run).arg(self.epoch).arg(known.position).arg(self.gather_ms);
        call.arg(&self.stamp).arg(&self.rules).arg(u8::from(whole)).arg(latest);
        let (all, epoch, position, chain): (bool, u64, u64, String) = self.link.call(&call)?;
        if all {
            self.epoch = epoch;
        }
        Ok(Convened { all, end: Place { position, chain } })
    }

    /// Puts entries back that follow `end`, unless somebody else has.
    pub(super) fn restore<'a>(&mut self, end: &Place, entries: impl Iterator<Item = &'a Entry>) -> Result<(), Failure> {
        let run = self.link.run()?;
        let mut call = self.function("restore");
        call.arg(run).arg(end.position).arg(&end.chain).arg(self.gather_ms);
        for Entry { node, seq, batch, .. } in entries {
            call.arg(node).arg(seq).arg(&batch[..]);
        }
        self.link.call::<(u64, String)>(&call).map(drop)
    }

    /// Lets nobody wait for what this node knows, if that can be said at once.
    pub(super) fn leave(&mut self) {
        if self.link.is_connected() {
            let mut call = self.function("leave");
            // Otherwise the others find out.
            let _: Result<(), Failure> = self.link.call(call.arg(&self.node));
        }
    }

    /// Sends a batch to be appended: the same one under a number, however often. [`Self::appended`] must come next.
    pub(super) fn append(&mut self, seq: u64, at: &Place, batch: &[u8]) -> Result<Cmd, Failure> {
        let run = self.link.run()?;
        let mut call = self.function("append");
        call.arg(&self.node).arg(seq).arg(&self.rules);
        call.arg(at.position).arg(&at.chain).arg(ENTRIES_MAX).arg(batch).arg(run).arg(self.epoch);
        self.link.send(&call)?;
        Ok(call)
    }

    /// The answer to what [`Self::append`] sent.
    pub(super) fn appended(&mut self, call: &Cmd) -> Result<Appended, Failure> {
        let (position, missing) = self.link.answer(call)?;
        Ok(Appended { position, missing })
    }

    /// What follows, as far as it comes with one answer.
    pub(super) fn look(&mut self, at: &Place) -> Result<Vec<Entry>, Failure> {
        let run = self.link.run()?;
        let mut call = self.function("look");
        self.link.call(call.arg(at.position).arg(&at.chain).arg(ENTRIES_MAX).arg(run).arg(self.epoch))
    }

    /// What follows, after the stripe was made as long as others need it.
    pub(super) fn fill(&mut self, at: &Place, position: u64) -> Result<Vec<Entry>, Failure> {
        let run = self.link.run()?;
        let mut call = self.function("fill");
        call.arg(at.position).arg(&at.chain).arg(position).arg(ENTRIES_MAX).arg(run).arg(self.epoch);
        self.link.call(&call)
    }

    /// Asks how many replicas have everything that was appended over this connection. [`Self::replicated`] must come next.
    pub(super) fn replicate(&mut self, replicas: u32) -> Result<Cmd, Failure> {
        let mut call = cmd("WAIT");
        call.arg(replicas).arg(WAIT_MS);
        self.link.send(&call)?;
        Ok(call)
    }

    /// The answer to [`Self::replicate`]: whether there are enough.
    pub(super) fn replicated(&mut self, call: &Cmd, replicas: u32) -> Result<(), Failure> {
        let have: u32 = self.link.answer(call)?;
        if have >= replicas {
            return Ok(());
        }
        Err(Failure::new(Fault::TooFewReplicas, format!("{have} replicas have the batch, {replicas} must")))
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
pub(super) fn rules(bounds: Bounds, stripes: usize) -> String {
    let Bounds { rooms_max, activities_per_room_max, retention_ms, .. } = bounds;
    let Bounds { combo_window_ms, audience_per_room_max, audience_kept_ms, tiers, .. } = bounds;
    let TierRules { window_days, minute_points, coin_points, interaction_points, .. } = tiers;
    let TierRules { talk_points, talk_per_day_max, active_points, core_points, .. } = tiers;
    format!(
        "decisions={DECISIONS} stripes={stripes} rooms_max={rooms_max} activities_max={activities_per_room_max} \
         retention_ms={retention_ms} audience_max={audience_per_room_max} audience_kept_ms={audience_kept_ms} \
         combo_window_ms={combo_window_ms} \
         tier_days={window_days} minute={minute_points} coin={coin_points} interaction={interaction_points} \
         talk={talk_points} talk_max={talk_per_day_max} active={active_points} core={core_points}"
    )
}

/// The bounds and the number of stripes within [`rules`]; `None` where the decisions are of another version.
pub(super) fn read_rules(rules: &str) -> Option<(Bounds, usize)> {
    let mut numbers = rules.split(' ').map(|part| part.split_once('=')?.1.parse::<u64>().ok());
    let mut next = || numbers.next().flatten();
    let (decisions, stripes) = (next()?, next()? as usize);
    let (rooms, activities, retention_ms) = (next()?, next()?, next()?);
    let (audience, audience_kept_ms, combo_window_ms) = (next()?, next()?, next()?);
    let mut points = || next().and_then(|n| u32::try_from(n).ok());
    let tiers = TierRules {
        window_days: points()?,
        minute_points: points()?,
        coin_points: points()?,
        interaction_points: points()?,
        talk_points: points()?,
        talk_per_day_max: points()?,
        active_points: points()?,
        core_points: points()?,
    };
    let bounds = Bounds {
        rooms_max: rooms as usize,
        activities_per_room_max: activities as usize,
        retention_ms,
        audience_per_room_max: audience as usize,
        audience_kept_ms,
        combo_window_ms,
        tiers,
    };
    (decisions == u64::from(DECISIONS) && self::rules(bounds, stripes) == rules).then_some((bounds, stripes))
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
        Ok(Self { position, before: text(before)?, node: text(node)?, seq, batch: batch.into() })
    }
}

/// Bytes as text.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
