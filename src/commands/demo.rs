//! `liveroom demo`: a server, its viewers, a rain and a sale, and the audit of their books.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

/// Start a server, let simulated viewers storm it, and audit the books.
#[derive(Debug, Args)]
pub(super) struct DemoArgs {
    /// How many viewers join
    #[arg(long, value_name = "N", default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    viewers: u32,
    /// End when the books are audited, with status 0 only if every invariant holds
    #[arg(long)]
    exit: bool,
    /// Where the results are written as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

impl DemoArgs {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let Self { viewers: _, exit: _, json: _ } = self;
        anyhow::bail!("this build has no demo yet")
    }
}
