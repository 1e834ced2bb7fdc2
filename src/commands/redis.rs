//! `liveroom redis`: looks at a Redis that keeps decisions, or shall.

use std::fmt::Write as _;
use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::{EXIT_FAILED, print};
use crate::store::redis::{Durability, Reading, RedisOptions, RedisUrl, primaries};

/// Look at a Redis that keeps decisions.
#[derive(Debug, Args)]
pub(super) struct RedisArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Say whether servers can use it: each primary's version, role, settings, functions and replicas, and the log that is in
    /// it; status 1 if not, 2 if there is none
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
        let mut text = String::new();
        let mut lacks = 0;
        for primary in primaries(&options)? {
            writeln!(text, "{} is Redis {}", primary.address, primary.settings.version)?;
            for (replica, behind) in &primary.replicas {
                match behind {
                    Some(bytes) => writeln!(text, "  its replica {replica} is {bytes} bytes behind")?,
                    None => writeln!(text, "  its replica {replica} is not connected")?,
                }
            }
            if !primary.functions {
                writeln!(text, "  it has not this version's functions yet; a server loads them")?;
            }
            for lack in primary.settings.lacks(durability) {
                lacks += 1;
                writeln!(text, "  it can't promise the durability \"{durability}\": {lack}")?;
            }
        }
        match Reading::begin(&options) {
            Ok(log) => {
                let (batches, stripes) = (log.batches(), log.stripes());
                writeln!(text, "the log {:?} has {batches} batches on {stripes} stripe(s)", options.prefix)?;
            }
            Err(why) => writeln!(text, "note: {why}")?,
        }
        if lacks == 0 {
            writeln!(text, "{} can promise the durability \"{durability}\"", options.url)?;
        }
        print(&text)?;
        Ok(if lacks == 0 { ExitCode::SUCCESS } else { ExitCode::from(EXIT_FAILED) })
    }
}
