//! The bare servers: the best plain program for each shape, and nothing of liveroom in it. A server is judged against
//! these, so whatever makes one faster belongs in here.

mod echo;
mod fanout;
mod idle;
mod tcp_fanout;

use std::net::{Ipv4Addr, SocketAddr};
use std::os::fd::AsFd;
use std::sync::Arc;

use anyhow::Context;
use bytes::Bytes;
use liveroom_protocol::transport;
use rustls::pki_types::PrivatePkcs8KeyDer;
use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe;

use crate::cli::{BareArgs, BareShape};
use crate::{crowd, machine};

/// The bytes of one message of a fan-out. It begins with the number of its round.
pub const FANOUT_BYTES: usize = 200;

/// The bytes of a request, and of the reply, of the echo.
pub const ECHO_BYTES: usize = 64;

/// Serves until the input ends.
pub fn run(args: &BareArgs) -> anyhow::Result<()> {
    machine::raise_descriptor_limit();
    let runtime = machine::runtime(args.core)?;
    let shape = args.shape;
    // Spawned, because the work belongs on the worker and not beside it.
    runtime.block_on(async move {
        let serving = tokio::spawn(async move {
            match shape {
                BareShape::Echo => echo::serve(endpoint()?, Orders::open()?).await,
                BareShape::Fanout => fanout::serve(endpoint()?, Orders::open()?).await,
                BareShape::TcpFanout => tcp_fanout::serve(Orders::open()?).await,
                BareShape::Idle => idle::serve(endpoint()?, Orders::open()?).await,
            }
        });
        serving.await?
    })
}

/// What the tester says to the bare server.
#[derive(Debug)]
struct Orders {
    input: pipe::Receiver,
}

impl Orders {
    fn open() -> anyhow::Result<Self> {
        let input = std::io::stdin().as_fd().try_clone_to_owned()?;
        Ok(Self { input: pipe::Receiver::from_owned_fd(input).context("the input must be a pipe")? })
    }

    /// The next rounds that are ordered at once; none when the tester is gone.
    async fn rounds(&mut self) -> usize {
        let mut orders = [0; 64];
        self.input.read(&mut orders).await.unwrap_or(0)
    }

    async fn end(&mut self) {
        while self.rounds().await > 0 {}
    }
}

/// Tells the tester where to connect.
fn announce(address: SocketAddr) {
    println!("{address}");
}

/// A quinn endpoint with a certificate made on the spot, and the very transport settings of the server: stream slots and
/// windows are most of what a connection costs, and a comparison with other settings would be worth nothing.
fn endpoint() -> anyhow::Result<quinn::Endpoint> {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
    let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
    let mut tls = rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key.into())?;
    tls.alpn_protocols = vec![transport::ALPN.to_vec()];
    let tls = quinn::crypto::rustls::QuicServerConfig::try_from(tls)?;
    let mut config = quinn::ServerConfig::with_crypto(Arc::new(tls));
    config.transport_config(Arc::new(transport::server_transport(transport::IDLE_TIMEOUT)));
    let socket = crowd::roomy_socket((Ipv4Addr::LOCALHOST, 0).into())?;
    let runtime = Arc::new(quinn::TokioRuntime);
    let endpoint = quinn::Endpoint::new(Default::default(), Some(config), socket, runtime)?;
    announce(endpoint.local_addr()?);
    Ok(endpoint)
}

/// What a viewer is told first, so that a tester knows it is counted in from then on.
fn welcome() -> Bytes {
    message(u64::MAX)
}

/// The message of the n-th round.
fn message(round: u64) -> Bytes {
    let mut message = [b'.'; FANOUT_BYTES];
    message[..8].copy_from_slice(&round.to_le_bytes());
    Bytes::copy_from_slice(&message)
}
