//! The secrets and keys that a configuration names, read from their files.

use std::io;
use std::path::{Path, PathBuf};

use rustls_pki_types::PrivatePkcs8KeyDer;
use rustls_pki_types::pem::PemObject as _;
use secrecy::{ExposeSecret, SecretSlice};

use super::config::{Draws, Payments, TokenKey, Tokens};
use crate::gateway::ReceiptKey;
use crate::gateway::token::{Algorithm, KeyRing, VerifyingKey};

/// The largest file that a key is read from.
const FILE_BYTES_MAX: u64 = 64 * 1024;

/// Why a key is not there. Never says anything of the key itself.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// The file can't be read.
    #[error("{key}: can't read {}", path.display())]
    Read {
        /// The key of the configuration that names the file.
        key: String,
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file does not hold what it should.
    #[error("{key}: {what}")]
    Key {
        /// The key of the configuration.
        key: String,
        /// What is wrong: reads on from the file's name.
        what: String,
    },
}

impl KeyFileError {
    /// The key of the configuration that is at fault.
    pub fn key(&self) -> &str {
        match self {
            Self::Read { key, .. } | Self::Key { key, .. } => key,
        }
    }
}

/// Reads the keys that tokens may be signed with.
///
/// # Errors
/// The first that can't be used.
pub fn token_ring(tokens: &Tokens) -> Result<KeyRing, KeyFileError> {
    let mut ring = KeyRing::new();
    for (id, key) in &tokens.keys {
        let at = format!("tokens.keys.{id}.file");
        let verifying = verifying_key(&at, key)?;
        ring.add(id.clone(), verifying).map_err(|error| KeyFileError::Key { key: at, what: error.to_string() })?;
    }
    Ok(ring)
}

/// Every key that can't be used.
pub fn unusable(tokens: &Tokens) -> Vec<KeyFileError> {
    let tried = tokens.keys.iter().map(|(id, key)| verifying_key(&format!("tokens.keys.{id}.file"), key));
    tried.filter_map(Result::err).collect()
}

fn verifying_key(at: &str, key: &TokenKey) -> Result<VerifyingKey, KeyFileError> {
    let material = token_material(at, key)?;
    let verifying = match key.algorithm {
        Algorithm::EdDsa => VerifyingKey::ed25519(material.expose_secret()),
        Algorithm::Hs256 => VerifyingKey::hs256(&material),
    };
    verifying.map_err(|error| KeyFileError::Key { key: at.to_owned(), what: named(key.file.as_deref(), error) })
}

/// The bytes of one key: of its file, or the secret from the environment.
///
/// # Errors
/// When the file can't be read.
pub fn token_material(at: &str, key: &TokenKey) -> Result<SecretSlice<u8>, KeyFileError> {
    match (&key.file, &key.secret, key.algorithm) {
        (Some(file), _, Algorithm::EdDsa) => bytes(at, file),
        (Some(file), _, Algorithm::Hs256) => secret(at, file),
        (None, Some(secret), _) => Ok(secret.expose().as_bytes().to_vec().into()),
        (None, None, _) => Err(KeyFileError::Key { key: at.to_owned(), what: "names no file".to_owned() }),
    }
}

/// Reads the secret that payment callbacks are signed with, if there is one.
///
/// # Errors
/// When it can't be read, or is too short to be one.
pub fn payment_secret(payments: &Payments) -> Result<Option<SecretSlice<u8>>, KeyFileError> {
    let at = "payments.secret_file";
    let secret = match (&payments.secret_file, &payments.secret) {
        (Some(file), _) => secret(at, file)?,
        (None, Some(secret)) => secret.expose().as_bytes().to_vec().into(),
        (None, None) => return Ok(None),
    };
    if secret.expose_secret().len() < 32 {
        let what = named(payments.secret_file.as_deref(), "is too short a secret: at least 32 bytes");
        return Err(KeyFileError::Key { key: at.to_owned(), what });
    }
    Ok(Some(secret))
}

/// Reads the key that receipts for entries of draws are signed with, if there is one.
///
/// # Errors
/// When it can't be read, or is no such key.
pub fn receipt_key(draws: &Draws) -> Result<Option<ReceiptKey>, KeyFileError> {
    draws.receipt_key_file.as_deref().map(|file| signing_key("draws.receipt_key_file", file)).transpose()
}

