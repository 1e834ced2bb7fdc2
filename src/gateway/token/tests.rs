//! One row per refusal, with tokens made by hand where the issuer would not make them.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rustls_pki_types::SubjectPublicKeyInfoDer;
use rustls_pki_types::pem::PemObject;
use secrecy::{ExposeSecret, SecretSlice};
use serde_json::{Value, json};

use super::*;
use crate::rules::AccountFacts;

const NOW_S: i64 = 1_800_000_000;
const SECRET: &[u8; 32] = b"a secret of exactly 32 bytes....";

fn now() -> Time {
    Time::from_ms(NOW_S * 1_000)
}

fn room(id: &str) -> RoomId {
    RoomId::parse(id).unwrap()
}

fn secret(bytes: &[u8]) -> SecretSlice<u8> {
    bytes.to_vec().into()
}

fn kid(id: &str) -> KeyId {
    id.parse().unwrap()
}

/// A service that accepts two keys: `ed` (EdDSA) and `hs` (HS256).
struct Service {
    verifier: Verifier,
    ed: SigningKey,
    ed_public_pem: String,
}

impl Service {
    fn new() -> Self {
        let pair = KeyPair::generate().unwrap();
        let mut ring = KeyRing::new();
        ring.add(kid("ed"), VerifyingKey::ed25519(pair.public_pem.as_bytes()).unwrap()).unwrap();
        ring.add(kid("hs"), VerifyingKey::hs256(&secret(SECRET)).unwrap()).unwrap();
        let policy = TokenPolicy {
            audience: "liveroom".to_owned(),
            ttl_max: Duration::from_secs(3_600),
            leeway: Duration::from_secs(5),
        };
        let ed = SigningKey::ed25519(&secret(pair.private_pem.expose_secret().as_bytes())).unwrap();
        Self { verifier: Verifier::new(ring, policy), ed, ed_public_pem: pair.public_pem }
    }

    /// What a session of `r1` would say to the token.
    fn verify(&self, token: &str) -> Result<Access, TokenError> {
        self.verifier.verify(now(), token, room("r1"))
    }

    /// Any header and claims, signed by the service's EdDSA key.
    fn sign(&self, header: &Value, claims: &Value) -> String {
        sign(header, claims, &self.ed)
    }
}

fn sign(header: &Value, claims: &Value, key: &SigningKey) -> String {
    sign_bytes(header.to_string().as_bytes(), claims.to_string().as_bytes(), key)
}

fn sign_bytes(header: &[u8], claims: &[u8], key: &SigningKey) -> String {
    let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &key.key, key.algorithm.library()).unwrap();
    format!("{message}.{signature}")
}

fn header() -> Value {
    json!({ "alg": "EdDSA", "kid": "ed", "typ": "JWT" })
}

fn claims() -> Value {
    json!({ "aud": "liveroom", "sub": "u1", "role": "viewer", "room": "r1", "iat": NOW_S, "exp": NOW_S + 60 })
}

/// The usual with some of it changed; `null` takes a member away.
fn with(mut usual: Value, changes: Value) -> Value {
    let members = usual.as_object_mut().unwrap();
    for (name, value) in changes.as_object().unwrap() {
        match value {
            Value::Null => members.remove(name),
            value => members.insert(name.clone(), value.clone()),
        };
    }
    usual
}

