//! Whom a client trusts.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};

use super::outcome::ConnectError;

/// Whom a client takes for the server.
#[derive(Clone, Debug)]
pub enum Trust {
    /// Whoever has the certificate with this SHA-256: what a development server prints. Names and dates are not looked at.
    CertHash([u8; 32]),
    /// Whoever has a certificate for the name, signed by one of these.
    Authorities(Vec<CertificateDer<'static>>),
    /// Anybody, on this machine only.
    InsecureLoopback,
}

impl Trust {
    /// Reads a certificate's hash: 64 hexadecimal digits, colons between bytes allowed.
    pub fn cert_hash(text: &str) -> Result<Self, ConnectError> {
        let digits: Vec<u8> = text
            .chars()
            .filter(|c| *c != ':')
            .map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok()).ok_or(ConnectError::CertHash))
            .collect::<Result<_, _>>()?;
        let (pairs, rest) = digits.as_chunks::<2>();
        let bytes: Vec<u8> = pairs.iter().map(|[high, low]| high << 4 | low).collect();
        match <[u8; 32]>::try_from(bytes) {
            Ok(hash) if rest.is_empty() => Ok(Self::CertHash(hash)),
            _ => Err(ConnectError::CertHash),
        }
    }

    /// Reads the certificates of a PEM file.
    pub fn authorities_file(path: &Path) -> Result<Self, ConnectError> {
        let certificates: Vec<_> = CertificateDer::pem_file_iter(path)
            .and_then(Iterator::collect)
            .map_err(|error| ConnectError::Certificates(format!("{}: {error}", path.display())))?;
        if certificates.is_empty() {
            return Err(ConnectError::Certificates(format!("{}: no certificate in it", path.display())));
        }
        Ok(Self::Authorities(certificates))
    }

    /// Whether a server at `address` may be talked to.
    pub(crate) fn allows(&self, address: SocketAddr) -> Result<(), ConnectError> {
        match self {
            Self::InsecureLoopback if !address.ip().to_canonical().is_loopback() => {
                Err(ConnectError::NotLoopback(address))
            }
            _ => Ok(()),
        }
    }

    pub(crate) fn client_config(&self, alpn: &[u8]) -> Result<ClientConfig, ConnectError> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder =
            ClientConfig::builder_with_provider(provider.clone()).with_protocol_versions(&[&rustls::version::TLS13])?;
        let pinned = |hash| Arc::new(Pinned { hash, provider });
        let mut config = match self {
            Self::CertHash(hash) => {
                builder.dangerous().with_custom_certificate_verifier(pinned(Some(*hash))).with_no_client_auth()
            }
            Self::InsecureLoopback => {
                builder.dangerous().with_custom_certificate_verifier(pinned(None)).with_no_client_auth()
            }
            Self::Authorities(certificates) => {
                let mut roots = RootCertStore::empty();
                for certificate in certificates {
                    roots.add(certificate.clone())?;
                }
                builder.with_root_certificates(roots).with_no_client_auth()
            }
        };
        config.alpn_protocols = vec![alpn.to_vec()];
        Ok(config)
    }
}

/// Accepts one certificate, or any; the proof that the server has its key is checked either way.
#[derive(Debug)]
struct Pinned {
    hash: Option<[u8; 32]>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self, end_entity: &CertificateDer<'_>, _intermediates: &[CertificateDer<'_>], _server_name: &ServerName<'_>,
        _ocsp_response: &[u8], _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let presented = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, end_entity);
        match self.hash {
            Some(hash) if presented.as_ref() != hash => {
                Err(rustls::Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure))
            }
            _ => Ok(ServerCertVerified::assertion()),
        }
    }

    fn verify_tls12_signature(
        &self, message: &[u8], cert: &CertificateDer<'_>, dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self, message: &[u8], cert: &CertificateDer<'_>, dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_read_with_and_without_colons() {
        let plain = "ab".repeat(32);
        let colons = vec!["AB"; 32].join(":");
        for text in [&plain, &colons] {
            assert!(matches!(Trust::cert_hash(text), Ok(Trust::CertHash(hash)) if hash == [0xab; 32]));
        }
        for bad in ["", "ab", &"zz".repeat(32), &plain[1..], &format!("{plain}ab")] {
            assert!(Trust::cert_hash(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_unverified_are_only_talked_to_on_this_machine() {
        for (address, allowed) in
            [("127.0.0.1:1", true), ("[::1]:1", true), ("[::ffff:127.0.0.1]:1", true), ("192.0.2.1:1", false)]
        {
            assert_eq!(Trust::InsecureLoopback.allows(address.parse().unwrap()).is_ok(), allowed, "{address}");
        }
    }
}
