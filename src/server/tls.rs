//! Certificates, and what the listeners make of them. One crypto provider for everything: aws-lc-rs.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_lc_rs::digest::{SHA256, digest};
use quinn::crypto::rustls::QuicServerConfig;
use rcgen::{CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, PKCS_ECDSA_P256_SHA256};
use rustls::SupportedProtocolVersion;
use rustls::crypto::aws_lc_rs::{Ticketer, default_provider};
use rustls::version::{TLS12, TLS13};
use rustls_pki_types::pem::{self, PemObject};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use secrecy::{ExposeSecret, SecretString};

use super::config::Config;
use crate::gateway::transport;
use crate::rules::Time;

/// How long a development certificate is good. Browsers take a certificate by its hash only up to 14 days.
pub const DEVELOPMENT_VALIDITY: Duration = Duration::from_secs(13 * 86_400);

/// Bytes that are kept of one connection that waits for a decision whether to accept it, and of all of them.
const INCOMING_BYTES: u64 = 16 * 1024;
const INCOMING_BYTES_TOTAL: u64 = 16 * 1024 * 1024;

/// Why there is no TLS.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file can't be read.
    #[error("can't read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Not what a file of this kind holds.
    #[error("{} is not PEM with {wanted}", path.display())]
    Pem {
        /// The file.
        path: PathBuf,
        /// What it should hold.
        wanted: &'static str,
        /// What is wrong.
        source: pem::Error,
    },
    /// Certificate and key don't fit, or can't be used.
    #[error("the certificate can't be used with its key")]
    Unusable(#[from] rustls::Error),
    /// No certificate was made.
    #[error("no development certificate could be made")]
    NotMade(#[from] rcgen::Error),
    /// The provider lacks what QUIC starts with.
    #[error("no cipher suite for QUIC")]
    NoSuite(#[from] quinn::crypto::rustls::NoInitialCipherSuite),
}

/// A certificate chain with its private key.
#[derive(Debug)]
pub struct Identity {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
}

impl Identity {
    /// Reads a chain and a key from PEM files.
    ///
    /// # Errors
    /// Names the file that can't be read, or does not hold what it should.
    pub fn load(cert_file: &Path, key_file: &Path) -> Result<Self, TlsError> {
        Self::parse((cert_file, &read(cert_file)?), (key_file, &read(key_file)?))
    }

    /// A new identity for this machine that is kept nowhere: for tests and demonstrations.
    ///
    /// # Errors
    /// As [`DevelopmentCertificate::make`].
    pub fn ephemeral(now: Time) -> Result<Self, TlsError> {
        let made = DevelopmentCertificate::make(now)?;
        let nowhere = Path::new("(made now)");
        Self::parse((nowhere, made.cert_pem.as_bytes()), (nowhere, made.key_pem.expose_secret().as_bytes()))
    }

    fn parse(cert: (&Path, &[u8]), key: (&Path, &[u8])) -> Result<Self, TlsError> {
        let wrong = |path: &Path, wanted| {
            let path = path.to_owned();
            move |source| TlsError::Pem { path, wanted, source }
        };
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(cert.1).collect();
        let chain = chain.and_then(|chain| if chain.is_empty() { Err(pem::Error::NoItemsFound) } else { Ok(chain) });
        let chain = chain.map_err(wrong(cert.0, "a certificate chain"))?;
        let key = PrivateKeyDer::from_pem_slice(key.1).map_err(wrong(key.0, "a private key"))?;
        let identity = Self { chain, key };
        // A key that does not fit is better told now than at the first handshake.
        identity.rustls(&[&TLS13])?;
        Ok(identity)
    }

    /// The hash by which a client may know this certificate without a certificate authority.
    pub fn fingerprint(&self) -> CertFingerprint {
        let leaf = self.chain.first().map_or(&[][..], |leaf| leaf.as_ref());
        CertFingerprint::of(leaf)
    }

    /// The certificate that clients see.
    pub fn leaf(&self) -> Option<&CertificateDer<'static>> {
        self.chain.first()
    }

    /// What the QUIC endpoint runs on: our own ALPN, TLS 1.3, no early data, small windows.
    ///
    /// # Errors
    /// When the certificate can't be used.
    pub fn quic(&self, config: &Config) -> Result<quinn::ServerConfig, TlsError> {
        let mut tls = self.rustls(&[&TLS13])?;
        tls.alpn_protocols = vec![transport::ALPN.to_vec()];
        // A claim that could be replayed from early data would be a claim that nobody made.
        tls.max_early_data_size = 0;
        let mut quic = quinn::ServerConfig::with_crypto(Arc::new(QuicServerConfig::try_from(tls)?));
        quic.transport_config(Arc::new(transport::server_transport(config.session.idle_timeout)))
            .max_incoming(config.connections.handshakes_max)
            .incoming_buffer_size(INCOMING_BYTES)
            .incoming_buffer_size_total(INCOMING_BYTES_TOTAL);
        Ok(quic)
    }

    /// What the WebSocket listener runs on.
    ///
    /// # Errors
    /// When the certificate can't be used.
    pub fn websocket(&self) -> Result<Arc<rustls::ServerConfig>, TlsError> {
        let mut tls = self.rustls(&[&TLS13, &TLS12])?;
        tls.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::new(tls))
    }

    fn rustls(&self, versions: &[&'static SupportedProtocolVersion]) -> Result<rustls::ServerConfig, TlsError> {
        let mut tls = rustls::ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_protocol_versions(versions)?
            .with_no_client_auth()
            .with_single_cert(self.chain.clone(), self.key.clone_key())?;
        // A client that comes back in a storm resumes without a signature, and the server keeps nothing for it.
        tls.ticketer = Ticketer::new()?;
        tls.send_tls13_tickets = 1;
        Ok(tls)
    }
}

/// The identity that `tls.cert_file` and `tls.key_file` name, if they do.
///
/// # Errors
/// As [`Identity::load`].
pub fn configured(cert_file: Option<&Path>, key_file: Option<&Path>) -> Result<Option<Identity>, TlsError> {
    match (cert_file, key_file) {
        (Some(cert_file), Some(key_file)) => Identity::load(cert_file, key_file).map(Some),
        _ => Ok(None),
    }
}

fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    std::fs::read(path).map_err(|source| TlsError::Read { path: path.to_owned(), source })
}

