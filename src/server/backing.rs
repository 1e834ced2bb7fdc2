//! What keeps the decisions, and what runs beside it: the one place that knows which keeper there is.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::{Context as _, Result};

use super::JOURNAL;
use super::config::Config;
use super::stewardship::Stewardship;
use crate::api::Gauges;
use crate::engine::Engine;
use crate::events::ndjson::NdjsonFiles;
use crate::events::{BehaviourFiles, CursorFile, Losses, Progress, Relay};
use crate::fanout::pubsub::{self, PubSub, Traffic};
use crate::store::Keeper;
use crate::store::embedded::{Checkpointer, EmbeddedKeeper, EventReader, Recovered};
use crate::store::journal::{self, Disk, LogView, RealDisk};
use crate::store::redis::{Bell, RedisKeeper, RedisOptions};

/// A keeper that has been opened, and what is to run beside the engine once that has taken it.
pub(super) struct Backing {
    pub(super) keeper: Box<dyn Keeper>,
    pub(super) begin: Box<dyn FnOnce(&Config, &Engine) -> Result<Beside> + Send>,
}

impl Backing {
    /// Opens what the configuration names, and says what it found.
    pub(super) async fn open(config: &Config) -> Result<Self> {
        let config = config.clone();
        let opened = tokio::task::spawn_blocking(move || match config.redis() {
            Some(options) => Self::redis(options, &config),
            None => Self::journal(&config),
        });
        opened.await.context("recovery panicked")?
    }

    fn journal(config: &Config) -> Result<Self> {
        let disk: Arc<dyn Disk> = Arc::new(RealDisk::open(&config.store.data_dir.join(JOURNAL))?);
        let mut epoch = [0; 8];
        aws_lc_rs::rand::fill(&mut epoch).context("the system gives no randomness")?;
        let options = journal::Options {
            segment_bytes: config.store.segment_bytes,
            epoch: u64::from_le_bytes(epoch),
            ..journal::Options::default()
        };
        let (keeper, recovered) = EmbeddedKeeper::open(Arc::clone(&disk), &options, config.store_bounds())?;
        if let Some(torn) = &recovered.journal.torn {
            tracing::warn!(segment = %torn.segment, offset = torn.offset, bytes = torn.bytes, "a torn commit was cut off");
        }
        for rejected in &recovered.rejected {
            tracing::warn!(%rejected, "a damaged snapshot was passed over");
        }
        let found = &recovered.journal;
        tracing::info!(events = found.last_seq, replayed = found.visited, snapshot = recovered.snapshot, "recovered");
        let log = keeper.log().clone();
        let begin = move |config: &Config, engine: &Engine| Beside::journal(config, engine, disk, log, &recovered);
        Ok(Self { keeper: Box::new(keeper), begin: Box::new(begin) })
    }

    fn redis(options: RedisOptions, config: &Config) -> Result<Self> {
        let keeper = RedisKeeper::open(&options, config.store_bounds())
            .with_context(|| format!("can't keep decisions in {}", options.url))?;
        let node = keeper.node().to_owned();
        tracing::info!(
            store = %options.url, %node, batches = keeper.position(), events = keeper.tables().latest_no(),
            durability = %options.durability, "joined"
        );
        let begin = move |config: &Config, engine: &Engine| Beside::redis(config, &options, node, engine.clone());
        Ok(Self { keeper: Box::new(keeper), begin: Box::new(begin) })
    }
}

/// What runs beside the engine.
pub(super) struct Beside {
    checkpoints: Option<Checkpoints>,
    relay: Option<Relay>,
    bell: Option<Bell>,
    stewardship: Option<Stewardship>,
    talk: Option<(Arc<Traffic>, pubsub::Running)>,
    behaviour: Option<BehaviourFiles>,
}

impl Beside {
    fn journal(
        config: &Config, engine: &Engine, disk: Arc<dyn Disk>, log: LogView, recovered: &Recovered,
    ) -> Result<Self> {
        let relay = match config.events_dir() {
            Some(dir) => {
                let sink = NdjsonFiles::open(&dir, config.rolling())?;
                let cursor = CursorFile::open(dir.join("cursor"))?;
                let source = Box::new(EventReader::new(log.clone()));
                Some(Relay::start(source, Box::new(sink), Box::new(cursor), config.pace())?)
            }
            None => None,
        };
        let progress = relay.as_ref().map(|relay| Arc::clone(relay.progress()));
        let delivered = Box::new(move || progress.as_ref().map_or(u64::MAX, |progress| progress.secured()));
        let checkpointer = Checkpointer::new(disk, log, config.store_bounds(), delivered, recovered);
        let checkpoints = Checkpoints::start(checkpointer, config.store.snapshot_every_segments as usize)?;
        let behaviour = behaviour(config, engine)?;
        Ok(Self { checkpoints: Some(checkpoints), relay, bell: None, stewardship: None, talk: None, behaviour })
    }

