//! The command line: one file per command, and what they share: exit codes, the printing of errors, the layers of the
//! configuration.

mod audit;
mod config;
mod demo;
mod redis;
mod serve;
mod token;
mod verify;

use std::fmt;
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::str::FromStr;

use clap::{Args, Parser, Subcommand};

use crate::server::config::{Config, Layers, Mistakes};

/// Nothing went wrong, but what was looked at is not as it must be, or could not be done.
const EXIT_FAILED: u8 = 1;
/// What was asked for, by the command line or by the configuration, can't be: as clap exits for wrong usage. Of the commands
/// that give a verdict: there is none.
const EXIT_USAGE: u8 = 2;

/// A low-latency interaction server for live rooms: red-packet rain, flash sales, and the room's channel.
#[derive(Debug, Parser)]
#[command(name = "liveroom", version, max_term_width = 100)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server
    Serve(serve::ServeArgs),
    /// Start a server, let simulated viewers storm it, and audit the books
    Demo(demo::DemoArgs),
    /// Make an access token, or a key to sign tokens with
    Token(token::TokenArgs),
    /// Check the books of a stopped server, or of those that share a Redis
    Audit(audit::AuditArgs),
    /// Check what a server has published: draws
    Verify(verify::VerifyArgs),
    /// Look at a Redis that keeps decisions
    Redis(redis::RedisArgs),
    /// Check, print or explain the configuration
    Config(config::ConfigArgs),
}

impl Cli {
    /// Does what was asked for. Errors go to standard error: the error first, then what caused it.
    pub fn run(self) -> ExitCode {
        let gives_verdict = matches!(self.command, Command::Audit(_) | Command::Verify(_) | Command::Redis(_));
        let done = match self.command {
            Command::Serve(args) => args.run(),
            Command::Demo(args) => args.run(),
            Command::Token(args) => args.run(),
            Command::Audit(args) => args.run(),
            Command::Verify(args) => args.run(),
            Command::Redis(args) => args.run(),
            Command::Config(args) => args.run(),
        };
        done.unwrap_or_else(|error| {
            // Nobody is left to be told if this can't be written.
            let _ = writeln!(io::stderr(), "error: {}", Chain(&error));
            ExitCode::from(if gives_verdict || error.is::<Mistakes>() { EXIT_USAGE } else { EXIT_FAILED })
        })
    }
}

/// An error in one line, then each cause in a line of its own.
struct Chain<'a>(&'a anyhow::Error);

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        self.0.chain().skip(1).try_for_each(|cause| write!(f, "\n  because: {cause}"))
    }
}

/// A file that will be written after much work.
///
/// # Errors
/// When there can be no such file: better to hear it before the work.
pub fn output(path: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(path);
    match path.parent() {
        None => Err("is no file".to_owned()),
        Some(_) if path.is_dir() => Err("is a folder".to_owned()),
        Some(folder) if !folder.as_os_str().is_empty() && !folder.is_dir() => {
            Err(format!("there is no folder {}", folder.display()))
        }
        Some(_) => Ok(path),
    }
}

/// Writes to standard output. A reader that has seen enough, as `head` has, is no error.
fn print(text: &str) -> anyhow::Result<()> {
    match io::stdout().write_all(text.as_bytes()).and_then(|()| io::stdout().flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        done => Ok(done?),
    }
}

/// The flags that override the configuration, for the commands that take one.
#[derive(Debug, Default, Args)]
struct Overrides {
    /// The configuration, TOML; `liveroom config default` prints one with explanations
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where viewers come in over QUIC
    #[arg(long, value_name = "ADDR")]
    quic: Option<SocketAddr>,
    /// Where viewers come in over WebSocket
    #[arg(long, value_name = "ADDR")]
    ws: Option<SocketAddr>,
    /// Where hosts and operators come in over HTTP
    #[arg(long, value_name = "ADDR")]
    admin: Option<SocketAddr>,
    /// Where everything is kept
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// The Redis that keeps decisions, shared by all servers that name it: redis://host:port. A password is better set as
    /// LIVEROOM_STORE__REDIS
    #[arg(long, value_name = "URL")]
    store: Option<String>,
}