#[test]
fn claims_decide_who_comes_in() {
    let service = Service::new();
    let rooms_64: Vec<String> = (0..64).map(|n| if n == 0 { "r1".to_owned() } else { format!("r1-{n}") }).collect();
    let rooms_65: Vec<String> = (0..65).map(|n| format!("r{n}")).collect();
    for (changes, want) in [
        (json!({}), Ok("viewer")),
        (json!({ "room": null }), Ok("viewer")),
        (json!({ "room": ["r0", "r1"], "role": "host" }), Ok("host")),
        (json!({ "room": rooms_64 }), Ok("viewer")),
        (json!({ "role": "operator", "iss": "shop", "jti": "x" }), Ok("operator")),
        (json!({ "aud": ["other", "liveroom"] }), Ok("viewer")),
        (json!({ "exp": NOW_S + 3_600 }), Ok("viewer")),
        // The clocks of issuer and server are 5 s apart at most.
        (json!({ "iat": NOW_S + 5, "exp": NOW_S + 60 }), Ok("viewer")),
        (json!({ "iat": NOW_S - 60, "exp": NOW_S - 4 }), Ok("viewer")),
        (json!({ "nbf": NOW_S + 5 }), Ok("viewer")),
        (json!({ "account_created": NOW_S - 86_400, "risk": 100 }), Ok("viewer")),
        (json!({ "risk": 101 }), Err("token_malformed")),
        (json!({ "risk": -1 }), Err("token_malformed")),
        (json!({ "account_created": "long ago" }), Err("token_malformed")),
        (json!({ "exp": NOW_S - 5, "iat": NOW_S - 60 }), Err("token_expired")),
        (json!({ "exp": NOW_S - 86_400, "iat": NOW_S - 86_460 }), Err("token_expired")),
        (json!({ "nbf": NOW_S + 6 }), Err("token_not_yet_valid")),
        (json!({ "iat": NOW_S + 6, "exp": NOW_S + 60 }), Err("token_not_yet_valid")),
        (json!({ "iat": NOW_S + 6, "nbf": NOW_S - 60, "exp": NOW_S + 60 }), Err("token_not_yet_valid")),
        (json!({ "exp": NOW_S + 3_601 }), Err("token_too_long_lived")),
        (json!({ "exp": 7_258_118_400_i64 }), Err("token_too_long_lived")),
        (json!({ "aud": "other" }), Err("token_audience")),
        (json!({ "aud": [] }), Err("token_audience")),
        (json!({ "aud": null }), Err("token_malformed")),
        (json!({ "room": "r2" }), Err("token_room")),
        (json!({ "room": ["r2", "r3"] }), Err("token_room")),
        (json!({ "room": [] }), Err("token_malformed")),
        (json!({ "room": rooms_65 }), Err("token_malformed")),
        (json!({ "room": "{r1}" }), Err("token_malformed")),
        (json!({ "room": 7 }), Err("token_malformed")),
        (json!({ "sub": null }), Err("token_malformed")),
        (json!({ "sub": "" }), Err("token_malformed")),
        (json!({ "sub": "payment-provider" }), Err("token_malformed")),
        (json!({ "sub": "a\r\nb" }), Err("token_malformed")),
        (json!({ "sub": "x".repeat(1_000) }), Err("token_malformed")),
        (json!({ "role": null }), Err("token_malformed")),
        (json!({ "role": "root" }), Err("token_malformed")),
        (json!({ "role": "Viewer" }), Err("token_malformed")),
        (json!({ "exp": null }), Err("token_malformed")),
        (json!({ "exp": NOW_S }), Err("token_malformed")),
        (json!({ "exp": "soon" }), Err("token_malformed")),
        (json!({ "exp": 1.5e300 }), Err("token_malformed")),
        (json!({ "exp": i64::MAX }), Err("token_malformed")),
        (json!({ "iat": null }), Err("token_malformed")),
        (json!({ "iat": -1 }), Err("token_malformed")),
        (json!({ "nbf": i64::MIN }), Err("token_malformed")),
    ] {
        let token = service.sign(&header(), &with(claims(), changes.clone()));
        let got = service.verify(&token);
        let role: Result<Role, &str> = want.map(|role| serde_json::from_value(json!(role)).unwrap());
        assert_eq!(got.map(|access| access.role).map_err(TokenError::code), role, "{changes:.100}");
    }
}

#[test]
fn headers_are_not_believed() {
    let service = Service::new();
    for (changes, want) in [
        (json!({ "alg": "none" }), "token_algorithm"),
        (json!({ "alg": "none", "kid": null }), "token_algorithm"),
        (json!({ "alg": "NONE" }), "token_algorithm"),
        (json!({ "alg": "HS512" }), "token_algorithm"),
        (json!({ "alg": "RS256" }), "token_algorithm"),
        (json!({ "alg": "eddsa" }), "token_algorithm"),
        (json!({ "alg": "HS256" }), "token_algorithm"),
        (json!({ "kid": "hs" }), "token_algorithm"),
        (json!({ "kid": "hs", "alg": "HS256" }), "token_signature"),
        (json!({ "kid": "old" }), "token_key_unknown"),
        (json!({ "kid": "" }), "token_key_unknown"),
        (json!({ "kid": "../../dev/null" }), "token_key_unknown"),
        (json!({ "kid": null }), "token_malformed"),
        (json!({ "kid": 7 }), "token_malformed"),
        (json!({ "alg": null }), "token_malformed"),
        (json!({ "crit": ["b64"], "b64": false }), "token_malformed"),
    ] {
        let token = service.sign(&with(header(), changes.clone()), &claims());
        assert_eq!(service.verify(&token).map_err(TokenError::code), Err(want), "{changes}");
    }
    // A key that the header brings along is no key.
    let stranger = KeyPair::generate().unwrap();
    let key = SigningKey::ed25519(&secret(stranger.private_pem.expose_secret().as_bytes())).unwrap();
    let brought = with(header(), json!({ "jwk": { "kty": "OKP", "crv": "Ed25519", "x": "AAAA" } }));
    assert_eq!(service.verify(&sign(&brought, &claims(), &key)), Err(TokenError::Signature));
}

