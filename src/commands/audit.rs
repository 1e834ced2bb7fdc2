//! `liveroom audit`: checks the books of a stopped server.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args;

use super::{EXIT_FAILED, print};
use crate::server::audit::Books;
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
        let books = Books { acks: self.acks, ..Books::of(&self.data_dir, Bounds::default()) };
        let report = books.audit()?;
        let json = serde_json::to_string_pretty(&report.to_json())? + "\n";
        match &self.json {
            Some(path) => std::fs::write(path, json).with_context(|| format!("can't write {}", path.display()))?,
            None => print(&json)?,
        }
        match report.first_failure() {
            None => Ok(ExitCode::SUCCESS),
            Some(finding) => {
                eprintln!("{}: {}", finding.name, finding.detail);
                Ok(ExitCode::from(EXIT_FAILED))
            }
        }
    }
}
