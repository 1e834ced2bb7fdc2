//! `liveroom audit`: checks the books of a stopped server, or of the servers that share a Redis.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{ArgGroup, Args};

use super::{Chain, EXIT_FAILED, output, print};
use crate::server::audit::{Books, audit_redis};
use crate::store::Bounds;
use crate::store::redis::{RedisOptions, RedisUrl};

/// Check the books of a stopped server, or of those that share a Redis.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("books").required(true).args(["data_dir", "store"]))]
pub(super) struct AuditArgs {
    /// Where the server kept everything
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// The server still runs: a copy of its books is checked, as they are now
    #[arg(long, requires = "data_dir")]
    running: bool,
    /// The Redis that keeps the decisions; servers may go on meanwhile
    #[arg(long, value_name = "URL")]
    store: Option<RedisUrl>,
    /// What the keys in Redis begin with
    #[arg(long, value_name = "NAME", default_value = "liveroom")]
    prefix: String,
    /// Acknowledgements that clients received, and what they were told of held cash, one JSON object a line: each must be in the books
    #[arg(long, value_name = "FILE")]
    acks: Option<PathBuf>,
    /// Where the results are written as JSON, instead of standard output
    #[arg(long, value_name = "FILE", value_parser = output)]
    json: Option<PathBuf>,
}

impl AuditArgs {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let report = match (self.store, self.data_dir) {
            (Some(url), _) => {
                let options = RedisOptions { prefix: self.prefix, ..RedisOptions::new(url) };
                audit_redis(&options, self.acks.as_deref())?
            }
            (None, data_dir) => {
                let data_dir = data_dir.context("--data-dir or --store")?;
                let copy = self.running.then(tempfile::tempdir).transpose().context("can't make a folder")?;
                let data_dir = match &copy {
                    None => data_dir.as_path(),
                    Some(copy) => {
                        Books::copy(&data_dir, copy.path())?;
                        copy.path()
                    }
                };
                Books { acks: self.acks, ..Books::of(data_dir, Bounds::default()) }.audit()?
            }
        };
        let json = serde_json::to_string_pretty(&report.to_json())? + "\n";
        let written = match &self.json {
            Some(path) => std::fs::write(path, json).with_context(|| format!("can't write {}", path.display())),
            None => print(&json),
        };
        let Some(finding) = report.first_failure() else { return written.map(|()| ExitCode::SUCCESS) };
        // A bad verdict is one, whether or not the rest can be written.
        eprintln!("{}: {}", finding.name, finding.detail);
        if let Err(why) = written {
            eprintln!("error: {}", Chain(&why));
        }
        Ok(ExitCode::from(EXIT_FAILED))
    }
}
