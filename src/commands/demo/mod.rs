//! `liveroom demo`: a server, its viewers, a rain and a sale, and the audit of their books.

mod crowd;
mod show;
mod tables;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args;
use tokio::signal::ctrl_c;

use super::{EXIT_FAILED, output, print, serve};
use crate::engine::Clock;
use crate::server::audit::Books;
use crate::server::config::{Config, Layers};
use crate::server::development::Development;
use crate::server::{Secrets, Server};
use crate::store::audit::Report;

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
    #[arg(long, value_name = "FILE", value_parser = output)]
    json: Option<PathBuf>,
}

impl DemoArgs {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let dir = tempfile::Builder::new().prefix("liveroom-demo-").tempdir().context("can't make a folder")?;
        let config = demo_config(dir.path(), self.viewers)?;
        serve::runtime(&config)?.block_on(async {
            tokio::select! {
                done = self.play(&config) => done,
                // The folder goes with us, whatever is in it.
                _ = ctrl_c() => Ok(ExitCode::from(EXIT_FAILED)),
            }
        })
    }

    async fn play(&self, config: &Config) -> anyhow::Result<ExitCode> {
        let acks = config.store.data_dir.join("acks.ndjson");
        let server = start(config).await?;
        let shown = show::play(&server, config, self.viewers, &acks).await;
        server.stop().await;
        let shown = shown?;
        let books = Books { acks: Some(acks), ..Books::of(&config.store.data_dir, config.store_bounds()) };
        let mut report = tokio::task::spawn_blocking(move || books.audit()).await.context("the audit panicked")??;
        report.findings.splice(0..0, shown.findings());
        report.ok = report.findings.iter().all(|finding| finding.ok);
        print(&tables::results(&shown, &report))?;
        if let Some(path) = &self.json {
            let json = serde_json::to_string_pretty(&json(&shown, &report))? + "\n";
            std::fs::write(path, json).with_context(|| format!("can't write {}", path.display()))?;
        }
        if !self.exit {
            stay(config).await?;
        }
        Ok(if report.ok { ExitCode::SUCCESS } else { ExitCode::from(EXIT_FAILED) })
    }
}

/// Starts a second time on the same data, so that one can look around.
async fn stay(config: &Config) -> anyhow::Result<()> {
    let server = start(config).await?;
    let development = Development::below(&config.store.data_dir);
    print("The server runs on over the same books. Ctrl-C ends it.\n")?;
    print(&serve::how_to_join(&server, &development, config)?)?;
    ctrl_c().await.context("can't wait for Ctrl-C")?;
    server.stop().await;
    Ok(())
}

async fn start(config: &Config) -> anyhow::Result<Server> {
    let development = Development::below(&config.store.data_dir);
    let secrets = Secrets::load(config, Some(&development), Clock::real().now())?;
    Server::start(config, secrets).await
}

fn demo_config(dir: &Path, viewers: u32) -> anyhow::Result<Config> {
    let anywhere = || "127.0.0.1:0".to_owned();
    let flags = vec![
        ("listen.quic", anywhere()),
        ("listen.ws", anywhere()),
        ("listen.admin", anywhere()),
        ("connections.per_address_max", (viewers + 16).to_string()),
        ("store.data_dir", dir.display().to_string()),
    ];
    Ok(Layers { development: true, file: None, environment: Vec::new(), flags }.load()?)
}

fn json(shown: &show::Shown, report: &Report) -> serde_json::Value {
    let audit = report.to_json();
    serde_json::json!({
        "viewers": shown.viewers, "rain": shown.rain.to_json(), "sale": shown.sale.to_json(),
        "invariants": audit["invariants"], "ok": report.ok,
    })
}
