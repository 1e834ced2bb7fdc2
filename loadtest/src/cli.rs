//! What can be asked for on the command line.

use std::net::{SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use liveroom::commands::output;
use liveroom::gateway::Rates;
use liveroom::store::redis::RedisUrl;

/// Storms a liveroom server, or measures what the bare transport would do in its place.
#[derive(Debug, Parser)]
#[command(name = "liveroom-loadtest")]
pub struct Cli {
    /// What to run.
    #[command(subcommand)]
    pub command: Command,
}

/// One run.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Red-packet rain: every viewer claims
    Rain(ClaimArgs),
    /// Flash sale: every viewer reserves
    Sale(SaleArgs),
    /// Coupons: every viewer claims ten from a drop, then reserves with the best of them
    Coupons(LoadArgs),
    /// Messages to everybody in the room
    Broadcast(BroadcastArgs),
    /// Viewers who are only there
    Idle(LoadArgs),
    /// Viewers comment, send hearts and vote; some say what must not be seen
    Talk(LoadArgs),
    /// Viewers enter a lucky bag, a keyword draw and a mic-link draw, and take codes out of a bag
    Draws(LoadArgs),
    /// People in rains among bots: early ones, guessers of numbers, a flood from one account, risky accounts
    Bots(BotsArgs),
    /// Watch task: every viewer stays for its steps
    WatchTask(LoadArgs),
    /// Check-in: every viewer checks in
    CheckIn(LoadArgs),
    /// Gifts: every viewer sends combos, for the board
    Gifts(LoadArgs),
    /// Enrolment: fewer places than viewers
    Enrolment(LoadArgs),
    /// Lucky bags: one that is drawn, one that newcomers unlock by watching, one of codes
    Bags(LoadArgs),
    /// Templates: a sale like one by hand, and a rain that comes every day of a week
    Template(LoadArgs),
    /// Campaign with goals: coupons, a rain and a sale, whose orders are paid
    Campaign(LoadArgs),
    /// Experiment: viewers fall into arms by weight; a rain, a sale and coupons are for one arm each
    Experiment(LoadArgs),
    /// Rain, sale and messages together
    Mixed(MixedArgs),
    /// An evening's broadcast with everything, in turn and overlapping, for viewers of many kinds; ends with the audit
    Show(Box<ShowArgs>),
    /// What the bare transport does with the same traffic, as the measure to judge a server by
    Limit(LimitArgs),
    /// The bare server that `limit` starts
    #[command(hide = true)]
    Bare(BareArgs),
}

/// How viewers reach the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Transport {
    /// QUIC, ALPN `liveroom/1`
    Quic,
    /// WebSocket
    Ws,
}

/// The bare shapes of traffic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum BareShape {
    /// 64 bytes there and 64 back on one long-lived QUIC stream per viewer
    Echo,
    /// 200 bytes to each viewer on its own QUIC stream
    Fanout,
    /// 200 bytes to each viewer by one TCP write
    TcpFanout,
    /// QUIC connections that say nothing
    Idle,
}

/// Load on a server.
#[derive(Debug, Clone, Args)]
pub struct LoadArgs {
    /// Where the server listens for viewers; given several times, servers that share a store: viewers are spread over them,
    /// and go on to the next when theirs is gone
    #[arg(long = "target", value_name = "ADDR", value_parser = address, required = true)]
    pub targets: Vec<SocketAddr>,
    /// How viewers reach it
    #[arg(long, value_enum, default_value = "quic")]
    pub transport: Transport,
    /// How many viewers
    #[arg(long, value_name = "N", default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..))]
    pub viewers: u32,
    /// The server's process on this machine, for its CPU and memory; of several servers, each, for the sum
    #[arg(long = "server-pid", value_name = "PID")]
    pub server_pids: Vec<u32>,
    /// Where each acknowledgement that a viewer received is written, and what it was told of held cash, one JSON object a line
    #[arg(long, value_name = "FILE", value_parser = output)]
    pub acks: Option<PathBuf>,
    /// The server's admin API; of several servers, each in the order of the targets [default: port 8081 of the first target]
    #[arg(long = "admin", value_name = "ADDR", value_parser = address)]
    pub admins: Vec<SocketAddr>,
    /// The key that signs tokens, Ed25519 (PEM) or an HS256 secret; not needed against `serve --dev` on this machine
    #[arg(long, value_name = "FILE")]
    pub token_key: Option<PathBuf>,
    /// The key's id on the server, if it is not the file's name
    #[arg(long, value_name = "KID")]
    pub token_kid: Option<String>,
    /// What the server calls itself in tokens
    #[arg(long, value_name = "NAME", default_value = "liveroom")]
    pub token_audience: String,
    /// The SHA-256 of the server's certificate, in hex; not needed on this machine
    #[arg(long, value_name = "HEX")]
    pub cert_sha256: Option<String>,
    /// After so long without a sign of the server a viewer connects anew [default: 30s, or 3s where there is another server]
    #[arg(long, value_name = "D", value_parser = humantime::parse_duration)]
    pub patience: Option<Duration>,
    /// Requests that a viewer has under way at once
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    pub in_flight: u32,
    /// When, how long, and where the results go
    #[command(flatten)]
    pub common: CommonArgs,
}

