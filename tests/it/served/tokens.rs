//! Tokens, good and forged.

use std::time::Duration;

use aws_lc_rs::hmac;
use aws_lc_rs::signature::Ed25519KeyPair;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use liveroom::engine::Clock;
use liveroom::gateway::token::{Issuer, Role, Rooms};
use liveroom::rules::UserId;
use rustls_pki_types::pem::PemObject as _;
use serde_json::{Value, json};

/// A good token for all rooms.
pub fn plain(issuer: &Issuer, user: &str, role: &str) -> String {
    let role = match role {
        "viewer" => Role::Viewer,
        "host" => Role::Host,
        "operator" => Role::Operator,
        "risk" => Role::Risk,
        other => panic!("no role {other}"),
    };
    let user = UserId::parse(user).unwrap();
    issuer.issue(Clock::real().now(), user, role, &Rooms::Any, Duration::from_secs(600)).unwrap()
}

/// What signs.
pub enum Signer<'a> {
    /// An Ed25519 private key, PEM.
    EdDsa(&'a [u8]),
    /// A secret.
    Hs256(&'a [u8]),
    /// Nothing: an empty signature.
    Nobody,
}

/// A token with any header and claims.
pub fn forged(header: &Value, claims: &Value, signer: &Signer<'_>) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let message = format!("{}.{}", part(header), part(claims));
    let signature = match signer {
        Signer::EdDsa(pem) => {
            let der = rustls_pki_types::PrivatePkcs8KeyDer::from_pem_slice(pem).unwrap();
            let key = Ed25519KeyPair::from_pkcs8(der.secret_pkcs8_der()).unwrap();
            URL_SAFE_NO_PAD.encode(key.sign(message.as_bytes()))
        }
        Signer::Hs256(secret) => {
            URL_SAFE_NO_PAD.encode(hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), message.as_bytes()))
        }
        Signer::Nobody => String::new(),
    };
    format!("{message}.{signature}")
}

/// Claims that are all right, with `changes` over them; null takes a claim away.
pub fn claims(changes: &Value) -> Value {
    let now = now_s();
    let mut claims = json!({ "aud": "liveroom", "sub": "ann", "role": "viewer", "iat": now, "exp": now + 600 });
    for (name, value) in changes.as_object().unwrap() {
        match value {
            Value::Null => drop(claims.as_object_mut().unwrap().remove(name)),
            value => claims[name] = value.clone(),
        }
    }
    claims
}

pub fn now_s() -> i64 {
    Clock::real().now().ms() / 1_000
}
