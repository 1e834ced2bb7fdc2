//! Many viewers on few sockets.
//!
//! QUIC tells connections apart by their ids, so hundreds of viewers share one UDP socket: it keeps descriptors and the
//! tester's own cost low, and packets are received many to a call.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::Arc;

use anyhow::Context;
use quinn::crypto::rustls::QuicClientConfig;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{DigitallySignedStruct, SignatureScheme};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::progress::Progress;

/// Viewers who share a socket.
pub const VIEWERS_PER_SOCKET: usize = 500;

/// Handshakes under way at once: enough to keep both ends busy, few enough that none times out.
pub const HANDSHAKES_MAX: usize = 64;

/// What a socket may hold before its reader comes: a whole round to every viewer on it.
pub const SOCKET_BUFFER_BYTES: usize = 4 * 1024 * 1024;

/// Connected viewers.
#[derive(Debug)]
pub struct Crowd {
    endpoints: Vec<quinn::Endpoint>,
    /// One connection per viewer.
    pub connections: Vec<quinn::Connection>,
}

impl Crowd {
    /// Connects `viewers` viewers, or none.
    pub async fn connect(
        target: SocketAddr, viewers: usize, config: quinn::ClientConfig, progress: &Progress,
    ) -> anyhow::Result<Self> {
        progress.stage("connecting", viewers as u64);
        let sockets = viewers.div_ceil(VIEWERS_PER_SOCKET);
        let endpoints = (0..sockets).map(|_| client_endpoint(target)).collect::<anyhow::Result<Vec<_>>>()?;
        let turns = Arc::new(Semaphore::new(HANDSHAKES_MAX));
        let mut shaking = JoinSet::new();
        for n in 0..viewers {
            let endpoint = endpoints[n % sockets].clone();
            let (config, turns, progress) = (config.clone(), Arc::clone(&turns), progress.clone());
            shaking.spawn(async move {
                let _turn = turns.acquire().await?;
                let connection = endpoint.connect_with(config, target, "localhost")?.await?;
                progress.step();
                anyhow::Ok(connection)
            });
        }
        let mut connections = Vec::with_capacity(viewers);
        while let Some(joined) = shaking.join_next().await {
            connections.push(joined?.context("a viewer could not connect")?);
        }
        Ok(Self { endpoints, connections })
    }

    /// Says goodbye for all.
    pub async fn leave(self) {
        for endpoint in &self.endpoints {
            endpoint.close(0u32.into(), b"");
        }
        for endpoint in &self.endpoints {
            endpoint.wait_idle().await;
        }
    }
}

/// A client's settings: `alpn`, `transport`, and any certificate will do. The tester sends nothing that is worth stealing,
/// and development servers sign for themselves.
pub fn trusting_client(alpn: &[u8], transport: quinn::TransportConfig) -> anyhow::Result<quinn::ClientConfig> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let mut tls = rustls::ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(AnyServer(provider)))
        .with_no_client_auth();
    tls.alpn_protocols = vec![alpn.to_vec()];
    let mut config = quinn::ClientConfig::new(Arc::new(QuicClientConfig::try_from(tls)?));
    config.transport_config(Arc::new(transport));
    Ok(config)
}

/// A UDP socket with room for bursts.
pub fn roomy_socket(address: SocketAddr) -> anyhow::Result<UdpSocket> {
    let socket = UdpSocket::bind(address).with_context(|| format!("binding {address}"))?;
    // The kernel caps what it grants, and less than asked only means that bursts may lose packets.
    let _ = rustix::net::sockopt::set_socket_recv_buffer_size(&socket, SOCKET_BUFFER_BYTES);
    let _ = rustix::net::sockopt::set_socket_send_buffer_size(&socket, SOCKET_BUFFER_BYTES);
    Ok(socket)
}

fn client_endpoint(target: SocketAddr) -> anyhow::Result<quinn::Endpoint> {
    let any: IpAddr = match target {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = roomy_socket(SocketAddr::new(any, 0))?;
    let runtime = Arc::new(quinn::TokioRuntime);
    Ok(quinn::Endpoint::new(Default::default(), None, socket, runtime)?)
}

#[derive(Debug)]
struct AnyServer(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyServer {
    fn verify_server_cert(
        &self, _end_entity: &CertificateDer<'_>, _intermediates: &[CertificateDer<'_>], _server_name: &ServerName<'_>,
        _ocsp_response: &[u8], _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self, _message: &[u8], _cert: &CertificateDer<'_>, _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self, _message: &[u8], _cert: &CertificateDer<'_>, _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
