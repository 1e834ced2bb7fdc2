//! The `liveroom` program: everything is in `commands`.

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    liveroom::commands::Cli::parse().run()
}
