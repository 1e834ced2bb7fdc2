//! `liveroom audit`: checks the books of a stopped server.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args;

use super::{EXIT_FAILED, print};
use crate::events::ndjson::{Expect, SinkEqualsLog};
use crate::server::JOURNAL;
use crate::store::audit::{self, Ack, Auditor, Report};
use crate::store::embedded;
use crate::store::journal::RealDisk;
use crate::store::Bounds;

/// Check the books of a stopped server.
#[derive(Debug, Args)]
pub(super) struct AuditArgs {
    /// Where the server kept everything
    #[arg(long, value_name = "DIR")]
    data_dir: PathBuf,
    /// Acknowledgements that clients received, one JSON object a line: each must be in the books
    #[arg(long, value_name = "FILE")]
    acks: Option<PathBuf>,
    /// Where the results are written as JSON, instead of standard output
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

impl AuditArgs {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let acks = match &self.acks {
            Some(path) => {
                let file = File::open(path).with_context(|| format!("can't read {}", path.display()))?;
                audit::read_acks(BufReader::new(file)).with_context(|| path.display().to_string())?
            }
            None => Vec::new(),
        };
        let report = audit_dir(&self.data_dir, acks)?;
        let json = serde_json::to_string_pretty(&report)? + "\n";
        match &self.json {
            Some(path) => std::fs::write(path, json).with_context(|| format!("can't write {}", path.display()))?,
            None => print(&json)?,
        }
        match report.first_failure() {
            None => Ok(ExitCode::SUCCESS),
            Some(finding) => {
                eprintln!("{}: {}", finding.name.word(), finding.detail);
                Ok(ExitCode::from(EXIT_FAILED))
            }
        }
    }
}

/// Audits a data directory that no server is using.
pub(super) fn audit_dir(data_dir: &Path, acks: Vec<Ack>) -> anyhow::Result<Report> {
    let disk = RealDisk::open_read_only(&data_dir.join(JOURNAL))?;
    let bounds = Bounds::default();
    let (tables, found) = embedded::read(&disk, bounds, |_| ())?;
    let base = embedded::base(&disk, bounds, &found)?;
    let from = base.latest_no();
    let mut auditor = Auditor::new(base);
    let events = data_dir.join("events");
    if events.is_dir() {
        auditor.add(Box::new(SinkEqualsLog::read(&events, Expect::Prefix)?));
    }
    for ack in acks {
        auditor.acknowledged(ack);
    }
    embedded::read(&disk, bounds, |recorded| {
        if recorded.no > from {
            auditor.see(recorded);
        }
    })?;
    Ok(auditor.report(&tables))
}
