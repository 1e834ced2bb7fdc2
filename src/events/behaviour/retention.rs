//! How much behaviour is kept: the oldest files go when there are too many bytes, or when they are too old.

use std::path::Path;
use std::{fs, io};

use crate::rules::Time;

/// What files of behaviour begin with.
pub(super) const PREFIX: &str = "behaviour-";

/// What bounds the files. Whoever collects them has that long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Bytes in all.
    pub bytes_max: u64,
    /// Age of what was written last in a file, ms.
    pub age_ms_max: u64,
}

impl Default for Retention {
    fn default() -> Self {
        Self { bytes_max: 4 << 30, age_ms_max: 30 * 86_400_000 }
    }
}

struct Kept {
    name: String,
    since: Time,
    bytes: u64,
}

impl Retention {
    /// Removes what is too much of the files that are closed, the oldest first, so that a file of `room` bytes that begins now
    /// fits in; a file spans `span_ms` at most. Says how many went.
    ///
    /// # Errors
    /// When the directory can't be read, or a file does not go: what is older has gone by then.
    pub(super) fn enforce(self, dir: &Path, now: Time, room: u64, span_ms: u64) -> io::Result<u64> {
        let mut kept = Vec::new();
        for entry in fs::read_dir(dir)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if let Some(since) = began(&name) {
                kept.push(Kept { since, bytes: entry.metadata()?.len(), name });
            }
        }
        // By time, and within one start in the order of the files.
        kept.sort_unstable_by(|one, other| (one.since, &one.name).cmp(&(other.since, &other.name)));
        let mut bytes = kept.iter().map(|file| file.bytes).sum::<u64>();
        let mut removed = 0;
        for file in &kept {
            let too_old = file.since.after_ms(span_ms.saturating_add(self.age_ms_max)) < now;
            if bytes.saturating_add(room) <= self.bytes_max && !too_old {
                break;
            }
            match fs::remove_file(dir.join(&file.name)) {
                // Whoever collects them may have been faster.
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            (bytes, removed) = (bytes - file.bytes, removed + 1);
        }
        Ok(removed)
    }
}

/// When a file began, if it is one of behaviour.
fn began(name: &str) -> Option<Time> {
    let rest = name.strip_prefix(PREFIX).filter(|_| name.ends_with(".ndjson"))?;
    rest.split('-').next()?.parse().ok().map(Time::from_ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_go_first_and_only_as_many_as_must() {
        let day = 86_400_000;
        // Bounds (bytes, age in days), and the days of the files of 100 bytes that are left on day 10 when one of 100 begins.
        let rows: [(&str, (u64, u64), &[i64]); 6] = [
            ("room for all", (500, 30), &[1, 5, 8, 9]),
            ("one too many", (499, 30), &[5, 8, 9]),
            ("room for the new one", (100, 30), &[]),
            ("not even that: nothing else is left", (50, 30), &[]),
            ("older than three days", (1_000, 3), &[8, 9]),
            ("a file's span counts from its end", (1_000, 4), &[5, 8, 9]),
        ];
        for (case, (bytes_max, days), want) in rows {
            let dir = tempfile::tempdir().unwrap();
            let name = |at: i64| format!("behaviour-{:013}-00000000000000ff-000001.ndjson", at * day);
            for at in [5, 1, 9, 8] {
                fs::write(dir.path().join(name(at)), [b'x'; 100]).unwrap();
            }
            for foreign in ["events-0000000000001.ndjson", "behaviour-notes.txt", "cursor"] {
                fs::write(dir.path().join(foreign), "x").unwrap();
            }
            let retention = Retention { bytes_max, age_ms_max: days * day as u64 };
            let now = Time::from_ms(10 * day);
            let removed = retention.enforce(dir.path(), now, 100, day as u64).unwrap();
            let left: Vec<_> = [1, 5, 8, 9].into_iter().filter(|at| dir.path().join(name(*at)).exists()).collect();
            assert_eq!(left, want, "{case}");
            assert_eq!(removed as usize, 4 - want.len(), "{case}");
            assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 3 + want.len(), "{case}: what is not ours stays");
        }
    }
}