impl Overrides {
    /// Defaults, file, environment and flags together.
    fn load(&self, development: bool) -> Result<Config, Mistakes> {
        let addresses = [("listen.quic", self.quic), ("listen.ws", self.ws), ("listen.admin", self.admin)];
        let mut flags: Vec<_> =
            addresses.into_iter().filter_map(|(key, address)| Some((key, address?.to_string()))).collect();
        flags.extend(self.store.clone().map(|url| ("store.redis", url)));
        // A path that is not text goes in below: the layers are made of text.
        flags.extend(self.data_dir.as_ref().map(|dir| ("store.data_dir", dir.to_string_lossy().into_owned())));
        let layers =
            Layers { development, file: self.config.as_deref(), environment: Layers::process_environment(), flags };
        let mut config = layers.load()?;
        if let Some(dir) = &self.data_dir {
            config.store.data_dir.clone_from(dir);
        }
        Ok(config)
    }
}

/// A duration such as `90s`, `15m` or `1h`.
#[derive(Debug, Clone, Copy)]
struct Span(std::time::Duration);

impl FromStr for Span {
    type Err = humantime::DurationError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        humantime::parse_duration(text).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn each_form_of_each_command_is_understood() {
        for (line, ok) in [
            ("serve", true),
            ("serve --dev --quic 127.0.0.1:0 --ws 127.0.0.1:0 --admin 127.0.0.1:0 --data-dir /tmp/x", true),
            ("serve --config liveroom.toml", true),
            ("serve --store redis://127.0.0.1:6379", true),
            ("serve --quic nowhere", false),
            ("demo --viewers 1000 --exit --json out.json", true),
            ("demo --viewers 0", false),
            ("token --role viewer --user u1", true),
            ("token --role host --user h1 --room r1 --room r2 --ttl 1h", true),
            ("token --role operator --user o1 --key k.pem --kid k1 --config c.toml", true),
            ("token --role root --user u1", false),
            ("token --role viewer --user {u}", false),
            ("token --role viewer --user u1 --ttl soon", false),
            ("token --role viewer", false),
            ("token --user u1", false),
            ("token --role viewer --user u1 --key k.pem", false),
            ("token keygen --kid k1 --out .", true),
            ("token keygen", false),
            ("audit --data-dir d --acks a --json j", true),
            ("audit", false),
            ("audit --store redis://127.0.0.1 --prefix shop --acks a", true),
            ("audit --store nowhere", false),
            ("audit --store redis://127.0.0.1 --data-dir d", false),
            ("verify draw record.json", true),
            ("verify draw https://example.com/record --receipt a.json --receipt b.json --proof p.json", true),
            ("verify draw record.json --root 00", false),
            ("verify draw", false),
            ("verify", false),
            ("redis check redis://127.0.0.1:6379 --durability replicas:2", true),
            ("redis check redis://a:1,b:2,c:3?cluster=true", true),
            ("redis check redis://a:1,b:2,c:3?sentinel=main", true),
            ("redis check redis://a:1,b:2,c:3", false),
            ("redis check redis://127.0.0.1:6379 --durability hope", false),
            ("redis check", false),
            ("config check liveroom.toml", true),
            ("config check --config liveroom.toml", true),
            ("config check a.toml --config b.toml", false),
            ("config print --config liveroom.toml --quic 127.0.0.1:1", true),
            ("config default", true),
            ("config", false),
            ("", false),
        ] {
            let words = std::iter::once("liveroom").chain(line.split_whitespace());
            assert_eq!(Cli::try_parse_from(words).is_ok(), ok, "{line}");
        }
    }

    #[test]
    fn causes_follow_their_error_once() {
        let error = anyhow::anyhow!("no such key").context("can't sign");
        assert_eq!(Chain(&error).to_string(), "can't sign\n  because: no such key");
    }
}
