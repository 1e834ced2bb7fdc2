//! Puts the parts together, and takes them apart again in order.

mod afterlife;
pub mod audit;
mod backing;
mod beacon;
pub mod config;
pub mod development;
pub mod fetch;
pub mod keys;
mod lexicons;
mod stewardship;
pub mod tls;
mod udp;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use quinn::Endpoint;
use secrecy::ExposeSecret;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use backing::{Backing, Beside};
use config::Config;
use development::Development;
use lexicons::LexiconFiles;

use crate::api::{self, Api, Authorize, Gauges, Metrics, PaymentSecret};
use crate::engine::{Clock, Engine, Running};
use crate::fanout::Leave;
use crate::gateway::token::{Issuer, Verifier};
use crate::gateway::ws::WsOptions;
use crate::gateway::{Admission, Authenticate, Gateway, Quotas, ReceiptKey, TrustedProxies, WireEncoder, quic, ws};
use crate::rules::Time;

/// How long connections that are closed may take to be gone.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// Where the journal is, in the data directory.
pub const JOURNAL: &str = "journal";

/// What a server must not show.
pub struct Secrets {
    /// QUIC, with its certificate.
    pub quic: quinn::ServerConfig,
    /// TLS for WebSocket, unless something in front of the server ends it.
    pub ws: Option<TlsAcceptor>,
    /// Reads viewers' tokens.
    pub authenticate: Arc<dyn Authenticate>,
    /// Reads hosts' and operators' tokens.
    pub authorize: Arc<dyn Authorize>,
    /// What receipts for entries of draws are signed with.
    pub receipts: Option<Arc<ReceiptKey>>,
    /// Shared with the payment provider.
    pub payments: Option<Arc<PaymentSecret>>,
    /// Makes tokens for whoever asks, in development.
    pub issuer: Option<Arc<Issuer>>,
}

impl Secrets {
    /// Reads what the configuration names; with `development`, what is missing is made.
    ///
    /// # Errors
    /// The first file that can't be used.
    pub fn load(config: &Config, development: Option<&Development>, now: Time) -> Result<Self> {
        let mut ring = keys::token_ring(&config.tokens)?;
        let mut identity = tls::configured(config.tls.cert_file.as_deref(), config.tls.key_file.as_deref())?;
        if let Some(development) = development {
            let (own, _) = development.prepare(now)?;
            development.add_to(&mut ring)?;
            identity.get_or_insert(own);
        }
        let identity = identity.context("QUIC needs a certificate: tls.cert_file and tls.key_file, or --dev")?;
        let ws = tls::configured(config.tls.ws_cert_file.as_deref(), config.tls.ws_key_file.as_deref())?;
        let ws = ws.map(|identity| identity.websocket()).transpose()?;
        let verifier = Arc::new(Verifier::new(ring, config.tokens.policy()));
        let age_ms_max = config.payments.signature_age_max.as_millis() as u64;
        let mut payments = keys::payment_secret(&config.payments)?;
        if payments.is_none()
            && let Some(development) = development
        {
            payments = Some(development.payment_secret()?);
        }
        let mut receipts = keys::receipt_key(&config.draws)?;
        if receipts.is_none()
            && let Some(development) = development
        {
            receipts = Some(development.receipt_key()?);
        }
        let issuer = development.map(|development| development.issuer(&config.tokens)).transpose()?;
        let payments = payments.map(|secret| Arc::new(PaymentSecret::new(secret.expose_secret(), age_ms_max)));
        Ok(Self {
            quic: identity.quic(config)?,
            ws: ws.map(TlsAcceptor::from),
            authenticate: verifier.clone(),
            authorize: verifier,
            payments,
            receipts: receipts.map(Arc::new),
            issuer: issuer.map(Arc::new),
        })
    }
}

/// A server that runs.
pub struct Server {
    /// Where viewers arrive over QUIC.
    pub quic: SocketAddr,
    /// Where viewers arrive over WebSocket.
    pub ws: SocketAddr,
    /// Where hosts and operators arrive.
    pub admin: SocketAddr,
    engine: Engine,
    running: Running,
    endpoint: Endpoint,
    admission: Arc<Admission>,
    ready: watch::Sender<bool>,
    stop_viewers: watch::Sender<bool>,
    stop_admin: watch::Sender<bool>,
    admin_task: JoinHandle<std::io::Result<()>>,
    beside: Beside,
    beacons: Option<JoinHandle<()>>,
    drain_timeout: Duration,
}