#[test]
fn a_public_key_is_no_shared_secret() {
    let service = Service::new();
    let pem = service.ed_public_pem.as_bytes();
    let der = SubjectPublicKeyInfoDer::from_pem_slice(pem).unwrap();
    for public in [pem, &der, &der[der.len() - 32..]] {
        let forger = SigningKey::hs256(&secret(public)).unwrap();
        for (kid, want) in [("ed", TokenError::Algorithm), ("hs", TokenError::Signature)] {
            let token = sign(&json!({ "alg": "HS256", "kid": kid }), &claims(), &forger);
            assert_eq!(service.verify(&token), Err(want), "{kid}");
        }
        let token = sign(&json!({ "alg": "EdDSA", "kid": "ed" }), &claims(), &forger);
        assert_eq!(service.verify(&token), Err(TokenError::Signature));
    }
}

#[test]
fn an_unsigned_token_is_refused_whatever_it_says() {
    let service = Service::new();
    for alg in ["none", "EdDSA", "HS256"] {
        for kid in ["ed", "hs"] {
            let signed = service.sign(&json!({ "alg": alg, "kid": kid }), &claims());
            let (message, _) = signed.rsplit_once('.').unwrap();
            for token in [format!("{message}."), message.to_owned(), format!("{message}.AAAA")] {
                assert!(service.verify(&token).is_err(), "{alg} {kid} {token}");
            }
        }
    }
}