/// Reads an Ed25519 private key, PEM.
///
/// # Errors
/// When it can't be read, or is no such key.
pub fn signing_key(at: &str, file: &Path) -> Result<ReceiptKey, KeyFileError> {
    let unusable = |what: String| KeyFileError::Key { key: at.to_owned(), what };
    let text = bytes(at, file)?;
    let der = PrivatePkcs8KeyDer::from_pem_slice(text.expose_secret())
        .map_err(|_| unusable(named(Some(file), "is not an Ed25519 private key (PEM)")))?;
    ReceiptKey::from_pkcs8(der.secret_pkcs8_der()).map_err(|why| unusable(named(Some(file), why)))
}

/// A raw secret; the line break that editors put at the end is not part of it.
///
/// # Errors
/// When the file can't be read.
pub fn secret(at: &str, file: &Path) -> Result<SecretSlice<u8>, KeyFileError> {
    let read = bytes(at, file)?;
    let all = read.expose_secret();
    let line = all.strip_suffix(b"\n").map_or(all, |line| line.strip_suffix(b"\r").unwrap_or(line));
    Ok(line.to_vec().into())
}

/// The bytes of a small file.
///
/// # Errors
/// When it can't be read, or is not small.
pub fn bytes(at: &str, file: &Path) -> Result<SecretSlice<u8>, KeyFileError> {
    let unread = |source| KeyFileError::Read { key: at.to_owned(), path: file.to_owned(), source };
    if std::fs::metadata(file).map_err(unread)?.len() > FILE_BYTES_MAX {
        let what = named(Some(file), format!("is larger than {FILE_BYTES_MAX} bytes"));
        return Err(KeyFileError::Key { key: at.to_owned(), what });
    }
    Ok(std::fs::read(file).map_err(unread)?.into())
}

fn named(file: Option<&Path>, problem: impl std::fmt::Display) -> String {
    match file {
        Some(file) => format!("{} {problem}", file.display()),
        None => format!("the secret {problem}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateway::token::KeyPair;

    #[test]
    fn each_key_that_cannot_be_used_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let pair = KeyPair::generate().unwrap();
        let large = "x".repeat(FILE_BYTES_MAX as usize + 1);
        for (name, text) in [
            ("public", pair.public_pem.as_str()),
            ("private", pair.private_pem.expose_secret()),
            ("secret", "0123456789abcdef0123456789abcdef\r\n"),
            ("short", "0123456789abcdef0123456789abcde\n"),
            ("large", &large),
        ] {
            std::fs::write(dir.path().join(name), text).unwrap();
        }
        for (algorithm, file, said) in [
            (Algorithm::EdDsa, "public", None),
            (Algorithm::Hs256, "secret", None),
            (Algorithm::EdDsa, "private", Some("is a private key")),
            (Algorithm::EdDsa, "secret", Some("is not an Ed25519 public key")),
            (Algorithm::EdDsa, "none", Some("can't read")),
            (Algorithm::Hs256, "short", Some("too short")),
            (Algorithm::Hs256, "large", Some("is larger than 65536 bytes")),
            (Algorithm::Hs256, ".", Some("can't read")),
        ] {
            let key = TokenKey { algorithm, file: Some(dir.path().join(file)), secret: None };
            let tokens = Tokens { keys: [("k".parse().unwrap(), key)].into(), ..Tokens::default() };
            match (token_ring(&tokens).map_err(|error| error.to_string()), said) {
                (Ok(ring), None) => assert!(!ring.is_empty()),
                (Err(error), Some(said)) => {
                    assert!(error.starts_with("tokens.keys.k.file: ") && error.contains(said), "{file}: {error}");
                    assert!(!error.contains("0123456789"), "{error}");
                }
                (got, said) => panic!("{file}: {got:?}, wanted {said:?}"),
            }
        }
    }

    #[test]
    fn a_payment_secret_is_optional_and_long() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("secret");
        assert!(payment_secret(&Payments::default()).unwrap().is_none());
        for (text, ok) in [("0123456789abcdef0123456789abcdef\n", true), ("hunter2", false)] {
            std::fs::write(&file, text).unwrap();
            let payments = Payments { secret_file: Some(file.clone()), ..Payments::default() };
            assert_eq!(payment_secret(&payments).is_ok(), ok, "{text}");
        }
    }
}
