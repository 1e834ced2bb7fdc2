//! What `serve --dev` makes for itself, kept in the data directory so that clients and tools on the same machine find it,
//! and so that a restart does not make their tokens and their trust worthless.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use secrecy::{ExposeSecret, SecretSlice};
use serde::{Deserialize, Serialize};

use super::config::Tokens;
use super::keys::{self, KeyFileError};
use super::tls::{DevelopmentCertificate, Identity, TlsError};
use crate::gateway::ReceiptKey;
use crate::gateway::token::{Issuer, KeyError, KeyId, KeyPair, KeyRing, SigningKey, VerifyingKey};
use crate::rules::Time;

/// The id of the key that development tokens are signed with.
const KEY_ID: &str = "dev";

/// A certificate with less than this ahead of it is replaced.
const RENEW_BEFORE: Duration = Duration::from_secs(86_400);

/// Where the files are: `dev` in the data directory.
#[derive(Debug, Clone)]
pub struct Development {
    dir: PathBuf,
}

/// What is said about the files to those who want to join.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Join {
    /// The SHA-256 of the certificate, in hex.
    pub certificate_sha256: String,
    /// When the certificate is over, ms since the epoch.
    pub certificate_until_ms: i64,
    /// The id of the key for tokens.
    pub token_key_id: String,
}

