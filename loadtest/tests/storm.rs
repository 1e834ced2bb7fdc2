//! The program, against a server: short storms, after which every invariant must hold.
#![allow(clippy::unwrap_used, reason = "a test that fails here fails as it should")]

mod served;

use std::process::{Command, Stdio};
use std::time::Duration;

use liveroom::gateway::Rates;
use liveroom::server::audit::{Books, audit_redis};
use liveroom::store::Bounds;
use liveroom::store::redis::RedisOptions;
use serde_json::Value;

use served::{Redis, nodes, nodes_with, server, started};

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
    let runtime = tokio::runtime::Runtime::new().unwrap();
    for (scenario, transport, options, counted) in rows {
        let case = format!("{scenario} over {transport} {options:?}");
        let dir = tempfile::tempdir().unwrap();
        let server = runtime.block_on(server(&dir));
        let target = if transport == "ws" { server.ws } else { server.quic };
        let json = dir.path().join("result.json");
        let mut tester = Command::new(env!("CARGO_BIN_EXE_liveroom-loadtest"));
        tester.args([
            scenario,
            "--transport",
            transport,
            "--viewers",
            "20",
            "--warmup",
            "100ms",
            "--duration",
            "500ms",
        ]);
        tester.args(["--target", &target.to_string(), "--admin", &server.admin.to_string(), "--json"]).arg(&json);
        let output = tester.args(options).output().unwrap();
        let words = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success(),
            "{case}: {}\n{words}\n{}",
            output.status,
            String::from_utf8_lossy(&output.stdout)
        );
        let result: Value = serde_json::from_slice(&std::fs::read(&json).unwrap()).unwrap();
        assert_eq!(result["ok"], true, "{case}: {result:#}");
        let invariants = result["invariants"].as_object().unwrap();
        assert!(!invariants.is_empty() && invariants.values().all(|held| held == true), "{case}: {result:#}");
        let count = match &result[counted] {
            Value::Object(reasons) => reasons.values().filter_map(Value::as_u64).sum(),
            count => count.as_u64().unwrap(),
        };
        assert!(count > 0, "{case}: {result:#}");
        runtime.block_on(server.stop());
    }
}

#[test]
fn viewers_of_several_servers_come_back_elsewhere_when_one_goes() {
    let redis = Redis::start();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let dirs: Vec<_> = (0..3).map(|_| tempfile::tempdir().unwrap()).collect();
    let mut servers = runtime.block_on(nodes(&dirs, &redis));
    let (json, acks) = (dirs[0].path().join("result.json"), dirs[0].path().join("acks"));
    let mut tester = Command::new(env!("CARGO_BIN_EXE_liveroom-loadtest"));
    tester.args([
        "rain",
        "--viewers",
        "30",
        "--rooms",
        "2",
        "--activities",
        "2",
        "--warmup",
        "100ms",
        "--duration",
        "4s",
    ]);
    for server in &servers {
        tester.args(["--target", &server.quic.to_string(), "--admin", &server.admin.to_string()]);
    }
    tester.arg("--json").arg(&json).arg("--acks").arg(&acks);
    let tester = tester.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    while !std::fs::metadata(&acks).is_ok_and(|file| file.len() > 0) {
        std::thread::sleep(Duration::from_millis(5));
    }
    runtime.block_on(servers.remove(0).stop());
    let output = tester.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let result: Value = serde_json::from_slice(&std::fs::read(&json).unwrap()).unwrap();
    assert!(result["reconnects"].as_u64().is_some_and(|lines| lines >= 10), "a third of them: {result:#}");
    assert_eq!(result["ok"], true, "{result:#}");
    servers.into_iter().for_each(|server| runtime.block_on(server.stop()));
}

/// What one account may ask, as in production; development does without.
fn usual_rates() -> Vec<(&'static str, String)> {
    let claim = Rates::default().claim;
    vec![("rates.claim.per_second", claim.per_second.to_string()), ("rates.claim.burst", claim.burst.to_string())]
}

/// People among bots: on the embedded keeper over both transports, and on two servers that share a Redis. The books are audited.
#[test]
fn people_among_bots_are_unharmed() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    for keeper in ["quic", "ws", "redis"] {
        let redis = (keeper == "redis").then(Redis::start);
        let dirs: Vec<_> = (0..2).map(|_| tempfile::tempdir().unwrap()).collect();
        let servers = match &redis {
            Some(redis) => runtime.block_on(nodes_with(&dirs, redis, &usual_rates())),
            None => vec![runtime.block_on(started(&dirs[0], usual_rates()))],
        };
        let json = dirs[0].path().join("result.json");
        let transport = if keeper == "ws" { "ws" } else { "quic" };
        let mut tester = Command::new(env!("CARGO_BIN_EXE_liveroom-loadtest"));
        tester.args(["bots", "--transport", transport, "--viewers", "16", "--warmup", "100ms", "--duration", "3s"]);
        for server in &servers {
            let target = if keeper == "ws" { server.ws } else { server.quic };
            tester.args(["--target", &target.to_string(), "--admin", &server.admin.to_string()]);
        }
        let output = tester.arg("--json").arg(&json).output().unwrap();
        let words = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{keeper}: {words}\n{}", String::from_utf8_lossy(&output.stdout));
        let result: Value = serde_json::from_slice(&std::fs::read(&json).unwrap()).unwrap();
        assert_eq!(result["invariants"].as_object().unwrap().len(), 8, "{result:#}");
        servers.into_iter().for_each(|server| runtime.block_on(server.stop()));
        let report = match &redis {
            Some(redis) => {
                let url = format!("redis://127.0.0.1:{}", redis.port).parse().unwrap();
                audit_redis(&RedisOptions::new(url), None).unwrap()
            }
            None => Books::of(&dirs[0].path().join("data"), Bounds::default()).audit().unwrap(),
        };
        assert!(report.ok, "{keeper}: {:?}", report.first_failure());
    }
}
