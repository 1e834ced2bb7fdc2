//! Tokens for everybody who plays a part.

use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Context;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::pki_types::pem::PemObject;
use serde::Serialize;

use super::admin::Admin;
use crate::cli::LoadArgs;

/// Tokens asked for in one call.
const AT_ONCE: usize = 5_000;

/// Who makes tokens.
pub(super) enum Tokens {
    /// Development servers: each makes its own.
    Servers(Vec<Admin>),
    /// The tester itself.
    Key { header: Box<Header>, key: EncodingKey, audience: String },
}

#[derive(Serialize)]
struct Claims<'a> {
    aud: &'a str,
    sub: &'a str,
    role: &'a str,
    iat: u64,
    exp: u64,
}

impl Tokens {
    /// The maker that the command line asks for.
    pub(super) fn of(load: &LoadArgs, admin: &Admin) -> anyhow::Result<Self> {
        let Some(path) = &load.token_key else { return Ok(Self::Servers(admin.each())) };
        let (header, key) = signing_key(path, load.token_kid.clone())?;
        Ok(Self::Key { header: Box::new(header), key, audience: load.token_audience.clone() })
    }

    /// For each user one token for each server, or one for all.
    pub(super) fn issue(&self, role: &str, users: &[String], ttl: Duration) -> anyhow::Result<Vec<Vec<String>>> {
        let mut tokens = vec![Vec::new(); users.len()];
        match self {
            Self::Servers(servers) => {
                for server in servers {
                    let mut made = Vec::with_capacity(users.len());
                    for users in users.chunks(AT_ONCE) {
                        made.extend(server.dev_tokens(role, users, ttl)?);
                    }
                    anyhow::ensure!(made.len() == users.len(), "the server made too few tokens");
                    tokens.iter_mut().zip(made).for_each(|(own, made)| own.push(made));
                }
            }
            Self::Key { header, key, audience } => {
                let iat = SystemTime::now().duration_since(UNIX_EPOCH).context("the clock")?.as_secs();
                for (sub, own) in users.iter().zip(&mut tokens) {
                    let claims = Claims { aud: audience, sub, role, iat, exp: iat + ttl.as_secs() };
                    own.push(encode(header, &claims, key).context("signing a token")?);
                }
            }
        }
        Ok(tokens)
    }
}

/// A PEM file is an EdDSA key; anything else is an HS256 secret. The key's id is the file's name, unless given.
fn signing_key(path: &Path, kid: Option<String>) -> anyhow::Result<(Header, EncodingKey)> {
    let bytes = std::fs::read(path).with_context(|| format!("reading {}", path.display()))?;
    let (algorithm, key) = if bytes.starts_with(b"-----BEGIN ") {
        let key = PrivatePkcs8KeyDer::from_pem_slice(&bytes).context("--token-key is no Ed25519 private key")?;
        (Algorithm::EdDSA, EncodingKey::from_ed_der(key.secret_pkcs8_der()))
    } else {
        (Algorithm::HS256, EncodingKey::from_secret(bytes.trim_ascii_end()))
    };
    let name = path.file_stem().and_then(|name| name.to_str()).map(str::to_owned);
    let mut header = Header::new(algorithm);
    header.kid = kid.or(name);
    Ok((header, key))
}
