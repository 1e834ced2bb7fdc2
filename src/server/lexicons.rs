//! The lexicons on disk: a directory with a file `<category>.txt` for each category, read whole or not at all.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use parking_lot::Mutex;

use crate::api::Lexicons;
use crate::engine::Engine;
use crate::filter::Lexicon;

/// How often the directory is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// The directory, and the engine whose lexicon it is.
#[derive(Debug)]
pub(super) struct LexiconFiles {
    dir: Option<PathBuf>,
    engine: Engine,
    /// What the directory looked like when it was last read, for good or not.
    seen: Mutex<Seen>,
}

/// The files, with their times and sizes.
type Seen = Vec<(PathBuf, Option<SystemTime>, u64)>;

impl LexiconFiles {
    /// Reads the directory, if there is one; else the lexicon that comes with the server stays.
    ///
    /// # Errors
    /// A server does not start with a lexicon that it can't read.
    pub(super) fn open(dir: Option<PathBuf>, engine: &Engine) -> Result<Arc<Self>, String> {
        let files = Self { dir, engine: engine.clone(), seen: Mutex::default() };
        files.reload()?;
        Ok(Arc::new(files))
    }

    /// Reads the directory again whenever it has changed. Ends with the runtime.
    pub(super) async fn watch(self: Arc<Self>) {
        let Some(dir) = self.dir.clone() else { return };
        let mut looks = tokio::time::interval(LOOK_EVERY);
        looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            looks.tick().await;
            let files = Arc::clone(&self);
            let dir = dir.clone();
            let looked = tokio::task::spawn_blocking(move || {
                if look(&dir).is_ok_and(|now| now != *files.seen.lock()) {
                    // What came of it is in the log; the old lexicon stays if nothing did.
                    let _ = files.reload();
                }
            });
            if looked.await.is_err() {
                tracing::error!("looking at the lexicons ended in a panic");
            }
        }
    }
}

impl Lexicons for LexiconFiles {
    fn reload(&self) -> Result<(), String> {
        let Some(dir) = &self.dir else { return Ok(()) };
        // One at a time: the last to read is the last to be used.
        let mut seen = self.seen.lock();
        let read = look(dir).and_then(|now| {
            *seen = now;
            read(&seen)
        });
        match read {
            Ok(lexicon) => {
                tracing::info!(terms = lexicon.len(), dir = %dir.display(), "lexicons are read");
                self.engine.use_lexicon(Arc::new(lexicon));
                Ok(())
            }
            Err(why) => {
                tracing::error!(%why, dir = %dir.display(), "the lexicons can't be used; what was banned stays banned");
                Err(why)
            }
        }
    }
}

fn look(dir: &Path) -> Result<Seen, String> {
    let failed = |error: std::io::Error| format!("{}: {error}", dir.display());
    let mut files = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.extension().is_some_and(|kind| kind == "txt") {
            let about = std::fs::metadata(&path).map_err(failed)?;
            files.push((path, about.modified().ok(), about.len()));
        }
    }
    files.sort();
    Ok(files)
}

fn read(files: &Seen) -> Result<Lexicon, String> {
    let mut texts = Vec::new();
    for (path, ..) in files {
        let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
        let category = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default().to_owned();
        texts.push((category, text));
    }
    let texts = texts.iter().map(|(category, text)| (category.as_str(), text.as_str()));
    Lexicon::parse(texts).map_err(|mistake| mistake.to_string())
}