impl LoadArgs {
    /// After how long without a sign of the server a viewer connects anew.
    pub fn patience(&self) -> Duration {
        let usual = if self.targets.len() > 1 { 3 } else { 30 };
        self.patience.unwrap_or(Duration::from_secs(usual))
    }

    /// Where the API is: at one of the servers, or at each.
    ///
    /// # Errors
    /// When there are more servers than that, or fewer.
    pub fn admins(&self) -> anyhow::Result<Vec<SocketAddr>> {
        let (admins, targets) = (self.admins.len(), self.targets.len());
        anyhow::ensure!(admins <= 1 || admins == targets, "{admins} times --admin, and {targets} times --target");
        let usual = || self.targets.first().map(|target| SocketAddr::new(target.ip(), ADMIN_PORT));
        Ok(if admins == 0 { usual().into_iter().collect() } else { self.admins.clone() })
    }
}

/// Where the API usually is.
const ADMIN_PORT: u16 = 8081;

/// Load that asks for something.
#[derive(Debug, Clone, Args)]
pub struct ClaimArgs {
    /// The load
    #[command(flatten)]
    pub load: LoadArgs,
    /// How many rooms there are
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    pub rooms: u32,
    /// How many activities are open, spread over the rooms; viewers are where there is one
    #[arg(long, value_name = "M", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    pub activities: u32,
}

/// A flash sale.
#[derive(Debug, Clone, Args)]
pub struct SaleArgs {
    /// The load
    #[command(flatten)]
    pub claims: ClaimArgs,
    /// Let there be one unit, so that all others are told that there is no more
    #[arg(long)]
    pub sold_out: bool,
}

/// Messages to everybody.
#[derive(Debug, Clone, Args)]
pub struct BroadcastArgs {
    /// The load; an operation is one viewer's hearing of what one tick brings
    #[command(flatten)]
    pub load: LoadArgs,
    /// Messages that the host says at once, to travel in one frame
    #[arg(long, value_name = "M", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=256))]
    pub messages_per_tick: u32,
    /// The length of each; with the default the frame of one message has about 200 bytes, as has the bare fan-out's
    #[arg(long, value_name = "N", default_value_t = 144, value_parser = clap::value_parser!(u32).range(16..=1000))]
    pub message_bytes: u32,
}

/// People among bots.
#[derive(Debug, Clone, Args)]
pub struct BotsArgs {
    /// The load: so many people; for every eight of them there is one bot of each kind
    #[command(flatten)]
    pub load: LoadArgs,
    /// The server's `rates.claim.per_second`: what one account may ask in the long run
    #[arg(long, value_name = "N", default_value_t = Rates::default().claim.per_second)]
    pub claim_rate: u32,
    /// The server's `rates.claim.burst`: what one account may ask at once
    #[arg(long, value_name = "N", default_value_t = Rates::default().claim.burst)]
    pub claim_burst: u32,
}

/// Everything together.
#[derive(Debug, Clone, Args)]
pub struct MixedArgs {
    /// The load on the stormed rooms; `--duration` is for the quiet room alone, and once more for all together
    #[command(flatten)]
    pub load: LoadArgs,
    /// Claims per second in the quiet room
    #[arg(long, value_name = "OPS", default_value = "200", value_parser = rate)]
    pub quiet_rate: f64,
}

/// An evening with everything.
#[derive(Debug, Clone, Args)]
pub struct ShowArgs {
    /// The load; `--duration` is the length of the broadcast: a minute is a good one
    #[command(flatten)]
    pub load: LoadArgs,
    /// Makes viewers choose as they did in another run [default: by chance]
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Where the server keeps its data, on this machine: in the end its books are audited, on a copy
    #[arg(long, value_name = "DIR", value_parser = folder, conflicts_with = "store")]
    pub data_dir: Option<PathBuf>,
    /// The Redis that the servers share: in the end its log is audited
    #[arg(long, value_name = "URL")]
    pub store: Option<RedisUrl>,
    /// What the keys in Redis begin with
    #[arg(long, value_name = "NAME", default_value = "liveroom")]
    pub prefix: String,
}

/// The bare transport's limit.
#[derive(Debug, Clone, Args)]
pub struct LimitArgs {
    /// Only these shapes
    #[arg(long, value_enum, value_delimiter = ',')]
    pub only: Vec<BareShape>,
    /// How many viewers, instead of 300 (echo), 1,000 (fanout, tcp-fanout) and 5,000 (idle)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub viewers: Option<u32>,
    /// The core that the bare server keeps to
    #[arg(long, value_name = "CORE")]
    pub server_core: Option<usize>,
    /// When, how long, and where the results go
    #[command(flatten)]
    pub common: CommonArgs,
}

impl LimitArgs {
    /// The shapes to run, in the order of the report.
    pub fn shapes(&self) -> Vec<BareShape> {
        let all = BareShape::value_variants().iter().copied();
        all.filter(|shape| self.only.is_empty() || self.only.contains(shape)).collect()
    }
}

