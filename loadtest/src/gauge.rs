//! What a server costs the machine, read from `/proc`.

use std::fs;
use std::time::Duration;

use anyhow::Context;

/// Reads the cost of one process, or of several together.
#[derive(Debug, Clone)]
pub struct Gauge {
    pids: Vec<u32>,
}

/// The cost so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Reading {
    /// CPU time of all threads, user and system.
    pub cpu: Duration,
    /// Resident memory.
    pub rss_bytes: u64,
}

impl Gauge {
    /// A gauge on a process that exists.
    pub fn on(pid: u32) -> anyhow::Result<Self> {
        Self::on_all(&[pid]).map(|gauge| gauge.expect("there is one process"))
    }

    /// A gauge on processes that exist, if there are any.
    pub fn on_all(pids: &[u32]) -> anyhow::Result<Option<Self>> {
        if pids.is_empty() {
            return Ok(None);
        }
        let gauge = Self { pids: pids.to_vec() };
        gauge.read()?;
        Ok(Some(gauge))
    }

    /// The cost now. The kernel counts CPU in ticks of 10 ms: measure over seconds.
    pub fn read(&self) -> anyhow::Result<Reading> {
        let mut all = Reading::default();
        for pid in &self.pids {
            let Reading { cpu, rss_bytes } = read(*pid)?;
            all.cpu += cpu;
            all.rss_bytes += rss_bytes;
        }
        Ok(all)
    }
}

fn read(pid: u32) -> anyhow::Result<Reading> {
    let text = |name: &str| {
        let path = format!("/proc/{pid}/{name}");
        fs::read_to_string(&path).with_context(|| format!("reading {path}"))
    };
    let ticks = cpu_ticks(&text("stat")?).context("an unreadable stat")?;
    let pages = rss_pages(&text("statm")?).context("an unreadable statm")?;
    Ok(Reading {
        cpu: Duration::from_secs(ticks) / rustix::param::clock_ticks_per_second() as u32,
        rss_bytes: pages * rustix::param::page_size() as u64,
    })
}

/// Fields 14 and 15 of `stat`, counted from behind the command, which may contain spaces and parentheses.
fn cpu_ticks(stat: &str) -> Option<u64> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(user + system)
}

/// Field 2 of `statm`.
fn rss_pages(statm: &str) -> Option<u64> {
    statm.split_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stat_is_read_behind_any_command_name() {
        let stat = "42 (a) b (c) S 1 42 42 0 -1 4194560 100 0 0 0 250 50 0 0 20 0 1 0 900 1000 10";
        assert_eq!(cpu_ticks(stat), Some(300));
        assert_eq!(cpu_ticks("42 (x) S 1"), None);
    }

    #[test]
    fn statm_gives_resident_pages() {
        assert_eq!(rss_pages("900 120 30 1 0 50 0\n"), Some(120));
        assert_eq!(rss_pages(""), None);
    }

    #[test]
    fn this_process_can_be_read_and_a_missing_one_is_an_error() {
        let here = Gauge::on(std::process::id()).unwrap().read().unwrap();
        assert!(here.rss_bytes > 0);
        assert!(Gauge::on(u32::MAX).is_err());
        assert!(Gauge::on_all(&[]).unwrap().is_none());
        let twice = Gauge::on_all(&[std::process::id(); 2]).unwrap().unwrap().read().unwrap();
        assert!(twice.rss_bytes > here.rss_bytes);
    }
}
