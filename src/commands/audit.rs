//! `liveroom audit`: checks the books of a stopped server.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

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
        let Self { data_dir: _, acks: _, json: _ } = self;
        anyhow::bail!("this build has no audit yet")
    }
}