/// What every measured run has.
#[derive(Debug, Clone, Args)]
pub struct CommonArgs {
    /// Operations per second, whether answered or not (open loop); without it, as fast as answers come (closed loop)
    #[arg(long, value_name = "OPS", value_parser = rate)]
    pub rate: Option<f64>,
    /// How long to measure
    #[arg(long, value_name = "D", default_value = "8s", value_parser = humantime::parse_duration)]
    pub duration: Duration,
    /// How long to run before measuring
    #[arg(long, value_name = "D", default_value = "2s", value_parser = humantime::parse_duration)]
    pub warmup: Duration,
    /// The core that the tester keeps to
    #[arg(long, value_name = "CORE")]
    pub tester_core: Option<usize>,
    /// Where the result is written as JSON
    #[arg(long, value_name = "FILE", value_parser = output)]
    pub json: Option<PathBuf>,
    /// Where the result is written as a page with charts
    #[arg(long, value_name = "FILE", value_parser = output)]
    pub html: Option<PathBuf>,
}

/// The bare server.
#[derive(Debug, Clone, Args)]
pub struct BareArgs {
    /// What it serves
    #[arg(value_enum)]
    pub shape: BareShape,
    /// The core it keeps to
    #[arg(long, value_name = "CORE")]
    pub core: Option<usize>,
}

fn folder(path: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(path);
    if path.is_dir() { Ok(path) } else { Err(format!("there is no folder {}", path.display())) }
}

fn address(text: &str) -> Result<SocketAddr, String> {
    let mut found = text.to_socket_addrs().map_err(|error| error.to_string())?;
    found.next().ok_or_else(|| "no such host".to_owned())
}

fn rate(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(rate) if rate.is_finite() && rate > 0.0 => Ok(rate),
        _ => Err("a number above zero, please".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_definition_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_load_takes_the_documented_options() {
        let words = "liveroom-loadtest sale --target 127.0.0.1:4433 --transport ws --viewers 20 --rate 1500.5 \
                     --duration 1m --json a --acks b --server-pid 7 --html c --admin 127.0.0.1:9000 --token-key d";
        let Command::Sale(sale) = Cli::parse_from(words.split_whitespace()).command else { panic!("not a sale") };
        let load = sale.claims.load;
        assert_eq!(load.transport, Transport::Ws);
        assert_eq!(load.viewers, 20);
        assert_eq!(load.common.rate, Some(1500.5));
        assert_eq!(load.common.duration, Duration::from_secs(60));
        assert_eq!(load.server_pids, [7]);
        assert_eq!(load.patience(), Duration::from_secs(30));
    }

    #[test]
    fn several_servers_are_named_one_by_one() {
        let load = |words: &str| match Cli::try_parse_from(words.split_whitespace()).map(|cli| cli.command) {
            Ok(Command::Idle(load)) => load,
            other => panic!("{other:?}"),
        };
        let two = load("x idle --target 127.0.0.1:1 --target 127.0.0.1:2 --admin 127.0.0.1:3 --admin 127.0.0.1:4");
        assert_eq!((two.targets.len(), two.admins().unwrap().len()), (2, 2));
        assert_eq!(two.patience(), Duration::from_secs(3));
        let one = load("x idle --target 127.0.0.1:1 --target 127.0.0.1:2");
        assert_eq!(one.admins().unwrap(), ["127.0.0.1:8081".parse().unwrap()]);
        let wrong = load("x idle --target 127.0.0.1:1 --admin 127.0.0.1:3 --admin 127.0.0.1:4");
        assert_eq!(wrong.admins().unwrap_err().to_string(), "2 times --admin, and 1 times --target");
        assert!(Cli::try_parse_from(["x", "idle"]).is_err(), "somewhere to go there must be");
    }

    #[test]
    fn what_can_not_be_written_is_said_before_the_run() {
        let to = "x show --target 127.0.0.1:1";
        for (words, why) in [
            ("--html /nowhere/a.html", "there is no folder /nowhere"),
            ("--json /nowhere/a.json", "there is no folder /nowhere"),
            ("--acks /nowhere/a", "there is no folder /nowhere"),
            ("--acks /", "is no file"),
            ("--json .", "is a folder"),
            ("--data-dir /nowhere", "there is no folder /nowhere"),
        ] {
            let refused = Cli::try_parse_from(format!("{to} {words}").split_whitespace()).unwrap_err().to_string();
            assert!(refused.contains(why), "{words}: {refused}");
        }
    }

    #[test]
    fn limit_runs_all_shapes_or_the_named_ones() {
        let shapes = |words: &str| match Cli::parse_from(words.split_whitespace()).command {
            Command::Limit(args) => args.shapes(),
            _ => panic!("not a limit"),
        };
        use BareShape::*;
        assert_eq!(shapes("x limit"), [Echo, Fanout, TcpFanout, Idle]);
        assert_eq!(shapes("x limit --only tcp-fanout,echo"), [Echo, TcpFanout]);
    }

    #[test]
    fn impossible_rates_are_refused() {
        for text in ["0", "-1", "inf", "NaN", "x"] {
            assert!(rate(text).is_err(), "{text}");
        }
    }
}
