//! The thread that would be the steward of a log in Redis, and is if no other node's is.

use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::Result;
use crossbeam::channel::{self, RecvTimeoutError, Sender};

use super::config::Config;
use crate::events::ndjson::NdjsonFiles;
use crate::events::{CursorNote, Relay};
use crate::store::redis::{Checkpoint, LogEvents, RedisOptions, Steward};

/// How long a steward that is not heard of stays one.
const LEASE: Duration = Duration::from_secs(5);

/// How often it renews its lease, and others ask for it.
const EVERY: Duration = Duration::from_secs(1);

/// The thread, which looks after a lease and does what comes with it.
pub(super) struct Stewardship {
    stop: Sender<()>,
    thread: JoinHandle<()>,
}

impl Stewardship {
    pub(super) fn start(config: &Config, options: &RedisOptions, node: &str) -> std::io::Result<Self> {
        let (stop, stopped) = channel::bounded(1);
        let mut duty = Duty {
            config: config.clone(),
            options: options.clone(),
            node: node.to_owned(),
            steward: Steward::new(options.clone(), node.to_owned()),
            checkpoint: None,
            relay: None,
        };
        let thread = thread::Builder::new().name("steward".to_owned()).spawn(move || {
            loop {
                duty.turn();
                if stopped.recv_timeout(EVERY) != Err(RecvTimeoutError::Timeout) {
                    break;
                }
            }
            duty.end();
        })?;
        Ok(Self { stop, thread })
    }

    /// Delivers what there is, and lets another node have the stewardship.
    pub(super) fn stop(self) {
        drop(self.stop);
        if self.thread.join().is_err() {
            tracing::error!("the steward's thread ended in a panic");
        }
    }
}

struct Duty {
    config: Config,
    options: RedisOptions,
    node: String,
    steward: Steward,
    checkpoint: Option<Checkpoint>,
    relay: Option<Relay>,
}

impl Duty {
    fn turn(&mut self) {
        match self.steward.lease(LEASE) {
            Ok(true) => {
                if let Err(error) = self.serve() {
                    tracing::error!(%error, "the steward can't do all of its work; the log in Redis keeps growing");
                }
            }
            Ok(false) => self.rest(),
            // While nobody knows, nothing can be noted either: what is delivered meanwhile comes again.
            Err(error) => tracing::debug!(%error, "the lease can't be renewed"),
        }
    }

    fn serve(&mut self) -> Result<()> {
        let bounds = self.config.store_bounds();
        let dir = self.config.events_dir();
        if let (Some(dir), None) = (&dir, &self.relay) {
            let cursor = CursorNote::open(Steward::new(self.options.clone(), self.node.clone()))?;
            let source = LogEvents::after(self.steward.delivered()?, self.options.clone(), bounds)?;
            let sink = NdjsonFiles::open(dir, self.config.rolling())?;
            let relay = Relay::start(Box::new(source), Box::new(sink), Box::new(cursor), self.config.pace())?;
            tracing::info!(node = %self.node, "the steward");
            self.relay = Some(relay);
        }
        let new = || Checkpoint::new(self.options.clone(), self.node.clone(), bounds);
        let checkpoint = self.checkpoint.get_or_insert_with(new);
        if checkpoint.run(self.config.store.snapshot_every_batches, dir.is_some())? {
            tracing::info!("a snapshot was made, and the log before the earlier one is gone");
        }
        Ok(())
    }

    /// Another node's turn.
    fn rest(&mut self) {
        self.checkpoint = None;
        if let Some(relay) = self.relay.take() {
            relay.stop();
        }
    }

    fn end(&mut self) {
        self.rest();
        if let Err(error) = self.steward.resign() {
            tracing::debug!(%error, "the lease lapses by itself");
        }
    }
}