    fn redis(config: &Config, options: &RedisOptions, node: String, engine: Engine) -> Result<Self> {
        let stewardship = Stewardship::start(config, options, &node)?;
        let hear = engine.clone();
        let (broker, talking) = PubSub::start(options.clone(), node.clone(), move |room, heard| hear.hear(room, heard));
        let traffic = Arc::clone(broker.traffic());
        engine.relay_through(broker);
        let behaviour = behaviour(config, &engine)?;
        let bell = Bell::listen(options, node, move || engine.wake())?;
        let talk = Some((traffic, talking));
        Ok(Self { checkpoints: None, relay: None, bell: Some(bell), stewardship: Some(stewardship), talk, behaviour })
    }

    pub(super) fn gauges(&self) -> impl Iterator<Item = Arc<dyn Gauges>> {
        let relay = self.relay.as_ref().map(|relay| Arc::clone(relay.progress()) as Arc<dyn Gauges>);
        let talk = self.talk.as_ref().map(|(traffic, _)| Arc::clone(traffic) as Arc<dyn Gauges>);
        let losses = self.behaviour.as_ref().map(|files| Arc::clone(files.losses()) as Arc<dyn Gauges>);
        relay.into_iter().chain(talk).chain(losses)
    }

    /// Ends everything, after the engine has ended.
    pub(super) fn stop(self) {
        if let Some(bell) = self.bell {
            bell.stop();
        }
        if let Some((_, talking)) = self.talk {
            talking.stop();
        }
        if let Some(stewardship) = self.stewardship {
            stewardship.stop();
        }
        if let Some(checkpoints) = self.checkpoints {
            checkpoints.stop();
        }
        if let Some(relay) = self.relay {
            relay.stop();
        }
        if let Some(behaviour) = self.behaviour {
            behaviour.stop();
        }
    }
}

/// Where what viewers do goes, if events are written to files.
fn behaviour(config: &Config, engine: &Engine) -> Result<Option<BehaviourFiles>> {
    let Some(dir) = config.events_dir() else { return Ok(None) };
    let mut run = [0; 8];
    aws_lc_rs::rand::fill(&mut run).context("the system gives no randomness")?;
    let (files, notebook) = BehaviourFiles::start(dir, config.rolling(), config.retention(), u64::from_le_bytes(run))?;
    engine.tell(notebook);
    Ok(Some(files))
}

/// The thread that makes snapshots.
struct Checkpoints {
    stop: crossbeam::channel::Sender<()>,
    thread: std::thread::JoinHandle<()>,
}

impl Checkpoints {
    /// How often it looks whether there is enough to do.
    const EVERY: Duration = Duration::from_secs(1);

    fn start(mut checkpointer: Checkpointer, segments_min: usize) -> std::io::Result<Self> {
        let (stop, stopped) = crossbeam::channel::bounded(1);
        let thread = std::thread::Builder::new().name("checkpoint".to_owned()).spawn(move || {
            while stopped.recv_timeout(Self::EVERY) == Err(crossbeam::channel::RecvTimeoutError::Timeout) {
                if let Err(error) = checkpointer.run(segments_min) {
                    tracing::error!(%error, "no snapshot was made; the journal keeps growing");
                }
            }
        })?;
        Ok(Self { stop, thread })
    }

    fn stop(self) {
        drop(self.stop);
        if self.thread.join().is_err() {
            tracing::error!("the checkpoint thread ended in a panic");
        }
    }
}

impl Gauges for Progress {
    fn read(&self) -> Vec<(&'static str, &'static str, bool, u64)> {
        vec![
            ("events_backlog", "Durable events that the sink has not taken yet", false, self.backlog()),
            ("events_delivered", "Events handed to the sink, repeats included", true, self.deliveries()),
            ("events_failures", "Attempts of the sink that failed", true, self.failures()),
        ]
    }
}

impl Gauges for Losses {
    fn read(&self) -> Vec<(&'static str, &'static str, bool, u64)> {
        vec![
            ("behaviour_written", "Events of behaviour written", true, self.written()),
            (
                "behaviour_dropped",
                "Events of behaviour dropped: the queue was full or the disk took none",
                true,
                self.dropped(),
            ),
            (
                "behaviour_files_removed",
                "Files of behaviour removed for want of room or for their age",
                true,
                self.files_removed(),
            ),
        ]
    }
}

impl Gauges for Traffic {
    fn read(&self) -> Vec<(&'static str, &'static str, bool, u64)> {
        let Self { sent, heard, dropped, missed, nodes, connections } = self;
        [
            ("talk_sent", "Messages of talk sent to other nodes", true, sent),
            ("talk_heard", "Messages of talk heard from other nodes", true, heard),
            ("talk_dropped", "Messages of talk lost on their way to other nodes", true, dropped),
            ("talk_missed", "Envelopes from other nodes that were lost or not understood", true, missed),
            ("talk_connections", "Connections made to hear other nodes", true, connections),
            ("nodes_seen", "Other nodes with viewers in a room that has viewers here", false, nodes),
        ]
        .map(|(name, help, grows, value)| (name, help, grows, value.load(Ordering::Relaxed)))
        .into()
    }
}
