//! The program, against a server: short storms, after which every invariant must hold.
#![allow(clippy::unwrap_used, reason = "a test that fails here fails as it should")]

mod served;

use std::process::Stdio;
use std::time::Duration;

use liveroom::gateway::Rates;
use serde_json::Value;

use served::Served;

#[test]
fn short_storms_come_out_right() {
    type Row<'a> = (&'a str, &'a str, &'a [&'a str], &'a str);
    let rows: [Row<'_>; 9] = [
        ("rain", "quic", &[], "granted"),
        ("sale", "quic", &["--rate", "400"], "granted"),
        ("sale", "quic", &["--sold-out"], "refused"),
        ("sale", "ws", &[], "granted"),
        ("broadcast", "ws", &["--rate", "400"], "completed"),
        ("talk", "quic", &[], "refused"),
        ("talk", "ws", &[], "completed"),
        ("draws", "quic", &[], "granted"),
        ("draws", "ws", &[], "granted"),
    ];
    for (scenario, transport, options, counted) in rows {
        let served = Served::alone(&[]);
        let case = format!("{scenario} over {transport} {options:?}");
        let options = [&["--transport", transport, "--viewers", "20", "--duration", "500ms"], options].concat();
        let result = served.play(scenario, &options);
        let invariants = result["invariants"].as_object().unwrap();
        assert!(!invariants.is_empty() && invariants.values().all(|held| held == true), "{case}: {result:#}");
        let count = match &result[counted] {
            Value::Object(reasons) => reasons.values().filter_map(Value::as_u64).sum(),
            count => count.as_u64().unwrap(),
        };
        assert!(count > 0, "{case}: {result:#}");
        served.stop(scenario);
    }
}

#[test]
fn viewers_of_several_servers_come_back_elsewhere_when_one_goes() {
    let mut served = Served::together(3, &[]);
    let options = ["--viewers", "30", "--rooms", "2", "--activities", "2", "--duration", "4s"];
    let tester = served.tester("rain", &options).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let [_, acks] = served.files();
    while !std::fs::metadata(&acks).is_ok_and(|file| file.len() > 0) {
        std::thread::sleep(Duration::from_millis(5));
    }
    let gone = served.servers.remove(0);
    served.runtime.block_on(gone.stop());
    let result = served.came_out_right("a server goes", &tester.wait_with_output().unwrap());
    assert!(result["reconnects"].as_u64().is_some_and(|lines| lines >= 10), "a third of them: {result:#}");
    served.stop("rain");
}

/// What one account may ask, as in production; development does without.
fn usual_rates() -> Vec<(&'static str, String)> {
    let claim = Rates::default().claim;
    vec![("rates.claim.per_second", claim.per_second.to_string()), ("rates.claim.burst", claim.burst.to_string())]
}

/// People among bots: on the embedded keeper over both transports, and on two servers that share a Redis. The books are audited.
#[test]
fn people_among_bots_are_unharmed() {
    let alone = || Served::alone(&usual_rates());
    for (served, transport) in [(alone(), "quic"), (alone(), "ws"), (Served::together(2, &usual_rates()), "quic")] {
        let result = served.play("bots", &["--transport", transport, "--viewers", "16", "--duration", "3s"]);
        assert_eq!(result["invariants"].as_object().unwrap().len(), 8, "{result:#}");
        served.stop("bots");
    }
}
