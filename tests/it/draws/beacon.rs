//! Beacons: fetched from a relay that need not be trusted, or brought by an operator.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use liveroom::rules::{Chain, Digest, check_record};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::{enter, lucky_bag, token};
use crate::risk::soon_ms;
use crate::served::{Over, Served, get, run, until};

/// quicknet's round 123, recorded.
const SIGNATURE: &str =
    "b75c69d0b72a5d906e854e808ba7e2accb1542ac355ae486d591aa9d43765482e26cd02df835d3546d23c4b13e0dfc92";

/// A chain with quicknet's key, so that its recorded rounds are genuine, and round 123 at `at_s`.
fn chain(at_s: i64) -> Chain {
    let mut chain = Chain { period_s: 1, genesis_s: at_s - 122, beacon_id: "test".to_owned(), ..Chain::quicknet() };
    let named = [
        &chain.period_s.to_be_bytes()[..],
        &chain.genesis_s.to_be_bytes(),
        &chain.public_key.0,
        &chain.group_hash.0,
        chain.beacon_id.as_bytes(),
    ];
    chain.hash = Digest::of(&named.concat());
    assert_eq!((chain.check(), chain.time_of(123).ms()), (Ok(()), at_s * 1_000));
    chain
}

fn shape(chain: &Chain) -> Value {
    json!({
        "hash": chain.hash.to_string(), "public_key": chain.public_key.to_string(),
        "scheme_id": chain.scheme.word(), "period": chain.period_s, "genesis_time": chain.genesis_s,
        "group_hash": chain.group_hash.to_string(), "beacon_id": chain.beacon_id,
    })
}

/// A draw that is open for three seconds, and its round, soon after the earliest that may be.
async fn open(served: &Served) -> u64 {
    let now_s = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs() as i64;
    let beacon = json!({ "round": 123, "chain": shape(&chain(now_s + 10)) });
    let prizes = json!([{ "title": "tea", "count": 1, "cash_fen": 5 }]);
    let more = json!({ "beacon": beacon, "duration_ms": 3_000, "prizes": prizes });
    let draw = served.open("r1", lucky_bag("tea", 1, more)).await;
    let (client, mut events) = served.client(Over::Ws, "r1", "amy").await;
    let token = token(&mut events, draw).await;
    enter(&client, draw, token).await;
    draw
}

/// A relay that first has nothing, then a forgery, then the round. Gives its address, and counts how often it was asked.
async fn relay() -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let asked: Arc<AtomicUsize> = Arc::default();
    let counted = Arc::clone(&asked);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = vec![0; 4_096];
            let read = stream.read(&mut request).await.unwrap_or(0);
            let path = String::from_utf8_lossy(&request[..read]).into_owned();
            let round =
                |signature: &str| json!({ "round": 123, "randomness": "00", "signature": signature }).to_string();
            let forged = SIGNATURE.replacen("b7", "b6", 1);
            let (status, body) = match counted.fetch_add(1, Ordering::SeqCst) {
                0 => ("404 Not Found", String::new()),
                1 => ("200 OK", round(&forged)),
                _ => ("200 OK", round(SIGNATURE)),
            };
            assert!(path.contains("/public/123 "), "{path}");
            let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
            let _ = stream.write_all(format!("{head}{body}").as_bytes()).await;
        }
    });
    (address, asked)
}

#[test]
fn a_relay_is_asked_until_it_has_a_genuine_round() {
    run(async {
        let (address, asked) = relay().await;
        let served = Served::furnished(|config| config.draws.beacon_relay = Some(address)).await;
        let draw = open(&served).await;
        let record = until("it is drawn", async || {
            let record = get(served.server.admin, &format!("/v1/rooms/r1/draws/{draw}/record")).await;
            (record.status == 200).then_some(record.body)
        });
        let checked = check_record(&record.await).unwrap();
        assert_eq!(checked.record.beacon.map(|beacon| beacon.signature.to_string()).as_deref(), Some(SIGNATURE));
        assert_eq!(asked.load(Ordering::SeqCst), 3, "not before its time, and no more once it is drawn");
    });
}

#[test]
fn an_operator_brings_the_round() {
    run(async {
        let served = Served::furnished(|_| {}).await;
        let draw = open(&served).await;
        let path = format!("/v1/rooms/r1/draws/{draw}/beacon");
        let round = |number: u64, signature: &str| json!({ "round": number, "signature": signature });
        let bring = async |round: Value| served.operator("POST", &path, round).await.told();
        assert_eq!(bring(round(123, SIGNATURE)).await, "409 wrong_phase", "while it is open");
        until("it is closed", async || (served.activity("r1", draw).await["phase"] == "closed").then_some(())).await;
        // Who would win follows from what is public; whose cash would be held is no host's business.
        let judged = json!({ "score": 90, "reason": "test", "until_ms": soon_ms() });
        served.operator("PUT", "/v1/users/amy/risk", judged).await.expect(200);
        served.operator("PUT", "/v1/hold-policy", json!({ "hold_from": 60, "hold_s": 3_600 })).await.expect(200);
        let dry = format!("{path}?dry_run=true");
        let weighed = served.request("POST", &dry).bearer(&served.token("host", "host"));
        let weighed = weighed.json(&round(123, SIGNATURE)).send().await.expect(200);
        let winner = json!({ "rank": 0, "leaf": 0, "user": "amy", "prize": 0, "cash_fen": 5 });
        assert_eq!(weighed["event"]["winners"], json!([winner]));
        let forged = SIGNATURE.replacen("b7", "b6", 1);
        for (what, round, want) in [
            ("another round", round(124, SIGNATURE), "422 beacon_invalid"),
            ("a forgery", round(123, &forged), "422 beacon_invalid"),
            ("no hex", round(123, "xyz"), "422 invalid"),
            ("the round", round(123, SIGNATURE), "204"),
            ("once more", round(123, SIGNATURE), "409 wrong_phase"),
        ] {
            assert_eq!(bring(round).await, want, "{what}");
        }
        let holds = served.operator("GET", &format!("/v1/rooms/r1/activities/{draw}/holds"), Value::Null).await;
        assert_eq!(holds.expect(200)["holds"][0]["user"], "amy", "it is held all the same");
        let viewer = served.request("POST", &path).bearer(&served.token("amy", "viewer"));
        assert_eq!(viewer.json(&round(123, SIGNATURE)).send().await.told(), "403 forbidden");
    });
}