#[test]
fn what_is_no_token_is_refused() {
    let service = Service::new();
    let good = service.sign(&header(), &claims());
    let (message, signature) = good.rsplit_once('.').unwrap();
    let (head, body) = message.split_once('.').unwrap();
    let twice = sign_bytes(
        header().to_string().as_bytes(),
        format!(r#"{{"aud":"liveroom","sub":"u1","sub":"u2","role":"viewer","iat":{NOW_S},"exp":{}}}"#, NOW_S + 9)
            .as_bytes(),
        &service.ed,
    );
    let deep = sign_bytes(header().to_string().as_bytes(), "[".repeat(2_000).as_bytes(), &service.ed);
    let not_utf8 = sign_bytes(header().to_string().as_bytes(), b"{\"sub\":\"\xff\"}", &service.ed);
    for (token, want) in [
        (String::new(), "token_missing"),
        ("x".to_owned(), "token_malformed"),
        ("..".to_owned(), "token_malformed"),
        ("....".to_owned(), "token_malformed"),
        (format!("{head}.{body}"), "token_malformed"),
        (format!("{good}.{signature}"), "token_malformed"),
        (format!("Bearer {good}"), "token_malformed"),
        (format!("{good}\n"), "token_signature"),
        (format!("{head}=.{body}.{signature}"), "token_malformed"),
        (format!("{head}.{body}A.{signature}"), "token_signature"),
        ("a".repeat(TOKEN_BYTES_MAX + 1), "token_malformed"),
        (format!("{good}{}", "A".repeat(TOKEN_BYTES_MAX)), "token_malformed"),
        ("é.é.é".to_owned(), "token_malformed"),
        (twice, "token_malformed"),
        (deep, "token_malformed"),
        (not_utf8, "token_malformed"),
    ] {
        assert_eq!(service.verify(&token).map_err(TokenError::code), Err(want), "{token:.60}");
    }
    for cut in 0..good.len() {
        assert!(service.verify(&good[..cut]).is_err(), "cut at {cut}");
    }
}

#[test]
fn any_changed_byte_is_refused() {
    let service = Service::new();
    let good = service.sign(&header(), &claims());
    assert!(service.verify(&good).is_ok());
    for at in 0..good.len() {
        let mut bytes = good.clone().into_bytes();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        let bad = String::from_utf8(bytes).unwrap();
        assert!(service.verify(&bad).is_err(), "byte {at}");
    }
}

#[test]
fn what_is_issued_is_accepted_until_it_expires() {
    let service = Service::new();
    let hs = SigningKey::hs256(&secret(SECRET)).unwrap();
    for (id, key) in [("ed", service.ed.clone()), ("hs", hs)] {
        let issuer = Issuer::new(kid(id), key, "liveroom".to_owned());
        let user = UserId::parse("host-1").unwrap();
        let rooms = Rooms::Listed([room("r1"), room("r2")].into());
        let account = AccountFacts { created: Some(now().before_ms(86_400_000)), risk: Some(7) };
        let token = issuer.vouch(now(), user, Role::Host, &rooms, Duration::from_secs(60), account).unwrap();
        let until = now().after_ms(65_000);
        let want = Access { user, role: Role::Host, rooms, until, account };
        assert_eq!(service.verifier.verify(now(), &token, room("r2")), Ok(want.clone()));
        assert_eq!(service.verifier.read(until.before_ms(1), &token), Ok(want));
        assert_eq!(service.verifier.read(until, &token), Err(TokenError::Expired));
        assert_eq!(service.verifier.verify(now(), &token, room("r3")), Err(TokenError::WrongRoom));
        assert_eq!(service.verifier.read(now().before_ms(6_000), &token), Err(TokenError::NotYetValid));
    }
}

#[test]
fn the_largest_token_fits_and_impossible_ones_are_not_made() {
    let service = Service::new();
    let issuer = Issuer::new(kid(&"k".repeat(64)), service.ed.clone(), "a".repeat(64));
    let user = UserId::parse(&"u".repeat(39)).unwrap();
    let rooms = |n: usize| Rooms::Listed((0..n).map(|n| room(&format!("{n:039}"))).collect());
    let hour = Duration::from_secs(3_600);
    assert!(issuer.issue(now(), user, Role::Operator, &rooms(Rooms::LISTED_MAX), hour).is_ok());
    for (rooms, ttl, want) in [
        (rooms(65), hour, IssueError::Rooms),
        (rooms(0), hour, IssueError::Rooms),
        (Rooms::Any, Duration::ZERO, IssueError::Ttl),
        (Rooms::Any, Duration::MAX, IssueError::Ttl),
        (Rooms::Any, Duration::from_secs(i64::MAX as u64), IssueError::Ttl),
    ] {
        assert_eq!(issuer.issue(now(), user, Role::Viewer, &rooms, ttl), Err(want));
    }
}

#[test]
fn roles_are_ordered() {
    let (user, account) = (UserId::parse("u").unwrap(), AccountFacts::default());
    let access = |role| Access { user, role, rooms: Rooms::Any, until: now(), account };
    for (has, needs, ok) in [
        (Role::Viewer, Role::Viewer, true),
        (Role::Viewer, Role::Host, false),
        (Role::Host, Role::Operator, false),
        (Role::Host, Role::Viewer, true),
        (Role::Operator, Role::Host, true),
    ] {
        assert_eq!(access(has).require(needs), if ok { Ok(()) } else { Err(TokenError::Role) });
    }
    assert_eq!(TokenError::Role.code(), "token_role");
}

#[test]
fn keys_that_cannot_be_used_say_why() {
    let pair = KeyPair::generate().unwrap();
    let private = pair.private_pem.expose_secret().as_bytes();
    let public = pair.public_pem.as_bytes();
    let p256 = rcgen::KeyPair::generate().unwrap();
    let verifying = |pem: &[u8]| VerifyingKey::ed25519(pem).map(|_| ());
    let signing = |pem: &[u8]| SigningKey::ed25519(&secret(pem)).map(|_| ());
    for (got, want) in [
        (verifying(public), Ok(())),
        (verifying(private), Err(KeyError::Private)),
        (verifying(b""), Err(KeyError::NotPublic)),
        (verifying(p256.public_key_pem().as_bytes()), Err(KeyError::NotPublic)),
        (signing(private), Ok(())),
        (signing(public), Err(KeyError::NotPrivate)),
        (signing(p256.serialize_pem().as_bytes()), Err(KeyError::NotPrivate)),
        (VerifyingKey::hs256(&secret(&SECRET[1..])).map(|_| ()), Err(KeyError::ShortSecret)),
        (SigningKey::hs256(&secret(&SECRET[1..])).map(|_| ()), Err(KeyError::ShortSecret)),
    ] {
        assert_eq!(got, want);
    }
    let mut ring = KeyRing::new();
    let key = VerifyingKey::ed25519(public).unwrap();
    assert_eq!(ring.add(kid("a"), key.clone()), Ok(()));
    assert_eq!(ring.add(kid("a"), key), Err(KeyError::Repeated));
    for bad in ["", "a.b", "a b", "键", &"k".repeat(65)] {
        assert_eq!(bad.parse::<KeyId>(), Err(KeyError::Id), "{bad}");
    }
}

#[test]
fn no_secret_shows_when_printed() {
    let service = Service::new();
    let key = SigningKey::hs256(&secret(SECRET)).unwrap();
    let issuer = Issuer::new(kid("hs"), key.clone(), "liveroom".to_owned());
    let pair = KeyPair::generate().unwrap();
    let printed = format!("{key:?} {issuer:?} {:?} {pair:?}", service.verifier);
    for part in ["secret of exactly", "BEGIN PRIVATE", "97, 32, 115"] {
        assert!(!printed.contains(part), "{printed}");
    }
}
