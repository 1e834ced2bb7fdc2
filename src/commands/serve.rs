//! `liveroom serve`: runs the server until it is told to stop.

use std::process::ExitCode;

use clap::Args;

use super::Overrides;

/// Run the server.
#[derive(Debug, Args)]
pub(super) struct ServeArgs {
    #[command(flatten)]
    overrides: Overrides,
    /// Make a certificate and keys, kept in the data directory, and print how to join
    #[arg(long)]
    dev: bool,
}

impl ServeArgs {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let _config = self.overrides.load(self.dev)?;
        anyhow::bail!("this build has no server yet")
    }
}