impl Server {
    /// Recovers, binds, and takes viewers.
    ///
    /// # Errors
    /// What kept it from starting; nothing is left running.
    pub async fn start(config: &Config, secrets: Secrets) -> Result<Self> {
        let Backing { keeper, begin } = Backing::open(config).await?;

        // Bound before anything is started: a port in use leaves nothing behind.
        let lasting = afterlife::config(&config.store.data_dir).context("can't keep the key of QUIC")?;
        let endpoint = udp::endpoint(lasting, secrets.quic, config.listen.quic)
            .with_context(|| format!("QUIC can't listen on {}", config.listen.quic))?;
        let ws_listener = TcpListener::bind(config.listen.ws)
            .await
            .with_context(|| format!("WebSocket can't listen on {}", config.listen.ws))?;
        let admin_listener = TcpListener::bind(config.listen.admin)
            .await
            .with_context(|| format!("the API can't listen on {}", config.listen.admin))?;
        let (quic, ws, admin) = (endpoint.local_addr()?, ws_listener.local_addr()?, admin_listener.local_addr()?);

        let (engine, running) = Engine::start(keeper, Clock::real(), Arc::new(WireEncoder), config.engine_limits())?;
        let lexicons = LexiconFiles::open(config.talk.lexicon_dir.clone(), &engine)
            .map_err(|why| anyhow::anyhow!("talk.lexicon_dir: {why}"))?;
        let beside = begin(config, &engine)?;
        tokio::spawn(Arc::clone(&lexicons).watch());

        let admission = Admission::new(config.admission_limits());
        let quotas = Quotas::new(config.rates, config.budgets);
        let gateway = Gateway {
            engine: engine.clone(),
            authenticate: secrets.authenticate,
            admission: Arc::clone(&admission),
            limits: Arc::new(config.session_limits()),
            quotas: Arc::clone(&quotas),
            receipts: secrets.receipts.clone(),
            write_timeout: config.session.write_timeout,
        };
        let (stop_viewers, stop_admin) = (watch::Sender::new(false), watch::Sender::new(false));
        let ready = watch::Sender::new(true);
        let mut gauges: Vec<Arc<dyn Gauges>> = vec![Arc::clone(&admission) as Arc<dyn Gauges>, quotas];
        gauges.extend(beside.gauges());
        let api = Api {
            engine: engine.clone(),
            authorize: secrets.authorize,
            payments: secrets.payments,
            receipt_key: secrets.receipts.as_ref().map(|key| key.public()),
            // Whoever can ask gets in: that must be nobody but this machine.
            issuer: secrets.issuer.filter(|_| admin.ip().is_loopback()),
            lexicons,
            metrics: Metrics::new(engine.clone(), gauges),
            ready: ready.subscribe(),
            limits: config.api_limits(),
        };
        let ws_options = Arc::new(WsOptions {
            origins: config.origins(),
            proxies: TrustedProxies::new(config.websocket.trusted_proxies.clone()),
            idle_timeout: config.session.idle_timeout,
            tls: secrets.ws,
        });
        tokio::spawn(quic::run(
            gateway.clone(),
            endpoint.clone(),
            config.connections.handshakes_before_retry,
            stop_viewers.subscribe(),
        ));
        tokio::spawn(ws::run(gateway, ws_listener, ws_options, stop_viewers.subscribe()));
        let admin_task = tokio::spawn(api::run(api, admin_listener, stop_admin.subscribe()));
        let beacons = config.draws.beacon_relay.clone().map(|relay| tokio::spawn(beacon::run(engine.clone(), relay)));
        let drain_timeout = config.drain.timeout;
        Ok(Self {
            beacons,
            quic,
            ws,
            admin,
            engine,
            running,
            endpoint,
            admission,
            ready,
            stop_viewers,
            stop_admin,
            admin_task,
            beside,
            drain_timeout,
        })
    }

    /// The inside: for whoever runs in the same process.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Returns when the store can't go on, and says why. The process must end then, without another answer.
    pub async fn failed(&self) -> String {
        let mut failed = self.engine.failed();
        match failed.wait_for(Option::is_some).await {
            Ok(why) => why.clone().unwrap_or_default(),
            Err(_) => "the store is gone".to_owned(),
        }
    }

    /// Stops: takes nobody new, tells everybody to come back elsewhere, answers what was asked, and keeps everything.
    pub async fn stop(self) {
        self.ready.send_replace(false);
        self.stop_viewers.send_replace(true);
        self.engine.dismiss(Leave::Draining);
        let gone = async {
            while self.admission.connections() > 0 {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        if tokio::time::timeout(self.drain_timeout, gone).await.is_err() {
            tracing::warn!(connections = self.admission.connections(), "viewers that did not leave are cut off");
        }
        if let Some(beacons) = self.beacons {
            beacons.abort();
        }
        self.stop_admin.send_replace(true);
        if tokio::time::timeout(self.drain_timeout, self.admin_task).await.is_err() {
            tracing::warn!("calls of the API that did not end are cut off");
        }
        self.running.stop().await;
        self.endpoint.close(0u32.into(), b"stopped");
        // Only so that the last packets get out: whoever misses them hears it when asking the next server.
        let _ = tokio::time::timeout(CLOSE_TIMEOUT, self.endpoint.wait_idle()).await;
        let beside = self.beside;
        if tokio::task::spawn_blocking(move || beside.stop()).await.is_err() {
            tracing::error!("a background thread ended in a panic");
        }
    }
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server").field("quic", &self.quic).field("ws", &self.ws).finish_non_exhaustive()
    }
}

impl Gauges for Admission {
    fn read(&self) -> Vec<(&'static str, &'static str, bool, u64)> {
        vec![
            ("connections", "Connections of viewers now", false, self.connections() as u64),
            ("turned_away", "Connections turned away, for there were too many", true, self.turned_away()),
        ]
    }
}

impl Gauges for Quotas {
    fn read(&self) -> Vec<(&'static str, &'static str, bool, u64)> {
        let (by_user, by_address) = self.refused();
        vec![
            ("rate_limited", "Requests refused, for their users had asked too often", true, by_user),
            ("address_budget", "Requests refused, for too many came from their addresses", true, by_address),
            ("addresses", "Addresses whose budgets are held", false, self.addresses() as u64),
        ]
    }
}
