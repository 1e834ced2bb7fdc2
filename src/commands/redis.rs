//! `liveroom redis`: looks at a Redis that keeps decisions, or shall.

use std::fmt::Write as _;
use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::{EXIT_FAILED, print};
use crate::store::redis::{Durability, Reading, RedisOptions, RedisUrl, settings};

/// Look at a Redis that keeps decisions.
#[derive(Debug, Args)]
pub(super) struct RedisArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Say whether servers can use it: reachability, version, role, settings, and the log that is in it; status 1 if not
    Check {
        /// The Redis
        #[arg(value_name = "URL")]
        url: RedisUrl,
        /// What it must be able to promise
        #[arg(long, value_name = "LEVEL", default_value_t)]
        durability: Durability,
        /// What the keys begin with
        #[arg(long, value_name = "NAME", default_value = "liveroom")]
        prefix: String,
    },
}

impl RedisArgs {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let What::Check { url, durability, prefix } = self.what;
        let options = RedisOptions { prefix, durability, ..RedisOptions::new(url) };
        let settings = settings(&options)?;
        let mut text = String::new();
        writeln!(text, "{} is Redis {}", options.url, settings.version)?;
        match Reading::begin(&options) {
            Ok(log) => writeln!(text, "the log {:?} has {} batches", options.prefix, log.batches())?,
            Err(why) => writeln!(text, "note: {why}")?,
        }
        let lacks = settings.lacks(durability);
        for lack in &lacks {
            writeln!(text, "it can't promise the durability \"{durability}\": {lack}")?;
        }
        if lacks.is_empty() {
            writeln!(text, "it can promise the durability \"{durability}\"")?;
        }
        print(&text)?;
        Ok(if lacks.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(EXIT_FAILED) })
    }
}
