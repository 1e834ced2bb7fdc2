//! `liveroom serve`: runs the server until it is told to stop.

use std::fmt::Write as _;
use std::io::IsTerminal as _;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

use super::{EXIT_FAILED, Overrides, print};
use crate::engine::Clock;
use crate::server::config::{Config, Log, LogFormat};
use crate::server::development::Development;
use crate::server::{Secrets, Server};

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
        let config = self.overrides.load(self.dev)?;
        start_log(&config.log)?;
        runtime(&config)?.block_on(serve(&config, self.dev))
    }
}

/// The runtime that a server needs.
pub(super) fn runtime(config: &Config) -> anyhow::Result<tokio::runtime::Runtime> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    if let Some(threads) = config.threads.network {
        builder.worker_threads(threads);
    }
    builder.enable_all().build().context("can't start threads")
}

async fn serve(config: &Config, dev: bool) -> anyhow::Result<ExitCode> {
    // Asked for before anything starts: a signal that comes early is not lost.
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let development = dev.then(|| Development::below(&config.store.data_dir));
    let secrets = Secrets::load(config, development.as_ref(), Clock::real().now())?;
    let server = Server::start(config, secrets).await?;
    tracing::info!(quic = %server.quic, ws = %server.ws, admin = %server.admin, "serving");
    if let Some(development) = &development {
        print(&how_to_join(&server, development, config)?)?;
    }
    let why = tokio::select! {
        _ = terminate.recv() => None,
        _ = interrupt.recv() => None,
        why = server.failed() => Some(why),
    };
    match why {
        None => {
            tracing::info!("stopping");
            // Whoever asks twice does not want to wait.
            tokio::select! {
                () = server.stop() => {}
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            tracing::info!("stopped");
            Ok(ExitCode::SUCCESS)
        }
        Some(why) => {
            tracing::error!(%why, "ending at once: only a restart can tell what is durable");
            // Nothing may be answered any more, so nothing is shut down in order.
            std::process::exit(i32::from(EXIT_FAILED));
        }
    }
}

/// Starts the log, on standard error.
fn start_log(log: &Log) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(&log.level).context("log.level")?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // On a terminal the environment decides, as everywhere (NO_COLOR).
    let builder = if std::io::stderr().is_terminal() { builder } else { builder.with_ansi(false) };
    match log.format {
        LogFormat::Text => builder.init(),
        LogFormat::Json => builder.json().init(),
    }
    Ok(())
}

pub(super) fn how_to_join(server: &Server, development: &Development, config: &Config) -> anyhow::Result<String> {
    let (_, join) = development.prepare(Clock::real().now())?;
    let dir = config.store.data_dir.display();
    let mut text = String::new();
    writeln!(text, "\nA development server: its keys are in {dir}/dev and let anybody in who can read them.\n")?;
    writeln!(text, "  QUIC        {}  (ALPN liveroom/1)", server.quic)?;
    writeln!(text, "  WebSocket   ws://{}/v1/ws", server.ws)?;
    writeln!(text, "  API         http://{}  (/openapi.json)", server.admin)?;
    writeln!(text, "  certificate sha256 {}\n", join.certificate_sha256)?;
    writeln!(text, "  a host's token:    liveroom token --data-dir {dir} --role host --user host-1")?;
    writeln!(text, "  a viewer's token:  liveroom token --data-dir {dir} --role viewer --user viewer-1")?;
    writeln!(text, "  a storm:           liveroom-loadtest sale --target {} --viewers 1000", server.quic)?;
    writeln!(text)?;
    Ok(text)
}
