//! The program, against a server: short storms, after which every invariant must hold.
#![allow(clippy::unwrap_used, reason = "a test that fails here fails as it should")]

use std::process::Command;

use liveroom::engine::Clock;
use liveroom::server::config::Layers;
use liveroom::server::development::Development;
use liveroom::server::{Secrets, Server};
use serde_json::Value;

/// A development server of the test's own, on free ports.
async fn server(dir: &tempfile::TempDir) -> Server {
    let anywhere = || "127.0.0.1:0".to_owned();
    let data_dir = dir.path().join("data").display().to_string();
    let flags = vec![
        ("listen.quic", anywhere()),
        ("listen.ws", anywhere()),
        ("listen.admin", anywhere()),
        ("store.data_dir", data_dir),
        ("store.segment_bytes", (4 << 20).to_string()),
    ];
    let config = Layers { development: true, file: None, environment: Vec::new(), flags }.load().unwrap();
    let development = Development::below(&config.store.data_dir);
    let secrets = Secrets::load(&config, Some(&development), Clock::real().now()).unwrap();
    Server::start(&config, secrets).await.unwrap()
}

#[test]
fn short_storms_come_out_right() {
    type Row<'a> = (&'a str, &'a str, &'a [&'a str], &'a str);
    let rows: [Row<'_>; 5] = [
        ("rain", "quic", &[], "granted"),
        ("sale", "quic", &["--rate", "400"], "granted"),
        ("sale", "quic", &["--sold-out"], "refused"),
        ("sale", "ws", &[], "granted"),
        ("broadcast", "ws", &["--rate", "400"], "completed"),
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
