//! Hears when another node has appended something.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use ::redis::cmd;

use super::RedisOptions;
use super::fault::Failure;
use super::link::Link;

/// A thread that waits at the log's bell: a stream that holds only who appended last, so that nobody's batches travel twice.
#[derive(Debug)]
pub struct Bell {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

/// How long one look waits, and so how long a stop may take.
const PATIENCE: Duration = Duration::from_millis(500);

/// How long Redis is left alone after it could not be asked.
const BACK_OFF: Duration = Duration::from_millis(100);

type Rung = Option<Vec<(String, Vec<(String, (String, String))>)>>;

impl Bell {
    /// Calls `ring` when another node than `node` has appended something, and when that might have been missed.
    ///
    /// # Errors
    /// When the thread can't be started.
    pub fn listen(options: &RedisOptions, node: String, ring: impl Fn() + Send + 'static) -> io::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let mut link = Link::new(options, &options.prefix).patient(PATIENCE);
        let [_, _, _, key, ..] = options.log_keys(0);
        let thread = thread::Builder::new().name("bell".to_owned()).spawn(move || {
            let (mut seen, mut missed) = ("0-0".to_owned(), false);
            while !stopped.load(Ordering::Acquire) {
                match wait(&mut link, &key, &seen) {
                    Ok(rung) => {
                        let others = rung.is_some_and(|(id, by)| {
                            seen = id;
                            by != node
                        });
                        if others || std::mem::take(&mut missed) {
                            ring();
                        }
                    }
                    Err(error) => {
                        tracing::debug!(%error, "the bell can't be heard");
                        // Redis may come back with another log: whatever its bell says then is news.
                        "0-0".clone_into(&mut seen);
                        missed = true;
                        thread::sleep(BACK_OFF);
                        ring();
                    }
                }
            }
        })?;
        Ok(Self { stop, thread })
    }

    /// Ends the thread.
    pub fn stop(self) {
        self.stop.store(true, Ordering::Release);
        if self.thread.join().is_err() {
            tracing::error!("the bell's thread ended in a panic");
        }
    }
}

/// The latest append after `seen`, and whose it was; `None` if there is none in time.
fn wait(link: &mut Link, key: &str, seen: &str) -> Result<Option<(String, String)>, Failure> {
    let mut call = cmd("XREAD");
    call.arg("COUNT").arg(1).arg("BLOCK").arg(PATIENCE.as_millis() as u64).arg("STREAMS").arg(key).arg(seen);
    let rung: Rung = link.call(&call)?;
    let entry = rung.into_iter().flatten().flat_map(|(_, entries)| entries).next();
    Ok(entry.map(|(id, (_, by))| (id, by)))
}