/// The SHA-256 of a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CertFingerprint(pub [u8; 32]);

impl CertFingerprint {
    fn of(certificate: &[u8]) -> Self {
        let mut hash = [0; 32];
        hash.copy_from_slice(digest(&SHA256, certificate).as_ref());
        Self(hash)
    }
}

impl fmt::Display for CertFingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// A self-signed certificate for this machine, with its key, in PEM.
#[derive(Debug)]
pub struct DevelopmentCertificate {
    /// The certificate.
    pub cert_pem: String,
    /// Its key.
    pub key_pem: SecretString,
    /// When it is over.
    pub until: Time,
}

impl DevelopmentCertificate {
    /// Makes one that is good for `localhost` from an hour ago on.
    ///
    /// # Errors
    /// When the system gives no key.
    pub fn make(now: Time) -> Result<Self, TlsError> {
        let from = now.before_ms(3_600_000);
        let until = from.after_ms(DEVELOPMENT_VALIDITY.as_millis() as u64);
        let mut params = CertificateParams::new(["localhost", "127.0.0.1", "::1"].map(str::to_owned))?;
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, "liveroom development");
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.not_before = system_time(from).into();
        params.not_after = system_time(until).into();
        let key = rcgen::KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        let cert = params.self_signed(&key)?;
        Ok(Self { cert_pem: cert.pem(), key_pem: key.serialize_pem().into(), until })
    }
}

fn system_time(time: Time) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(u64::try_from(time.ms()).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Time = Time::from_ms(1_800_000_000_000);

    #[test]
    fn files_that_cannot_serve_are_named() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        let [one, other] = [0, 1].map(|_| DevelopmentCertificate::make(NOW).unwrap());
        for (name, text) in [
            ("cert", one.cert_pem.as_str()),
            ("key", one.key_pem.expose_secret()),
            ("other_key", other.key_pem.expose_secret()),
            ("empty", ""),
            ("cut", &one.cert_pem[..one.cert_pem.len() / 2]),
        ] {
            std::fs::write(at(name), text).unwrap();
        }
        for (cert, key, said) in [
            ("cert", "key", None),
            ("none", "key", Some("can't read")),
            ("cert", "none", Some("can't read")),
            ("empty", "key", Some("empty is not PEM with a certificate chain")),
            ("cut", "key", Some("cut is not PEM with a certificate chain")),
            ("key", "key", Some("key is not PEM with a certificate chain")),
            ("cert", "cert", Some("cert is not PEM with a private key")),
            ("cert", "other_key", Some("can't be used with its key")),
        ] {
            let got = Identity::load(&at(cert), &at(key)).map(|_| ()).map_err(|error| error.to_string());
            match (got, said) {
                (Ok(()), None) => {}
                (Err(error), Some(said)) => assert!(error.contains(said), "{cert} {key}: {error}"),
                (got, said) => panic!("{cert} {key}: {got:?}, wanted {said:?}"),
            }
        }
    }

    #[test]
    fn the_listeners_take_what_was_made() {
        let identity = Identity::ephemeral(NOW).unwrap();
        assert!(identity.quic(&Config::default()).is_ok());
        assert_eq!(identity.websocket().unwrap().alpn_protocols, [b"http/1.1".to_vec()]);
        let tls = identity.rustls(&[&TLS13]).unwrap();
        assert_eq!((tls.max_early_data_size, tls.send_tls13_tickets), (0, 1));
        assert_eq!(identity.fingerprint().to_string().len(), 64);
        assert_ne!(identity.fingerprint(), Identity::ephemeral(NOW).unwrap().fingerprint());
    }

    #[test]
    fn a_development_certificate_is_what_browsers_take_by_hash() {
        let made = DevelopmentCertificate::make(NOW).unwrap();
        assert!(made.until.ms() - NOW.ms() < 14 * 86_400_000);
        let identity = Identity::ephemeral(NOW).unwrap();
        let der = identity.leaf().unwrap().as_ref();
        let holds = |bytes: &[u8]| der.windows(bytes.len()).any(|window| window == bytes);
        assert!(holds(b"localhost") && holds(&[0x87, 4, 127, 0, 0, 1]), "names");
        // The curve's object identifier: 1.2.840.10045.3.1.7, P-256.
        assert!(holds(&[0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07]), "curve");
    }
}