/// Why there are no development keys.
#[derive(Debug, thiserror::Error)]
pub enum DevelopmentError {
    /// A file can't be written or read.
    #[error("can't keep development keys in {}", path.display())]
    Files {
        /// The file or directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// There is no key to sign with.
    #[error("no development key: start the server with --dev first, or name a key")]
    NoKey(#[source] KeyFileError),
    /// The key can't be read.
    #[error(transparent)]
    KeyFile(#[from] KeyFileError),
    /// The key is damaged.
    #[error("the development key {0}")]
    Key(#[from] KeyError),
    /// The certificate is damaged.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

impl Development {
    /// The files below a data directory.
    pub fn below(data_dir: &Path) -> Self {
        Self { dir: data_dir.join("dev") }
    }

    /// The certificate, PEM: what a client on this machine may trust.
    pub fn cert_file(&self) -> PathBuf {
        self.dir.join("cert.pem")
    }

    /// The private key that signs development tokens, PEM.
    pub fn token_key_file(&self) -> PathBuf {
        self.dir.join("token.pem")
    }

    /// The public key that checks them, PEM.
    pub fn token_public_file(&self) -> PathBuf {
        self.dir.join("token.pub.pem")
    }

    /// The secret that development payment callbacks are signed with.
    pub fn payment_file(&self) -> PathBuf {
        self.dir.join("payment.secret")
    }

    /// The private key that receipts for entries of draws are signed with, PEM.
    pub fn receipt_key_file(&self) -> PathBuf {
        self.dir.join("receipt.pem")
    }

    /// The key in [`Self::receipt_key_file`].
    ///
    /// # Errors
    /// When it was not [prepared](Self::prepare).
    pub fn receipt_key(&self) -> Result<ReceiptKey, DevelopmentError> {
        Ok(keys::signing_key("--dev", &self.receipt_key_file())?)
    }

    /// The secret in [`Self::payment_file`].
    ///
    /// # Errors
    /// When it was not [prepared](Self::prepare).
    pub fn payment_secret(&self) -> Result<SecretSlice<u8>, DevelopmentError> {
        Ok(keys::secret("--dev", &self.payment_file())?)
    }

    /// [`Join`], as JSON.
    pub fn join_file(&self) -> PathBuf {
        self.dir.join("join.json")
    }

    fn key_file(&self) -> PathBuf {
        self.dir.join("key.pem")
    }

    /// Makes what is missing or about to be over, and gives the certificate. The data directory is made if need be.
    ///
    /// # Errors
    /// When the files can't be kept.
    pub fn prepare(&self, now: Time) -> Result<(Identity, Join), DevelopmentError> {
        fs::create_dir_all(&self.dir).map_err(|source| self.unkept(&self.dir, source))?;
        if !self.token_key_file().exists() || !self.token_public_file().exists() {
            let pair = KeyPair::generate()?;
            self.keep(&self.token_public_file(), pair.public_pem.as_bytes(), 0o644)?;
            self.keep(&self.token_key_file(), pair.private_pem.expose_secret().as_bytes(), 0o600)?;
        }
        if !self.receipt_key_file().exists() {
            let pair = KeyPair::generate()?;
            self.keep(&self.receipt_key_file(), pair.private_pem.expose_secret().as_bytes(), 0o600)?;
        }
        if !self.payment_file().exists() {
            let mut random = [0; 32];
            aws_lc_rs::rand::fill(&mut random).map_err(|_| KeyError::NotMade)?;
            let secret: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
            self.keep(&self.payment_file(), secret.as_bytes(), 0o600)?;
        }
        if let Some(kept) = self.kept_certificate(now) {
            return Ok(kept);
        }
        let made = DevelopmentCertificate::make(now)?;
        self.keep(&self.key_file(), made.key_pem.expose_secret().as_bytes(), 0o600)?;
        self.keep(&self.cert_file(), made.cert_pem.as_bytes(), 0o644)?;
        let identity = Identity::load(&self.cert_file(), &self.key_file())?;
        let join = Join {
            certificate_sha256: identity.fingerprint().to_string(),
            certificate_until_ms: made.until.ms(),
            token_key_id: KEY_ID.to_owned(),
        };
        let json = serde_json::to_string_pretty(&join).map_err(|error| self.unkept(&self.join_file(), error.into()))?;
        self.keep(&self.join_file(), format!("{json}\n").as_bytes(), 0o644)?;
        Ok((identity, join))
    }

    /// The certificate of an earlier start, if it is whole and still good for a while.
    fn kept_certificate(&self, now: Time) -> Option<(Identity, Join)> {
        let join: Join = serde_json::from_slice(&fs::read(self.join_file()).ok()?).ok()?;
        let identity = Identity::load(&self.cert_file(), &self.key_file()).ok()?;
        let good = join.certificate_until_ms > now.after_ms(RENEW_BEFORE.as_millis() as u64).ms();
        (good && join.certificate_sha256 == identity.fingerprint().to_string()).then_some((identity, join))
    }

    /// Adds the development key to those that tokens may be signed with.
    ///
    /// # Errors
    /// When the key was not [prepared](Self::prepare), or is damaged.
    pub fn add_to(&self, ring: &mut KeyRing) -> Result<(), DevelopmentError> {
        let public = keys::bytes("--dev", &self.token_public_file())?;
        Ok(ring.add(key_id(), VerifyingKey::ed25519(public.expose_secret())?)?)
    }

    /// An issuer with the development key.
    ///
    /// # Errors
    /// When no server has run here with `--dev`.
    pub fn issuer(&self, tokens: &Tokens) -> Result<Issuer, DevelopmentError> {
        let private: SecretSlice<u8> =
            keys::bytes("--data-dir", &self.token_key_file()).map_err(DevelopmentError::NoKey)?;
        Ok(Issuer::new(key_id(), SigningKey::ed25519(&private)?, tokens.audience.clone()))
    }

    /// Whole or not at all: a server that is killed here leaves nothing that stops the next.
    fn keep(&self, path: &Path, bytes: &[u8], mode: u32) -> Result<(), DevelopmentError> {
        keep(path, bytes, mode).map_err(|source| self.unkept(path, source))
    }

    fn unkept(&self, path: &Path, source: io::Error) -> DevelopmentError {
        DevelopmentError::Files { path: path.to_owned(), source }
    }
}

fn key_id() -> KeyId {
    KEY_ID.parse().expect("the id is three letters")
}

/// Writes a file with the given rights under its final name only when it is whole.
///
/// # Errors
/// As the file system says.
pub fn keep(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let partial = path.with_extension("partial");
    let _ = fs::remove_file(&partial);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&partial)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&partial, path)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::gateway::token::{Role, Rooms, Verifier};
    use crate::rules::UserId;

    const NOW: Time = Time::from_ms(1_800_000_000_000);
    const DAY_MS: u64 = 86_400_000;

    #[test]
    fn a_restart_keeps_keys_and_certificate_until_they_are_nearly_over() {
        let dir = tempfile::tempdir().unwrap();
        let files = Development::below(&dir.path().join("data"));
        let (_, first) = files.prepare(NOW).unwrap();
        let key = fs::read(files.token_key_file()).unwrap();
        for (days, same) in [(0, true), (11, true), (12, false)] {
            let (identity, join) = files.prepare(NOW.after_ms(days * DAY_MS)).unwrap();
            assert_eq!(join == first, same, "after {days} days");
            assert_eq!(identity.fingerprint().to_string(), join.certificate_sha256);
        }
        assert_eq!(fs::read(files.token_key_file()).unwrap(), key);
        for secret in [files.token_key_file(), files.key_file()] {
            assert_eq!(fs::metadata(secret).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }

    #[test]
    fn damaged_certificates_are_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let files = Development::below(dir.path());
        for name in ["cert.pem", "key.pem", "join.json"] {
            let (_, before) = files.prepare(NOW).unwrap();
            fs::write(files.dir.join(name), "damaged").unwrap();
            let (_, after) = files.prepare(NOW).unwrap();
            assert_ne!(before, after, "{name}");
        }
    }

    #[test]
    fn tokens_of_the_development_key_are_accepted() {
        let dir = tempfile::tempdir().unwrap();
        let files = Development::below(dir.path());
        let tokens = Tokens::default();
        assert!(matches!(files.issuer(&tokens), Err(DevelopmentError::NoKey(_))));
        files.prepare(NOW).unwrap();
        let mut ring = KeyRing::new();
        files.add_to(&mut ring).unwrap();
        let user = UserId::parse("u1").unwrap();
        let issuer = files.issuer(&tokens).unwrap();
        let token = issuer.issue(NOW, user, Role::Host, &Rooms::Any, Duration::from_secs(60)).unwrap();
        let access = Verifier::new(ring, tokens.policy()).read(NOW, &token).unwrap();
        assert_eq!((access.user, access.role), (user, Role::Host));
    }
}
