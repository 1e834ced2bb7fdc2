//! Tokens that let nobody in, over every way in.

use liveroom::gateway::token::Algorithm;
use liveroom::server::config::TokenKey;
use serde_json::{Value, json};

use crate::served::peer::{self, Peer};
use crate::served::tokens::{Signer, claims, forged, now_s};
use crate::served::{Over, Served, run};

const SECRET: &[u8] = b"a secret of more than thirty-two bytes";

async fn served() -> Served {
    let secrets = tempfile::tempdir().unwrap();
    let file = secrets.path().join("hs.secret");
    std::fs::write(&file, SECRET).unwrap();
    Served::furnished(|config| {
        let key = TokenKey { algorithm: Algorithm::Hs256, file: Some(file), secret: None };
        config.tokens.keys.insert("hs".parse().unwrap(), key);
    })
    .await
}

#[test]
fn no_forged_token_lets_anybody_in() {
    run(async {
        let served = served().await;
        let private = std::fs::read(served.development.token_key_file()).unwrap();
        let public = std::fs::read(served.development.token_public_file()).unwrap();
        let (ed, hs) = (Signer::EdDsa(&private), Signer::Hs256(SECRET));
        let ed_header = json!({ "alg": "EdDSA", "kid": "dev" });
        let good = |changes: Value| forged(&ed_header, &claims(&changes), &ed);
        let headed = |header: Value, signer: &Signer<'_>| forged(&header, &claims(&json!({})), signer);
        let now = now_s();
        let untouched = good(json!({}));
        let (message, signature) = untouched.rsplit_once('.').unwrap();
        let promoted = {
            let other = good(json!({ "role": "operator" }));
            format!("{}.{signature}", other.rsplit_once('.').unwrap().0)
        };
        let rows: Vec<(&str, String, &str)> = vec![
            ("nothing", String::new(), "token_missing"),
            ("garbage", "garbage".into(), "token_malformed"),
            ("dots", "..".into(), "token_malformed"),
            ("four parts", format!("{untouched}.x"), "token_malformed"),
            ("5 KB", "a".repeat(5_000), "token_malformed"),
            ("alg none", headed(json!({ "alg": "none", "kid": "dev" }), &Signer::Nobody), "token_algorithm"),
            ("alg None", headed(json!({ "alg": "None", "kid": "dev" }), &Signer::Nobody), "token_algorithm"),
            ("alg none, no kid", headed(json!({ "alg": "none" }), &Signer::Nobody), "token_algorithm"),
            ("no signature", format!("{message}."), "token_signature"),
            (
                "the public key as a secret",
                headed(json!({ "alg": "HS256", "kid": "dev" }), &Signer::Hs256(&public)),
                "token_algorithm",
            ),
            ("a secret's kid, EdDSA", headed(json!({ "alg": "EdDSA", "kid": "hs" }), &ed), "token_algorithm"),
            ("HS512", headed(json!({ "alg": "HS512", "kid": "hs" }), &hs), "token_algorithm"),
            ("an unknown kid", headed(json!({ "alg": "EdDSA", "kid": "old" }), &ed), "token_key_unknown"),
            ("a kid that is a path", headed(json!({ "alg": "EdDSA", "kid": "../dev" }), &ed), "token_key_unknown"),
            ("no kid", headed(json!({ "alg": "EdDSA" }), &ed), "token_malformed"),
            ("an extension", headed(json!({ "alg": "EdDSA", "kid": "dev", "crit": ["x"] }), &ed), "token_malformed"),
            (
                "another secret",
                headed(json!({ "alg": "HS256", "kid": "hs" }), &Signer::Hs256(&[7; 32])),
                "token_signature",
            ),
            ("claims of another token", promoted, "token_signature"),
            ("another audience", good(json!({ "aud": "other" })), "token_audience"),
            ("no audience", good(json!({ "aud": null })), "token_malformed"),
            ("expired", good(json!({ "iat": now - 700, "exp": now - 100 })), "token_expired"),
            ("not yet valid", good(json!({ "nbf": now + 300 })), "token_not_yet_valid"),
            ("issued in the future", good(json!({ "iat": now + 300, "exp": now + 400 })), "token_not_yet_valid"),
            ("for a year", good(json!({ "exp": now + 31_536_000 })), "token_too_long_lived"),
            ("for ever", good(json!({ "exp": i64::MAX })), "token_malformed"),
            ("no end", good(json!({ "exp": null })), "token_malformed"),
            ("an end that is a text", good(json!({ "exp": "tomorrow" })), "token_malformed"),
            ("an end before its beginning", good(json!({ "exp": now - 100 })), "token_malformed"),
            ("no user", good(json!({ "sub": null })), "token_malformed"),
            ("a user with braces", good(json!({ "sub": "{ann}" })), "token_malformed"),
            ("a user with NUL", good(json!({ "sub": "ann\0" })), "token_malformed"),
            ("a long user", good(json!({ "sub": "a".repeat(40) })), "token_malformed"),
            ("no such role", good(json!({ "role": "root" })), "token_malformed"),
            ("no rooms", good(json!({ "room": [] })), "token_malformed"),
            ("another room", good(json!({ "room": "r2" })), "token_room"),
            ("other rooms", good(json!({ "room": ["r2", "r3"] })), "token_room"),
        ];
        for (what, token, want) in &rows {
            for over in Over::BOTH {
                let mut peer = Peer::connect(&served, over).await;
                peer.send(&peer::hello("r1", token.clone())).await;
                assert_eq!(peer.end().await, format!("unauthorized {want}"), "{what}, {over:?}");
            }
            let told = served.request("GET", "/v1/rooms/r1").bearer(token).send().await.told();
            // A viewer's token for another room is good for the API's door, and for nothing behind it.
            let status = if *want == "token_room" { 403 } else { 401 };
            assert_eq!(told, format!("{status} {want}"), "{what}");
        }
        for token in [untouched.clone(), headed(json!({ "alg": "HS256", "kid": "hs" }), &hs)] {
            for over in Over::BOTH {
                let mut peer = Peer::connect(&served, over).await;
                peer.greet("r1", token.clone()).await;
            }
        }
        served.is_well().await;
    });
}

#[test]
fn nobody_stays_longer_than_the_token() {
    run(async {
        let served = Served::furnished(|config| config.tokens.leeway = std::time::Duration::ZERO).await;
        let private = std::fs::read(served.development.token_key_file()).unwrap();
        let header = json!({ "alg": "EdDSA", "kid": "dev" });
        for over in Over::BOTH {
            let short = claims(&json!({ "exp": now_s() + 2 }));
            let mut peer = Peer::connect(&served, over).await;
            peer.greet("r1", forged(&header, &short, &Signer::EdDsa(&private))).await;
            assert_eq!(peer.end().await, "unauthorized token_expired", "{over:?}");
        }
        served.is_well().await;
    });
}
